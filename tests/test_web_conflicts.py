"""The page of conflicts: both sides in words, one click, and a count in the bar while any waits."""

import re
from pathlib import Path

import pytest

from appliance.causal import HEARD, heard
from appliance.events import Event, Fact, Stamp
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.ticket import Ticket
from tests.api_programs import Program
from tests.ticket_desk import AGENT, DISPATCHER, TOLD
from tests.web_pages import Web, open_web


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path)


def written_at_the_hub(store: Store, ticket: Ticket, kind: str, facts: dict[str, object]) -> Event:
    """Write of a ticket at the hub, which has heard of its beginning only."""
    (created, *_) = store.history(ticket.tid)
    said = {**facts, "by": "1200", "name": "中心值班", HEARD: heard([created.eid], 0)}
    stamp = Stamp(0)
    stamp.follow(bytes(store.rows("SELECT max(eid) FROM event")[0][0]))
    (event,) = store.take([stamp.event(Fact(kind, said, ticket.tid))], via="hub")
    return event


def edited_twice(store: Store, **fields: object) -> Ticket:
    """A ticket whose title was changed here and at the hub."""
    desk = TicketDesk(store)
    ticket = desk.create(AGENT, "web", {**TOLD, **fields})
    desk.edit(AGENT, ticket.tid, {"title": "东街路灯全灭", "phone": "10000000031"})
    edits = {"title": "东街三盏路灯", "phone": "10000000032"}
    written_at_the_hub(store, ticket, "ticket.edited", {"fields": edits})
    return ticket


def dispatched_twice(store: Store) -> Ticket:
    """A ticket dispatched here to the lamp office, at the hub to the water works."""
    desk = TicketDesk(store)
    ticket = desk.move(AGENT, desk.create(AGENT, "web", dict(TOLD)).tid, "accept")
    desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp"})
    move = {"move": "dispatch", "from": "ACCEPTED", "to": "DISPATCHED", "role": "DP"}
    written_at_the_hub(store, ticket, "ticket.moved", {**move, "unit": "water", "unit_site": 9})
    return ticket


def keys(page: str) -> list[str]:
    return re.findall(r'action="/conflicts/([0-9a-f]{16})"', page)


def test_nobody_is_bothered_while_all_agree(web: Web) -> None:
    dispatcher = web.visitor("1200")
    assert "nav-conflicts-page" not in dispatcher.get("/tickets").text
    assert 'data-test="no-conflicts"' in dispatcher.get("/conflicts").text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-CN", ("两处同时修改", "重复派单", "上级中心", "市照明管理处", "采用另一方")),
        ("en", ("Changed on both sides", "Dispatched twice", "Hub", "Take the other")),
    ],
)
def test_both_sides_are_shown_with_who_where_and_what(
    web: Web, language: str, words: tuple[str, ...]
) -> None:
    edited, twice = edited_twice(web.box.store), dispatched_twice(web.box.store)
    dispatcher = web.visitor("1200", language)
    page = dispatcher.get("/conflicts").text
    for word in (*words, "东街路灯全灭", "东街三盏路灯", "中心值班", edited.number, twice.number):
        assert word in page, word
    assert len(keys(page)) == 3
    assert re.search(
        r'nav-conflicts-page">[^<]+<b class="mark warn num">3</b>', dispatcher.get("/tickets").text
    )


def test_one_click_takes_the_other_side_or_leaves_it(web: Web) -> None:
    ticket = edited_twice(web.box.store)
    dispatcher = web.visitor("1200")
    page = dispatcher.get("/conflicts").text
    taken, left = keys(page)
    assert dispatcher.post(f"/conflicts/{taken}", choice="take").status_code == 302
    assert dispatcher.post(f"/conflicts/{left}", choice="keep").status_code == 302
    now = web.box.tickets.get(ticket.tid)
    assert {now.title, now.phone} & {"东街路灯全灭", "10000000031"}
    assert 'data-test="no-conflicts"' in dispatcher.get("/conflicts").text
    again = dispatcher.post(f"/conflicts/{left}", choice="keep")
    assert again.status_code == 409
    assert "已不在清单" in again.text or 'data-test="fault"' in again.text
    assert "冲突已处理" in dispatcher.get(f"/tickets/{ticket.number}").text


def test_a_dispatcher_moves_the_double_dispatch_and_a_leader_only_looks(web: Web) -> None:
    ticket = dispatched_twice(web.box.store)
    assert keys(web.visitor("1400").get("/conflicts").text) == []
    dispatcher = web.visitor("1200")
    (key,) = keys(dispatcher.get("/conflicts").text)
    assert web.visitor("1400").post(f"/conflicts/{key}", choice="take").status_code == 403
    dispatcher.post(f"/conflicts/{key}", choice="take")
    assert web.box.tickets.get(ticket.tid).unit == "water"


def test_what_is_confidential_stays_masked(web: Web) -> None:
    edited_twice(web.box.store, confidential=True)
    page = web.visitor("1200").get("/conflicts").text
    assert "10000000031" not in page
    assert "10000000032" not in page


def test_a_program_lists_and_settles_too_and_names_citizens_only_where_its_token_does(web: Web) -> None:
    edited_twice(web.box.store)
    program = Program(web, "city", person="1200")
    listed = program.told("GET", "/conflicts")
    assert listed["total"] == 2
    assert {one["lost"]["said"] for one in listed["conflicts"]} >= {"10000000031"}
    blind = Program(web, "blind", ("tickets:read",), person="1200")
    assert "1000000003" not in blind.ask("GET", "/conflicts").text
    key = listed["conflicts"][0]["key"]
    assert program.told("POST", f"/conflicts/{key}", {"choice": "keep"})["total"] == 1
    assert program.ask("POST", f"/conflicts/{key}", {"choice": "keep"}).status_code == 409
