"""A running box and real telephones: what citizens and agents live through."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.calls import wire
from hardware.line import Cause
from tests.box import PHONES, Box
from tests.phones import MISSING, Baresip, Sipp, tone_level, users, write_voice

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

CITIZEN_HZ, AGENT_HZ = 600.0, 900.0
PROMPT_HZ = 440.0
HEARD = 0.1
"""Amplitude of a tone that was heard; phones say theirs at 0.25."""
SILENT = 0.01
LINES = 8
OFFER_S = 2.0


@pytest.fixture(scope="module")
def running() -> Iterator[Box]:
    queue = {"name": "general", "title": "综合", "offer_s": OFFER_S, "wrap_up_s": 30}
    with Box(settings={"sip": {"lines": LINES}, "queue": [queue]}) as box:
        yield box


@pytest.fixture
def box(running: Box, request: pytest.FixtureRequest) -> Iterator[Box]:
    """The running box with nobody signed in; its logs are printed when the test failed."""
    failed = request.session.testsfailed
    yield running
    if request.session.testsfailed > failed:
        running.print_logs()
    running.wait_for(lambda: not running.calls(), name="all calls to end")
    for seat in running.board().seats:
        if seat.state != "offline":
            running.order(wire.SignOut(seat.agent))


def desk(box: Box, folder: Path, number: str = "8101", answers: bool = True) -> Baresip:
    return Baresip(
        folder, box.sip_port, number=number, password=PHONES[number], tone_hz=AGENT_HZ, answers=answers
    )


def citizen(box: Box, folder: Path, number: str = "13800138000") -> Baresip:
    return Baresip(folder, box.sip_port, number=number, tone_hz=CITIZEN_HZ)


def in_state(box: Box, state: str) -> wire.CallView:
    """Wait for the one call going on to be in a state."""
    return box.wait_for(
        lambda: next((call for call in box.calls() if call.state == state), None), name=f"a call {state}"
    )  # type: ignore[return-value]  # wait_for gives nothing false


def calls_in(box: Box, folder: Path, keys: str, phone: Baresip) -> wire.CallView:
    """A citizen calls and presses keys in the menu."""
    phone.dial()
    phone.wait("CALL_ESTABLISHED")
    in_state(box, "in_flow")
    phone.keys(keys)
    return box.calls()[0]


def story(box: Box, call: wire.CallView) -> list[str]:
    return [event.kind for event in box.events() if event.subject.hex() == call.cid]


def outcome(box: Box, call: wire.CallView) -> tuple[str, int]:
    """Wait for the call's end; how it ended."""
    ended = box.wait_for(
        lambda: [e for e in box.events("call.ended") if e.subject.hex() == call.cid], name="call.ended"
    )
    assert len(ended) == 1
    return ended[0].facts["outcome"], ended[0].facts["cause"]


def recording(box: Box, call: wire.CallView, kind: str = "call") -> Path:
    """Wait for a recording of the call to be whole."""

    def look() -> list[Path]:
        made = [e.facts for e in box.events("recording.made") if e.subject.hex() == call.cid]
        return [box.places.recordings / f["path"] for f in made if f["kind"] == kind]

    return box.wait_for(look, name=f"a recording of kind {kind}")[0]


def open_rtp_ports(box: Box) -> set[int]:
    """Ports of lines that are still open (proc(5), /proc/net/udp)."""
    base = box.settings["sip"]["rtp_base"]
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    ports = {int(row.split()[1].rpartition(":")[2], 16) for row in rows}
    return ports & set(range(base, base + 2 * LINES))


def test_a_call_from_sipp_reaches_an_agent_and_both_are_recorded(box: Box, tmp_path: Path) -> None:
    write_voice(tmp_path / "voice.alaw", CITIZEN_HZ)
    with desk(box, tmp_path) as phone, Sipp("talk", box.sip_port, tmp_path, "-m", "1", "-d", "12000"):
        box.sit("1001", "8101")
        call = box.wait_state("1001", "busy", 20).call
        assert call is not None
        box.wait_for(lambda: tone_level(phone.heard(), CITIZEN_HZ) > HEARD, 10, "the citizen to be heard")
        box.order(wire.HangUp("1001"))
        assert outcome(box, call) == ("answered", Cause.NORMAL)
        sound = recording(box, call)
        assert tone_level(sound, CITIZEN_HZ, 0) > HEARD
        assert tone_level(sound, AGENT_HZ, 1) > HEARD


def test_citizen_and_agent_hear_each_other_and_are_recorded_apart(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path) as phone, citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        call = calls_in(box, tmp_path, "1", caller)
        assert box.wait_state("1001", "busy").call is not None
        box.wait_for(lambda: tone_level(caller.heard(), AGENT_HZ) > HEARD, 20, "the agent to be heard")
        box.wait_for(lambda: tone_level(phone.heard(), CITIZEN_HZ) > HEARD, 5, "the citizen to be heard")
        caller.hang_up()
        assert outcome(box, call) == ("answered", Cause.NORMAL)
        assert tone_level(phone.heard(), AGENT_HZ) < SILENT, "nobody hears himself"
        assert tone_level(caller.heard(), CITIZEN_HZ) < SILENT
        wav = recording(box, call)
        assert tone_level(wav, CITIZEN_HZ, channel=0) > HEARD
        assert tone_level(wav, AGENT_HZ, channel=0) < SILENT
        assert tone_level(wav, AGENT_HZ, channel=1) > HEARD
        assert tone_level(wav, CITIZEN_HZ, channel=1) < SILENT
        assert tone_level(wav, PROMPT_HZ, channel=1, seconds=0.2) > HEARD, "prompts are on record too"
    assert story(box, call) == [
        *("call.ringing", "call.entered", "call.keyed", "call.queued", "call.offered", "call.answered"),
        "call.ended",
        "recording.made",
    ]
    assert box.seat("1001").state == "wrap_up"
    box.wait_for(lambda: not open_rtp_ports(box), 2, "all voices to be closed")


def test_when_the_agent_hangs_up_the_call_ends(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path) as phone, citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        call = calls_in(box, tmp_path, "1", caller)
        box.wait_state("1001", "busy")
        phone.hang_up()
        assert outcome(box, call) == ("answered", Cause.NORMAL)
        caller.wait("CALL_CLOSED")


def test_a_call_one_agent_misses_rings_at_the_next(box: Box, tmp_path: Path) -> None:
    with (
        desk(box, tmp_path, "8101", answers=False) as first,
        desk(box, tmp_path, "8102") as second,
        citizen(box, tmp_path) as caller,
    ):
        box.sit("1001", "8101")
        box.sit("1002", "8102")
        call = calls_in(box, tmp_path, "1", caller)
        first.wait("CALL_INCOMING")
        second.wait("CALL_ESTABLISHED")
        missed = box.wait_state("1001", "paused")
        assert missed.reason == "missed"
        assert box.wait_state("1002", "busy")
        first.wait("CALL_CLOSED")
        caller.hang_up()
        assert outcome(box, call)[0] == "answered"
    assert story(box, call).count("call.offered") == 2
    returned = [e.facts for e in box.events("call.returned") if e.subject.hex() == call.cid]
    assert returned == [{"agent": "1001", "why": "missed"}]


def test_the_next_agent_may_be_rung_on_the_very_line_the_first_was(tmp_path: Path) -> None:
    queue = {"name": "general", "offer_s": OFFER_S}
    with (
        Box(settings={"sip": {"lines": 2}, "queue": [queue]}) as box,
        desk(box, tmp_path, "8101", answers=False),
        desk(box, tmp_path, "8102", answers=False) as second,
        citizen(box, tmp_path) as caller,
    ):
        box.sit("1001", "8101")
        box.sit("1002", "8102")
        calls_in(box, tmp_path, "1", caller)
        second.wait("CALL_INCOMING")
        second.answer()
        assert box.wait_state("1002", "busy")
        assert box.seat("1001").reason == "missed"


def test_a_phone_stops_ringing_when_the_caller_gives_up(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path, answers=False) as phone, citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        call = calls_in(box, tmp_path, "1", caller)
        phone.wait("CALL_INCOMING")
        caller.hang_up()
        phone.wait("CALL_CLOSED")
        assert outcome(box, call) == ("abandoned", Cause.NORMAL)
        assert box.seat("1001").state == "ready"


def test_a_message_is_left_by_the_self_service_menu(box: Box, tmp_path: Path) -> None:
    with citizen(box, tmp_path) as caller:
        call = calls_in(box, tmp_path, "21", caller)
        box.wait_for(lambda: list(box.places.recordings.glob("*/*-m1.wav")), name="the beep")
        time.sleep(2.5)  # speaking takes its time: a message has at least two seconds
        caller.keys("#")
        caller.wait("CALL_CLOSED")
        assert outcome(box, call) == ("message", Cause.NORMAL)
        wav = recording(box, call, "message")
        assert tone_level(wav, CITIZEN_HZ) > HEARD
    left = box.wait_for(lambda: [e for e in box.events("message.left") if e.subject.hex() == call.cid])
    assert left[0].facts["caller"] == "13800138000"
    made = [e for e in box.events("recording.made") if e.facts["kind"] == "message"]
    assert left[0].facts["rid"] == made[-1].eid.hex()


def test_when_all_agents_are_busy_the_caller_may_wait_or_leave_a_message(box: Box, tmp_path: Path) -> None:
    with citizen(box, tmp_path) as caller:
        call = calls_in(box, tmp_path, "1", caller)
        in_state(box, "queued")
        time.sleep(1.0)  # the menu is spoken
        assert box.board().queues[0].waiting == 1
        caller.keys("2")
        in_state(box, "in_flow")
        assert box.board().queues[0].waiting == 0
        caller.hang_up()
        outcome(box, call)
    assert "call.left" in story(box, call)


def test_callers_who_give_up_in_the_queue_are_counted_as_abandoned(box: Box, tmp_path: Path) -> None:
    with Sipp("wait", box.sip_port, tmp_path, "-m", "3", "-r", "10", "-d", "15000") as citizens:
        box.wait_for(lambda: box.board().queues[0].waiting == 3, 20, "three to wait")
        queued = box.calls()
        citizens.wait()
        assert [outcome(box, call) for call in queued] == [("abandoned", Cause.NORMAL)] * 3


def test_a_number_that_is_not_ours_is_not_found(box: Box, tmp_path: Path) -> None:
    with Sipp("refused", box.sip_port, tmp_path, "-m", "2", "-r", "10", service="99999") as stranger:
        stranger.wait()


def test_a_phone_with_the_wrong_password_neither_calls_nor_registers(box: Box, tmp_path: Path) -> None:
    wrong = users(tmp_path, [("8101", "wrong")])
    before = len(box.events("call.ringing"))
    for scenario in ("extension", "register"):
        with (
            Sipp(scenario, box.sip_port, tmp_path, *wrong, "-m", "1") as phone,
            pytest.raises(AssertionError),
        ):
            phone.wait()
        assert any(status in phone.text() for status in ("403", "401", "407"))
    assert len(box.events("call.ringing")) == before
    box.order(wire.SignIn("1001", "8101"))
    assert box.seat("1001").phone == "down"


def test_when_media_dies_calls_end_with_a_cause_and_the_box_answers_again(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path) as phone, citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        call = calls_in(box, tmp_path, "1", caller)
        box.wait_state("1001", "busy")
        box.kill("media")
        died_s = time.monotonic()
        assert outcome(box, call) == ("answered", Cause.TEMPORARY_FAILURE)
        for one in (caller, phone):
            one.wait("CALL_CLOSED", seconds=3)
        box.wait_for(lambda: box.board().media.up, 3, "media to be back")
        again = calls_in(box, tmp_path, "", caller)
        took_s = time.monotonic() - died_s
        assert took_s < 3, f"the box answered again after {took_s:.1f} s"
        box.wait_for(lambda: tone_level(caller.heard(), PROMPT_HZ, seconds=0.2) > HEARD, 5, "the welcome")
        caller.hang_up()
        outcome(box, again)
        assert recording(box, call).exists()


def test_when_calls_dies_the_call_goes_on_and_agents_stay(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path), citizen(box, tmp_path) as caller:
        box.sit("1001", "8101")
        call = calls_in(box, tmp_path, "1", caller)
        box.wait_state("1001", "busy")
        old = box.kill("calls", signal.SIGKILL)
        box.wait_for(lambda: box.pid("calls") != old and box.answers(), 5, "calls to be back")
        seat = box.wait_state("1001", "busy")
        assert (seat.extension, seat.call and seat.call.cid) == ("8101", call.cid)
        caller.hang_up()
        assert outcome(box, call) == ("answered", Cause.NORMAL)
        assert recording(box, call).exists()
    assert story(box, call).count("call.went_on") == 1
