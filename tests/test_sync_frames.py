"""Frames: what one box says to another survives the wire, and nonsense does no harm."""

import os
import zlib

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from appliance.store.outbox import BODY_BYTES
from sync import frames
from sync.frames import Ack, Batch, Frame, FrameError, Hello, Parked, Ping, decode, encode, fit

counts = st.integers(0, 2**63 - 1)
sites = st.integers(0, 0xFFFF)
chains = st.binary(min_size=8, max_size=8)
eids = st.binary(min_size=16, max_size=16)
events = st.tuples(
    eids, st.sampled_from([b"", b"s" * 16]), st.text(min_size=1, max_size=20), counts, st.binary()
)
heads = (sites, counts, counts)
anything = st.one_of(
    st.builds(
        Hello,
        *(*heads, counts, counts, counts, counts, counts, counts, chains, counts, st.booleans()),
    ),
    st.builds(
        Batch, *heads, counts, st.integers(1, 2**62), chains, counts, st.lists(events, min_size=1, max_size=5)
    ),
    st.builds(Ack, *heads, counts, counts, chains, counts, counts, st.booleans()),
    st.builds(Ping, *heads, counts, counts),
    st.builds(Parked, *heads, st.text(max_size=100)),
)


def batch(bodies: list[bytes]) -> Batch:
    listed = [(n.to_bytes(16, "big"), b"", "message.noted", 1, body) for n, body in enumerate(bodies)]
    return Batch(3, 7, 8, 5, 1, bytes(8), 1, listed)


@given(anything)
def test_what_is_said_is_what_is_heard(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(st.binary(max_size=300))
def test_noise_is_refused_and_does_nothing_else(noise: bytes) -> None:
    try:
        decode(noise)
    except FrameError:
        return


@given(anything, st.integers(0), st.integers(0, 255))
def test_a_frame_with_a_wrong_byte_is_read_or_refused(frame: Frame, at: int, byte: int) -> None:
    data = bytearray(encode(frame))
    data[at % len(data)] = byte
    try:
        decode(bytes(data))
    except FrameError:
        return


def test_a_body_passes_byte_for_byte() -> None:
    body = '{"text": "噪音",  "a":1}'.encode()
    heard = decode(encode(batch([body])))
    assert isinstance(heard, Batch)
    assert heard.events[0][4] == body


def test_another_version_is_named_in_the_refusal() -> None:
    data = encode(Ping(1, 2, 3, 4, 5))
    with pytest.raises(FrameError, match="speaks box-sync/9, this box speaks box-sync/1"):
        decode(b"\x09" + data[1:])


@pytest.mark.parametrize(("data", "word"), [(b"\x01\x63\x00", "type 99"), (b"\x01\x01\x80", "flags 0x80")])
def test_unknown_types_and_flags_are_named(data: bytes, word: str) -> None:
    with pytest.raises(FrameError, match=word):
        decode(data)


def test_fields_added_by_a_later_box_are_passed_over() -> None:
    raw = msgspec.msgpack.encode([1, 2, 3, 4, 5, "{}", "", "a field of tomorrow"])
    assert decode(b"\x01\x04\x00" + raw) == Ping(1, 2, 3, 4, 5, "{}")


@pytest.mark.parametrize("codec", [frames.ZSTD, frames.ZLIB])
def test_a_bomb_is_refused_before_it_unpacks(codec: int) -> None:
    bomb = bytes(50_000_000)
    packed = zstandard.compress(bomb) if codec == frames.ZSTD else zlib.compress(bomb)
    assert len(packed) < 100_000
    with pytest.raises(FrameError, match="over the limit"):
        decode(bytes((1, 2, codec)) + packed)


def test_a_bomb_that_hides_its_size_is_refused() -> None:
    packed = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(50_000_000))
    with pytest.raises(FrameError, match="over the limit"):
        decode(bytes((1, 2, frames.ZSTD)) + packed)


def test_zlib_is_understood_from_boxes_without_zstd() -> None:
    raw = encode(Ping(1, 2, 3, 4, 5))[3:]
    assert decode(b"\x01\x04\x02" + zlib.compress(raw)) == Ping(1, 2, 3, 4, 5)


def test_a_frame_over_the_wire_limit_is_refused() -> None:
    with pytest.raises(FrameError, match="over the limit"):
        decode(bytes((1, 2, 0)) + bytes(frames.FRAME_WIRE_BYTES))


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=600), st.integers(1, 300))
def test_a_batch_is_cut_to_the_limits_and_keeps_its_order(bodies: list[bytes], stretch: int) -> None:
    whole = batch([body * stretch for body in bodies[: frames.BATCH_EVENTS]])
    data, count = fit(whole)
    heard = decode(data)
    assert isinstance(heard, Batch)
    assert heard.events == whole.events[:count]
    assert count == 1 or len(data) <= frames.BATCH_WIRE_BYTES
    assert count == 1 or sum(len(event[4]) for event in heard.events) <= frames.BATCH_RAW_BYTES


def test_the_largest_event_that_is_sent_on_fits_in_a_frame() -> None:
    data, count = fit(batch([os.urandom(BODY_BYTES) for _ in range(3)]))
    assert count == 1
    assert len(data) <= frames.BATCH_WIRE_BYTES
