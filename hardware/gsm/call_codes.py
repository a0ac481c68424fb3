"""What modems say of calls and what it means: states, numbers, causes (3GPP TS 27.007, vendors' manuals)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hardware.gsm.at import Done, fields, number
from hardware.line import Cause

FINAL_CAUSE = {
    "BUSY": Cause.BUSY,
    "NO ANSWER": Cause.NO_ANSWER,
    "NO DIALTONE": Cause.NETWORK_OUT_OF_ORDER,
    "NO DIAL TONE": Cause.NETWORK_OUT_OF_ORDER,
    "+CME ERROR: 30": Cause.NETWORK_OUT_OF_ORDER,
}
CEER_CAUSE = (
    (r"busy", Cause.BUSY),
    (r"no answer|alerting", Cause.NO_ANSWER),
    (r"no user|not respond", Cause.NO_USER),
    (r"unassigned|unallocated", Cause.UNALLOCATED),
    (r"invalid number|incomplete", Cause.INVALID_NUMBER),
    (r"reject", Cause.REJECTED),
    (r"out of order|power|not reachable", Cause.OUT_OF_ORDER),
    (r"no circuit|congestion|resources", Cause.CONGESTION),
    (r"barred", Cause.BARRED),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One voice call of a +CLCC line. `stat`: 0 active 1 held 2 dialling 3 alerting 4 incoming 5 waiting."""

    stat: int
    caller: str


def voice_calls(lines: Iterable[str]) -> list[Entry]:
    """The calls of +CLCC lines; packet data (mode 1 on LTE) and released ones (stat 6) left out."""
    found = []
    for line in lines:
        _, stat, mode, caller = call_state(fields(line))
        if stat is not None and 0 <= stat <= 5 and mode == "0":
            found.append(Entry(stat, caller))
    return found


DSCI: dict[int | None, int] = {2: 2, 3: 0, 4: 4, 6: 6, 7: 3}
"""Quectel's ^DSCI states in those of +CLCC."""


def call_state(parts: list[str]) -> tuple[str, int | None, str, str]:
    """(id, stat, mode, number) of ``id,dir,stat,mode,mpty,number,...``."""
    parts = [*parts, "", "", "", "", "", ""]
    return parts[0], number(parts[2]), parts[3], parts[5]


def field_at(line: str, place: int) -> str:
    """One field of a line, "" when it is not there."""
    parts = fields(line)
    return parts[place] if place < len(parts) else ""


def cause_of(text: str) -> Cause | None:
    """A Q.850 cause written as a number."""
    value = number(text.strip())
    return next((cause for cause in Cause if cause == value), None)


def reason_of(done: Done) -> Cause | None:
    """The cause in an answer to AT+CEER: words, or a number at the end."""
    text = done.lines[0].lower() if done.ok and done.lines else ""
    found = next((cause for words, cause in CEER_CAUSE if re.search(words, text)), None)
    return found or cause_of(fields(text)[-1])
