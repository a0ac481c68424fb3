"""What an agent is told on entering the desk: own tickets that are overdue, and urges gone out as set."""

import time
from dataclasses import dataclass

from appliance.people import Actor
from appliance.tickets import strand_table
from appliance.tickets.finding import Query
from appliance.tickets.ticket import Ticket
from web.context import box

MOST = 5
URGED_WITHIN_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Attention:
    """Tickets somebody registered who should look at them."""

    overdue: list[Ticket]
    overdue_total: int
    urged: list[Ticket]
    """Urged at the time the agent had set, within a day."""


def attention(person: Actor) -> Attention:
    """Return what waits for an agent's eye."""
    desk, now_s = box().tickets, time.time()
    late = desk.finder.find(
        Query(agent=(person.number,), clock="overdue", now_s=now_s, sort="due", ascending=True), rows=MOST
    )
    fired = strand_table.select(
        box().store,
        "kind = 'reminder' AND open = 0 AND state = 'URGED' AND opened_by = ? AND state_s > ?"
        " ORDER BY state_s DESC LIMIT ?",
        *(person.number, now_s - URGED_WITHIN_S, MOST),
    )
    urged = [ticket for strand in fired if (ticket := desk.find(strand.tid)) is not None]
    return Attention(list(late.tickets), late.total, urged)
