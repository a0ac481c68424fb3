"""Archive formats, as a table, and how a recording gets into one: whole, read back, and durable."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.blobs.keeping import sync_folder
from appliance.recordings import alaw, mp3
from appliance.recordings.alaw import Block


@dataclass(frozen=True, slots=True)
class Format:
    """How recordings can be archived: `encode` writes a copy of the first path, `check` reads it back."""

    suffix: str
    """How the names of archived files end."""
    media_type: str
    encode: Callable[[Path, Path], None]
    check: Callable[[Path, Path], None]


FORMATS: Mapping[str, Format] = {
    "mp3": Format(mp3.SUFFIX, "audio/mpeg", mp3.encode, mp3.check),
    "alaw": Format(alaw.SUFFIX, "audio/wav", alaw.encode, alaw.check),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it was written."""

    sha256: str
    size: int


def chosen(name: str) -> Format:
    """Return the format of this name, or A-law where the box cannot write it."""
    return FORMATS["alaw" if name == "mp3" and not mp3.available() else name]


def format_of(path: str) -> Format | None:
    """Return the format a file is archived in; None for a recording as it was made."""
    return next((each for each in FORMATS.values() if path.endswith(each.suffix)), None)


def is_mp3(file: Path) -> bool:
    """Tell whether a file is MP3: by its name, or by its content where it is named by its hash; OSError."""
    if file.suffix:
        return file.name.endswith(mp3.SUFFIX)
    with file.open("rb") as start:
        return start.read(4) != b"RIFF"


def archive(source: Path, target: Path, format: Format) -> Written:
    """Write the archive copy, durable when it returns; ValueError, or OSError with nothing left.

    The copy appears under its name only when it is whole and was read back.
    """
    part = target.with_name(target.name + ".part")
    try:
        format.encode(source, part)
        with part.open("rb") as made:
            os.fsync(made.fileno())
        format.check(source, part)
        written = fingerprint(part)
        part.replace(target)
        sync_folder(target.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return written


def fingerprint(path: Path) -> Written:
    """SHA-256 and size of a file, read in pieces; OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Written(digest.hexdigest(), file.tell())


def length(path: Path) -> int:
    """Samples of each channel, in whatever format; OSError, or ValueError for a foreign file."""
    if is_mp3(path):
        return mp3.length(path)
    with path.open("rb") as file:
        return alaw.look(file).frames


def read(path: Path) -> Iterator[Block]:
    """The samples of a recording in turn, in whatever format; OSError, or ValueError for a foreign file."""
    if is_mp3(path):
        yield from mp3.read(path)
        return
    with path.open("rb") as file:
        yield from alaw.blocks(file, alaw.look(file))
