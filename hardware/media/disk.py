"""The thread that writes recordings: files, headers, syncs, and the marks of those still open."""

import ctypes
import errno
import json
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from hardware.line import RATE_HZ
from hardware.media.wav import HEADER_BYTES, header, repair

CHANNELS = 2
SECOND_BYTES = 2 * CHANNELS * RATE_HZ
SYNC_S = 0.5
MOST_WAITING = 4000
"""Pieces of 0.4 s the disk may be behind with (about 50 MB) before recordings are given up."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Finished:
    """A recording is over and, unless `reason` tells otherwise, durable."""

    id: str
    line: str
    path: str
    seconds: float
    reason: str = ""


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

    def opened(self, id: str, line: str, path: str) -> None:
        """Note that a recording begins."""
        self._open.add(id)
        self._write({"open": True, "id": id, "line": line, "path": path})

    def closed(self, id: str) -> None:
        """Note that a recording is whole."""
        self._open.discard(id)
        if self._open:
            self._write({"open": False, "id": id})
        elif self.fd is not None:
            os.ftruncate(self.fd, 0)

    def _write(self, mark: dict[str, object]) -> None:
        if self.fd is not None:
            os.write(self.fd, json.dumps(mark).encode() + b"\n")


class Disk:
    """Recordings' files. Everything but `open`, `write`, `end` and `close` runs in its own thread.

    A recording has its final name from the start and a header that is right after every
    piece, so it can be listened to while it grows; one `syncfs` each half second makes
    all of them durable at once. Files are never overwritten.
    """

    def __init__(self, marks: Path | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.done: deque[Finished] = deque()
        self._now = now
        self._marks = Marks(marks)
        self.done.extend(self._marks.recover())
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._handed = self._written = 0
        self._files: dict[str, _File] = {}
        self._dirty: dict[int, int] = {}
        self._ended: list[Finished] = []
        self._thread = Thread(target=self._run, name="disk", daemon=True)
        self._thread.start()

    def open(self, id: str, line: str, path: str) -> None:
        """Create a recording's file and the folders above it."""
        self._jobs.put(lambda: self._open(id, line, path))

    def write(self, pieces: Sequence[tuple[str, bytes | memoryview]]) -> bool:
        """Append to some recordings a piece each; False when the disk is hopelessly behind."""
        if self._waiting > MOST_WAITING:
            return False
        self._handed += len(pieces)
        self._jobs.put(lambda: self._write(pieces))
        return True

    def end(self, id: str, reason: str = "") -> None:
        """Close a recording; `Finished` is in `done` once it is durable."""
        self._jobs.put(lambda: self._end(id, reason))

    def close(self, wait_s: float = 10.0) -> None:
        """Finish what is queued, sync, and end the thread."""
        self._jobs.put(None)
        self._thread.join(wait_s)

    def _run(self) -> None:
        sync_at = self._now() + SYNC_S
        while True:
            try:
                job = self._jobs.get(timeout=max(0.0, sync_at - self._now()))
                if job is None:
                    break
                job()
            except Empty:
                pass
            if self._now() >= sync_at:
                self._sync()
                sync_at = self._now() + SYNC_S
        for name in list(self._files):
            self._end(name, "")
        self._sync()

    def _open(self, id: str, line: str, path: str) -> None:
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._marks.opened(id, line, path)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        except OSError as error:
            self._marks.closed(id)
            self._ended.append(Finished(id, line, path, 0.0, _why(error)))
            return
        self._files[id] = file = _File(id, line, path, fd, os.fstat(fd).st_dev)
        self._put(file, b"")

    @property
    def _waiting(self) -> int:
        """Pieces handed over and not written."""
        return self._handed - self._written

    def _write(self, pieces: Sequence[tuple[str, bytes | memoryview]]) -> None:
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
        seconds = file.data / SECOND_BYTES
        try:
            os.ftruncate(file.fd, HEADER_BYTES + file.data)
            os.fdatasync(file.fd)
        except OSError as error:
            reason = reason or _why(error)
        self._dirty = {device: fd for device, fd in self._dirty.items() if fd != file.fd}
        os.close(file.fd)
        self._ended.append(Finished(file.id, file.line, file.path, seconds, reason))

    def _sync(self) -> None:
        for fd in self._dirty.values():
            _libc.syncfs(fd)
        self._dirty.clear()
        ended, self._ended = self._ended, []
        for finished in ended:
            self._marks.closed(finished.id)
            self.done.append(finished)


def _recovered(id: str, line: str, path: str) -> Finished:
    try:
        return Finished(id, line, path, repair(Path(path)), "interrupted")
    except (OSError, ValueError) as error:
        return Finished(id, line, path, 0.0, f"interrupted, and not repaired: {error}")


def _why(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk full"
    return f"cannot be written: {error.strerror or error}"
