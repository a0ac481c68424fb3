"""What media can play: a recording as it is, or the decoded copy of one that is archived as MP3.

So is one that was fetched from another box and lies elsewhere. Copies lie in a folder of their own below
the recordings; only the newest few are kept.
"""

import os
from pathlib import Path

import numpy as np

from appliance.recordings.archive import is_mp3, read
from hardware.media import wav

FOLDER = ".played"
COPIES_MOST = 20


def playable(recordings: Path, file: Path) -> str:
    """Return the path, below the recordings, of what can be played; OSError, or ValueError for no sound."""
    if not is_mp3(file) and file.is_relative_to(recordings.resolve()):
        return str(file.relative_to(recordings.resolve()))
    folder = recordings / FOLDER
    folder.mkdir(exist_ok=True)
    copy = folder / f"{file.parent.name}-{file.stem}.wav"
    if copy.exists():
        os.utime(copy)
    else:
        _decode(file, copy)
        _forget(folder)
    return str(copy.relative_to(recordings))


def _decode(file: Path, copy: Path) -> None:
    """Both sides added, as media adds those of any recording."""
    part = copy.with_name(f"{copy.name}.{os.getpid()}")
    size = 0
    try:
        with part.open("wb") as out:
            out.write(wav.header(1, 0))
            for block in read(file):
                both = np.clip(block.astype(np.int32).sum(axis=1), -32768, 32767).astype("<i2")
                size += out.write(both.tobytes())
            out.seek(0)
            out.write(wav.header(1, size))
        part.replace(copy)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _forget(folder: Path) -> None:
    newest_first = sorted(folder.glob("*.wav"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest_first[COPIES_MOST:]:
        old.unlink(missing_ok=True)
