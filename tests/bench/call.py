"""What a call costs: SIP calls at once from SIPp, each speaking, pressing a key, and recorded.

Each call hears the welcome, presses 1 by RFC 4733 three seconds in, hears that all agents
are busy and then ringback, and hangs up; RTP flows both ways all the time.
"""

from collections.abc import Iterator

from tests.bench.figure import Figure, figure
from tests.bench.load import CALL_UNITS, Load, Run, ivr

BENCH = "call"
GOAL_MS = 1.5
"""CPU of the box per call-second."""
ASTERISK_MS = {100: 8.7, 200: 8.4}
"""CPU of Asterisk per call-second under the same load; at 184 calls, where two cores are full, for 200."""
MEMORY_MB = 150.0
ASTERISK_MB = 78.0
"""What Asterisk holds at 100 calls (RSS)."""
AGREE = 0.15


def figures() -> Iterator[Figure]:
    """Measure 100 calls twice, for two runs that differ have measured something else; then 200."""
    runs = [ivr(Load(100)), ivr(Load(100))]
    worse = max(runs, key=lambda run: run.total_ms)
    least, most = sorted(run.total_ms for run in runs)
    yield from costs(BENCH, worse, GOAL_MS, ASTERISK_MS[100])
    yield figure(BENCH, "runs_differ", 100 * (most - least) / most, "%", 100 * AGREE)
    yield from health(BENCH, worse)
    run = ivr(Load(200))
    yield from costs(BENCH, run, GOAL_MS, ASTERISK_MS[200])
    yield from health(BENCH, run)
    yield from memory(BENCH, run)


def costs(bench: str, run: Run, goal_ms: float | None, asterisk_ms: float | None) -> Iterator[Figure]:
    """CPU, and how quiet the machine was."""
    at = f"{run.calls}_calls"
    yield figure(bench, f"cpu_at_{at}", run.total_ms, "ms/s", goal_ms, asterisk_ms)
    for unit, cpu_ms in run.cpu_ms.items():
        yield figure(bench, f"cpu_at_{at}_{unit}", cpu_ms, "ms/s")
    for one in run.noise.figures(bench):
        yield {**one, "figure": f"{one['figure']}_at_{at}"}


def health(bench: str, run: Run) -> Iterator[Figure]:
    """Whether all went as it should while the CPU was measured."""
    at = f"at_{run.calls}_calls"
    yield figure(bench, f"ticks_late_10ms_{at}", 100 * run.late, "%", 0.1 if run.fifo else None)
    yield figure(bench, f"worst_tick_{at}", run.worst_ms, "ms")
    yield figure(bench, f"no_real_time_clock_{at}", float(not run.fifo), "", 0)
    yield figure(bench, f"not_recorded_{at}", 100 * run.unrecorded, "%", 0.1)
    yield figure(bench, f"recordings_with_a_silent_side_{at}", run.one_way, "", 0)
    yield figure(bench, f"packets_concealed_{at}", 100 * run.lost, "%")
    yield figure(bench, f"answered_p99_{at}", run.answer_p99_ms, "ms", 100)
    yield figure(bench, f"keys_not_understood_{at}", 100 * (1 - run.queued), "%", 0)


def memory(bench: str, run: Run, asterisk_mb: float = ASTERISK_MB) -> Iterator[Figure]:
    """What the processes hold that a call needs, while all calls go on.

    RSS of several processes counts the pages they share again and again; PSS shares them out.
    """
    at = f"at_{run.calls}_calls"
    calls_mb = sum(run.rss_mb[unit] for unit in ("media", "calls"))
    yield figure(bench, f"memory_rss_media_and_calls_{at}", calls_mb, "MB", MEMORY_MB, asterisk_mb)
    together_mb = sum(run.pss_mb[unit] for unit in CALL_UNITS)
    yield figure(bench, f"memory_pss_with_store_{at}", together_mb, "MB", MEMORY_MB, asterisk_mb)
    yield figure(bench, f"memory_rss_with_store_{at}", run.call_memory_mb, "MB")
    for unit in CALL_UNITS:
        yield figure(bench, f"memory_rss_{unit}_{at}", run.rss_mb[unit], "MB")
