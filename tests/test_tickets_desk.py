"""The desk: who may do what to a ticket, what is refused and why, and what people find."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.demo_data import fill
from appliance.events import Fact, Stamp
from appliance.people import CITIZEN, Actor
from appliance.refused import Refused
from appliance.store.schema import PeerRow
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.fields import FIELDS, UNIT_LIMIT, checked, phone_as_kept
from appliance.tickets.number import valid
from appliance.tickets.ticket import Ticket

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
LAMP = Actor("2001", "孙立", frozenset({"U2"}), "lamp")
WATER = Actor("2002", "马强", frozenset({"U2"}), "water")
CALLBACK = Actor("1300", "吴琳", frozenset({"CB"}))
TOLD = {
    "kind": "complaint",
    "title": "路灯不亮",
    "content": "三盏路灯不亮",
    "category": "0101",
    "phone": "10000000009",
}


@pytest.fixture(scope="module")
def store(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("desk") / "box.db", 1, bind=False)
    with store.transaction():
        for code, site in (("lamp", 2), ("water", 1)):
            store.execute(
                "INSERT INTO unit (code, name, name_en, site, phone) VALUES (?, ?, ?, ?, '')",
                *(code, f"{code}单位", f"{code} unit", site),
            )
    with store.database.connection_context():
        yield store


@pytest.fixture
def desk(store: Store) -> TicketDesk:
    return TicketDesk(store)


def registered(desk: TicketDesk) -> Ticket:
    return desk.create(CITIZEN, "web", TOLD)


def dispatched(desk: TicketDesk, unit: str = "lamp") -> Ticket:
    ticket = desk.move(AGENT, registered(desk).tid, "accept")
    return desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": unit})


def answered(desk: TicketDesk) -> Ticket:
    ticket = desk.move(LAMP, dispatched(desk).tid, "sign")
    desk.move(LAMP, ticket.tid, "submit_result", {"result": "已修复"})
    return desk.move(DISPATCHER, ticket.tid, "pass", {"answer": "路灯已修复"})


def refused(word: str) -> AbstractContextManager[pytest.ExceptionInfo[Refused]]:
    return pytest.raises(Refused, check=lambda error: error.word == word)


def test_a_call_begins_a_draft_with_a_number_that_can_be_checked(desk: TicketDesk) -> None:
    ticket = desk.create(AGENT, "phone", {"phone": "100 0000-0001"}, call=b"\x01" * 16)
    assert (ticket.state, ticket.phone, ticket.created_by) == ("DRAFT", "10000000001", "1001")
    assert ticket.call == b"\x01" * 16
    assert valid(ticket.number)


def test_tickets_of_the_same_second_get_numbers_of_their_own(desk: TicketDesk) -> None:
    assert len({registered(desk).number for _ in range(5)}) == 5


def test_odd_numbers_from_elsewhere_do_not_disturb_ours(desk: TicketDesk, store: Store) -> None:
    day = registered(desk).number[:9]
    for site, number in ((1, day + "zzzzzz"), (1, day + "0zzzzz"), (2, day + "999990"), (1, day)):
        store.take([Stamp(site).event(Fact("ticket.created", {"number": number, "source": "web"}))])
    assert valid(registered(desk).number)


def test_a_draft_is_not_submitted_before_it_is_complete(desk: TicketDesk) -> None:
    ticket = desk.create(AGENT, "phone", {"title": "路灯"})
    with refused("missing"):
        desk.move(AGENT, ticket.tid, "submit")
    done = desk.move(AGENT, ticket.tid, "submit", {"kind": "complaint", "content": "不亮"}, ticket.last_eid)
    assert (done.state, done.kind, done.title) == ("REGISTERED", "complaint", "路灯")


def test_a_refused_move_leaves_nothing_behind(desk: TicketDesk, store: Store) -> None:
    ticket = desk.create(AGENT, "phone", {})
    with refused("missing"):
        desk.move(AGENT, ticket.tid, "submit", {"kind": "complaint", "title": "只有标题"})
    assert desk.get(ticket.tid) == ticket
    assert len(store.history(ticket.tid)) == 1


def test_a_ticket_goes_from_dispatch_to_a_rated_answer(desk: TicketDesk) -> None:
    ticket = desk.move(
        CALLBACK, answered(desk).tid, "satisfied", {"rating": "satisfied", "closing": "solved"}
    )
    assert (ticket.state, ticket.rating, ticket.closing, ticket.unit_site) == (
        "CLOSED",
        "satisfied",
        "solved",
        2,
    )
    assert ticket.closed_s is not None


def test_a_dissatisfied_citizen_brings_a_second_dispatch(desk: TicketDesk) -> None:
    ticket = answered(desk)
    bad = {"rating": "dissatisfied", "reason": "没有修好"}
    desk.move(CALLBACK, ticket.tid, "dissatisfied", bad)
    again = desk.move(DISPATCHER, ticket.tid, "second_dispatch", {"reason": "重新派单"})
    assert (again.state, again.round, again.accepted_s) == ("ACCEPTED", 1, ticket.accepted_s)
    assert (ticket.done_before, again.done_before) == (False, True)
    desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp"})
    desk.move(LAMP, ticket.tid, "sign")
    assert desk.get(ticket.tid).done_before
    assert not desk.move(LAMP, ticket.tid, "submit_result", {"result": "已重修"}).done_before


def test_satisfied_goes_only_with_a_good_rating(desk: TicketDesk) -> None:
    with refused("bad_choice"):
        desk.move(CALLBACK, answered(desk).tid, "satisfied", {"rating": "dissatisfied"})


def test_a_unit_only_works_on_its_own_tickets(desk: TicketDesk) -> None:
    ticket = dispatched(desk)
    assert [move.name for move in desk.buttons(LAMP, ticket)] == ["sign", "request_return"]
    assert desk.buttons(WATER, ticket) == []
    assert (desk.may_see(LAMP, ticket), desk.may_see(WATER, ticket)) == (True, False)
    with refused("other_unit"):
        desk.move(WATER, ticket.tid, "sign")
    with refused("other_unit"):
        desk.note(WATER, ticket.tid, "hello")


def test_a_unit_does_not_see_a_ticket_before_its_dispatch(desk: TicketDesk) -> None:
    ticket = desk.move(AGENT, registered(desk).tid, "accept", {"unit": "lamp"})
    assert (ticket.unit, desk.may_see(LAMP, ticket)) == ("lamp", False)


def test_a_role_without_the_move_is_refused(desk: TicketDesk) -> None:
    with refused("not_yours"):
        desk.move(LAMP, registered(desk).tid, "accept")
    with refused("not_yours"):
        desk.create(LAMP, "web", TOLD)


def test_a_move_that_is_not_possible_now_is_refused(desk: TicketDesk) -> None:
    with refused("not_now"):
        desk.move(AGENT, registered(desk).tid, "submit")
    with refused("unknown_move"):
        desk.move(AGENT, registered(desk).tid, "teleport")
    with refused("unknown_ticket"):
        desk.move(AGENT, b"\x00" * 16, "accept")


def test_who_looks_at_an_old_page_is_told_that_somebody_moved_the_ticket(desk: TicketDesk) -> None:
    page = registered(desk)
    desk.move(AGENT, page.tid, "accept", seen=page.last_eid)
    with refused("changed"):
        desk.move(DISPATCHER, page.tid, "accept", seen=page.last_eid)


def test_a_note_meanwhile_does_not_hinder_a_move(desk: TicketDesk) -> None:
    page = registered(desk)
    desk.note(AGENT, page.tid, "市民又来电催促")
    assert desk.move(AGENT, page.tid, "accept", seen=page.last_eid).state == "ACCEPTED"


def test_an_edit_writes_only_what_differs(desk: TicketDesk, store: Store) -> None:
    ticket = registered(desk)
    same = desk.edit(AGENT, ticket.tid, {"title": TOLD["title"]})
    changed = desk.edit(AGENT, ticket.tid, {**TOLD, "area": "云东区", "confidential": "on"})
    assert same == ticket
    assert (changed.area, changed.confidential) == ("云东区", True)
    assert store.history(ticket.tid)[-1].facts["fields"] == {"area": "云东区", "confidential": True}


def test_what_a_unit_has_answered_is_frozen(desk: TicketDesk) -> None:
    ticket = answered(desk)
    with refused("frozen"):
        desk.edit(AGENT, ticket.tid, {"title": "另一个标题"})


def test_dispatch_needs_a_unit_that_exists(desk: TicketDesk) -> None:
    ticket = desk.move(AGENT, registered(desk).tid, "accept")
    with refused("missing"):
        desk.move(DISPATCHER, ticket.tid, "dispatch")
    with refused("unknown_unit"):
        desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "nowhere"})


def test_a_step_that_needs_a_reason_asks_for_it(desk: TicketDesk) -> None:
    with refused("missing"):
        desk.move(AGENT, registered(desk).tid, "ask_info", {"reason": "  "})


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("title", "长" * 121, "too_long"),
        ("content", "x" * 4001, "too_long"),
        ("phone", "call me", "bad_phone"),
        ("phone", "1" * 33, "bad_phone"),
        ("kind", "poem", "bad_choice"),
        ("title", 7, "bad_field"),
        ("state", "CLOSED", "unknown_field"),
        ("unit", "lamp", "unknown_field"),
    ],
)
def test_a_field_that_cannot_be_kept_is_refused_with_a_sentence(
    desk: TicketDesk, field: str, value: object, word: str
) -> None:
    with refused(word) as told:
        desk.create(CITIZEN, "web", {field: value})
    assert str(told.value).endswith(".")
    assert "%(" not in str(told.value)


def test_an_unknown_source_is_refused(desk: TicketDesk) -> None:
    with refused("bad_choice"):
        desk.create(AGENT, "pigeon", TOLD)


def test_phone_numbers_are_kept_without_what_people_put_between(desk: TicketDesk) -> None:
    assert checked("phone", "(0000) 650-0001") == "00006500001"
    assert checked("phone", "+86 １00 0000") == "+861000000"
    assert phone_as_kept("anonymous") == ""


@given(st.sampled_from(sorted(FIELDS)), st.text(max_size=200))
def test_whatever_is_typed_is_kept_within_its_limit_or_refused(name: str, text: str) -> None:
    try:
        kept = checked(name, text)
    except Refused:
        return
    if isinstance(kept, str):
        assert len(kept.encode().decode()) <= FIELDS[name].limit
    if isinstance(kept, list):
        assert all(len(code) <= UNIT_LIMIT for code in kept)


def test_a_ticket_is_found_by_its_number_however_it_is_typed(desk: TicketDesk) -> None:
    ticket = registered(desk)
    typed = " ".join(ticket.number[at : at + 3] for at in range(0, 15, 3))
    assert desk.find(typed) == desk.find(ticket.tid) == ticket
    assert (desk.find(""), desk.find("12"), desk.find(b"")) == (None, None, None)


def test_text_is_found_in_every_field_and_wildcards_are_only_letters(desk: TicketDesk) -> None:
    ticket = desk.create(CITIZEN, "web", {**TOLD, "address": "折扣100%_店"})
    assert [found.tid for found in desk.lists(text="100%_ 路灯").tickets] == [ticket.tid]
    assert desk.lists(text="1%店").total == 0


def test_lists_turn_their_pages(desk: TicketDesk) -> None:
    made = [desk.create(CITIZEN, "web", {"title": f"翻页{at}"}).number for at in range(5)]
    first, last = desk.lists(text="翻页", rows=2), desk.lists(text="翻页", page=99, rows=2)
    assert (first.total, first.pages, [ticket.number for ticket in first.tickets]) == (5, 3, made[:2:-1])
    assert (last.page, [ticket.number for ticket in last.tickets]) == (3, made[:1])


def test_the_six_lists_count_what_they_show(desk: TicketDesk) -> None:
    dispatched(desk, "water")
    counts = desk.counts(unit="water")
    assert (counts["dispatched"], counts["DISPATCHED"], counts["closed"]) == (1, 1, 0)
    assert desk.lists(("dispatched",), unit="water").total == 1


def test_a_caller_is_known_by_the_whole_number_only(desk: TicketDesk) -> None:
    mine = desk.create(AGENT, "phone", {"phone": "10000000777"})
    desk.create(AGENT, "phone", {"phone": "100000007770"})
    assert desk.by_phone("100 0000 0777") == [mine]
    assert desk.by_phone("") == []


def test_the_timeline_tells_call_recording_moves_and_what_came_too_late(
    desk: TicketDesk, store: Store
) -> None:
    (ringing,) = store.record(Fact("call.ringing", {"line": "sip1", "caller": "10000000001"}))
    made = Fact("recording.made", {"kind": "call", "path": "a.wav", "seconds": 12.4}, ringing.subject)
    store.record(made)
    ticket = desk.create(AGENT, "phone", TOLD, call=ringing.subject)
    desk.move(AGENT, ticket.tid, "submit")
    late = {"move": "submit", "from": "DRAFT", "role": "AG", "by": "1002", "name": "李明"}
    store.record(Fact("ticket.moved", late, ticket.tid))
    steps = desk.timeline(ticket.tid)
    assert [step.what for step in steps] == ["call", "recording", "created", "submit", "submit"]
    assert [step.lost_race for step in steps] == [False, False, False, False, True]
    assert (steps[-1].who, steps[-1].zh, steps[3].state) == ("1002 李明", "提交", "REGISTERED")
    assert desk.lists(conflicts=True).tickets[0].tid == ticket.tid


def test_a_step_a_peer_has_not_confirmed_is_shown_as_waiting(desk: TicketDesk, store: Store) -> None:
    ticket = registered(desk)
    with store.transaction(), store.database.bind_ctx([PeerRow]):
        PeerRow.create(name="t", site=9, acked=4)
        store.execute("INSERT INTO outgoing (peer, seq, eid, chain) VALUES ('t', 5, ?, ?)", ticket.tid, b"")
    waiting = desk.timeline(ticket.tid)[0].delivered
    with store.transaction():
        store.execute("UPDATE peer SET acked = 5 WHERE name = 't'")
    assert (waiting, desk.timeline(ticket.tid)[0].delivered) == (False, True)


def test_a_citizen_learns_state_and_unit_by_number_and_nothing_of_a_draft(desk: TicketDesk) -> None:
    ticket = dispatched(desk)
    view = desk.state_for_citizen(ticket.number)
    assert view is not None
    assert (view.state_zh, view.unit_zh, view.unit_en) == ("已转责任单位", "lamp单位", "lamp unit")
    draft = desk.create(AGENT, "phone", {})
    wrong = ticket.number[:-1] + str((int(ticket.number[-1]) + 1) % 10)
    assert [desk.state_for_citizen(number) for number in (draft.number, wrong, "")] == [None] * 3


def test_the_demo_city_is_filled_once_and_its_callers_have_a_history(tmp_path: Path) -> None:
    store = Store(tmp_path / "demo.db", 1, bind=False)
    fill(store, 1)
    count = store.rows("SELECT count(*) FROM event")
    fill(store, 1)
    desk = TicketDesk(store)
    assert store.rows("SELECT count(*) FROM event") == count
    assert [ticket.state for ticket in desk.by_phone("10000000001")] == ["HANDLING", "CLOSED"]
    assert desk.lists(conflicts=True).total == 0
    assert store.rows("SELECT * FROM quarantine") == []
    above = {
        code: (parent, unit) for code, parent, unit in store.rows("SELECT code, parent, unit FROM category")
    }
    units = {code for (code,) in store.rows("SELECT code FROM unit")}

    def unit_of(code: str) -> str:
        """Its own, or that of what is above it."""
        parent, unit = above[code]
        return unit or (unit_of(parent) if parent else "")

    assert {unit_of(code) for code in above} <= units
    assert store.rows("SELECT count(*) FROM category WHERE parent = ''") == [(15,)]


def test_a_branch_is_filled_without_a_history(tmp_path: Path) -> None:
    store = Store(tmp_path / "branch.db", 2, bind=False)
    fill(store, 2)
    assert store.rows("SELECT count(*) FROM ticket") == [(0,)]
    assert store.rows("SELECT count(*) FROM person") != [(0,)]


def test_the_store_stamps_with_its_own_clock_again_after_the_demo(tmp_path: Path) -> None:
    store = Store(tmp_path / "clock.db", 1, bind=False)
    fill(store, 1)
    (now,) = store.record(Fact("test", {}, b""))
    assert now.eid > store.rows("SELECT eid FROM event WHERE kind <> 'test' ORDER BY eid DESC LIMIT 1")[0][0]
    assert isinstance(store.stamp, Stamp)
