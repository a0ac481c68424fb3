"""RTP lines over real sockets on 127.0.0.1, with ticks called by hand."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.line import FRAME, RtpRoute
from hardware.media import g711
from hardware.media.far_end import INSISTS, LOOSEN_TICKS
from hardware.media.matrix import frames
from hardware.media.rtp import build
from hardware.media.rtp_bank import RtpBank

ROW = 2


class Phone:
    """Sends one level all the time, in packets of any size."""

    def __init__(self, level: int, law: int = g711.PCMA) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address: tuple[str, int] = self.socket.getsockname()
        self.level, self.law = level, law
        self.stamp = 0

    def route(self, event: int | None = 101) -> RtpRoute:
        return RtpRoute(*self.address, payload=self.law, event=event)

    def speak(self, there: tuple[str, int], samples: int = FRAME, payload: int | None = None) -> None:
        codes = np.zeros(samples, np.uint8)
        g711.encode(self.law, np.full(samples, self.level, np.int16), codes)
        kind = self.law if payload is None else payload
        self.socket.sendto(build(kind, 0, self.stamp, id(self) & 0xFFFF, codes.tobytes()), there)
        self.stamp += samples

    def received(self) -> list[bytes]:
        packets = []
        try:
            while True:
                packets.append(self.socket.recv(2048))
        except BlockingIOError:
            return packets


class Line:
    """A bank with one line open."""

    def __init__(self, route: RtpRoute) -> None:
        self.bank = RtpBank(4)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.here: tuple[str, int] = probe.getsockname()
        self.said, self.heard = frames(4), frames(4)
        self.open(route)

    def open(self, route: RtpRoute) -> None:
        self.bank.open(ROW, route, self.here)

    def tick(self, ticks: int = 1) -> int:
        """The loudest sample of the last tick, rounded as the A-law rounds it."""
        for _ in range(ticks):
            self.bank.read(self.said)
            self.bank.write(self.heard)
        return int(np.abs(self.said[ROW].astype(int)).max())


@pytest.fixture
def phone() -> Iterator[Phone]:
    phone = Phone(1000)
    yield phone
    phone.socket.close()


def talk(line: Line, ticks: int, *phones: Phone) -> list[int]:
    levels = []
    for _ in range(ticks):
        for phone in phones:
            phone.speak(line.here)
        levels.append(line.tick())
    return levels


def coded(level: int, law: int = g711.PCMA) -> int:
    codes, pcm = np.zeros(1, np.uint8), np.zeros(1, np.int16)
    g711.encode(law, np.array([level], np.int16), codes)
    g711.decode(law, codes, pcm)
    return int(pcm[0])


@pytest.mark.parametrize("samples", [80, 160, 240, 320, 480])
def test_packets_of_10_to_60_ms_are_heard_without_a_gap(phone: Phone, samples: int) -> None:
    line = Line(phone.route())
    start = phone.stamp
    for tick in range(40):
        while phone.stamp - start <= tick * FRAME:
            phone.speak(line.here, samples)
        level = line.tick()
        assert level == (coded(1000) if tick >= 2 else 8)
    assert line.bank.lost == 0
    line.bank.shut()


def test_mu_law_is_understood_though_a_law_was_signalled() -> None:
    phone = Phone(1000, g711.PCMU)
    line = Line(RtpRoute(*phone.address, payload=g711.PCMA))
    assert talk(line, 10, phone)[-1] == coded(1000, g711.PCMU)
    assert all(packet[1] & 0x7F == g711.PCMA for packet in phone.received())
    line.bank.shut()
    phone.socket.close()


def test_comfort_noise_and_unknown_payloads_are_passed_over(phone: Phone) -> None:
    line = Line(phone.route())
    talk(line, 5, phone)
    for payload in (13, 96, 127):
        phone.speak(line.here, 1, payload)
    assert talk(line, 5, phone)[-1] == coded(1000)
    line.bank.shut()


def test_a_phone_behind_nat_becomes_the_far_end_after_some_packets_and_is_answered(phone: Phone) -> None:
    hidden = Phone(1)
    line = Line(hidden.route())
    levels = talk(line, INSISTS + 4, phone)
    assert levels[INSISTS - 2] == 8
    assert levels[-1] == coded(1000)
    assert phone.received()
    line.bank.shut()
    hidden.socket.close()


def test_what_is_left_of_the_last_call_gives_way_to_the_new_far_end(phone: Phone) -> None:
    last = Phone(5000)
    line = Line(phone.route())
    assert talk(line, 20, last)[-1] == coded(5000)
    for tick in range(20):
        last.speak(line.here)
        phone.speak(line.here)
        level = line.tick()
        if tick > 4:
            assert level == coded(1000)
    line.bank.shut()
    last.socket.close()


def test_another_source_may_follow_when_the_far_end_has_been_silent_for_long(phone: Phone) -> None:
    line = Line(phone.route())
    talk(line, 10, phone)
    other = Phone(5000)
    assert coded(5000) not in talk(line, 20, other), "nobody talks over the far end"
    line.tick(2 * LOOSEN_TICKS)
    assert talk(line, 20, other)[-1] == coded(5000)
    line.bank.shut()
    other.socket.close()


def test_a_phone_that_refuses_our_packets_does_not_hurt(phone: Phone) -> None:
    line = Line(phone.route())
    talk(line, 5, phone)
    phone.socket.close()
    line.tick(50)
    assert line.bank.silent_ticks(ROW) >= 49
    line.bank.shut()


def test_every_tick_sends_one_packet_in_sequence_and_the_first_is_marked(phone: Phone) -> None:
    line = Line(phone.route())
    line.tick(5)
    packets = [np.frombuffer(packet, ">u2")[:4].astype(int) for packet in phone.received()]
    assert [int(packet[0]) for packet in packets] == [0x8088, 0x8008, 0x8008, 0x8008, 0x8008]
    assert set(np.diff([packet[1] for packet in packets]) % 65536) == {1}
    stamps: NDArray[np.int64] = np.array([packet[2] * 65536 + packet[3] for packet in packets])
    assert set(np.diff(stamps) % 2**32) == {FRAME}
    line.bank.shut()


def test_lines_keep_their_sequence_when_the_matrix_grows(phone: Phone) -> None:
    line = Line(phone.route())
    line.tick(2)
    line.bank.grow(64)
    line.said, line.heard = frames(64), frames(64)
    line.tick(2)
    sequence = [int.from_bytes(packet[2:4], "big") for packet in phone.received()]
    assert set(np.diff(sequence) % 65536) == {1}
    line.bank.shut()
