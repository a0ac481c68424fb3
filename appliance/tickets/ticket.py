"""A ticket is the fold of its events, sorted by event id: boxes with the same events show the same ticket.

Field by field the last writer stands. A move that lost a race, because another move had already
led somewhere it is not allowed from, stays in the timeline, is counted, and changes nothing else.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from appliance.events import Event
from appliance.tickets.workflow import CREATION, END, STATES, STEPS, Move

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


class Ticket(msgspec.Struct, frozen=True):
    """A ticket as its events tell it. Times are Unix seconds; the fields are the columns of the table."""

    tid: bytes
    number: str
    state: str
    source: str
    site: int
    """The site that registered it."""
    last_eid: bytes
    """The last event folded in: what a page has seen of it."""
    state_eid: bytes
    """The move that led to this state."""
    created_s: float
    changed_s: float
    state_s: float
    kind: str = ""
    title: str = ""
    content: str = ""
    category: str = ""
    urgency: str = "normal"
    area: str = ""
    address: str = ""
    citizen: str = ""
    phone: str = ""
    confidential: bool = False
    position: str = ""
    """Longitude and latitude, or x and y of the city's own map, with a comma between."""
    grid: str = ""
    """The grid cell an inspector reports from."""
    occurred: str = ""
    """The day, perhaps with a time, it happened."""
    outlet: str = ""
    """The newspaper, station or site it was in."""
    link: str = ""
    home: str = ""
    """Where the citizen lives; `address` is where the matter is."""
    identity: str = ""
    behalf: str = ""
    """Whom the citizen speaks for."""
    anonymous: bool = False
    callback: bool = True
    """The citizen wants an answer."""
    key: bool = False
    customer: str = ""
    """Whose file it is in (appliance/customers), hex."""
    extra: str = ""
    """Fields of its kind and category (forms.py), as JSON."""
    form: str | None = None
    """The form it was filed by: the same one sent twice makes one ticket."""
    repeats: int = 0
    """How often the same matter was brought again."""
    created_by: str = ""
    unit: str = ""
    unit_site: int = 0
    result: str = ""
    """What the unit did."""
    answer: str = ""
    """What the citizen is told."""
    rating: str = ""
    closing: str = ""
    """Why it could be closed, one of CLOSINGS."""
    reason: str = ""
    """The reason given with the last move."""
    round: int = 0
    """How many second dispatches there were."""
    conflicts: int = 0
    call: bytes | None = None
    accepted_s: float | None = None
    """When the case clock began; never restarts."""
    dispatched_s: float | None = None
    """When the unit's clock began last."""
    signed_s: float | None = None
    answered_s: float | None = None
    closed_s: float | None = None

    @property
    def extras(self) -> dict[str, str]:
        """The further fields, decoded."""
        return dict(_decode(self.extra)) if self.extra else {}


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


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


class Edited(msgspec.Struct, frozen=True):
    """Body of ticket.edited."""

    fields: dict[str, Any]
    by: str = ""
    name: str = ""
    seen: str = ""


class Moved(msgspec.Struct, frozen=True, rename={"source": "from"}):
    """Body of ticket.moved; `seen` is the last event its author saw of the ticket, hex."""

    move: str
    source: str
    role: str
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


class Noted(msgspec.Struct, frozen=True):
    """Body of ticket.noted."""

    text: str
    by: str = ""
    name: str = ""
    call: str = ""
    """A call of ours it tells of: the id of the event that began it, hex."""


class Repeated(msgspec.Struct, frozen=True):
    """Body of ticket.repeated: the same matter was brought again, by a call or another ticket (hex)."""

    text: str = ""
    call: str = ""
    ticket: str = ""
    by: str = ""
    name: str = ""


class Linked(msgspec.Struct, frozen=True):
    """Body of ticket.linked: another ticket (hex) has to do with it; `off` takes that back."""

    ticket: str
    number: str = ""
    off: bool = False
    by: str = ""
    name: str = ""


class Unmasked(msgspec.Struct, frozen=True):
    """Body of ticket.unmasked: somebody looked at what is confidential."""

    reason: str
    by: str = ""
    name: str = ""


class Redacted(msgspec.Struct, frozen=True):
    """Body of ticket.redacted: fields with what stands instead, and events (hex) whose words are blanked."""

    fields: dict[str, str] = {}
    events: list[str] = []
    reason: str = ""
    by: str = ""
    name: str = ""


Body = Created | Edited | Moved | Noted | Repeated | Linked | Unmasked | Redacted
_BODIES: Mapping[str, msgspec.json.Decoder[Any]] = {
    "ticket.created": msgspec.json.Decoder(Created),
    "ticket.edited": msgspec.json.Decoder(Edited),
    "ticket.moved": msgspec.json.Decoder(Moved),
    "ticket.noted": msgspec.json.Decoder(Noted),
    "ticket.repeated": msgspec.json.Decoder(Repeated),
    "ticket.linked": msgspec.json.Decoder(Linked),
    "ticket.unmasked": msgspec.json.Decoder(Unmasked),
    "ticket.redacted": msgspec.json.Decoder(Redacted),
}
REDACTABLE = (
    *("title", "content", "address", "citizen", "phone", "home", "identity", "behalf"),
    *("position", "link", "extra", "result", "answer", "reason", "customer"),
)
"""What may be blanked."""
CARRIED = ("unit", "unit_site", "result", "answer", "rating", "closing")
"""What a move may set."""
_STAMPED: Mapping[str, str] = {
    "DISPATCHED": "dispatched_s",
    "HANDLING": "signed_s",
    "CALLBACK": "answered_s",
    "CALLBACK_NA": "answered_s",
}


def body_of(event: Event) -> Body | None:
    """Read the body of a ticket event; None for a kind not known here, ValueError when it is malformed."""
    decoder = _BODIES.get(event.kind)
    if decoder is None:
        return None
    body: Body = decoder.decode(event.body)
    if isinstance(body, Created):
        if event.eid != event.subject:
            raise ValueError("ticket.created must begin its own subject")
        bytes.fromhex(body.call), bytes.fromhex(body.message)
    if isinstance(body, Created | Edited):
        for name, kind in REGISTERED_FIELDS.items():
            if not isinstance(body.fields.get(name, kind()), kind):
                raise ValueError(f"field {name} of {event.kind} is not {kind.__name__}")
    if isinstance(body, Moved):
        bytes.fromhex(body.seen)
    return body


def fold(ticket: Ticket | None, event: Event) -> Ticket:
    """Fold in one event that sorts behind all folded before; raises ValueError when it is malformed."""
    body = body_of(event)
    if isinstance(body, Created):
        return _create(event, body)
    if ticket is None:
        raise ValueError(f"{event.kind} before ticket.created")
    match body:
        case Edited():
            return _edit(ticket, event, body)
        case Moved():
            return _move(ticket, event, body)
        case Noted() | Linked():
            return replace(ticket, **_touched(ticket, event))
        case Repeated():
            return replace(ticket, **_touched(ticket, event), repeats=ticket.repeats + 1)
        case Redacted():
            return _redact(ticket, event, body)
    return ticket


def replay(events: Iterable[Event]) -> Ticket | None:
    """Fold the whole history of one ticket, in whatever order it comes; None when its beginning is missing.

    The beginning stands first even when a clock put another event before it; malformed
    events change nothing.
    """
    ticket: Ticket | None = None
    for event in sorted(events, key=lambda event: (event.eid != event.subject, event.eid)):
        try:
            ticket = fold(ticket, event)
        except ValueError:
            continue
    return ticket


def lost_race(ticket: Ticket, body: Moved) -> bool:
    """Tell whether a move comes too late for the state the ticket is in."""
    return _allowed(ticket, body) is None


def _create(event: Event, body: Created) -> Ticket:
    known = {name: value for name, value in body.fields.items() if name in REGISTERED_FIELDS}
    return Ticket(
        tid=event.eid,
        number=body.number,
        state=CREATION[body.source == "phone"].target,
        source=body.source,
        site=event.site,
        last_eid=event.eid,
        state_eid=event.eid,
        created_s=event.at_s,
        changed_s=event.at_s,
        state_s=event.at_s,
        created_by=body.by,
        call=bytes.fromhex(body.call) or None,
        form=body.form or None,
        **_with_extra({}, known),
    )


def _with_extra(before: Mapping[str, str], known: dict[str, Any]) -> dict[str, Any]:
    """Further fields are written one by one: those that are not named stay as they were."""
    if "extra" not in known:
        return known
    named = {name: str(text) for name, text in {**before, **known["extra"]}.items()}
    return {**known, "extra": _encode(named).decode() if any(named.values()) else ""}


def _edit(ticket: Ticket, event: Event, body: Edited) -> Ticket:
    touched = _touched(ticket, event)
    if ticket.state == END:
        return replace(ticket, **touched, conflicts=ticket.conflicts + 1)
    known = {name: value for name, value in body.fields.items() if name in REGISTERED_FIELDS}
    return replace(ticket, **touched, **_with_extra(ticket.extras, known))


def _move(ticket: Ticket, event: Event, body: Moved) -> Ticket:
    touched = _touched(ticket, event)
    move = _allowed(ticket, body)
    if move is None:
        return replace(ticket, **touched, conflicts=ticket.conflicts + 1)
    changes = {name: value for name in CARRIED if (value := getattr(body, name)) is not None}
    if move.target in _STAMPED:
        changes[_STAMPED[move.target]] = event.at_s
    if move.target == "ACCEPTED" and ticket.accepted_s is None:
        changes["accepted_s"] = event.at_s
    closed = STATES[move.target].list == "closed"
    changes["closed_s"] = (ticket.closed_s or event.at_s) if closed else None
    return replace(
        ticket,
        **touched,
        **changes,
        state=move.target,
        state_eid=event.eid,
        state_s=event.at_s,
        reason=body.reason,
        round=ticket.round + (move.name == "second_dispatch"),
    )


def _redact(ticket: Ticket, event: Event, body: Redacted) -> Ticket:
    """What was blanked stays blank, whatever state the ticket is in."""
    known = {name: text for name, text in body.fields.items() if name in REDACTABLE and name != "extra"}
    extra = "" if "extra" in body.fields else ticket.extra
    return replace(ticket, **{**_touched(ticket, event), **known, "extra": extra})


def _touched(ticket: Ticket, event: Event) -> dict[str, Any]:
    return {"last_eid": max(event.eid, ticket.last_eid), "changed_s": event.at_s}


def _allowed(ticket: Ticket, body: Moved) -> Move | None:
    move = STEPS.get((ticket.state, body.move))
    if move is None and ticket.state != END:
        meant = STEPS.get((body.source, body.move))
        unseen = bytes.fromhex(body.seen) < ticket.state_eid
        if meant is not None and meant.final and body.seen and unseen:
            move = meant
    return move if move is not None and body.role in move.who else None
