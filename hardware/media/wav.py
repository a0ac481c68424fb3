"""WAV files: the header we write, the prompts we read, and what a power cut leaves."""

import os
from pathlib import Path
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from hardware.line import RATE_HZ
from hardware.media.g711 import PCMA, decode

HEADER_BYTES = 44
PROMPT_MOST_BYTES = 64 << 20
PCM, ALAW = 1, 6
"""Format codes of a WAV (RFC 2361)."""
_HEADER = Struct("<4sI4s4sIHHIIHH4sI")
_FORMAT = Struct("<HHIIHH")
_DATA_MOST = 0xFFFFFFFF - HEADER_BYTES


def header(channels: int, data_bytes: int) -> bytes:
    """The 44-byte header of 8 kHz int16 PCM (RIFF/WAVE, format 1)."""
    align = 2 * channels
    size = min(data_bytes, _DATA_MOST)
    return _HEADER.pack(
        b"RIFF",
        36 + size,
        b"WAVE",
        b"fmt ",
        16,
        1,
        channels,
        RATE_HZ,
        RATE_HZ * align,
        align,
        16,
        b"data",
        size,
    )


def read_prompt(path: str) -> NDArray[np.int16]:
    """All samples of an 8 kHz WAV, for playing; ValueError says what it is instead; OSError.

    16-bit PCM or A-law (RFC 2361), mono or stereo: the sides of a recorded call are added,
    for its parties seldom speak at once.
    """
    if Path(path).stat().st_size > PROMPT_MOST_BYTES:
        raise ValueError(f"{path} is larger than a prompt may be")
    kind, data = _chunks(Path(path).read_bytes(), path)
    if kind[0] == ALAW and kind[3] == 8:
        codes = np.frombuffer(data, np.uint8)
        pcm = np.empty(len(codes), np.int16)
        decode(PCMA, codes, pcm)
    elif kind[0] == PCM and kind[3] == 16:
        pcm = np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.int16, copy=False)
    else:
        raise ValueError(f"{path} is format {kind[0]} of {kind[3]} bit")
    if kind[2] != RATE_HZ or kind[1] not in (1, 2):
        raise ValueError(f"{path} has {kind[1]} channels of {kind[3]} bit at {kind[2]} Hz")
    if kind[1] == 1:
        return pcm
    sides = pcm[: len(pcm) & ~1].reshape(-1, 2).astype(np.int32)
    both: NDArray[np.int16] = np.clip(sides[:, 0] + sides[:, 1], -32768, 32767).astype(np.int16)
    return both


def _chunks(whole: bytes, path: str) -> tuple[tuple[int, int, int, int], bytes]:
    """Format (code, channels, rate in Hz, bits) and sound of a WAV; ValueError when it is none."""
    if whole[:4] != b"RIFF" or whole[8:12] != b"WAVE":
        raise ValueError(f"{path} is no WAV")
    kind, at = None, 12
    while at + 8 <= len(whole):
        name, size = whole[at : at + 4], int.from_bytes(whole[at + 4 : at + 8], "little")
        body = whole[at + 8 : at + 8 + size]
        if name == b"fmt " and len(body) >= _FORMAT.size:
            code, channels, rate_hz, _, _, bits = _FORMAT.unpack_from(body)
            kind = (code, channels, rate_hz, bits)
        elif name == b"data" and kind is not None:
            return kind, body
        at += 8 + size + (size & 1)
    raise ValueError(f"{path} is no WAV: a part is missing")


def repair(path: Path) -> float:
    """Set the sizes in a recording's header from the file's length, cutting a torn sample; seconds of sound.

    For our own recordings after a power cut. Raises OSError, or ValueError when the file
    is none of ours.
    """
    fd = os.open(path, os.O_RDWR)
    try:
        size = os.fstat(fd).st_size
        head = os.pread(fd, HEADER_BYTES, 0)
        unwritten = not head.strip(b"\0")
        if not unwritten and not (head.startswith(b"RIFF") and b"data".startswith(head[36:40])):
            raise ValueError(f"{path} is none of our recordings")
        channels = 1 if head[22:24] == b"\1\0" else 2
        align = 2 * channels
        data = max(0, size - HEADER_BYTES) // align * align
        os.ftruncate(fd, HEADER_BYTES + data)
        os.pwrite(fd, header(channels, data), 0)
        os.fdatasync(fd)
        return data / align / RATE_HZ
    finally:
        os.close(fd)
