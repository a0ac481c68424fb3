"""The piece a waiting caller hears: composed and played by this file, the same on every box.

Soft struck notes, an arpeggio under a slow tune of five tones, 48 beats. A note that still
sounds at the end sounds on at the beginning, so the piece may be played round and round
without a seam. Only partials that G.711 carries are played: nothing is lost on the line.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ivr.sound import DBM0_OVER_DBFS, LEVEL_DBM0, RATE_HZ, Samples

BEAT_S = 0.8
BEATS_A_BAR = 4
LOWEST_HZ, HIGHEST_HZ = 200.0, 3300.0
"""What a telephone line carries."""
PARTIALS = ((1, 1.0), (2, 0.42), (3, 0.18), (4, 0.10), (6, 0.04))
"""Which multiples of a note's pitch sound, and how loud."""
ATTACK_S = 0.012
NOTE_S = 4.0
"""After this a struck note has died away."""
CHORDS: Sequence[Sequence[int]] = (
    *((60, 64, 67, 72), (57, 64, 69, 72), (57, 65, 69, 72), (59, 62, 67, 71)),
    *((60, 64, 67, 72), (59, 64, 67, 71), (57, 65, 69, 72), (59, 62, 67, 74)),
    *((57, 64, 69, 72), (57, 65, 69, 72), (59, 62, 67, 71), (60, 64, 67, 72)),
)
"""A bar each, as MIDI notes."""
ARPEGGIO = (0, 1, 2, 3, 2, 1, 2, 3)
"""Which tone of the chord each half beat strikes."""
TUNE: Sequence[Sequence[tuple[float, int]]] = (
    *(((0, 76), (2, 79)), ((0, 81), (3, 79)), ((0, 76), (2, 74)), ((0, 74),)),
    *(((0, 72), (2, 76)), ((0, 79), (3, 76)), ((0, 81), (2, 79)), ((0, 79),)),
    *(((0, 84), (2, 81)), ((0, 79), (2, 76)), ((0, 74), (3, 76)), ((0, 72),)),
)
"""By bar: beat and note."""
ARPEGGIO_GAIN, TUNE_GAIN = 0.32, 0.8


def piece() -> Samples:
    """The whole piece, 38.4 s at 8 kHz, its RMS level the active level of a prompt."""
    bars = len(CHORDS)
    whole = np.zeros(round(bars * BEATS_A_BAR * BEAT_S * RATE_HZ))
    for bar, (chord, tune) in enumerate(zip(CHORDS, TUNE, strict=True)):
        start_s = bar * BEATS_A_BAR * BEAT_S
        for step, tone in enumerate(ARPEGGIO):
            _strike(whole, start_s + step * BEAT_S / 2, chord[tone], ARPEGGIO_GAIN)
        for beat, note in tune:
            _strike(whole, start_s + beat * BEAT_S, note, TUNE_GAIN)
    level = 10 ** ((LEVEL_DBM0 - DBM0_OVER_DBFS) / 20)
    levelled: Samples = (whole * (level / np.sqrt(np.mean(whole**2)))).astype(np.float32)
    return levelled


def _strike(whole: NDArray[np.float64], at_s: float, note: int, gain: float) -> None:
    """Add one note, going on at the beginning when the end has come."""
    sound = gain * _note(440.0 * 2 ** ((note - 69) / 12))
    places = (round(at_s * RATE_HZ) + np.arange(len(sound))) % len(whole)
    whole[places] += sound


@cache
def _note(hz: float) -> NDArray[np.float64]:
    """A struck bar: high partials die away sooner."""
    at_s = np.arange(round(NOTE_S * RATE_HZ)) / RATE_HZ
    sound = np.zeros(len(at_s))
    for multiple, loud in PARTIALS:
        if LOWEST_HZ <= hz * multiple <= HIGHEST_HZ:
            sound += loud * np.exp(-(1.1 + 0.6 * multiple) * at_s) * np.sin(2 * np.pi * hz * multiple * at_s)
    ends = np.minimum(1.0, np.minimum(at_s, at_s[::-1]) / ATTACK_S)
    return sound * (0.5 - 0.5 * np.cos(np.pi * ends))
