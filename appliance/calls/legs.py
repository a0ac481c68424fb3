"""Legs: the lines by which we call somebody into a caller's talk, and what for."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from appliance.calls.conversation import Conversation
from appliance.calls.room import Role
from hardware.line import Line


class Purpose(StrEnum):
    """Why somebody is called."""

    QUEUE = "queue"
    """The queue offers the caller to an agent."""
    TRANSFER = "transfer"
    """To take the caller over, at once."""
    CONSULT = "consult"
    """To be asked, while the caller hears music."""
    INVITE = "invite"
    """To join the talk."""
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    TAKE_OVER = "take_over"
    OUT = "out"
    """An agent's own call to somebody outside: the agent's leg."""
    DIAL = "dial"
    """The caller, or the flow the caller is in, wants to speak with somebody."""


WATCHING = {
    Purpose.LISTEN: Role.LISTENER,
    Purpose.WHISPER: Role.COACH,
    Purpose.BARGE: Role.GUEST,
    Purpose.TAKE_OVER: Role.AGENT,
}
"""How a shift leader comes into a talk, and as what."""
NO_WRAP_UP = frozenset({*WATCHING, Purpose.DIAL}) - {Purpose.TAKE_OVER}
"""After these there is nothing to write down: the agent is as before."""


@dataclass(slots=True)
class Leg:
    """One line being called, or in the talk."""

    line: Line
    talk: Conversation
    purpose: Purpose
    agent: str = ""
    """The agent whose phone it is; empty for anybody else."""
    who: str = ""
    """The number called."""
    by: str = ""
    """The agent who asked for it."""
    rests: str = ""
    """Why the agent was on a break before; empty when ready."""
    extension: str = ""
    """The extension whose phone it is; empty for somebody outside."""
    answered: bool = False
    answered_s: float = 0.0
    payer: str | None = None
    """Whom the part of somebody outside is charged to: an extension, a group, or nobody; None: it is not."""


class Legs:
    """Every leg of the box, by its line."""

    def __init__(self) -> None:
        self._legs: dict[str, Leg] = {}

    def __iter__(self) -> Iterator[Leg]:
        return iter(list(self._legs.values()))

    def add(self, leg: Leg) -> Leg:
        """Somebody is called."""
        self._legs[leg.line.name] = leg
        return leg

    def remove(self, leg: Leg) -> None:
        """The leg is over, or is not waited for any more."""
        self._legs.pop(leg.line.name, None)

    def on(self, line: str) -> Leg | None:
        """The leg on a line."""
        return self._legs.get(line)

    def taken(self, line: str) -> bool:
        """Whether somebody is called by this line."""
        return line in self._legs

    def of(self, talk: Conversation) -> list[Leg]:
        """Everybody called into a talk, there already or still ringing."""
        return [leg for leg in self._legs.values() if leg.talk is talk]

    def of_agent(self, agent: str) -> Leg | None:
        """The leg at an agent's phone."""
        return next((leg for leg in self._legs.values() if leg.agent == agent), None)
