"""What events of tickets say: their bodies as they are written and read."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from appliance.events import Event
from appliance.tickets import marks
from appliance.tickets.workflow import SHIPPED

REGISTERED_FIELDS: Mapping[str, type] = {
    "kind": str,
    "title": str,
    "content": str,
    "category": str,
    "urgency": str,
    "area": str,
    "address": str,
    "citizen": str,
    "phone": str,
    "confidential": bool,
    "position": str,
    "grid": str,
    "occurred": str,
    "outlet": str,
    "link": str,
    "home": str,
    "identity": str,
    "behalf": str,
    "anonymous": bool,
    "callback": bool,
    "key": bool,
    "customer": str,
    "extra": dict,
}
"""What is written down about a ticket, and may be edited."""


class Created(msgspec.Struct, frozen=True):
    """Body of ticket.created."""

    number: str
    source: str
    by: str = ""
    name: str = ""
    role: str = ""
    fields: dict[str, Any] = {}
    call: str = ""
    """Event id of the call, hex."""
    message: str = ""
    """Event id of the short message it came as, hex."""
    form: str = ""
    workflow: str = SHIPPED.id
    step_due_s: float | None = None
    """By when it is to be accepted."""


class Edited(msgspec.Struct, frozen=True):
    """Body of ticket.edited."""

    fields: dict[str, Any]
    by: str = ""
    name: str = ""
    seen: str = ""
    workflow: str | None = None
    """Another kind of matter may run on another table."""
    due: dict[str, Any] = {}
    """What it makes of the due dates (due.py)."""


class Moved(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """Body of ticket.moved; `seen` is the last event its author saw of the ticket, hex."""

    move: str
    source: str
    role: str
    target: str = ""
    """Where it leads; empty in what older versions wrote, which the shipped table explains."""
    also: dict[str, str] = {}
    """Where it leads from other states, should the ticket be in one of them by then."""
    final: bool = False
    """The centre's word, whatever was done meanwhile by who had not seen it."""
    by: str = ""
    name: str = ""
    seen: str = ""
    reason: str = ""
    unit: str | None = None
    unit_site: int | None = None
    result: str | None = None
    answer: str | None = None
    rating: str | None = None
    closing: str | None = None
    master: str | None = None
    outside: str | None = None
    designated: bool | None = None
    planned: float | None = None
    """When a suspension is to end, in Unix seconds."""
    task: str = ""
    """What a unit is to do."""
    rule: str = ""
    """The dispatch rule that proposed the unit."""
    basis: str = ""
    """The legal basis of a return."""
    suggested: str = ""
    """The unit that should have it instead."""
    unfounded: bool = False
    """A return that was the unit's mistake, not the dispatcher's."""
    grounds: str = ""
    """Why it is not accepted."""
    why: str = ""
    """Why the citizen is dissatisfied."""
    compensation: bool = False
    contacted: str = ""
    """Whether the unit had been in touch: yes, no."""
    solved: str = ""
    """Whether it was solved: yes, no, explained."""
    due: dict[str, Any] = {}
    """What it makes of the due dates (due.py)."""


class Migrated(msgspec.Struct, frozen=True):
    """Body of ticket.migrated: an open ticket was put on another version of the workflow."""

    workflow: str
    by: str = ""
    name: str = ""
    reason: str = ""


class Due(msgspec.Struct, frozen=True):
    """Body of ticket.due: due dates were reckoned anew, not by a move or an edit."""

    due: dict[str, Any]
    why: str = ""
    """calendar, extension or instruction."""
    by: str = ""
    name: str = ""


class Noted(msgspec.Struct, frozen=True):
    """Body of ticket.noted."""

    text: str
    by: str = ""
    name: str = ""
    call: str = ""
    """A call of ours it tells of: the id of the event that began it, hex."""


class Visited(msgspec.Struct, frozen=True):
    """Body of ticket.visited: it was tried to reach the citizen; what came of it is one of OUTCOMES."""

    outcome: str
    text: str = ""
    call: str = ""
    """The call it was tried by: the id of the event that began it, hex."""
    by: str = ""
    name: str = ""


Body = (
    Created
    | Edited
    | Moved
    | Noted
    | Migrated
    | Due
    | Visited
    | marks.Repeated
    | marks.Linked
    | marks.Unmasked
    | marks.Redacted
)
BODIES: Mapping[str, msgspec.json.Decoder[Any]] = {
    "ticket.created": msgspec.json.Decoder(Created),
    "ticket.edited": msgspec.json.Decoder(Edited),
    "ticket.moved": msgspec.json.Decoder(Moved),
    "ticket.noted": msgspec.json.Decoder(Noted),
    **marks.BODIES,
    "ticket.migrated": msgspec.json.Decoder(Migrated),
    "ticket.due": msgspec.json.Decoder(Due),
    "ticket.visited": msgspec.json.Decoder(Visited),
}


def body_of(event: Event) -> Body | None:
    """Read the body of a ticket event; None for a kind not known here, ValueError when it is malformed."""
    decoder = BODIES.get(event.kind)
    if decoder is None:
        return None
    body: Body = decoder.decode(event.body)
    check = _CHECKS.get(type(body))
    if check is not None:
        check(event, body)
    return body


def _check_created(event: Event, body: Created) -> None:
    if event.eid != event.subject:
        raise ValueError("ticket.created must begin its own subject")
    bytes.fromhex(body.call), bytes.fromhex(body.message)
    _check_fields(event, body)


def _check_fields(event: Event, body: Created | Edited) -> None:
    for name, value in body.fields.items():
        kind = REGISTERED_FIELDS.get(name)
        if kind is not None and not isinstance(value, kind):
            raise ValueError(f"field {name} of {event.kind} is not {kind.__name__}")


def _check_moved(event: Event, body: Moved) -> None:
    bytes.fromhex(body.seen)


_CHECKS: Mapping[type, Callable[[Event, Any], None]] = {
    Created: _check_created,
    Edited: _check_fields,
    Moved: _check_moved,
}
"""What the shape alone does not tell."""
