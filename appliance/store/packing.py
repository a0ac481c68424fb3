"""Bodies of events as a box keeps what it writes itself: packed to a third, and read byte for byte the same.

What comes from other boxes by the thousand is kept as it comes: packing it would take as long as
writing it. A packed body begins with a byte no JSON begins with, then comes a zstd frame without
magic, made with a dictionary: the text of packing_1.txt, which may never change, for logs are read
with it for ever. Better words get a file, and a first byte, of their own.
"""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import zstandard

COLUMN = "PACKED_BLOB"
"""The declared type of a column whose values a connection unpacks, when it goes by declared types."""
DETECT_TYPES = sqlite3.PARSE_DECLTYPES
"""How a connection is opened that goes by them."""
PACKED = b"\x01"
LEAST_BYTES = 80
MOST_BYTES = 4096
"""Longer ones are kept as they are: so a body's length in the log tells whether it is too long to travel."""
_LEVEL = -1
"""A twentieth more bytes than level 3, and half of the time, also when they are read."""
_WORDS = zstandard.ZstdCompressionDict(
    Path(__file__).with_name("packing_1.txt").read_bytes(), dict_type=zstandard.DICT_TYPE_RAWCONTENT
)
_SHAPE = zstandard.ZstdCompressionParameters.from_level(
    _LEVEL, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=1, write_checksum=0, write_dict_id=0
)


class _Coders(threading.local):
    """Each thread has its own: they are not safe for several."""

    def __init__(self) -> None:
        self.pack = zstandard.ZstdCompressor(dict_data=_WORDS, compression_params=_SHAPE).compress
        self.unpack = zstandard.ZstdDecompressor(
            dict_data=_WORDS, format=zstandard.FORMAT_ZSTD1_MAGICLESS
        ).decompress


_coders = _Coders()


def packed(body: bytes) -> bytes:
    """A body as it is kept; one that gains nothing stays as it is."""
    if LEAST_BYTES <= len(body) <= MOST_BYTES:
        short = PACKED + _coders.pack(body)
        if len(short) < len(body):
            return short
    return body if body[:1] != PACKED else PACKED + _coders.pack(body)


def unpacked(kept: bytes) -> bytes:
    """The body that is kept so; a damaged one is returned as it is, and set aside by whoever reads it."""
    if kept[:1] != PACKED:
        return kept
    try:
        return _coders.unpack(kept[1:])
    except zstandard.ZstdError:
        return kept


def kept(bodies: Sequence[bytes], own: bool) -> list[bytes]:
    """Bodies as they are kept: those written here packed, of others only those that would be misread."""
    return [packed(body) if own or body[:1] == PACKED else body for body in bodies]


sqlite3.register_converter(COLUMN, unpacked)
