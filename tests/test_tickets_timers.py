"""What the box does by itself with tickets that wait for nobody."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.people import CITIZEN, Actor
from appliance.store.store import Store
from appliance.tickets import timers
from appliance.tickets.desk import TicketDesk
from appliance.tickets.ticket import Ticket
from appliance.tickets.timers import BATCH, DAY_S, TIMERS, run_timers
from appliance.tickets.workflow import MOVES, STEPS
from tests.ticket_desk import ADMIN, LAMP, SUPERVISOR, Clock, Office
from tests.ticket_desk import DISPATCHER as AGENT_DP

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
TOLD = {"kind": "consult", "title": "公交末班", "content": "6 路末班几点"}


def kinds(office: Office, ticket: Ticket) -> list[str]:
    return [strand.kind for strand in office.desk.strands(ticket.tid)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "box.db", 1, bind=False)


def test_every_timer_makes_a_move_the_box_may_make_without_fields() -> None:
    for timer in TIMERS:
        move = STEPS[timer.state, timer.move]
        assert "SYS" in move.who
        assert (move.needs, move.reason) == ((), bool(timer.reason))


def test_a_unit_is_urged_at_yellow_at_red_and_daily_and_supervised_once(tmp_path: Path) -> None:
    clock = Clock(time.time())
    office = Office(tmp_path, clock)
    ticket = office.handling()
    assert ticket.warn_s is not None
    assert ticket.due_s is not None

    def at(moment_s: float) -> int:
        clock.at_s = moment_s
        return run_timers(office.store, moment_s)

    assert [at(ticket.warn_s + s) for s in (-60, 60, 120)] == [0, 1, 0]
    assert kinds(office, ticket) == ["urge"]
    assert at(ticket.due_s + 60) == 2
    assert kinds(office, ticket) == ["urge", "urge", "supervision"]
    assert [at(ticket.due_s + s) for s in (120, DAY_S + 180)] == [0, 1]


def test_the_unit_on_duty_gets_a_message_with_the_dispatch_and_the_citizen_with_the_signature(
    tmp_path: Path,
) -> None:
    office = Office(tmp_path)
    office.desk.dictionary.set(ADMIN, "unit", "lamp", {"duty_phone": "13800000001"})
    ticket = office.desk.move(
        AGENT_DP, office.accepted(phone="13900000002").tid, "dispatch", {"unit": "lamp"}
    )
    office.desk.move(LAMP, ticket.tid, "sign")
    sent = office.store.rows("SELECT number, text FROM short_message WHERE direction = 'out' ORDER BY at_s")
    assert [number for number, _ in sent] == ["13900000002", "13800000001", "13900000002"]
    assert all(word in sent[0][1] for word in ("已受理", ticket.number))
    assert ticket.number in sent[1][1]
    assert "lamp单位" in sent[2][1]


def test_somebody_is_urged_at_the_time_that_was_set(tmp_path: Path) -> None:
    clock = Clock(time.time())
    office = Office(tmp_path, clock)
    ticket = office.handling()
    at = time.strftime("%Y-%m-%dT%H:%M", time.localtime(clock() + 7200))
    office.desk.act(AGENT, ticket.tid, "reminder", "set", {"at": at, "text": "请回电市民"})
    assert run_timers(office.store, clock()) == 0
    clock.at_s += 7300
    assert run_timers(office.store, clock()) == 1
    states = {
        strand.kind: (strand.state, strand.fields.get("text")) for strand in office.desk.strands(ticket.tid)
    }
    assert states == {"reminder": ("URGED", "请回电市民"), "urge": ("SENT", "请回电市民")}


def test_what_somebody_supervises_already_keeps_no_other_ticket_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "BATCH", 1)
    clock = Clock(time.time())
    office = Office(tmp_path, clock)
    first = office.handling()
    office.desk.act(SUPERVISOR, first.tid, "supervision", "issue", {"level": "key", "opinion": "尽快"})
    clock.at_s += 60
    second = office.handling()
    assert second.due_s is not None
    clock.at_s = second.due_s + 60
    run_timers(office.store, clock.at_s)
    assert [kinds(office, ticket).count("supervision") for ticket in (first, second)] == [1, 1]


@pytest.mark.parametrize("left", ["nobody", "by people", "with more to say"])
def test_a_move_the_workflow_of_some_leaves_to_people_keeps_no_other_ticket_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    monkeypatch.setattr(timers, "BATCH", 1)
    clock = Clock(time.time())
    office = Office(tmp_path, clock)
    changed: dict[str, dict[str, Any]] = {
        "nobody": {"name": "give_up"},
        "by people": {"who": frozenset({"DP"})},
        "with more to say": {"needs": ("text",)},
    }
    moves = [replace(m, **changed[left]) if m.name == "info_timeout" else m for m in MOVES]
    office.desk.workflows.publish(ADMIN, "patient", moves, ("complaint",), "耐心等待")
    asked = [office.registered(), office.registered(kind="repair")]
    for ticket in asked:
        office.desk.move(AGENT_DP, ticket.tid, "ask_info", {"reason": "请补充地址"})
        clock.at_s += 60
    clock.at_s += 30 * DAY_S
    run_timers(office.store, clock.at_s)
    assert [office.again(ticket).state for ticket in asked] == ["NEED_INFO", "WITHDRAWN"]


def test_a_reminder_of_an_archived_ticket_is_left_alone(tmp_path: Path) -> None:
    clock = Clock(time.time())
    office = Office(tmp_path, clock)
    ticket = office.handling()
    at = time.strftime("%Y-%m-%dT%H:%M", time.localtime(clock() + 7200))
    office.desk.act(AGENT, ticket.tid, "reminder", "set", {"at": at})
    for actor, move in ((AGENT, "withdraw"), (AGENT_DP, "confirm_close"), (AGENT_DP, "archive")):
        office.desk.move(actor, ticket.tid, move, {"reason": "已解决"} if move == "withdraw" else {})
    clock.at_s += 7300
    assert run_timers(office.store, clock()) == 0


def test_what_is_brought_again_and_again_is_supervised_by_itself(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.desk.dictionary.set(ADMIN, "parameter", "supervise_repeat", {"value": 2})
    ticket = office.handling()
    for _ in range(2):
        assert run_timers(office.store, time.time()) == 0
        office.desk.again(AGENT, ticket.tid)
    assert run_timers(office.store, time.time()) == 1
    assert "supervision" in kinds(office, ticket)


def test_a_suspension_ends_on_its_day_and_a_silent_inspector_holds_nobody_up(tmp_path: Path) -> None:
    office = Office(tmp_path)
    desk, later_s = office.desk, time.time() + 3 * DAY_S
    suspended = office.handling()
    planned = time.strftime("%Y-%m-%d", time.localtime(time.time() + 2 * DAY_S))
    desk.move(AGENT_DP, suspended.tid, "approve_suspend", {"planned": planned, "reason": "等"})
    verifying = desk.move(AGENT, office.registered().tid, "request_verify")
    assert run_timers(office.store, time.time()) == 0
    run_timers(office.store, later_s)
    assert [office.again(t).state for t in (suspended, verifying)] == ["HANDLING", "ACCEPTED"]


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
