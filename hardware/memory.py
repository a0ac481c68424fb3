"""The file of what outlives the process: notes as lines, read at start, kept small."""

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

log = logging.getLogger(__name__)

MOST_BYTES = 16 * 1024 * 1024
SPARE = 1000
"""Lines that may be out of date before the file is written anew."""


class Keyed(Protocol):
    """A struct that replaces what was noted before under the same key."""

    @property
    def key(self) -> str:
        """What it is about."""


N = TypeVar("N", bound=Keyed)


class Line(msgspec.Struct, Generic[N], frozen=True):
    """One note, and when it was written (Unix seconds)."""

    at: float
    note: N


class Memory(Generic[N]):
    """Notes on disk. What is written survives our death, though perhaps not a power cut.

    `kinds` is the type of the notes, a union of tagged structs; `ends` says of which nothing is
    left to be remembered. A file that cannot be read or written costs what it would have
    remembered, and nothing else.
    """

    def __init__(self, path: Path, kinds: Any, ends: Callable[[N], bool]) -> None:
        self._path = path
        self._ends = ends
        self._decoder: msgspec.json.Decoder[Line[N]] = msgspec.json.Decoder(Line[kinds])
        self._fd = -1
        self._lines: dict[str, bytes] = {}
        self._written = 0
        self._failed = False
        self._encode = msgspec.json.Encoder().encode

    def load(self) -> list[tuple[float, N]]:
        """What was noted last of everything, with its age in seconds; the file is then written anew."""
        notes: dict[str, Line[N]] = {}
        for line in self._read():
            if self._ends(line.note):
                notes.pop(line.note.key, None)
            else:
                notes[line.note.key] = line
        self._lines = {key: self._encode(line) + b"\n" for key, line in notes.items()}
        self._anew()
        now = time.time()
        return [(now - line.at, line.note) for line in notes.values()]

    def write(self, notes: Iterable[N]) -> None:
        """Append; never raises for what the disk does."""
        now, data = time.time(), b""
        for note in notes:
            line = self._encode(Line(now, note)) + b"\n"
            data += line
            self._written += 1
            if self._ends(note):
                self._lines.pop(note.key, None)
            else:
                self._lines[note.key] = line
        if self._written > SPARE + 2 * len(self._lines):
            return self._anew()
        try:
            if self._fd >= 0:
                os.write(self._fd, data)
        except OSError as error:
            self._say(error)
        return None

    def close(self) -> None:
        """Give the file back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> list[Line[N]]:
        try:
            with self._path.open("rb") as file:
                data = file.read(MOST_BYTES)
        except OSError:
            return []
        decode = self._decoder.decode
        found = []
        for line in data.splitlines():
            try:
                found.append(decode(line))
            except ValueError:
                continue  # torn by a power cut, or of another version
        return found

    def _anew(self) -> None:
        """Swap the file for one with nothing out of date in it."""
        fresh = self._path.with_suffix(".fresh")
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            self.close()
            self._fd = fd
            os.write(fd, b"".join(self._lines.values()))
            fresh.replace(self._path)
        except OSError as error:
            self._say(error)
        self._written = len(self._lines)

    def _say(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            log.warning("%s cannot be written: %s", self._path, error.strerror)
