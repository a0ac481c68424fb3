"""Batch work: one step for many tickets at once, first tried on all of them, then made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext

from appliance.refused import Refused
from appliance.tickets.process import START, Move
from appliance.tickets.strands import KINDS
from appliance.tickets.ticket import Ticket
from web import shown
from web.context import box, me
from web.move_form import inputs, typed_fields

MOST = 200
MOVES = (
    *("accept", "dispatch", "self_handle", "sign", "pass", "pass_no_callback", "approve_return"),
    *("confirm_close", "archive", "resume"),
)
"""Moves that mean the same for many tickets."""
OPENINGS = ("urge", "supervision", "tag")
"""Strands that may be opened on many tickets."""

pages = Blueprint("batch", __name__, url_prefix="/tickets/batch")


@dataclass(frozen=True, slots=True)
class Result:
    """One ticket of a batch: what became of it, or would."""

    ticket: Ticket
    fault: str
    """Why not; empty when it is done, or can be."""
    state: str


class _Undone(Exception):
    """Takes back what was only tried."""


@pages.post("")
def page() -> str | tuple[str, int]:
    """Show the tickets chosen; with a step, try it on each; with `sure`, make it."""
    chosen = _chosen()
    step = request.form.get("step", "")
    moves = _offered(chosen)
    typed = typed_fields()
    results: list[Result] = []
    sure = request.form.get("sure") == "1"
    if step in moves:
        results = [_one(ticket, step, moves[step], typed, keep=sure) for ticket in chosen]
    return render_template(
        "batch.html",
        tickets=chosen,
        moves=[(name, shown.pick((m.zh, m.en))) for name, m in moves.items()],
        step=step,
        inputs=inputs(moves[step], chosen[0], typed) if step in moves and chosen else [],
        typed=typed,
        results=results,
        ready=sum(not result.fault for result in results),
        done=sure and bool(results),
        asked="typed" in request.form,
    )


def _chosen() -> list[Ticket]:
    numbers = list(dict.fromkeys(request.form.getlist("number")))
    if not numbers:
        raise Refused("nothing_chosen", "Choose one or more tickets from the list first.")
    if len(numbers) > MOST:
        raise Refused("too_many", "At most %(most)s tickets can be worked on at once.", most=MOST)
    desk, found = box().tickets, []
    for number in numbers:
        ticket = desk.find(number[:40])
        if ticket is not None and desk.may_see(me(), ticket):
            found.append(ticket)
    if not found:
        raise Refused("unknown_ticket", "This ticket does not exist.")
    return found


def _offered(tickets: list[Ticket]) -> dict[str, Move]:
    """The steps some of the tickets may make now, by moves and by what may be opened beside."""
    desk, person = box().tickets, me()
    moves = {
        move.name: move for ticket in tickets for move in desk.buttons(person, ticket) if move.name in MOVES
    }
    tables = desk.workflows.newest_beside()
    for name in OPENINGS:
        kind = KINDS[name]
        opening = next(move for move in tables[name].moves if move.source == START)
        if person.has(*opening.who) and any(ticket.state in kind.opens_in for ticket in tickets):
            moves[name] = opening
    return moves


def _one(ticket: Ticket, step: str, move: Move, typed: dict[str, Any], keep: bool) -> Result:
    """Make a step, or make it and take it back: what is tried is tried by the desk itself."""
    desk, store = box().tickets, box().store
    deed: Callable[[], object]
    if step in OPENINGS:
        deed = lambda: desk.act(me(), ticket.tid, step, move.name, typed)  # noqa: E731
    else:
        deed = lambda: desk.move(me(), ticket.tid, step, typed, seen=ticket.last_eid)  # noqa: E731
    state = ticket.state
    try:
        with store.transaction():
            deed()
            state = desk.get(ticket.tid).state
            if not keep:
                raise _Undone
    except _Undone:
        pass
    except Refused as refused:
        return Result(ticket, shown.sentence(refused), shown.state_title(ticket.state))
    return Result(ticket, "", shown.state_title(state) if step not in OPENINGS else gettext("opened"))
