"""Callbacks on a whole box: a citizen keeps the place, a desk phone rings in turn, the citizen is called."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.calls import wire
from appliance.refused import Refused
from tests.box import CALLS, PHONES, Box
from tests.phones import Baresip, read_wav, tone_level, until

pytestmark = pytest.mark.sip

CITIZEN_HZ, AGENT_HZ = 700.0, 1000.0
LOUD = 0.05
NOW = 4000
"""Samples: what a phone heard in the last half second."""
SETTINGS = {
    "queue": [{"name": "general", "wrap_up_s": 0, "offer_s": 20}],
    "callback": {"tries": 2, "again_s": 10, "ring_s": 5},
}


@pytest.fixture
def box() -> Iterator[Box]:
    with Box(CALLS, settings=SETTINGS) as box:
        yield box


def desk_phone(folder: Path, box: Box) -> Baresip:
    return Baresip(
        folder, box.sip_port, number="8101", password=PHONES["8101"], tone_hz=AGENT_HZ, answers=True
    )


def citizen_phone(folder: Path, box: Box, answers: bool = True) -> Baresip:
    """A citizen who can be called too: registered as the second extension, whose number is shown."""
    return Baresip(
        folder, box.sip_port, number="8102", password=PHONES["8102"], tone_hz=CITIZEN_HZ, answers=answers
    )


def asks(citizen: Baresip, box: Box, keys: str = "1") -> str:
    """The citizen waits, asks to be called back and hears that the place is kept; the call's id."""
    citizen.dial()
    citizen.wait("CALL_ESTABLISHED")
    box.wait_for(lambda: [call for call in box.calls() if call.state == "in_flow"], 5)
    citizen.keys("1")
    box.wait_for(lambda: [call for call in box.calls() if call.state == "queued"], 10)
    cid = box.calls()[0].cid
    time.sleep(1.5)  # the place and the wait are told, then the menu begins
    citizen.keys("3" + keys)
    box.wait_event("callback.asked")
    citizen.wait("CALL_CLOSED", seconds=10)
    return cid


def hears(phone: Baresip) -> set[float]:
    heard = read_wav(phone.heard())[-NOW:]
    return {hz for hz in (CITIZEN_HZ, AGENT_HZ) if tone_level(heard, hz, seconds=NOW / 8000) > LOUD}


def general(box: Box) -> wire.QueueView:
    return next(queue for queue in box.board().queues if queue.name == "general")


def test_who_kept_the_place_is_called_when_the_turn_comes_and_both_talk(box: Box, tmp_path: Path) -> None:
    with desk_phone(tmp_path, box) as desk, citizen_phone(tmp_path, box) as citizen:
        box.order(wire.SignIn("1001", "8101"))
        cid = asks(citizen, box)
        asked = box.facts("callback.asked")[0]
        assert (asked["queue"], asked["number"], asked["place"], asked["tries"]) == ("general", "8102", 1, 0)
        assert box.facts("call.ended")[0]["outcome"] == "callback"
        (shown,) = general(box).callbacks
        assert (shown.number, shown.place, shown.state) == ("8102", 1, "waiting")
        assert general(box).waiting == 0

        box.order(wire.Ready("1001"))
        seat = box.wait_state("1001", "busy", 40)
        assert seat.call is not None
        assert (seat.call.callback_of, seat.call.outgoing) == (cid, True)
        box.wait_for(lambda: [c for c in box.calls() if c.state == "talking"], 20, "the citizen to answer")
        until(lambda: (hears(desk) == {CITIZEN_HZ}) or None, 8, "the agent to hear the citizen")
        until(lambda: (hears(citizen) == {AGENT_HZ}) or None, 8, "the citizen to hear the agent")
        assert general(box).callbacks == ()

        desk.hang_up()
        box.wait_for(lambda: not box.calls(), 10)
        box.wait_event("recording.made", 2)
        begun, done = box.facts("callback.begun")[0], box.facts("callback.done")[0]
        made = bytes.fromhex(begun["call"])
        assert done["call"] == begun["call"]
        assert done["agent"] == "1001"
        assert done["waited_s"] > 5
        ringing = next(event for event in box.events("call.ringing") if event.subject == made)
        assert (ringing.facts["callback_of"], ringing.facts["direction"]) == (cid, "out")
        assert {event.subject.hex() for event in box.events("callback")} == {cid}
        assert any(event.subject == made for event in box.events("recording.made"))
        assert box.facts("call.ended")[-1]["outcome"] == "answered"


def test_who_does_not_answer_is_called_again_then_given_up_until_a_leader_has_seen_to_it(
    box: Box, tmp_path: Path
) -> None:
    with desk_phone(tmp_path, box), citizen_phone(tmp_path, box, answers=False) as citizen:
        box.order(wire.SignIn("1001", "8101"))
        asks(citizen, box)
        box.order(wire.Ready("1001"))
        failed = box.wait_event("callback.failed", 1, 60)
        assert (failed["tries"], failed["why"], failed["agent"]) == (1, "no_answer", "1001")
        box.wait_state("1001", "ready")
        citizen.wait("CALL_INCOMING", 2, 30)
        citizen.hang_up()
        gave_up = box.wait_event("callback.given_up", 1, 20)
        assert (gave_up["tries"], gave_up["number"]) == (2, "8102")
        (left,) = general(box).callbacks
        assert (left.state, left.tries) == ("given_up", 2)
        with pytest.raises(Refused, match="not_leader"):
            box.order(wire.CancelCallback("1001", left.id))
        box.order(wire.CancelCallback("1100", left.id, "已电话联系"))
        assert general(box).callbacks == ()
        assert box.facts("callback.cancelled")[0]["by"] == "1100"
        with pytest.raises(Refused, match="no_call"):
            box.order(wire.CancelCallback("1100", left.id))


def test_a_number_has_one_callback_and_it_outlives_the_call_process(box: Box, tmp_path: Path) -> None:
    with desk_phone(tmp_path, box), citizen_phone(tmp_path, box) as citizen:
        cid = asks(citizen, box, keys="202087654321#1")
        assert box.facts("callback.asked")[0]["number"] == "02087654321"
        box.kill("calls")
        (left,) = box.wait_for(lambda: general(box).callbacks, 20, "the callback to be there again")
        assert (left.id, left.number, left.place) == (f"{cid}.callback", "02087654321", 1)
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED", 2)
        box.wait_for(lambda: [call for call in box.calls() if call.state == "in_flow"], 5)
        citizen.keys("1")
        box.wait_for(lambda: [call for call in box.calls() if call.state == "queued"], 10)
        time.sleep(1.5)
        citizen.keys("3202087654321#1")
        citizen.wait("CALL_CLOSED", 2, 10)
        assert len(box.facts("callback.asked")) == 1, "the number waits already"
        assert len(general(box).callbacks) == 1
