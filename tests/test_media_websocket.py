"""WebSocket framing and the browser bank, over a real socket but with ticks called by hand."""

import contextlib
import os
import socket

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.line import FRAME
from hardware.media.browser_bank import HALF_OPEN_TICKS, BrowserBank
from hardware.media.matrix import frames
from hardware.media.websocket import MESSAGE_MOST, Rejected, Stream, unmask, upgrade


def masked(opcode: int, payload: bytes, mask: bytes = b"\1\2\3\4", last: bool = True) -> bytes:
    """A frame as a browser sends it."""
    size = len(payload)
    head = bytes([(0x80 if last else 0) | opcode])
    head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def request(token: str, extra: str = "", version: str = "13") -> bytes:
    return (
        f"GET /sound?token={token} HTTP/1.1\r\nHost: box\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: {version}\r\n{extra}\r\n"
    ).encode()


def test_the_handshake_of_rfc_6455_is_answered_as_it_says() -> None:
    asked = upgrade(request("secret"))
    assert asked is not None
    token, answer = asked
    assert token == "secret"
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer


def test_a_request_that_is_not_whole_is_waited_for() -> None:
    whole = request("secret")
    assert all(upgrade(whole[:cut]) is None for cut in range(len(whole)))


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /sound HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /other HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /sound?token=x HTTP/1.1\r\n\r\n", b"426"),
        (request("x", version="8"), b"426"),
        (b"GET //[ HTTP/1.1\r\n\r\n", b"400"),
        (b"x" * 9000, b"431"),
        (b"\r\n\r\n", b"404"),
    ],
)
def test_what_is_no_upgrade_is_told_so(head: bytes, status: bytes) -> None:
    with pytest.raises(Rejected) as rejected:
        upgrade(head)
    assert rejected.value.answer.startswith(b"HTTP/1.1 " + status)


def answer_to(head: bytes) -> bytes | None:
    try:
        asked = upgrade(head)
    except Rejected as rejected:
        return rejected.answer
    return asked and asked[1]


@given(st.binary(max_size=400))
def test_any_request_is_answered_or_waited_for(head: bytes) -> None:
    told = answer_to(head + b"\r\n\r\n")
    assert told is None or told.startswith((b"HTTP/1.1 4", b"HTTP/1.1 101"))


@given(
    st.lists(st.binary(max_size=200).map(lambda b: b * 2), max_size=8),
    st.binary(min_size=4, max_size=4),
    st.data(),
)
@settings(deadline=None)
def test_sound_comes_out_whole_however_tcp_cuts_it(
    messages: list[bytes], mask: bytes, data: st.DataObject
) -> None:
    wire = b"".join(masked(2, message, mask) for message in messages)
    stream, heard = Stream(), []
    while wire:
        cut = data.draw(st.integers(1, len(wire)))
        heard += stream.receive(wire[:cut])
        wire = wire[cut:]
    assert heard == messages


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_any_bytes_are_frames_or_are_rejected_with_a_close(wire: bytes, cuts: list[int]) -> None:
    farewell = b""
    stream = Stream()
    try:
        for cut in [*cuts, len(wire)]:
            stream.receive(wire[:cut])
            wire = wire[cut:]
    except Rejected as rejected:
        farewell = rejected.answer
    assert farewell[:1] in (b"", b"\x88")


@given(st.binary(max_size=50), st.binary(min_size=4, max_size=4))
def test_masking_twice_is_not_masking(payload: bytes, mask: bytes) -> None:
    assert unmask(payload, mask) == bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    assert unmask(unmask(payload, mask), mask) == payload


def test_a_message_may_come_in_pieces_with_a_ping_between() -> None:
    stream = Stream()
    wire = masked(2, b"ab", last=False) + masked(9, b"hi") + masked(0, b"cd", last=False) + masked(0, b"ef")
    assert stream.receive(wire) == [b"abcdef"]
    assert bytes(stream.answers) == b"\x8a\x02hi"
    assert stream.receive(masked(1, b"words")) == []


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x82\x02ab", 1002),
        (b"\xc2\x80", 1002),
        (masked(0, b"ab"), 1002),
        (masked(2, b"ab", last=False) + masked(2, b"ab"), 1002),
        (masked(3, b"ab"), 1002),
        (masked(0xB, b""), 1002),
        (b"\x09\x80", 1002),
        (b"\x82\xff" + bytes(8), 1009),
        (b"\x82\xfe\xff\xff", 1009),
        (masked(2, bytes(MESSAGE_MOST), last=False) + masked(0, b"ab"), 1009),
        (masked(2, b"odd"), 1007),
    ],
)
def test_a_broken_protocol_is_closed_with_its_code(wire: bytes, code: int) -> None:
    with pytest.raises(Rejected) as rejected:
        Stream().receive(wire)
    assert rejected.value.answer == b"\x88\x02" + code.to_bytes(2, "big")


class Page:
    """A browser on 127.0.0.1."""

    def __init__(self, bank: BrowserBank) -> None:
        self.socket = socket.create_connection(("127.0.0.1", bank.port))
        self.socket.settimeout(2)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, token: str) -> None:
        self.socket.sendall(request(token))

    def say(self, level: int) -> None:
        self.socket.sendall(masked(2, np.full(FRAME, level, "<i2").tobytes(), os.urandom(4)))

    def got(self) -> bytes:
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""


@pytest.fixture
def bank() -> object:
    bank = BrowserBank(8, ("127.0.0.1", 0))
    yield bank
    bank.shut()


def tick(bank: BrowserBank, times: int = 1, heard: int = 0) -> np.ndarray:
    """Ticks of the bank; what row 3 said in the last one."""
    said, sink = frames(8), frames(8)
    sink[:] = heard
    for _ in range(times):
        bank.read(said)
        bank.write(sink)
    return np.asarray(said[3])


def test_a_page_with_the_token_is_heard_and_hears(bank: BrowserBank) -> None:
    bank.open(3, "t0ken")
    page = Page(bank)
    page.ask("t0ken")
    tick(bank, 2)
    assert page.got().startswith(b"HTTP/1.1 101")
    assert bank.changed == [(3, True)]
    for level in (11, 22, 33):
        page.say(level)
    assert [int(tick(bank, 1, heard=77)[0]) for _ in range(4)] == [11, 22, 33, 0]
    data = page.got()
    assert len(data) % 324 == 0
    assert data[-324:-320] == b"\x82\x7e\x01\x40"
    assert (np.frombuffer(data[-320:], "<i2") == 77).all()


def test_a_page_without_the_token_is_turned_away(bank: BrowserBank) -> None:
    bank.open(3, "t0ken")
    page = Page(bank)
    page.ask("guess")
    tick(bank, 2)
    assert page.got().startswith(b"HTTP/1.1 403")
    assert page.got() == b""
    assert bank.changed == []


def test_a_reloaded_page_takes_the_place_of_the_old_one(bank: BrowserBank) -> None:
    bank.open(3, "t0ken")
    old, new = Page(bank), Page(bank)
    for page in (old, new):
        page.ask("t0ken")
        tick(bank, 2)
        assert page.got().startswith(b"HTTP/1.1 101")
    assert bank.changed == [(3, True), (3, False), (3, True)]
    assert old.got().endswith(b"\x88\x02" + (4001).to_bytes(2, "big"))
    for level in (1, 2, 3):
        new.say(level)
    assert tick(bank)[0] == 1


def test_a_closed_line_sends_its_page_away_and_its_token_is_worth_nothing(bank: BrowserBank) -> None:
    bank.open(3, "t0ken")
    page = Page(bank)
    page.ask("t0ken")
    tick(bank, 2)
    page.got()
    bank.close(3)
    assert page.got().endswith(b"\x88\x02\x03\xe8")
    again = Page(bank)
    again.ask("t0ken")
    tick(bank, 2)
    assert again.got().startswith(b"HTTP/1.1 403")


def test_a_page_that_breaks_the_protocol_or_goes_away_is_gone(bank: BrowserBank) -> None:
    bank.open(3, "t0ken")
    for farewell in (b"\x82\x02ab", b"", masked(8, b"\x03\xe8")):
        page = Page(bank)
        page.ask("t0ken")
        tick(bank, 2)
        page.got()
        page.socket.sendall(farewell) if farewell else page.socket.close()
        tick(bank, 2)
        assert bank.changed == [(3, True), (3, False)]
        bank.changed.clear()


def test_a_page_that_does_not_read_loses_sound_and_costs_no_memory(bank: BrowserBank) -> None:
    bank.open(3, "t0ken")
    page = Page(bank)
    page.ask("t0ken")
    tick(bank, 2)
    page.got()
    tick(bank, 2000, heard=1)
    waiting = bytearray()
    page.socket.settimeout(0.2)
    try:
        while True:
            waiting += page.socket.recv(1 << 20)
            assert len(waiting) < 2000 * 324, "all of it was queued"
    except TimeoutError:
        pass
    tick(bank, 3, heard=5)
    page.socket.settimeout(2)
    waiting += page.got()
    while len(waiting) >= 324:
        ping = waiting.startswith(b"\x89\0")
        assert ping or waiting.startswith(b"\x82\x7e\x01\x40"), "a frame was torn"
        del waiting[: 2 if ping else 324]


def test_a_caller_that_never_finishes_its_request_is_dropped(bank: BrowserBank) -> None:
    page = Page(bank)
    page.socket.sendall(b"GET /sound")
    tick(bank, HALF_OPEN_TICKS + 60)
    assert page.got().startswith(b"HTTP/1.1 408")


def test_a_flood_of_half_open_calls_is_limited_and_the_agent_still_gets_in(bank: BrowserBank) -> None:
    flood = [Page(bank) for _ in range(60)]
    tick(bank)
    bank.open(3, "t0ken")
    page = Page(bank)
    page.ask("t0ken")
    tick(bank, 2)
    assert page.got().startswith(b"HTTP/1.1 101")
    flood += [Page(bank) for _ in range(60)]
    tick(bank, 3)
    turned_away = 0
    for one in flood[60:]:
        one.socket.settimeout(0.01)
        with contextlib.suppress(TimeoutError):
            turned_away += one.got() == b""
    assert turned_away >= 50
    for one in flood:
        one.socket.close()
