"""Keys pressed on a telephone, heard in the sound of every line at once (ITU-T Q.23, Q.24).

How it listens. The sound is cut into *windows* of 15 ms, one every 5 ms. A matrix
product correlates the windows of many rows with the eight frequencies of the keypad, and
with the dial tone, which may sound behind the first digits. How far
a frequency's phase turned from one window to the next says how far off its nominal
frequency the tone is: far sharper than 15 ms of spectrum could.

A window is a *hit* for a key when one low and one high tone stand out and together
make up nearly all of the sound. Five hits make a digit, if the tones held their
frequency and were pure over all of them: speech does not manage that. A digit is over
after 25 ms without a hit, so a break of 10 ms does not make two of one.

Every tick all rows get a *glance*: one window in the middle of the frame, without turns. A tone
of 40 ms fills at least one such window. Only rows where a glance finds a low and a high tone are
heard in full, the frame before too, and then tick by tick as long as a digit may be going on.
"""

from cmath import phase
from math import pi, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, RATE_HZ
from hardware.media.bank import Frames
from hardware.media.reel import Reel
from hardware.media.tones import power, sine

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"
"""Row by row as on the keypad: key `4 * low + high` (Q.23)."""
NO_KEY = -1
DIAL_TONE_HZ = 450

WINDOW = 120
HOP = 40
HOPS = FRAME // HOP
"""Windows that end in one frame."""
HEARD = 2 * HOPS
"""Windows of a row heard in full: of the frame before and of this one. One more gives the first its turn."""
SOUND = WINDOW + 2 * FRAME
"""Samples these windows take."""
MIDDLE = slice((FRAME - WINDOW) // 2, (FRAME + WINDOW) // 2)
"""Where in a frame the window of a glance is."""

# What makes a window a hit. Each limit keeps some distance from what must be heard.
LEAST_DBM0 = -36.0
"""Each tone; -25 with the weaker tone 8 dB below must be heard (Q.24)."""
TWIST = (10 ** (-10 / 10), 10 ** (6 / 10))
"""High tone over low tone, in power; -8 to +4 dB must be heard (Q.24)."""
STANDS_OUT = 10 ** (6 / 10)
"""Best tone of a group over the second."""
WINDOW_PURITY = 0.72
"""Both tones over all sound but the dial tone."""
COARSE_PURITY = 0.45
"""The same in a glance, before correction for frequency; below it the row is not heard in full."""
WINDOW_OFF_HZ = (60.0, 75.0)
"""Low and high tone; a single window measures roughly."""
MOST_CORRECTED_HZ = 40.0
"""A window is not believed to hide more of a tone than it would this far off its frequency."""

# What makes hits a digit.
HITS = 5
MISSES = 1
"""Windows without a hit that are forgiven among them."""
OFF = 0.022
"""Mean frequency over nominal; 1.5 % must be heard, 3.5 % must not (Q.24)."""
PURITY = 0.86
COHERENCE = 0.991
"""How straight the phase turns: 1 is a tone that holds its frequency. Speech fails here."""
STAR_COHERENCE = 0.985
"""For `*`, whose tones are nearest each other (941 and 1209 Hz): off nominal, each leaks into the other."""
FADE = 0.7
"""What remains of the evidence when enough hits were not good enough."""
OVER = 5
"""Windows without a hit that end a digit."""


def _waves(samples: int) -> NDArray[np.complex128]:
    """(samples, 9): what correlates sound with each tone, scaled so that |amplitude|^2 is its mean power."""
    time_s = np.arange(samples) / RATE_HZ
    tones_hz = np.array([*LOW_HZ, *HIGH_HZ, DIAL_TONE_HZ])
    waves: NDArray[np.complex128] = np.exp(-2j * np.pi * np.outer(time_s, tones_hz)) * np.sqrt(2) / WINDOW
    return waves


def _correlators() -> NDArray[np.float32]:
    """Matrix (SOUND, windows * 9 * 2): samples to the complex amplitude of each tone in each window.

    Phases count from the start of the sound in every window, so that a tone exactly
    on its frequency does not turn.
    """
    waves = _waves(SOUND)
    matrix = np.zeros((SOUND, HEARD + 1, 9), np.complex64)
    for hop in range(HEARD + 1):
        inside = slice(hop * HOP, hop * HOP + WINDOW)
        matrix[inside, hop] = waves[inside]
    return matrix.reshape(SOUND, -1).view(np.float32)


def _glancer() -> NDArray[np.float32]:
    """The correlators of a glance, (18, WINDOW): real parts, then imaginary ones.

    Rows of sound become its columns: numpy then compares tones by whole vectors.
    """
    waves = _waves(WINDOW).T
    return np.concatenate([waves.real, waves.imag]).astype(np.float32)


def _windows() -> NDArray[np.float32]:
    """Matrix (SOUND, windows) that takes the mean over each window heard in full."""
    matrix = np.zeros((SOUND, HEARD), np.float32)
    for hop in range(HEARD):
        matrix[(hop + 1) * HOP : (hop + 1) * HOP + WINDOW, hop] = 1 / WINDOW
    return matrix


_CORRELATORS = _correlators()
_GLANCER = _glancer()
_WINDOWS = _windows()
_TURN_TO_HZ = RATE_HZ / HOP / (2 * pi)
_LEAST = power(LEAST_DBM0)


class _Tone:
    """One of the two tones of a key, over all its hits."""

    __slots__ = ("nominal_hz", "path", "power", "turn")

    def __init__(self, nominal_hz: float) -> None:
        self.nominal_hz = nominal_hz
        self.turn = 0j
        self.path = 0.0
        self.power = 0.0

    def add(self, turn: complex, power: float) -> None:
        self.turn += turn
        self.path += abs(turn)
        self.power += power

    def fade(self) -> None:
        self.turn *= FADE
        self.path *= FADE
        self.power *= FADE

    @property
    def off_hz(self) -> float:
        """Mean distance from the nominal frequency."""
        return phase(self.turn) * _TURN_TO_HZ

    @property
    def true_power(self) -> float:
        """Power, corrected for what windows do not show of a tone off its nominal frequency."""
        x = pi * self.off_hz * WINDOW / RATE_HZ
        return self.power / (sin(x) / x) ** 2 if x else self.power


class _Press:
    """Evidence on one row: the key that is held down, and the one that may be beginning.

    It is shown every window in order, as the key it is a hit for and what was measured.
    """

    __slots__ = ("_begun", "_gap", "_held", "_high", "_hits", "_low", "_misses", "_total")

    def __init__(self) -> None:
        self._held = NO_KEY
        self._gap = 0
        self._begin(NO_KEY)

    @property
    def idle(self) -> bool:
        """Nothing is held or begun: the row can be forgotten until the next hit."""
        return self._held == self._begun == NO_KEY

    def window(
        self,
        key: int,
        low_turn: complex,
        high_turn: complex,
        low_power: float,
        high_power: float,
        total: float,
    ) -> int:
        """Take in a window; the key when it makes a digit certain, else `NO_KEY`."""
        if self._holds(key) or not self._continues(key):
            return NO_KEY
        self._hits += 1
        self._total += total
        self._low.add(low_turn, low_power)
        self._high.add(high_turn, high_power)
        if self._hits < HITS:
            return NO_KEY
        if not self._is_digit():
            self._fade()
            return NO_KEY
        self._held, self._gap = key, 0
        self._begin(NO_KEY)
        return key

    def _holds(self, key: int) -> bool:
        """Whether this window only says that the key last heard is still down."""
        if self._held == NO_KEY:
            return False
        if key == self._held:
            self._gap = 0
            self._begin(NO_KEY)
            return True
        self._gap += 1
        if self._gap >= OVER:
            self._held = NO_KEY
        return False

    def _continues(self, key: int) -> bool:
        """Whether this window is a hit for the key that has begun, or begins one."""
        if key != NO_KEY and key == self._begun:
            return True
        self._misses += 1
        if self._begun != NO_KEY and self._misses <= MISSES:
            return False
        self._begin(key)
        return key != NO_KEY

    def _begin(self, key: int) -> None:
        self._begun = key
        self._misses = 0
        self._hits = 0.0
        self._total = 0.0
        self._low, self._high = _Tone(LOW_HZ[key // 4]), _Tone(HIGH_HZ[key % 4])

    def _fade(self) -> None:
        self._hits *= FADE
        self._total *= FADE
        self._low.fade()
        self._high.fade()

    def _is_digit(self) -> bool:
        """Whether the hits, together, held their frequency, near enough to nominal, with little else."""
        low, high = self._low, self._high
        straight = STAR_COHERENCE if KEYS[self._begun] == "*" else COHERENCE
        return (
            abs(low.turn) + abs(high.turn) >= straight * (low.path + high.path)
            and abs(low.off_hz) <= OFF * low.nominal_hz
            and abs(high.off_hz) <= OFF * high.nominal_hz
            and low.true_power + high.true_power >= PURITY * self._total
        )


class DtmfBank:
    """The keypad ears of the media process, one row a line, listening to what is said on the reel.

    State per row is a `_Press` while there is evidence.
    """

    def __init__(self, reel: Reel) -> None:
        self._reel = reel
        self._presses: dict[int, _Press] = {}
        self._heard: dict[int, int] = {}
        """The tick in which each row was last heard in full."""
        self._since: dict[int, int] = {}
        """The last tick that is not this line's any more, where that is not long ago."""

    def forget(self, row: int) -> None:
        """The line was closed: its sound and evidence are not the next caller's."""
        self._presses.pop(row, None)
        self._heard.pop(row, None)
        self._since[row] = self._reel.tick

    def hear(self, listened: NDArray[np.intp]) -> list[tuple[int, str]]:
        """The digits that became certain in this tick, as (row, key), of the rows listened to."""
        if not len(listened):
            return []
        likely = _glance(self._reel.said.take(listened, axis=0)[:, MIDDLE].astype(np.float32))
        if self._presses:
            likely |= np.isin(listened, list(self._presses))
        if not np.count_nonzero(likely):
            return []
        rows = listened[likely]
        sound = self._sound(rows)
        tones = (sound @ _CORRELATORS).view(np.complex64).reshape(len(rows), HEARD + 1, 9)
        powers = np.square(tones.real[:, 1:]) + np.square(tones.imag[:, 1:])
        total = np.square(sound) @ _WINDOWS
        return self._look(rows, tones, powers, total - powers[:, :, 8])

    def _sound(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """This frame of some rows, the one before, and what the first window needs from before that."""
        frames = self._reel.lately(rows, 3).astype(np.float32)
        for row, since in list(self._since.items()):
            frames[rows == row, : max(0, since - self._reel.tick + 3)] = 0
            if since <= self._reel.tick - 3:
                del self._since[row]
        return frames.reshape(len(rows), -1)[:, -SOUND:]

    def _look(
        self,
        rows: NDArray[np.intp],
        tones: NDArray[np.complex64],
        powers: NDArray[np.float32],
        total: NDArray[np.float32],
    ) -> list[tuple[int, str]]:
        """Measure the few rows that may have a key in their sound, and weigh the evidence of each."""
        turns = tones[:, 1:, :8] * tones[:, :-1, :8].conj()
        low = _strongest(turns[:, :, :4], powers[:, :, :4], WINDOW_OFF_HZ[0])
        high = _strongest(turns[:, :, 4:], powers[:, :, 4:8], WINDOW_OFF_HZ[1])
        hit = (
            (low.clear & high.clear)
            & (np.minimum(low.true_power, high.true_power) > _LEAST)
            & (low.true_power + high.true_power >= WINDOW_PURITY * total)
            & (high.true_power >= TWIST[0] * low.true_power)
            & (high.true_power <= TWIST[1] * low.true_power)
        )
        found = np.flatnonzero(hit.any(axis=1) | np.isin(rows, list(self._presses)))
        key = np.where(hit, low.tone * 4 + high.tone, NO_KEY)
        measured = (key, low.turn, high.turn, low.power, high.power, total)
        heard: list[tuple[int, str]] = []
        tick = self._reel.tick
        for row, *windows in zip(
            rows[found].tolist(), *(each[found].tolist() for each in measured), strict=True
        ):
            press = self._presses.setdefault(row, _Press())
            known = HOPS if self._heard.get(row) == tick - 1 else 0
            certain = [press.window(*window) for window in list(zip(*windows, strict=True))[known:]]
            heard.extend((row, KEYS[key]) for key in certain if key != NO_KEY)
            self._heard[row] = tick
            if press.idle:
                del self._presses[row]
        return heard


def _glance(sound: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows, of (rows, WINDOW), may have a key in their sound."""
    tones = _GLANCER @ sound.T
    np.square(tones, out=tones)
    powers = tones[:9] + tones[9:]
    total = np.vecdot(sound, sound)
    total *= COARSE_PURITY / WINDOW
    total += _LEAST / 4 - COARSE_PURITY * powers[8]
    likely: NDArray[np.bool_] = powers[:4].max(axis=0) + powers[4:8].max(axis=0) > total
    return likely


class _Strongest(NamedTuple):
    """The strongest tone of a group in each window; all arrays are (rows, windows)."""

    tone: NDArray[np.intp]
    turn: NDArray[np.complex64]
    power: NDArray[np.float32]
    true_power: NDArray[np.float32]
    """Corrected for how far off its frequency the tone is."""
    clear: NDArray[np.bool_]
    """Far above the others of its group, and near its frequency."""


def _strongest(turns: NDArray[np.complex64], powers: NDArray[np.float32], limit_hz: float) -> _Strongest:
    """Pick the strongest of (rows, windows, 4 tones)."""
    tone = powers.argmax(axis=2)
    turn = np.take_along_axis(turns, tone[:, :, None], axis=2)[:, :, 0]
    ranked = np.partition(powers, 2, axis=2)
    second, best = ranked[:, :, 2], ranked[:, :, 3]
    off_hz = np.abs(np.angle(turn)) * _TURN_TO_HZ
    believed = np.minimum(off_hz, MOST_CORRECTED_HZ) * (WINDOW / RATE_HZ)
    seen: NDArray[np.float32] = np.square(np.sinc(believed)).astype(np.float32)
    clear = (best >= STANDS_OUT * second) & (off_hz < limit_hz)
    return _Strongest(tone, turn, best, best / seen, clear)


def digit_tone(key: str, level_dbm0: float = -9.0) -> Frames:
    """A key to send in band: 100 ms of both tones and 60 ms of silence, eight frames.

    `level_dbm0` is that of the low tone; the high one is 2 dB louder, as from a
    telephone (GB/T 15279: -9 and -7 dBm). A key not on the keypad, or a level at which
    the two would not fit into int16 (above -4): ValueError.
    """
    if len(key) != 1 or key not in KEYS:
        raise ValueError(f"not a key: {key!r}")
    if level_dbm0 > -4:
        raise ValueError(f"too loud for two tones: {level_dbm0} dBm0")
    low, high = divmod(KEYS.index(key), 4)
    samples = RATE_HZ // 10
    pcm = np.zeros(8 * FRAME, np.int16)
    pcm[:samples] = np.rint(
        sine(LOW_HZ[low], level_dbm0, samples) + sine(HIGH_HZ[high], level_dbm0 + 2, samples)
    )
    return pcm
