"""Recordings are found, played in ranges, and never a path out of their folder."""

from pathlib import Path

import pytest

from appliance.events import Event, Fact
from appliance.people import Actor
from tests.web_pages import Web, open_web

SOUND = bytes(range(256)) * 40
CALLER = "13800001234"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def call(web: Web) -> Event:
    """A call that was answered and ended."""
    facts = {"line": "sip/0", "caller": CALLER, "called": "12345"}
    (event,) = web.box.store.record(Fact("call.ringing", facts))
    web.box.store.record(Fact("call.answered", {"agent": "1001"}, event.eid))
    web.box.store.record(Fact("call.ended", {"outcome": "answered", "cause": 16}, event.eid))
    return event


def recorded(web: Web, path: str = "2026-11-22/a.wav", about: Event | None = None) -> str:
    """A recording of a call; returns its address."""
    subject = (about or call(web)).eid
    facts = {"kind": "call", "path": path, "seconds": 2.0}
    (event,) = web.box.store.record(Fact("recording.made", facts, subject))
    return f"/recordings/{event.eid.hex()}.wav"


@pytest.fixture(scope="module")
def address(web: Web) -> str:
    file = web.box.places.recordings / "2026-11-22" / "a.wav"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(SOUND)
    return recorded(web)


def test_a_recording_is_played_whole(web: Web, address: str) -> None:
    answer = web.visitor("1100").get(address)
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "audio/wav", SOUND)
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_player_that_jumps_gets_only_that_range(web: Web, address: str) -> None:
    answer = web.visitor("1100").get(address, Range="bytes=300-399")
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes 300-399/{len(SOUND)}"
    assert answer.data == SOUND[300:400]
    assert web.visitor("1100").get(address, Range="bytes=999999-").status_code == 416


@pytest.mark.parametrize("path", ["../box.db", "/etc/passwd", "2026-11-22/../../box.db", "2026-11-22"])
def test_no_recording_leads_out_of_its_folder(web: Web, path: str) -> None:
    answer = web.visitor("1100").get(recorded(web, path))
    assert answer.status_code == 404
    assert "文件不在本机，保存在站点" in answer.text


@pytest.mark.parametrize("rid", ["..%2Fbox.db", "0" * 32, "zz", "0" * 31 + "G"])
def test_an_unknown_recording_is_not_found(web: Web, rid: str) -> None:
    assert web.visitor("1100").get(f"/recordings/{rid}.wav").status_code == 404


def test_a_unit_hears_only_recordings_of_its_tickets(web: Web, address: str) -> None:
    assert web.visitor("2001").get(address).status_code == 403
    desk = web.box.tickets
    agent, dispatcher = Actor("1001", "", frozenset({"AG"})), Actor("1200", "", frozenset({"DP"}))
    category = web.box.store.rows("SELECT code FROM category LIMIT 1")[0][0]
    about = call(web)
    written = {"kind": "repair", "title": "路灯", "content": "不亮", "category": category}
    ticket = desk.create(agent, "phone", written, call=about.eid)
    for move in ("submit", "accept"):
        desk.move(agent, ticket.tid, move)
    mine = recorded(web, about=about)
    assert web.visitor("2001").get(mine).status_code == 403, "not before dispatch"
    desk.move(dispatcher, ticket.tid, "dispatch", {"unit": "lamp"})
    assert web.visitor("2001").get(mine).status_code == 200
    assert web.visitor("2002").get(mine).status_code == 403
    assert mine in web.visitor("2001").get(f"/tickets/{ticket.number}").text
    desk.edit(dispatcher, ticket.tid, {"confidential": True})
    assert web.visitor("2001").get(mine).status_code == 403


def test_technicians_do_not_listen(web: Web, address: str) -> None:
    assert web.visitor("9100").get(address).status_code == 403


def test_calls_are_found_by_number_agent_and_day(web: Web, tmp_path: Path) -> None:
    fresh = open_web(tmp_path)
    call(fresh)
    visitor = fresh.visitor("1100")
    assert CALLER in visitor.get("/calls?number=0001234").text
    assert CALLER not in visitor.get("/calls?number=99999").text
    assert CALLER in visitor.get("/calls?agent=1001&outcome=answered").text
    assert CALLER not in visitor.get("/calls?agent=1002").text
    assert CALLER not in visitor.get("/calls?until=2020-01-01").text
    assert CALLER in visitor.get("/calls?since=2020-01-01").text
    assert visitor.get("/calls?since=9999-12-31&until=x").status_code == 200
