"""What it costs to set a call up and take it down: callers who hang up as soon as they are answered.

20 a second, each admitted, answered, led into the flow, recorded, logged and ended. What the box spends
while nobody calls is measured first and taken off.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figure import Figure, figure
from tests.bench.load import SETTLE_S, answer_p99_ms
from tests.bench.machine import cpu_s, look, noise
from tests.box import ALL, Box
from tests.phones import Sipp

BENCH = "setup"
RATE = 20
SECONDS = 30
IDLE_S = 10.0
GOAL_MS, ASTERISK_MS = 3.0, 3.8
ANSWERED_MS = 100.0
LINES = 50
START_S = 5.0
"""By then the pages' process has loaded everything."""


def figures() -> Iterator[Figure]:
    """One run."""
    yield from run(RATE * SECONDS)


def run(calls: int, idle_s: float = IDLE_S) -> Iterator[Figure]:
    """So many empty calls."""
    with tempfile.TemporaryDirectory() as folder, Box(ALL, settings={"sip": {"lines": LINES}}) as box:
        where = Path(folder)
        time.sleep(START_S)
        idle, began_s = cpu_s(box), time.monotonic()
        time.sleep(idle_s)
        machine, spent, since_s = look(), cpu_s(box), time.monotonic()
        rest = {unit: (spent[unit] - idle[unit]) / (since_s - began_s) for unit in box.units}
        pace = ("-m", str(calls), "-r", str(RATE), "-trace_rtt", "-rtt_freq", "1")
        with Sipp("empty", box.sip_port, where, *pace) as sipp:
            sipp.wait(calls / RATE + 30)
        time.sleep(SETTLE_S)
        after, took_s = cpu_s(box), time.monotonic() - since_s
        box.wait_for(lambda: len(box.events("call.ended")) == calls, name="all calls to end")
        used = {unit: after[unit] - spent[unit] for unit in box.units}
        each = {unit: 1000 * (used[unit] - rest[unit] * took_s) / calls for unit in box.units}
        yield figure(BENCH, "cpu_per_empty_call", sum(each.values()), "ms", GOAL_MS, ASTERISK_MS)
        for unit, cpu_ms in each.items():
            yield figure(BENCH, f"cpu_per_empty_call_{unit}", cpu_ms, "ms")
        yield figure(BENCH, "cpu_of_an_idle_box", 1000 * sum(rest.values()), "ms/s")
        yield figure(BENCH, "answered_p99_at_20_a_second", answer_p99_ms(where), "ms", ANSWERED_MS)
        yield from noise(machine, look(), sum(used.values())).figures(BENCH)
