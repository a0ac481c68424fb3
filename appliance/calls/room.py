"""Who hears whom in one call: a room of parties, turned into rows of the matrix.

Talk, hold, mute, three-party, conference, listen, whisper and barge are only roles and
flags here; none has code of its own in the audio path.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What a party is in the call."""

    CALLER = "caller"
    AGENT = "agent"
    GUEST = "guest"
    """Somebody added: another agent, a department, a leader."""
    LISTENER = "listener"
    """Hears everybody, is heard by nobody (监听)."""
    COACH = "coach"
    """Hears everybody, is heard by agents only (密语)."""


@dataclass(frozen=True, slots=True)
class Party:
    """One line in the room."""

    line: str
    role: Role
    held: bool = False
    """Hears music and is not heard."""
    muted: bool = False
    """Hears, and is not heard."""
    apart: bool = False
    """Speaks only with others who are apart: the two sides of a consultation."""


Row = Mapping[str, float]


class Room:
    """The parties of one call. Pure; `rows` says what every line hears."""

    def __init__(self, parties: Iterable[Party] = ()) -> None:
        self._parties: dict[str, Party] = {party.line: party for party in parties}

    @property
    def parties(self) -> list[Party]:
        """Everybody, in the order they came."""
        return list(self._parties.values())

    def party(self, line: str) -> Party | None:
        """Who is on this line."""
        return self._parties.get(line)

    def of(self, role: Role) -> list[Party]:
        """Everybody with this role."""
        return [party for party in self._parties.values() if party.role is role]

    def join(self, party: Party) -> None:
        """Somebody comes in, or comes back with another role."""
        self._parties[party.line] = party

    def leave(self, line: str) -> None:
        """Somebody goes."""
        self._parties.pop(line, None)

    def change(self, line: str, **flags: Any) -> None:
        """Hold, mute or take apart; raises KeyError for a line that is not in the room."""
        self._parties[line] = replace(self._parties[line], **flags)

    def rows(self) -> dict[str, Row]:
        """What every line in the room hears of the others."""
        return {party.line: self._row(party) for party in self._parties.values()}

    def _row(self, hearer: Party) -> Row:
        return {speaker.line: 1.0 for speaker in self._parties.values() if hears(hearer, speaker)}


def hears(hearer: Party, speaker: Party) -> bool:
    """Whether one party hears another."""
    if hearer.line == speaker.line or hearer.held or speaker.held or speaker.muted:
        return False
    if speaker.role is Role.LISTENER:
        return False
    if speaker.role is Role.COACH:
        return hearer.role is Role.AGENT
    if hearer.role in (Role.LISTENER, Role.COACH):
        return True
    return hearer.apart == speaker.apart
