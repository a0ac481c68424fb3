"""WAV files: the header we write, the prompts we read, and what a power cut leaves."""

import os
import wave
from pathlib import Path
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from hardware.line import RATE_HZ

HEADER_BYTES = 44
PROMPT_MOST_BYTES = 64 << 20
_HEADER = Struct("<4sI4s4sIHHIIHH4sI")
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
    """All samples of an 8 kHz mono int16 WAV; ValueError says what it is instead; OSError."""
    if Path(path).stat().st_size > PROMPT_MOST_BYTES:
        raise ValueError(f"{path} is larger than a prompt may be")
    try:
        with wave.open(path, "rb") as file:
            kind = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            if kind != (1, 2, RATE_HZ):
                channels, width, rate_hz = kind
                raise ValueError(f"{path} has {channels} channels of {8 * width} bit at {rate_hz} Hz")
            pcm = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no WAV: {error}") from error
    return np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(np.int16, copy=False)


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
