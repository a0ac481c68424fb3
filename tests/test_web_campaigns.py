"""Shift leaders make, watch and end voice notifications; agents keep what they promised."""

import io
import json
import time
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from appliance.calls import wire
from appliance.campaigns import plan as plans
from appliance.campaigns import sounds
from appliance.events import Fact
from tests.test_web_orders import CallProcess
from tests.web_pages import Visitor, Web, open_web


@pytest.fixture
def web(tmp_path: Any) -> Web:
    return open_web(tmp_path)


@pytest.fixture
def calls(web: Web) -> Iterator[CallProcess]:
    process = CallProcess(web.box.places.socket("calls"))
    web.box.calls.start()
    until = time.monotonic() + 5
    while not web.box.calls.up:
        assert time.monotonic() < until
        time.sleep(0.01)
    yield process
    web.box.calls.stop()
    process.end()


def wav(seconds: float = 1.0, hz: float = 700.0, rate: int = 16_000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        tone = 9000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
        file.writeframes(tone.astype("<i2").tobytes())
    return out.getvalue()


def fields(**more: Any) -> dict[str, Any]:
    plan = {"tries": "2", "busy_wait_min": "5", "no_answer_wait_min": "30", "ring_s": "30"}
    times = {"lines": "2", "keep_free": "4", "days": "workday", "from": "09:00", "to": "18:00"}
    numbers = {"name": "停水通知", "list": "13800138000,张三\n02087654321", "language": "zh"}
    sound = {"source": "upload", "sound": (io.BytesIO(wav()), "notice.wav")}
    return {**plan, **times, **numbers, **sound, **more}


def made(leader: Visitor, **more: Any) -> str:
    answer = leader.post("/campaigns", **fields(**more))
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"]).rsplit("/", 1)[-1]


def test_a_notification_is_made_from_a_pasted_list_and_an_uploaded_recording(web: Web) -> None:
    leader = web.visitor("1100")
    cid = made(leader, confirm="yes")
    handed = plans.read(web.box.places.campaigns / cid)
    assert handed.numbers == ("13800138000", "02087654321")
    assert (handed.plan.tries, handed.plan.busy_wait_s, handed.plan.confirm) == (2, 300.0, True)
    assert handed.plan.hours[0].days == ("workday",)
    assert 0.8 < handed.plan.sound_s < 1.2
    assert sounds.path_of(web.box.places, cid, "zh").is_file()
    page = leader.get(f"/campaigns/{cid}").text
    assert "停水通知" in page
    assert "张三" in page
    heard = leader.get(f"/campaigns/{cid}/sound.wav")
    assert (heard.status_code, heard.mimetype) == (200, "audio/wav")
    assert "停水通知" in leader.get("/campaigns").text
    assert cid in leader.get("/campaigns/new").text, "its message can be used again"
    again = made(leader, source="earlier", earlier=cid)
    assert (
        sounds.path_of(web.box.places, again, "zh").read_bytes()
        == sounds.path_of(web.box.places, cid, "zh").read_bytes()
    )


def test_an_uploaded_list_is_read_in_place_of_a_pasted_one(web: Web) -> None:
    file = (io.BytesIO("号码\n13900139000\n13900139000\n".encode("gb18030")), "list.csv")
    leader = web.visitor("1100")
    cid = made(leader, file=file)
    assert plans.read(web.box.places.campaigns / cid).numbers == ("13900139000",)
    assert "1 个号码重复" in leader.get(f"/campaigns/{cid}").text


def test_a_list_with_wrong_rows_makes_nothing_and_names_each(web: Web) -> None:
    leader = web.visitor("1100")
    answer = leader.post("/campaigns", **fields(list="13800138000\n张三\n110\n1.38E+10\n"))
    assert answer.status_code == 422
    for row in ("第 2 行", "第 3 行", "第 4 行"):
        assert row in answer.text
    assert "13800138000" in answer.text, "what was pasted is kept"
    assert web.box.store.rows("SELECT count(*) FROM campaign")[0][0] == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": " "}, "通知名称"),
        ({"tries": "99"}, "每个号码最多拨打次数"),
        ({"tries": "x"}, "每个号码最多拨打次数"),
        ({"from": "9"}, "时段"),
        ({"first_day": "2026-12-02", "last_day": "2026-12-01"}, "起止日期"),
        ({"list": ""}, "没有号码"),
        ({"source": "text", "text": ""}, "请写"),
        ({"source": "upload", "sound": (io.BytesIO(b"RIFFxx"), "a.wav")}, "WAV"),
        ({"source": "upload", "sound": (io.BytesIO(wav(hz=0.0)), "a.wav")}, "没有声音"),
        ({"source": "earlier", "earlier": "ab" * 16}, "无法读取"),
        ({"source": "recording", "recording": "../x"}, "无法读取"),
        ({"source": "song"}, "请选择"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_made(web: Web, more: dict[str, Any], said: str) -> None:
    answer = web.visitor("1100").post("/campaigns", **fields(**more))
    assert answer.status_code == 422
    assert said in answer.text
    assert list(web.box.places.campaigns.glob("*/list.json")) == []


def test_a_text_can_be_listened_to_first_and_becomes_the_message(web: Web) -> None:
    leader = web.visitor("1100")
    text = "因管道检修，2026年12月5日8:30至17:00停水。"
    answer = leader.post("/campaigns/sound", source="text", text=text, language="zh")
    assert answer.status_code == 200, answer.text
    told = json.loads(answer.data)
    assert told["seconds"] > 3
    heard = leader.get(told["url"])
    assert len(heard.data) > 8000 * 2 * 3
    assert web.visitor("9000").get(told["url"]).status_code == 404, "one's own only"
    cid = made(leader, source="text", text=text)
    assert text in leader.get(f"/campaigns/{cid}").text


def test_a_message_left_by_telephone_becomes_the_message_and_that_is_a_hearing(web: Web) -> None:
    path = web.box.places.recordings / "2026-12-01" / "a.wav"
    path.parent.mkdir(parents=True)
    said, heard = 9000 * np.sin(np.arange(16_000) * 0.6), np.zeros(16_000)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.stack([said, heard], axis=1).astype("<i2").tobytes())
    (call,) = web.box.store.record(
        Fact("call.ringing", {"line": "sip/0", "caller": "13800138000", "called": "12345"})
    )
    facts = {"kind": "message", "path": "2026-12-01/a.wav", "seconds": 2.0}
    (made_,) = web.box.store.record(Fact("recording.made", facts, call.eid))
    leader = web.visitor("1100")
    rid = made_.eid.hex()
    assert rid in leader.get("/campaigns/new").text
    cid = made(leader, source="recording", recording=rid)
    assert 1.8 < plans.read(web.box.places.campaigns / cid).plan.sound_s < 2.2
    played = [e.facts for e in web.box.store.history(call.eid) if e.kind == "recording.played"]
    assert [(f["rid"], f["by"]) for f in played] == [(rid, "1100")]


def test_large_lists_and_recordings_come_through_and_only_for_those_who_may(web: Web) -> None:
    numbers = "\n".join(f"138{n:08d}" for n in range(20_000))
    long = (io.BytesIO(wav(seconds=20.0, rate=44_100)), "long.wav")
    cid = made(web.visitor("9000"), list=numbers, sound=long)
    assert len(plans.read(web.box.places.campaigns / cid).numbers) == 20_000
    assert web.visitor("1001").post("/campaigns", **fields(list=numbers)).status_code in (403, 413)
    too_long = (io.BytesIO(b"x" * (25 * 1024 * 1024)), "long.wav")
    assert web.visitor("9000").post("/campaigns", **fields(sound=too_long)).status_code == 413


def test_buttons_become_orders_and_what_is_refused_is_said(web: Web, calls: CallProcess) -> None:
    leader = web.visitor("1100")
    cid = made(leader, then="start")
    leader.post(f"/campaigns/{cid}/order", do="stop")
    assert calls.orders == [wire.Campaign("1100", cid, "start"), wire.Campaign("1100", cid, "stop")]
    assert leader.post(f"/campaigns/{cid}/order", do="explode").status_code == 400
    assert leader.post("/campaigns/" + "ab" * 16 + "/order", do="stop").status_code == 404
    calls.refuses = "not_now"
    answer = leader.post(f"/campaigns/{cid}/order", do="pause")
    assert answer.status_code == 409
    assert "现在不能" in answer.text


def tried(web: Web, cid: str, number: str, outcome: str, seconds: float = 0.0) -> None:
    facts = {"number": number, "outcome": outcome, "result": outcome, "seconds": seconds, "call": ""}
    subject = bytes.fromhex(cid)
    web.box.store.record(Fact("campaign.tried", {**facts, "attempt": 1, "again_s": 0.0}, subject))


def test_results_are_filtered_exported_and_who_took_them_is_written_down(web: Web) -> None:
    leader = web.visitor("1100")
    cid = made(leader, list="13800138000,=HYPERLINK(1)\n02087654321,李四\n13900139000")
    tried(web, cid, "13800138000", "heard", 12.0)
    tried(web, cid, "02087654321", "busy")
    heard = leader.get(f"/campaigns/{cid}?result=heard").text
    assert 'data-test="number-13800138000"' in heard
    assert 'data-test="number-02087654321"' not in heard
    assert 'data-test="number-13900139000"' in leader.get(f"/campaigns/{cid}?result=waiting").text
    assert 'data-test="number-02087654321"' in leader.get(f"/campaigns/{cid}?number=8765").text
    answer = leader.get(f"/campaigns/{cid}/results.csv")
    assert answer.mimetype == "text/csv"
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("13800138000,'=HYPERLINK(1),0,听完,12,")
    assert "1100" in leader.get(f"/campaigns/{cid}").text
    story = json.loads(web.box.store.rows("SELECT story FROM campaign")[0][0])
    assert [(kind, by) for _, kind, by, _ in story] == [
        ("campaign.created", "1100"),
        ("campaign.exported", "1100"),
    ]


def test_agents_units_and_technicians_see_no_notifications(web: Web) -> None:
    cid = made(web.visitor("1100"))
    for number in ("1001", "2001", "9100"):
        for path in ("/campaigns", "/campaigns/new", f"/campaigns/{cid}", f"/campaigns/{cid}/results.csv"):
            assert web.visitor(number).get(path).status_code == 403


def at(ahead_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + ahead_s))


def promised(agent: Visitor, **more: str) -> None:
    answer = agent.post("/later", number="138 0013 8000", topic="社保补缴", at=at(3600), **more)
    assert answer.status_code == 302, answer.text


def did_of(web: Web) -> str:
    return bytes(web.box.store.rows("SELECT did FROM deferral")[0][0]).hex()


def test_a_promised_answer_waits_in_the_list_and_is_red_when_overdue(web: Web) -> None:
    agent = web.visitor("1001")
    promised(agent, citizen="张三")
    page = web.visitor("1002").get("/later").text
    assert "13800138000" in page
    assert "data-overdue" not in page
    web.box.store.record(
        Fact(
            "deferral.made",
            {
                "by": "1001",
                "number": "13900139000",
                "citizen": "",
                "topic": "早先的",
                "promised_s": time.time() - 60,
                "call": "",
                "ticket": "",
            },
        )
    )
    page = agent.get("/later").text
    assert "data-overdue" in page
    assert page.index("13900139000") < page.index("13800138000"), "the most pressing first"


def test_one_click_calls_back_and_the_outcome_is_kept(web: Web, calls: CallProcess) -> None:
    agent = web.visitor("1001")
    promised(agent)
    did = did_of(web)
    assert agent.ask(f"/later/{did}/call", {}).status_code == 200
    assert calls.orders == [wire.Dial("1001", "13800138000")]
    agent.post(f"/later/{did}/settle", outcome="again", at=at(7200), remark="无人接听")
    assert "无人接听" in agent.get("/later").text
    agent.post(f"/later/{did}/settle", outcome="answered", at="", remark="已答复")
    assert "13800138000" not in agent.get("/later").text
    assert "已答复" in agent.get("/later?show=settled").text
    assert agent.post(f"/later/{did}/settle", outcome="given_up").status_code == 409
    assert agent.ask(f"/later/{did}/call", {}).status_code == 409


def test_a_promise_is_linked_to_its_call_and_ticket(web: Web) -> None:
    agent = web.visitor("1001")
    number = web.box.store.rows("SELECT number FROM ticket LIMIT 1")[0][0]
    promised(agent, ticket=number, call="ab" * 16)
    call, ticket = web.box.store.rows("SELECT call, ticket FROM deferral")[0]
    assert bytes(call) == bytes.fromhex("ab" * 16)
    assert bytes(ticket) == bytes(web.box.store.rows("SELECT tid FROM ticket WHERE number = ?", number)[0][0])
    assert f"/tickets/{number}" in agent.get("/later").text
    assert f"/later?ticket={number}" in agent.get(f"/tickets/{number}").text.replace("&amp;", "&")


@pytest.mark.parametrize(
    "wrong",
    [{"number": "abc"}, {"topic": " "}, {"at": "soon"}, {"at": "2020-01-01T00:00"}, {"ticket": "1"}],
)
def test_a_promise_that_is_not_right_comes_back_as_it_was_typed(web: Web, wrong: dict[str, str]) -> None:
    answer = web.visitor("1001").post(
        "/later", **{"number": "13800138000", "topic": "早上的问题", "at": at(3600), **wrong}
    )
    assert answer.status_code == 422
    assert "13800138000" in answer.text or "number" in wrong
    assert web.box.store.rows("SELECT count(*) FROM deferral")[0][0] == 0
