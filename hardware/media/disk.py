"""The thread that writes recordings: files, headers, syncs, and the marks of those still open."""

import ctypes
import errno
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import msgspec

from hardware.line import RATE_HZ
from hardware.media.wav import HEADER_BYTES, header, repair

CHANNELS = 2
SECOND_BYTES = 2 * CHANNELS * RATE_HZ
SYNC_S = 0.5
MOST_WAITING = 4000
"""Pieces of 0.4 s the disk may be behind with (about 50 MB) before recordings are given up."""

NO_FILE = -1

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Finished:
    """A recording is over and, unless `reason` tells otherwise, durable."""

    id: str
    line: str
    path: str
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Begin:
    """Create a recording's file and the folders above it."""

    id: str
    line: str
    path: str


@dataclass(frozen=True, slots=True)
class Append:
    """Append to some recordings a piece each."""

    pieces: Sequence[tuple[str, bytes | memoryview]]


@dataclass(frozen=True, slots=True)
class End:
    """Close a recording."""

    id: str
    reason: str


Job = Begin | Append | End


@dataclass(slots=True)
class _File:
    id: str
    line: str
    path: str
    fd: int
    device: int
    data: int = 0


class Marks:
    """Which recordings are open, in a file of JSON lines: the next start makes a power cut good."""

    def __init__(self, path: Path | None) -> None:
        self.fd: int | None = None
        self._open: set[str] = set()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)

    def recover(self) -> list[Finished]:
        """Repair the recordings that were open when the box stopped, and say what they are."""
        if self.fd is None:
            return []
        pending: dict[str, tuple[str, str]] = {}
        with os.fdopen(os.dup(self.fd), "rb") as file:
            file.seek(0)
            for line in file:
                try:
                    mark = json.loads(line)
                    if mark["open"]:
                        pending[mark["id"]] = (mark["line"], mark["path"])
                    else:
                        pending.pop(mark["id"], None)
                except (ValueError, KeyError, TypeError):
                    continue  # the torn last line
        recovered = [_recovered(name, line, path) for name, (line, path) in pending.items()]
        os.ftruncate(self.fd, 0)
        os.fsync(self.fd)
        return recovered

    def opened(self, *begin: Begin) -> None:
        """Note that recordings begin."""
        self._open.update(one.id for one in begin)
        self._write({"open": True, "id": one.id, "line": one.line, "path": one.path} for one in begin)

    def closed(self, *ids: str) -> None:
        """Note that recordings are whole."""
        self._open.difference_update(ids)
        if self._open:
            self._write({"open": False, "id": name} for name in ids)
        elif ids and self.fd is not None:
            os.ftruncate(self.fd, 0)

    def _write(self, marks: Iterable[dict[str, object]]) -> None:
        if self.fd is not None and (lines := [msgspec.json.encode(mark) for mark in marks]):
            os.write(self.fd, b"\n".join([*lines, b""]))


class Disk:
    """Recordings' files, written by a thread of its own; `hand_over` gives it what was asked for.

    A recording has its final name from the start and a header that is right after every
    piece, so it can be listened to while it grows; one `syncfs` each half second makes
    all of them durable at once. Files are never overwritten.
    """

    def __init__(self, marks: Path | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.done: deque[Finished] = deque()
        self._now = now
        self._marks = Marks(marks)
        self.done.extend(self._marks.recover())
        self._asked: list[Job] = []
        self._jobs: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._handed = self._written = 0
        self._files: dict[str, _File] = {}
        self._dirty: dict[int, int] = {}
        """By device: an open file there."""
        self._ended: list[tuple[Finished, int]] = []
        """What is over, with its device: told when that is synced."""
        self._closing: list[int] = []
        """Files to close then."""
        self._thread = Thread(target=self._run, name="disk", daemon=True)
        self._thread.start()

    def open(self, id: str, line: str, path: str) -> None:
        """Create a recording's file and the folders above it."""
        self._asked.append(Begin(id, line, path))

    def write(self, pieces: Sequence[tuple[str, bytes | memoryview]]) -> bool:
        """Append to some recordings a piece each; False when the disk is hopelessly behind."""
        if self._waiting > MOST_WAITING:
            return False
        self._handed += len(pieces)
        self._asked.append(Append(pieces))
        return True

    def end(self, id: str, reason: str = "") -> None:
        """Close a recording; `Finished` is in `done` once it is durable."""
        self._asked.append(End(id, reason))

    def hand_over(self) -> None:
        """Have done what was asked for: it wakes the thread, so once a tick, at its end."""
        if self._asked:
            self._jobs.put(self._asked)
            self._asked = []

    def close(self, wait_s: float = 10.0) -> None:
        """Finish what is queued, sync, and end the thread."""
        self.hand_over()
        self._jobs.put(None)
        self._thread.join(wait_s)

    @property
    def _waiting(self) -> int:
        """Pieces handed over and not written."""
        return self._handed - self._written

    # The thread

    def _run(self) -> None:
        sync_at = self._now() + SYNC_S
        while True:
            try:
                jobs = self._jobs.get(timeout=max(0.0, sync_at - self._now()))
                if jobs is None:
                    break
                self._do(jobs)
            except Empty:
                pass
            if self._now() >= sync_at:
                self._sync()
                sync_at = self._now() + SYNC_S
        for name in list(self._files):
            self._end(name, "")
        self._sync()

    def _do(self, jobs: Sequence[Job]) -> None:
        reason = self._mark([job for job in jobs if isinstance(job, Begin)])
        for job in jobs:
            match job:
                case Begin():
                    self._open(job, reason)
                case Append(pieces):
                    self._append(pieces)
                case End(id, why):
                    self._end(id, why)

    def _mark(self, begin: Sequence[Begin]) -> str:
        """Mark recordings as open; why that cannot be done."""
        try:
            self._marks.opened(*begin)
        except OSError as error:
            return _why(error)
        return ""

    def _open(self, begin: Begin, reason: str) -> None:
        fd = NO_FILE
        try:
            if not reason:
                fd = _created(begin.path)
                os.pwrite(fd, header(CHANNELS, 0), 0)
        except OSError as error:
            reason = _why(error)
        if reason:
            self._over(Finished(begin.id, begin.line, begin.path, 0.0, reason), NO_FILE, fd)
        else:
            self._files[begin.id] = _File(begin.id, begin.line, begin.path, fd, os.fstat(fd).st_dev)

    def _append(self, pieces: Sequence[tuple[str, bytes | memoryview]]) -> None:
        for name, piece in pieces:
            file = self._files.get(name)
            if file is not None:
                self._put(file, piece)
            self._written += 1

    def _put(self, file: _File, piece: bytes | memoryview) -> None:
        try:
            if os.pwrite(file.fd, piece, HEADER_BYTES + file.data) < len(piece):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.pwrite(file.fd, header(CHANNELS, file.data + len(piece)), 0)
        except OSError as error:
            self._end(file.id, _why(error))
            return
        file.data += len(piece)
        self._dirty[file.device] = file.fd

    def _end(self, id: str, reason: str) -> None:
        file = self._files.pop(id, None)
        if file is None:
            return
        if reason:
            with suppress(OSError):  # half a piece may have been written
                os.ftruncate(file.fd, HEADER_BYTES + file.data)
        self._dirty[file.device] = file.fd
        seconds = file.data / SECOND_BYTES
        self._over(Finished(file.id, file.line, file.path, seconds, reason), file.device, file.fd)

    def _over(self, finished: Finished, device: int, fd: int) -> None:
        self._ended.append((finished, device))
        if fd != NO_FILE:
            self._closing.append(fd)

    def _sync(self) -> None:
        """Make durable all that was written, at once, and tell what is over."""
        failed = {device: ctypes.get_errno() for device, fd in self._dirty.items() if _libc.syncfs(fd)}
        self._dirty.clear()
        for fd in self._closing:
            os.close(fd)
        self._closing.clear()
        ended, self._ended = self._ended, []
        with suppress(OSError):  # a mark too many only has its file looked at by the next start
            self._marks.closed(*(finished.id for finished, _ in ended))
        for finished, device in ended:
            reason = finished.reason or (_why(OSError(failed[device], "")) if device in failed else "")
            self.done.append(replace(finished, reason=reason))


def _created(path: str) -> int:
    """A new file, in folders made when they are missing."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o640)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o640)


def _recovered(id: str, line: str, path: str) -> Finished:
    try:
        return Finished(id, line, path, repair(Path(path)), "interrupted")
    except (OSError, ValueError) as error:
        return Finished(id, line, path, 0.0, f"interrupted, and not repaired: {error}")


def _why(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk full"
    return f"cannot be written: {error.strerror or os.strerror(error.errno or 0)}"
