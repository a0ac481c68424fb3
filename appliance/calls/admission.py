"""Before the flow: whether a call is let in, and which flow answers it at this hour.

Pure. The blacklist comes first, then the bands in the order they were written; the first that
fits decides. Times are those of the wall clock, in the time zone of the machine: rules compare
clock readings and dates and never count seconds, so a clock put forward or back moves no band.
"""

import re
import time
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache

from appliance.published import Admission, Band, Barred
from hardware.line import Cause, Ringing

WITHHELD = "withheld"
"""The pattern of callers who show no number."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KINDS = ("workday", "restday", "holiday")
"""What a date can be said to be."""
DAYS = WEEKDAYS + KINDS
"""What a band can be for."""
TURNED_AWAY = "blacklist"
"""The shipped flow that says so and hangs up."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not pick up; the caller's network is told `cause`."""

    cause: Cause
    rule: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Pick up, say that this number is turned away, hang up."""

    rule: str
    flow: str = TURNED_AWAY


@dataclass(frozen=True, slots=True)
class Enter:
    """Let the call into a flow; no `rule` means that no band is for this hour."""

    flow: str
    rule: str = ""


Decision = Refuse | Prompt | Enter


def decide(ringing: Ringing, rules: Admission, now: float) -> Decision:
    """Return what happens to a call that comes in at `now` (Unix seconds); there is always one decision."""
    caller = plain(ringing.caller or "")
    for entry in rules.blacklist:
        if in_force(entry, now) and matches(entry.pattern, caller):
            rule = f"blacklist {entry.pattern}"
            return Prompt(rule) if entry.action == "prompt" else Refuse(Cause.REJECTED, rule)
    local = time.localtime(now)
    today = date(local.tm_year, local.tm_mon, local.tm_mday)
    minute = local.tm_hour * 60 + local.tm_min
    for band in rules.bands:
        called = ringing.called or ""
        if (not band.numbers or called in band.numbers) and covers(band, today, minute, rules.days):
            return Enter(band.flow, band.name)
    return Enter(rules.flow)


def in_force(entry: Barred, now: float) -> bool:
    """Whether an entry of the blacklist has not expired."""
    return not entry.until_s or now < entry.until_s


def matches(pattern: str, caller: str) -> bool:
    """Whether a number, as `plain` writes it, fits: ``*`` is any digits, ``?`` any one digit."""
    if pattern == WITHHELD or not caller:
        return pattern == WITHHELD and not caller
    known = plain(pattern)
    return caller == known if known.isdigit() else fnmatchcase(caller, known)


@lru_cache(maxsize=10_000)
def plain(number: str) -> str:
    """Write a number as it is dialled within China, so that +86 138…, 0138… and 138… are the same."""
    digits = re.sub(r"[^0-9*?+]", "", number)
    if abroad := re.match(r"(?:\+|00)86(?=[0-9*?])", digits):
        digits = digits[abroad.end() :]
        digits = digits if re.match(r"1[3-9*?]|[*?0]", digits) else "0" + digits
    return digits[1:] if re.fullmatch(r"01[3-9][0-9]{9}", digits) else digits


def kinds(day: date, days: dict[str, str]) -> frozenset[str]:
    """Return the words a date answers to.

    A date named in `days` is only what is said there: a holiday is a rest day and no Monday, and a
    Sunday worked to make up for one is a working day and no Sunday. Any other is its weekday.
    """
    named = days.get(day.isoformat())
    if named is None:
        return frozenset({WEEKDAYS[day.weekday()], "workday" if day.weekday() < 5 else "restday"})
    return frozenset({named, "restday"}) if named == "holiday" else frozenset({named})


def covers(band: Band, today: date, minute: int, days: dict[str, str]) -> bool:
    """Whether it is this band's time; what crosses midnight belongs to the day it began on."""
    start, end = minutes(band.start), minutes(band.end)
    if start < end:
        return start <= minute < end and _is_for(band, today, days)
    began = today if minute >= start else today - timedelta(days=1)
    return (minute >= start or minute < end) and _is_for(band, began, days)


def minutes(clock: str) -> int:
    """Return the minutes from midnight to ``08:30``; 24:00 is the end of the day. Raises ValueError."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", clock, re.ASCII):
        raise ValueError(f'"{clock}" is no time like 08:30')
    return int(clock[:2]) * 60 + int(clock[3:])


def _is_for(band: Band, day: date, days: dict[str, str]) -> bool:
    return not band.days or not kinds(day, days).isdisjoint(band.days)
