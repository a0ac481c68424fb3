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
}
"""Code to what it does; ``*61`` is followed by the agent's number."""
SAID: Mapping[str, str] = {
    "sign_in": "keypad.signed_in",
    "sign_out": "keypad.signed_out",
    "ready": "keypad.ready",
    "pause": "keypad.paused",
}
"""What is spoken when it is done."""
REFUSED = "keypad.refused"
PHRASES = frozenset({*SAID.values(), REFUSED})
_CODE = re.compile(r"(\*6[0-3])([0-9A-Za-z]{0,16})#?$")


@dataclass(frozen=True, slots=True)
class Keyed:
    """A code as it was dialled."""

    do: str
    """sign_in, sign_out, ready or pause."""
    agent: str
    """The number behind the code; empty for who sits at this phone."""


def keyed(dialled: str) -> Keyed | None:
    """Read a dialled number as a code; None when it is none."""
    found = _CODE.match(dialled)
    if found is None:
        return None
    do = CODES[found[1]]
    return None if do == "sign_in" and not found[2] else Keyed(do, found[2])


def answer(phrase: str, language: str, cause: int = 16) -> Flow:
    """The flow that tells whoever dialled what came of it."""
    nodes = {
        "say": Node("say", {"prompts": [phrase]}, {"done": "end"}),
        "end": Node("hangup", {"cause": cause}),
    }
    return Flow(name="keypad", language=language, start="say", nodes=nodes)
