"""Tickets over the API: found, registered, edited, carried on, and their stories."""

import dataclasses
from typing import Any

import msgspec

from appliance.refused import Refused
from appliance.tickets import confidential
from appliance.tickets.fields import FIELDS
from appliance.tickets.process import Move
from appliance.tickets.ticket import Ticket
from appliance.tickets.timeline import Step
from appliance.tickets.workflow import STATES
from web import shown
from web.api import shapes, sight
from web.context import box, me
from web.finding_form import only_unit
from web.pages.tickets import step_words

_OF_CALLS = ("call", "call_out", "recording", "talk")


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
        moves = box().tickets.workflows.of(ticket.workflow).named
        steps = [_for_channel(s) for s in steps if s.what == "created" or s.what in moves or _own(s)]
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


def told(whole: Ticket) -> shapes.Ticket:
    """A ticket as whoever asks may see it."""
    clear, channel = sight.may_see_citizen(whole), sight.channel()
    ticket = whole if clear else confidential.masked(whole)
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
        citizen=ticket.citizen,
        phone=ticket.phone,
        home=ticket.home,
        identity=ticket.identity,
        behalf=ticket.behalf,
        anonymous=bool(ticket.anonymous),
        callback=bool(ticket.callback),
        key=bool(ticket.key),
        position=ticket.position,
        grid=ticket.grid,
        occurred=ticket.occurred,
        outlet=ticket.outlet,
        link=ticket.link,
        customer=ticket.customer if clear else "",
        extra=dict(ticket.extras),
        repeats=ticket.repeats or 0,
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
    return dataclasses.replace(step, text=confidential.hidden_in(step.text, ticket))


def _given(body: Any) -> dict[str, Any]:
    values = ((name, getattr(body, name)) for name in body.__struct_fields__)
    return {name: value for name, value in values if value is not msgspec.UNSET}
