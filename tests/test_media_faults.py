"""What bad networks, clocks and phones do to the sound of an RTP line, at its socket, in virtual ticks."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.line import FRAME, RATE_HZ
from hardware.media import g711
from hardware.media.jitter import MOST, SPAN
from hardware.media.rtp import build
from tests.test_media_rtp_bank import ROW, Line, Phone, coded

LOUD = 8000
TONE_HZ = 430
"""A frame is 8.6 periods: frames put side by side out of their order do not fit."""
STEEPEST = LOUD * 2 * np.pi * TONE_HZ / RATE_HZ
CODING = 2 * 256
"""What two neighbouring samples of this level may be off by, in A-law."""
SILENCE = coded(0)


def tone(start: int, samples: int = FRAME) -> bytes:
    """A-law codes of a steady tone, from sample `start` on."""
    codes = np.empty(samples, np.uint8)
    at = np.arange(start, start + samples)
    g711.encode(g711.PCMA, np.rint(LOUD * np.sin(2 * np.pi * TONE_HZ / RATE_HZ * at)).astype(np.int16), codes)
    return codes.tobytes()


class Far:
    """A far end that numbers its packets and says a tone; `stamp` makes the time stamp of packet n."""

    def __init__(self, stamp: Callable[[int], int] = lambda n: n * FRAME) -> None:
        self.phone = Phone(0)
        self.line = Line(self.phone.route())
        self.ssrc, self.sent = 0x5EED, 0
        self._stamp = stamp

    def close(self) -> None:
        self.line.bank.shut()
        self.phone.socket.close()

    def say(self, lost: bool = False) -> None:
        """Send the next packet, or have it lost."""
        number = self.sent
        self.sent += 1
        if not lost:
            packet = build(
                g711.PCMA, number, self._stamp(number) & 0xFFFFFFFF, self.ssrc, tone(number * FRAME)
            )
            self.phone.socket.sendto(packet, self.line.here)

    def hear(self, ticks: int = 1) -> NDArray[np.int64]:
        """What the box hears in the next ticks."""
        heard = []
        for _ in range(ticks):
            self.line.tick()
            self.phone.received()
            heard.append(self.line.said[ROW].astype(np.int64))
        return np.concatenate(heard)


@pytest.fixture
def far() -> Iterator[Far]:
    with closing(Far()) as far:
        yield far


@pytest.mark.parametrize("ppm", [200, -200])
def test_a_clock_200_ppm_off_is_not_heard_and_the_delay_stays(far: Far, ppm: int) -> None:
    heard = []
    for tick in range(15_000):  # 300 s: three frames too many, or too few
        while far.sent * FRAME * (1 - ppm / 1e6) <= tick * FRAME:
            far.say()
        heard.append(far.hear())
    sound = np.concatenate(heard[4:])
    assert np.abs(np.diff(sound)).max() <= STEEPEST + CODING + 2 * LOUD / FRAME, "a click"
    assert far.line.bank.lost == 0
    left = np.abs(far.hear(20)).reshape(-1, FRAME).max(axis=1)
    playing = int(np.argmax(left < 0.9 * LOUD))
    assert 0 <= playing <= MOST // FRAME, "frames stored when the far end stopped"


def test_a_clock_far_too_slow_or_too_fast_costs_frames_and_never_the_call() -> None:
    for drift in (0.98, 1.02):
        with closing(Far()) as far:
            for tick in range(2000):
                while far.sent * FRAME <= tick * FRAME * drift:
                    far.say()
                sound = far.hear()
                assert tick < 4 or np.abs(sound).max() > LOUD / 5, "a gap"


def test_with_five_packets_lost_of_a_hundred_every_place_is_filled(far: Far) -> None:
    chance = random.Random(5)
    lost, levels = [], []
    for tick in range(3000):
        lost.append(tick > 10 and chance.random() < 0.05)
        far.say(lost[-1])
        levels.append(np.abs(far.hear()).max())
    assert 100 < sum(lost) == far.line.bank.lost
    quiet = [level for level in levels[4:] if level < 0.75 * LOUD]
    doubled = sum(first and second for first, second in pairwise(lost))
    assert len(quiet) <= doubled, "only the second of two lost in a row is a fading copy"
    assert min(levels[4:]) > LOUD / 5, "there is no gap"


def test_a_far_end_that_stops_is_silent_and_heard_again_when_it_goes_on(far: Far) -> None:
    for _ in range(20):
        far.say()
        far.hear()
    assert np.abs(far.hear(50)[-FRAME:]).max() == SILENCE
    far.sent += 50
    levels = []
    for _ in range(5):
        far.say()
        levels.append(np.abs(far.hear()).max() > 0.9 * LOUD)
    assert levels == [False, False, True, True, True], "the delay is what it was"


def test_packets_in_pairs_are_played_one_by_one(far: Far) -> None:
    heard = []
    for tick in range(400):
        if tick % 2:
            far.say()
            far.say()
        heard.append(far.hear())
    sound = np.concatenate(heard[5:])
    assert np.abs(np.diff(sound)).max() <= STEEPEST + CODING
    assert far.line.bank.lost == 0


@pytest.mark.parametrize(
    "stamp",
    [
        lambda n: 0,
        lambda n: 80 * n,
        lambda n: 320 * n,
        lambda n: 0xFFFFF000 - FRAME * n,
        lambda n: random.Random(n).getrandbits(32),
        lambda n: FRAME * n if n < 50 else 0x1234,
    ],
    ids=["none", "too slow", "too fast", "backwards", "by chance", "stuck"],
)
def test_time_stamps_that_are_wrong_are_put_right_by_the_numbers_of_the_packets(
    stamp: Callable[[int], int],
) -> None:
    with closing(Far(stamp)) as far:
        for _ in range(150):
            far.say()
            far.hear()
        lost = far.line.bank.lost
        heard = []
        for _ in range(150):
            far.say()
            heard.append(far.hear())
        sound = np.concatenate(heard)
        assert np.abs(np.diff(sound)).max() <= STEEPEST + CODING, "every frame in its place"
        assert np.abs(sound).reshape(-1, FRAME).max(axis=1).min() > 0.9 * LOUD
        assert far.line.bank.lost == lost


def test_pauses_with_time_stamps_that_go_on_are_not_wrong(far: Far) -> None:
    """Silence suppression: the numbers go on, the time stamps jump (RFC 3551 §4.1)."""
    skipped = 0
    far._stamp = lambda n: (n + skipped) * FRAME
    for _ in range(30):
        for _ in range(20):
            far.say()
            sound = far.hear()
        assert np.abs(sound).max() > 0.9 * LOUD
        skipped += 25
        far.hear(25)
    assert far.line.bank._calls[ROW].stamps.believed


def test_another_stream_from_the_same_phone_is_followed(far: Far) -> None:
    for change in range(1, 5):
        far.ssrc, start = change, change * 0x12345678
        far._stamp = lambda n, start=start: start + n * FRAME  # type: ignore[misc]
        for _ in range(20):
            far.say()
            sound = far.hear()
        assert np.abs(sound).max() > 0.9 * LOUD


def test_a_burst_after_a_stall_is_taken_in_and_the_delay_given_back(far: Far) -> None:
    for _ in range(50):
        far.say()
        far.hear()
    far.hear(8)
    for _ in range(8):
        far.say()
    for _ in range(1500):
        far.say()
        far.hear()
    left = np.abs(far.hear(SPAN // FRAME)).reshape(-1, FRAME).max(axis=1)
    assert int(np.argmax(left < 0.9 * LOUD)) <= 3
