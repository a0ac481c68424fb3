"""What the box does by itself with tickets that wait for nobody."""

import time
from pathlib import Path

import pytest

from appliance.people import CITIZEN, Actor
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.timers import BATCH, DAY_S, TIMERS, run_timers
from appliance.tickets.workflow import STEPS

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
TOLD = {"kind": "consult", "title": "公交末班", "content": "6 路末班几点"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "box.db", 1, bind=False)


def test_every_timer_makes_a_move_the_box_may_make_without_fields() -> None:
    for timer in TIMERS:
        move = STEPS[timer.state, timer.move]
        assert "SYS" in move.who
        assert (move.needs, move.reason) == ((), False)


def test_a_question_nobody_rates_is_closed_after_a_day_and_archived_after_a_month(store: Store) -> None:
    desk = TicketDesk(store)
    ticket = desk.create(AGENT, "phone", TOLD)
    desk.move(AGENT, ticket.tid, "answer_on_line", {"answer": "23 点"})
    now_s = time.time()
    assert run_timers(store, now_s + DAY_S - 60) == 0
    assert run_timers(store, now_s + DAY_S + 60) == 1
    assert desk.get(ticket.tid).state == "CLOSED"
    assert run_timers(store, now_s + 30 * DAY_S + 60) == 1
    assert desk.get(ticket.tid).state == "ARCHIVED"


def test_only_the_site_that_registered_a_ticket_moves_it(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other.db", 2, bind=False)
    ticket = TicketDesk(other).create(CITIZEN, "web", TOLD)
    TicketDesk(other).move(AGENT, ticket.tid, "withdraw", {"reason": "不用了"})
    store.take(other.history(ticket.tid))
    later_s = time.time() + 31 * DAY_S
    assert (run_timers(store, later_s), run_timers(other, later_s)) == (0, 1)


def test_a_full_cupboard_is_archived_a_batch_at_a_time(store: Store) -> None:
    desk = TicketDesk(store)
    with store.transaction():
        for _ in range(BATCH + 3):
            ticket = desk.create(CITIZEN, "web", TOLD)
            desk.move(AGENT, ticket.tid, "withdraw", {"reason": "不用了"})
    later_s = time.time() + 31 * DAY_S
    assert [run_timers(store, later_s) for _ in range(3)] == [BATCH, 3, 0]
