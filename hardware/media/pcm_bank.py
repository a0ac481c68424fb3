"""Lines whose voice is raw PCM on a character device: GSM modems with serial audio."""

import os
import tty
from dataclasses import dataclass, field

import numpy as np

from hardware.media.bank import Frames
from hardware.media.ring import FRAME_BYTES, Ring

READ_BYTES = 4096
ALIGN_BYTES = 3200
"""How much is looked at before the byte order is believed: 200 ms."""


def misaligned(pcm: bytes | bytearray) -> bool | None:
    """Whether S16LE bytes begin in the middle of a sample; None when they are pure silence and cannot tell.

    Read one byte off, speech is close to white noise: its steps from sample to sample are
    as large as the samples themselves. Noise itself counts as aligned.
    """
    if not any(pcm):
        return None
    whole = (len(pcm) - 1) & ~1
    as_is, shifted = (_roughness(bytes(pcm[start : start + whole])) for start in (0, 1))
    return shifted < 0.25 * as_is


def _roughness(pcm: bytes) -> float:
    return float(np.abs(np.diff(np.frombuffer(pcm, "<i2").astype(np.float32))).mean())


@dataclass(slots=True)
class _Port:
    fd: int
    heard_tick: int
    ring: Ring = field(default_factory=Ring)
    first: bytearray | None = field(default_factory=bytearray)
    """What came before the byte order was known."""
    rest: bytes = b""
    """The part of a frame the device has not taken yet; half a frame can stall an endpoint."""


class PcmBank:
    """S16LE at 8 kHz both ways, 320 bytes a tick, in rows of the matrix."""

    def __init__(self) -> None:
        self.failed: list[tuple[int, str]] = []
        """Rows whose device went away since this list was last emptied, and why; they are closed."""
        self._tick = 0
        self._ports: dict[int, _Port] = {}

    @property
    def size(self) -> int:
        """Lines open."""
        return len(self._ports)

    @property
    def rows(self) -> list[int]:
        """Rows of open lines."""
        return list(self._ports)

    def open(self, row: int, path: str) -> None:
        """Take a device into use, raw if it is a terminal; OSError when it cannot be had."""
        self.close(row)
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        if os.isatty(fd):
            tty.setraw(fd)
        self._ports[row] = _Port(fd, self._tick)

    def close(self, row: int) -> None:
        """Give the device back."""
        port = self._ports.pop(row, None)
        if port is not None:
            os.close(port.fd)

    def silent_ticks(self, row: int) -> int:
        """Ticks since the last byte on this row."""
        return self._tick - self._ports[row].heard_tick

    def read(self, into: Frames) -> None:
        """Fill the open rows of `into` (rows, 160)."""
        self._tick += 1
        for row, port in list(self._ports.items()):
            try:
                data = os.read(port.fd, READ_BYTES)
                if not data:
                    self._fail(row, "the device was unplugged")
                    continue
                self._came(port, data)
            except BlockingIOError:
                pass
            except OSError as error:
                self._fail(row, error.strerror or str(error))
                continue
            into[row] = np.frombuffer(port.ring.take(), "<i2")

    def write(self, frames: Frames) -> None:
        """Write one frame a line; it is dropped where the device takes none."""
        for row, port in list(self._ports.items()):
            try:
                if port.rest:
                    port.rest = port.rest[os.write(port.fd, port.rest) :]
                if not port.rest:
                    frame = frames[row].astype("<i2").tobytes()
                    port.rest = frame[os.write(port.fd, frame) :]
            except BlockingIOError:
                pass
            except OSError as error:
                self._fail(row, error.strerror or str(error))

    def shut(self) -> None:
        """Close every line."""
        for row in self.rows:
            self.close(row)

    def _came(self, port: _Port, data: bytes) -> None:
        port.heard_tick = self._tick
        if port.first is None:
            port.ring.put(data)
            return
        port.first += data
        if len(port.first) >= ALIGN_BYTES:
            off = misaligned(port.first)
            if off is None:
                del port.first[: len(port.first) & ~1]
                return
            skip = 1 if off else 0
            parity = (len(port.first) - skip) % 2
            # Only the newest frames are wanted; the odd byte at the end stays odd.
            keep = min(len(port.first) - skip, 3 * FRAME_BYTES + parity)
            port.ring.put(port.first[len(port.first) - keep :])
            port.first = None

    def _fail(self, row: int, reason: str) -> None:
        self.close(row)
        self.failed.append((row, reason))
