"""One POST to somebody else's server, with one deadline for all of it; never follows anybody elsewhere."""

import socket
import ssl
import time
from collections.abc import Mapping

from appliance.outside.hooks import Place

TIMEOUT_S = 10.0
HEAD_MAX = 8192
CHUNK = 2048


class Unreachable(Exception):
    """Nobody answered in time, or nothing that can be understood."""


def post(place: Place, headers: Mapping[str, str], body: bytes, timeout_s: float = TIMEOUT_S) -> int:
    """Send it and return the status of the answer, of which nothing else is read; raises Unreachable."""
    until = time.monotonic() + timeout_s
    try:
        with (
            socket.create_connection((place.host, place.port), timeout_s) as raw,
            _spoken(raw, place, until) as line,
        ):
            line.settimeout(_left(until))
            line.sendall(_head(place, headers, len(body)) + body)
            return _status(line, until)
    except (OSError, ValueError) as error:
        raise Unreachable(_why(error)) from None


def _spoken(raw: socket.socket, place: Place, until: float) -> socket.socket:
    if place.scheme == "http":
        return raw
    raw.settimeout(_left(until))
    return ssl.create_default_context().wrap_socket(raw, server_hostname=place.host)


def _head(place: Place, headers: Mapping[str, str], length: int) -> bytes:
    default = place.port == (443 if place.scheme == "https" else 80)
    host = f"[{place.host}]" if ":" in place.host else place.host
    lines = [
        f"POST {place.path} HTTP/1.1",
        f"Host: {host if default else f'{host}:{place.port}'}",
        f"Content-Length: {length}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _status(line: socket.socket, until: float) -> int:
    """Read the first line of the answer: HTTP/1.1 204 No Content; what is informational is skipped."""
    read = b""
    while True:
        while b"\r\n" not in read:
            if len(read) > HEAD_MAX:
                raise ValueError("the answer is no HTTP")
            line.settimeout(_left(until))
            piece = line.recv(CHUNK)
            if not piece:
                raise ValueError("the connection was closed without an answer")
            read += piece
        words = read.split(b"\r\n", 1)[0].split(b" ")
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise ValueError("the answer is no HTTP")
        status = int(words[1])
        if not 100 <= status < 200:
            return status
        read = _behind_head(line, read, until)


def _behind_head(line: socket.socket, read: bytes, until: float) -> bytes:
    while b"\r\n\r\n" not in read:
        if len(read) > HEAD_MAX:
            raise ValueError("the answer is no HTTP")
        line.settimeout(_left(until))
        piece = line.recv(CHUNK)
        if not piece:
            raise ValueError("the connection was closed without an answer")
        read += piece
    return read.split(b"\r\n\r\n", 1)[1]


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'failed'}"[:200]
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__)[:200]
    return str(error)[:200]
