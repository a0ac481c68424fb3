"""What a call costs that an agent takes: caller and agent are two SIP legs, bridged and recorded.

Callers press 1, wait in the queue, and a hundred registered phones, an agent signed in at each, take
them; RTP flows both ways on both legs.
"""

from collections.abc import Iterator

from tests.bench.call import costs, health, memory
from tests.bench.figure import Figure, figure
from tests.bench.load import Load, queued

BENCH = "queue"
GOAL_MS = 2.5
ASTERISK_MS = {50: 13.7, 100: 13.0}
ASTERISK_MB = 128.0
ASTERISK_GAPS = 1.3
"""Percent of gaps in Asterisk's RTP over 40 ms, at 100 calls."""
SAMPLED = 8
"""The RTP of every eighth line is looked at: so few that looking costs the box nothing."""


def figures() -> Iterator[Figure]:
    """50 and 100 calls."""
    for calls, asterisk_ms in ASTERISK_MS.items():
        run = queued(Load(calls, tap_every=SAMPLED))
        at = f"at_{calls}_calls"
        yield from costs(BENCH, run, GOAL_MS if calls == 100 else None, asterisk_ms)
        yield from health(BENCH, run)
        yield figure(BENCH, f"not_taken_by_an_agent_{at}", 100 * (1 - run.talked), "%", 0)
        if run.frames is not None and run.frames.frames:
            gaps = 100 * run.frames.gaps / run.frames.frames
            asterisk = ASTERISK_GAPS if calls == 100 else None
            yield figure(BENCH, f"gaps_over_40ms_{at}", gaps, "%", None, asterisk)
    yield from memory(BENCH, run, ASTERISK_MB)
