"""The call process is killed while people talk: nobody is left in a dead call, and the box answers again."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.line import Cause
from tests.box import PHONES, Box
from tests.phones import MISSING, Baresip, tone_level

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

CITIZEN_HZ, AGENT_HZ, PROMPT_HZ = 600.0, 900.0, 440.0
HEARD = 0.1
SOON_S = 2.0
STARTS = 3.0
"""On a machine so busy that a process takes long to begin, so many times as long is soon."""


@pytest.fixture
def soon_s() -> float:
    """How soon far ends must be told, and the next call be answered: in 2 s where the machine is not busy."""
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", "import appliance.calls.daemon"], check=True)
    return max(SOON_S, STARTS * (time.monotonic() - began_s))


@pytest.fixture
def box() -> Iterator[Box]:
    with Box(settings={"sip": {"lines": 6}}) as box:
        yield box


def desk(box: Box, folder: Path, number: str, answers: bool = True) -> Baresip:
    return Baresip(
        folder, box.sip_port, number=number, password=PHONES[number], tone_hz=AGENT_HZ, answers=answers
    )


def test_killed_in_the_middle_of_calls_it_ends_them_and_answers_again(
    box: Box, tmp_path: Path, soon_s: float
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
        box.kill("calls")
        killed_s = time.monotonic()
        for one in (caller, phone, listener):
            one.wait("CALL_CLOSED", seconds=soon_s)
        assert time.monotonic() - killed_s < soon_s
        next_one.dial()
        next_one.wait("CALL_ESTABLISHED", seconds=soon_s)
        assert time.monotonic() - killed_s < soon_s
        lost = box.wait_for(lambda: box.facts("call.ended"), name="the lost calls")
        assert {(fact["outcome"], fact["cause"]) for fact in lost} == {("lost", Cause.TEMPORARY_FAILURE)}
        # The phone has not registered again, and yet it is called, talks and is heard.
        assert box.seat("1001").phone == "up"
        assert len([said for said in phone.said if said.get("type") == "REGISTER_OK"]) <= 1
        next_one.keys("1")
        box.wait_state("1001", "busy")
        box.wait_for(lambda: tone_level(next_one.heard(), AGENT_HZ) > HEARD, 10, "the agent to be heard")
        next_one.hang_up()


def test_killed_while_phones_ring_it_makes_them_stop(box: Box, tmp_path: Path, soon_s: float) -> None:
    with (
        desk(box, tmp_path, "8101", answers=False) as phone,
        Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as caller,
    ):
        box.sit("1001", "8101")
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        caller.keys("1")
        phone.wait("CALL_INCOMING")
        box.kill("calls")
        phone.wait("CALL_CLOSED", seconds=soon_s)
        caller.wait("CALL_CLOSED", seconds=soon_s)
