"""Keys on a telephone: heard when Q.24 says so, exactly once, and never in speech."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.line import FRAME, RATE_HZ
from hardware.media import dtmf_bench, tones
from hardware.media.bank import Frames
from hardware.media.dtmf import HIGH_HZ, KEYS, LOW_HZ, digit_tone
from hardware.media.dtmf_bench import CONDITIONS, Condition, Ears


def named(conditions: list[Condition]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("condition", conditions, ids=lambda condition: condition.name)


def seed(condition: Condition) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(condition.name.encode()))


def ticks(pcm: Frames) -> list[Frames]:
    """The frames of one row's sound, each as a batch of one."""
    whole = np.pad(pcm, (0, -len(pcm) % FRAME))
    return list(whole.reshape(-1, 1, FRAME))


def heard(ears: Ears, pcm: Frames, row: int = 0) -> str:
    said = np.zeros((ears.reel.rows, len(pcm) + -len(pcm) % FRAME), np.int16)
    said[row, : len(pcm)] = pcm
    frames = np.split(said, said.shape[1] // FRAME, axis=1)
    return "".join(key for frame in frames for _, key in ears.hear(frame))


def pressed(keys: str) -> Frames:
    return np.concatenate([digit_tone(key) for key in keys])


@named([condition for condition in CONDITIONS if condition.accept])
def test_a_key_that_must_be_heard_is_heard_exactly_once(condition: Condition) -> None:
    score = dtmf_bench.score(condition, 4, seed(condition))
    assert (score.accepted, score.extra) == (score.sent, 0)


@named([condition for condition in CONDITIONS if not condition.accept])
def test_what_is_no_key_is_not_heard(condition: Condition) -> None:
    score = dtmf_bench.score(condition, 4, seed(condition))
    assert score.sent == 4 * 16
    assert (score.accepted, score.extra) == (0, 0)


def test_speech_is_not_taken_for_keys_and_a_key_after_it_is_heard() -> None:
    speech = dtmf_bench.speak(300)[: 300 * RATE_HZ].reshape(15, -1)
    assert tones.level_dbm0(speech) == pytest.approx(-15, abs=0.5)
    key = np.tile(digit_tone("5"), (15, 1))
    both = np.concatenate([speech, key], axis=1)
    for sound in (both, dtmf_bench.through_a_law(both)):
        found = dtmf_bench.listen(sound)
        assert sorted(row for _, row, _ in found) == list(range(15))
        assert {key for _, _, key in found} == {"5"}
        assert min(tick for tick, _, _ in found) * FRAME >= speech.shape[1]


@settings(max_examples=25, deadline=None)
@given(st.text(KEYS, min_size=1, max_size=20))
def test_any_number_the_box_sends_is_heard_as_it_was_sent(number: str) -> None:
    assert heard(Ears(1), pressed(number)) == number


@settings(max_examples=25, deadline=None)
@given(st.integers(0, FRAME - 1), st.sampled_from(KEYS))
def test_a_key_is_heard_within_60_ms_wherever_in_a_frame_it_begins(start: int, key: str) -> None:
    sound = np.concatenate([np.zeros(start, np.int16), digit_tone(key)])
    ears = Ears(1)
    found = [tick for tick, frame in enumerate(ticks(sound)) for _ in ears.hear(frame)]
    assert len(found) == 1
    assert (found[0] + 1) * FRAME - start <= 60 * RATE_HZ // 1000


def test_a_batch_of_lines_hears_what_each_would_hear_alone() -> None:
    generator = np.random.default_rng(11)
    conditions = CONDITIONS[:24]
    sounds = [dtmf_bench.dial(condition, 1, generator).pcm[0] for condition in conditions]
    shortest = min(map(len, sounds))
    together = np.stack([sound[:shortest] for sound in sounds])
    alone = [
        (tick, row, key) for row in range(24) for tick, _, key in dtmf_bench.listen(together[row : row + 1])
    ]
    assert len(alone) > 24 * 8
    assert sorted(dtmf_bench.listen(together)) == sorted(alone)


def test_only_lines_that_are_listened_to_press_keys() -> None:
    ears = Ears(4)
    listened = np.array([0, 2])
    found = []
    for frame in ticks(pressed("19")):
        ears.reel.turn()
        ears.reel.said[:] = frame
        found += ears.bank.hear(listened)
    assert found == [(0, "1"), (2, "1"), (0, "9"), (2, "9")]


def test_the_same_key_twice_is_two_digits_and_a_long_one_is_one() -> None:
    short = digit_tone("7")[: 40 * 8]
    pause = np.zeros(40 * 8, np.int16)
    assert heard(Ears(1), np.concatenate([short, pause, short, pause])) == "77"
    held = np.tile(digit_tone("7")[:800], 20)  # 2 s, and the phase jumps every 100 ms
    assert heard(Ears(1), held) == "7"


def test_a_new_line_has_not_heard_what_the_old_one_said() -> None:
    half, rest = digit_tone("3")[:FRAME], digit_tone("3")[FRAME : 2 * FRAME]
    begun = Ears(1)
    assert heard(begun, half) == ""
    assert heard(begun, rest) == "3"
    begun = Ears(1)
    heard(begun, half)
    begun.bank.forget(0)
    assert heard(begun, rest) == ""


def test_a_new_line_may_press_the_key_the_old_one_still_held() -> None:
    ears = Ears(1)
    assert heard(ears, digit_tone("3")[: 4 * FRAME]) == "3"
    ears.bank.forget(0)
    assert heard(ears, digit_tone("3")) == "3"


def test_growing_keeps_what_the_lines_have_heard() -> None:
    ears = Ears(1)
    sound = digit_tone("0")
    assert heard(ears, sound[:FRAME]) == ""
    ears.reel.grow(5)
    assert heard(ears, sound[FRAME : 2 * FRAME]) == "0"
    assert heard(ears, pressed("42"), row=4) == "42"


def test_no_lines_hear_nothing() -> None:
    assert Ears(0).hear(np.zeros((0, FRAME), np.int16)) == []
    assert Ears(3).hear(np.zeros((0, FRAME), np.int16)) == []


@pytest.mark.parametrize("level", [-32768, 32767])
def test_a_line_stuck_at_full_scale_presses_no_key(level: int) -> None:
    assert heard(Ears(1), np.full(RATE_HZ, level, np.int16)) == ""


@pytest.mark.parametrize("name", list(tones.TONES))
def test_no_tone_of_the_network_is_a_key(name: str) -> None:
    assert heard(Ears(1), np.tile(tones.tone(name), 2)) == ""


def test_noise_is_no_key() -> None:
    noise = np.random.default_rng(3).normal(0, 4000, (30, 10 * RATE_HZ)).astype(np.int16)
    assert dtmf_bench.listen(noise) == []


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_sent_as_its_two_frequencies_at_their_levels(key: str) -> None:
    pcm = digit_tone(key)
    assert len(pcm) == 8 * FRAME
    assert not pcm[800:].any()
    low, high = divmod("123A456B789C*0#D".index(key), 4)
    time_s = np.arange(800) / RATE_HZ
    fit = [f(2 * np.pi * hz * time_s) for hz in (LOW_HZ[low], HIGH_HZ[high]) for f in (np.sin, np.cos)]
    parts, rest, *_ = np.linalg.lstsq(np.stack(fit, axis=1), pcm[:800].astype(float), rcond=None)
    for (sin, cos), dbm0 in ((parts[:2], -9), (parts[2:], -7)):
        assert np.hypot(sin, cos) == pytest.approx(tones.peak(dbm0), rel=0.01)
    assert rest[0] < 800  # only rounding is left


@pytest.mark.parametrize("key", ["", "E", "12", "1 "])
def test_what_is_not_on_the_keypad_cannot_be_sent(key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        digit_tone(key)


def test_the_loudest_key_fits_and_a_louder_one_is_refused() -> None:
    loudest = digit_tone("D", -4)
    steepest = np.abs(np.diff(loudest.astype(int))).max()
    assert steepest <= 2 * tones.peak(-2)  # a wrapped sample would jump by 65536
    assert heard(Ears(1), loudest) == "D"
    with pytest.raises(ValueError, match="too loud"):
        digit_tone("D", -3)


def test_the_bench_counts_a_key_heard_twice_as_an_extra_one() -> None:
    broken = Condition("a break too long to forgive", tone_ms=240, break_ms=60)
    score = dtmf_bench.score(broken, 1, np.random.default_rng(1))
    assert (score.accepted, score.extra) == (0, 32)
