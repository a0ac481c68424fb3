"""Tickets over the API: what the pages do with them, programs do too, with the same rights and refusals."""

import re
import shlex
import time
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

import pytest
from werkzeug.test import TestResponse

import web as package
from appliance.outside.telling import signature
from appliance.people import Actor
from tests.api_programs import REPAIR, Program
from tests.web_pages import Web, open_web
from web.api.table import TABLE

MANUAL = Path(package.__file__).parent / "api" / "README.md"
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


@pytest.fixture(scope="module")
def app(web: Web) -> Program:
    """A channel of citizens."""
    return Program(web, "city-app", ["tickets:read", "tickets:write", "tickets:move"], roles=["C"])


@pytest.fixture(scope="module")
def clerk(web: Web) -> Program:
    """A dispatcher's own program."""
    return Program(web, "clerk", person="1200")


def moved(program: Program, number: str, move: str, **fields: Any) -> Any:
    return program.told("POST", f"/tickets/{number}/moves", {"move": move, "fields": fields})


def accepted(program: Program) -> Any:
    number = program.told("POST", "/tickets", {**REPAIR, "category": "1001"})["number"]
    return moved(program, number, "accept")


def test_a_ticket_goes_its_whole_way_over_the_api(web: Web, clerk: Program) -> None:
    number = accepted(clerk)["number"]
    assert moved(clerk, number, "dispatch", unit="lamp")["state"] == "DISPATCHED"
    unit, caller = Program(web, "lamp", person="2001"), Program(web, "caller", person="1300")
    assert moved(unit, number, "sign")["state"] == "HANDLING"
    assert moved(unit, number, "submit_result", result="已修复")["state"] == "FEEDBACK"
    assert moved(clerk, number, "pass", answer="路灯已修复")["state"] == "CALLBACK"
    closed = moved(caller, number, "satisfied", rating="satisfied")
    assert (closed["state"], closed["rating"]) == ("CLOSED", "satisfied")
    steps = clerk.told("GET", f"/tickets/{number}/timeline")["steps"]
    assert [s["what"] for s in steps if s["what"] != "texted"] == [
        *("created", "accept", "dispatch", "sign", "submit_result", "pass", "satisfied")
    ]


def test_the_moves_told_are_the_buttons_of_the_page_with_their_fields(web: Web, clerk: Program) -> None:
    number = accepted(clerk)["number"]
    told = clerk.told("GET", f"/tickets/{number}/moves")["moves"]
    page = web.visitor("1200").get(f"/tickets/{number}").text
    assert {m["move"] for m in told} == set(re.findall(r'name="move" value="(\w+)"', page))
    dispatch = next(m for m in told if m["move"] == "dispatch")
    assert [f["name"] for f in dispatch["fields"] if f["needed"]] == ["unit"]


def test_a_refused_move_says_why_and_changes_nothing(clerk: Program) -> None:
    before = accepted(clerk)
    number = before["number"]
    missing = clerk.ask("POST", f"/tickets/{number}/moves", {"move": "dispatch"})
    assert (missing.status_code, missing.json["word"]) == (422, "missing")  # type: ignore[index]
    assert missing.json["sentence"] == "Fill in Unit."  # type: ignore[index]
    late = clerk.ask("POST", f"/tickets/{number}/moves", {"move": "sign"})
    assert (late.status_code, late.json["word"]) == (409, "not_now")  # type: ignore[index]
    assert clerk.told("GET", f"/tickets/{number}")["seen"] == before["seen"]


def test_whoever_saw_an_older_ticket_is_refused(clerk: Program) -> None:
    ticket = clerk.told("POST", "/tickets", {**REPAIR, "category": "1001"})
    path, old = f"/tickets/{ticket['number']}", f'"{ticket["seen"]}"'
    assert clerk.ask("PATCH", path, {"title": "两盏路灯不亮"}, If_Match=old).status_code == 200
    stale = clerk.ask("PATCH", path, {"title": "三盏"}, If_Match=old)
    assert (stale.status_code, stale.json["word"]) == (409, "changed")  # type: ignore[index]
    moved(clerk, ticket["number"], "accept")
    late = clerk.ask("POST", f"{path}/moves", {"move": "dispatch", "fields": {"unit": "lamp"}}, If_Match=old)
    assert (late.status_code, late.json["word"]) == (409, "changed")  # type: ignore[index]
    odd = clerk.ask("PATCH", path, {"title": "四盏"}, If_Match='"yesterday"')
    assert (odd.status_code, odd.json["field"]) == (422, "If-Match")  # type: ignore[index]


def test_the_same_request_under_one_key_is_done_once(web: Web, app: Program) -> None:
    first = app.ask("POST", "/tickets", REPAIR, Idempotency_Key="2027-0001")
    again = app.ask("POST", "/tickets", REPAIR, Idempotency_Key="2027-0001")
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    other = app.ask("POST", "/tickets", {**REPAIR, "title": "别的事"}, Idempotency_Key="2027-0001")
    assert (other.status_code, other.json["word"]) == (422, "key_used")  # type: ignore[index]
    another = Program(web, "another-app", roles=["C"])
    mine = another.told("POST", "/tickets", REPAIR, Idempotency_Key="2027-0001")
    assert mine["number"] != first.json["number"]  # type: ignore[index]


def test_a_refused_request_keeps_no_key(app: Program) -> None:
    assert app.ask("POST", "/tickets", {**REPAIR, "phone": "12a"}, Idempotency_Key="k-2").status_code == 422
    assert app.ask("POST", "/tickets", REPAIR, Idempotency_Key="k-2").status_code == 201


def test_a_list_is_gone_through_page_by_page_and_nothing_is_missed(clerk: Program) -> None:
    for n in range(7):
        clerk.told("POST", "/tickets", {**REPAIR, "title": f"翻页 {n}"})
    found: list[str] = []
    path = "/tickets?rows=3&text=%E7%BF%BB%E9%A1%B5"
    page = clerk.told("GET", path)
    while True:
        found += [ticket["title"] for ticket in page["tickets"]]
        if page["next"] is None:
            break
        page = clerk.told("GET", f"{path}&after={page['next']}")
    assert found == [f"翻页 {n}" for n in reversed(range(7))]


def test_a_system_outside_sees_what_it_brought_and_nothing_else(web: Web, app: Program) -> None:
    mine = app.told("POST", "/tickets", REPAIR)["number"]
    (other,) = web.box.store.rows("SELECT number FROM ticket WHERE created_by = '1001' LIMIT 1")[0]
    assert app.ask("GET", f"/tickets/{mine}").status_code == 200
    assert app.ask("GET", f"/tickets/{other}").status_code == 403
    listed = app.told("GET", "/tickets?rows=200")["tickets"]
    assert mine in {ticket["number"] for ticket in listed}
    assert {ticket["created_by"] for ticket in listed} == {"api.city-app"}
    assert app.told("POST", f"/tickets/{mine}/notes", {"text": "市民补充"})["number"] == mine


def test_a_platform_answers_what_was_transferred_to_it(web: Web, clerk: Program) -> None:
    platform = Program(web, "province", ["tickets:read", "tickets:move"], roles=["HB"])
    mine, others = accepted(clerk)["number"], accepted(clerk)["number"]
    moved(clerk, mine, "transfer_out", outside="province 平台", reason="省级事权")
    moved(clerk, others, "transfer_out", outside="别的平台", reason="省级事权")
    assert platform.ask("GET", f"/tickets/{others}").status_code == 403
    assert moved(platform, mine, "external_result", result="省厅已办")["state"] == "FEEDBACK"


def test_a_unit_sees_its_own_tickets_only(web: Web, clerk: Program) -> None:
    unit = Program(web, "water", person="2002")
    number = accepted(clerk)["number"]
    assert unit.ask("GET", f"/tickets/{number}").status_code == 403
    moved(clerk, number, "dispatch", unit="water")
    assert unit.told("GET", f"/tickets/{number}")["state"] == "DISPATCHED"
    assert {ticket["unit"] for ticket in unit.told("GET", "/tickets")["tickets"]} == {"water"}


def test_citizens_are_told_only_to_those_who_may_know(web: Web, clerk: Program) -> None:
    number = clerk.told("POST", "/tickets", {**REPAIR, "citizen": "张三"})["number"]
    clerk.told("PATCH", f"/tickets/{number}", {"phone": "10000000009"})
    blind = Program(web, "statistics", ["tickets:read"], person="1200")
    told = blind.told("GET", f"/tickets/{number}")
    assert (told["citizen"], told["phone"], told["masked"]) == ("张*", "100****0009", True)
    assert "10000000009" not in blind.ask("GET", f"/tickets/{number}/timeline").text
    assert blind.ask("GET", "/tickets?phone=10000000009").status_code == 403
    assert blind.told("GET", "/tickets?text=10000000009")["tickets"] == []
    assert clerk.told("GET", f"/tickets/{number}")["phone"] == "10000000009"


def test_strands_are_opened_and_carried_on(web: Web, clerk: Program) -> None:
    number = accepted(clerk)["number"]
    moved(clerk, number, "dispatch", unit="lamp")
    told = clerk.told("GET", f"/tickets/{number}/strands")
    assert "urge" in {opening["kind"] for opening in told["openings"]}
    urge = clerk.told(
        "POST", f"/tickets/{number}/strands", {"kind": "urge", "step": "send", "fields": {"text": "请尽快"}}
    )
    unit = Program(web, "lamp-urged", person="2001")
    steps = f"/tickets/{number}/strands/{urge['id']}/steps"
    read = unit.told("POST", steps, {"step": "read"}, If_Match=f'"{urge["seen"]}"')
    assert (read["state"], [s["step"] for s in read["steps"]]) == ("READ", ["answer"])
    assert (
        clerk.ask("POST", f"/tickets/{number}/strands/{'0' * 32}/steps", {"step": "read"}).status_code == 404
    )


@pytest.mark.parametrize(
    ("sent", "status", "word", "field"),
    [
        (b"{", 400, "not_json", ""),
        (b'{"source": "web", "title": ' + b"[" * 100_000, 422, "invalid", "title"),
        (b"\xff\xfe", 400, "not_json", ""),
        (b"[]", 422, "invalid", ""),
        (b'{"source": "web", "tittle": "x"}', 422, "invalid", ""),
        (b'{"source": "telepathy"}', 422, "bad_choice", ""),
        (b'{"source": 7}', 422, "invalid", "source"),
        (b'{"source": "web", "title": 7}', 422, "invalid", "title"),
        (b'{"source": "web", "title": "' + b"x" * 121 + b'"}', 422, "invalid", "title"),
        (b'{"source": "web", "content": "' + b"x" * 300_000 + b'"}', 413, "http", ""),
        (b'{"source": "web", "call": "zz"}', 422, "invalid", "call"),
        (b'{"source": "web", "phone": "ring me"}', 422, "bad_phone", ""),
    ],
)
def test_what_is_not_right_is_refused_with_what_and_where(
    app: Program, sent: bytes, status: int, word: str, field: str
) -> None:
    answer = app.client.post(
        "/api/v1/tickets", data=sent, headers={**app.headers, "Content-Type": "application/json"}
    )
    assert answer.status_code == status
    assert answer.json is not None
    assert (answer.json["word"], answer.json["field"]) == (word, field)
    assert answer.json["sentence"]


def test_script_and_odd_letters_are_kept_as_text(app: Program) -> None:
    title = "<script>alert(1)</script> \u202e''; DROP TABLE ticket; --"
    assert app.told("POST", "/tickets", {**REPAIR, "title": title})["title"] == title


def test_a_body_of_another_kind_is_refused(app: Program) -> None:
    answer = app.client.post("/api/v1/tickets", data={"title": "x"}, headers=app.headers)
    assert answer.status_code == 415


def test_sentences_come_in_the_language_asked_for(web: Web) -> None:
    program = Program(web, "chinese", roles=["C"], language="zh-CN")
    answer = program.ask("GET", "/tickets/000")
    assert answer.status_code == 404
    assert answer.json["sentence"] == "工单不存在。"  # type: ignore[index]
    assert program.ask("GET", "/nothing-here").json["word"] == "http"  # type: ignore[index]


def test_pages_use_the_api_with_session_and_form_token(web: Web) -> None:
    visitor = web.visitor("1200")
    assert visitor.get("/api/v1/tickets?rows=1").status_code == 200
    created = visitor.ask("/api/v1/tickets", REPAIR)
    assert created.status_code == 201
    without = visitor.client.post("/api/v1/tickets", json=REPAIR)
    assert (without.status_code, without.json["word"]) == (400, "stale")  # type: ignore[index]


def test_people_are_managed_by_administrators(web: Web) -> None:
    program = Program(web, "personnel", ["people:read", "people:write"], person="9000")
    made = program.told(
        "POST",
        "/people",
        {"number": "3001", "name": "新人", "roles": ["AG"], "password": "one-time-code", "extension": "8009"},
    )
    assert (made["number"], made["roles"], made["must_change"]) == ("3001", ["AG"], True)
    assert program.told("POST", "/people/3001/password")["password"]
    assert program.told("PUT", "/people/3001/access", {"active": False})["active"] is False
    assert program.ask("PUT", "/people/9000/access", {"active": False}).status_code == 422
    assert program.ask("GET", "/people/nobody").status_code == 404


def curl(program: Program, command: str) -> TestResponse:
    """Do what a line of the manual does when it is typed."""
    words = shlex.split(command)
    after = list(pairwise(words))
    heads = dict(word.split(": ", 1) for flag, word in after if flag == "-H")
    data = [word for flag, word in after if flag in ("-d", "--data-urlencode")]
    sent: Any = dict(word.split("=", 1) for word in data) if "Content-Type" not in heads else "".join(data)
    return program.client.open(words[-1], method="POST" if data else "GET", headers=heads, data=sent or None)


def test_the_examples_of_the_manual_work_as_printed(web: Web) -> None:
    scopes = ["tickets:read", "tickets:write", "tickets:move", "open311"]
    program = Program(web, "manual", scopes, roles=["C"])
    block = "\n".join(re.findall(r"```sh\n(.*?)```", MANUAL.read_text("utf-8"), re.S))
    known = {"TOKEN": program.secret, "BOX": "", "NUMBER": "", "SEEN": "", "SERVICE": ""}
    commands = [line for line in block.splitlines() if line.startswith("curl")]
    for line in commands:
        answer = curl(program, Template(line).substitute(known))
        assert answer.status_code in (200, 201), (line, answer.text)
        told: Any = answer.json
        first = told[0] if isinstance(told, list) else told
        known |= {name.upper(): first[name] for name in ("number", "seen") if name in first}
        known["SERVICE"] = first.get("service_code", known["SERVICE"])
        known["NUMBER"] = first.get("service_request_id", known["NUMBER"])
    assert len(commands) == 12


def test_the_manual_checks_a_signature_as_the_box_makes_it() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", MANUAL.read_text("utf-8"), re.S)
    named: dict[str, Any] = {}
    exec(example, named)
    heads = {"X-Hotline-Timestamp": "1", "X-Hotline-Signature": f"sha256={signature('whs_x', 1, b'{}')}"}
    assert named["is_ours"]("whs_x", heads, b"{}")
    assert not named["is_ours"]("whs_y", heads, b"{}")


def test_the_manual_of_the_box_names_every_endpoint(web: Web) -> None:
    for language, word in (("zh-CN", "登记工单"), ("en", "Register a ticket")):
        page = web.visitor(language=language).get("/api/docs").text
        assert word in page
        assert all(endpoint.path in page for endpoint in TABLE)


def test_a_channel_of_citizens_is_not_told_what_was_written_inside(
    web: Web, app: Program, clerk: Program
) -> None:
    number = app.told("POST", "/tickets", {**REPAIR, "category": "1001"})["number"]
    clerk.told("POST", f"/tickets/{number}/notes", {"text": "内部备注"})
    moved(clerk, number, "refuse", grounds="secret", reason="内部理由")
    story = app.ask("GET", f"/tickets/{number}/timeline").text
    assert "内部" not in story + app.ask("GET", f"/tickets/{number}").text
    assert "周建国" not in story
    assert '"what":"refuse"' in story
    assert "内部备注" in clerk.ask("GET", f"/tickets/{number}/timeline").text


def test_the_dictionary_is_read_and_changed_with_its_own_rights(web: Web) -> None:
    program = Program(web, "settings", ["settings:read", "settings:write"], person="9000")
    kinds = {kind["kind"] for kind in program.told("GET", "/dictionary")["kinds"]}
    assert {"unit", "category", "person"} <= kinds
    made = program.told("PATCH", "/dictionary/tag/flood", {"fields": {"name": "汛情"}})
    assert (made["name"], made["retired"]) == ("汛情", False)
    changed = program.told(
        "PATCH", "/dictionary/tag/flood", {"fields": {"name": "防汛"}}, If_Match=f'"{made["seen"]}"'
    )
    late = program.ask(
        "PATCH", "/dictionary/tag/flood", {"fields": {"name": "水"}}, If_Match=f'"{made["seen"]}"'
    )
    assert late.status_code == 409
    assert program.told("POST", "/dictionary/tag/flood/retire", {})["retired"] is True
    assert program.told("POST", "/dictionary/tag/flood/restore")["fields"] == changed["fields"]
    story = program.told("GET", "/dictionary/tag/flood/history")["changes"]
    assert {change["by"] for change in story} == {"9000"}
    assert program.ask("GET", "/dictionary/person").status_code == 403, "people have scopes of their own"
    assert program.ask("PATCH", "/dictionary/person/9000", {"fields": {}}).status_code == 403
    assert program.ask("GET", "/dictionary/nothing").status_code == 404


def test_letters_are_issued_listed_and_printed(web: Web, clerk: Program) -> None:
    number = accepted(clerk)["number"]
    moved(clerk, number, "dispatch", unit="lamp")
    sheets = clerk.told("GET", f"/tickets/{number}/letters")["templates"]
    letter = next(sheet for sheet in sheets if sheet["numbered"])
    missing = clerk.ask("POST", f"/tickets/{number}/letters", {"template": letter["template"]})
    assert missing.status_code == 422
    written = {name: text or "城市照明管理所" for name, text in letter["fields"].items()}
    issued = clerk.told(
        "POST", f"/tickets/{number}/letters", {"template": letter["template"], "fields": written}
    )
    assert [x["id"] for x in clerk.told("GET", f"/tickets/{number}/letters")["letters"]] == [issued["id"]]
    docx = clerk.ask("GET", f"/letters/{issued['id']}/docx")
    assert (docx.status_code, docx.data[:2]) == (200, b"PK")
    blind = Program(web, "blind-printer", ["tickets:read"], person="1200")
    assert blind.ask("GET", f"/letters/{issued['id']}/docx").status_code == 403


def test_confidential_citizens_are_hidden_until_somebody_says_why(web: Web, clerk: Program) -> None:
    secret = {**REPAIR, "citizen": "张三丰", "confidential": True}
    number = clerk.told("POST", "/tickets", secret)["number"]
    told = clerk.told("GET", f"/tickets/{number}")
    assert (told["masked"], told["citizen"], told["phone"]) == (True, "张**", "100****0001")
    assert clerk.ask("POST", f"/tickets/{number}/unmask", {"reason": ""}).status_code == 422
    assert clerk.told("POST", f"/tickets/{number}/unmask", {"reason": "回拨核实"})["citizen"] == "张三丰"
    story = clerk.told("GET", f"/tickets/{number}/timeline")["steps"]
    assert "回拨核实" in str(story)
    other = Program(web, "other-dispatcher", ["tickets:read"], person="1200")
    assert other.ask("POST", f"/tickets/{number}/unmask", {"reason": "好奇"}).status_code == 403


def test_the_same_matter_is_found_counted_and_linked(web: Web, clerk: Program) -> None:
    matter = {**REPAIR, "address": "人民路 12 号", "area": "云西区", "category": "1001"}
    first, second = (clerk.told("POST", "/tickets", matter)["number"] for _ in range(2))
    agent = Program(web, "agent", person="1001")
    found = agent.told("GET", f"/tickets/{second}/duplicates")["alike"]
    assert first in {one["ticket"]["number"] for one in found}
    assert all(sum(why["points"] for why in one["reasons"]) == one["score"] for one in found)
    form = {name: matter[name] for name in ("address", "area", "title", "content", "phone")}
    assert agent.told("POST", "/duplicates", form)["alike"]
    assert agent.told("POST", f"/tickets/{first}/repeats", {"text": "又来电"})["repeats"] == 1
    assert agent.ask("POST", f"/tickets/{first}/links", {"ticket": second}).status_code == 200
    assert agent.ask("POST", f"/tickets/{first}/links", {"ticket": first}).status_code == 422


def test_the_customer_file_is_kept_over_the_api(web: Web) -> None:
    agent = Program(web, "file", person="1001")
    made = agent.told("POST", "/customers", {"name": "张三", "numbers": ["10000000777"]})
    assert agent.told("GET", "/customers?number=10000000777")["customers"][0]["id"] == made["id"]
    changed = agent.told(
        "PATCH", f"/customers/{made['id']}", {"note": "行动不便"}, If_Match=f'"{made["seen"]}"'
    )
    assert changed["note"] == "行动不便"
    late = agent.ask("PATCH", f"/customers/{made['id']}", {"note": "x"}, If_Match=f'"{made["seen"]}"')
    assert late.status_code == 409
    other = agent.told("POST", "/customers", {"name": "张三（公司）"})
    assert agent.ask("POST", f"/customers/{other['id']}/merge", {"into": made["id"]}).status_code in (
        200,
        403,
    )
    blind = Program(web, "blind-file", ["tickets:read"], person="1001")
    assert blind.ask("GET", "/customers").status_code == 403


def test_the_calendar_is_read_and_a_day_is_changed(web: Web) -> None:
    program = Program(web, "calendar", ["settings:read", "settings:write"], person="9000")
    days = program.told("GET", "/calendar?year=2026")["days"]
    assert len(days) == 365
    assert {day["date"]: day["work"] for day in days}["2026-10-01"] is False
    flood = program.told("PUT", "/calendar/2026-07-15", {"work": False, "name": "防汛停工"})["days"]
    assert {d["date"]: d for d in flood}["2026-07-15"] == {
        "date": "2026-07-15",
        "work": False,
        "name": "防汛停工",
        "source": "manual",
    }
    back = program.told("PUT", "/calendar/2026-07-15", {"work": None})["days"]
    assert {d["date"]: d["work"] for d in back}["2026-07-15"] is True
    bad = program.ask("POST", "/calendar", {"content": "date,work\n2027-13-01,1"})
    assert bad.status_code == 422
    assert program.ask("PUT", "/calendar/2026-02-30", {"work": True}).status_code == 422


def test_an_answer_is_promised_and_given(web: Web) -> None:
    agent = Program(web, "promises", person="1001")
    at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 7200))
    asked = {"number": "10000000321", "topic": "公积金提取", "promised_at": at}
    made = agent.told("POST", "/promises", asked)
    assert made["made_by"] == "1001 api.promises"
    assert made["id"] in {promise["id"] for promise in agent.told("GET", "/promises")["promises"]}
    path = f"/promises/{made['id']}/outcome"
    assert agent.ask("POST", path, {"outcome": "again"}).status_code == 422
    assert agent.told("POST", path, {"outcome": "answered", "remark": "已答复"})["state"] == "answered"
    assert agent.ask("POST", path, {"outcome": "answered"}).status_code == 409
