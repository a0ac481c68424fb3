"""Intake on the pages: the form of every source and what is beside it, customers, confidential tickets."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.people import CITIZEN, Actor
from tests.web_pages import Web, open_web

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
FORM = {
    "source": "letter",
    "then": "save",
    "form_key": "0123456789abcdef",
    "kind": "repair",
    "category": "",
    "title": "天桥路灯不亮",
    "content": "人民路12号天桥下路灯不亮",
    "address": "人民路12号",
    "phone": "13900000077",
    "citizen": "欧阳女士",
    "callback": True,
}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


@pytest.fixture
def fresh(tmp_path: Path) -> Web:
    return open_web(tmp_path)


def test_the_same_form_sent_twice_gives_the_same_number(fresh: Web) -> None:
    agent = fresh.visitor("1001")
    first, again = (agent.ask("/intake/file", FORM).get_json() for _ in range(2))
    assert first["number"] == again["number"]
    other = agent.ask("/intake/file", {**FORM, "form_key": "fedcba9876543210"}).get_json()
    assert other["number"] != first["number"]


def test_a_refused_form_says_at_which_field_in_the_readers_language(web: Web) -> None:
    answer = web.visitor("1001").ask("/intake/file", {**FORM, "kind": "report", "form_key": "refused-0001"})
    assert answer.status_code == 422
    assert answer.get_json()["fields"] == {"extra.respondent": True}
    assert "被举报人或单位" in answer.get_json()["sentence"]
    late = {**FORM, "occurred": "2026-02-30", "form_key": "refused-0002"}
    assert "2026-02-30 不是有效日期" in web.visitor("1001").ask("/intake/file", late).get_json()["sentence"]


def test_everything_stands_beside_the_form(fresh: Web) -> None:
    agent = fresh.visitor("1001")
    number = agent.ask("/intake/file", FORM).get_json()["number"]
    told = agent.ask("/intake/beside", {**FORM, "category": "0101", "form_key": "another-0001"}).get_json()
    (first,) = [found for found in told["alike"] if found["number"] == number]
    assert first["score"] == sum(reason["points"] for reason in first["reasons"])
    assert {"同一电话", "地址相近", "内容相似"} <= {reason["title"] for reason in first["reasons"]}
    assert [field["name"] for field in told["extras"]] == ["extra.lamp_post"]
    assert "灯杆" in told["script"]
    assert told["templates"][0]["title"] == "路灯不亮"
    assert "光源" in told["solved"][0]["answer"] or told["solved"][0]["answer"]
    assert told["customers"][0]["plain"] == "欧阳女士"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("110101199003077758", "says", "1990-03-07"),
        ("110101199003077756", "fault", "校验"),
        ("110101199013077758", "fault", "生日"),
    ],
)
def test_an_identity_number_is_checked_while_it_is_typed(web: Web, text: str, key: str, words: str) -> None:
    told = web.visitor("1001").ask("/intake/beside", {"identity": text}).get_json()
    assert words in told["identity"][key]
    assert web.visitor("1001").ask("/intake/beside", {"identity": "护照 E1"}).get_json()["identity"] == {}


def test_a_message_waits_to_be_entered_and_goes_when_it_is(fresh: Web) -> None:
    message = fresh.box.tickets.create(
        CITIZEN, "sms", {"phone": "13900000078", "title": "垃圾", "content": "垃圾没人清"}
    )
    dispatcher = fresh.visitor("1200")
    assert f'"number": "{message.number}"' in dispatcher.get("/intake").text
    assert f"/intake?entry={message.number}" in dispatcher.get(f"/tickets/{message.number}").text
    opened = dispatcher.get(f"/intake?entry={message.number}").text
    assert f'data-opened="{message.tid.hex()}"' in opened
    (item,) = dispatcher.ask("/intake/waiting", None, "GET").get_json()["waiting"]
    filled = {**FORM, "source": "sms", "entry": item["tid"], "seen": item["seen"], "form_key": "entry-000001"}
    assert dispatcher.ask("/intake/file", filled).get_json()["number"] == message.number
    assert dispatcher.ask("/intake/waiting", None, "GET").get_json()["waiting"] == []
    late = fresh.visitor("1001").ask("/intake/file", filled)
    assert late.status_code == 409
    assert "已先行录入" in late.get_json()["sentence"]


def test_a_form_is_counted_on_the_ticket_that_is_there(fresh: Web) -> None:
    agent = fresh.visitor("1001")
    number = agent.ask("/intake/file", FORM).get_json()["number"]
    told = agent.ask("/intake/repeat", {**FORM, "number": number, "content": "还是不亮"}).get_json()
    assert (told["number"], told["repeats"]) == (number, 1)
    page = fresh.visitor("1200").get(f"/tickets/{number}").text
    assert "还是不亮" in page
    assert 'data-test="repeats"' in page


def test_a_message_of_the_same_matter_is_merged_when_it_is_counted(fresh: Web) -> None:
    agent = fresh.visitor("1200")
    number = agent.ask("/intake/file", FORM).get_json()["number"]
    message = fresh.box.tickets.create(CITIZEN, "sms", {"phone": "13900000078", "content": "天桥路灯不亮"})
    entry = {"entry": message.tid.hex(), "seen": message.last_eid.hex(), "content": "天桥路灯不亮"}
    agent.ask("/intake/repeat", {**entry, "number": number})
    now = fresh.box.tickets.get(message.tid)
    assert now.state == "MERGED"
    assert number in agent.get(f"/tickets/{now.number}").text


def test_drafts_of_entries_are_kept_like_any_other(web: Web) -> None:
    agent = web.visitor("1001")
    agent.ask("/desk/drafts/ticket:entry:ab12", {"title": "垃圾", "extra.lamp_post": "L-7"}, "PUT")
    kept = agent.ask("/desk/drafts/ticket:entry:ab12", None, "GET").get_json()["draft"]
    assert kept["extra.lamp_post"] == "L-7"


def test_a_ticket_shows_its_likenesses_and_links_them(fresh: Web) -> None:
    agent = fresh.visitor("1200")
    one = agent.ask("/intake/file", FORM).get_json()["number"]
    two = agent.ask("/intake/file", {**FORM, "form_key": "another-0002"}).get_json()["number"]
    page = agent.get(f"/tickets/{two}").text
    assert 'data-test="alike"' in page
    assert 'data-test="alike-merge"' in page
    assert agent.post(f"/tickets/{two}/link", other=one).status_code == 302
    assert 'data-test="unlink"' in agent.get(f"/tickets/{one}").text
    refused = agent.post(f"/tickets/{two}/link", other="000")
    assert refused.status_code == 422
    assert 'value="000"' in refused.text


def merge_picks(web: Web, number: str) -> list[str]:
    page = web.visitor("1200").get(f"/tickets/{number}").text
    form = page.split('data-form="merge"')[1].split("</form>")[0]
    return [str(number) for number in re.findall(r'name="master" value="(\d+)"', form)]


def test_a_merge_offers_likely_tickets_and_open_ones_of_the_citizen_and_takes_any_number_too(
    fresh: Web,
) -> None:
    desk, clerk = fresh.box.tickets, fresh.visitor("1200")
    alike = clerk.ask("/intake/file", FORM).get_json()["number"]
    told = {"phone": "10000000099", "citizen": "郑女士", "content": "噪声扰民"}
    other = desk.create(CITIZEN, "web", {**told, "title": "夜间施工"})
    secret = desk.create(CITIZEN, "web", {**told, "title": "举报", "confidential": True})
    here = {**told, "content": FORM["content"], "title": FORM["title"], "address": FORM["address"]}
    ticket = desk.create(CITIZEN, "web", here)
    picks = merge_picks(fresh, ticket.number)
    assert picks[0] == alike, "the likeliest first"
    assert other.number in picks
    assert secret.number not in picks
    assert ticket.number not in picks
    done = clerk.post(f"/tickets/{ticket.number}/move", move="merge", master=[other.number, ""])
    assert done.status_code == 302
    merged = desk.get(ticket.tid)
    assert (merged.state, bytes.fromhex(merged.master)) == ("MERGED", other.tid)
    typed = desk.create(CITIZEN, "web", told)
    assert ticket.number not in merge_picks(fresh, typed.number), "nothing goes into what is merged itself"
    by_hand = clerk.post(f"/tickets/{typed.number}/move", move="merge", master=[alike])
    assert by_hand.status_code == 302


def confidential_ticket(web: Web) -> str:
    form = {**FORM, "confidential": True, "identity": "110101199003077758", "form_key": "secret-00001"}
    return str(web.visitor("1001").ask("/intake/file", form).get_json()["number"])


def test_a_confidential_ticket_is_shown_after_a_reason_which_is_told(fresh: Web) -> None:
    number = confidential_ticket(fresh)
    leader, page = fresh.visitor("1400"), f"/tickets/{number}"
    assert "欧阳女士" not in leader.get(page).text
    assert "欧阳女士" not in leader.get("/tickets?list=all").text
    assert leader.post(f"{page}/unmask", reason="").status_code == 422
    leader.post(f"{page}/unmask", reason="市民投诉进度")
    shown = leader.get(page).text
    assert "欧阳女士" in shown
    assert "110101199003077758" in shown
    assert "市民投诉进度" in fresh.visitor("1200").get(page).text
    assert "欧阳女士" not in fresh.visitor("1200").get(page).text


def test_who_sees_a_masked_ticket_edits_it_without_touching_what_is_masked(fresh: Web) -> None:
    number = confidential_ticket(fresh)
    dispatcher = fresh.visitor("1200")
    ticket = fresh.box.tickets.find(number)
    assert ticket is not None
    dispatcher.post(
        f"/tickets/{number}/edit",
        seen=ticket.last_eid.hex(),
        title="新标题",
        citizen="别人",
        confidential="on",
    )
    now = fresh.box.tickets.find(number)
    assert now is not None
    assert (now.title, now.citizen) == ("新标题", "欧阳女士")


def test_personal_data_is_blanked_by_a_leader_only(fresh: Web) -> None:
    number = str(fresh.visitor("1001").ask("/intake/file", FORM).get_json()["number"])
    assert (
        fresh.visitor("1001").post(f"/tickets/{number}/redact", field="citizen", reason="x").status_code
        == 403
    )
    leader = fresh.visitor("1400")
    leader.post(f"/tickets/{number}/redact", field="citizen", reason="市民要求")
    page = leader.get(f"/tickets/{number}").text
    assert "市民要求" in page
    assert now_of(fresh, number) == ""


def now_of(web: Web, number: str) -> str:
    ticket = web.box.tickets.find(number)
    assert ticket is not None
    return ticket.citizen


def test_switches_and_further_fields_are_edited_on_the_ticket(fresh: Web) -> None:
    number = str(
        fresh.visitor("1001")
        .ask("/intake/file", {**FORM, "category": "0101", "extra.lamp_post": "L-7"})
        .get_json()["number"]
    )
    ticket = fresh.box.tickets.find(number)
    assert ticket is not None
    agent = fresh.visitor("1001")
    page = agent.get(f"/tickets/{number}").text
    assert "L-7" in page
    fields = {"extra.lamp_post": "L-8", "key": "on", "has": "callback", "position": "120.15, 30.28"}
    assert agent.post(f"/tickets/{number}/edit", seen=ticket.last_eid.hex(), **fields).status_code == 302
    now = fresh.box.tickets.find(number)
    assert now is not None
    assert (now.extras["lamp_post"], now.key, now.callback, now.position) == (
        "L-8",
        True,
        False,
        "120.15,30.28",
    )


def test_a_stale_edit_is_refused_with_what_was_typed(fresh: Web) -> None:
    number = str(fresh.visitor("1001").ask("/intake/file", FORM).get_json()["number"])
    ticket = fresh.box.tickets.find(number)
    assert ticket is not None
    fresh.box.tickets.edit(DISPATCHER, ticket.tid, {"title": "先改的标题"})
    answer = fresh.visitor("1001").post(
        f"/tickets/{number}/edit", seen=ticket.last_eid.hex(), title="后改的标题"
    )
    assert answer.status_code == 409
    assert "后改的标题" in answer.text
    assert "标题" in answer.text
    assert "先改的标题" in answer.text


def test_a_customer_is_made_found_edited_and_shows_everything(fresh: Web) -> None:
    agent = fresh.visitor("1001")
    number = agent.ask("/intake/file", FORM).get_json()["number"]
    (known,) = agent.ask("/customers/of/13900000077", None, "GET").get_json()["customers"]
    page = agent.get(known["url"]).text
    assert number in page
    assert "新客户" in page
    assert agent.get("/customers?text=欧阳女士").text.count(known["url"]) == 1
    saved = agent.post(
        f"{known['url']}/edit", name="孙敏", numbers="13900000077\n0000-123", has="marks", marks="elderly"
    )
    assert saved.status_code == 302
    assert "老年人" in agent.get(known["url"]).text
    assert agent.ask("/customers/of/0000123", None, "GET").get_json()["customers"][0]["name"] == "孙敏"


def test_a_stale_customer_page_is_refused_with_what_was_typed(fresh: Web) -> None:
    customer = fresh.box.customers.create(AGENT, {"name": "欧阳女士"})
    fresh.box.customers.edit(AGENT, customer.cid, {"note": "先写"})
    agent = fresh.visitor("1001")
    answer = agent.post(f"/customers/{customer.cid.hex()}/edit", note="后写", seen=customer.last_eid.hex())
    assert answer.status_code == 409
    assert "后写" in answer.text
    wrong = agent.post("/customers", name="", numbers="不是号码")
    assert wrong.status_code == 422
    assert "不是号码" in wrong.text


def test_customers_are_merged_and_taken_apart_on_their_pages(fresh: Web) -> None:
    one, two = (fresh.box.customers.create(AGENT, {"name": name}) for name in ("欧阳女士", "孙敏"))
    agent = fresh.visitor("1001")
    agent.post(f"/customers/{two.cid.hex()}/merge", into=f"http://box/customers/{one.cid.hex()}")
    assert 'data-test="is-merged"' in agent.get(f"/customers/{two.cid.hex()}").text
    assert "孙敏" in agent.get(f"/customers/{one.cid.hex()}").text
    agent.post(f"/customers/{two.cid.hex()}/split")
    assert 'data-test="is-merged"' not in agent.get(f"/customers/{two.cid.hex()}").text
    assert agent.get("/customers/nobody").status_code == 404


def test_script_in_what_people_write_is_shown_as_text(fresh: Web) -> None:
    bad = "<script>alert(1)</script>"
    form = {
        **FORM,
        "title": bad,
        "content": bad,
        "citizen": bad,
        "link": "javascript:alert(1)",
        "behalf": bad,
    }
    agent = fresh.visitor("1001")
    number = agent.ask("/intake/file", form).get_json()["number"]
    (known,) = agent.ask("/customers/of/13900000077", None, "GET").get_json()["customers"]
    for path in (f"/tickets/{number}", "/intake", known["url"], "/customers"):
        page = agent.get(path).text
        assert "<script>alert" not in page
        assert 'href="javascript' not in page


anything = st.dictionaries(
    st.sampled_from(
        [*FORM, "extra.lamp_post", "entry", "seen", "customer", "position", "identity", "number"]
    ),
    st.one_of(st.text(max_size=30), st.booleans(), st.none(), st.integers(), st.lists(st.text(max_size=3))),
    max_size=8,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=anything)
def test_any_hostile_form_is_answered_with_a_sentence(web: Web, typed: dict[str, object]) -> None:
    for path in ("beside", "file", "repeat"):
        answer = web.visitor("1001").ask(f"/intake/{path}", {**FORM, **typed})
        assert answer.status_code in (200, 400, 403, 404, 409, 422), (path, answer.text)
