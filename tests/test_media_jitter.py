"""The jitter buffer in virtual time: one `take` is one tick."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hardware.line import FRAME
from hardware.media.g711 import PCMA
from hardware.media.jitter import CALM_TICKS, MOST, REPEATS, SPAN, START, Jitters, kind
from hardware.media.rtp import ahead

QUIET = bytes([0xD5]) * FRAME
SSRC = 7


class Jitter:
    """One row among others: whole frames take the way of all rows at once, all else its own."""

    ROW = 2

    def __init__(self) -> None:
        self._all = Jitters(self.ROW)
        self._all.grow(self.ROW + 3)
        self._all.start(self.ROW)

    @property
    def lost(self) -> int:
        return int(self._all.lost[self.ROW])

    @property
    def resyncs(self) -> int:
        return int(self._all.resyncs[self.ROW])

    @property
    def concealed(self) -> int:
        return int(self._all.concealed[self.ROW])

    @property
    def depth(self) -> int:
        return self._all.depth(self.ROW)

    def put(self, stamp: int, ssrc: int, codes: bytes) -> None:
        sound = np.frombuffer(codes, np.uint8)
        put(self._all, {self.ROW: (stamp, sound)}, ssrc)

    def take(self) -> bytes:
        return bytes(self._all.take()[self.ROW])


def put(jitters: Jitters, packets: dict[int, tuple[int, NDArray[np.uint8]]], ssrc: int = SSRC) -> None:
    """Store packets by row, (time stamp, codes), as the bank does: together where they may be usual."""
    whole = np.array([row for row, (_, codes) in packets.items() if len(codes) == FRAME], np.intp)
    words = np.array([(kind(PCMA) | 99, packets[row][0], ssrc) for row in whole.tolist()], np.uint32)
    others = set(packets) - set(whole.tolist())
    if len(whole):
        others |= set(jitters.put_all(whole, words, np.array([packets[row][1] for row in whole])).tolist())
    for row in others:
        stamp, codes = packets[row]
        jitters.put(row, stamp, ssrc, codes)


def speech(frames: int, seed: int = 1) -> bytes:
    """Codes that are never the code of silence, so that every sample can be recognised."""
    return bytes(random.Random(seed).choices([code for code in range(256) if code != 0xD5], k=frames * FRAME))


def play(
    jitter: Jitter, arrivals: dict[int, list[tuple[int, bytes]]], ticks: int, stamp: int = 0
) -> list[bytes]:
    """Each tick's packets, as (sample offset, codes), then its frame."""
    frames = []
    for tick in range(ticks):
        for offset, codes in arrivals.get(tick, []):
            jitter.put((stamp + offset) & 0xFFFFFFFF, SSRC, codes)
        frames.append(jitter.take())
    return frames


def paced(sound: bytes, sizes: list[int]) -> dict[int, list[tuple[int, bytes]]]:
    """A sender that cuts its sound into these sizes in turn and sends each piece when it is complete."""
    arrivals: dict[int, list[tuple[int, bytes]]] = {}
    offset = turn = 0
    while offset < len(sound):
        piece = sound[offset : offset + sizes[turn % len(sizes)]]
        tick = (offset + len(piece) - sizes[0]) // FRAME
        arrivals.setdefault(max(0, tick), []).append((offset, piece))
        offset, turn = offset + len(piece), turn + 1
    return arrivals


@given(st.lists(st.integers(40, 480), min_size=1, max_size=5), st.sampled_from([0, 4711, 0xFFFFFF00]))
@settings(max_examples=60, deadline=None)
def test_a_clean_stream_of_any_packet_length_is_played_exactly(sizes: list[int], stamp: int) -> None:
    sound = speech(50)
    # The first packet sets the delay: it is as long as any later one.
    sizes = [max(sizes), *sizes]
    frames = play(Jitter(), paced(sound, sizes), 50 + START // FRAME, stamp)
    assert b"".join(frames) == QUIET * (START // FRAME) + sound


def test_a_clean_stream_begins_with_40_ms_and_comes_down_to_20_for_good() -> None:
    sound = speech(3000)
    jitter = Jitter()
    heard = b"".join(play(jitter, paced(sound, [FRAME]), 3001))
    calm = CALM_TICKS * FRAME
    assert heard[:calm] == (QUIET * 2 + sound)[:calm]
    assert heard[calm + 2 * FRAME :] == sound[calm + FRAME :]
    assert jitter.lost == 0


def test_a_stream_that_is_not_even_from_the_beginning_keeps_its_40_ms() -> None:
    sound = speech(CALM_TICKS + 60)
    sent = paced(sound, [FRAME])
    jitter = Jitter()
    late = {tick: pieces for tick, pieces in sent.items() if tick != 30}
    late[31] = sent[30] + sent[31]
    heard = b"".join(play(jitter, late, CALM_TICKS + 40))
    assert heard == (QUIET * 2 + sound)[: len(heard)]
    assert jitter.lost == 0


packets = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.one_of(st.integers(0, 40 * FRAME), st.integers(0, 0xFFFFFFFF)),
        st.binary(max_size=700),
        st.sampled_from([1, 1, 1, 2]),
    ),
    max_size=60,
)


@given(packets)
@settings(max_examples=150, deadline=None)
def test_whatever_arrives_one_frame_comes_out_and_the_store_is_bounded(
    arrivals: list[tuple[int, int, bytes, int]],
) -> None:
    jitter = Jitter()
    for tick in range(45):
        for at, stamp, codes, ssrc in arrivals:
            if at == tick:
                jitter.put(stamp, ssrc, codes)
        assert 0 <= jitter.depth <= SPAN
        assert len(jitter.take()) == FRAME
        assert 0 <= jitter.concealed <= REPEATS


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_reordered_and_repeated_packets_within_the_delay_change_nothing(data: st.DataObject) -> None:
    sound = speech(40)
    arrivals: dict[int, list[tuple[int, bytes]]] = {}
    for frame in range(40):
        piece = (frame * FRAME, sound[frame * FRAME : (frame + 1) * FRAME])
        delay = data.draw(st.integers(0, 2)) if frame else 0
        arrivals.setdefault(frame + delay, []).append(piece)
        if data.draw(st.booleans()):
            arrivals.setdefault(frame + data.draw(st.integers(0, 2)), []).append(piece)
    jitter = Jitter()
    assert b"".join(play(jitter, arrivals, 42)[2:]) == sound
    assert jitter.lost == 0


def test_a_lost_packet_is_filled_with_the_one_before_and_counted_once() -> None:
    sound = speech(10)
    arrivals = paced(sound, [FRAME])
    del arrivals[4]
    jitter = Jitter()
    frames = play(jitter, arrivals, 12)[2:]
    assert frames[4] == frames[3] == sound[3 * FRAME : 4 * FRAME]
    assert frames[5] == sound[5 * FRAME : 6 * FRAME]
    assert jitter.lost == 1


def test_half_a_frame_lost_keeps_the_other_half() -> None:
    sound = speech(10)
    arrivals = {tick: [(tick * FRAME, sound[tick * FRAME : (tick + 1) * FRAME])] for tick in range(10)}
    arrivals[4] = [(4 * FRAME, sound[4 * FRAME : 4 * FRAME + 80])]
    frames = play(Jitter(), arrivals, 12)[2:]
    assert frames[4] == sound[4 * FRAME : 4 * FRAME + 80] + sound[3 * FRAME + 80 : 4 * FRAME]


def test_when_the_far_end_stops_its_last_frame_fades_and_silence_follows() -> None:
    jitter = Jitter()
    play(jitter, paced(speech(5), [FRAME]), 7)
    frames = [(jitter.take(), jitter.concealed) for _ in range(5)]
    assert [concealed for _, concealed in frames] == [1, 2, 3, 0, 0]
    assert frames[-1][0] == QUIET
    assert jitter.lost == 0, "nobody has lost anything: the far end was silent"


def test_packets_that_come_later_than_the_delay_make_the_delay_longer() -> None:
    sound = speech(60)
    late = {
        tick + (4 if tick >= 20 else 0): [(tick * FRAME, sound[tick * FRAME :][:FRAME])] for tick in range(56)
    }
    jitter = Jitter()
    frames = play(jitter, late, 60)
    assert jitter.lost > 0
    assert frames[-10:] == [sound[(tick - 4) * FRAME :][:FRAME] for tick in range(50, 60)]


def test_the_delay_never_grows_beyond_its_limit() -> None:
    jitter = Jitter()
    deepest = 0
    late = random.Random(3)
    queue: dict[int, list[int]] = {}
    for tick in range(1000):
        queue.setdefault(tick + late.choice([0, 0, 0, 12]), []).append(tick)
        for sent in queue.pop(tick, []):
            jitter.put(sent * FRAME, SSRC, bytes(FRAME))
        jitter.take()
        deepest = max(deepest, jitter.depth)
    assert deepest <= MOST + FRAME


def test_delay_nobody_needs_is_given_back() -> None:
    jitter = Jitter()
    sound = speech(3000)
    for tick in range(3000):
        if tick < 20 or tick >= 26:
            jitter.put(tick * FRAME, SSRC, sound[tick * FRAME :][:FRAME])
        if tick == 26:
            for missed in range(20, 26):
                jitter.put(missed * FRAME, SSRC, sound[missed * FRAME :][:FRAME])
        jitter.take()
        if tick == 40:
            grown = jitter.depth
    assert jitter.depth < grown
    assert jitter.depth <= START + FRAME


def test_a_faster_clock_at_the_far_end_neither_fills_nor_empties_the_store() -> None:
    for drift in (1.002, 0.998):
        jitter = Jitter()
        sent, depths = 0, []
        for tick in range(10_000):
            while sent * FRAME < tick * FRAME * drift:
                jitter.put(sent * FRAME, SSRC, bytes(FRAME))
                sent += 1
            jitter.take()
            depths.append(jitter.depth)
        assert max(depths[100:]) <= MOST
        assert jitter.lost < 60, "20 ms lost a time, 2 per mille of 200 s are 20 frames"


def test_a_jump_of_the_time_stamp_is_followed_after_two_packets_and_a_stray_one_is_not() -> None:
    jitter = Jitter()
    sound = speech(30)
    for tick in range(10):
        jitter.put(tick * FRAME, SSRC, sound[tick * FRAME :][:FRAME])
        if tick == 5:
            jitter.put(0x70000000, SSRC, bytes(FRAME))
            jitter.put(0x70000000, SSRC, bytes(FRAME))
        jitter.take()
    assert jitter.resyncs == 0
    heard = b""
    for tick in range(10, 30):
        jitter.put(0x55550000 + tick * FRAME, 99, sound[tick * FRAME :][:FRAME])
        heard += jitter.take()
    assert jitter.resyncs == 1
    assert sound[11 * FRAME : 28 * FRAME] in heard


def test_a_sender_that_sets_its_time_stamps_back_is_heard_again_within_half_a_second() -> None:
    for back in (2, 5, 10, 14, 16, 17, 40, 100_000):
        jitter = Jitter()
        sound = speech(60)
        heard = []
        for tick in range(60):
            sent = tick * FRAME if tick < 20 else (tick - back) * FRAME
            jitter.put(sent & 0xFFFFFFFF, SSRC, sound[tick * FRAME :][:FRAME])
            heard.append(jitter.take())
        assert sound[45 * FRAME : 54 * FRAME] in b"".join(heard), back


@given(st.integers(0, 0xFFFFFFFF), st.integers(-0x7FFFFFFF, 0x7FFFFFFF))
def test_time_stamps_are_compared_across_their_wrap(stamp: int, step: int) -> None:
    assert ahead((stamp + step) & 0xFFFFFFFF, stamp) == step


KINDS = ["clean", "lossy", "late", "odd", "silent"]


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_rows_together_hear_what_each_would_hear_alone(kinds: list[str], chance: random.Random) -> None:
    together, alone = Jitters(len(kinds)), [Jitters(len(kinds)) for _ in kinds]
    for row, one in enumerate(alone):
        together.start(row)
        one.start(row)
    late: list[tuple[int, int, int]] = []
    for tick in range(300):
        whole: dict[int, int] = {}
        for row, way in enumerate(kinds):
            if way == "odd" and tick % 3 == 0:
                half = np.full(FRAME // 2, tick % 256, np.uint8)
                alone[row].put(row, tick * FRAME, SSRC, half)
                together.put(row, tick * FRAME, SSRC, half)
            elif way == "late" and chance.random() < 0.2:
                late.append((tick + chance.randint(1, 6), row, tick))
            elif way != "silent" and not (way == "lossy" and chance.random() < 0.1):
                whole[row] = tick
        rounds = [whole, *({row: number} for at, row, number in late if at == tick)]
        for numbers in rounds:
            packets = {
                row: (number * FRAME, np.full(FRAME, number % 251, np.uint8))
                for row, number in numbers.items()
            }
            put(together, packets)
            for row, packet in packets.items():
                put(alone[row], {row: packet})
        frames = together.take()
        for row, one in enumerate(alone):
            assert (frames[row] == one.take()[row]).all()
            assert (together.lost[row], together.concealed[row]) == (one.lost[row], one.concealed[row])
