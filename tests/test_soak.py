"""Memory stays flat: as many calls as come in ten minutes of the soak, in one."""

import pytest

from tests.bench.load import CALL_UNITS
from tests.bench.soak import Churn, Soaked, soak

SECONDS = 60.0
CHURN = Churn(calls=40, rate=20.0, hold_s=1.5)
LEAK_KB = 2.0
"""A call that leaves this much in a process is a leak; what the allocator does is less, over 480 calls."""

pytestmark = pytest.mark.sip


@pytest.fixture(scope="module")
def soaked() -> Soaked:
    """What a minute of calls did to a box."""
    return soak(SECONDS, CHURN)


def test_every_call_is_taken_and_ends_as_its_caller_wished(soaked: Soaked) -> None:
    assert soaked.calls == round(SECONDS * CHURN.rate)
    assert (soaked.rung, soaked.ended, soaked.lost) == (soaked.calls, soaked.calls, 0)


@pytest.mark.parametrize("unit", CALL_UNITS)
def test_no_process_keeps_anything_of_a_call_that_ended(soaked: Soaked, unit: str) -> None:
    assert len(soaked.warm) >= 8
    assert soaked.growth_kb_s(unit) / soaked.rate < LEAK_KB
    assert soaked.more_files(unit) <= 2 * CHURN.calls
