"""WebSocket as a pure machine (RFC 6455): bytes in, sound and bytes out, no socket."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import numpy as np

HEAD_MOST = 8192
MESSAGE_MOST = 8192
PATH = "/sound"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


class Rejected(Exception):
    """The other side broke the protocol; `answer` is the last thing to send it."""

    def __init__(self, reason: str, answer: bytes) -> None:
        super().__init__(reason)
        self.answer = answer


def upgrade(head: bytes | bytearray) -> tuple[str, bytes] | None:
    """Read an upgrade request for ``/sound?token=...``; its token and our answer (RFC 6455 §4.2).

    None while the request is not whole; `Rejected` with an HTTP answer when it is none.
    """
    end = head.find(b"\r\n\r\n")
    if end < 0:
        if len(head) > HEAD_MOST:
            raise Rejected("request too long", http("431 Request Header Fields Too Large"))
        return None
    lines = bytes(head[:end]).decode("latin-1").split("\r\n")
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
    }
    method, _, rest = lines[0].partition(" ")
    target = rest.rpartition(" ")[0]
    try:
        url = urlsplit(target)
    except ValueError:
        raise Rejected("no URL", http("400 Bad Request")) from None
    if method != "GET" or url.path != PATH:
        raise Rejected(f"{method} {url.path}", http("404 Not Found"))
    key = fields.get("sec-websocket-key", "")
    if "websocket" not in fields.get("upgrade", "").lower() or not key:
        raise Rejected("no upgrade", http("426 Upgrade Required", "Upgrade: websocket\r\n"))
    if fields.get("sec-websocket-version") != "13":
        raise Rejected("other version", http("426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n"))
    accept = base64.b64encode(hashlib.sha1(key.encode("latin-1") + _GUID).digest()).decode()
    token = parse_qs(url.query).get("token", [""])[0]
    answer = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    return token, answer.encode()


def http(status: str, fields: str = "") -> bytes:
    """An HTTP answer without a body that ends the connection."""
    return f"HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()


def closing(code: int) -> bytes:
    """A close frame with a status code (RFC 6455 §7.4.1)."""
    return bytes([0x80 | _CLOSE, 2]) + code.to_bytes(2, "big")


def binary_head(size: int) -> bytes:
    """The head of an unmasked binary frame of 126 to 65535 bytes."""
    return bytes([0x80 | _BINARY, 126]) + size.to_bytes(2, "big")


PING = bytes([0x80 | _PING, 0])


class Stream:
    """The frames of one browser, unmasked; `receive` gives the PCM of whole binary messages."""

    def __init__(self) -> None:
        self.answers = bytearray()
        """Pongs to send."""
        self.closed = False
        self._bytes = bytearray()
        self._message = bytearray()
        self._open: int | None = None

    def receive(self, data: bytes | bytearray | memoryview) -> list[bytes | bytearray]:
        """Take bytes; the PCM they complete. `Rejected` with a close frame when they break the protocol."""
        self._bytes += data
        sound: list[bytes | bytearray] = []
        while not self.closed and (frame := self._frame()) is not None:
            first, payload = frame
            opcode = first & 0x0F
            if opcode == _BINARY and first & 0x80 and self._open is None:
                sound.append(_samples(payload))
            elif opcode >= _CLOSE:
                self._control(opcode, payload)
            else:
                self._part(opcode, bool(first & 0x80), payload, sound)
        return sound

    def _frame(self) -> tuple[int, bytes] | None:
        """The next whole frame's first byte and payload (RFC 6455 §5.2)."""
        held = self._bytes
        if len(held) < 2:
            return None
        first, second = held[0], held[1]
        if first & 0x70:
            raise Rejected("reserved bits", closing(1002))
        if not second & 0x80:
            raise Rejected("not masked", closing(1002))
        size, at = second & 0x7F, 2
        control = first & 0x08
        if control and (size > 125 or not first & 0x80):
            raise Rejected("long or split control frame", closing(1002))
        if size == 127:
            raise Rejected("frame too long", closing(1009))
        if size == 126:
            if len(held) < 4:
                return None
            size, at = int.from_bytes(held[2:4], "big"), 4
        if size > MESSAGE_MOST:
            raise Rejected("frame too long", closing(1009))
        end = at + 4 + size
        if len(held) < end:
            return None
        payload = unmask(bytes(held[at + 4 : end]), bytes(held[at : at + 4]))
        del held[:end]
        return first, payload

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            if len(self.answers) < MESSAGE_MOST:
                self.answers += bytes([0x80 | _PONG, len(payload)]) + payload
        elif opcode == _CLOSE:
            self.closed = True
        elif opcode != _PONG:
            raise Rejected("unknown opcode", closing(1002))

    def _part(self, opcode: int, last: bool, payload: bytes, sound: list[bytes | bytearray]) -> None:
        """A text frame, or a piece of a message sent in several frames (RFC 6455 §5.4)."""
        if (opcode == _CONTINUATION) != (self._open is not None) or opcode > _BINARY:
            raise Rejected("frames out of order", closing(1002))
        if opcode != _CONTINUATION:
            self._open = opcode
        self._message += payload
        if len(self._message) > MESSAGE_MOST:
            raise Rejected("message too long", closing(1009))
        if last:
            whole, binary = bytes(self._message), self._open == _BINARY
            self._message.clear()
            self._open = None
            if binary:
                sound.append(_samples(whole))


def _samples(payload: bytes) -> bytes:
    if len(payload) % 2:
        raise Rejected("half a sample", closing(1007))
    return payload


def unmask(payload: bytes, mask: bytes) -> bytes:
    """XOR with the mask repeated (RFC 6455 §5.3); it is its own inverse."""
    whole = len(payload) & ~3
    words = np.frombuffer(payload, np.uint32, whole >> 2) ^ np.uint32(int.from_bytes(mask, "little"))
    rest = bytes(byte ^ key for byte, key in zip(payload[whole:], mask, strict=False))
    return words.tobytes() + rest
