"""What stands beside the ticket: the colleague's draft, the day in figures, the dial list, the look-up."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from appliance.calls import wire
from appliance.events import Fact
from appliance.people import Actor
from tests.web_pages import Web, open_web
from web.directory import numbers_of

CID = "ab" * 16
FORM = f"ticket:new:{CID}"
DRAFT = {
    "title": "路灯不亮",
    "kind": "repair",
    "content": "文昌路",
    "phone": "10000000005",
    "confidential": True,
}


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path)


def in_a_call(web: Web, agent: str, *others: str, state: str = "talking") -> None:
    """The picture of the calls: one call, which an agent answers for, with others in it."""
    call = wire.CallView(CID, "sip/0", "10000000005", "12345", state, 1.0, 1.0, "general", agent)
    seats = [
        wire.Seat(who, "", "8001", "busy", 1.0, call=call) for who in dict.fromkeys((agent, *others)) if who
    ]
    web.box.calls.board = wire.Board(seats, [call], [], [], 0, wire.MediaView())


def heard(web: Web, name: str) -> list[dict[str, Any]]:
    """What every stream is told from now on, of one kind."""
    told: list[dict[str, Any]] = []
    web.box.live.join(lambda kind, data: told.append(data) if kind == name else None)
    return told


def test_who_takes_the_call_over_finds_the_draft_and_who_wrote_it_has_it_no_more(web: Web) -> None:
    told = heard(web, "draft")
    in_a_call(web, "1001")
    web.visitor("1001").ask(f"/desk/drafts/{FORM}", DRAFT, "PUT")
    in_a_call(web, "1002")
    assert web.visitor("1002").get(f"/desk/drafts/{FORM}").json == {"draft": DRAFT}
    assert web.visitor("1001").get(f"/desk/drafts/{FORM}").json == {"draft": None}
    assert told[-1] == {"form": FORM, "owner": "1002", "before": "1001"}


def test_nobody_else_gets_the_draft_of_a_call(web: Web) -> None:
    in_a_call(web, "1001")
    web.visitor("1001").ask(f"/desk/drafts/{FORM}", DRAFT, "PUT")
    assert web.visitor("1003").get(f"/desk/drafts/{FORM}").json == {"draft": None}
    in_a_call(web, "1001", "1003")
    assert web.visitor("1003").get(f"/desk/drafts/{FORM}").json == {"draft": None}, "asked is not handed over"
    assert web.visitor("1001").get(f"/desk/drafts/{FORM}").json == {"draft": DRAFT}


def test_what_the_new_agent_has_written_already_is_not_lost(web: Web) -> None:
    in_a_call(web, "1002")
    web.visitor("1001").ask(f"/desk/drafts/{FORM}", DRAFT, "PUT")
    web.visitor("1002").ask(f"/desk/drafts/{FORM}", {"title": "mine"}, "PUT")
    assert web.visitor("1002").get(f"/desk/drafts/{FORM}").json == {"draft": {"title": "mine"}}


def test_who_is_asked_reads_what_the_colleague_writes_in_words(web: Web) -> None:
    in_a_call(web, "1001", "1100")
    web.visitor("1001").ask(f"/desk/drafts/{FORM}", DRAFT, "PUT")
    told = web.visitor("1100").get("/desk/talk").json
    assert told is not None
    assert told["writer"] == {"number": "1001", "name": "王晓燕"}
    assert {"name": "kind", "title": "类别", "text": "维修"} in told["fields"]
    assert [field["name"] for field in told["fields"]][:2] == ["confidential", "phone"]
    english = web.visitor("1100", "en").get("/desk/talk").json
    assert english is not None
    assert {"name": "kind", "title": "Kind", "text": "Repair"} in english["fields"]


def test_who_is_in_no_call_is_told_of_none(web: Web) -> None:
    in_a_call(web, "1001")
    web.visitor("1001").ask(f"/desk/drafts/{FORM}", DRAFT, "PUT")
    assert web.visitor("1002").get("/desk/talk").json == {
        "call": "",
        "writer": None,
        "fields": [],
        "ticket": None,
    }


def test_a_ticket_registered_from_the_call_is_shown_to_who_takes_it_over(web: Web) -> None:
    in_a_call(web, "1001")
    filed = web.visitor("1001").ask("/desk/file", {**DRAFT, "category": "", "call": CID, "then": "save"}).json
    assert filed is not None
    in_a_call(web, "1002")
    told = web.visitor("1002").get("/desk/talk").json
    assert told is not None
    assert told["ticket"]["number"] == filed["number"]


def test_my_day_is_what_the_log_says_and_grows_with_it(web: Web) -> None:
    visitor = web.visitor("1003")
    before = visitor.get("/desk/today").json
    assert before is not None
    web.box.today._looked_s = 0.0
    (ringing,) = web.box.store.record(
        Fact("call.ringing", {"line": "sip/0", "caller": "10000000005", "called": "", "direction": "out"})
    )
    web.box.store.record(Fact("call.answered", {"agent": "1003", "extension": "8003"}, ringing.subject))
    after = visitor.get("/desk/today").json
    assert after is not None
    assert (after["calls_in"], after["calls_out"]) == (before["calls_in"], before["calls_out"] + 1)


def test_the_screen_pop_knows_name_area_home_and_open_tickets(web: Web) -> None:
    ticket = {"kind": "repair", "title": "路灯", "content": "坏", "phone": "13812345678", "citizen": "丁女士"}
    web.visitor("1001").ask("/desk/file", {**ticket, "area": "云西区", "then": "save"})
    known = web.visitor("1002").get("/desk/caller/13812345678").json
    assert known is not None
    assert (known["citizen"], known["area"], known["origin"]) == ("丁女士", "云西区", "江苏连云港 · 中国移动")
    assert [ticket["open"] for ticket in known["tickets"]] == [True]


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("0000-6500001", [("0000-6500001", "", "")]),
        (
            "0000-6500001 值班; 0000-6500011*201 夜间",
            [("0000-6500001", "", "值班"), ("0000-6500011", "201", "夜间")],
        ),
        ("0000-6500001；10000000005", [("0000-6500001", "", ""), ("10000000005", "", "")]),
        ("nobody; ;", []),
    ],
)
def test_a_units_numbers_are_read_with_extension_and_purpose(
    written: str, numbers: list[tuple[str, str, str]]
) -> None:
    assert [(n["phone"], n["keys"], n["note"]) for n in numbers_of(written)] == numbers


def test_the_dial_list_holds_every_number_of_every_unit(web: Web) -> None:
    administrator = Actor("9000", "系统管理员", frozenset({"AD"}))
    numbers = {"phone": "0000-6500001;0000-6500011*201 夜间"}
    web.box.dictionary.set(administrator, "unit", "lamp", numbers)
    page = web.visitor("1001").get("/desk").text
    found = re.search(r'id="directory">(.*?)</script>', page)
    assert found
    units = json.loads(found[1])["units"]
    assert [(u["phone"], u["keys"]) for u in units if u["code"] == "lamp"] == [
        ("0000-6500001", ""),
        ("0000-6500011", "201"),
        ("0000-6500091", ""),
    ], "the last one is in the address book"


def test_a_number_is_looked_up_in_the_readers_language(web: Web) -> None:
    chinese = web.visitor("1001").get("/look-up?text=13812345678").json
    english = web.visitor("1001", "en").get("/look-up?text=13812345678").json
    assert chinese is not None
    assert english is not None
    assert chinese["found"][0]["title"] == "手机号码"
    assert {"title": "原运营商", "text": "中国移动"} in chinese["found"][0]["rows"]
    assert {"title": "Carrier, first", "text": "China Mobile"} in english["found"][0]["rows"]
    assert web.visitor("1001").get("/look-up?text=" + "9" * 500).json == {"found": []}
    wrong = web.visitor("1001", "en").get("/look-up?text=410711199003070021").json
    assert wrong is not None
    assert "check digit" in wrong["found"][0]["fault"]


def test_keys_for_an_extension_go_to_the_line_they_are_for(web: Web) -> None:
    from web import orders

    body = {"do": "send_digits", "keys": "201", "line": "sip/3"}
    assert orders.made(orders.AGENT, "1001", body) == wire.SendDigits("1001", "201", "sip/3")
