"""The media side of the socket to the call process: orders in, reports out, never blocking."""

import contextlib
import select
import socket
import stat
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hardware.media import wire

READ_BYTES = 65536
LINE_MOST = 1 << 20
BACKLOG_MOST = 1 << 20
"""Reports a call process may leave unread before it is given up."""
KEPT_MOST = 10_000


class Control:
    """A listening Unix socket and the one connection that counts, the newest.

    `Recorded` reports that could not be delivered are kept, up to 10 000, for the next
    connection; all others are news that only the present one needs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(path.stat().st_mode):
                path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(str(path))
        path.chmod(0o660)
        self._listener.listen(4)
        self._link: socket.socket | None = None
        self._poll = select.epoll()
        self._poll.register(self._listener.fileno(), select.EPOLLIN)
        self._knocked = True
        self._partial = b""
        self._out: deque[tuple[bytes, bool]] = deque()
        self._backlog = 0
        self._sent = 0
        self._decoder: msgspec.json.Decoder[wire.Order] = msgspec.json.Decoder(wire.Order)
        self._encode = msgspec.json.Encoder().encode

    @property
    def connected(self) -> bool:
        """Whether a call process is there."""
        return self._link is not None

    def asked(self) -> bool:
        """Whether there is anything to `accept`, or in `orders`: nearly always not."""
        found = self._poll.poll(0, 2)
        door = self._listener.fileno()
        self._knocked = any(fd == door for fd, _ in found)
        return bool(found)

    def accept(self) -> bool:
        """Take a waiting connection in place of the present one; True when there is a new one."""
        fresh = False
        if not self._knocked:
            return fresh
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return fresh
            self._drop()
            link.setblocking(False)
            self._poll.register(link.fileno(), select.EPOLLIN)
            self._link, fresh = link, True

    def orders(self) -> list[wire.Order | wire.Trouble]:
        """Orders that came in; a line that is none becomes a `Trouble`."""
        if self._link is None:
            return []
        told: list[wire.Order | wire.Trouble] = []
        while True:
            try:
                data = self._link.recv(READ_BYTES)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._drop()
                break
            *lines, self._partial = (self._partial + data).split(b"\n")
            told.extend(self._read(line) for line in lines)
            if len(self._partial) > LINE_MOST:
                told.append(wire.Trouble("", "an order longer than 1 MB"))
                self._drop()
                break
            if len(data) < READ_BYTES:
                break
        return told

    def send(self, reports: Iterable[wire.Report]) -> None:
        """Send reports, and what is still waiting."""
        for report in reports:
            keep = isinstance(report, wire.Recorded)
            if self._link is not None or keep:
                line = self._encode(report) + b"\n"
                self._out.append((line, keep))
                self._backlog += len(line)
        if self._link is not None:
            self._flush(self._link)
        if self._link is not None and self._backlog > BACKLOG_MOST:
            self._drop()
        while len(self._out) > KEPT_MOST and self._link is None:
            self._out.popleft()

    def close(self) -> None:
        """Stop listening."""
        self._drop()
        self._poll.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _read(self, line: bytes) -> wire.Order | wire.Trouble:
        try:
            return self._decoder.decode(line)
        except msgspec.DecodeError as error:
            return wire.Trouble("", f"an order not understood: {error}")

    def _flush(self, link: socket.socket) -> None:
        while self._out:
            line, _ = self._out[0]
            try:
                self._sent += link.send(memoryview(line)[self._sent :])
            except BlockingIOError:
                return
            except OSError:
                self._drop()
                return
            if self._sent < len(line):
                return
            self._out.popleft()
            self._backlog -= len(line)
            self._sent = 0

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
        self._partial = b""
        self._out = deque(entry for entry in self._out if entry[1])
        self._backlog = sum(len(line) for line, _ in self._out)
        self._sent = 0
