"""Tones the box plays to callers, and levels in dBm0.

The table is China's (GB/T 3380); another country is another table. Levels are those of
the tone while it sounds, at the box's digital port.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import log10, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.line import RATE_HZ

FULL_SCALE_DBM0 = 3.14
"""Level of a sine that just fills the A-law (ITU-T G.711 clause 4.2); int16 is scaled to the same peak."""
POWER_AT_0_DBM0 = 32768**2 / 2 / 10 ** (FULL_SCALE_DBM0 / 10)
"""Mean square of int16 samples at 0 dBm0."""
SILENCE_DBM0 = -99.0
"""What `level_dbm0` calls digital silence."""


def power(dbm0: float) -> float:
    """Mean square of int16 samples at this level."""
    return float(POWER_AT_0_DBM0 * 10 ** (dbm0 / 10))


def peak(dbm0: float) -> float:
    """Peak int16 value of a sine at this level."""
    return sqrt(2 * power(dbm0))


def level_dbm0(pcm: NDArray[Any]) -> float:
    """Level of int16 samples, mean over the whole array; `SILENCE_DBM0` when there is nothing."""
    mean_square = float(np.mean(np.square(pcm, dtype=np.float64))) if pcm.size else 0.0
    if mean_square <= power(SILENCE_DBM0):
        return SILENCE_DBM0
    return 10 * log10(mean_square / POWER_AT_0_DBM0)


def sine(freq_hz: float, dbm0: float, samples: int) -> NDArray[np.float64]:
    """A sine in int16 scale that starts at a zero crossing, so that it can be keyed without a click."""
    phase = np.arange(samples, dtype=np.float64) * (2 * np.pi * freq_hz / RATE_HZ)
    wave: NDArray[np.float64] = np.sin(phase) * peak(dbm0)
    return wave


@dataclass(frozen=True, slots=True)
class Tone:
    """One frequency keyed on and off: `cadence_s` is on, off, on, off ...; empty when it never stops."""

    freq_hz: float
    level_dbm0: float
    cadence_s: tuple[float, ...] = ()


TONES: Mapping[str, Tone] = {
    "dial": Tone(450, -10),
    "ringback": Tone(450, -10, (1, 4)),
    "busy": Tone(450, -10, (0.35, 0.35)),
    "congestion": Tone(450, -10, (0.7, 0.7)),
    "unobtainable": Tone(450, -10, (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4, 0.4)),
    "notify": Tone(450, -10, (0.2, 0.2, 0.2, 0.6)),
    "waiting": Tone(450, -10, (0.4, 4)),
    "howler": Tone(950, 0),
}


@cache
def tone(name: str) -> NDArray[np.int16]:
    """One whole cadence of a tone of the table, to be looped; read-only. Unknown name: KeyError.

    A tone without cadence is one second long: every whole frequency then loops without a seam.
    """
    this = TONES[name]
    pieces = []
    for place, seconds in enumerate(this.cadence_s or (1.0,)):
        samples = round(seconds * RATE_HZ)
        sounds = place % 2 == 0
        pieces.append(sine(this.freq_hz, this.level_dbm0, samples) if sounds else np.zeros(samples))
    pcm = np.rint(np.concatenate(pieces)).astype(np.int16)
    pcm.flags.writeable = False
    return pcm
