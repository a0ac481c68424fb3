"""What callers and agents of the bench say, as files that SIPp plays."""

import struct
from pathlib import Path

import numpy as np

from hardware.line import FRAME, TICK_S
from hardware.media import g711

EVENT = 101
MARKER = 0x80
KEY_TICKS = 8
"""A key is held 100 ms, and its end is told three times (RFC 4733)."""


def write_pcap(path: Path, seconds: float, key_at_s: float | None = None) -> Path:
    """Somebody's RTP as captured from an Ethernet: a voice, and key 1 as a telephone-event of 100 ms."""
    voice = speech(seconds)
    first = -KEY_TICKS if key_at_s is None else round(key_at_s / TICK_S)
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for n in range(round(seconds / TICK_S)):
            stamp, payload, data = n * FRAME, 8, voice[n * FRAME : (n + 1) * FRAME]
            if first <= n < first + KEY_TICKS:
                held = (min(n - first, 5) + 1) * FRAME
                end = 0x80 if n - first >= 5 else 0
                stamp, data = first * FRAME, struct.pack("!BBH", 1, end | 10, held)
                payload = EVENT | (MARKER if n == first else 0)
            rtp = struct.pack("!BBHII", 0x80, payload, n & 0xFFFF, stamp, 0x5EED) + data
            udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
            ip = struct.pack(
                "!BBHHHBBH4s4s",
                *(0x45, 0, 20 + len(udp), n & 0xFFFF, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1"),
            )
            frame = bytes(12) + b"\x08\0" + ip + udp
            ms = n * 20
            file.write(struct.pack("<IIII", ms // 1000, ms % 1000 * 1000, len(frame), len(frame)) + frame)
    return path


def speech(seconds: float) -> bytes:
    """A-law noise with the loudness of syllables: not silence, and no tone."""
    chance = np.random.default_rng(12345)
    size = round(seconds / TICK_S) * FRAME
    noise = np.convolve(chance.normal(size=size), np.ones(6) / 6, "same")
    syllables = np.clip(np.sin(np.arange(size) * 2 * np.pi * 4 / 8000) + 0.3, 0, None)
    codes = np.zeros(size, np.uint8)
    g711.encode(g711.PCMA, np.clip(6000 * noise * syllables, -32768, 32767).astype(np.int16), codes)
    return codes.tobytes()
