"""Lines whose voice is a browser: PCM over WebSockets, accepted and drained on the tick."""

import contextlib
import select
import socket
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, TICK_S
from hardware.media import websocket
from hardware.media.bank import Frames
from hardware.media.ring import FRAME_BYTES, Ring

READ_BYTES = 8192
MOST_HALF_OPEN = 64
HALF_OPEN_TICKS = round(5 / TICK_S)
PING_TICKS = round(15 / TICK_S)
DEAD_TICKS = round(45 / TICK_S)
"""A browser that has sent nothing, not even a pong, for this long is gone."""
UNSENT_BYTES = 3200
"""The kernel keeps at most 200 ms for a browser that does not read."""
_HEAD = websocket.binary_head(FRAME_BYTES)
_OUT_BYTES = len(_HEAD) + FRAME_BYTES


@dataclass(slots=True)
class _Guest:
    """A connection that has not shown a token yet."""

    socket: socket.socket
    since: int
    head: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class _Browser:
    socket: socket.socket
    row: int
    heard_tick: int
    stream: websocket.Stream = field(default_factory=websocket.Stream)
    ring: Ring = field(default_factory=Ring)
    rest: bytes | bytearray | memoryview = b""
    """What is left of a frame half sent: nothing else may go out before it."""


class BrowserBank:
    """A WebSocket server in the tick: int16 LE frames of 160 samples both ways (RFC 6455).

    A page connects to ``/sound?token=...`` with the token its line was opened with; one
    connection a token, a newer one replaces the older (a reloaded page). 60 ms are
    stored before a browser is heard; a browser that does not read loses frames.
    """

    def __init__(self, rows: int, here: tuple[str, int] | None = None) -> None:
        self.changed: list[tuple[int, bool]] = []
        """Rows whose browser came or went since this list was last emptied."""
        self._tick = 0
        self._row_of: dict[str, int] = {}
        self._token_of: dict[int, str] = {}
        self._browsers: dict[int, _Browser] = {}
        self._by_fd: dict[int, _Guest | _Browser] = {}
        self._poll = select.epoll()
        self._buffer = bytearray(READ_BYTES)
        self._view = memoryview(self._buffer)
        self._listener = _listen(here) if here else None
        if self._listener is not None:
            self._poll.register(self._listener.fileno(), select.EPOLLIN)
        self._out: NDArray[np.uint8] = np.zeros((0, _OUT_BYTES), np.uint8)
        self.grow(rows)

    @property
    def size(self) -> int:
        """Lines open, connected or not."""
        return len(self._token_of)

    @property
    def rows(self) -> list[int]:
        """Rows of browsers connected."""
        return list(self._browsers)

    @property
    def port(self) -> int:
        """The TCP port browsers connect to; 0 when there is none."""
        return int(self._listener.getsockname()[1]) if self._listener else 0

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        self._out = np.zeros((rows, _OUT_BYTES), np.uint8)
        self._out[:, : len(_HEAD)] = np.frombuffer(_HEAD, np.uint8)

    def open(self, row: int, token: str) -> None:
        """Let the page that has this token be the line's voice; another token sends the former page away."""
        if not token:
            raise ValueError("an empty token")
        if self._token_of.get(row) != token:
            self.close(row)
            self._row_of[token] = row
            self._token_of[row] = token

    def close(self, row: int) -> None:
        """Forget the token and send the page away."""
        token = self._token_of.pop(row, None)
        if token is not None and self._row_of.get(token) == row:
            del self._row_of[token]
        if row in self._browsers:
            self._leave(self._browsers[row], websocket.closing(1000))

    def silent_ticks(self, row: int) -> int:
        """Ticks since the last byte from this row's browser."""
        return self._tick - self._browsers[row].heard_tick

    def read(self, into: Frames) -> None:
        """Fill the connected rows of `into` (rows, 160)."""
        self._tick += 1
        for fd, _ in self._poll.poll(0, 256):
            if self._listener is not None and fd == self._listener.fileno():
                self._accept()
                continue
            peer = self._by_fd.get(fd)
            if isinstance(peer, _Guest):
                self._greet(peer)
            elif peer is not None:
                self._came(peer)
        for row, browser in self._browsers.items():
            into[row] = np.frombuffer(browser.ring.take(), "<i2")
        if self._tick % PING_TICKS == 0:
            self._sweep()
        elif self._tick % 50 == 0:
            self._show_out()

    def write(self, frames: Frames) -> None:
        """Send one frame to each connected browser; dropped where the last one is still waiting."""
        if not self._browsers:
            return
        rows = np.fromiter(self._browsers, np.intp, len(self._browsers))
        self._out[rows, len(_HEAD) :] = frames[rows].astype("<i2", copy=False).view(np.uint8)
        for row, browser in list(self._browsers.items()):
            if browser.stream.answers and not browser.rest:
                browser.rest = bytes(browser.stream.answers)
                browser.stream.answers.clear()
            if browser.rest:
                self._send(browser, browser.rest)
            if not browser.rest and row in self._browsers:
                self._send(browser, memoryview(self._out[row]).cast("B"))

    def shut(self) -> None:
        """Send everybody away and stop listening."""
        for row in list(self._token_of):
            self.close(row)
        for peer in list(self._by_fd.values()):
            self._drop(peer)
        if self._listener is not None:
            self._listener.close()
        self._poll.close()

    def _accept(self) -> None:
        assert self._listener is not None
        for _ in range(MOST_HALF_OPEN):
            try:
                joined, _ = self._listener.accept()
            except OSError:
                return
            guests = sum(isinstance(peer, _Guest) for peer in self._by_fd.values())
            if guests >= MOST_HALF_OPEN:
                joined.close()
                continue
            joined.setblocking(False)
            joined.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            joined.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            self._by_fd[joined.fileno()] = _Guest(joined, self._tick)
            self._poll.register(joined.fileno(), select.EPOLLIN)

    def _greet(self, guest: _Guest) -> None:
        try:
            size = guest.socket.recv_into(self._buffer)
            if not size:
                self._drop(guest)
                return
            guest.head += self._view[:size]
            asked = websocket.upgrade(guest.head)
            if asked is None:
                return
            token, answer = asked
            row = self._row_of.get(token)
            if row is None:
                raise websocket.Rejected("unknown token", websocket.http("403 Forbidden"))
            guest.socket.send(answer)
        except websocket.Rejected as rejected:
            self._leave(guest, rejected.answer)
            return
        except BlockingIOError:
            return
        except OSError:
            self._drop(guest)
            return
        self._seat(guest, row)

    def _seat(self, guest: _Guest, row: int) -> None:
        """The guest is the row's browser from now on, in the place of an earlier one."""
        former = self._browsers.get(row)
        if former is not None:
            self._leave(former, websocket.closing(4001))
        browser = _Browser(guest.socket, row, self._tick)
        self._browsers[row] = self._by_fd[guest.socket.fileno()] = browser
        self.changed.append((row, True))
        early = bytes(guest.head[guest.head.find(b"\r\n\r\n") + 4 :])
        if early:
            self._hear(browser, early)

    def _came(self, browser: _Browser) -> None:
        try:
            size = browser.socket.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            self._leave(browser)
            return
        if size:
            browser.heard_tick = self._tick
            self._hear(browser, self._view[:size])
        else:
            self._leave(browser)

    def _hear(self, browser: _Browser, data: bytes | memoryview) -> None:
        try:
            for pcm in browser.stream.receive(data):
                browser.ring.put(pcm)
        except websocket.Rejected as rejected:
            self._leave(browser, rejected.answer)
            return
        if browser.stream.closed:
            self._leave(browser, websocket.closing(1000))

    def _send(self, browser: _Browser, data: bytes | bytearray | memoryview) -> None:
        try:
            sent = browser.socket.send(data)
            browser.rest = bytes(data[sent:])
        except BlockingIOError:
            pass
        except OSError:
            self._leave(browser)

    def _sweep(self) -> None:
        """Ask every browser for a sign of life, and give up those that gave none."""
        for browser in list(self._browsers.values()):
            if self._tick - browser.heard_tick > DEAD_TICKS:
                self._leave(browser)
            elif not browser.rest:
                self._send(browser, websocket.PING)

    def _show_out(self) -> None:
        for peer in list(self._by_fd.values()):
            if isinstance(peer, _Guest) and self._tick - peer.since > HALF_OPEN_TICKS:
                self._leave(peer, websocket.http("408 Request Timeout"))

    def _leave(self, peer: _Guest | _Browser, last: bytes = b"") -> None:
        if last and not (isinstance(peer, _Browser) and peer.rest):
            with contextlib.suppress(OSError):
                peer.socket.send(last)
        if isinstance(peer, _Browser) and self._browsers.get(peer.row) is peer:
            del self._browsers[peer.row]
            self.changed.append((peer.row, False))
        self._drop(peer)

    def _drop(self, peer: _Guest | _Browser) -> None:
        fd = peer.socket.fileno()
        self._by_fd.pop(fd, None)
        self._poll.unregister(fd)
        peer.socket.close()


def _listen(here: tuple[str, int]) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind(here)
        listener.listen(64)
    except OSError:
        listener.close()
        raise
    return listener


assert _OUT_BYTES == 4 + 2 * FRAME
