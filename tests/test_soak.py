"""Memory stays flat: a second wave of calls finds room where the first was; `make soak` is the hour of it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.load import CALL_UNITS
from tests.bench.soak import KEPT_S, Look, look
from tests.bench.voice import write_pcap
from tests.box import Box
from tests.phones import Sipp

CALLS = 300
TOGETHER, RATE, HOLD_S = 40, 25, 1.5
LEAK_KB = 5.0
"""A call that is kept holds 17 kB in calls. The allocator may take a MB at a time: 3 kB for each call."""

pytestmark = pytest.mark.sip


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A running box."""
    with Box(CALL_UNITS, settings={"sip": {"lines": 2 * TOGETHER}}) as one:
        yield one


@pytest.fixture(scope="module")
def looks(box: Box, tmp_path_factory: pytest.TempPathFactory) -> list[Look]:
    """The box after a wave of calls, and after the next, when nothing of the first is kept any more."""
    folder = tmp_path_factory.mktemp("soak")
    write_pcap(folder / "call.pcap", HOLD_S, HOLD_S / 3)
    first = after_a_wave(box, folder, 1)
    time.sleep(KEPT_S)
    return [first, after_a_wave(box, folder, 2)]


def after_a_wave(box: Box, folder: Path, number: int) -> Look:
    pace = ("-m", str(CALLS), "-l", str(TOGETHER), "-r", str(RATE), "-d", str(round(1000 * HOLD_S)))
    with Sipp("bench", box.sip_port, folder, *pace) as sipp:
        sipp.wait(120)
    box.wait_for(lambda: len(box.events("recording.made")) == number * CALLS, 20, "all recordings")
    return look(box, time.monotonic())


def test_every_call_ends_as_its_caller_wished(box: Box, looks: list[Look]) -> None:
    assert [facts["cause"] for facts in box.facts("call.ended")] == [16] * CALLS * len(looks)


@pytest.mark.parametrize("unit", CALL_UNITS)
def test_no_process_keeps_anything_of_a_call_that_ended(looks: list[Look], unit: str) -> None:
    first, second = looks
    assert (second.memory_kb[unit] - first.memory_kb[unit]) / CALLS < LEAK_KB
    assert second.files[unit] - first.files[unit] <= TOGETHER
