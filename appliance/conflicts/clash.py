"""Where two boxes contradict each other in one matter, from its events alone: the same on every box.

A clash has two sides, what stands and what does not. It is over when somebody who knew both
writes anew what they were about, or settles it; both are events, so it is over everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

from appliance.causal import concurrent, knew
from appliance.dictionary.entry import LISTS_KEY, SET, read
from appliance.events import Event
from appliance.interest import DISPATCHES, SETTLED
from appliance.tickets.bodies import REGISTERED_FIELDS, Created, Edited, Moved, body_of
from appliance.tickets.ticket import Ticket, fold, lost_race
from appliance.tickets.workflow import END

ENTRY_SETTLED = "dictionary.settled"
KEEP, TAKE = "keep", "take"
Kind = Literal["move", "dispatch", "field", "late", "entry"]
"""A move that came too late; two dispatches; a field of a ticket; an edit of what was archived; a setting."""
EXTRA = "extra."
"""Before the name of a field that a kind or category brings."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one event said."""

    event: Event
    value: object = None
    """Of the field; None for a move."""


@dataclass(frozen=True, slots=True)
class Clash:
    """Two sides of one matter."""

    kind: Kind
    subject: bytes
    what: str
    """The field, or the move that came too late."""
    stands: Side
    lost: Side
    settled: Event | None = None
    """The event that settled it by name."""

    @property
    def key(self) -> str:
        """What it is named by, the same on every box."""
        told = self.lost.event.eid + self.stands.event.eid + self.what.encode()
        return blake2b(told, digest_size=8, person=b"clash").hexdigest()


def of_ticket(events: Iterable[Event]) -> list[Clash]:
    """Return the clashes of one ticket, settled ones too; `events` is its whole history in any order."""
    told = sorted(events, key=lambda event: (event.eid != event.subject, event.eid))
    writes: dict[str, list[Side]] = {}
    found: list[Clash] = []
    steps: dict[bytes, Event] = {}
    ticket: Ticket | None = None
    for event in told:
        try:
            body = body_of(event)
            if ticket is not None and isinstance(body, Moved) and lost_race(ticket, body):
                found += _too_late(ticket, event, body, steps)
            elif ticket is not None and isinstance(body, Edited) and ticket.state == END:
                found.append(_late(event, steps[ticket.state_eid]))
            elif isinstance(body, Created | Edited):
                _note(writes, event, body.fields)
            ticket = fold(ticket, event)
        except ValueError:
            continue
        steps[event.eid] = event
    for name, sides in sorted(writes.items()):
        found += [Clash("field", event.subject, name, *pair) for pair in _overwritten(sides)]
    return _settled(found, told, SETTLED)


def of_entry(events: Iterable[Event]) -> list[Clash]:
    """Return the clashes of one entry of the dictionary: fields of it that two boxes set at once.

    Lists are merged, so they never clash.
    """
    told = sorted(events, key=lambda event: event.eid)
    writes: dict[str, list[Side]] = {}
    for event in read(told):
        if event.kind == SET:
            facts = event.facts
            merged = facts.get(LISTS_KEY, {})
            _note(writes, event, {n: v for n, v in facts.get("fields", {}).items() if n not in merged})
    found = [
        Clash("entry", stands.event.subject, name, stands, lost)
        for name, sides in sorted(writes.items())
        for stands, lost in _overwritten(sides)
    ]
    return _settled(found, told, ENTRY_SETTLED)


def _note(writes: dict[str, list[Side]], event: Event, fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        if name == "extra" and isinstance(value, dict):
            _note(writes, event, {EXTRA + key: item for key, item in value.items()})
        elif event.kind == SET or name in REGISTERED_FIELDS or name.startswith(EXTRA):
            writes.setdefault(name, []).append(Side(event, value))


def _overwritten(sides: Sequence[Side]) -> list[tuple[Side, Side]]:
    """What stands with each other value that its writer did not know of: the newest of each site."""
    stands = sides[-1]
    unknown: dict[int, Side] = {}
    for side in sides[:-1]:
        if concurrent(stands.event, side.event):
            unknown[side.event.site] = side
    newest = list(unknown.values())
    return [
        (stands, side)
        for side in newest
        if side.value != stands.value
        and not any(other is not side and _later_and_knew(other.event, side.event) for other in newest)
    ]


def _later_and_knew(later: Event, earlier: Event) -> bool:
    return later.eid > earlier.eid and knew(later, earlier)


def _too_late(ticket: Ticket, event: Event, body: Moved, steps: Mapping[bytes, Event]) -> list[Clash]:
    """A move that lost its race, with the one that had led elsewhere; none when both did the same."""
    won = steps[ticket.state_eid]
    before = body_of(won)
    if isinstance(before, Moved) and _same(before, body):
        return []
    both = isinstance(before, Moved) and {before.move, body.move} <= DISPATCHES
    return [Clash("dispatch" if both else "move", event.subject, body.move, Side(won), Side(event))]


def _same(one: Moved, other: Moved) -> bool:
    return (one.move, one.unit, one.result, one.answer) == (
        other.move,
        other.unit,
        other.result,
        other.answer,
    )


def _late(event: Event, end: Event) -> Clash:
    return Clash("late", event.subject, "edit", Side(end), Side(event))


def _settled(found: Sequence[Clash], told: Sequence[Event], kind: str) -> list[Clash]:
    by_key = {
        key: event
        for event in told
        if event.kind == kind and isinstance(key := event.facts.get("conflict"), str)
    }
    return [replace(clash, settled=by_key.get(clash.key)) for clash in found]
