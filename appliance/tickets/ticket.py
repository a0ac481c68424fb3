"""A ticket is the fold of its events, sorted by event id: boxes with the same events show the same ticket.

Field by field the last writer stands. A move says itself where it led from and to, so folding needs
no workflow table. One that lost a race, because another move had already led somewhere else, stays
in the timeline, is counted, and changes nothing else.
"""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from appliance.events import Event
from appliance.tickets import marks
from appliance.tickets.bodies import (
    REGISTERED_FIELDS,
    Created,
    Due,
    Edited,
    Migrated,
    Moved,
    Noted,
    Visited,
    body_of,
)
from appliance.tickets.due import NO_RESULT, taken, taken_beside
from appliance.tickets.workflow import CREATION, END, SHIPPED, STATES, STEPS


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
    workflow: str = SHIPPED.id
    """The version of the table it runs on."""
    moved_by: str = ""
    """Who made the last move."""
    handled: str = ""
    """Where the last result came from: unit, centre or outside."""
    handled_by: str = ""
    """Who handed it in."""
    master: str = ""
    """The ticket it is merged into, hex."""
    outside: str = ""
    """The authority outside it was passed to."""
    designated: bool = False
    """The unit was designated: it may not return the ticket."""
    planned_s: float | None = None
    """When a suspension is to end."""
    asked: int = 0
    """How often the citizen was asked for more."""
    returned: int = 0
    """How often this unit asked to return it."""
    reworks: int = 0
    objections: int = 0
    visits: int = 0
    """How often it was tried to reach the citizen in this round."""
    visited_s: float | None = None
    """When it was tried last."""
    rule: str = ""
    """The dispatch rule that was followed."""
    case_due_s: float | None = None
    """By when the citizen is to be answered."""
    case_due_original_s: float | None = None
    """The same as it was at first, before anything stood still or was extended."""
    unit_due_s: float | None = None
    """By when the unit is to hand in its result."""
    provisional: bool = False
    """A due date rests on days that are only estimated."""
    paused_s: float | None = None
    """Since when the case clock stands still."""
    due_s: float | None = None
    """The earliest due date of a clock that runs; none when none does."""
    warn_s: float | None = None
    """From when on the first of them is yellow."""
    step_due_s: float | None = None
    """By when the next step is to be made."""
    case_clock: str = ""
    """The clock as JSON (clocks.py)."""
    unit_clock: str = ""

    @property
    def extras(self) -> dict[str, str]:
        """The further fields, decoded."""
        return marks.extras_in(self.extra)

    @property
    def done_before(self) -> bool:
        """Its result and answer are of an earlier round: this one has none yet."""
        return self.round > 0 and self.state in NO_RESULT


CARRIED = ("unit", "unit_site", "result", "answer", "rating", "closing", "master", "outside")
"""What a move may set."""
_carried = attrgetter(*CARRIED)
_NOTHING = (None,) * len(CARRIED)
COUNTED: Mapping[str, str] = {
    "second_dispatch": "round",
    "ask_info": "asked",
    "request_return": "returned",
    "rework": "reworks",
    "rework_self": "reworks",
    "check_fail": "reworks",
    "citizen_objects": "objections",
}
"""Moves that are counted, and where."""
HANDLED: Mapping[str, str] = {"HANDLING": "unit", "SELF_HANDLING": "centre", "TRANSFERRED": "outside"}
"""Whose the result is that is handed in from a state."""
_STAMPED: Mapping[str, str] = {
    "DISPATCHED": "dispatched_s",
    "HANDLING": "signed_s",
    "CALLBACK": "answered_s",
    "CALLBACK_NA": "answered_s",
}


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
        case Visited():
            return replace(ticket, **_touched(ticket, event), visits=ticket.visits + 1, visited_s=event.at_s)
        case Migrated():
            return replace(ticket, **_touched(ticket, event), workflow=body.workflow)
        case Noted() | marks.Linked():
            return replace(ticket, **_touched(ticket, event))
        case marks.Repeated():
            repeats = ticket.repeats + 1
            key = ticket.key or repeats >= marks.KEY_FROM
            return replace(ticket, **_touched(ticket, event), repeats=repeats, key=key)
        case marks.Redacted():
            return replace(ticket, **_touched(ticket, event), **marks.blanked(ticket.extra, body))
        case Due():
            return replace(ticket, **_touched(ticket, event), **taken_beside(ticket, body.due))
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
    return _target(ticket, body) is None


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
        moved_by=body.by,
        call=bytes.fromhex(body.call) or None,
        workflow=body.workflow,
        form=body.form or None,
        step_due_s=body.step_due_s,
        **marks.with_extra({}, known),
    )


def _edit(ticket: Ticket, event: Event, body: Edited) -> Ticket:
    touched = _touched(ticket, event)
    if ticket.state == END:
        return replace(ticket, **touched, conflicts=ticket.conflicts + 1)
    known = {name: value for name, value in body.fields.items() if name in REGISTERED_FIELDS}
    if body.workflow is not None:
        known["workflow"] = body.workflow
    return replace(
        ticket,
        **touched,
        **marks.with_extra(ticket.extras, known),
        **(taken_beside(ticket, body.due) if body.due else {}),
    )


def _move(ticket: Ticket, event: Event, body: Moved) -> Ticket:
    changes = _touched(ticket, event)
    target = _target(ticket, body)
    if target is None:
        return replace(ticket, **changes, conflicts=ticket.conflicts + 1)
    at_s = changes["changed_s"]
    if (values := _carried(body)) != _NOTHING:
        changes |= {name: v for name, v in zip(CARRIED, values, strict=True) if v is not None}
    changes |= _stamps(ticket, target, at_s)
    changes |= _counts(ticket, target, body)
    if target == "FEEDBACK" and ticket.state in HANDLED:
        changes |= {"handled": HANDLED[ticket.state], "handled_by": body.by}
    if target == "SUSPENDED":
        changes["planned_s"] = body.planned
    if ticket.state == "MERGED":
        changes["master"] = ""
    if body.due:
        changes |= taken(ticket, body.due)
    return replace(
        ticket,
        **changes,
        state=target,
        state_eid=event.eid,
        state_s=at_s,
        moved_by=body.by,
        reason=body.reason,
    )


def _stamps(ticket: Ticket, target: str, at_s: float) -> dict[str, Any]:
    """The times a move writes down."""
    changes: dict[str, Any] = {_STAMPED[target]: at_s} if target in _STAMPED else {}
    if target == "ACCEPTED" and ticket.accepted_s is None:
        changes["accepted_s"] = at_s
    closed = STATES[target].list == "closed"
    changes["closed_s"] = (ticket.closed_s or at_s) if closed else None
    return changes


def _counts(ticket: Ticket, target: str, body: Moved) -> dict[str, Any]:
    """What a move counts; a dispatch begins an assignment, with nothing asked of it yet."""
    changes: dict[str, Any] = {}
    if counted := COUNTED.get(body.move):
        changes[counted] = getattr(ticket, counted) + 1
    if target == "DISPATCHED":
        changes |= {"returned": 0, "designated": bool(body.designated), "rule": body.rule}
    if target == "CALLBACK":
        changes |= {"visits": 0, "visited_s": None}
    return changes


def _touched(ticket: Ticket, event: Event) -> dict[str, Any]:
    return {"last_eid": max(event.eid, ticket.last_eid), "changed_s": event.at_s}


def _target(ticket: Ticket, body: Moved) -> str | None:
    """Where a move leads from the state the ticket is in by now; None when it came too late."""
    if not body.target:
        return _target_by_table(ticket, body)
    if body.source == ticket.state:
        return body.target if body.target in STATES else None
    target = body.also.get(ticket.state)
    if target is None and body.final and _unseen(ticket, body):
        target = body.target
    return target if target in STATES else None


def _target_by_table(ticket: Ticket, body: Moved) -> str | None:
    """The same for what versions wrote that did not say where a move leads."""
    move = STEPS.get((ticket.state, body.move))
    if move is None:
        meant = STEPS.get((body.source, body.move))
        if meant is not None and meant.final and _unseen(ticket, body):
            move = meant
    return move.target if move is not None and body.role in move.who else None


def _unseen(ticket: Ticket, body: Moved) -> bool:
    """Tell whether who made a move had not seen what led to the present state."""
    return ticket.state != END and body.seen != "" and bytes.fromhex(body.seen) < ticket.state_eid
