"""The call process is killed: who cannot go on is told, nobody is in a dead call, the box answers again."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.calls import wire
from hardware.line import Cause
from tests.box import PHONES, Box
from tests.phones import MISSING, Baresip, tone_level

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

CITIZEN_HZ, AGENT_HZ, PROMPT_HZ = 600.0, 900.0, 440.0
HEARD = 0.1
SOON_S = 2.0
STARTS = 3.0
"""On a machine so busy that a process takes long to begin, so many times as long is soon."""


@contextmanager
def soon() -> Iterator[None]:
    """What is done within takes 2 s, or as long as three starts of a process that begins with it."""
    began_s = time.monotonic()

    def start() -> float:
        subprocess.run([sys.executable, "-c", "import appliance.calls.daemon"], check=True)
        return time.monotonic() - began_s

    with ThreadPoolExecutor(1) as beside:
        started_s = beside.submit(start)
        yield
        took_s = time.monotonic() - began_s
        assert took_s < max(SOON_S, STARTS * started_s.result())


@pytest.fixture
def box() -> Iterator[Box]:
    with Box(settings={"sip": {"lines": 6}}) as box:
        yield box


def desk(box: Box, folder: Path, number: str, answers: bool = True, transport: str = "udp") -> Baresip:
    return Baresip(
        folder,
        box.sip_port,
        number=number,
        password=PHONES[number],
        tone_hz=AGENT_HZ,
        answers=answers,
        transport=transport,
    )


def test_killed_in_the_middle_of_calls_it_goes_on_with_them_and_answers_again(
    box: Box, tmp_path: Path
) -> None:
    with (
        desk(box, tmp_path, "8101") as phone,
        Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as caller,
        Baresip(tmp_path, box.sip_port, number="13900139000") as listener,
        Baresip(tmp_path, box.sip_port, number="13700137000") as next_one,
    ):
        box.sit("1001", "8101")
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        caller.keys("1")
        box.wait_state("1001", "busy")
        listener.dial()
        listener.wait("CALL_ESTABLISHED")
        box.wait_for(lambda: {call.state for call in box.calls()} == {"talking", "in_flow"})
        with soon():
            box.kill("calls")
            box.wait_event("call.went_on", 2)
            next_one.dial()
            next_one.wait("CALL_ESTABLISHED")
        assert box.facts("call.ended") == []
        caller.hang_up()
        phone.wait("CALL_CLOSED")
        box.wait_state("1001", "wrap_up")
        box.order(wire.Ready("1001"))
        # The phone has not registered again, and yet it is called, talks and is heard.
        assert box.seat("1001").phone == "up"
        assert len([said for said in phone.said if said.get("type") == "REGISTER_OK"]) <= 1
        next_one.keys("1")
        box.wait_state("1001", "busy")
        box.wait_for(lambda: tone_level(next_one.heard(), AGENT_HZ) > HEARD, 10, "the agent to be heard")
        for one in (next_one, listener):
            one.hang_up()


def test_killed_while_a_phone_rings_it_makes_it_stop_and_rings_it_again_for_who_waits(
    box: Box, tmp_path: Path
) -> None:
    with (
        desk(box, tmp_path, "8101", answers=False) as phone,
        Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as caller,
    ):
        box.sit("1001", "8101")
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        caller.keys("1")
        phone.wait("CALL_INCOMING")
        with soon():
            box.kill("calls")
            phone.wait("CALL_CLOSED")
        phone.wait("CALL_INCOMING", 2)
        box.wait_for(lambda: box.facts("call.returned") == [{"agent": "1001", "why": "gone"}])
        phone.answer()
        box.wait_state("1001", "busy")
        box.wait_for(lambda: tone_level(phone.heard(), CITIZEN_HZ) > HEARD, 10, "the citizen to be heard")
        caller.hang_up()


def test_killed_before_anybody_picked_up_it_tells_both_ends(box: Box, tmp_path: Path) -> None:
    with (
        desk(box, tmp_path, "8101", answers=False) as called,
        desk(box, tmp_path, "8102") as caller,
    ):
        caller.dial("8101")
        called.wait("CALL_INCOMING")
        with soon():
            box.kill("calls")
            called.wait("CALL_CLOSED")
            caller.wait("CALL_CLOSED")
        lost = box.wait_for(lambda: box.facts("call.ended"), name="the lost call")
        assert [(fact["outcome"], fact["cause"]) for fact in lost] == [("lost", Cause.TEMPORARY_FAILURE)]


def test_killed_while_somebody_talks_by_a_connection_it_ends_that_call(box: Box, tmp_path: Path) -> None:
    with (
        desk(box, tmp_path, "8101", transport="tcp"),
        Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as caller,
    ):
        box.sit("1001", "8101")
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        caller.keys("1")
        box.wait_state("1001", "busy")
        with soon():
            box.kill("calls")
            # The phone is told when it registers again: only its own connection leads to it.
            caller.wait("CALL_CLOSED")
        lost = box.wait_for(lambda: box.facts("call.ended"), name="the lost call")
        assert [(fact["outcome"], fact["cause"]) for fact in lost] == [("lost", Cause.TEMPORARY_FAILURE)]
        assert box.facts("call.went_on") == []
