"""Due dates on the pages: a word beside every colour, what is left, lists of what is late."""

import re
import time
from pathlib import Path

import pytest

from appliance.calendar.hours import written
from appliance.events import Fact
from appliance.people import Actor
from appliance.tickets.clocks import Clock, Left
from appliance.tickets.desk import TicketDesk
from appliance.tickets.ticket import Ticket
from tests.web_pages import Web, open_web
from web.due_shown import left_title, limit_title, limit_words, mark

CENTRE = Actor("1200", "周建国", frozenset({"AG", "DP", "LD"}))
LAMP = Actor("2001", "孙立", frozenset({"U2", "UL"}), unit="lamp")
DAY_S = 86_400.0


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path / "box")


def accepted(web: Web, days_ago: float, **fields: str) -> Ticket:
    """A ticket accepted some days ago, as its clocks see it."""
    desk = TicketDesk(web.box.store, lambda: time.time() - days_ago * DAY_S)
    category = web.box.store.rows("SELECT code FROM category WHERE parent = '' LIMIT 1")[0][0]
    told = {"kind": "consult", "title": "路灯", "content": "不亮", "category": category, **fields}
    return desk.move(CENTRE, desk.create(CENTRE, "web", told).tid, "accept")


def test_lists_say_in_words_what_is_late_and_what_is_not(web: Web) -> None:
    late, fresh = accepted(web, 40), accepted(web, 0, kind="report")
    page = web.visitor("9000").get("/tickets?list=all").text
    assert f'data-test="due-{late.number}" data-due="red">已超期<' in page
    assert f'data-test="due-{fresh.number}" data-due="green">正常<' in page
    assert "剩30个工作日" in page
    assert "个工作日" in page.partition(f"due-{late.number}")[2][:300]


def test_what_is_overdue_is_a_list_of_its_own(web: Web) -> None:
    late, fresh = accepted(web, 40), accepted(web, 0)
    page = web.visitor("9000").get("/tickets?list=all&due=overdue").text
    assert late.number in page
    assert fresh.number not in page
    running = web.visitor("9000").get("/tickets?list=all&due=running").text
    assert running.index(late.number) < running.index(fresh.number)
    assert web.visitor("9000").get("/tickets?due=nonsense").status_code == 200


def test_a_ticket_tells_both_its_dates_and_the_next_step(web: Web) -> None:
    ticket = accepted(web, 0, kind="complaint")
    web.box.tickets.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp"})
    page = web.visitor("9000", "en").get(f"/tickets/{ticket.number}").text
    for key in ("case", "unit", "step"):
        assert f'data-test="due-{key}"' in page
    assert "15 working days left" in page
    assert "limit 15 working days" in page


def test_a_ticket_that_stands_still_is_on_hold_in_grey(web: Web) -> None:
    ticket = accepted(web, 0)
    desk = web.box.tickets
    desk.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp"})
    desk.move(LAMP, ticket.tid, "sign")
    planned = time.strftime("%Y-%m-%d", time.localtime(time.time() + 9 * DAY_S))
    desk.move(CENTRE, ticket.tid, "approve_suspend", {"reason": "冬季", "planned": planned})
    page = web.visitor("9000").get("/tickets?list=all&due=paused").text
    assert f'data-test="due-{ticket.number}" data-due="grey">暂停计时<' in page


def test_a_new_date_stands_in_the_story_in_the_readers_language(web: Web) -> None:
    ticket = accepted(web, 0)
    clock = {"start_s": ticket.created_s, "n": 9, "due_s": (ticket.case_due_s or 0) + 7 * DAY_S}
    web.box.store.record(Fact("ticket.due", {"due": {"case": clock}, "why": "calendar"}, ticket.tid))
    chinese = web.visitor("9000").get(f"/tickets/{ticket.number}").text
    assert "限期调整" in chinese
    assert "依据：工作日历更新" in chinese
    english = web.visitor("9000", "en").get(f"/tickets/{ticket.number}").text
    assert "Due date changed" in english
    assert "Because: the calendar changed" in english


def test_a_list_shows_the_worst_of_a_case_and_its_sub_orders(web: Web) -> None:
    ticket = accepted(web, 0, kind="complaint")
    desk = web.box.tickets
    desk.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp", "assisting": ["water"]})
    (strand,) = desk.strands(ticket.tid)
    late = {"strand": strand.sid.hex(), "due": time.time() - 10 * DAY_S, "why": "case"}
    web.box.store.record(Fact("ticket.strand_due", late, ticket.tid))
    mark_of_it = f'data-test="due-{ticket.number}" data-due="red">协办已超期<'
    for number, finds in (("9000", True), ("2001", True), ("2002", True), ("2003", False)):
        page = web.visitor(number).get("/tickets?list=all&due=overdue").text
        assert (mark_of_it in page) == finds, number
        counted = re.search(r'data-test="due-overdue">.*?<b class="num[^"]*">(\d+)</b>', page)
        assert counted is not None
        assert counted[1] == str(int(finds))


def test_a_sub_order_that_ends_with_a_day_tells_that_day_and_not_the_next(web: Web) -> None:
    ticket = accepted(web, 0, kind="complaint")
    desk = web.box.tickets
    desk.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp", "assisting": ["water"]})
    (strand,) = desk.strands(ticket.tid)
    assert strand.due_s is not None
    last = written(strand.due_s).removesuffix(" 24:00")
    page = web.visitor("1200").get(f"/tickets/{ticket.number}").text
    assert f"限期 {last}" in page
    assert f"限期：{last}" in page
    assert f">{last}<" in re.sub(r"\s", "", web.visitor("1200").get("/strands?kind=suborder").text)


def test_a_unit_is_told_of_its_own_sub_order_and_not_of_anothers(web: Web) -> None:
    ticket = accepted(web, 0, kind="complaint")
    desk = web.box.tickets
    desk.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp", "assisting": ["water", "green"]})
    (strand,) = (s for s in desk.strands(ticket.tid) if s.unit == "water")
    late = {"strand": strand.sid.hex(), "due": time.time() - 10 * DAY_S, "why": "case"}
    web.box.store.record(Fact("ticket.strand_due", late, ticket.tid))
    green = web.visitor("2007").get("/tickets?list=all").text
    assert f'data-test="due-{ticket.number}" data-due="green">协办未到期<' in green
    assert desk.due_counts("green") == {"overdue": 0, "soon": 0}
    assert desk.due_counts("water") == {"overdue": 1, "soon": 0}


def test_a_ticket_without_clocks_has_no_mark(web: Web) -> None:
    ticket = web.box.tickets.create(CENTRE, "web", {"title": "路灯"})
    assert mark(ticket) is None


@pytest.mark.parametrize(
    ("left", "unit", "words"),
    [
        (Left(False, 3, 1.0), "wd", "剩3个工作日"),
        (Left(False, 1, 1.0), "days", "剩1天"),
        (Left(False, 0, 1.0), "wd", "今日到期"),
        (Left(True, 2, 1.0), "days", "超2天"),
        (Left(True, 1, 1.0), "wd", "超1个工作日"),
        (Left(True, 0, 5400.0), "wd", "超1:30小时"),
        (Left(False, None, 5400.0), "hours", "剩1:30小时"),
    ],
)
def test_what_is_left_is_written_in_the_unit_of_the_limit(
    web: Web, left: Left, unit: str, words: str
) -> None:
    with web.app.test_request_context():
        assert left_title(left, unit) == words


def test_limits_are_written_in_every_unit(web: Web) -> None:
    clocks = [Clock(0.0, 2, unit) for unit in ("wd", "wh", "days", "hours", "minutes")]
    with web.app.test_request_context():
        found = [limit_title(clock.n, clock.unit) for clock in clocks]
        assert found == ["时限2个工作日", "时限2个工作小时", "时限2天", "时限2小时", "时限2分钟"]
        assert limit_words(web.box.tickets.dues.in_force.limits.return_within) == "1个工作日"
