"""Every button becomes the right order on the call process's socket, in the name of whoever pressed it."""

import asyncio
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import msgspec
import numpy as np
import pytest

from appliance.calls import wire
from appliance.calls.control import Control
from appliance.configuration import AgentSetting
from appliance.events import Fact
from appliance.people import Actor
from appliance.publish import agents_of
from appliance.recordings.archive import FORMATS, archive, read
from appliance.recordings.playable import COPIES_MOST, FOLDER, playable
from appliance.refused import Refused
from hardware.media.wav import read_prompt
from tests.recordings_box import speech
from tests.web_pages import Web, open_web
from web import orders
from web.pages.live import view_of

CID = "ab" * 8
NUMBER = "10000000005"
AGENTS: list[tuple[dict[str, Any], wire.Order]] = [
    ({"do": "ready"}, wire.Ready("1001")),
    ({"do": "pause", "reason": "meal"}, wire.Pause("1001", "meal")),
    ({"do": "pause", "reason": "fishing"}, wire.Pause("1001", "other")),
    ({"do": "answer"}, wire.Answer("1001")),
    ({"do": "hang_up"}, wire.HangUp("1001")),
    ({"do": "hold"}, wire.Hold("1001")),
    ({"do": "resume"}, wire.Resume("1001")),
    ({"do": "mute", "on": True}, wire.Mute("1001", True)),
    ({"do": "mute", "on": False}, wire.Mute("1001", False)),
    ({"do": "transfer", "to": "queue:general"}, wire.Transfer("1001", "queue:general")),
    ({"do": "consult", "to": "agent:1002"}, wire.Consult("1001", "agent:1002")),
    ({"do": "invite", "to": "tel:0000-650 0001"}, wire.Invite("1001", "tel:00006500001")),
    ({"do": "complete"}, wire.Complete("1001")),
    ({"do": "together"}, wire.Together("1001")),
    ({"do": "drop", "line": "sip/2"}, wire.Drop("1001", "sip/2")),
    ({"do": "call_leader"}, wire.CallLeader("1001")),
    ({"do": "play_back", "recording": ""}, wire.PlayBack("1001", "")),
    ({"do": "record", "on": True}, wire.RecordCall("1001", True)),
    ({"do": "private", "on": True}, wire.HideCall("1001", True)),
    ({"do": "private", "on": "yes"}, wire.HideCall("1001", False)),
    ({"do": "send_digits", "keys": "12#"}, wire.SendDigits("1001", "12#")),
    ({"do": "dial", "number": "0571 (8888) 0000"}, wire.Dial("1001", "057188880000")),
    (
        {"do": "dial", "number": "1380", "then": ["0571 1", 7, ""]},
        wire.Dial("1001", "1380", ("05711",)),
    ),
]
LEADERS: list[tuple[dict[str, Any], wire.Order]] = [
    *(
        ({"do": "supervise", "agent": "1001", "how": how}, wire.Supervise("1100", "1001", how))
        for how in orders.HOW
    ),
    ({"do": "take", "cid": CID}, wire.Take("1100", CID)),
    ({"do": "leave"}, wire.HangUp("1100")),
    ({"do": "release", "cid": CID, "reason": "辱骂"}, wire.Release("1100", CID, "辱骂")),
    ({"do": "force", "agent": "1001", "state": "offline"}, wire.Force("1100", "1001", "offline")),
    (
        {"do": "cancel_callback", "callback": f"{CID}.callback"},
        wire.CancelCallback("1100", f"{CID}.callback"),
    ),
    ({"do": "move", "cid": CID, "to": "node:message"}, wire.MoveCall("1100", CID, "node:message")),
]


def seat(web: Web, *seats: wire.Seat) -> None:
    web.box.calls.board = msgspec.structs.replace(web.box.calls.board, seats=list(seats))


class CallProcess:
    """The call process's own socket server in a thread; it keeps what it is asked, or refuses it."""

    def __init__(self, path: Path) -> None:
        self.orders: list[wire.Order] = []
        self.refuses = ""
        self.seats: list[wire.Seat] = []
        self.loop = asyncio.new_event_loop()
        self.control = Control(path, self.carry_out, self.board)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.run(self.control.start)

    def run(self, what: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(what(), self.loop).result(5)

    def carry_out(self, order: wire.Order) -> dict[str, Any]:
        if self.refuses:
            raise Refused(self.refuses)
        self.orders.append(order)
        return {}

    def board(self) -> wire.Board:
        return wire.Board(self.seats, [], [], [], 0, wire.MediaView())

    def end(self) -> None:
        self.run(self.control.stop)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


@pytest.fixture(scope="module")
def process(web: Web) -> Iterator[CallProcess]:
    up = threading.Event()
    listener = web.box.live.join(lambda name, data: up.set() if name == "calls" else None)
    process = CallProcess(web.box.places.socket("calls"))
    web.box.calls.start()
    assert up.wait(5)
    web.box.live.leave(listener)
    yield process
    web.box.calls.stop()
    process.end()


@pytest.fixture
def calls(process: CallProcess) -> CallProcess:
    process.orders.clear()
    process.refuses = ""
    return process


@pytest.mark.parametrize(("asked", "order"), AGENTS)
def test_each_button_of_the_phone_gives_its_order(
    web: Web, calls: CallProcess, asked: dict[str, Any], order: wire.Order
) -> None:
    answer = web.visitor("1001").ask("/desk/order", {**asked, "agent": "1002", "leader": "1002"})
    assert answer.status_code == 200, answer.text
    assert calls.orders == [order]


@pytest.mark.parametrize(("asked", "order"), LEADERS)
def test_each_button_of_the_board_gives_its_order(
    web: Web, calls: CallProcess, asked: dict[str, Any], order: wire.Order
) -> None:
    answer = web.visitor("1100").ask("/board/order", {**asked, "leader": "1001"})
    assert answer.status_code == 200, answer.text
    assert calls.orders == [order]


def test_no_button_is_left_untried() -> None:
    assert {asked["do"] for asked, _ in AGENTS} == set(orders.AGENT)
    assert {asked["do"] for asked, _ in LEADERS} == set(orders.LEADER)


@pytest.mark.parametrize("number", ["1001", "1400", "9000", "1200"])
def test_only_shift_leaders_come_into_talks(web: Web, calls: CallProcess, number: str) -> None:
    answer = web.visitor(number).ask("/board/order", {"do": "supervise", "agent": "1002", "how": "listen"})
    assert answer.status_code == 403
    assert calls.orders == []


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/desk/order", {"do": "sing"}, 400),
        ("/desk/order", {"do": ["hold"]}, 400),
        ("/desk/order", {"do": "release", "cid": CID, "reason": "x"}, 400),
        ("/desk/order", {"do": "send_digits", "keys": "12a"}, 422),
        ("/desk/order", {"do": "play_back", "recording": "../box.db"}, 422),
        ("/desk/order", {"do": "play_back", "recording": "ab" * 16}, 422),
        ("/board/order", {"do": "supervise", "agent": "1001", "how": "sing"}, 400),
        ("/board/order", {"do": "release", "cid": CID, "reason": " "}, 422),
        ("/board/order", ["release"], 400),
    ],
)
def test_what_no_button_asks_never_reaches_the_call_process(
    web: Web, calls: CallProcess, path: str, asked: Any, status: int
) -> None:
    assert web.visitor("1100").ask(path, asked).status_code == status
    assert calls.orders == []


@pytest.mark.parametrize("reason", wire.REASONS)
def test_every_refusal_is_said_in_chinese(web: Web, calls: CallProcess, reason: str) -> None:
    calls.refuses = reason
    answer = web.visitor("1001").ask("/desk/order", {"do": "transfer", "to": "agent:1002"})
    assert answer.status_code in (403, 409, 422)
    assert answer.json is not None
    assert answer.json["word"] == reason
    assert any("\u4e00" <= sign <= "\u9fff" for sign in answer.json["sentence"])


def test_a_past_recording_is_played_by_its_place_on_the_disk(web: Web, calls: CallProcess) -> None:
    (call,) = web.box.store.record(
        Fact("call.ringing", {"line": "sip/0", "caller": NUMBER, "called": "12345"})
    )
    file = web.box.places.recordings / "2026" / "11" / "old.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(speech(800))
    made = {"path": "2026/11/old.wav", "seconds": 3.0, "size": 9, "sha256": "", "kind": "call"}
    web.box.store.record(Fact("recording.made", made, call.eid))
    item = web.visitor("1001").get(f"/desk/caller/{NUMBER}").json["calls"][0]  # type: ignore[index]  # it answers
    play = {"do": "play_back", "recording": item["rid"]}
    assert web.visitor("1001").ask("/desk/order", play).status_code == 200
    assert calls.orders == [wire.PlayBack("1001", "2026/11/old.wav")]
    (heard,) = [e.facts for _, e in web.box.store.read(0, 100_000) if e.kind == "recording.played"]
    assert heard == {"rid": item["rid"], "by": "1001", "how": "talk"}
    file.unlink()
    assert web.visitor("1001").ask("/desk/order", play).status_code == 404


def test_a_recording_archived_as_mp3_is_played_into_a_talk_as_what_media_reads(
    web: Web, calls: CallProcess
) -> None:
    (call,) = web.box.store.record(Fact("call.ringing", {"line": "sip/0", "caller": "1", "called": "12345"}))
    source, file = (web.box.places.recordings / name for name in ("new.wav", "new.mp3"))
    source.write_bytes(speech(16_000))
    archive(source, file, FORMATS["mp3"])
    made = {"path": "new.mp3", "seconds": 2.0, "kind": "call"}
    (event,) = web.box.store.record(Fact("recording.made", made, call.eid))
    for _ in range(2):
        play = {"do": "play_back", "recording": event.eid.hex()}
        assert web.visitor("1001").ask("/desk/order", play).status_code == 200
    first, second = calls.orders
    assert first == second
    assert isinstance(first, wire.PlayBack)
    samples = read_prompt(str(web.box.places.recordings / first.path))
    both = np.concatenate(list(read(file))).astype(np.int32).sum(axis=1).clip(-32768, 32767)
    assert samples.tolist() == both.tolist()


def test_of_decoded_copies_only_the_newest_few_are_kept(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    for n in range(COPIES_MOST + 5):
        source, file = tmp_path / "a.wav", tmp_path / "day" / f"{n:03d}.mp3"
        source.write_bytes(speech(80))
        archive(source, file, FORMATS["mp3"])
        copy = tmp_path / playable(tmp_path, file)
        os.utime(copy, (n, n))
    assert len(list((tmp_path / FOLDER).iterdir())) == COPIES_MOST
    assert copy.exists()


def test_a_citizen_is_called_from_the_ticket_and_the_story_says_so(web: Web, calls: CallProcess) -> None:
    ticket = web.box.tickets.create(Actor("1001", "王晓燕", frozenset({"AG"})), "phone", {"phone": NUMBER})
    desk = web.visitor("1001")
    assert 'data-test="call-citizen"' in desk.get(f"/tickets/{ticket.number}").text
    assert desk.ask(f"/tickets/{ticket.number}/call", {}).json == {"ok": True}
    assert calls.orders == [wire.Dial("1001", NUMBER)]
    assert "已致电市民。" in desk.get(f"/tickets/{ticket.number}").text
    assert web.visitor("2001").ask(f"/tickets/{ticket.number}/call", {}).status_code == 403


def test_a_clerk_at_a_phone_calls_citizens_and_one_at_none_reads_the_number_and_what_to_do(
    web: Web, calls: CallProcess
) -> None:
    ticket = next(ticket for ticket in web.box.tickets.lists(("CALLBACK",)).tickets if ticket.phone)
    clerk = web.visitor("1300")
    page = clerk.get("/visits").text
    assert "说明您坐在哪部话机" in page
    assert ticket.phone in page
    assert "call-citizen" not in page
    assert "call-citizen" not in clerk.get(f"/tickets/{ticket.number}").text
    phone = re.findall(r"<option>(\d+)</option>", page)[0]
    calls.refuses = "extension_taken"
    assert "请选择其他分机" in clerk.post("/visits/seat", extension=phone).text
    calls.refuses = ""
    Timer(0.2, seat, (web, wire.Seat("1300", "吴琳", phone, "paused", 0.0))).start()
    assert clerk.post("/visits/seat", extension=phone).status_code == 302
    assert calls.orders[-1:] == [wire.SignIn("1300", phone)]
    page = clerk.get("/visits").text
    assert f"您用话机 {phone}" in page, "the page after the button shows the seat"
    assert f'data-call="/tickets/{ticket.number}/call"' in page
    assert 'data-test="call-citizen"' in clerk.get(f"/tickets/{ticket.number}").text
    assert clerk.ask(f"/tickets/{ticket.number}/call", {}).json == {"ok": True}
    assert calls.orders[-1:] == [wire.Dial("1300", ticket.phone)]
    Timer(0.2, seat, (web,)).start()
    there = clerk.post("/visits/seat", extension="", sid="ab")
    assert there.location == "/visits/samples?sid=ab", "back to the sample it was pressed beside"
    assert calls.orders[-1:] == [wire.SignOut("1300")]


def test_a_clerk_who_calls_citizens_serves_no_queue_unless_the_configuration_says_so(web: Web) -> None:
    here = web.box.configuration
    found = {agent.number: agent.queues for agent in agents_of(here, web.box.store)}
    assert found["1300"] == ()
    assert found["1001"] == tuple(queue.name for queue in here.queue)
    assert "1200" not in found
    served = msgspec.structs.replace(here, agent=(AgentSetting("1300", queues=("general",)),))
    assert {agent.number: agent.queues for agent in agents_of(served, web.box.store)}["1300"] == ("general",)


def test_a_refused_call_to_the_citizen_is_not_in_the_story(web: Web, calls: CallProcess) -> None:
    ticket = web.box.tickets.create(Actor("1001", "王晓燕", frozenset({"AG"})), "phone", {"phone": NUMBER})
    calls.refuses = "no_line"
    assert web.visitor("1001").ask(f"/tickets/{ticket.number}/call", {}).status_code == 422
    assert "已致电市民。" not in web.visitor("1001").get(f"/tickets/{ticket.number}").text


def test_the_board_lists_what_shift_leaders_did_newest_first(web: Web) -> None:
    store = web.box.store
    (call,) = store.record(Fact("call.ringing", {"line": "sip/0", "caller": NUMBER, "called": "12345"}))
    store.record(Fact("call.supervised", {"by": "1100", "agent": "1001", "how": "whisper"}, call.eid))
    store.record(Fact("call.released", {"by": "1100", "reason": "辱骂"}, call.eid))
    store.record(Fact("agent.forced", {"by": "1100", "agent": "1002", "state": "offline"}, b""))
    found = web.visitor("1400").get("/board/facts").json
    assert found is not None
    told = [(f["did"], f["agent"], f["text"], f["by"]) for f in found["facts"]]
    assert told == [
        ("强制签出", "1002 李明", "", "1100 赵敏"),
        ("强拆通话", "", "辱骂", "1100 赵敏"),
        ("密语", "1001 王晓燕", "", "1100 赵敏"),
    ]


def test_the_tickets_story_tells_the_centre_who_came_into_the_talk_and_no_unit(web: Web) -> None:
    store = web.box.store
    (call,) = store.record(Fact("call.ringing", {"line": "sip/0", "caller": NUMBER, "called": "12345"}))
    store.record(Fact("call.consulted", {"by": "1001", "to": "agent:1002"}, call.eid))
    store.record(Fact("call.supervised", {"by": "1100", "agent": "1001", "how": "barge"}, call.eid))
    leader = Actor("1100", "赵敏", frozenset({"AG", "TL", "DP"}))
    fields = {
        "phone": NUMBER,
        "kind": "repair",
        "title": "路灯",
        "content": "不亮",
        "category": category(web),
    }
    ticket = web.box.tickets.create(leader, "phone", fields, call=call.eid)
    for move, given in (("submit", {}), ("accept", {"unit": "lamp"}), ("dispatch", {"unit": "lamp"})):
        web.box.tickets.move(leader, ticket.tid, move, given)
    for number, told in (("1100", True), ("2001", False)):
        page = web.visitor(number).get(f"/tickets/{ticket.number}").text
        assert ("<b>强插</b>" in page) is told
        assert ("<b>咨询</b>" in page) is told


def category(web: Web) -> str:
    return str(
        web.box.store.rows("SELECT code FROM category WHERE unit = 'lamp' ORDER BY code LIMIT 1")[0][0]
    )


def test_the_board_has_buttons_for_shift_leaders_only(web: Web) -> None:
    leads, reads = web.visitor("1100").get("/board").text, web.visitor("1400").get("/board").text
    assert 'id="start-shift"' in leads
    assert 'id="start-shift"' not in reads
    assert "此页供查看" in reads


def test_numbers_of_the_talk_are_masked_for_those_who_are_not_in_it() -> None:
    parties = [
        {"line": "sip/0", "role": "caller", "who": "13812345678"},
        {"line": "sip/1", "role": "agent", "who": "1002"},
        {"line": "sip/2", "role": "guest", "who": "02087654321"},
    ]
    call = {"cid": CID, "caller": "13812345678", "agent": "1002", "state": "talking", "parties": parties}

    def seen(number: str, *roles: str) -> dict[str, Any]:
        told = view_of(Actor(number, "", frozenset(roles)))("call", {"call": call})
        assert told is not None
        return dict(told["call"])

    masked = seen("1400", "LD")
    assert masked["caller"] == "138****5678"
    assert [p["who"] for p in masked["parties"]] == ["138****5678", "1002", "020****4321"]
    assert seen("1100", "AG", "TL") == call
    parties.append({"line": "sip/3", "role": "agent", "who": "1003"})
    assert seen("1003", "AG") == call, "who was asked sees whom about"


def test_callers_on_lines_and_in_callbacks_are_masked_like_all_others() -> None:
    lines = [{"name": "sip/0", "state": "busy", "reason": "", "caller": "13812345678"}]
    callbacks = [{"id": "x.callback", "number": "13812345678", "caller": "13812345678"}]
    board = {
        "seats": [],
        "calls": [],
        "lines": lines,
        "queues": [{"name": "general", "callbacks": callbacks}],
    }
    for roles, caller in (({"LD"}, "138****5678"), ({"TL"}, "13812345678")):
        told = view_of(Actor("1", "", frozenset(roles)))("board", {"board": board})
        assert told is not None
        assert told["board"]["lines"][0]["caller"] == caller
        (callback,) = told["board"]["queues"][0]["callbacks"]
        assert (callback["number"], callback["caller"]) == (caller, caller)
