"""The music callers wait by: its level, what a telephone line carries of it, and its seam."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from ivr import own, sound
from ivr.music import HIGHEST_HZ, LOWEST_HZ, piece
from ivr.prompts import Phrases
from ivr.voice import RINGBACK, Voice

PIECE = piece()
ROUND = np.concatenate([PIECE, PIECE])


def test_the_piece_is_the_same_on_every_box_and_long_enough() -> None:
    assert len(PIECE) / sound.RATE_HZ == pytest.approx(38.4)
    assert len(PIECE) % 160 == 0, "whole frames: a seam falls between two"
    assert np.array_equal(PIECE, piece())


def test_it_is_as_loud_as_a_prompt_and_never_clipped() -> None:
    level_dbm0 = 10 * np.log10(np.mean(PIECE.astype(np.float64) ** 2)) + sound.DBM0_OVER_DBFS
    assert level_dbm0 == pytest.approx(sound.LEVEL_DBM0, abs=0.1)
    assert sound.active_dbm0(PIECE) == pytest.approx(sound.LEVEL_DBM0, abs=1.0)
    assert np.abs(PIECE).max() < 0.6


def test_it_is_never_silent_for_long() -> None:
    power = np.mean(ROUND[: len(ROUND) // 4000 * 4000].reshape(-1, 4000).astype(np.float64) ** 2, axis=1)
    levels_dbm0 = 10 * np.log10(power) + sound.DBM0_OVER_DBFS
    assert levels_dbm0.min() > sound.LEVEL_DBM0 - 9
    assert levels_dbm0.max() < sound.LEVEL_DBM0 + 6


def test_nothing_of_it_is_lost_on_a_telephone_line() -> None:
    power = np.abs(np.fft.rfft(PIECE)) ** 2
    hz = np.fft.rfftfreq(len(PIECE), 1 / sound.RATE_HZ)
    outside = power[(hz < LOWEST_HZ * 0.9) | (hz > HIGHEST_HZ * 1.05)].sum()
    assert 10 * np.log10(outside / power.sum()) < -50


def test_the_seam_cannot_be_told_from_any_other_place() -> None:
    # A click is a moment where the sound is not as its neighbours let expect: what linear prediction leaves.
    near = np.lib.stride_tricks.sliding_window_view(ROUND.astype(np.float64), 17)
    known, next_ = near[:, :16], near[:, 16]
    seam = len(PIECE) - 16
    around = slice(seam - 4000, seam + 4000)
    weights = np.linalg.lstsq(known[around], next_[around], rcond=None)[0]
    left = np.abs(next_ - known @ weights)
    assert left[seam - 16 : seam + 16].max() <= np.percentile(left[around], 99.9)
    assert np.abs(np.diff(ROUND))[len(PIECE) - 1] <= np.abs(np.diff(PIECE)).max()
    cut = np.concatenate([PIECE[: len(PIECE) - 700], PIECE])
    steps = np.abs(np.diff(cut.astype(np.float64), 4))
    bad, good = len(PIECE) - 700, len(PIECE)
    whole = np.abs(np.diff(ROUND.astype(np.float64), 4))
    found = steps[bad - 4 : bad + 4].max() > whole[good - 4 : good + 4].max()
    assert found, "a bad seam is found so"


@pytest.fixture
def voice(tmp_path: Path) -> Voice:
    (tmp_path / "recorded").mkdir()
    return Voice(tmp_path / "spoken", tmp_path / "recorded", Phrases({}), warn=lambda text: None)


def test_without_a_recording_our_own_piece_is_played(voice: Voice) -> None:
    path = Path(voice.music())
    samples, rate_hz = sound.read(path)
    assert (len(samples), rate_hz) == (len(PIECE), 8000)
    assert own.is_prompt(path)
    assert voice.music("nothing-like-it") == str(path)


def test_an_administrators_music_takes_its_place_and_a_queue_may_have_its_own(
    voice: Voice, tmp_path: Path
) -> None:
    for name in ("music", "taxes"):
        sound.write(tmp_path / "recorded" / f"{name}.wav", PIECE[:8000])
    assert Path(voice.music()).parent.name == "recorded"
    assert Path(voice.music("taxes")).name == "taxes.wav"
    assert voice.music(RINGBACK) == "tone:ringback"


def test_what_cannot_be_played_to_a_line_is_not(voice: Voice, tmp_path: Path) -> None:
    (tmp_path / "recorded" / "music.wav").write_bytes(b"RIFF of something else")
    assert Path(voice.music()).parent.name == "own"
    asyncio.run(voice.close())
