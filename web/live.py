"""What changes, sent to every open page: one numbered stream of server-sent events a browser.

A page fetches the whole picture when its stream opens and follows the changes from there;
a stream that cannot keep up is ended, and the browser opens it again.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from appliance.store.store import Store

HEARTBEAT_S = 15.0
STREAM_LIMIT = 96
"""Streams at most: the server has 128 threads and pages need some."""
BACKLOG = 200
"""Changes a slow page may lag behind before its stream is ended."""
WATCH_S = 1.0
BATCH = 500

BEAT = b"event: beat\ndata: {}\n\n"

View = Callable[[str, dict[str, Any]], dict[str, Any] | None]
"""What one person may see of a change: the data to send, or None for nothing."""

_encode = msgspec.json.Encoder().encode


class Full(Exception):
    """No more streams: the page asks again later."""


class Listener:
    """One open stream."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.changes: queue.Queue[bytes | None] = queue.Queue(BACKLOG + 1)
        self.ended = False
        self._number = 0

    def put(self, name: str, data: dict[str, Any]) -> None:
        """Queue a change for this stream, or end the stream when it lags too far behind."""
        if self.ended or (seen := self.view(name, data)) is None:
            return
        if self.changes.qsize() >= BACKLOG:
            self.end()
        else:
            self._number += 1
            self.changes.put_nowait(message(self._number, name, seen))

    def end(self) -> None:
        """Let the stream end after what is queued."""
        if not self.ended:
            self.ended = True
            self.changes.put_nowait(None)


class Live:
    """Tells every open stream what happened."""

    def __init__(self, limit: int = STREAM_LIMIT) -> None:
        self._limit = limit
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Send a change to every stream whose view shows it."""
        with self._lock:
            for listener in self._listeners:
                listener.put(name, data)

    def join(self, view: View) -> Listener:
        """Open a stream; raises Full."""
        listener = Listener(view)
        with self._lock:
            if self._closed or len(self._listeners) >= self._limit:
                raise Full
            self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a stream that has ended."""
        with self._lock:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        with self._lock:
            self._closed = True
            for listener in self._listeners:
                listener.end()


def message(number: int, name: str, data: dict[str, Any]) -> bytes:
    """Write one server-sent event."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), _encode(data))


def follow(listener: Listener, still_valid: Callable[[], bool]) -> Iterator[bytes]:
    """Give what a stream sends: changes as they come, and a heartbeat while nothing does."""
    checked = time.monotonic()
    while True:
        try:
            change = listener.changes.get(timeout=HEARTBEAT_S)
        except queue.Empty:
            change = BEAT
        if change is None:
            return
        yield change
        if time.monotonic() - checked >= HEARTBEAT_S:
            checked = time.monotonic()
            if not still_valid():
                return


class StoreWatch:
    """Looks into the log every second and tells which tickets, calls and recordings changed."""

    def __init__(self, store: Store, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self._store, self._tell = store, tell
        self._after = self._last()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopped.set()

    def look(self) -> None:
        """Tell what came into the log since the last look."""
        if self._last() <= self._after:
            return
        batch = self._store.read(self._after, BATCH)
        self._after = batch[-1][0]
        tickets = {event.subject for _, event in batch if event.kind.startswith("ticket.")}
        kinds = {event.kind.partition(".")[0] for _, event in batch}
        changed = self._tickets(tickets)
        self._tell("store", {"kinds": sorted(kinds), "tickets": changed})

    def _tickets(self, subjects: set[bytes]) -> list[dict[str, str]]:
        marks = ",".join("?" * len(subjects))
        sql = f"SELECT number, unit, state FROM ticket WHERE tid IN ({marks}) LIMIT 200"
        return [{"number": n, "unit": u, "state": s} for n, u, s in self._store.rows(sql, *subjects)]

    def _last(self) -> int:
        return int(self._store.rows("SELECT coalesce(max(pos), 0) FROM event")[0][0])

    def _run(self) -> None:
        while not self._stopped.wait(WATCH_S):
            self.look()
