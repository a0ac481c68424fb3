"""An archive format: 8-bit A-law in WAV, half the size; sound off an A-law line comes out the same.

WAVE format 6 (RFC 2361 appendix A) with the `fact` chunk its rules ask for; 8 kHz, both channels
kept. Every browser plays it.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hardware.line import RATE_HZ
from hardware.media import g711

PCM = 1
ALAW = 6
WIDTHS = {PCM: 2, ALAW: 1}
"""Bytes of a sample in each format we read."""
SUFFIX = ".alaw.wav"
Block = np.ndarray[tuple[int, int], np.dtype[np.int16]]
"""Samples in turn, (frames, channels) int16 linear."""
BLOCK_FRAMES = 1 << 17
CHUNKS_MOST = 16
DATA_MOST = 0xFFFFFFFF - 64
_HEAD = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")


@dataclass(frozen=True, slots=True)
class Sound:
    """What a WAV of ours says of itself; `frames` are samples of each channel."""

    format: int
    channels: int
    at: int
    """Where the samples begin, in bytes."""
    frames: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.frames / RATE_HZ


def header(channels: int, frames: int) -> bytes:
    """The header of an A-law WAV, 58 bytes."""
    size = frames * channels
    riff = _HEAD.size - 8 + size + size % 2
    fmt = (b"fmt ", 18, ALAW, channels, RATE_HZ, RATE_HZ * channels, channels, 8, 0)
    return _HEAD.pack(b"RIFF", riff, b"WAVE", *fmt, b"fact", 4, frames, b"data", size)


def look(file: BinaryIO) -> Sound:
    """Read the header of a recording; ValueError when it is none of ours, OSError."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise ValueError("it is no WAV")
    kind = channels = 0
    for _ in range(CHUNKS_MOST):
        name, length = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
        if name == b"fmt ":
            fmt = file.read(length)[:16].ljust(16, b"\0")
            kind, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", fmt)
            if kind not in WIDTHS or channels not in (1, 2) or rate_hz != RATE_HZ or bits != 8 * WIDTHS[kind]:
                raise ValueError(f"it has format {kind}, {channels} channels of {bits} bit at {rate_hz} Hz")
        elif name == b"data" and channels:
            at = file.tell()
            return Sound(kind, channels, at, min(length, size - at) // (WIDTHS[kind] * channels))
        else:
            file.seek(min(length + length % 2, size), os.SEEK_CUR)
    raise ValueError("it is no WAV of ours: it has no sound")


def blocks(file: BinaryIO, sound: Sound) -> Iterator[Block]:
    """Read the samples in turn, each block (frames, channels) int16 linear."""
    file.seek(sound.at)
    left, width = sound.frames, WIDTHS[sound.format] * sound.channels
    while left:
        raw = file.read(min(left, BLOCK_FRAMES) * width)
        raw = raw[: len(raw) // width * width]
        if not raw:
            raise OSError("the file became shorter while it was read")
        left -= len(raw) // width
        if sound.format == PCM:
            yield np.frombuffer(raw, "<i2").astype(np.int16, copy=False).reshape(-1, sound.channels)
        else:
            codes = np.frombuffer(raw, np.uint8)
            pcm = np.empty(len(codes), np.int16)
            g711.decode(g711.PCMA, codes, pcm)
            yield pcm.reshape(-1, sound.channels)


def encode(source: Path, part: Path) -> None:
    """Write the A-law copy of a recording; ValueError when it cannot be made, OSError."""
    with source.open("rb") as file, part.open("wb") as out:
        sound = look(file)
        if sound.format != PCM:
            raise ValueError("it is in archive format already")
        if sound.frames * sound.channels > DATA_MOST:
            raise ValueError("it is too long")
        out.write(header(sound.channels, sound.frames))
        for block in blocks(file, sound):
            out.write(_codes(block))
        if sound.frames * sound.channels % 2:
            out.write(b"\0")


def check(source: Path, part: Path) -> None:
    """Raise OSError unless the copy holds just what the recording says."""
    with source.open("rb") as file, part.open("rb") as made:
        first, second = look(file), look(made)
        made.seek(second.at)
        same = (second.channels, second.frames) == (first.channels, first.frames)
        for block in blocks(file, first):
            same = same and made.read(block.size) == _codes(block)
        if not same:
            raise OSError("what was read back is not what was written")


def _codes(block: Block) -> bytes:
    flat = block.reshape(-1)
    codes = np.empty(len(flat), np.uint8)
    g711.encode(g711.PCMA, flat, codes)
    return codes.tobytes()
