"""The journal: events on disk before anybody relies on them, without a database.

One contract, two implementations: segment files for processes that must not know a
database (`FileJournal`), and the event table of the store. A reader keeps a position;
positions are dense and begin at 1.
"""

import itertools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from appliance.events import Event, from_line, to_line

SEGMENT_BYTES = 8 * 1024 * 1024
SUFFIX = ".journal"


class Journal(Protocol):
    """An append-only log of events."""

    def append(self, events: Iterable[Event]) -> int:
        """Keep the events, durable when this returns; return the position of the last one."""

    def read(self, after: int, limit: int) -> Sequence[tuple[int, Event]]:
        """Return up to `limit` events behind a position, oldest first."""


class FileJournal:
    """Events as JSON lines in segment files named by the position of their first event.

    One process appends; any number may read. A line torn by a power cut was never
    acknowledged and is cut off when the journal is next opened for writing.
    """

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self.segment_bytes = segment_bytes
        self._fd = -1
        self._size = 0
        self._last = 0
        self._place: tuple[int, str, int] | None = None
        """Where the last read ended: position, segment, byte offset."""

    @property
    def first(self) -> int:
        """The position of the oldest event still there; 1 when none ever was."""
        return _first(segments[0]) if (segments := self._segments()) else 1

    @property
    def last(self) -> int:
        """The position of the newest event."""
        if self._fd < 0:
            self._open()
        return self._last

    def append(self, events: Iterable[Event]) -> int:
        """Write and fsync; raises OSError (disk full, say) with nothing half-written kept."""
        lines = [to_line(event) for event in events]
        if self._fd < 0:
            self._open()
        if not lines:
            return self._last
        if self._size >= self.segment_bytes:
            self._begin_segment()
        data = b"".join(lines)
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], self._size + written)
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)
        self._last += len(lines)
        return self._last

    def read(self, after: int, limit: int) -> Sequence[tuple[int, Event]]:
        """Return events behind `after`; continuing where the last read ended costs no scan."""
        found: list[tuple[int, Event]] = []
        position, segment, offset = self._find(after)
        while segment is not None and len(found) < limit:
            with open(segment, "rb") as file:
                file.seek(offset)
                for line in file:
                    if not line.endswith(b"\n") or len(found) == limit:
                        break
                    position += 1
                    offset += len(line)
                    if position > after:
                        found.append((position, from_line(line)))
            following = self._path(position + 1)
            if len(found) == limit or following == segment or not os.path.exists(following):
                self._place = (position, segment, offset)
                break
            segment, offset = following, 0
        return found

    def prune(self, upto: int) -> None:
        """Forget whole segments whose events all stand at or before `upto`."""
        segments = self._segments()
        for segment, after in itertools.pairwise(segments):
            if _first(after) <= upto + 1:
                segment.unlink()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _path(self, position: int) -> str:
        """The segment that begins at a position; plain text, for a follower looks many times a second."""
        return f"{self.folder}/{_name(position)}"

    def _find(self, after: int) -> tuple[int, str | None, int]:
        if self._place and self._place[0] == after and os.path.exists(self._place[1]):
            return self._place
        older = [segment for segment in self._segments() if _first(segment) <= after + 1]
        if not older:
            older = self._segments()[:1]
        return (_first(older[-1]) - 1, str(older[-1]), 0) if older else (after, None, 0)

    def _segments(self) -> list[Path]:
        return sorted(self.folder.glob("*" + SUFFIX))

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        segments = self._segments()
        if not segments:
            self._last = 0
            self._begin_segment()
            return
        data = segments[-1].read_bytes()
        whole = data.rfind(b"\n") + 1
        self._fd = os.open(segments[-1], os.O_RDWR)
        os.ftruncate(self._fd, whole)
        self._size = whole
        self._last = _first(segments[-1]) - 1 + data.count(b"\n", 0, whole)

    def _begin_segment(self) -> None:
        self.close()
        self._fd = os.open(self.folder / _name(self._last + 1), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
        self._size = 0
        folder = os.open(self.folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def _name(position: int) -> str:
    return f"{position:012d}{SUFFIX}"


def _first(segment: Path) -> int:
    return int(segment.name[: -len(SUFFIX)])
