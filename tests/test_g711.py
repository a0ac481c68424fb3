"""G.711 against the recommendation's own tables, worked out here a second time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.media import g711

SEGMENTS = {
    g711.PCMA: [(32, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128)],
    g711.PCMU: [(1, 1), (15, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128), (16, 256)],
}
"""Tables 1a and 2a, columns 1 and 2: how many intervals of which size, from zero up."""
TO_INT16 = {g711.PCMA: 8, g711.PCMU: 4}
BOTH = pytest.mark.parametrize("payload", [g711.PCMA, g711.PCMU])


def edges(payload: int) -> list[int]:
    """Decision values x1 ... x129 of the recommendation (its 13 or 14 bit scale)."""
    found = [0]
    for count, size in SEGMENTS[payload]:
        for _ in range(count):
            found.append(found[-1] + size)
    return found


def quantized(payload: int, number: int) -> int:
    """Column 7, value y of an interval: its middle, but zero for the first of the mu-law, in int16."""
    x = edges(payload)
    if payload == g711.PCMU and number == 0:
        return 0
    return (x[number] + x[number + 1]) * TO_INT16[payload] // 2


def on_the_wire(payload: int, number: int, positive: bool) -> int:
    """Column 6: A-law has its even bits inverted (note 2); mu-law counts down from all ones."""
    if payload == g711.PCMA:
        return ((0x80 if positive else 0) | number) ^ 0x55
    return (0xFF if positive else 0x7F) - number


def decoded(payload: int, codes: np.ndarray) -> np.ndarray:
    out = np.empty(codes.shape, np.int16)
    g711.decode(payload, codes, out)
    return out


def encoded(payload: int, pcm: np.ndarray) -> np.ndarray:
    out = np.empty(pcm.shape, np.uint8)
    g711.encode(payload, pcm, out)
    return out


def number_of(payload: int, codes: np.ndarray) -> np.ndarray:
    """Codes as places on one scale from the most negative to the most positive value."""
    magnitude = (codes.astype(int) ^ (0x55 if payload == g711.PCMA else 0x7F)) & 0x7F
    return np.where(codes & 0x80, magnitude, -1 - magnitude)


@BOTH
def test_the_top_of_the_scale_is_that_of_the_recommendation(payload: int) -> None:
    assert edges(payload)[-1] == {g711.PCMA: 4096, g711.PCMU: 8159}[payload]


@BOTH
@pytest.mark.parametrize("positive", [True, False])
def test_every_code_decodes_to_the_value_of_the_recommendation(payload: int, positive: bool) -> None:
    wire = np.array([on_the_wire(payload, n, positive) for n in range(128)], np.uint8)
    values = np.array([quantized(payload, n) for n in range(128)])
    assert (decoded(payload, wire) == (values if positive else -values)).all()


@BOTH
def test_every_sample_is_coded_within_one_step_of_the_recommendation(payload: int) -> None:
    pcm = np.arange(-32768, 32768).astype(np.int16)
    magnitude = np.minimum(np.abs(pcm.astype(int)), edges(payload)[-1] * TO_INT16[payload] - 1)
    number = np.searchsorted(np.array(edges(payload)) * TO_INT16[payload], magnitude, side="right") - 1
    expected = np.where(pcm >= 0, number, -1 - number)
    distance = np.abs(number_of(payload, encoded(payload, pcm)) - expected)
    assert distance.max() <= 1
    assert (distance == 1).sum() <= 256  # only values on the edge of a step are a matter of taste


@BOTH
def test_coding_a_decoded_code_gives_the_code_back(payload: int) -> None:
    codes = np.arange(256).astype(np.uint8)
    back = encoded(payload, decoded(payload, codes))
    unequal = codes[back != codes]
    assert unequal.tolist() == ([] if payload == g711.PCMA else [0x7F])  # mu-law has two zeros


@BOTH
def test_silence_is_the_code_of_zero(payload: int) -> None:
    assert encoded(payload, np.zeros(1, np.int16))[0] == g711.SILENCE[payload]


@BOTH
def test_louder_never_becomes_quieter(payload: int) -> None:
    pcm = np.arange(-32768, 32768).astype(np.int16)
    assert (np.diff(decoded(payload, encoded(payload, pcm)).astype(int)) >= 0).all()


@given(st.integers(-32768, 32767), st.sampled_from([g711.PCMA, g711.PCMU]))
def test_a_sample_comes_back_wrong_by_at_most_half_its_step(sample: int, payload: int) -> None:
    back = int(decoded(payload, encoded(payload, np.array([sample], np.int16)))[0])
    step = max(abs(sample) / 16, 16)
    assert abs(back - sample) <= step / 2 + 4


@BOTH
def test_frames_of_any_shape_and_stride_are_coded_in_place(payload: int) -> None:
    generator = np.random.default_rng(7)
    wide = generator.integers(-32768, 32768, (5, 320)).astype(np.int16)
    codes = np.zeros((5, 320), np.uint8)
    g711.encode(payload, wide[:, ::2], codes[:, ::2])
    assert (codes[:, ::2] == encoded(payload, wide[:, ::2].copy())).all()
    assert not codes[:, 1::2].any()


def test_a_payload_that_is_not_g711_is_a_bug() -> None:
    with pytest.raises(KeyError):
        g711.decode(18, np.zeros(160, np.uint8), np.zeros(160, np.int16))
