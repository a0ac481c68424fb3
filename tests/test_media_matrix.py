"""The clock, the matrix and the ring, without time passing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.line import FRAME, TICK_S
from hardware.media.clock import MOST_DUE, MediaClock
from hardware.media.matrix import Matrix, frames
from hardware.media.ring import FRAME_BYTES, SILENCE, Ring

gains = st.sampled_from([0.0, 1.0, 1.0, 1.0, 0.5, -0.25, 2.0])
wishes = st.dictionaries(
    st.integers(0, 9), st.dictionaries(st.integers(0, 9), gains, max_size=4), max_size=10
)


@given(wishes, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=80)
def test_every_line_hears_the_weighted_sum_of_its_sources(
    wish: dict[int, dict[int, float]], seed: int
) -> None:
    matrix = Matrix(4)
    rows = [matrix.row(f"sip/{n}") for n in range(10)]
    said, heard = frames(matrix.size), frames(matrix.size)
    said[:10] = np.random.default_rng(seed).integers(-32768, 32767, (10, FRAME))
    dense = np.zeros((10, 10))
    for hearer, of in wish.items():
        matrix.hear(rows[hearer], {rows[source]: gain for source, gain in of.items()})
        for source, gain in of.items():
            dense[hearer, source] = gain
    matrix.mix(said, heard)
    expected = np.clip(dense @ said[:10].astype(np.float64), -32768, 32767)
    assert np.abs(heard[:10] - expected).max() <= 0.51
    assert not heard[10:].any()


@given(wishes, st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_a_forgotten_line_hears_nothing_and_is_heard_by_nobody(
    wish: dict[int, dict[int, float]], gone: int
) -> None:
    matrix = Matrix(16)
    said, heard = frames(16), frames(16)
    for hearer, of in wish.items():
        matrix.hear(hearer, of)
    matrix.forget(gone)
    said[gone] = 30000
    matrix.mix(said, heard)
    assert not heard.any()


def test_a_bridge_is_exact_to_the_sample() -> None:
    matrix = Matrix(4)
    said, heard = frames(4), frames(4)
    said[0], said[1] = 32767, -32768
    matrix.hear(0, {1: 1.0})
    matrix.hear(1, {0: 1.0})
    matrix.mix(said, heard)
    assert (heard[0] == -32768).all()
    assert (heard[1] == 32767).all()


def test_lines_keep_their_rows_and_what_they_hear_when_the_matrix_grows() -> None:
    matrix = Matrix(2)
    first = matrix.row("gsm/0")
    matrix.hear(first, {first: 1.0})
    for number in range(40):
        matrix.row(f"sip/{number}")
    assert matrix.row("gsm/0") == first
    said, heard = frames(matrix.size), frames(matrix.size)
    said[first] = 5
    matrix.mix(said, heard)
    assert (heard[first] == 5).all()


class Time:
    """A monotonic clock that only moves when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_ticks_come_every_20_ms_whatever_each_of_them_took() -> None:
    time = Time()
    clock = MediaClock(time.now, time.sleep)
    for tick in range(1, 500):
        assert clock.wait() == 1
        assert abs(time.now_s - (100 + tick * TICK_S)) < 1e-6
        time.now_s += 0.007
    assert (clock.ticks, clock.late, clock.skipped) == (499, 0, 0)


def test_after_a_stall_the_missed_ticks_are_due_and_counted_late() -> None:
    time = Time()
    clock = MediaClock(time.now, time.sleep)
    clock.wait()
    time.now_s += 0.071
    assert clock.wait() == 3
    assert clock.wait() == 1
    assert clock.late == 1
    assert 0.05 < clock.worst_s < 0.052
    time.now_s += 60
    assert clock.wait() == MOST_DUE
    assert clock.skipped > 2900


def test_the_ring_plays_once_60_ms_are_stored() -> None:
    ring = Ring()
    ring.put(b"\1" * 2 * FRAME_BYTES)
    assert ring.take() == SILENCE
    ring.put(b"\1" * FRAME_BYTES)
    assert [bytes(ring.take()) for _ in range(4)] == [b"\1" * FRAME_BYTES] * 3 + [SILENCE]
    assert ring.dry == 1


def test_the_ring_lets_the_oldest_go_when_200_ms_wait() -> None:
    ring = Ring()
    for number in range(1, 12):
        ring.put(bytes([number]) * FRAME_BYTES)
    assert len(ring) == 3 * FRAME_BYTES
    assert [ring.take()[0] for _ in range(3)] == [9, 10, 11]


@given(st.lists(st.integers(0, 2000), max_size=60))
@settings(deadline=None)
def test_the_ring_never_tears_a_sample_apart(sizes: list[int]) -> None:
    ring, low = Ring(), 0
    for size in sizes:
        ring.put(bytes((low + at) % 2 for at in range(size)))
        low = (low + size) % 2
        frame = ring.take()
        assert frame in (SILENCE, b"\0\1" * FRAME)
        assert len(ring) <= 10 * FRAME_BYTES


def test_a_fast_clock_at_the_far_end_costs_a_frame_now_and_then() -> None:
    ring, sent, most = Ring(), 0.0, 0
    for tick in range(20_000):
        while sent < tick * 1.0005:
            ring.put(b"\1" * FRAME_BYTES)
            sent += 1
        ring.take()
        most = max(most, len(ring))
    assert most < 6 * FRAME_BYTES
    assert 5 <= ring.dropped / FRAME_BYTES <= 12
    assert ring.dry <= 1
