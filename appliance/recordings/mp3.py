"""An archive format: MP3 at 32 kbit/s for both sides, an eighth of the size; every browser plays it.

Written and read by libsndfile, which the package soundfile brings; it is loaded only when a file
is, so a box without it archives in A-law. 8 kHz is MPEG-2.5 layer III. The rate is constant, so
that a player finds any second by its byte, and just enough for the length to come out exact.
"""

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from appliance.recordings.alaw import BLOCK_FRAMES, PCM, Block, blocks, look
from hardware.line import RATE_HZ

SUFFIX = ".mp3"
COMPRESSION = 0.5
"""What libsndfile calls a compression level: 0.5 is 32 kbit/s at 8 kHz."""
FULL_SCALE = 32768
SLACK_FRAMES = 2 * 576
"""How much longer than the recording what is decoded may be: libmp3lame pads whole frames of 576."""


@cache
def available() -> bool:
    """Tell whether this box can write MP3."""
    if importlib.util.find_spec("soundfile") is None:
        return False
    try:
        return "MP3" in _soundfile().available_formats()
    except OSError:
        return False


def encode(source: Path, part: Path) -> None:
    """Write the MP3 copy of a recording; ValueError when it cannot be made, OSError."""
    soundfile = _soundfile()
    with source.open("rb") as file:
        sound = look(file)
        if sound.format != PCM:
            raise ValueError("it is in archive format already")
        if not sound.frames:
            raise ValueError("it has no sound")
        try:
            with soundfile.SoundFile(
                str(part),
                "w",
                samplerate=RATE_HZ,
                channels=sound.channels,
                format="MP3",
                subtype="MPEG_LAYER_III",
                compression_level=COMPRESSION,
                bitrate_mode="CONSTANT",
            ) as out:
                for block in blocks(file, sound):
                    # libsndfile 1.2.2 garbles stereo that is given to its MP3 writer as integers.
                    out.write(block.astype(np.float32) / FULL_SCALE)
        except (soundfile.SoundFileError, AssertionError) as error:  # it asserts that all was written
            raise OSError(f"it cannot be written: {error}") from error


def check(source: Path, part: Path) -> None:
    """Raise OSError unless the whole copy can be decoded and is as long as the recording."""
    with source.open("rb") as file:
        frames = look(file).frames
    decoded = sum(len(block) for block in read(part))
    if not frames <= decoded <= frames + SLACK_FRAMES:
        raise OSError(f"what was read back has {decoded} samples, not {frames}")


def length(path: Path) -> int:
    """Samples of each channel; OSError, or ValueError for a foreign file."""
    with _opened(path) as file:
        return int(file.frames)


def read(path: Path) -> Iterator[Block]:
    """Decode in turn; OSError, or ValueError for a foreign file."""
    with _opened(path) as file:
        while len(block := file.read(BLOCK_FRAMES, dtype="int16", always_2d=True)):
            yield block


def _opened(path: Path) -> Any:
    soundfile = _soundfile()
    path.stat()
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.SoundFileError as error:
        raise ValueError(str(error)) from error
    if file.samplerate != RATE_HZ or file.channels not in (1, 2):
        file.close()
        raise ValueError(f"it has {file.channels} channels at {file.samplerate} Hz")
    return file


def _soundfile() -> Any:
    import soundfile

    return soundfile
