"""RTP headers, telephone-events, and keys told once."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hardware.media.rtp import (
    END_REPEATS,
    EVENT,
    GAP_FRAMES,
    MERGE_TICKS,
    PRESS_FRAMES,
    EventSender,
    Presses,
    build,
    parse,
)


@given(
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=300),
    st.booleans(),
)
def test_a_packet_is_read_as_it_was_built(
    payload: int, seq: int, stamp: int, ssrc: int, data: bytes, marker: bool
) -> None:
    raw = build(payload, seq, stamp, ssrc, data, marker)
    packet = parse(raw, len(raw))
    assert packet is not None
    assert packet[:5] == (payload, marker, seq, stamp, ssrc)
    assert raw[packet.start : packet.end] == data


@given(st.binary(max_size=200))
def test_any_datagram_is_a_packet_or_is_not(raw: bytes) -> None:
    packet = parse(raw, len(raw))
    assert packet is None or 12 <= packet.start <= packet.end <= len(raw)


def test_contributors_extension_and_padding_are_passed_over() -> None:
    raw = bytes([0x80 | 0x20 | 0x10 | 2, 8]) + bytes(10) + bytes(8) + bytes([0xBE, 0xDE, 0, 1]) + bytes(4)
    raw += b"sound" + bytes([0, 0, 3])
    packet = parse(raw, len(raw))
    assert packet is not None
    assert raw[packet.start : packet.end] == b"sound"


def event(code: int, duration: int, end: bool = False) -> bytes:
    return EVENT.pack(code, (0x80 if end else 0) | 10, duration)


def pressed(presses: Presses, what: Sequence[tuple[int, int, bytes | str]]) -> list[str]:
    """Keys told for (tick, stamp, event payload) or (tick, 0, key heard in band)."""
    told = []
    for tick, stamp, fact in what:
        key = presses.tone(fact, tick) if isinstance(fact, str) else presses.event(stamp, fact, tick)
        if key is not None:
            told.append(key)
    return told


def test_a_key_held_for_several_packets_and_ended_three_times_is_one_press() -> None:
    held = [(tick, 1000, event(5, 160 * (tick + 1))) for tick in range(5)]
    ended = [(5, 1000, event(5, 800, end=True))] * 3
    assert pressed(Presses(), held + ended) == ["5"]


def test_a_press_is_told_even_when_only_its_end_arrives() -> None:
    assert pressed(Presses(), [(9, 500, event(11, 800, end=True))]) == ["#"]


def test_the_same_key_twice_is_two_presses_however_fast() -> None:
    first = [(0, 1000, event(1, 160)), (2, 1000, event(1, 480, end=True))]
    second = [(4, 1640, event(1, 160)), (6, 1640, event(1, 480, end=True))]
    assert pressed(Presses(), first + second) == ["1", "1"]


def test_an_old_press_delivered_late_is_not_told_again() -> None:
    facts: list[tuple[int, int, bytes | str]] = [
        (0, 1000, event(1, 160)),
        (5, 2600, event(2, 160)),
        (6, 1000, event(1, 800, end=True)),
    ]
    assert pressed(Presses(), facts) == ["1", "2"]


def test_a_long_press_sent_in_segments_is_one_press() -> None:
    assert pressed(Presses(), [(0, 0, event(3, 0xFFFF)), (410, 0xFFFF, event(3, 160))]) == ["3"]


def test_stamps_may_wrap() -> None:
    assert pressed(Presses(), [(0, 0xFFFFFF00, event(3, 160)), (20, 3000, event(4, 160))]) == ["3", "4"]


def test_a_tone_and_an_event_of_one_press_are_told_once_whichever_comes_first() -> None:
    event_first: list[tuple[int, int, bytes | str]] = [
        (0, 0, event(7, 160)),
        (5, 0, event(7, 960)),
        (9, 0, "7"),
    ]
    assert pressed(Presses(), event_first) == ["7"]
    tone_first: list[tuple[int, int, bytes | str]] = [
        (0, 0, "7"),
        (3, 0, event(7, 160)),
        (8, 0, event(7, 800)),
    ]
    assert pressed(Presses(), tone_first) == ["7"]


def test_two_presses_that_come_both_ways_are_two() -> None:
    facts: list[tuple[int, int, bytes | str]] = [
        (0, 0, event(7, 160)),
        (4, 0, "7"),
        (8, 1280, event(7, 160)),
        (12, 0, "7"),
        (12 + MERGE_TICKS + 1, 0, "7"),
    ]
    assert pressed(Presses(), facts) == ["7", "7", "7"]


def test_flash_and_other_events_are_no_keys() -> None:
    assert pressed(Presses(), [(0, 0, event(16, 160)), (1, 99, b"\x01")]) == []


@given(st.text("0123456789*#ABCDabcdx", max_size=12))
def test_keys_we_send_are_the_keys_heard(digits: str) -> None:
    sender, presses = EventSender(), Presses()
    sender.send(digits)
    heard, stamp = [], 0xFFFFFC00
    for tick in range((PRESS_FRAMES + END_REPEATS + GAP_FRAMES) * len(digits) + 1):
        told = sender.next()
        if told is not None:
            data, since = told
            heard.append(presses.event((stamp - since) & 0xFFFFFFFF, data, tick))
        stamp = (stamp + 160) & 0xFFFFFFFF
    assert "".join(key for key in heard if key) == "".join(
        k for k in digits.upper() if k in "0123456789*#ABCD"
    )


def test_a_key_is_sent_for_100_ms_and_its_end_three_times() -> None:
    sender = EventSender()
    sender.send("9")
    sent = [sender.next() for _ in range(10)]
    payloads = [EVENT.unpack(told[0]) for told in sent if told is not None]
    assert [duration for _, _, duration in payloads] == [160, 320, 480, 640, 800, 800, 800]
    assert [flags >> 7 for _, flags, _ in payloads] == [0, 0, 0, 0, 1, 1, 1]
    assert [told[1] for told in sent if told is not None] == [0, 160, 320, 480, 640, 800, 960]
