"""The call process is killed, and people on the telephone do not notice."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Self

import pytest

from appliance.calls import wire
from appliance.calls.resuming import TRIAL_S
from hardware.line import Cause
from tests.box import PHONES, Box
from tests.phones import MISSING, RATE_HZ, Baresip, read_wav, tone_level
from tests.test_media_daemon import Page, share, sine

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

CITIZEN_HZ, AGENT_HZ, OTHER_HZ = 600.0, 900.0, 1200.0
HEARD = 0.1
SILENT = 0.02


@pytest.fixture
def box() -> Iterator[Box]:
    with Box(settings={"sip": {"lines": 8}}) as box:
        yield box


def desk(box: Box, folder: Path, number: str = "8101") -> Baresip:
    return Baresip(
        folder, box.sip_port, number=number, password=PHONES[number], tone_hz=AGENT_HZ, answers=True
    )


def citizen(box: Box, folder: Path, number: str = "13800138000") -> Baresip:
    return Baresip(folder, box.sip_port, number=number, tone_hz=CITIZEN_HZ)


def killed(box: Box, gone_on: int = 1) -> None:
    """Kill the call process, and wait for its next life to have taken up so many calls more than before."""
    before = len(box.events("call.went_on"))
    box.kill("calls")
    box.wait_event("call.went_on", before + gone_on)


def softest(path: Path, hz: float, last_s: float, channel: int = 0) -> float:
    """How loud a tone was in the softest 0.4 s of the last seconds."""
    samples = read_wav(path, channel)[-round(last_s * RATE_HZ) :]
    size = round(0.4 * RATE_HZ)
    assert len(samples) >= size
    return min(
        tone_level(samples[at : at + size], hz, seconds=0.4)
        for at in range(0, len(samples) - size, size // 2)
    )


def hears(phone: Baresip, hz: float, box: Box) -> None:
    """Wait until the phone has heard a tone without a break for a while."""

    def look() -> bool:
        heard = read_wav(phone.heard(), 0)
        return len(heard) > 2 * RATE_HZ and softest(phone.heard(), hz, 1.0) > HEARD

    box.wait_for(look, 15, f"{phone.number} to hear {hz:g} Hz")


def talk(box: Box, phone: Baresip, caller: Baresip) -> wire.CallView:
    """A citizen and an agent talk, and hear each other."""
    caller.dial()
    caller.wait("CALL_ESTABLISHED")
    caller.keys("1")
    call = box.wait_state("1001", "busy").call
    assert call is not None
    hears(caller, AGENT_HZ, box)
    hears(phone, CITIZEN_HZ, box)
    return call


def ended(box: Box, call: wire.CallView) -> tuple[str, int]:
    """Wait for the call's end; how it ended. It ends once."""
    found = box.wait_for(
        lambda: [e.facts for e in box.events("call.ended") if e.subject.hex() == call.cid], name="call.ended"
    )
    assert len(found) == 1
    return found[0]["outcome"], found[0]["cause"]


def recording(box: Box, call: wire.CallView) -> Path:
    """Wait for the recording of the call, which must be one."""
    made = box.wait_for(
        lambda: [e.facts for e in box.events("recording.made") if e.subject.hex() == call.cid],
        name="recording",
    )
    assert len(made) == 1
    assert made[0]["reason"] == ""
    return box.places.recordings / str(made[0]["path"])


def waiting(box: Box, count: int) -> None:
    """Wait until so many wait in the queue."""
    box.wait_for(lambda: box.board().queues[0].waiting == count, name=f"{count} to wait")


def test_two_people_talk_on_and_everything_can_still_be_done_with_their_call(
    box: Box, tmp_path: Path
) -> None:
    with desk(box, tmp_path) as phone, citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        call = talk(box, phone, caller)
        began_s = time.monotonic()
        killed(box)
        time.sleep(1.5)
        since_s = time.monotonic() - began_s
        assert softest(caller.heard(), AGENT_HZ, since_s) > HEARD, "not a moment of silence"
        assert softest(phone.heard(), CITIZEN_HZ, since_s) > HEARD
        seat = box.seat("1001")
        assert (seat.state, seat.call and seat.call.cid) == ("busy", call.cid)
        (view,) = box.calls()
        assert (view.state, view.agent, view.recording) == ("talking", "1001", "on")
        assert view.started_s == pytest.approx(call.started_s)
        assert {party.role for party in view.parties} == {"caller", "agent"}
        box.order(wire.Hold("1001"))
        box.wait_for(lambda: box.calls()[0].state == "held")
        box.wait_for(lambda: tone_level(read_wav(phone.heard(), 0)[-4000:], CITIZEN_HZ, seconds=0.4) < SILENT)
        box.order(wire.Resume("1001"))
        box.wait_for(lambda: box.calls()[0].state == "talking")
        time.sleep(1.2)
        hears(phone, CITIZEN_HZ, box)
        hears(caller, AGENT_HZ, box)
        length_s = time.monotonic() - began_s
        box.order(wire.HangUp("1001"))
        caller.wait("CALL_CLOSED")
        phone.wait("CALL_CLOSED")
        assert ended(box, call) == ("answered", Cause.NORMAL)
        wav = recording(box, call)
        assert len(read_wav(wav, 0)) / RATE_HZ > length_s
        assert tone_level(wav, CITIZEN_HZ, 0) > HEARD
        assert box.facts("call.answered")[0]["agent"] == "1001"
        assert box.facts("call.went_on")[0]["gap_s"] < 10
    assert box.seat("1001").state == "wrap_up"


def test_a_held_caller_is_held_on_and_the_agents_handset_ends_the_call(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path) as phone, citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        call = talk(box, phone, caller)
        box.order(wire.Hold("1001"))
        box.wait_for(lambda: box.calls()[0].state == "held")
        killed(box)
        assert box.calls()[0].state == "held"
        box.order(wire.Resume("1001"))
        time.sleep(1.2)
        hears(phone, CITIZEN_HZ, box)
        phone.hang_up()
        caller.wait("CALL_CLOSED")
        assert ended(box, call) == ("answered", Cause.NORMAL)


def test_who_waits_waits_on_in_the_same_order_and_since_the_same_time(box: Box, tmp_path: Path) -> None:
    numbers = ["13800138001", "13800138002", "13800138003"]
    with (
        desk(box, tmp_path) as phone,
        citizen(box, tmp_path, numbers[0]) as first,
        citizen(box, tmp_path, numbers[1]) as second,
        citizen(box, tmp_path, numbers[2]) as third,
    ):
        for nth, caller in enumerate((first, second, third)):
            caller.dial()
            caller.wait("CALL_ESTABLISHED")
            caller.keys("1")
            waiting(box, nth + 1)
        before = {call.cid: (call.caller, call.queued_s) for call in box.calls()}
        killed(box, 3)
        assert {call.cid: (call.caller, call.queued_s) for call in box.calls()} == before
        assert box.board().queues[0].waiting == 3
        assert box.board().queues[0].longest_since_s == pytest.approx(min(at for _, at in before.values()))
        second.wait("CALL_ESTABLISHED")
        box.sit("1001", "8101")
        seat = box.wait_state("1001", "busy")
        assert seat.call is not None
        assert seat.call.caller == numbers[0]
        hears(phone, CITIZEN_HZ, box)
        hears(first, AGENT_HZ, box)
        assert box.board().queues[0].waiting == 2


def test_a_key_pressed_in_a_menu_after_the_death_is_understood(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path), citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        box.wait_for(lambda: box.calls() and box.calls()[0].state == "in_flow")
        time.sleep(0.3)
        killed(box)
        assert box.calls()[0].state == "in_flow"
        caller.keys("1")
        assert box.wait_state("1001", "busy").call
        hears(caller, AGENT_HZ, box)
        caller.hang_up()


def test_a_process_that_dies_of_what_it_took_up_does_not_take_it_up_again(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path) as phone, citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        call = talk(box, phone, caller)
        killed(box)
        box.kill("calls")
        caller.wait("CALL_CLOSED")
        phone.wait("CALL_CLOSED")
        assert ended(box, call) == ("lost", Cause.TEMPORARY_FAILURE)
        again = talk_again(box, phone, caller)
        killed(box)
        assert box.calls()[0].cid == again.cid
        time.sleep(TRIAL_S + 1)
        killed(box)
        assert box.calls()[0].cid == again.cid, "what has lived for a while may be taken up again"


def test_with_the_sound_gone_too_the_call_is_lost_and_both_are_told(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path) as phone, citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        call = talk(box, phone, caller)
        box.kill("calls")
        box.kill("media")
        caller.wait("CALL_CLOSED")
        phone.wait("CALL_CLOSED")
        assert ended(box, call) == ("lost", Cause.TEMPORARY_FAILURE)
        assert box.facts("call.went_on") == []
        box.wait_state("1001", "ready")


def test_a_caller_is_handed_over_after_the_death(box: Box, tmp_path: Path) -> None:
    with (
        desk(box, tmp_path) as phone,
        Baresip(
            tmp_path, box.sip_port, number="8102", password=PHONES["8102"], tone_hz=OTHER_HZ, answers=True
        ) as other,
        citizen(box, tmp_path) as caller,
    ):
        box.sit("1001", "8101")
        call = talk(box, phone, caller)
        killed(box)
        box.sit("1002", "8102")
        box.order(wire.Transfer("1001", "agent:1002"))
        phone.wait("CALL_CLOSED")
        box.wait_state("1002", "busy")
        hears(caller, OTHER_HZ, box)
        hears(other, CITIZEN_HZ, box)
        caller.hang_up()
        assert ended(box, call) == ("answered", Cause.NORMAL)


def test_two_phones_of_ours_talk_on(box: Box, tmp_path: Path) -> None:
    with (
        desk(box, tmp_path) as called,
        Baresip(tmp_path, box.sip_port, number="8102", password=PHONES["8102"], tone_hz=OTHER_HZ) as caller,
    ):
        caller.dial("8101")
        caller.wait("CALL_ESTABLISHED")
        hears(caller, AGENT_HZ, box)
        hears(called, OTHER_HZ, box)
        began_s = time.monotonic()
        killed(box)
        time.sleep(1.2)
        since_s = time.monotonic() - began_s
        assert softest(caller.heard(), AGENT_HZ, since_s) > HEARD
        assert softest(called.heard(), OTHER_HZ, since_s) > HEARD
        called.hang_up()
        caller.wait("CALL_CLOSED")
        box.wait_for(lambda: not box.calls(), name="the call to end")
        assert [fact["outcome"] for fact in box.facts("call.ended")] == ["answered"]


class Headset(Thread):
    """An agent's page with its sound connected, until the end of `with`."""

    def __init__(self, box: Box, extension: str) -> None:
        super().__init__(daemon=True)
        self._over = False
        access = box.order(wire.SoundToken(extension))
        self.page = Page(access["port"], access["token"], sine(AGENT_HZ, 60))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self.join()
        self.page.socket.close()

    def run(self) -> None:
        due = time.monotonic()
        while not self._over:
            self.page.tick()
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))


def test_an_agent_with_a_headset_in_the_browser_talks_on_by_the_same_connection(
    box: Box, tmp_path: Path
) -> None:
    with Headset(box, "8001") as headset, citizen(box, tmp_path) as caller:
        box.sit("1001", "8001")
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        caller.keys("1")
        box.wait_state("1001", "offered")
        box.order(wire.Answer("1001"))
        call = box.wait_state("1001", "busy").call
        assert call is not None
        hears(caller, AGENT_HZ, box)
        began_s = time.monotonic()
        killed(box)
        time.sleep(1.2)
        assert softest(caller.heard(), AGENT_HZ, time.monotonic() - began_s) > HEARD
        assert share(headset.page.last(), CITIZEN_HZ) > 0.9
        seat = box.seat("1001")
        assert (seat.state, seat.phone) == ("busy", "up")
        box.order(wire.HangUp("1001"))
        caller.wait("CALL_CLOSED")
        assert ended(box, call) == ("answered", Cause.NORMAL)


def talk_again(box: Box, phone: Baresip, caller: Baresip) -> wire.CallView:
    """The same two talk once more."""
    caller.forget()
    phone.forget()
    box.wait_for(lambda: box.seat("1001").phone == "up", name="the phone")
    box.order(wire.Ready("1001"))
    return talk(box, phone, caller)
