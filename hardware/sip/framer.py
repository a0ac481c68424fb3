"""Messages out of a stream of bytes (RFC 3261 §18.3, RFC 5626 §3.5.1): a pure machine with limits."""

import re

HEAD_MAX = 16 * 1024
BODY_MAX = 64 * 1024
PING = b"\r\n\r\n"
PONG = b"\r\n"
_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*\r?$", re.I | re.M)


class Unframed(ValueError):
    """The stream cannot be read any further: the connection must be closed."""


class Framer:
    """Takes bytes as they come, gives whole messages; `pings` counts keep-alives to be answered."""

    def __init__(self) -> None:
        self.pings = 0
        self._data = b""

    @property
    def waiting(self) -> bool:
        """A message has begun and is not whole."""
        return bool(self._data)

    def feed(self, data: bytes) -> list[bytes]:
        """All messages that are whole now; raises `Unframed`."""
        self._data += data
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> bytes | None:
        self._skip_pings()
        end = _END.search(self._data, 0, HEAD_MAX)
        if end is None:
            if len(self._data) >= HEAD_MAX:
                raise Unframed("header longer than 16 KB")
            return None
        lengths = {int(n) for n in _LENGTH.findall(self._data, 0, end.end())}
        if len(lengths) != 1:
            raise Unframed("no Content-Length, or several")
        length = lengths.pop()
        if length > BODY_MAX:
            raise Unframed("body longer than 64 KB")
        whole = end.end() + length
        if len(self._data) < whole:
            return None
        message, self._data = self._data[:whole], self._data[whole:]
        return message

    def _skip_pings(self) -> None:
        while self._data[:2] == PONG:
            if self._data[:4] == PING:
                self.pings += 1
                self._data = self._data[4:]
            elif len(self._data) in (2, 3) and PING.startswith(self._data):
                return
            else:
                self._data = self._data[2:]
