"""Tones as a caller's exchange would measure them: frequency by spectrum, level and cadence by envelope."""

import numpy as np
import pytest

from hardware.line import RATE_HZ
from hardware.media import tones

EVERY = pytest.mark.parametrize("name", list(tones.TONES))
CHINA_S = {
    "dial": [],
    "ringback": [1.0, 4.0],
    "busy": [0.35, 0.35],
    "congestion": [0.7, 0.7],
    "unobtainable": [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4, 0.4],
    "notify": [0.2, 0.2, 0.2, 0.6],
    "waiting": [0.4, 4.0],
    "howler": [],
}
"""GB/T 3380."""


def sounding(pcm: np.ndarray) -> np.ndarray:
    """Which 5 ms pieces of the tone are loud (every cadence is a multiple of 5 ms)."""
    pieces = pcm.reshape(-1, RATE_HZ // 200)
    return np.array([tones.level_dbm0(piece) > -30 for piece in pieces])


def runs_s(loud: np.ndarray) -> list[float]:
    edges = np.flatnonzero(np.diff(loud)) + 1
    return [len(run) / 200 for run in np.split(loud, edges)]


@EVERY
def test_a_tone_has_the_frequency_of_the_table_and_nothing_else(name: str) -> None:
    pcm = np.tile(tones.tone(name), 20)[: 10 * RATE_HZ].astype(float)
    loud = np.repeat(sounding(pcm), RATE_HZ // 200)
    first = pcm[: np.argmin(loud) if not loud.all() else len(pcm)]
    spectrum = np.abs(np.fft.rfft(first * np.hanning(len(first)), 16 * RATE_HZ)) ** 2
    strongest_hz = np.argmax(spectrum) / 16
    expected_hz = 950 if name == "howler" else 450
    assert abs(strongest_hz - expected_hz) < 1
    width_hz = 4 * RATE_HZ / len(first)  # the window's own main lobe
    near = np.abs(np.arange(len(spectrum)) / 16 - expected_hz) <= width_hz
    assert spectrum[~near].sum() < 1e-4 * spectrum.sum()


@EVERY
def test_a_tone_has_the_cadence_of_the_standard_when_looped(name: str) -> None:
    loud = sounding(np.tile(tones.tone(name), 2))
    if not CHINA_S[name]:
        assert loud.all()
    else:
        assert runs_s(loud) == pytest.approx(CHINA_S[name] * 2)


@EVERY
def test_a_tone_sounds_at_its_level(name: str) -> None:
    pcm = tones.tone(name)
    pieces = pcm.reshape(-1, RATE_HZ // 200)[sounding(pcm)]
    assert tones.level_dbm0(pieces) == pytest.approx(tones.TONES[name].level_dbm0, abs=0.1)


@EVERY
def test_looping_and_keying_a_tone_never_clicks(name: str) -> None:
    pcm = np.tile(tones.tone(name), 2).astype(float)
    tallest = tones.peak(tones.TONES[name].level_dbm0)
    steepest = 2 * tallest * np.sin(np.pi * tones.TONES[name].freq_hz / RATE_HZ)
    assert np.abs(np.diff(pcm)).max() <= steepest + 1


@EVERY
def test_a_tone_is_whole_frames_so_that_it_loops_without_cutting(name: str) -> None:
    assert len(tones.tone(name)) % 160 == 0


def test_a_sine_that_fills_the_a_law_is_3_14_dbm0() -> None:
    assert tones.peak(3.14) == pytest.approx(32768)
    second = np.arange(RATE_HZ) / RATE_HZ
    assert tones.level_dbm0(32767 * np.sin(2 * np.pi * 1000 * second + 0.1)) == pytest.approx(3.14, abs=0.01)


def test_silence_has_a_level_too() -> None:
    assert tones.level_dbm0(np.zeros(160, np.int16)) == tones.SILENCE_DBM0
    assert tones.level_dbm0(np.zeros(0, np.int16)) == tones.SILENCE_DBM0


def test_the_loudest_samples_have_a_level_and_do_not_wrap() -> None:
    assert tones.level_dbm0(np.full(160, -32768, np.int16)) == pytest.approx(3.14 + 3.01, abs=0.01)


def test_a_tone_nobody_has_defined_is_a_bug() -> None:
    with pytest.raises(KeyError):
        tones.tone("jingle")
