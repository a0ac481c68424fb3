"""The shift leader's board: the day's traffic, and looking at an agent's screen, of which the log knows."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.calls import wire
from tests.web_pages import Web, demo_configuration, open_web
from web.screens import LOOK_LASTS_S, Screens


@pytest.fixture
def web(tmp_path: Path) -> Web:
    found = open_web(tmp_path)
    on_shift(found)
    return found


def on_shift(web: Web) -> None:
    seats = [wire.Seat("1001", "王晓燕", "8001", "ready", 1.0)]
    web.box.calls.board = wire.Board(seats, [], [], [], 0, wire.MediaView())


def told(web: Web) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    web.box.live.join(lambda name, data: found.append(data) if name == "watched" else None)
    return found


def looks(web: Web) -> list[Any]:
    return [e.facts for _, e in web.box.store.read(0, 100_000) if e.kind == "agent.watched"]


def test_a_leader_sees_page_ticket_and_draft_of_an_agent_and_the_agent_is_told(web: Web) -> None:
    notices = told(web)
    agent = web.visitor("1001")
    agent.ask("/live/here", {"path": "/tickets/261122001123455", "title": "路灯 · 12345"})
    agent.ask("/desk/drafts/ticket:new", {"title": "路灯不亮"}, "PUT")
    seen = web.visitor("1100").get("/board/screen/1001").json
    assert seen is not None
    assert (seen["name"], seen["page"]["title"], seen["ticket"]) == (
        *("王晓燕", "路灯 · 12345", "261122001123455"),
    )
    assert [field["text"] for field in seen["fields"]] == ["路灯不亮"]
    assert seen["told"] is True
    assert notices == [{"agent": "1001", "by": "1100", "name": "赵敏"}]


def test_a_look_is_written_down_once_however_long_it_lasts_and_again_when_it_begins_again(web: Web) -> None:
    leader = web.visitor("1100")
    for _ in range(3):
        leader.get("/board/screen/1001")
    assert looks(web) == [{"agent": "1001", "by": "1100"}]
    assert leader.ask("/board/screen/1001", {}, "DELETE").json == {"ended": True}
    leader.get("/board/screen/1001")
    assert len(looks(web)) == 2
    facts = leader.get("/board/facts").json
    assert facts is not None
    assert facts["facts"][0]["did"] == "查看屏幕"


def test_a_look_that_is_not_renewed_has_ended() -> None:
    now = [0.0]
    screens = Screens(lambda: now[0])
    assert screens.look("1100", "1001")
    now[0] = LOOK_LASTS_S - 1
    assert not screens.look("1100", "1001")
    now[0] += LOOK_LASTS_S
    assert screens.look("1100", "1001")


def test_where_the_policy_says_so_the_agent_is_not_told_but_the_log_is(tmp_path: Path) -> None:
    quiet = msgspec.structs.replace(demo_configuration().web, tell_watched=False)
    web = open_web(tmp_path, web=quiet)
    on_shift(web)
    notices = told(web)
    seen = web.visitor("1100").get("/board/screen/1001").json
    assert seen is not None
    assert seen["told"] is False
    assert notices == []
    assert len(looks(web)) == 1


def test_nobody_but_a_shift_leader_looks_and_only_at_who_is_on_shift(web: Web) -> None:
    for number in ("1002", "1400", "9000"):
        assert web.visitor(number).get("/board/screen/1001").status_code == 403
    assert web.visitor("1100").get("/board/screen/1004", Accept="application/json").status_code == 422
    assert looks(web) == []


@pytest.mark.parametrize("path", ["https://elsewhere", "/a b", "javascript:x", "/" + "a" * 300, ""])
def test_a_page_that_is_none_of_ours_is_not_believed(web: Web, path: str) -> None:
    assert web.visitor("1001").ask("/live/here", {"path": path, "title": "x"}).json == {"noted": False}


def test_the_board_is_told_todays_calls_by_quarter_hours(web: Web) -> None:
    facts = web.visitor("1400").get("/board/facts").json
    assert facts is not None
    assert len(facts["today"]["quarters"]) == 96
    assert all(len(row) == 5 for row in facts["today"]["quarters"])
