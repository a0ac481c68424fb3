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

Only rows with a hit, or with a digit begun, cost any Python; silent rows cost a sum of squares,
loud ones a *glance*: two windows of the frame, so that no two in a row are missed, without
turns. Only rows where a glance finds a low and a high tone are heard in full.
"""

from cmath import phase
from math import pi, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, RATE_HZ, Frames
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
"""Windows that end in one frame. One more, the last of the frame before, gives the first its turn."""
PAST = WINDOW
"""Samples kept from before the frame."""

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


def _correlators() -> NDArray[np.float32]:
    """Matrix (PAST + FRAME, windows * 9 * 2): samples to the complex amplitude of each tone in each window.

    Phases count from the start of the buffer in every window, so that a tone exactly
    on its frequency does not turn. Scaled so that |amplitude|^2 is the tone's mean power.
    """
    time_s = np.arange(PAST + FRAME) / RATE_HZ
    tones_hz = np.array([*LOW_HZ, *HIGH_HZ, DIAL_TONE_HZ])
    waves = np.exp(-2j * np.pi * np.outer(time_s, tones_hz)) * np.sqrt(2) / WINDOW
    matrix = np.zeros((PAST + FRAME, HOPS + 1, len(tones_hz)), np.complex64)
    for hop in range(HOPS + 1):
        inside = slice(hop * HOP, hop * HOP + WINDOW)
        matrix[inside, hop] = waves[inside]
    return matrix.reshape(PAST + FRAME, -1).view(np.float32)


_CORRELATORS = _correlators()
GLANCES = slice(1, None, 2)
"""The windows of a frame that are glanced at: those that end in its middle and at its end."""
GLANCED = 2 * HOP
"""The first sample of the buffer that these windows have."""


def _glancers() -> NDArray[np.float32]:
    """The correlators of the glance, (real and imaginary part * 9 * windows, samples).

    Rows of sound become its columns: numpy then compares tones by whole vectors.
    """
    matrix = _CORRELATORS.reshape(PAST + FRAME, HOPS + 1, 9, 2)[GLANCED:, 1:][:, GLANCES]
    return np.ascontiguousarray(matrix.transpose(3, 2, 1, 0).reshape(-1, PAST + FRAME - GLANCED))


def _windows() -> NDArray[np.float32]:
    """Matrix (samples, windows) that takes the mean over each window that ends in this frame."""
    matrix = np.zeros((PAST + FRAME, HOPS), np.float32)
    for hop in range(HOPS):
        matrix[(hop + 1) * HOP : (hop + 1) * HOP + WINDOW, hop] = 1 / WINDOW
    return matrix


_GLANCERS = _glancers()
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
    """The keypad ears of the media process, one row a line.

    State per row is the last 15 ms of sound, and a `_Press` while there is evidence.
    """

    def __init__(self, rows: int) -> None:
        self._past = np.zeros((rows, PAST), np.float32)
        self._pressing = np.zeros(rows, np.bool_)
        self._presses: dict[int, _Press] = {}

    def grow(self, rows: int) -> None:
        """Make room for `rows` lines in all; what is known of the present ones stays."""
        more = rows - len(self._past)
        if more > 0:
            self._past = np.pad(self._past, ((0, more), (0, 0)))
            self._pressing = np.pad(self._pressing, (0, more))

    def forget(self, row: int) -> None:
        """The line was closed: its sound and evidence are not the next caller's."""
        self._past[row] = 0
        self._pressing[row] = False
        self._presses.pop(row, None)

    def hear(self, frames: Frames, rows: NDArray[np.intp]) -> list[tuple[int, str]]:
        """The digits that became certain in this tick, as (row, key).

        `frames` is (len(rows), 160): what the lines of these (different) rows said. A row
        left out of a tick hears nothing that tick and loses no evidence.
        """
        sound = np.empty((len(rows), PAST + FRAME), np.float32)
        sound[:, :PAST] = self._past.take(rows, axis=0)
        sound[:, PAST:] = frames
        self._past[rows] = sound[:, FRAME:]
        total = _window_powers(sound)
        awake = np.flatnonzero((total.max(axis=1, initial=0) > _LEAST) | self._pressing[rows])
        if not awake.size:
            return []
        loud = slice(None) if awake.size == len(rows) else awake  # a view where all are loud
        likely = _glance(sound[loud, GLANCED:], total[loud, GLANCES])
        close = awake[likely | self._pressing[rows[awake]]]
        if not close.size:
            return []
        tones = (sound[close] @ _CORRELATORS).view(np.complex64).reshape(len(close), HOPS + 1, 9)
        powers = np.square(tones.real[:, 1:]) + np.square(tones.imag[:, 1:])
        return self._look(rows[close], tones, powers, total[close] - powers[:, :, 8])

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
        found = np.flatnonzero(hit.any(axis=1) | self._pressing[rows])
        key = np.where(hit, low.tone * 4 + high.tone, NO_KEY)
        measured = (key, low.turn, high.turn, low.power, high.power, total)
        heard: list[tuple[int, str]] = []
        for row, *windows in zip(
            rows[found].tolist(), *(each[found].tolist() for each in measured), strict=True
        ):
            press = self._presses.setdefault(row, _Press())
            certain = [press.window(*window) for window in zip(*windows, strict=True)]
            heard.extend((row, KEYS[key]) for key in certain if key != NO_KEY)
            self._pressing[row] = not press.idle
            if press.idle:
                del self._presses[row]
        return heard


def _glance(sound: NDArray[np.float32], total: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows may have a key in their sound, (rows,); `total` is the power of the windows glanced at."""
    real, imaginary = (_GLANCERS @ sound.T).reshape(2, 9, -1, len(sound))
    powers = np.square(real) + np.square(imaginary)
    low, high = powers[:4].max(axis=0), powers[4:8].max(axis=0)
    both = low + high > COARSE_PURITY * (total.T - powers[8])
    likely: NDArray[np.bool_] = (both & (np.minimum(low, high) > _LEAST / 4)).any(axis=0)
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


def _window_powers(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean power of the windows that end in this frame, (rows, HOPS)."""
    windows: NDArray[np.float32] = np.square(sound) @ _WINDOWS
    return windows


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
