"""G.711: eight-bit telephone speech to and from int16, by table (ITU-T G.711, RFC 3551 4.5.14).

Both laws cut the magnitude into 128 steps that double in width from segment to segment.
A code stands for the middle of its step; a magnitude is coded by the step it falls into.
int16 is the law's own scale times 8 (A-law, 13 bits) or times 4 (mu-law, 14 bits).
"""

import numpy as np
from numpy.typing import NDArray

PCMU = 0
PCMA = 8
"""RTP payload types (RFC 3551 table 4)."""

SILENCE = {PCMU: 0xFF, PCMA: 0xD5}
"""The code of int16 zero, to fill a frame of silence."""

_SIGN = 0x80
"""Set on the wire for values of zero and above, in both laws."""
_FLIPPED = {PCMU: 0x7F, PCMA: 0x55}
"""Bits of a step's number that are inverted on the wire."""


def _steps(payload: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lower edge and middle of the 128 steps, as int16 magnitudes (G.711 tables 1a and 2a)."""
    number = np.arange(128)
    segment, place = number >> 4, number & 15
    if payload == PCMA:
        # Segments 0 and 1 are one straight piece: 32 steps of the smallest width.
        width = 16 << np.maximum(segment - 1, 0)
        lower = np.where(segment == 0, place, place + 16) * width
        return lower, lower + width // 2
    # Step 0 of the mu-law is half a step wide and stands for exactly zero.
    width = 8 << segment
    lower = (place + 16) * width - 132
    return np.maximum(lower, 0), lower + width // 2


def _decoder(payload: int) -> NDArray[np.int16]:
    """int16 for each of the 256 codes."""
    code = np.arange(256)
    _, middle = _steps(payload)
    magnitude = middle[(code ^ _FLIPPED[payload]) & 0x7F].astype(np.int16)
    decoder: NDArray[np.int16] = np.where(code & _SIGN, magnitude, -magnitude)
    return decoder


def _encoder(payload: int) -> NDArray[np.uint8]:
    """A code for each int16, indexed by its bits read as uint16."""
    pcm = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int64)
    lower, _ = _steps(payload)
    # A negative value on an edge belongs to the step nearer zero: hence ~pcm = -pcm - 1.
    magnitude = np.where(pcm >= 0, pcm, ~pcm)
    number = np.searchsorted(lower, magnitude, side="right") - 1
    return ((number ^ _FLIPPED[payload]) | np.where(pcm >= 0, _SIGN, 0)).astype(np.uint8)


_DECODERS = {payload: _decoder(payload) for payload in (PCMU, PCMA)}
_ENCODERS = {payload: _encoder(payload) for payload in (PCMU, PCMA)}


def decode(payload: int, codes: NDArray[np.uint8], out: NDArray[np.int16]) -> None:
    """Expand codes into `out`, of the same shape. `payload` is `PCMA` or `PCMU`, else KeyError."""
    np.take(_DECODERS[payload], codes, out=out, mode="clip")  # "clip": numpy then writes straight into out


def encode(payload: int, pcm: NDArray[np.int16], out: NDArray[np.uint8]) -> None:
    """Compress int16 samples into `out`, of the same shape. `payload` is `PCMA` or `PCMU`, else KeyError."""
    np.take(_ENCODERS[payload], pcm.view(np.uint16), out=out, mode="clip")
