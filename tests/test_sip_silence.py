"""Far ends that are gone without a BYE: a call nobody speaks in any more ends by itself."""

import time
from pathlib import Path

import pytest

from hardware.line import Cause
from tests.box import PHONES, Box
from tests.phones import MISSING, Baresip, Sipp, tone_level

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

SILENT_S = 15
AGENT_HZ, HEARD = 900.0, 0.1


def test_a_call_whose_far_end_fell_silent_ends_but_not_one_that_is_held(tmp_path: Path) -> None:
    with (
        Box(settings={"sip": {"lines": 6, "silent_s": SILENT_S}}) as box,
        Baresip(
            tmp_path, box.sip_port, number="8101", password=PHONES["8101"], answers=True, tone_hz=AGENT_HZ
        ) as phone,
        Baresip(tmp_path, box.sip_port) as citizen,
    ):
        box.sit("1001", "8101")
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED")
        citizen.keys("1")
        box.wait_state("1001", "busy")
        box.wait_for(lambda: tone_level(citizen.heard(), AGENT_HZ) > HEARD, 10, "the agent to be heard")
        phone.command("hold")
        box.wait_for(lambda: [c for c in box.calls() if c.state == "held"], name="the citizen to be held")
        began_s = time.monotonic()
        with Sipp("wait", box.sip_port, tmp_path, "-m", "1", "-d", "60000"):
            box.wait_for(lambda: len(box.calls()) == 2, name="the silent call")
            ended = box.wait_event("call.ended", seconds=SILENT_S + 5)
        assert time.monotonic() - began_s > SILENT_S - 1
        assert ended["cause"] == Cause.TIMER
        time.sleep(2)
        (held,) = box.calls()
        assert held.state == "held", "who holds may be silent"
        phone.command("resume")
        box.wait_for(lambda: box.calls()[0].state == "talking", name="the talk to go on")
        citizen.hang_up()
