"""Sub-orders and overlays of a ticket over the API: seen, opened, and carried on."""

from appliance.refused import Refused
from appliance.tickets import strands
from appliance.tickets.process import Move
from appliance.tickets.ticket import Ticket
from web import shown
from web.api import shapes, sight
from web.api.tickets import given, inputs
from web.context import box, me


def all_of(number: str) -> shapes.Strands:
    """Tell what runs beside a ticket, and what may be opened."""
    ticket, desk = sight.ticket(number), box().tickets
    return shapes.Strands(
        [told(ticket, strand) for strand in desk.strands(ticket.tid) if sight.sees(ticket, strand)],
        [
            shapes.Opening(kind.name, shown.pick((kind.zh, kind.en)), move.name, inputs(move))
            for kind, move in desk.beside.openings(me(), ticket)
        ],
    )


def open_one(number: str, body: shapes.StrandOpened) -> shapes.Strand:
    """Open a sub-order or overlay."""
    ticket = sight.ticket(number)
    return told(ticket, box().tickets.act(me(), ticket.tid, body.kind, body.step, given(body.fields)))


def step(number: str, strand: str, body: shapes.StepAsked, seen: bytes | None) -> shapes.Strand:
    """Make a step of a strand."""
    ticket = sight.ticket(number)
    if not shapes.ID.fullmatch(strand):
        raise Refused("unknown_strand", "This ticket has no such sub-order or overlay.")
    sid = bytes.fromhex(strand)
    return told(ticket, box().tickets.act(me(), ticket.tid, sid, body.step, given(body.fields), seen))


def told(ticket: Ticket, strand: strands.Strand) -> shapes.Strand:
    """A strand as the API tells it."""
    kind = strands.KINDS.get(strand.kind)
    state = kind.workflow.states.get(strand.state) if kind else None
    steps = box().tickets.beside.steps(me(), ticket, strand) if kind else []
    return shapes.Strand(
        id=strand.sid.hex(),
        seen=strand.last_eid.hex(),
        kind=strand.kind,
        title=shown.pick((kind.zh, kind.en)) if kind else strand.kind,
        state=strand.state,
        state_name=shown.pick((state.zh, state.en)) if state else strand.state,
        unit=strand.unit,
        third=strand.third,
        optional=strand.optional,
        open=strand.open,
        due_at=shapes.at(strand.due_s),
        provisional=strand.provisional,
        opened_at=shapes.sure(strand.opened_s),
        opened_by=strand.opened_by,
        state_at=shapes.sure(strand.state_s),
        moved_by=strand.moved_by,
        fields=strand.fields,
        steps=[_offered(move) for move in steps],
    )


def _offered(move: Move) -> shapes.StepOffered:
    return shapes.StepOffered(move.name, move.code, shown.pick((move.zh, move.en)), move.target, inputs(move))
