"""A box under a thousand hostile messages a second: calls that go on, and one that comes, do not notice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.calls import wire
from tests.bench.attack import STRANGER, attacked
from tests.box import PHONES, Box
from tests.phones import HERE, MISSING, RATE_HZ, Baresip, read_wav, tone_level

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

CALLS = 10
SECONDS = 5.0
CITIZEN_HZ, AGENT_HZ = 600.0, 900.0
HEARD = 0.1
LATE_PART = 0.01


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box(settings={"sip": {"lines": CALLS + 20}}) as box:
        yield box


def steady(wav: Path, hz: float) -> float:
    """How loud a tone was where it was least so, in each half second of the attack."""
    samples = read_wav(wav)[-round(RATE_HZ * SECONDS) :]
    assert len(samples) == RATE_HZ * SECONDS
    halves = samples.reshape(-1, RATE_HZ // 2)
    return min(tone_level(half, hz, seconds=0.5) for half in halves)


@pytest.mark.parametrize("source", [STRANGER, HERE], ids=["from a stranger", "from where phones are"])
def test_calls_go_on_unharmed_under_attack(box: Box, tmp_path: Path, source: str) -> None:
    with (
        Baresip(
            tmp_path, box.sip_port, number="8101", password=PHONES["8101"], tone_hz=AGENT_HZ, answers=True
        ) as phone,
        Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as caller,
    ):
        box.sit("1001", "8101")
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        caller.keys("1")
        box.wait_state("1001", "busy")
        found = attacked(box, CALLS, SECONDS, source)
        assert found.sent > 0.8 * 1000 * SECONDS
        assert found.calls == CALLS, "no call was ended"
        assert found.missing == 0, found
        assert found.late <= LATE_PART * found.frames, found
        assert box.seat("1001").state == "busy"
        for heard, hz in ((caller, AGENT_HZ), (phone, CITIZEN_HZ)):
            assert steady(heard.heard(), hz) > HEARD
        caller.hang_up()
        phone.wait("CALL_CLOSED")
        box.wait_state("1001", "wrap_up")
        box.order(wire.SignOut("1001"))
    assert box.board().media.late <= LATE_PART * box.board().media.ticks or not box.board().media.fifo
    assert not [w for w in box.board().warnings if w.text], box.board().warnings
