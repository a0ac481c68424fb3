"""A box with a blacklist at night, and real telephones."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hardware.line import Cause
from ivr import sound
from tests.box import Box
from tests.phones import MISSING, Baresip, tone_level

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

GREETING_HZ, REFUSAL_HZ = 700.0, 1000.0
HEARD = 0.1
RULES = {
    "band": [{"name": "night", "from": "00:00", "to": "24:00", "flow": "night"}],
    "blacklist": [{"pattern": "139*"}, {"pattern": "13700137000", "action": "prompt"}],
}


def say_as_tone(box: Box, phrase: str, hz: float) -> None:
    tone = 0.25 * np.sin(2 * np.pi * hz * np.arange(8000) / 8000)
    sound.write(box.places.prompts / "recorded" / "zh" / f"{phrase}.wav", tone.astype(np.float32))


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box(settings=RULES) as running:
        say_as_tone(running, "night.closed", GREETING_HZ)
        say_as_tone(running, "blacklist.told", REFUSAL_HZ)
        yield running


def facts(box: Box, caller: str, kind: str) -> dict[str, object]:
    def look() -> list[dict[str, object]]:
        calls = {e.subject for e in box.events("call.ringing") if e.facts["caller"] == caller}
        return [dict(e.facts) for e in box.events(kind) if e.subject in calls]

    return box.wait_for(look, name=f"{kind} of {caller}")[0]


def test_a_blacklisted_caller_is_declined_and_logged(box: Box, tmp_path: Path) -> None:
    with Baresip(tmp_path, box.sip_port, number="13900139000") as caller:
        caller.dial()
        assert "603" in caller.wait("CALL_CLOSED")["param"]
        ended = facts(box, "13900139000", "call.ended")
    assert ended == {"outcome": "refused", "cause": Cause.REJECTED, "rule": "blacklist 139*"}
    assert box.wait_for(lambda: not box.calls())


def test_another_is_told_so_and_hung_up(box: Box, tmp_path: Path) -> None:
    with Baresip(tmp_path, box.sip_port, number="13700137000") as caller:
        caller.dial()
        caller.wait("CALL_CLOSED")
        assert tone_level(caller.heard(), REFUSAL_HZ, seconds=0.5) > HEARD
    assert facts(box, "13700137000", "call.entered")["flow"] == "blacklist"
    ended = facts(box, "13700137000", "call.ended")
    assert (ended["outcome"], ended["rule"]) == ("refused", "blacklist 13700137000")


def test_at_night_the_night_flow_speaks_and_takes_a_message(box: Box, tmp_path: Path) -> None:
    with Baresip(tmp_path, box.sip_port) as caller:
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        box.wait_for(lambda: tone_level(caller.heard(), GREETING_HZ, seconds=0.5) > HEARD, 10, "the greeting")
        caller.keys("0")
        queued = facts(box, "13800138000", "call.queued")
        box.wait_for(lambda: list(box.places.recordings.glob("*/*-m1.wav")), name="the beep")
        time.sleep(2.5)  # speaking takes its time: a message has at least two seconds
        caller.hang_up()
        ended = facts(box, "13800138000", "call.ended")
    assert queued == {"queue": "general"}
    assert facts(box, "13800138000", "call.entered") == {"flow": "night", "rule": "night"}
    assert ended["outcome"] == "message"
    assert box.events("call.offered") == []
