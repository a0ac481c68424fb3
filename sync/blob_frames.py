"""The wire form of files fetched by their hash: ask for a piece, give it, or say that it is not here.

The head is that of all frames (frames.py), the numbers of the types are others. A piece is named by
hash and place, so one that comes late, twice or out of order does no harm and needs no session.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sync.frames import Count, pack, read

SHA_BYTES = 32
PIECE_BYTES = 64 * 1024
"""The largest piece; with its head it stays below what a broker takes."""

Sha = Annotated[bytes, Meta(min_length=SHA_BYTES, max_length=SHA_BYTES)]


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """Give me `length` bytes at `offset` of the file with this SHA-256."""

    sha: Sha
    offset: Count
    length: Annotated[int, Meta(ge=1, le=PIECE_BYTES)]


class Data(msgspec.Struct, frozen=True, array_like=True):
    """The bytes of a file at a place."""

    sha: Sha
    offset: Count
    data: Annotated[bytes, Meta(min_length=1, max_length=PIECE_BYTES)]


class Absent(msgspec.Struct, frozen=True, array_like=True):
    """The file, or that much of it, is not here."""

    sha: Sha


BlobFrame = Ask | Data | Absent
TYPES: dict[int, type[BlobFrame]] = {16: Ask, 17: Data, 18: Absent}
_NUMBERS = {form: number for number, form in TYPES.items()}
_encoder = msgspec.msgpack.Encoder()
_decoders: dict[int, msgspec.msgpack.Decoder[BlobFrame]] = {
    number: msgspec.msgpack.Decoder(form) for number, form in TYPES.items()
}


def encode(frame: BlobFrame) -> bytes:
    """Return the bytes of a frame."""
    return pack(_NUMBERS[type(frame)], _encoder.encode(frame))


def decode(data: bytes) -> BlobFrame:
    """Read a frame; raises FrameError for a foreign version, nonsense, or more than the limits."""
    return read(data, _decoders)
