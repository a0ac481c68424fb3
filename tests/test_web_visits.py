"""The pages of return visits and of what stands beside a case."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from appliance.calls import wire
from appliance.people import Actor
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import MOVES
from tests.web_pages import Web, open_web

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
CLERK = Actor("1300", "吴琳", frozenset({"CB"}))
OPERATOR = Actor("2001", "孙立", frozenset({"U2"}), unit="lamp")

LAST_MONTH = date.today().replace(day=1) - timedelta(days=1)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def dispatched(web: Web, told: Mapping[str, object] | None = None, **more: object) -> Ticket:
    desk = web.box.tickets
    fields = {"kind": "repair", "title": "路灯不亮", "content": "全部不亮", "category": "0101"}
    ticket = desk.create(AGENT, "web", {**fields, "phone": "10000000077", **(told or {})})
    desk.move(AGENT, ticket.tid, "accept")
    return desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp", **more})


def answered(web: Web, **told: object) -> Ticket:
    desk, ticket = web.box.tickets, dispatched(web, told)
    desk.move(OPERATOR, ticket.tid, "sign")
    desk.move(OPERATOR, ticket.tid, "submit_result", {"result": "已修"})
    return desk.move(DISPATCHER, ticket.tid, "pass", {"answer": "已修好"})


def closed_last_month(web: Web, **told: object) -> Ticket:
    ticket = answered(web, **told)
    closed = web.box.tickets.move(CLERK, ticket.tid, "satisfied", {"rating": "satisfied"})
    at_s = datetime.combine(LAST_MONTH, datetime.min.time()).timestamp()
    with web.box.store.transaction():
        web.box.store.execute("UPDATE ticket SET closed_s = ? WHERE tid = ?", at_s, ticket.tid)
    return closed


def state(web: Web, ticket: Ticket) -> str:
    return web.box.tickets.get(ticket.tid).state


def test_a_clerk_writes_down_an_attempt_and_then_what_the_citizen_said(web: Web) -> None:
    ticket, clerk = answered(web), web.visitor("1300")
    assert ticket.number in clerk.get("/visits").text
    assert clerk.post(f"/visits/{ticket.number}", outcome="busy").status_code == 302
    assert "已联系 1 次" in clerk.get("/visits").text
    said = {"rating": "satisfied", "contacted": "yes", "solved": "yes"}
    assert clerk.post(f"/visits/{ticket.number}/rating", **said).status_code == 302
    assert state(web, ticket) == "CLOSED"


def test_a_dissatisfied_citizen_has_a_reason_or_the_form_comes_back_with_all_that_was_typed(web: Web) -> None:
    ticket, clerk = answered(web), web.visitor("1300")
    refused = clerk.post(f"/visits/{ticket.number}/rating", rating="dissatisfied", why="slow")
    assert refused.status_code == 422
    assert "请填写" in refused.text
    assert 'value="slow" selected' in refused.text
    assert '<details class="why" open' in refused.text
    given = {"rating": "dissatisfied", "why": "slow", "reason": "三周才来", "compensation": "1"}
    assert clerk.post(f"/visits/{ticket.number}/rating", **given).status_code == 302
    assert state(web, ticket) == "DISSAT_REVIEW"


def test_a_citizen_who_cannot_be_reached_is_given_up_after_enough_attempts(web: Web) -> None:
    ticket, clerk = answered(web), web.visitor("1300")
    for name in ("callback_attempts", "callback_days"):
        web.box.dictionary.set(Actor("9000", "", frozenset({"AD"})), "parameter", name, {"value": 1})
    closing = f"/visits/{ticket.number}/unreachable"
    assert closing not in clerk.get("/visits").text
    assert clerk.post(closing).status_code == 422
    clerk.post(f"/visits/{ticket.number}", outcome="off")
    assert closing in clerk.get("/visits").text
    assert clerk.post(closing).status_code == 302
    assert state(web, ticket) == "CLOSED"


def test_a_workflow_without_dissatisfaction_has_a_list_of_callbacks_too(tmp_path: Path) -> None:
    web = open_web(tmp_path)
    plain = [move for move in MOVES if "DISSAT_REVIEW" not in (move.source, move.target)]
    administrator = Actor("9000", "系统管理员", frozenset({"AD"}))
    web.box.tickets.workflows.publish(administrator, "plain", plain, reason="试")
    ticket = answered(web)
    assert ticket.workflow == "plain@1"
    assert ticket.number in web.visitor("1300").get("/visits").text


def test_an_agent_has_no_list_of_callbacks(web: Web) -> None:
    assert web.visitor("1001").get("/visits").status_code == 403


def test_a_month_is_drawn_on_the_page_and_answers_are_written_beside_the_cases(web: Web) -> None:
    ticket, clerk = closed_last_month(web), web.visitor("1300")
    month = f"{LAST_MONTH:%Y-%m}"
    assert f'name="month" value="{month}"' in clerk.get("/visits/samples").text
    assert clerk.post("/visits/samples", month=month, per_unit="50").status_code == 302
    page = clerk.get("/visits/samples").text
    assert ticket.number in page
    assert clerk.post("/visits/samples", month=month, per_unit="50").status_code == 422
    sid = web.box.store.rows("SELECT sid FROM sample")[0][0].hex()
    answer = clerk.post(f"/visits/samples/{sid}/{ticket.number}", outcome="satisfied", text="满意")
    assert answer.status_code == 302
    assert answer.location.endswith(f"#{ticket.number}"), "the page stays where the clerk was"
    assert "满意" in clerk.get("/visits/samples").text


def test_a_month_that_is_not_over_is_refused_with_the_day_from_which_it_can_be_drawn(web: Web) -> None:
    clerk, today = web.visitor("1300"), date.today()
    following = (today.replace(day=1) + timedelta(days=31)).replace(day=1)
    early = clerk.post("/visits/samples", month=f"{today:%Y-%m}", per_unit="5")
    assert early.status_code == 422
    assert f"请于 {following:%Y-%m-%d} 起抽取" in early.text


def test_a_sample_is_worked_through_on_its_page_and_masks_what_is_confidential(tmp_path: Path) -> None:
    web = open_web(tmp_path)
    clerk = web.visitor("1300")
    closed_last_month(web)
    secret = closed_last_month(web, citizen="赵敏", phone="13512345678", confidential=True)
    assert clerk.post("/visits/samples", month=f"{LAST_MONTH:%Y-%m}", per_unit="50").status_code == 302
    page = clerk.get("/visits/samples").text
    row = page.split(f'id="{secret.number}"')[1].split("</tr>")[0]
    web.box.calls.board = msgspec.structs.replace(
        web.box.calls.board, seats=[wire.Seat("1300", "吴琳", "8101", "paused", 0.0)]
    )
    assert f'data-call="/tickets/{secret.number}/call"' in clerk.get("/visits/samples").text
    assert "全部不亮" in row, "the matter"
    assert "已修好" in row, "what was answered"
    assert "135****5678" in row
    assert "13512345678" not in page
    sid = web.box.store.rows("SELECT sid FROM sample")[0][0].hex()
    wrong = clerk.post(f"/visits/samples/{sid}/{secret.number}", outcome="", text="没人接")
    assert wrong.status_code == 422
    assert 'value="没人接"' in wrong.text


def test_sub_orders_and_supervision_are_opened_and_answered_from_the_tickets_page(web: Web) -> None:
    ticket = dispatched(web, assisting=["water"])
    path = f"/tickets/{ticket.number}"
    water = web.visitor("2002")
    page = water.get(path)
    assert page.status_code == 200
    assert 'data-test="strand-suborder"' in page.text
    (order,) = web.box.tickets.strands(ticket.tid)
    assert water.post(f"{path}/strands/{order.sid.hex()}", step="sign").status_code == 302
    refused = water.post(f"{path}/strands/{order.sid.hex()}", step="submit")
    assert refused.status_code == 422
    assert water.post(f"{path}/strands/{order.sid.hex()}", step="submit", result="已查").status_code == 302
    assert "已查" in web.visitor("1200").get(path).text
    assert web.visitor("2003").get(path).status_code == 403
    listed = water.get("/strands?kind=suborder").text
    assert ticket.number in listed


def test_a_unit_is_offered_only_its_own_parts_to_pass_work_on_to(web: Web) -> None:
    ticket = dispatched(web)
    web.box.tickets.move(OPERATOR, ticket.tid, "sign")
    path = f"/tickets/{ticket.number}"
    form = web.visitor("2001").get(path).text.split('data-form="open-suborder"')[1].split("</form>")[0]
    assert "照明管理处东区抢修所" in form
    assert "市燃气公司" not in form
    whole = web.visitor("1200").get(path).text.split('data-form="open-suborder"')[1].split("</form>")[0]
    assert "市燃气公司" in whole
    assert '<option value="lamp"' not in whole, "who leads the case does not assist it"
    fields = {"kind": "repair", "title": "暖气不热", "content": "不热", "category": "0101"}
    heating = web.box.tickets.create(AGENT, "web", fields)
    web.box.tickets.move(AGENT, heating.tid, "accept")
    web.box.tickets.move(DISPATCHER, heating.tid, "dispatch", {"unit": "heat"})
    page = web.visitor("2004").get(f"/tickets/{heating.number}").text
    assert 'data-test="open-extension"' in page
    assert "open-suborder" not in page, "a unit without parts has nobody to pass work on to"


def test_an_urge_of_an_agent_reaches_the_units_list(web: Web) -> None:
    ticket = dispatched(web)
    path = f"/tickets/{ticket.number}/strands"
    assert web.visitor("1001").post(path, kind="urge", step="send", text="市民又来电").status_code == 302
    assert ticket.number in web.visitor("2001").get("/strands?kind=urge").text
    assert ticket.number not in web.visitor("2002").get("/strands?kind=urge").text


def test_an_instruction_is_called_so_and_stays_beside_the_report_on_what_was_done(web: Web) -> None:
    ticket = dispatched(web)
    path = f"/tickets/{ticket.number}"
    leader, clerk = web.visitor("1400"), web.visitor("1200")
    form = leader.get(path).text.split('data-form="open-instruction"')[1].split("</form>")[0]
    assert ">批示 <" in form
    given = {"kind": "instruction", "step": "write", "instruction": "三日内办结"}
    assert leader.post(f"{path}/strands", **given).status_code == 302
    (order,) = web.box.tickets.strands(ticket.tid)
    at = f"{path}/strands/{order.sid.hex()}"
    clerk.post(at, step="acknowledge")
    assert clerk.post(at, step="report", report="已更换灯泡").status_code == 302
    page = clerk.get(path).text
    card = page.split('data-test="strand-instruction"')[1].split("</article>")[0]
    assert "<dt>批示</dt>" in card
    assert "三日内办结" in card
    assert "<dt>落实情况</dt>" in card
    story = page.split('data-test="story"')[1].split("</ol>")[0]
    assert "批示：三日内办结" in story
    assert "落实情况：已更换灯泡" in story
    assert "备注" not in card + story


def test_many_tickets_are_tried_first_and_nothing_changes_before_it_is_confirmed(web: Web) -> None:
    desk, dispatcher = web.box.tickets, web.visitor("1200")
    fields = {"kind": "repair", "title": "井盖松动", "content": "松了", "category": "0301"}
    ready = [desk.create(AGENT, "web", fields) for _ in range(2)]
    nameless = desk.create(AGENT, "web", {"title": "没有类别"})
    chosen = [ticket.number for ticket in (*ready, nameless)]
    count = web.box.store.rows("SELECT count(*) FROM event")
    page = dispatcher.post("/tickets/batch", number=chosen, step="accept", typed="1", unit="")
    assert page.status_code == 200
    assert web.box.store.rows("SELECT count(*) FROM event") == count
    assert "确认办理 2 / 3 件" in page.text
    assert "请填写" in page.text
    done = dispatcher.post("/tickets/batch", number=chosen, step="accept", typed="1", unit="", sure="1")
    assert "已完成 2 / 3 件" in done.text
    assert [state(web, ticket) for ticket in (*ready, nameless)] == ["ACCEPTED", "ACCEPTED", "REGISTERED"]


def test_a_batch_without_tickets_or_of_another_unit_is_refused(web: Web) -> None:
    assert web.visitor("1200").post("/tickets/batch", step="accept").status_code == 422
    ticket = dispatched(web)
    assert web.visitor("2002").post("/tickets/batch", number=[ticket.number]).status_code == 404
    signed = web.visitor("2001").post("/tickets/batch", number=[ticket.number], step="sign", sure="1")
    assert signed.status_code == 200
    assert state(web, ticket) == "HANDLING"


def test_what_is_overdue_pops_up_on_entering_the_desk(web: Web) -> None:
    ticket = dispatched(web)
    assert 'data-test="attention"' not in web.visitor("1001").get("/desk").text
    with web.box.store.transaction():
        web.box.store.execute("UPDATE ticket SET due_s = 1, warn_s = 1 WHERE tid = ?", ticket.tid)
        web.box.store.execute("UPDATE ticket_facet SET due_s = 1 WHERE tid = ?", ticket.tid)
    page = web.visitor("1001").get("/desk").text
    assert 'data-test="attention"' in page
    assert f"/tickets/{ticket.number}#beside" in page
    assert 'data-test="attention"' not in web.visitor("1002").get("/desk").text
