"""Beside the case: sub-orders, urging, supervision, instructions, extensions, suspension, designation."""

import time
from pathlib import Path

import pytest

from appliance.tickets import strand_table
from appliance.tickets.strands import Strand
from appliance.tickets.ticket import Ticket
from tests.ticket_desk import (
    AGENT,
    CALLBACK,
    DISPATCHER,
    LAMP,
    LAMP_LEADER,
    LEADER,
    PUMPS,
    SUPERVISOR,
    WATER,
    Office,
    refused,
)

DAY_S = 86_400.0


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def day(ahead: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(time.time() + ahead * DAY_S))


def only(office: Office, ticket: Ticket, kind: str) -> Strand:
    (found,) = [strand for strand in office.desk.strands(ticket.tid) if strand.kind == kind]
    return found


def test_assisting_units_get_sub_orders_with_the_dispatch_that_are_due_before_the_case(
    office: Office,
) -> None:
    ticket = office.dispatched(assisting=["water"], task="查管线")
    order = only(office, ticket, "suborder")
    assert (order.unit, order.state, order.fields["task"], order.opened_by) == (
        "water",
        "SENT",
        "查管线",
        "1200",
    )
    assert order.due_s is not None
    assert ticket.case_due_s is not None
    assert order.due_s < ticket.case_due_s


def test_the_lead_cannot_hand_in_its_result_before_a_mandatory_sub_order_is_done(office: Office) -> None:
    desk, ticket = office.desk, office.handling(assisting=["water"])
    order = only(office, ticket, "suborder")
    with refused("orders_open"):
        desk.move(LAMP, ticket.tid, "submit_result", {"result": "好了"})
    desk.act(WATER, ticket.tid, order.sid, "sign")
    desk.act(WATER, ticket.tid, order.sid, "submit", {"result": "管线无漏"})
    desk.act(LAMP, ticket.tid, order.sid, "lead_or_centre_accepts")
    assert desk.move(LAMP, ticket.tid, "submit_result", {"result": "好了"}).state == "FEEDBACK"


def test_an_optional_sub_order_holds_nobody_up(office: Office) -> None:
    ticket = office.handling()
    given = {"unit": "water", "task": "看看", "optional": True}
    office.desk.act(DISPATCHER, ticket.tid, "suborder", "create", given)
    assert office.desk.move(LAMP, ticket.tid, "submit_result", {"result": "好了"}).state == "FEEDBACK"


def test_an_assisting_unit_sees_the_ticket_and_may_touch_only_its_own_order(office: Office) -> None:
    desk, ticket = office.desk, office.handling(assisting=["water"])
    order = only(office, ticket, "suborder")
    assert desk.may_see(WATER, ticket)
    with refused("other_unit"):
        desk.act(LAMP, ticket.tid, order.sid, "sign")
    with refused("other_unit"):
        desk.move(WATER, ticket.tid, "submit_result", {"result": "x"})
    desk.act(WATER, ticket.tid, order.sid, "sign")
    desk.act(WATER, ticket.tid, order.sid, "submit", {"result": "x"})
    with refused("other_unit"):
        desk.act(WATER, ticket.tid, order.sid, "lead_or_centre_accepts")


def test_a_unit_passes_work_on_only_to_a_unit_that_is_part_of_it(office: Office) -> None:
    desk, ticket = office.desk, office.handling(assisting=["water"])
    order = only(office, ticket, "suborder")
    desk.act(WATER, ticket.tid, order.sid, "sign")
    with refused("not_your_part"):
        desk.act(WATER, ticket.tid, order.sid, "forward_third_level", {"third": "road"})
    assert not desk.may_see(PUMPS, ticket)
    desk.act(WATER, ticket.tid, order.sid, "forward_third_level", {"third": "pumps"})
    assert desk.may_see(PUMPS, ticket)
    assert desk.act(PUMPS, ticket.tid, order.sid, "third_level_result", {"result": "泵好"}).state == "SIGNED"


def test_a_leading_unit_sends_an_order_to_its_own_third_level_which_does_it_by_itself(
    office: Office,
) -> None:
    desk = office.desk
    ticket = desk.move(WATER, office.dispatched("water").tid, "sign")
    order = desk.act(WATER, ticket.tid, "suborder", "create", {"unit": "pumps", "task": "请现场处理"})
    desk.act(PUMPS, ticket.tid, order.sid, "sign")
    assert desk.act(PUMPS, ticket.tid, order.sid, "submit", {"result": "泵已换"}).state == "SUBMITTED"
    assert desk.act(WATER, ticket.tid, order.sid, "lead_or_centre_accepts").state == "DONE"


def test_a_request_that_is_refused_keeps_its_own_reason_beside_that_of_the_refusal(office: Office) -> None:
    desk, ticket = office.desk, office.handling()
    asked = desk.act(LAMP, ticket.tid, "extension", "ask", {"days": "3", "reason": "等配件"})
    refusal = desk.act(DISPATCHER, ticket.tid, asked.sid, "refuse", {"reason": "配件已到"})
    assert (refusal.fields["reason"], refusal.fields["decision"]) == ("等配件", "配件已到")
    office.store.rebuild()
    (again,) = [strand for strand in desk.strands(ticket.tid) if strand.sid == asked.sid]
    assert again == refusal


def test_a_withdrawn_case_tells_assisting_units_to_stop(office: Office) -> None:
    ticket = office.handling(assisting=["water", "road"])
    office.desk.move(AGENT, ticket.tid, "withdraw", {"reason": "已解决"})
    assert {strand.state for strand in office.desk.strands(ticket.tid)} == {"WAIVED"}


def test_an_approved_extension_moves_the_due_date_and_keeps_the_original(office: Office) -> None:
    desk, ticket = office.desk, office.handling()
    asked = desk.act(LAMP, ticket.tid, "extension", "ask", {"days": "5", "reason": "等配件"})
    with refused("open_already"):
        desk.act(LAMP, ticket.tid, "extension", "ask", {"days": "5", "reason": "再等"})
    desk.act(DISPATCHER, ticket.tid, asked.sid, "approve")
    later = office.again(ticket)
    assert later.unit_due_s is not None
    assert ticket.unit_due_s is not None
    assert later.unit_due_s > ticket.unit_due_s
    assert later.case_due_s > (ticket.case_due_s or 0)  # type: ignore[operator]
    assert later.case_due_original_s == ticket.case_due_s


def test_too_much_more_time_is_refused_when_it_is_asked_for(office: Office) -> None:
    with refused("too_long_extension"):
        office.desk.act(LAMP, office.handling().tid, "extension", "ask", {"days": "11", "reason": "慢"})


def test_a_second_extension_is_the_leaders(office: Office) -> None:
    desk, ticket = office.desk, office.handling()
    first = desk.act(LAMP, ticket.tid, "extension", "ask", {"days": "2", "reason": "等"})
    desk.act(DISPATCHER, ticket.tid, first.sid, "approve")
    second = desk.act(LAMP, ticket.tid, "extension", "ask", {"days": "2", "reason": "还等"})
    with refused("leader_only"):
        desk.act(DISPATCHER, ticket.tid, second.sid, "approve")
    desk.act(DISPATCHER, ticket.tid, second.sid, "pass_up")
    assert desk.act(LEADER, ticket.tid, second.sid, "approve").state == "APPROVED"


def test_a_suspension_asked_for_and_approved_stops_the_clock_until_it_is_resumed(office: Office) -> None:
    desk, ticket = office.desk, office.handling()
    given = {"planned": day(10), "cause": "season", "reason": "冬季无法施工"}
    asked = desk.act(LAMP, ticket.tid, "suspension", "ask", given)
    desk.act(DISPATCHER, ticket.tid, asked.sid, "approve")
    suspended = office.again(ticket)
    assert (suspended.state, suspended.due_s) == ("SUSPENDED", None)
    assert suspended.planned_s is not None
    desk.move(DISPATCHER, ticket.tid, "resume")
    assert only(office, ticket, "suspension").state == "ENDED"
    assert office.again(ticket).due_s is not None


def test_a_long_suspension_is_the_leaders_and_one_in_the_past_nobodys(office: Office) -> None:
    desk, ticket = office.desk, office.handling()
    with refused("in_the_past"):
        desk.move(DISPATCHER, ticket.tid, "approve_suspend", {"planned": day(-2), "reason": "等"})
    with refused("leader_only"):
        desk.move(DISPATCHER, ticket.tid, "approve_suspend", {"planned": day(60), "reason": "等"})
    moved = desk.move(LEADER, ticket.tid, "approve_suspend", {"planned": day(60), "reason": "等"})
    assert moved.state == "SUSPENDED"


def test_whom_a_leader_designates_cannot_return_the_ticket(office: Office) -> None:
    desk, ticket = office.desk, office.accepted()
    called = desk.act(DISPATCHER, ticket.tid, "coordination", "call", {"reason": "两家推诿"})
    desk.act(LEADER, ticket.tid, called.sid, "designate", {"unit": "lamp", "reason": "职责所在"})
    assert office.again(ticket).state == "DISPATCHED"
    with refused("designated"):
        desk.move(LAMP, ticket.tid, "request_return", {"reason": "不归我们"})


def test_a_leaders_instruction_may_set_an_earlier_date_never_a_later_one(office: Office) -> None:
    desk, ticket = office.desk, office.handling()
    with refused("only_earlier"):
        desk.act(LEADER, ticket.tid, "instruction", "write", {"instruction": "慢慢来", "due": day(300)})
    desk.act(LEADER, ticket.tid, "instruction", "write", {"instruction": "三天内办结", "due": day(3)})
    assert (office.again(ticket).case_due_s or 0) < (ticket.case_due_s or 0)


def test_supervision_is_accepted_replied_to_rated_or_issued_again_a_level_up(office: Office) -> None:
    desk, ticket = office.desk, office.handling()
    issued = desk.act(SUPERVISOR, ticket.tid, "supervision", "issue", {"level": "general", "opinion": "尽快"})
    desk.act(LAMP, ticket.tid, issued.sid, "accept")
    desk.act(LAMP, ticket.tid, issued.sid, "reply", {"reply": "明天修"})
    again = desk.act(SUPERVISOR, ticket.tid, issued.sid, "reissue", {"level": "key", "opinion": "太慢"})
    assert (again.state, again.fields["level"]) == ("ISSUED", "key")
    desk.act(LAMP, ticket.tid, issued.sid, "reply", {"reply": "已修"})
    rated = desk.act(SUPERVISOR, ticket.tid, issued.sid, "rate", {"rating": "satisfied"})
    assert (rated.state, rated.open) == ("RATED", False)


def test_a_second_round_is_supervised_by_itself(office: Office) -> None:
    desk, ticket = office.desk, office.answered()
    desk.move(CALLBACK, ticket.tid, "dissatisfied", {"rating": "dissatisfied", "reason": "没修好"})
    desk.move(DISPATCHER, ticket.tid, "second_dispatch", {"reason": "重修"})
    assert only(office, ticket, "supervision").fields["level"] == "general"


def test_a_step_that_lost_a_race_is_refused_at_the_desk_and_changes_nothing(office: Office) -> None:
    desk, ticket = office.desk, office.handling()
    urged = desk.act(AGENT, ticket.tid, "urge", "send", {"text": "市民又来电"})
    seen = urged.last_eid
    desk.act(LAMP, ticket.tid, urged.sid, "read", seen=seen)
    with refused("changed"):
        desk.act(LAMP_LEADER, ticket.tid, urged.sid, "answer", {"reply": "在办"}, seen=seen)


def test_a_unit_appeals_against_a_rating_and_the_supervision_clerk_decides(office: Office) -> None:
    desk, ticket = office.desk, office.answered()
    desk.move(CALLBACK, ticket.tid, "satisfied", {"rating": "basically_satisfied"})
    filed = desk.act(LAMP_LEADER, ticket.tid, "appeal", "file", {"reason": "评价有误"})
    assert desk.act(SUPERVISOR, ticket.tid, filed.sid, "remove", {"reason": "属实"}).state == "REMOVED"


def test_what_is_archived_is_frozen_with_all_that_stands_beside_it(office: Office) -> None:
    desk, ticket = office.desk, office.answered()
    tag = desk.act(DISPATCHER, ticket.tid, "tag", "set", {"tag": "media"})
    desk.move(CALLBACK, ticket.tid, "satisfied", {"rating": "satisfied"})
    assert strand_table.counts(office.store, None) == {"tag": 1}
    archived = desk.move(DISPATCHER, ticket.tid, "archive")
    assert strand_table.counts(office.store, None) == {}
    assert desk.beside.steps(DISPATCHER, archived, tag) == []
    with refused("not_now"):
        desk.act(DISPATCHER, ticket.tid, tag.sid, "clear", {"reason": "过时"})


def test_the_story_tells_every_step_beside_the_case(office: Office) -> None:
    desk, ticket = office.desk, office.handling(assisting=["water"])
    told = [step.zh for step in desk.timeline(ticket.tid)]
    assert "协办单：加派协办" in told
    assert told[-2:] == ["签收", "短信通知（待发）"]


def test_rebuilding_folds_the_same_strands(office: Office) -> None:
    ticket = office.handling(assisting=["water"])
    desk, order = office.desk, only(office, ticket, "suborder")
    desk.act(WATER, ticket.tid, order.sid, "sign")
    before = desk.strands(ticket.tid)
    office.store.rebuild()
    assert desk.strands(ticket.tid) == before
