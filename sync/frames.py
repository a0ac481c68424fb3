"""The wire form of box-sync/1: what one end of a link says to the other.

A frame is ``version u8 | type u8 | flags u8 | MessagePack array``. The two low bits of
the flags name the codec of the array: 0 raw, 1 zstd, 2 zlib. Fields are only ever added
at the end of an array, so an older box reads a newer frame of the same version.
"""

import zlib
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
import zstandard
from msgspec import Meta

from appliance.events import EID_BYTES
from appliance.store.condition import TOLD_LETTERS

VERSION = 1
SCHEMAS = (1, 1)
"""Oldest and newest form of events this release understands; two releases back stay understood."""
RAW, ZSTD, ZLIB = 0, 1, 2
CODECS = 0b11

BATCH_EVENTS = 512
BATCH_RAW_BYTES = 200_000
BATCH_WIRE_BYTES = 64_000
"""What a sender puts into one batch at most."""
FRAME_WIRE_BYTES = 256 * 1024
FRAME_RAW_BYTES = 1024 * 1024
"""What a receiver refuses beyond, before any memory is spent on it."""
EVENT_OVERHEAD_BYTES = 80
COMPRESS_ABOVE_BYTES = 200
CHAIN_BYTES = 8

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Site = Annotated[int, Meta(ge=0, le=0xFFFF)]
Chain = Annotated[bytes, Meta(min_length=CHAIN_BYTES, max_length=CHAIN_BYTES)]
Eid = Annotated[bytes, Meta(min_length=EID_BYTES, max_length=EID_BYTES)]
Subject = Annotated[bytes, Meta(max_length=EID_BYTES)]
Kind = Annotated[str, Meta(min_length=1, max_length=80)]
Sentence = Annotated[str, Meta(max_length=500)]
Report = Annotated[str, Meta(max_length=TOLD_LETTERS)]
WireEvent = tuple[Eid, Subject, Kind, Count, bytes]
"""eid, subject, kind, ver, body: the body is JSON and passes byte for byte."""


class FrameError(ValueError):
    """These bytes are not a frame this box can read; the text says why."""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What every frame begins with: who speaks, in which run of the program, to which run."""

    src: Site
    session: Count
    to: Count
    """The session spoken to; 0 while it is not known."""


class Hello(Head, frozen=True, array_like=True):
    """Where a box stands with both streams; decides from where each continues."""

    number: Count
    """Counts the HELLOs of a session, so that a late duplicate is known."""
    incarnation: Count
    epoch: Count
    top: Count
    """The sender's own stream: its epoch and the last place given out."""
    in_epoch: Count
    in_seq: Count
    in_chain: Chain
    """What the sender durably has of the other's stream."""
    now_ms: Count
    reply: bool
    schemas: tuple[Count, Count] = SCHEMAS
    """Oldest and newest form of events understood."""


class Batch(Head, frozen=True, array_like=True):
    """Events `first`, `first + 1`, … of a stream; `prev` is the chain just before them."""

    epoch: Count
    first: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    prev: Chain
    schema: Count
    events: Annotated[list[WireEvent], Meta(min_length=1, max_length=BATCH_EVENTS)]


class Ack(Head, frozen=True, array_like=True):
    """Everything up to `seq` is committed at the speaker; `gap` asks to go back to behind it."""

    epoch: Count
    seq: Count
    chain: Chain
    safe: Count
    """Up to here it is in a verified backup too; 0 while there is none."""
    credit: Count
    """How many batches may be on their way; 0 is stop."""
    gap: bool = False


class Ping(Head, frozen=True, array_like=True):
    """Still here; also how much waits and what time it is."""

    backlog: Count
    now_ms: Count
    report: Report = ""
    """How the speaker's box is: JSON (appliance/store/condition.py); empty from older boxes."""
    notice: Sentence = ""
    """What the people at the other box must know; a gettext msgid."""


class Parked(Head, frozen=True, array_like=True):
    """The session spoken to is not served for now, and why."""

    reason: Sentence


Frame = Hello | Batch | Ack | Ping | Parked
AnyFrame = TypeVar("AnyFrame")
TYPES: dict[int, type[Frame]] = {1: Hello, 2: Batch, 3: Ack, 4: Ping, 5: Parked}
_NUMBERS = {form: number for number, form in TYPES.items()}
_encoder = msgspec.msgpack.Encoder()
_decoders: dict[int, msgspec.msgpack.Decoder[Frame]] = {
    number: msgspec.msgpack.Decoder(form) for number, form in TYPES.items()
}
_squeeze = zstandard.ZstdCompressor(level=3)
_expand = zstandard.ZstdDecompressor()


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame, compressed where that pays."""
    return pack(_NUMBERS[type(frame)], _encoder.encode(frame))


def pack(number: int, raw: bytes) -> bytes:
    """Put the head before the MessagePack array of a frame of this type, and compress it where that pays."""
    codec, body = RAW, raw
    if len(raw) > COMPRESS_ABOVE_BYTES:
        squeezed = _squeeze.compress(raw)
        if len(squeezed) < len(raw):
            codec, body = ZSTD, squeezed
    return bytes((VERSION, number, codec)) + body


def decode(data: bytes) -> Frame:
    """Read a frame; raises FrameError for a foreign version, nonsense, or more than the limits."""
    return read(data, _decoders)


def read(data: bytes, decoders: Mapping[int, msgspec.msgpack.Decoder[AnyFrame]]) -> AnyFrame:
    """Read a frame of one of these types; raises FrameError."""
    if len(data) < 3:
        raise FrameError(f"a frame has at least 3 bytes, not {len(data)}")
    if len(data) > FRAME_WIRE_BYTES:
        raise FrameError(f"a frame of {len(data)} bytes is over the limit of {FRAME_WIRE_BYTES}")
    version, number, flags = data[:3]
    if version != VERSION:
        raise FrameError(f"the other side speaks box-sync/{version}, this box speaks box-sync/{VERSION}")
    if number not in decoders:
        raise FrameError(f"frame type {number} is not known in box-sync/{VERSION}")
    if flags & ~CODECS or flags == CODECS:
        raise FrameError(f"frame flags {flags:#04x} are not known in box-sync/{VERSION}")
    try:
        return decoders[number].decode(_unpack(flags, data[3:]))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FrameError(f"a damaged frame of type {number}: {error}") from error


def fit(batch: Batch) -> tuple[bytes, int]:
    """Return the bytes of a batch cut to the limits, and how many of its events are in it (at least 1)."""
    size = 0
    for count, (_, _, _, _, body) in enumerate(batch.events):
        size += len(body) + EVENT_OVERHEAD_BYTES
        if size > BATCH_RAW_BYTES and count:
            break
    else:
        count = len(batch.events)
    while True:
        if count < len(batch.events):
            batch = msgspec.structs.replace(batch, events=batch.events[:count])
        data = encode(batch)
        if len(data) <= BATCH_WIRE_BYTES or count == 1:
            return data, count
        count //= 2


def _unpack(codec: int, body: bytes) -> bytes:
    if codec == ZSTD:
        try:
            size = zstandard.frame_content_size(body)
            if not 0 <= size <= FRAME_RAW_BYTES:
                raise FrameError(f"a frame that unpacks to {size} bytes is over the limit")
            return _expand.decompress(body, max_output_size=FRAME_RAW_BYTES, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise FrameError(f"a frame that cannot be unpacked: {error}") from error
    if codec == ZLIB:
        machine = zlib.decompressobj()
        try:
            raw = machine.decompress(body, FRAME_RAW_BYTES + 1)
        except zlib.error as error:
            raise FrameError(f"a frame that cannot be unpacked: {error}") from error
        if len(raw) > FRAME_RAW_BYTES:
            raise FrameError(f"a frame that unpacks to over {FRAME_RAW_BYTES} bytes is over the limit")
        if not machine.eof:
            raise FrameError("a frame that cannot be unpacked: it is cut short")
        return raw
    return body
