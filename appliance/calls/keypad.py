"""What an agent can do with a desk phone alone, web and store down: keypad codes (话机功能码).

Dialled from a registered phone; the phone itself is the seat. Pure: a table and a reader.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.flow import Flow, Node

CODES: Mapping[str, str] = {
    "*61": "sign_in",
    "*60": "sign_out",
    "*62": "ready",
    "*63": "pause",
    "*64": "extend",
}
"""Code to what it does; ``*61`` is followed by the agent's number, ``*63`` may be by a key of `PAUSES`."""
PAUSES: Mapping[str, str] = {
    "": "keypad",
    "1": "rest",
    "2": "meal",
    "3": "training",
    "4": "meeting",
    "5": "other",
}
"""Why an agent is on a break, by the key behind the code."""
SAID: Mapping[str, str] = {
    "sign_in": "keypad.signed_in",
    "sign_out": "keypad.signed_out",
    "ready": "keypad.ready",
    "pause": "keypad.paused",
    "extend": "keypad.extended",
}
"""What is spoken when it is done."""
REFUSED = "keypad.refused"
PHRASES = frozenset({*SAID.values(), REFUSED})
_CODE = re.compile(r"(\*6[0-4])([0-9A-Za-z]{0,16})#?$")


@dataclass(frozen=True, slots=True)
class Keyed:
    """A code as it was dialled."""

    do: str
    """sign_in, sign_out, ready, pause or extend."""
    agent: str = ""
    """The agent who signs in; empty for who sits at this phone."""
    reason: str = ""
    """Why there is a break."""


def keyed(dialled: str) -> Keyed | None:
    """Read a dialled number as a code; None when it is none."""
    found = _CODE.match(dialled)
    if found is None:
        return None
    do, more = CODES[found[1]], found[2]
    match do:
        case "sign_in":
            return Keyed(do, agent=more) if more else None
        case "pause":
            return Keyed(do, reason=PAUSES[more]) if more in PAUSES else None
        case _:
            return Keyed(do) if not more else None


def answer(phrase: str, language: str, cause: int = 16) -> Flow:
    """The flow that tells whoever dialled what came of it."""
    nodes = {
        "say": Node("say", {"prompts": [phrase]}, {"done": "end"}),
        "end": Node("hangup", {"cause": cause}),
    }
    return Flow(name="keypad", language=language, start="say", nodes=nodes)
