"""When the calendar changes: open tickets get new dates with a line in their story, done ones keep theirs."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.calendar.keeping import CalendarKeeper
from appliance.calendar.reading import read
from appliance.calendar.site import RECKON, SiteCalendar
from appliance.events import Fact, Stamp
from appliance.store.jobs import Again, Done, Job, Runner
from appliance.store.store import Store
from appliance.tickets import strand_table
from appliance.tickets.desk import TicketDesk
from appliance.tickets.strands import DUE, EVENT, Strand, replay
from appliance.tickets.ticket import Ticket
from tests.test_calendar_site import ADMINISTRATOR, as_json, notice
from tests.test_tickets_due import CENTRE, CITIZEN, LAMP, SECOND, TOLD, Clock, at, told


class Keeping:
    """A box in November, with the keeper of its calendar."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.desk = TicketDesk(store, self.clock)
        self.alarms: list[str] = []
        self.stopping = False
        self.keeper = CalendarKeeper(store, self.alarms.append, lambda: self.stopping, self.clock)
        self.runner = Runner(store, {RECKON: self.keeper.reckon})

    def report(self) -> Ticket:
        """A ticket due in thirty working days, beyond New Year."""
        ticket = self.desk.create(CITIZEN, "web", {**TOLD, "kind": "report"})
        return self.desk.move(CENTRE, ticket.tid, "accept")

    def imports(self) -> None:
        """Import next year's notice."""
        SiteCalendar(self.store).load(ADMINISTRATOR, read(as_json(notice()), "7号"))

    def dues(self) -> int:
        """How many events say that due dates changed."""
        return int(self.store.rows("SELECT count(*) FROM event WHERE kind = 'ticket.due'")[0][0])


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Keeping]:
    store = Store(tmp_path / "box.db", 1, bind=False)
    with store.transaction():
        store.execute(
            "INSERT INTO unit (code, name, name_en, site, phone) VALUES ('lamp', '路灯', 'Lamps', 1, '')"
        )
    with store.database.connection_context():
        yield Keeping(store)


def test_an_import_makes_provisional_dates_sure_with_a_line_in_the_story(box: Keeping) -> None:
    box.clock.now_s = at("2026-12-31 09:00")
    ticket = box.report()
    assert (told(ticket.case_due_s), ticket.provisional) == ("2027-02-19 00:00", True)
    box.imports()
    assert box.runner.run_due() == 1
    after = box.desk.get(ticket.tid)
    assert (told(after.case_due_s), after.provisional) == ("2027-02-21 00:00", False)
    assert after.case_due_original_s == ticket.case_due_original_s
    (step,) = (step for step in box.desk.timeline(ticket.tid) if step.what == "due")
    assert step.text == "案件限期：2027-02-18 24:00 → 2027-02-20 24:00\n依据：工作日历更新"
    before = box.store.rows("SELECT * FROM ticket ORDER BY tid")
    box.store.rebuild()
    assert box.store.rows("SELECT * FROM ticket ORDER BY tid") == before


def test_a_date_that_stays_the_same_is_told_to_be_sure_now(box: Keeping) -> None:
    ticket = box.report()
    assert ticket.provisional
    box.imports()
    box.runner.run_due()
    (step,) = (step for step in box.desk.timeline(ticket.tid) if step.what == "due")
    assert step.text.startswith("案件限期：2027-01-05 24:00（确定）")
    assert not box.desk.get(ticket.tid).provisional


def test_a_ticket_that_is_answered_is_never_made_late(box: Keeping) -> None:
    ticket = box.report()
    box.desk.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp"})
    box.desk.move(LAMP, ticket.tid, "sign")
    box.desk.move(LAMP, ticket.tid, "submit_result", {"result": "已办"})
    done = box.desk.move(CENTRE, ticket.tid, "pass", {"answer": "已办"})
    box.store.execute("UPDATE ticket SET state_s = ?", box.clock.now_s)
    box.imports()
    box.runner.run_due()
    assert box.desk.get(ticket.tid).case_clock == done.case_clock
    assert box.dues() == 0


def test_the_next_step_follows_the_calendar_too_even_where_no_clock_runs(box: Keeping) -> None:
    box.clock.now_s = at("2026-12-31 09:00")
    SiteCalendar(box.store).enter(ADMINISTRATOR, date(2027, 1, 5), False, "停电")
    ticket = box.desk.create(CITIZEN, "web", TOLD)
    ticket = box.desk.move(CENTRE, ticket.tid, "ask_info", {"reason": "请补充地址"})
    assert told(ticket.step_due_s) == "2027-01-12 00:00"
    box.store.execute("UPDATE ticket SET state_s = ?", box.clock.now_s)
    SiteCalendar(box.store).forget(ADMINISTRATOR, date(2027, 1, 5))
    box.runner.run_due()
    assert told(box.desk.get(ticket.tid).step_due_s) == "2027-01-09 00:00"
    (step,) = (step for step in box.desk.timeline(ticket.tid) if step.what == "due")
    assert "下一步期限：" in step.text


def test_a_step_that_was_made_meanwhile_keeps_its_date(box: Keeping) -> None:
    ticket = box.report()
    late = {"due": {"step_s": 1.0, "state": "REGISTERED"}, "why": "calendar"}
    box.store.record(Fact("ticket.due", late, ticket.tid))
    assert box.desk.get(ticket.tid).step_due_s == ticket.step_due_s


def test_a_unit_that_has_handed_in_keeps_its_date_while_the_case_gets_its_new_one(box: Keeping) -> None:
    box.clock.now_s = at("2026-12-31 09:00")
    ticket = box.report()
    box.desk.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp"})
    box.desk.move(LAMP, ticket.tid, "sign")
    box.desk.move(LAMP, ticket.tid, "submit_result", {"result": "已办"})
    box.imports()
    box.runner.run_due()
    after = box.desk.get(ticket.tid)
    assert (told(after.case_due_s), told(after.unit_due_s)) == ("2027-02-21 00:00", "2027-02-19 00:00")


def sub_order(box: Keeping, **given: object) -> tuple[Ticket, Strand]:
    """A report at the street lights, with a sub-order of the same unit's colleagues."""
    ticket = box.report()
    box.desk.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp"})
    with box.store.transaction():
        box.store.execute(
            "INSERT INTO unit (code, name, name_en, site, phone) VALUES ('water', '供水', 'Water', 1, '')"
        )
    fields = {"unit": "water", "task": "查水", **given}
    return ticket, box.desk.act(CENTRE, ticket.tid, "suborder", "create", fields)


def suborder_now(box: Keeping, strand: Strand) -> tuple[str, bool]:
    now = strand_table.load(box.store, strand.sid)
    assert now is not None
    return told(now.due_s), now.provisional


def test_a_sub_order_follows_the_calendar_with_its_case(box: Keeping) -> None:
    box.clock.now_s = at("2026-12-31 09:00")
    ticket, strand = sub_order(box)
    assert suborder_now(box, strand) == ("2027-02-18 00:00", True)
    box.imports()
    box.runner.run_due()
    assert suborder_now(box, strand) == ("2027-02-20 00:00", False)
    (step,) = (step for step in box.desk.timeline(ticket.tid) if step.what == "due" and step.beside)
    assert step.zh == "协办单：限期调整"
    assert step.text == "限期：2027-02-17 24:00 → 2027-02-19 24:00\n依据：工作日历更新"
    before = box.store.rows("SELECT * FROM strand ORDER BY sid")
    box.store.rebuild()
    assert box.store.rows("SELECT * FROM strand ORDER BY sid") == before
    events = len(box.store.history(ticket.tid))
    assert isinstance(box.keeper.reckon(Job(1, RECKON, "", {}, 1)), Done)
    assert len(box.store.history(ticket.tid)) == events


def test_a_sub_order_with_a_date_of_its_own_keeps_it(box: Keeping) -> None:
    box.clock.now_s = at("2026-12-31 09:00")
    _, strand = sub_order(box, due=at("2027-01-20 18:00"))
    before = suborder_now(box, strand)
    box.imports()
    box.runner.run_due()
    assert suborder_now(box, strand) == before


def test_no_calendar_makes_a_sub_order_late_that_is_over(box: Keeping) -> None:
    box.clock.now_s = at("2026-12-31 09:00")
    ticket, strand = sub_order(box)
    box.desk.act(CENTRE, ticket.tid, strand.sid, "waive", {"reason": "不需要"})
    box.imports()
    box.runner.run_due()
    assert suborder_now(box, strand) == ("2027-02-18 00:00", True)
    late = {"strand": strand.sid.hex(), "due": 1.0, "why": "calendar"}
    box.store.record(Fact(DUE, late, ticket.tid))
    assert suborder_now(box, strand) == ("2027-02-18 00:00", True)


def test_a_sub_order_follows_its_case_when_that_gets_more_time(box: Keeping) -> None:
    ticket, strand = sub_order(box)
    before = suborder_now(box, strand)[0]
    asked = box.desk.act(LAMP, ticket.tid, "extension", "ask", {"days": 3, "reason": "材料未到"})
    box.desk.act(SECOND, ticket.tid, asked.sid, "approve")
    assert suborder_now(box, strand)[0] > before
    (step,) = (step for step in box.desk.timeline(ticket.tid) if step.what == "due" and step.beside)
    assert step.text.endswith("依据：延期批准")


@given(order=st.permutations(range(4)))
def test_all_boxes_agree_on_a_sub_orders_date_whatever_came_first(order: list[int]) -> None:
    stamp = Stamp(1)
    opened = {"kind": "suborder", "step": "create", "from": "", "to": "SENT", "role": "DP"}
    first = stamp.event(Fact(EVENT, {**opened, "due": 5.0, "ahead": 1}, b"t"))
    strand = {"strand": first.eid.hex()}
    dated = stamp.event(Fact(DUE, {**strand, "due": 7.0}, b"t"))
    closing = {**opened, "step": "waive", "from": "SENT", "to": "WAIVED", "ended": True}
    closed = stamp.event(Fact(EVENT, {**closing, **strand}, b"t"))
    late = stamp.event(Fact(DUE, {**strand, "due": 1.0}, b"t"))
    events = [first, dated, closed, late]
    found = replay(events[at] for at in order)
    assert found is not None
    assert (found.due_s, found.ahead_wd, found.open) == (7.0, 1, False)


def test_reckoning_twice_writes_once(box: Keeping) -> None:
    box.report()
    box.imports()
    box.runner.run_due()
    written = box.dues()
    assert isinstance(box.keeper.reckon(Job(1, RECKON, "", {}, 1)), Done)
    assert box.dues() == written == 1


def test_many_tickets_are_reckoned_some_at_a_time_and_a_stopped_box_goes_on_later(box: Keeping) -> None:
    tickets = [box.report() for _ in range(5)]
    box.imports()
    changed, last = box.desk.dues.reckon_anew(limit=3)
    assert (changed, last) == (3, sorted(ticket.tid for ticket in tickets)[2])
    assert box.desk.dues.reckon_anew(last, limit=3) == (2, b"")
    box.stopping = True
    assert isinstance(box.keeper.reckon(Job(1, RECKON, "", {}, 1)), Again)


def test_a_ticket_of_another_site_is_left_to_that_site(box: Keeping, tmp_path: Path) -> None:
    other = Store(tmp_path / "other.db", 2, bind=False)
    ticket = TicketDesk(other, box.clock).create(CITIZEN, "web", {**TOLD, "kind": "report"})
    TicketDesk(other, box.clock).move(CENTRE, ticket.tid, "accept")
    box.store.take(other.history(ticket.tid))
    box.imports()
    box.runner.run_due()
    assert box.dues() == 0


def test_the_keeper_orders_a_reckoning_once_whatever_changed_the_calendar(box: Keeping) -> None:
    box.keeper.look()
    assert box.runner.run_due() == 0
    SiteCalendar(box.store).enter(ADMINISTRATOR, date(2026, 12, 1), False, "停工")
    box.keeper.look()
    assert box.runner.run_due() == 1


def test_from_november_on_the_box_says_that_next_year_is_missing_until_it_is_imported(box: Keeping) -> None:
    box.clock.now_s = at("2026-10-31 09:00")
    box.keeper.look()
    box.clock.now_s = at("2026-11-01 09:00")
    box.keeper.look()
    box.imports()
    box.runner.run_due()
    assert [alarm.partition("\t")[2] for alarm in box.alarms] == ["", "2027", ""]
    assert box.alarms[1].startswith("Next year's holidays are not loaded")
