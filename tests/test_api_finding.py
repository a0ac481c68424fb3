"""Tickets found over the API by any conditions: by a person's program, by a system outside among its own."""

from urllib.parse import quote, urlencode

import pytest

from appliance.people import BOX
from tests.api_programs import REPAIR, Program
from tests.web_pages import Web, open_web


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


@pytest.fixture(scope="module")
def clerk(web: Web) -> Program:
    """A dispatcher's own program."""
    return Program(web, "clerk", person="1200")


@pytest.fixture(scope="module")
def app(web: Web) -> Program:
    """A channel of citizens."""
    return Program(web, "app", roles=["C"])


MATTER = {**REPAIR, "kind": "complaint", "title": "钟楼停摆", "category": "0101"}
KEY = {
    "key": True,
    "home": "西河湾7号",
    "citizen": "欧阳青",
    "behalf": "诸葛大伯",
    "outlet": "云州晚报",
    "extra": {"enterprise": "云州奶业", "product": "酸奶"},
}
CONDITIONS: tuple[tuple[dict[str, str], bool, bool], ...] = (
    ({"key": "true"}, True, False),
    ({"key": "false"}, False, True),
    ({"paused": "false", "provisional": "false"}, True, True),
    ({"paused": "true"}, False, False),
    ({"closing": "-", "rating": "-"}, True, True),
    ({"closing": "solved"}, False, False),
    ({"rating": "satisfied"}, False, False),
    ({"home": "西河湾"}, True, False),
    ({"citizen": "诸葛"}, True, False),
    ({"citizen": "欧阳", "home": "9号"}, False, False),
    ({"extra": "product:酸奶"}, True, False),
    ({"extra": "danger:people"}, False, True),
    ({"extra": "danger:property"}, False, False),
    ({"confidential": "false", "site": "1", "round": "0"}, True, True),
    ({"site": "2"}, False, False),
    ({"changed_since": "2020-01-01T00:00:00Z", "accepted_until": "2020-01-01T00:00:00Z"}, False, False),
    ({"accepted_since": "2020-01-01T00:00:00+08:00"}, True, False),
    ({"until": "2020-01-01T00:00:00Z"}, False, False),
)


@pytest.mark.parametrize("whose", ["clerk", "app"])
def test_every_condition_narrows_alike_for_a_clerk_and_for_who_brought_them(
    web: Web, clerk: Program, app: Program, whose: str
) -> None:
    title = f"钟楼停摆{whose}"
    program = clerk if whose == "clerk" else app
    marked = program.told("POST", "/tickets", {**MATTER, **KEY, "title": title})["number"]
    other = program.told("POST", "/tickets", {**MATTER, "title": title, "extra": {"danger": "people"}})
    clerk.told("POST", f"/tickets/{marked}/moves", {"move": "accept"})
    for asked, finds_marked, finds_other in CONDITIONS:
        found = program.told("GET", f"/tickets?{urlencode({'text': title, **asked})}")
        numbers = {ticket["number"] for ticket in found["tickets"]}
        assert (marked in numbers, other["number"] in numbers) == (finds_marked, finds_other), asked
        assert len(numbers) == finds_marked + finds_other
    both = urlencode([("extra", "product:酸奶"), ("extra", "enterprise:奶粉"), ("text", title)])
    assert program.told("GET", f"/tickets?{both}")["tickets"] == []
    end = program.told("GET", f"/tickets?number={marked[-6:]}")["tickets"]
    assert marked in [ticket["number"] for ticket in end]


def test_what_only_the_full_text_knows_is_found_in_it(clerk: Program) -> None:
    facts = {**MATTER, "outlet": "云州日报", "extra": {"batch": "B20261130"}}
    number = clerk.told("POST", "/tickets", facts)["number"]
    for text in ("云州日报", "b202611"):
        found = clerk.told("GET", f"/tickets?text={quote(text)}")["tickets"]
        assert [ticket["number"] for ticket in found] == [number], text


def test_sums_are_counted_by_how_tickets_were_closed(clerk: Program) -> None:
    clerk.told("POST", "/tickets", {**MATTER, "title": "牌坊", "key": True})
    sums = clerk.told("GET", f"/ticket-sums?by=closing&key=true&text={quote('牌坊')}")["sums"]
    assert sums == [{"values": [""], "tickets": 1}]


@pytest.mark.parametrize("name", ["since", "until", "accepted_since", "closed_until", "due_until"])
def test_a_time_that_does_not_exist_is_refused_with_its_name(clerk: Program, name: str) -> None:
    for path in ("/tickets", "/ticket-sums"):
        answer = clerk.ask("GET", f"{path}?{name}=2026-02-30T00:00:00Z")
        assert answer.status_code == 422
        assert answer.json is not None
        assert answer.json["field"] == name
        assert f"{name} is no time of the calendar; write it like" in answer.json["sentence"]


def test_conditions_that_do_not_exist_are_refused(clerk: Program) -> None:
    for asked, field in (
        ("extra=no_such:x", "extra"),
        ("extra=product", "extra[0]"),
        ("rating=fine", "rating[0]"),
        ("key=perhaps", "key"),
        ("home=" + "x" * 81, "home"),
    ):
        answer = clerk.ask("GET", f"/tickets?{asked}")
        assert answer.status_code == 422, asked
        assert answer.json is not None
        assert answer.json["field"] == field


def test_without_the_scope_or_the_right_nobody_is_found_by_name_or_address(web: Web, clerk: Program) -> None:
    hidden = {**MATTER, "title": "牌楼", "citizen": "司马亮", "home": "东篱巷9号", "behalf": "公孙婆婆"}
    number = clerk.told("POST", "/tickets", hidden)["number"]
    blind = Program(web, "blind", ["tickets:read"], person="1200")
    for name, text in (("citizen", "司马"), ("home", "东篱巷"), ("phone", "10000000001")):
        refused = blind.ask("GET", f"/tickets?{name}={quote(text)}")
        assert refused.status_code == 403
        assert "citizens:read" in refused.text
    for text in ("司马亮", "东篱巷", "公孙婆婆"):
        assert blind.told("GET", f"/tickets?text={quote(text)}")["tickets"] == []
        assert clerk.told("GET", f"/tickets?text={quote(text)}")["tickets"][0]["number"] == number
    dictionary = web.box.tickets.dictionary
    roles = list(dictionary.by_key("right")["field.address"].words("roles"))
    dictionary.set(BOX, "right", "field.address", {"roles": [role for role in roles if role != "DP"]})
    for asked in ("home=", "text="):
        assert clerk.told("GET", f"/tickets?{asked}{quote('东篱巷')}")["tickets"] == []
    dictionary.set(BOX, "right", "field.address", {"roles": roles})


def test_the_description_names_every_condition_in_both_languages(web: Web) -> None:
    document = web.visitor("1200").get("/api/v1/openapi.json").json
    assert document is not None
    described = {p["name"]: p["schema"] for p in document["paths"]["/api/v1/tickets"]["get"]["parameters"]}
    words = {"key": "重点件", "paused": "暂停计时", "provisional": "暂定限期", "home": "联系地址"}
    for name, zh in words.items():
        assert zh in described[name]["description"], name
    assert "-" in described["rating"]["items"]["enum"]
    assert {"closing", "extra", "accepted_since", "due_until"} <= set(described)
