"""The stream of changes: to everybody who may see them, never without end, never in the way of stopping."""

import os
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from appliance.demo_data import DEMO_PASSWORD
from appliance.events import Fact
from appliance.people import Actor
from tests.web_pages import Web, answers, free_port, open_web
from web.live import BACKLOG, Full, Listener, Live, StoreWatch, follow
from web.pages.live import view_of

AGENT = Actor("1001", "", frozenset({"AG"}))
LEADER = Actor("1100", "", frozenset({"AG", "TL"}))
OPERATOR = Actor("2001", "", frozenset({"U2"}), unit="lamp")
CALL = {"cid": "ab", "caller": "13812345678", "agent": "1002", "state": "talking"}


def everything(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return data


def drained(listener: Listener) -> list[bytes]:
    listener.end()
    return list(follow(listener, lambda: True))


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def test_a_change_reaches_every_stream_numbered_from_one() -> None:
    live = Live()
    first, second = live.join(everything), live.join(everything)
    live.tell("call", {"call": {"cid": "ab"}})
    live.tell("calls", {"up": True})
    expected = [
        b'id: 1\nevent: call\ndata: {"call":{"cid":"ab"}}\n\n',
        b'id: 2\nevent: calls\ndata: {"up":true}\n\n',
    ]
    assert drained(first) == expected
    assert drained(second) == expected


def test_a_stream_that_lags_is_ended_and_holds_up_nobody() -> None:
    live = Live()
    slow, quick = live.join(everything), live.join(everything)
    for n in range(BACKLOG + 50):
        live.tell("calls", {"n": n})
        quick.changes.get_nowait()
    assert slow.ended
    assert not quick.ended
    assert slow.changes.qsize() == BACKLOG + 1


def test_there_are_only_so_many_streams() -> None:
    live = Live(limit=2)
    first = live.join(everything)
    live.join(everything)
    with pytest.raises(Full):
        live.join(everything)
    live.leave(first)
    live.leave(first)
    live.join(everything)


def test_no_stream_begins_once_the_server_stops() -> None:
    live = Live()
    listener = live.join(everything)
    live.close()
    assert list(follow(listener, lambda: True)) == []
    with pytest.raises(Full):
        live.join(everything)


def test_a_full_server_says_when_to_come_back(web: Web) -> None:
    taken = [web.box.live.join(everything) for _ in range(96)]
    answer = web.visitor("1001").get("/live", Accept="application/json")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    for listener in taken:
        web.box.live.leave(listener)


def test_a_stream_is_given_back_when_the_browser_goes(web: Web) -> None:
    answer = web.visitor("1001").client.get("/live", buffered=False)
    assert answer.mimetype == "text/event-stream"
    assert web.box.live.streams == 1
    answer.close()
    assert web.box.live.streams == 0


def test_another_agents_caller_is_masked_but_not_to_the_shift_leader() -> None:
    assert view_of(AGENT)("call", {"call": CALL}) == {"call": {**CALL, "caller": "138****5678"}}
    assert view_of(AGENT)("call", {"call": {**CALL, "agent": "1001"}}) == {"call": {**CALL, "agent": "1001"}}
    assert view_of(LEADER)("call", {"call": CALL}) == {"call": CALL}


def test_a_unit_hears_of_its_own_tickets_and_of_no_call() -> None:
    view = view_of(OPERATOR)
    mine = {"number": "1", "unit": "lamp", "state": "DISPATCHED"}
    other = {"number": "2", "unit": "water", "state": "DISPATCHED"}
    assert view("call", {"call": CALL}) is None
    assert view("board", {"board": {"seats": [], "calls": [CALL]}}) is None
    assert view("store", {"kinds": ["ticket"], "tickets": [mine, other]}) == {
        "kinds": ["ticket"],
        "tickets": [mine],
    }
    assert view("store", {"kinds": ["ticket"], "tickets": [other]}) is None


def test_what_comes_into_the_log_is_told_once(web: Web) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    watch = StoreWatch(web.box.store, lambda name, data: told.append((name, data)))
    watch.look()
    assert told == []
    ticket = web.box.tickets.create(AGENT, "phone", {"title": "路灯"})
    web.box.store.record(Fact("agent.state", {"agent": "1001", "state": "ready"}, b""))
    watch.look()
    watch.look()
    tickets = [{"number": ticket.number, "unit": "", "state": "DRAFT"}]
    assert told == [("store", {"kinds": ["agent", "ticket"], "tickets": tickets})]


def test_the_whole_picture_is_there_without_the_call_process(web: Web) -> None:
    picture = web.visitor("1001").get("/live/now").json
    assert picture is not None
    assert picture["calls_up"] is False
    assert picture["board"]["seats"] == []
    assert web.visitor("2001").get("/live/now").json["board"] is None  # type: ignore[index]  # the page answers


def test_killed_pages_leave_nobody_behind(tmp_path: Path) -> None:
    open_web(tmp_path)
    port = free_port()
    command = [sys.executable, "-m", "web.daemon", "--data", str(tmp_path), "--port", str(port)]
    unit = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while not answers(port):
        assert time.monotonic() < until, "the pages did not come up"
    unit.kill()
    unit.wait()
    while answers(port):
        assert time.monotonic() < until + 5, "the worker goes on"


def test_the_unit_starts_by_itself_and_stops_at_once_although_streams_are_open(tmp_path: Path) -> None:
    web = open_web(tmp_path)
    token = web.box.people.sign_in("1001", DEMO_PASSWORD)
    port = free_port()
    command = [sys.executable, "-m", "web.daemon", "--data", str(tmp_path), "--port", str(port), "--demo"]
    unit = subprocess.Popen(command, env={**os.environ, "HOTLINE_DATA": ""}, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not answers(port):
            assert time.monotonic() < until, "the pages did not come up"
            assert unit.poll() is None
        browser = HTTPConnection("127.0.0.1", port, timeout=10)
        browser.request("GET", "/live", headers={"Cookie": f"hotline={token}"})
        stream = browser.getresponse()
        assert stream.status == 200
        assert stream.readline() == b"retry: 2000\n"
        began = time.monotonic()
        unit.send_signal(signal.SIGTERM)
        assert unit.wait(10) == 0
        assert time.monotonic() - began < 4
    finally:
        unit.kill()
        unit.wait()
