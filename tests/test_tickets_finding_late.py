"""Lists of what is overdue or due soon tell sub-orders too, to a unit its own."""

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from appliance.refused import Refused
from appliance.tickets.desk import TicketDesk
from appliance.tickets.finder import Finder
from appliance.tickets.finding import Query
from appliance.tickets.strands import DAY_S, WORKED_ON, Strand
from appliance.tickets.ticket import Ticket
from tests.test_tickets_finding import AGENT, DISPATCHER, TOLD, every, everything_found_by, opened


def clock_of(ticket: Ticket, strands: Sequence[Strand], unit: str, now_s: float) -> str:
    """Overdue, soon or nothing, as going through everything tells it for the centre or for a unit."""
    if ticket.due_s is None or ticket.warn_s is None:
        return ""
    theirs = [s for s in strands if s.open and s.kind == "suborder" and s.state in WORKED_ON]
    dates = [(s.due_s, s.warn_s) for s in theirs if unit in ("", ticket.unit, s.unit, s.third)]
    if unit in ("", ticket.unit):
        dates.append((ticket.due_s, ticket.warn_s))
    if any(due_s is not None and due_s < now_s for due_s, _ in dates):
        return "overdue"
    return "soon" if any(warn_s is not None and warn_s < now_s for _, warn_s in dates) else ""


def test_what_is_overdue_or_due_soon_are_tickets_whose_sub_orders_are_too_and_a_units_own(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    desk, finder, chance = TicketDesk(store), Finder(store), random.Random(11)
    began_s = time.time()
    for _ in range(24):
        ticket = desk.move(AGENT, desk.create(AGENT, "web", TOLD).tid, "accept")
        desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": chance.choice(("lamp", "water"))})
        for unit in chance.sample(("lamp", "water"), chance.randrange(3)):
            with suppress(Refused):  # who leads it gets no sub-order
                day_s = began_s + chance.randrange(1, 12) * DAY_S
                given = {"unit": unit, "task": "查", **({"due": day_s} if chance.random() < 0.8 else {})}
                strand = desk.act(DISPATCHER, ticket.tid, "suborder", "create", given)
                if chance.random() < 0.3:
                    desk.act(DISPATCHER, ticket.tid, strand.sid, "waive", {"reason": "免"})
        if chance.random() < 0.2:
            desk.move(AGENT, ticket.tid, "withdraw", {"reason": "不办了"})
    tickets = every(store)
    found_any = set()
    for ahead in (0, 2, 4, 6, 8, 11, 40):
        now_s = began_s + ahead * DAY_S
        for unit in ("", "lamp", "water"):
            told = {t.tid: clock_of(t, desk.strands(t.tid), unit, now_s) for t in tickets}
            for clock in ("overdue", "soon"):
                query = Query(clock=clock, now_s=now_s, concerned=(unit,) if unit else ())
                found = {t.tid for t in finder.find(query, rows=100).tickets}
                assert found == {tid for tid, word in told.items() if word == clock}, (ahead, unit, clock)
                assert finder.count(query)[0] == len(found)
                found_any |= {(clock, unit, t) for t in found}
    assert len({(clock, unit) for clock, unit, _ in found_any}) == 6
    with store.database.connection_context():
        now = everything_found_by(store)
        store.rebuild()
        assert everything_found_by(store) == now
