"""Two cores with 300 recorded IVR calls, set up 20 a second: every frame of ours must come, and in time."""

from collections.abc import Iterator

from tests.bench.figure import Figure, figure
from tests.bench.load import Load, ivr

BENCH = "full"
CALLS = 300
RATE = 20.0
SHORT_S, LONG_S = 60.0, 300.0
"""How long all 300 go on at once."""


def figures() -> Iterator[Figure]:
    """A minute of it."""
    yield from at(CALLS, SHORT_S)


def long() -> Iterator[Figure]:
    """Five minutes of it."""
    yield from at(CALLS, LONG_S)


def at(calls: int, seconds: float) -> Iterator[Figure]:
    """So many calls, all at once for so long; the kernel's time of every packet says how punctual it was."""
    run = ivr(Load(calls, seconds + calls / RATE, RATE, tap_every=1))
    seen = run.frames
    assert seen is not None
    yield figure(BENCH, "calls", calls, "")
    yield figure(BENCH, "seconds_with_all_calls", seconds, "s")
    yield figure(BENCH, "answered_p99_at_20_a_second", run.answer_p99_ms, "ms", 100)
    yield figure(BENCH, "streams_not_seen", calls - seen.streams, "", 0)
    yield figure(BENCH, "frames", seen.frames, "")
    yield figure(BENCH, "frames_missing", max(0, seen.missing - seen.unseen), "", 0)
    yield figure(BENCH, "frames_late_20ms", seen.late, "", 0)
    yield figure(BENCH, "worst_frame", seen.worst_ms, "ms", 20)
    yield figure(BENCH, "frames_the_bench_did_not_see", seen.unseen, "")
    yield figure(BENCH, "ticks_late_10ms", 100 * run.late, "%", 0.1)
    yield figure(BENCH, "worst_tick", run.worst_ms, "ms")
    yield figure(BENCH, "no_real_time_clock", float(not run.fifo), "", 0)
    yield figure(BENCH, "not_recorded", 100 * run.unrecorded, "%", 0.1)
    yield figure(BENCH, "packets_concealed", 100 * run.lost, "%")
    yield figure(BENCH, "cpu", run.total_ms, "ms/s")
    yield from run.noise.figures(BENCH)
