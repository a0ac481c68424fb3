"""A seal as a PNG, drawn here: a red ring that lets the paper through."""

import struct
import zlib


def chunk(name: bytes, body: bytes) -> bytes:
    """One part of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(wide: int, high: int, colour: int, rows: bytes, depth: int = 8, more: bytes = b"") -> bytes:
    """A PNG of rows that already have their filter bytes."""
    head = struct.pack(">IIBBBBB", wide, high, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def seal_png(side: int = 240) -> bytes:
    """A ring with a dot in the middle."""
    middle, rows = side / 2, bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            far = ((x - middle) ** 2 + (y - middle) ** 2) ** 0.5 / middle
            rows += b"\xd7\x00\x0f\xd0" if 0.86 < far < 0.97 or far < 0.12 else b"\0\0\0\0"
    return png(side, side, 6, bytes(rows))
