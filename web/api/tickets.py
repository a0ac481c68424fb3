"""Tickets over the API: found, registered, edited, carried on, and their stories."""

import dataclasses
import re
from typing import Any

import msgspec

from appliance.refused import Refused
from appliance.tickets import fulltext, table
from appliance.tickets.confidential import hidden_in
from appliance.tickets.fields import FIELDS
from appliance.tickets.process import Move
from appliance.tickets.ticket import Ticket
from appliance.tickets.timeline import Step
from appliance.tickets.workflow import STATES, states_in
from web import shown
from web.api import shapes, sight
from web.api.serving import invalid
from web.context import box, me
from web.finding_form import only_unit
from web.pages.tickets import step_words

_CURSOR = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)_([0-9a-f]{32})")
_WRITTEN = (
    "tid IN (SELECT tid FROM ticket_facet WHERE doc IN"
    " (SELECT rowid FROM ticket_text WHERE ticket_text MATCH ?))"
)
_OF_CALLS = ("call", "call_out", "recording", "talk")
_INSIDE = (*_OF_CALLS, "noted", "edited", "due", "migrated")
"""What a channel of citizens is told only of what it did itself."""
_CITIZEN = tuple(f"{FIELDS[name].zh}：" for name in ("citizen", "phone"))
_EQUAL = ("kind", "category", "urgency", "source", "phone")


def search(query: shapes.Search) -> shapes.Tickets:
    """Find tickets, newest first."""
    where, values = _where(query)
    if query.after:
        found = _CURSOR.fullmatch(query.after)
        if found is None:
            raise invalid("after", "`next` of the page before")
        where += " AND (created_s, tid) < (?, ?)"
        values += [float(found[1]), bytes.fromhex(found[2])]
    order = f"{where} ORDER BY created_s DESC, tid DESC LIMIT ?"
    rows = table.select(box().store, order, *values, query.rows + 1)
    more, rows = len(rows) > query.rows, rows[: query.rows]
    cursor = f"{rows[-1].created_s!r}_{rows[-1].tid.hex()}" if more else None
    return shapes.Tickets([told(ticket) for ticket in rows], cursor)


def one(number: str) -> shapes.Ticket:
    """Tell one ticket."""
    return told(sight.ticket(number))


def create(body: Any) -> shapes.Ticket:
    """Register a ticket."""
    given = _given(body)
    source, call = given.pop("source"), given.pop("call", "")
    return told(box().tickets.create(me(), source, given, call=bytes.fromhex(call) or None))


def edit(number: str, body: Any, seen: bytes | None) -> shapes.Ticket:
    """Change what was registered; refused when anything about the ticket changed since it was seen."""
    ticket = sight.ticket(number)
    with box().store.transaction():
        if seen is not None and box().tickets.get(ticket.tid).last_eid != seen:
            raise Refused("changed", "Somebody else has changed this ticket meanwhile. Look at it again.")
        return told(box().tickets.edit(me(), ticket.tid, _given(body), seen))


def note(number: str, body: shapes.Note) -> shapes.Ticket:
    """Add a remark. A system outside may, on what it may see."""
    ticket = sight.ticket(number)
    return told(box().tickets.note(me(), ticket.tid, body.text))


def story(number: str) -> shapes.Story:
    """Tell a ticket's story; a system outside hears only what was done with it, not who was called."""
    ticket = sight.ticket(number)
    hides_talk = only_unit(me()) is not None
    seen_beside = {s.sid.hex() for s in box().tickets.strands(ticket.tid) if sight.sees(ticket, s)}
    steps = [s for s in box().tickets.timeline(ticket.tid) if not s.beside or s.ref in seen_beside]
    if not sight.may_see_citizen(ticket):
        steps = [_without_citizen(step, ticket) for step in steps if step.what not in _OF_CALLS]
    if sight.channel():
        steps = [_for_channel(step) for step in steps if step.what not in _INSIDE or _own(step)]
    return shapes.Story([_step(step) for step in steps if not (hides_talk and step.what == "talk")])


def moves(number: str) -> shapes.Moves:
    """Tell which moves may be made now."""
    ticket = sight.ticket(number)
    found = box().tickets.buttons(me(), ticket)
    return shapes.Moves(
        [shapes.MoveOffered(m.name, m.code, shown.pick((m.zh, m.en)), m.target, inputs(m)) for m in found],
        ticket.last_eid.hex(),
    )


def move(number: str, body: shapes.MoveAsked, seen: bytes | None) -> shapes.Ticket:
    """Make a move."""
    ticket = sight.ticket(number)
    return told(box().tickets.move(me(), ticket.tid, body.move, _given(body.fields), seen))


def told(ticket: Ticket) -> shapes.Ticket:
    """A ticket as whoever asks may see it."""
    clear, channel = sight.may_see_citizen(ticket), sight.channel()
    state = STATES[ticket.state]
    master = sight.by_id(ticket.master) if ticket.master else None
    return shapes.Ticket(
        id=ticket.tid.hex(),
        number=ticket.number,
        seen=ticket.last_eid.hex(),
        state=ticket.state,
        state_name=shown.state_title(ticket.state),
        list=state.list,
        workflow=ticket.workflow,
        source=ticket.source,
        site=ticket.site,
        kind=ticket.kind,
        title=ticket.title,
        content=ticket.content,
        category=ticket.category,
        urgency=ticket.urgency,
        area=ticket.area,
        address=ticket.address,
        citizen=ticket.citizen if clear else "",
        phone=ticket.phone if clear else shown.masked(ticket.phone),
        masked=not clear,
        confidential=ticket.confidential,
        unit=ticket.unit,
        designated=ticket.designated,
        outside=ticket.outside,
        master=master.number if master else "",
        result="" if channel else ticket.result,
        answer=ticket.answer,
        rating=ticket.rating,
        closing=ticket.closing,
        reason="" if channel else ticket.reason,
        round=ticket.round,
        conflicts=ticket.conflicts,
        created_by=ticket.created_by,
        call=ticket.call.hex() if ticket.call else "",
        created_at=shapes.sure(ticket.created_s),
        changed_at=shapes.sure(ticket.changed_s),
        state_at=shapes.sure(ticket.state_s),
        accepted_at=shapes.at(ticket.accepted_s),
        dispatched_at=shapes.at(ticket.dispatched_s),
        signed_at=shapes.at(ticket.signed_s),
        answered_at=shapes.at(ticket.answered_s),
        closed_at=shapes.at(ticket.closed_s),
        planned_at=shapes.at(ticket.planned_s),
        case_due_at=shapes.at(ticket.case_due_s),
        case_due_original_at=shapes.at(ticket.case_due_original_s),
        unit_due_at=shapes.at(ticket.unit_due_s),
        step_due_at=shapes.at(ticket.step_due_s),
        provisional=bool(ticket.provisional),
        paused_at=shapes.at(ticket.paused_s),
    )


def inputs(move: Move) -> list[shapes.Input]:
    """What comes along with a move."""
    return [
        shapes.Input(
            name,
            shown.field_title(name),
            FIELDS[name].type,
            name in move.needed,
            FIELDS[name].limit,
            _choices(move, name),
        )
        for name in move.fields
    ]


def given(body: msgspec.Struct) -> dict[str, Any]:
    """What of a form was filled in."""
    return _given(body)


def _choices(move: Move, name: str) -> list[str] | None:
    words = FIELDS[name].choices
    return None if words is None else [w for w in words if name != "rating" or w in (move.ratings or words)]


def _step(step: Step) -> shapes.Step:
    return shapes.Step(
        at=shapes.sure(step.at_s),
        who=step.who,
        what=step.what,
        title=shown.pick((step.zh, step.en)),
        text=step_words(step),
        state=step.state,
        lost_race=step.lost_race,
        delivered=step.delivered,
        site=step.site,
        ref=step.ref,
    )


def _own(step: Step) -> bool:
    return step.who.startswith(f"{me().number} ")


def _for_channel(step: Step) -> Step:
    """A step as a citizen is told it: what was done, not by whom nor what was written inside."""
    return step if _own(step) else dataclasses.replace(step, who="", text="")


def _without_citizen(step: Step, ticket: Ticket) -> Step:
    return dataclasses.replace(step, text=hidden_in(step.text, ticket))


def _given(body: Any) -> dict[str, Any]:
    values = ((name, getattr(body, name)) for name in body.__struct_fields__)
    return {name: value for name, value in values if value is not msgspec.UNSET}


def _where(query: shapes.Search) -> tuple[str, list[Any]]:
    knows = sight.knows_citizens()
    if query.phone and not knows:
        raise Refused(
            "not_yours", "This token is not good for that: it lacks %(scope)s.", scope="citizens:read"
        )
    narrow, values = sight.narrowed()
    where: list[str] = [narrow]
    for states in filter(None, (query.state, [s for name in query.list for s in states_in(name)])):
        where.append(f"state IN ({', '.join('?' * len(states))})")
        values += states
    for name in _EQUAL:
        if value := getattr(query, name):
            where.append(f"{name} = ?")
            values.append(value)
    if query.unit:
        where.append("(unit = ? OR tid IN (SELECT tid FROM strand WHERE unit = ? OR third = ?))")
        values += [query.unit] * 3
    words = fulltext.match_text(query.text, "" if knows else fulltext.NOTHING.match)
    if words:
        where.append(_WRITTEN)
        values.append(fulltext.all_of([word.match for word in words]))
    for sign, time in ((">=", query.since), ("<", query.until)):
        if time is not None:
            where.append(f"created_s {sign} ?")
            values.append(_unix(time))
    if query.conflicts:
        where.append("conflicts > 0")
    return " AND ".join(where), values


def _unix(time: shapes.At) -> float:
    try:
        return time.timestamp()
    except (OverflowError, ValueError, OSError):
        raise invalid("since", "a time of the calendar") from None
