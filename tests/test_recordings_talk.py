"""Real talks on tape: what a rule leaves out is not there, what is private is silence: proved by tones."""

import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.calls import wire
from appliance.refused import Refused
from tests.box import CALLS, PHONES, Box
from tests.phones import RATE_HZ, Baresip, read_wav

pytestmark = pytest.mark.sip

CITIZEN_HZ, AGENT_HZ = 700.0, 1000.0
LOUD, QUIET = 0.05, 0.001
SETTINGS: dict[str, Any] = {
    "queue": [{"name": "general", "wrap_up_s": 0, "offer_s": 20}],
    "recording": {"private_s": 2.0},
    "recorded": [
        {"name": "advice", "record": "asked", "agents": ["1003"]},
        {"name": "staff", "record": "never", "agents": ["1004"]},
    ],
}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with (
        Box(CALLS, settings=SETTINGS) as box,
        Baresip(
            tmp_path_factory.mktemp("desk"),
            box.sip_port,
            number="8101",
            password=PHONES["8101"],
            tone_hz=AGENT_HZ,
            answers=True,
        ),
    ):
        yield box


@contextmanager
def talk(box: Box, folder: Path, agent: str) -> Iterator[str]:
    """A citizen in a talk with an agent at the desk phone, whose call is given; it ends with the body."""
    box.sit(agent, "8101")
    with Baresip(folder, box.sip_port, number="13800138000", tone_hz=CITIZEN_HZ) as citizen:
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED")
        box.wait_for(lambda: [c for c in box.calls() if c.state == "in_flow"], 5)
        citizen.keys("1")
        box.wait_for(lambda: [c for c in box.calls() if c.state == "talking" and c.agent == agent], 20)
        box.wait_for(lambda: len(box.calls()[0].parties) == 2, 10)
        cid = box.calls()[0].cid
        yield cid
        citizen.hang_up()
        box.wait_for(lambda: not box.calls(), 10, "the call to end")
    box.wait_for(lambda: box.seat(agent).state != "busy", 10)
    box.order(wire.SignOut(agent))


def of_call(box: Box, cid: str, kind: str) -> list[dict[str, Any]]:
    return [{**event.facts, "at_s": event.at_s} for event in box.events(kind) if event.subject.hex() == cid]


def recordings(box: Box, cid: str, count: int) -> list[tuple[Path, dict[str, Any]]]:
    made = box.wait_for(
        lambda: (found := of_call(box, cid, "recording.made"))[: len(found) * (len(found) >= count)]
    )
    return [(box.places.recordings / facts["path"], facts) for facts in made]


def level(path: Path, channel: int, hz: float, from_s: float, to_s: float) -> float:
    """How loud a tone is in a part of a recording."""
    part = read_wav(path, channel)[round(from_s * RATE_HZ) : round(to_s * RATE_HZ)]
    turns = np.exp(-2j * np.pi * hz * np.arange(len(part)) / RATE_HZ)
    return float(2 * abs((part * turns).mean()))


def test_what_is_private_is_silence_of_the_same_length_on_both_sides_and_the_rest_is_there(
    box: Box, tmp_path: Path
) -> None:
    with talk(box, tmp_path, "1001") as cid:
        time.sleep(0.8)
        box.order(wire.HideCall("1001", True))
        assert box.calls()[0].recording == "private"
        time.sleep(1.0)
        box.order(wire.HideCall("1001", False))
        assert box.calls()[0].recording == "on"
        time.sleep(1.0)
    ((path, facts),) = recordings(box, cid, 1)
    (hidden,), (shown,) = (of_call(box, cid, f"recording.{what}") for what in ("paused", "resumed"))
    assert (hidden["by"], hidden["why"], shown["by"], shown["why"]) == ("1001", "private", "1001", "agent")
    from_s, to_s = hidden["at_s"] - facts["began_s"], shown["at_s"] - facts["began_s"]
    assert abs(read_wav(path)[round((from_s + 0.2) * RATE_HZ) : round((to_s - 0.2) * RATE_HZ)]).max() == 0
    for channel, hz in ((0, CITIZEN_HZ), (1, AGENT_HZ)):
        assert level(path, channel, hz, from_s - 0.6, from_s - 0.2) > LOUD
        assert level(path, channel, hz, from_s + 0.2, to_s - 0.2) < QUIET
        assert level(path, channel, hz, to_s + 0.2, to_s + 0.6) > LOUD
    (ended,) = of_call(box, cid, "call.ended")
    assert facts["seconds"] == pytest.approx(ended["at_s"] - facts["began_s"], abs=0.3), "time stays true"


def test_what_is_private_ends_by_itself_after_the_time_that_is_set(box: Box, tmp_path: Path) -> None:
    with talk(box, tmp_path, "1001") as cid:
        box.order(wire.HideCall("1001", True))
        view = box.calls()[0]
        assert view.private_until_s - time.time() == pytest.approx(2, abs=0.5)
        box.wait_for(lambda: box.calls()[0].recording == "on", 5, "the recording to go on")
        time.sleep(0.8)
    ((path, facts),) = recordings(box, cid, 1)
    (shown,) = of_call(box, cid, "recording.resumed")
    assert (shown["by"], shown["why"]) == ("", "time")
    at_s = shown["at_s"] - facts["began_s"]
    assert level(path, 0, CITIZEN_HZ, at_s - 0.8, at_s - 0.2) < QUIET
    assert level(path, 0, CITIZEN_HZ, at_s + 0.2, at_s + 0.7) > LOUD


def test_an_agent_whose_seat_is_recorded_when_asked_begins_and_ends_it_by_hand(
    box: Box, tmp_path: Path
) -> None:
    with talk(box, tmp_path, "1003") as cid:
        assert (box.calls()[0].recording, box.calls()[0].may_record) == ("off", True)
        time.sleep(0.5)
        box.order(wire.RecordCall("1003", True))
        assert box.calls()[0].recording == "on"
        time.sleep(1.2)
        box.order(wire.RecordCall("1003", False))
        assert box.calls()[0].recording == "off"
        time.sleep(0.5)
    (before, _), (asked, facts) = recordings(box, cid, 2)
    assert level(before, 1, AGENT_HZ, 0, 60) < QUIET, "the talk before it was asked for is in none"
    assert facts["seconds"] == pytest.approx(1.2, abs=0.4)
    assert level(asked, 0, CITIZEN_HZ, 0.3, 1.0) > LOUD
    assert level(asked, 1, AGENT_HZ, 0.3, 1.0) > LOUD
    for kind in ("started", "stopped"):
        assert [facts["by"] for facts in of_call(box, cid, f"recording.{kind}")] == ["1003"]


def test_a_seat_that_is_never_recorded_leaves_no_word_and_cannot_be_made_to(box: Box, tmp_path: Path) -> None:
    with talk(box, tmp_path, "1004") as cid:
        assert (box.calls()[0].recording, box.calls()[0].may_record) == ("off", False)
        for order in (wire.RecordCall("1004", True), wire.HideCall("1004", True)):
            with pytest.raises(Refused):
                box.order(order)
        time.sleep(1.0)
    ((path, _),) = recordings(box, cid, 1)
    assert level(path, 1, AGENT_HZ, 0, 60) < QUIET


def test_only_who_answers_for_the_caller_may_change_what_is_recorded(box: Box, tmp_path: Path) -> None:
    for order in (wire.HideCall("1001", True), wire.RecordCall("1002", True)):
        with pytest.raises(Refused):
            box.order(order)
    with talk(box, tmp_path, "1001"):
        with pytest.raises(Refused, match="always_recorded"):
            box.order(wire.RecordCall("1001", False))
        with pytest.raises(Refused, match=r"not_signed_in|no_call"):
            box.order(wire.HideCall("1002", True))


@pytest.mark.parametrize("unit", ["media", "calls"])
def test_killed_while_something_private_is_said_the_recording_is_whole_and_has_none_of_it(
    box: Box, tmp_path: Path, unit: str
) -> None:
    with talk(box, tmp_path, "1001") as cid:
        time.sleep(1.0)
        box.order(wire.HideCall("1001", True))
        time.sleep(1.3)
        old = box.kill(unit)
        box.wait_for(lambda: box.pid(unit) != old and box.answers(), 5, f"{unit} to be back")
    ((path, facts),) = recordings(box, cid, 1)
    assert facts["reason"] == ("interrupted" if unit == "media" else "")
    (hidden,), (begun,) = (of_call(box, cid, kind) for kind in ("recording.paused", "call.ringing"))
    from_s = hidden["at_s"] - begun["at_s"]
    with wave.open(str(path), "rb") as file:
        assert file.getnframes() / RATE_HZ == pytest.approx(facts["seconds"], abs=0.01)
        assert file.getnframes() / RATE_HZ > from_s + 0.3, "at most a second is missing"
    assert level(path, 0, CITIZEN_HZ, from_s - 0.8, from_s - 0.3) > LOUD
    assert abs(read_wav(path)[round((from_s + 0.3) * RATE_HZ) :]).max() == 0
