"""Tickets on the pages: lists, steps as buttons, lost races, and what units may see."""

import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.events import Fact
from appliance.people import BOX, Actor
from appliance.tickets.fields import FIELDS
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import MOVES
from tests.web_pages import Web, open_web

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
OPERATOR = Actor("2001", "孙立", frozenset({"U2"}), unit="lamp")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def accepted(web: Web, **fields: object) -> Ticket:
    """A ticket that waits for dispatch."""
    desk = web.box.tickets
    category = web.box.store.rows("SELECT code FROM category LIMIT 1")[0][0]
    written = {"kind": "repair", "title": "路灯不亮", "content": "全部不亮", "category": category, **fields}
    ticket = desk.create(AGENT, "phone", written)
    desk.move(AGENT, ticket.tid, "submit")
    return desk.move(AGENT, ticket.tid, "accept")


def refusable(web: Web, *steps: str) -> Ticket:
    """A ticket that was told by phone and is led on by the agent."""
    category = web.box.store.rows("SELECT code FROM category LIMIT 1")[0][0]
    written = {"kind": "repair", "title": "电价太高", "content": "电价太高", "category": category}
    ticket = web.box.tickets.create(AGENT, "phone", written)
    for step in ("submit", *steps):
        ticket = web.box.tickets.move(AGENT, ticket.tid, step)
    return ticket


def dispatched(web: Web, **fields: object) -> Ticket:
    """A ticket that waits for the lamp unit's signature."""
    return web.box.tickets.move(DISPATCHER, accepted(web, **fields).tid, "dispatch", {"unit": "lamp"})


@pytest.mark.parametrize(("move", "steps"), [("refuse", ()), ("reclassify_refuse", ("accept",))])
def test_whoever_refuses_before_or_after_filing_chooses_the_grounds_from_the_list(
    web: Web, move: str, steps: tuple[str, ...]
) -> None:
    clerk, path = web.visitor("1200"), f"/tickets/{refusable(web, *steps).number}"
    form = clerk.get(path).text.split(f'data-form="{move}"')[1].split("</form>")[0]
    assert '<option value="lawsuit">已进入或应走诉讼、仲裁、复议途径</option>' in form
    assert "说明（可不填）" in form
    bare = clerk.post(f"{path}/move", move=move, reason="说不清")
    assert bare.status_code == 422
    assert "请填写“不予受理理由”" in bare.text
    given = {"grounds": "lawsuit", "reason": "已起诉"}
    assert clerk.post(f"{path}/move", move=move, **given).status_code == 302
    story = clerk.get(path).text
    assert "不予受理理由：已进入或应走诉讼、仲裁、复议途径" in story
    assert "原因：已起诉" in story


def test_a_ticket_goes_its_whole_way_by_the_buttons_of_the_pages(web: Web) -> None:
    ticket = accepted(web)
    path = f"/tickets/{ticket.number}"
    steps: tuple[tuple[str, str, dict[str, str], str], ...] = (
        ("1200", "dispatch", {"unit": "lamp"}, "DISPATCHED"),
        ("2001", "sign", {}, "HANDLING"),
        ("2001", "submit_result", {"result": "已更换灯泡"}, "FEEDBACK"),
        ("1200", "pass", {"answer": "路灯已修复"}, "CALLBACK"),
        ("1300", "satisfied", {"rating": "satisfied"}, "CLOSED"),
    )
    for number, move, fields, state in steps:
        visitor = web.visitor(number)
        assert f'data-test="move-{move}"' in visitor.get(path).text
        assert visitor.post(f"{path}/move", move=move, **fields).status_code == 302, move
        now = web.box.tickets.find(ticket.tid)
        assert now is not None
        assert now.state == state
    assert "路灯已修复" in web.visitor("1001").get(path).text


def test_buttons_are_those_of_the_workflow_table(web: Web) -> None:
    ticket = accepted(web)
    for number, person in (("1001", AGENT), ("1200", DISPATCHER)):
        page = web.visitor(number).get(f"/tickets/{ticket.number}").text
        shown = {move.name for move in MOVES if f'data-test="move-{move.name}"' in page}
        assert shown == {move.name for move in web.box.tickets.buttons(person, ticket)}


def test_a_unit_that_was_designated_has_no_button_to_return_the_ticket(web: Web) -> None:
    free, desk = dispatched(web), web.box.tickets
    designated = desk.move(
        DISPATCHER, accepted(web).tid, "dispatch", {"unit": "lamp", "designated": True, "task": "限期修复"}
    )
    unit = web.visitor("2001")
    assert 'data-test="move-request_return"' in unit.get(f"/tickets/{free.number}").text
    assert 'data-test="move-request_return"' not in unit.get(f"/tickets/{designated.number}").text
    late = unit.post(f"/tickets/{designated.number}/move", move="request_return", reason="不属我单位")
    assert late.status_code == 422
    assert "指定办理" in late.text


def test_units_whose_sub_orders_are_open_are_called_by_their_names(web: Web) -> None:
    given = {"unit": "lamp", "assisting": ["water", "gas"]}
    ticket = web.box.tickets.move(DISPATCHER, accepted(web).tid, "dispatch", given)
    web.box.tickets.move(OPERATOR, ticket.tid, "sign")
    unit = web.visitor("2001")
    refused = unit.post(f"/tickets/{ticket.number}/move", move="submit_result", result="已修复")
    assert refused.status_code == 422
    assert "市燃气公司" in refused.text
    assert "gas," not in refused.text


def test_the_form_of_dispatch_proposes_the_assisting_units_of_the_rule_too(web: Web) -> None:
    ticket, dictionary = accepted(web), web.box.dictionary
    rule = {"name": "路灯", "category": [ticket.category], "unit": "lamp", "assisting": ["water", "gas"]}
    dictionary.set(BOX, "dispatch_rule", "lights", rule)
    page = web.visitor("1200").get(f"/tickets/{ticket.number}").text
    ticked = re.findall(r'name="assisting" value="(\w+)" checked', page)
    assert sorted(ticked) == ["gas", "water"]
    dictionary.set(BOX, "dispatch_rule", "lights", {"off": True})


def test_in_the_place_of_a_dissolved_unit_no_other_is_chosen_by_the_form(web: Web) -> None:
    desk, dictionary = web.box.tickets, web.box.dictionary
    dictionary.set(BOX, "unit", "gone", {"name": "旧单位"})
    ticket = desk.move(DISPATCHER, accepted(web).tid, "dispatch", {"unit": "gone"})
    desk.move(Actor("2099", "旧", frozenset({"U2"}), unit="gone"), ticket.tid, "sign")
    dictionary.retire(BOX, "unit", "gone")
    page = web.visitor("1200").get(f"/tickets/{ticket.number}").text
    (choices,) = re.findall(r'<select id="redispatch-unit".*?</select>', page, re.DOTALL)
    assert " selected" not in choices
    assert '<option value="">' in choices


def test_what_may_be_said_with_a_step_is_not_called_its_reason(web: Web) -> None:
    page = web.visitor("2001").get(f"/tickets/{dispatched(web).number}").text
    (form,) = re.findall(r'data-form="sign".*?</form>', page, re.DOTALL)
    assert "说明（可不填）" in form


def test_who_comes_too_late_sees_it_said_and_loses_nothing(web: Web) -> None:
    ticket = accepted(web)
    seen = ticket.last_eid.hex()
    web.box.tickets.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "water"})
    answer = web.visitor("1200").post(
        f"/tickets/{ticket.number}/move", move="transfer_out", reason="属于省级事项", seen=seen
    )
    assert answer.status_code == 409
    assert "其他人员已先行处理此工单" in answer.text
    assert "属于省级事项" in answer.text
    assert 'data-state="DISPATCHED"' in answer.text


def test_a_missing_reason_is_asked_for_and_what_was_typed_stays(web: Web) -> None:
    ticket = dispatched(web)
    web.box.tickets.move(OPERATOR, ticket.tid, "sign")
    answer = web.visitor("1200").post(f"/tickets/{ticket.number}/move", move="redispatch", unit="water")
    assert answer.status_code == 422
    assert "请填写“原因”。" in answer.text
    assert '<option value="water" selected>' in answer.text


def test_a_move_that_lost_a_race_is_marked_in_the_story(web: Web) -> None:
    ticket = dispatched(web)
    facts = {
        "move": "dispatch",
        "from": "ACCEPTED",
        "role": "DP",
        "by": "1200",
        "name": "周建国",
        "unit": "gas",
    }
    web.box.store.record(Fact("ticket.moved", {**facts, "unit_site": 1, "seen": ""}, ticket.tid))
    page = web.visitor("1001").get(f"/tickets/{ticket.number}").text
    assert 'data-test="lost-race"' in page
    assert "他人已先行处理，本次操作未生效" in page
    listed = web.visitor("1001").get("/tickets?list=all&conflicts=1").text
    assert ticket.number in listed


def test_a_unit_sees_its_own_tickets_from_dispatch_on(web: Web) -> None:
    waiting, mine = accepted(web), dispatched(web)
    other = web.box.tickets.move(DISPATCHER, accepted(web).tid, "dispatch", {"unit": "water"})
    operator = web.visitor("2001")
    listed = operator.get("/tickets?list=all").text
    assert mine.number in listed
    assert other.number not in listed
    assert waiting.number not in listed
    assert operator.get(f"/tickets/{mine.number}").status_code == 200
    for hidden in (other, waiting):
        assert operator.get(f"/tickets/{hidden.number}").status_code == 403
        assert operator.post(f"/tickets/{hidden.number}/note", text="x").status_code == 403
    assert other.number not in operator.get("/tickets?list=all&unit=water").text


def test_a_unit_begins_with_its_to_do_list(web: Web) -> None:
    mine = dispatched(web)
    page = web.visitor("2001").get("/tickets").text
    assert 'data-test="list-to_do"' in page
    assert mine.number in page


def test_a_confidential_citizen_is_hidden_from_units(web: Web) -> None:
    ticket = dispatched(web, citizen="钱先生", phone="13912345678", confidential=True)
    path = f"/tickets/{ticket.number}"
    dispatcher = web.visitor("1200")
    masked = dispatcher.get(path).text
    assert "13912345678" not in masked
    assert "139****5678" in masked
    assert dispatcher.post(f"{path}/unmask", reason="核实地址").status_code == 302
    assert "13912345678" in dispatcher.get(path).text
    for page in (web.visitor("2001").get(path).text, web.visitor("2001").get("/tickets?list=all").text):
        assert "13912345678" not in page
        assert "钱先生" not in page


def test_facts_are_edited_and_the_change_is_told(web: Web) -> None:
    ticket = accepted(web)
    changed = {"title": "整条街路灯不亮", "kind": "repair", "content": "全部不亮", "confidential": "on"}
    answer = web.visitor("1001").post(f"/tickets/{ticket.number}/edit", seen=ticket.last_eid.hex(), **changed)
    assert answer.status_code == 302
    now = web.box.tickets.find(ticket.tid)
    assert now is not None
    assert (now.title, now.confidential) == ("整条街路灯不亮", True)
    assert "标题：整条街路灯不亮" in web.visitor("1001").get(f"/tickets/{ticket.number}").text
    assert "Title: 整条街路灯不亮" in web.visitor("1001", "en").get(f"/tickets/{ticket.number}").text


def test_a_note_is_added_to_the_story(web: Web) -> None:
    ticket = accepted(web)
    web.visitor("1001").post(f"/tickets/{ticket.number}/note", text="市民再次来电")
    assert "市民再次来电" in web.visitor("1200").get(f"/tickets/{ticket.number}").text


def test_what_people_write_is_shown_as_text(web: Web) -> None:
    ticket = accepted(web, title="<script>alert(1)</script>", content='"><img src=x onerror=alert(1)>')
    for path in (f"/tickets/{ticket.number}", "/tickets?list=all"):
        page = web.visitor("1200").get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_lists_narrow_by_stage_text_and_unit_and_page(web: Web, tmp_path: Path) -> None:
    fresh = open_web(tmp_path)
    for n in range(35):
        accepted(fresh, title=f"天桥 {n}")
    visitor = fresh.visitor("1200")
    first = visitor.get("/tickets?list=undispatched&text=天桥").text
    assert "共 35 件" in first
    assert "天桥 34<" in first
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older is not None
    assert "天桥 0<" in visitor.get(unescape(older[1])).text
    assert "天桥 0<" in visitor.get("/tickets?list=undispatched&text=天桥&at=last").text
    assert "天桥 3" not in visitor.get("/tickets?list=closed").text


def test_an_unknown_ticket_is_not_found(web: Web) -> None:
    answer = web.visitor("1200").get("/tickets/999999999999999")
    assert answer.status_code == 404
    assert "工单不存在。" in answer.text


queries = st.dictionaries(
    st.sampled_from(["list", "state", "unit", "text", "phone", "page", "conflicts"]), st.text(max_size=20)
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries)
def test_any_hostile_filter_shows_a_list(web: Web, query: dict[str, str]) -> None:
    for path in ("/tickets", "/calls", "/recordings"):
        response = web.visitor("1100").client.get(path, query_string=query)
        assert response.status_code == 200


fields = st.dictionaries(st.sampled_from([*FIELDS, "seen", "move"]), st.text(max_size=30), max_size=6)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(move=st.sampled_from(["dispatch", "withdraw", "self_handle", "nothing"]), typed=fields)
def test_any_hostile_step_is_answered_with_a_page(web: Web, move: str, typed: dict[str, str]) -> None:
    ticket = accepted(web)
    for path in ("move", "edit", "note"):
        answer = web.visitor("1200").post(f"/tickets/{ticket.number}/{path}", **{"move": move, **typed})
        assert answer.status_code in (302, 403, 409, 422)
