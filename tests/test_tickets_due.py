"""Due dates in the story of a ticket: what each step makes of its two clocks, and what the row keeps."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.clocks import Limit
from appliance.tickets.desk import TicketDesk
from appliance.tickets.due import clocks_of
from appliance.tickets.ticket import Ticket

CENTRE = Actor("1200", "周建国", frozenset({"AG", "DP", "SV", "LD", "CB"}))
SECOND = Actor("1400", "郑宏伟", frozenset({"DP", "LD", "CB"}))
LAMP = Actor("2001", "孙立", frozenset({"U2", "UL"}), "lamp")
CITIZEN = Actor("", "市民", frozenset({"C"}))
TOLD = {"kind": "complaint", "title": "路灯不亮", "content": "三盏路灯不亮", "category": "0101"}


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def told(due_s: float | None) -> str:
    return datetime.fromtimestamp(due_s).isoformat(" ", "minutes") if due_s else ""


class Clock:
    """The time of the desk."""

    def __init__(self) -> None:
        self.now_s = at("2026-11-23 09:00")

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(scope="module")
def store(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("due") / "box.db", 1, bind=False)
    with store.transaction():
        store.execute(
            "INSERT INTO unit (code, name, name_en, site, phone) VALUES ('lamp', '路灯', 'Lamps', 1, '')"
        )
    with store.database.connection_context():
        yield store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(store: Store, clock: Clock) -> TicketDesk:
    return TicketDesk(store, clock)


def accepted(desk: TicketDesk, **fields: str) -> Ticket:
    ticket = desk.create(CITIZEN, "web", {**TOLD, **fields})
    return desk.move(CENTRE, ticket.tid, "accept")


def handling(desk: TicketDesk) -> Ticket:
    ticket = desk.move(CENTRE, accepted(desk).tid, "dispatch", {"unit": "lamp"})
    return desk.move(LAMP, ticket.tid, "sign")


def answered(desk: TicketDesk) -> Ticket:
    ticket = desk.move(LAMP, handling(desk).tid, "submit_result", {"result": "已修复"})
    return desk.move(CENTRE, ticket.tid, "pass", {"answer": "路灯已修复"})


def test_nothing_is_due_before_a_case_is_accepted(desk: TicketDesk) -> None:
    ticket = desk.create(CITIZEN, "web", TOLD)
    assert (ticket.case_due_s, ticket.unit_due_s, ticket.due_s) == (None, None, None)


@pytest.mark.parametrize(
    ("source", "due"),
    [
        *(("sms", "2026-11-23 09:03"), ("web", "2026-11-24 09:00"), ("letter", "2026-11-25 00:00")),
        *(("visit", "2026-11-25 00:00"), ("phone", "")),
    ],
)
def test_what_comes_in_is_to_be_accepted_as_fast_as_its_channel(
    desk: TicketDesk, source: str, due: str
) -> None:
    assert told(desk.create(CENTRE, source, TOLD).step_due_s) == due


def test_a_letter_is_taken_even_by_a_box_whose_clock_is_far_off(desk: TicketDesk, clock: Clock) -> None:
    clock.now_s = at("2050-12-31 09:00")
    assert desk.create(CENTRE, "letter", TOLD).step_due_s is None


def test_a_ticket_accepted_before_there_were_clocks_has_run_since_then(
    desk: TicketDesk, store: Store
) -> None:
    ticket = desk.create(CITIZEN, "web", TOLD)
    old = {"move": "accept", "from": "REGISTERED", "to": "ACCEPTED", "role": "DP"}
    store.record(Fact("ticket.moved", old, ticket.tid))
    accepted_s = desk.get(ticket.tid).accepted_s
    ticket = desk.move(CENTRE, ticket.tid, "self_handle")
    case = clocks_of(ticket).case
    assert case is not None
    assert case.start_s == accepted_s


def test_a_complaint_is_to_be_answered_in_fifteen_working_days(desk: TicketDesk) -> None:
    ticket = accepted(desk)
    assert told(ticket.case_due_s) == "2026-12-15 00:00"
    assert ticket.case_due_original_s == ticket.case_due_s == ticket.due_s
    assert told(ticket.warn_s) == "2026-12-10 00:00"
    assert told(ticket.step_due_s) == "2026-11-23 09:30"
    assert (ticket.unit_due_s, ticket.provisional) == (None, False)


def test_a_report_accepted_late_in_the_year_has_a_provisional_date(desk: TicketDesk) -> None:
    ticket = accepted(desk, kind="report")
    assert (told(ticket.case_due_s), ticket.provisional) == ("2027-01-06 00:00", True)


def test_what_is_urgent_has_hours(desk: TicketDesk) -> None:
    assert told(accepted(desk, urgency="critical").case_due_s) == "2026-11-23 11:00"


def test_the_units_clock_begins_with_the_dispatch_and_stops_with_its_result(
    desk: TicketDesk, clock: Clock
) -> None:
    ticket = accepted(desk)
    clock.now_s = at("2026-11-25 10:00")
    ticket = desk.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp"})
    assert told(ticket.unit_due_s) == "2026-12-17 00:00"
    assert ticket.due_s == ticket.case_due_s
    assert told(ticket.step_due_s) == "2026-11-27 00:00"
    ticket = desk.move(LAMP, ticket.tid, "sign")
    assert ticket.step_due_s is None
    ticket = desk.move(LAMP, ticket.tid, "submit_result", {"result": "已修复"})
    assert clocks_of(ticket).unit is not None
    assert (told(ticket.unit_due_s), ticket.due_s) == ("2026-12-17 00:00", ticket.case_due_s)
    ticket = desk.move(CENTRE, ticket.tid, "pass", {"answer": "路灯已修复"})
    assert (ticket.due_s, ticket.warn_s) == (None, None)
    assert told(ticket.case_due_s) == "2026-12-15 00:00"


def test_rework_gives_the_unit_the_time_the_centre_took_and_the_case_none(
    desk: TicketDesk, clock: Clock
) -> None:
    ticket = handling(desk)
    clock.now_s = at("2026-11-25 00:00")
    ticket = desk.move(LAMP, ticket.tid, "submit_result", {"result": "已修复"})
    clock.now_s = at("2026-11-27 00:00")
    ticket = desk.move(CENTRE, ticket.tid, "rework", {"reason": "没有照片"})
    assert told(ticket.unit_due_s) == "2026-12-17 00:00"
    assert told(ticket.case_due_s) == "2026-12-15 00:00"


def test_suspending_holds_both_clocks_and_resuming_gives_the_days_back(
    desk: TicketDesk, clock: Clock
) -> None:
    ticket = handling(desk)
    clock.now_s = at("2026-11-30 00:00")
    planned = {"reason": "冬季停工", "planned": "2026-12-20"}
    ticket = desk.move(CENTRE, ticket.tid, "approve_suspend", planned)
    assert (ticket.paused_s, ticket.due_s) == (clock.now_s, None)
    assert desk.lists(due="paused").total >= 1
    clock.now_s = at("2026-12-07 00:00")
    ticket = desk.move(CENTRE, ticket.tid, "resume")
    assert ticket.paused_s is None
    assert told(ticket.case_due_s) == told(ticket.unit_due_s) == "2026-12-22 00:00"
    assert told(ticket.case_due_original_s) == "2026-12-15 00:00"


def test_what_was_returned_is_no_units_any_more_and_the_case_goes_on(desk: TicketDesk) -> None:
    ticket = desk.move(LAMP, handling(desk).tid, "request_return", {"reason": "不属本单位职责"})
    assert ticket.unit_due_s is not None
    ticket = desk.move(CENTRE, ticket.tid, "approve_return")
    assert (ticket.unit_due_s, told(ticket.case_due_s)) == (None, "2026-12-15 00:00")


def test_a_second_round_has_half_of_the_limit_and_the_first_date_is_kept(
    desk: TicketDesk, clock: Clock
) -> None:
    ticket = answered(desk)
    clock.now_s = at("2026-12-21 09:00")
    bad = {"rating": "dissatisfied", "reason": "仍不亮", "why": "not_solved"}
    ticket = desk.move(CENTRE, ticket.tid, "dissatisfied", bad)
    ticket = desk.move(SECOND, ticket.tid, "second_dispatch", {"reason": "重新办理"})
    assert clocks_of(ticket).case.n == 8  # type: ignore[union-attr]
    assert told(ticket.case_due_original_s) == "2026-12-15 00:00"
    ticket = desk.move(SECOND, ticket.tid, "dispatch", {"unit": "lamp"})
    assert clocks_of(ticket).unit.n == 8  # type: ignore[union-attr]


def test_a_citizen_who_comes_back_gets_a_round_of_half_the_limit(desk: TicketDesk, clock: Clock) -> None:
    ticket = desk.move(CENTRE, answered(desk).tid, "satisfied", {"rating": "satisfied"})
    ticket = desk.move(CENTRE, ticket.tid, "citizen_reopen", {"reason": "又不亮了"})
    assert ticket.due_s is None
    clock.now_s = at("2026-12-01 09:00")
    ticket = desk.move(CENTRE, ticket.tid, "accept")
    assert told(ticket.case_due_s) == "2026-12-12 00:00"


def test_another_kind_has_another_limit_from_the_same_beginning(desk: TicketDesk, clock: Clock) -> None:
    ticket = accepted(desk)
    clock.now_s = at("2026-11-25 09:00")
    ticket = desk.edit(CENTRE, ticket.tid, {"kind": "consult"})
    assert told(ticket.case_due_s) == told(ticket.case_due_original_s) == "2026-12-01 00:00"
    same = desk.edit(CENTRE, ticket.tid, {"title": "另一个标题"})
    assert same.case_due_s == ticket.case_due_s


def test_a_move_that_lost_a_race_changes_no_due_date(desk: TicketDesk, store: Store) -> None:
    ticket = answered(desk)
    late = {"move": "sign", "from": "DISPATCHED", "to": "HANDLING", "role": "U2", "due": {"case": None}}
    store.record(Fact("ticket.moved", late, ticket.tid))
    assert desk.get(ticket.tid).case_due_s == ticket.case_due_s


def test_a_new_date_that_comes_when_all_is_done_changes_nothing(desk: TicketDesk, store: Store) -> None:
    ticket = answered(desk)
    early = {"case": {"start_s": 1.0, "n": 1, "due_s": 2.0}}
    store.record(Fact("ticket.due", {"due": early, "why": "calendar"}, ticket.tid))
    assert desk.get(ticket.tid).case_due_s == ticket.case_due_s


@pytest.mark.parametrize(
    "due", [{"case": 7}, {"case": {"unit": "weeks", "n": 2}}, {"unit": []}, {"step_s": "x"}]
)
def test_what_a_later_version_says_about_dates_is_kept_and_stops_nothing(
    desk: TicketDesk, store: Store, due: dict[str, object]
) -> None:
    ticket = accepted(desk)
    odd = {"move": "self_handle", "from": "ACCEPTED", "to": "SELF_HANDLING", "role": "DP", "due": due}
    store.record(Fact("ticket.moved", odd, ticket.tid))
    assert desk.get(ticket.tid).state == "SELF_HANDLING"
    assert desk.move(CENTRE, ticket.tid, "reply", {"result": "已答复"}).state == "FEEDBACK"


def test_lists_are_narrowed_to_what_is_overdue_or_due_soon_most_urgent_first(
    desk: TicketDesk, clock: Clock
) -> None:
    soon, later = accepted(desk, kind="consult"), accepted(desk, kind="report")
    clock.now_s = at("2026-11-30 12:00")
    found = {name: [t.tid for t in desk.lists(due=name, rows=500).tickets] for name in ("soon", "overdue")}
    assert soon.tid in found["soon"]
    assert soon.tid not in found["overdue"]
    clock.now_s = at("2026-12-01 00:01")
    overdue = desk.lists(due="overdue", rows=500).tickets
    assert soon.tid in [t.tid for t in overdue]
    assert later.tid not in [t.tid for t in overdue]
    assert [t.due_s for t in overdue] == sorted(t.due_s or 0 for t in overdue)
    counts = desk.due_counts()
    assert counts["overdue"] == len(overdue)
    running = desk.lists(due="running", rows=500)
    assert {soon.tid, later.tid} <= {t.tid for t in running.tickets}
    assert later.tid in {t.tid for t in desk.lists(due="provisional", rows=500).tickets}


def test_a_box_whose_clock_is_far_off_says_so(desk: TicketDesk, clock: Clock) -> None:
    ticket = desk.create(CITIZEN, "web", TOLD)
    clock.now_s = at("2050-12-25 09:00")
    with pytest.raises(Refused, match="calendar does not reach"):
        desk.move(CENTRE, ticket.tid, "accept")


def test_folding_the_log_anew_gives_the_same_dates(desk: TicketDesk, store: Store) -> None:
    columns = "tid, case_due_s, case_due_original_s, unit_due_s, provisional, paused_s, due_s, warn_s"
    rows = f"SELECT {columns}, step_due_s, case_clock, unit_clock FROM ticket ORDER BY tid"
    before = store.rows(rows)
    store.rebuild()
    assert store.rows(rows) == before


def test_limits_of_a_ticket_are_readable_from_its_clock(desk: TicketDesk) -> None:
    case = clocks_of(accepted(desk)).case
    assert case is not None
    assert Limit(case.n, case.unit) == Limit(15)
