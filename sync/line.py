"""A slow line in userspace: a TCP proxy that lets through so many bytes a second, all in one queue.

For measuring and tests, where the kernel has no netem. What waits is in one buffer in the order it came,
as in a router, so whatever sends much delays all others; and the line can be cut.
"""

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field

QUANTUM_BYTES = 1460
BUFFER_BYTES = 256 * 1024
READ_BYTES = 16 * 1024


@dataclass
class Way:
    """One direction of the line."""

    rate: float
    """Bytes a second; 0 without limit."""
    delay_s: float
    waiting: deque[tuple[socket.socket, bytes]] = field(default_factory=deque)
    size: int = 0
    flying: deque[tuple[float, socket.socket, bytes]] = field(default_factory=deque)
    free_s: float = 0.0
    carried: int = 0

    def put(self, target: socket.socket, data: bytes) -> None:
        """Queue what came for the other end."""
        for start in range(0, len(data), QUANTUM_BYTES):
            self.waiting.append((target, data[start : start + QUANTUM_BYTES]))
        self.size += len(data)

    def move(self, now: float) -> None:
        """Put on the line what has its turn, deliver what has arrived."""
        while self.waiting and self.free_s <= now:
            target, data = self.waiting.popleft()
            self.size -= len(data)
            self.free_s = max(self.free_s, now - 0.01) + (len(data) / self.rate if self.rate else 0.0)
            self.flying.append((max(self.free_s, now) + self.delay_s, target, data))
        while self.flying and self.flying[0][0] <= now:
            _, target, data = self.flying.popleft()
            self.carried += len(data)
            with contextlib.suppress(OSError):
                target.sendall(data)

    def due_s(self) -> float:
        """When `move` is to be called next."""
        dues = [self.free_s] if self.waiting else []
        return min([*dues, *([self.flying[0][0]] if self.flying else [])], default=float("inf"))


class Line:
    """Listens on a free port of this machine and passes on to another; ends with `close`."""

    def __init__(self, target: int, rate: float, delay_s: float = 0.01) -> None:
        self._target = target
        self.up, self.down = Way(rate, delay_s), Way(rate, delay_s)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._pairs: dict[socket.socket, tuple[socket.socket, Way]] = {}
        self._cut = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break all connections; new ones are taken at once."""
        self._cut.set()

    def close(self) -> None:
        """End it."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            now = time.monotonic()
            wait_s = max(0.0, min(self.up.due_s(), self.down.due_s(), now + 0.05) - now)
            for key, _ in self._selector.select(wait_s):
                self._take(key.fileobj)  # type: ignore[arg-type]  # only sockets are registered
            now = time.monotonic()
            self.up.move(now)
            self.down.move(now)
            if self._cut.is_set():
                self._cut.clear()
                self._break()
        self._break()
        self._listener.close()
        self._selector.close()

    def _take(self, ready: socket.socket) -> None:
        if ready is self._listener:
            near, _ = self._listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 2)
            except OSError:
                near.close()
                return
            for one, other, way in ((near, far, self.up), (far, near, self.down)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pairs[one] = (other, way)
                self._selector.register(one, selectors.EVENT_READ)
            return
        if ready not in self._pairs:
            return
        other, way = self._pairs[ready]
        if way.size > BUFFER_BYTES:
            time.sleep(0.001)  # the router's buffer is full: the sender has to wait
            return
        try:
            data = ready.recv(READ_BYTES)
        except OSError:
            data = b""
        if data:
            way.put(other, data)
        else:
            self._shut(ready)
            self._shut(other)

    def _break(self) -> None:
        for one in list(self._pairs):
            self._shut(one)
        for way in (self.up, self.down):
            way.waiting.clear()
            way.flying.clear()
            way.size = 0

    def _shut(self, one: socket.socket) -> None:
        if self._pairs.pop(one, None):
            self._selector.unregister(one)
            one.close()
