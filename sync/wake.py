"""Being woken by a commit of another process: the kernel tells of every write below the data folder.

SQLite in WAL mode writes each commit to a file beside the database, so no process has to say
anything. The write is seen before its fsync ends and the commit counts, so for a while after it
one looks often. Without inotify (not Linux) the caller looks 50 times a second instead.
PostgreSQL tells of commits by itself.
"""

import ctypes
import math
import os
import sys
from pathlib import Path
from typing import Protocol

from appliance.store.engine import Listener
from appliance.store.store import Store

LOOK_S = 0.02
IDLE_LOOK_S = 0.5
"""How often to look anyway, should the kernel ever keep quiet."""
LOOKS = ((0.1, 0.004), (2.0, LOOK_S))
"""(seconds since the last write, pause until the next look)"""
IN_MODIFY = 0x2
EVENTS_BYTES = 64 * 1024


class Waker(Protocol):
    """What wakes the sync process."""

    fd: int
    """Readable when there is news; -1 where nothing tells."""

    def look_s(self, now: float) -> float:
        """How long the caller may wait before it looks by itself."""
        ...

    def take(self, now: float) -> None:
        """Take note of the news since last asked."""
        ...

    def close(self) -> None:
        """Hear no more."""
        ...


def wake_of(store: Store) -> Waker:
    """Be woken by commits in this store."""
    listener = store.engine.listener()
    return Wake(store.folder) if listener is None else Told(listener)


class Told:
    """Woken by the database; deaf, the process ends (OperationalError), and is started again."""

    def __init__(self, listener: Listener) -> None:
        self.fd = listener.fileno()
        self._listener = listener

    def look_s(self, now: float) -> float:
        """It tells when all is done: there is nothing to look for."""
        return IDLE_LOOK_S

    def take(self, now: float) -> None:
        """Hear what was told."""
        self._listener.take()

    def close(self) -> None:
        """Hear no more."""
        self._listener.close()


class Wake:
    """A descriptor that becomes readable when something in a folder is written; -1 where that cannot be."""

    def __init__(self, folder: Path) -> None:
        self.fd = -1
        self._woken_s = -math.inf
        if not sys.platform.startswith("linux"):
            return
        libc = ctypes.CDLL(None, use_errno=True)
        fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if fd >= 0 and libc.inotify_add_watch(fd, os.fsencode(folder), IN_MODIFY) >= 0:
            self.fd = fd
        elif fd >= 0:
            os.close(fd)

    def look_s(self, now: float) -> float:
        """How long the caller may wait before it looks by itself; `now` is monotonic."""
        if self.fd < 0:
            return LOOK_S
        return next((pause_s for since_s, pause_s in LOOKS if now < self._woken_s + since_s), IDLE_LOOK_S)

    def take(self, now: float) -> None:
        """Take note of what was written since last asked."""
        if self.fd >= 0:
            try:
                os.read(self.fd, EVENTS_BYTES)
                self._woken_s = now
            except BlockingIOError:
                return

    def close(self) -> None:
        """Let go of the descriptor."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
