"""Sealed RTP lines over real sockets: an SRTP peer of its own keys, ticks called by hand."""

import base64
from collections.abc import Iterator

import numpy as np
import pytest
from pylibsrtp import Policy, Session

from hardware.line import FRAME, RtpRoute, SrtpKeys
from hardware.media import g711, wire
from hardware.media.rtp import HEADER, build, parse
from hardware.media.srtp import PROFILES, TOLD_AFTER
from hardware.media.switch import Place, Switch
from tests.test_media_rtp_bank import ROW, Line, Phone, coded, talk

OURS, THEIRS, OTHER = (base64.b64encode(bytes([n]) * 30).decode() for n in (1, 2, 3))
EIGHTY, THIRTY_TWO = PROFILES
LOUD = 1000
QUIET = 8
"""What A-law makes of silence."""


def session(suite: str, key: str, kind: int) -> Session:
    return Session(Policy(key=base64.b64decode(key), ssrc_type=kind, srtp_profile=PROFILES[suite]))


class SealedPhone(Phone):
    """A phone that seals what it says by one key, and opens what it hears by another."""

    def __init__(self, suite: str = EIGHTY, key: str = THEIRS) -> None:
        super().__init__(LOUD)
        self.suite = suite
        self.ssrc, self.seq = 77, 10
        self.out = session(suite, key, Policy.SSRC_ANY_OUTBOUND)
        self.into = session(suite, OURS, Policy.SSRC_ANY_INBOUND)

    def keys(self, send: str = OURS, receive: str = THEIRS) -> SrtpKeys:
        """As the box has agreed on them."""
        return SrtpKeys(self.suite, send, receive)

    def sealed_route(self, keys: SrtpKeys | None = None) -> RtpRoute:
        return RtpRoute(*self.address, event=101, srtp=keys or self.keys())

    def speak(self, there: tuple[str, int], samples: int = FRAME, payload: int | None = None) -> None:
        codes = np.zeros(samples, np.uint8)
        g711.encode(self.law, np.full(samples, self.level, np.int16), codes)
        packet = build(payload or self.law, self.seq, self.stamp, self.ssrc, codes.tobytes())
        self.socket.sendto(self.out.protect(packet), there)
        self.stamp, self.seq = self.stamp + samples, self.seq + 1

    def opened(self) -> list[bytes]:
        """The packets that came, opened; raises where one was not sealed by the agreed key."""
        return [self.into.unprotect(packet) for packet in self.received()]


@pytest.fixture(params=PROFILES)
def phone(request: pytest.FixtureRequest) -> Iterator[SealedPhone]:
    phone = SealedPhone(request.param)
    yield phone
    phone.socket.close()


def test_sealed_voice_is_heard_both_ways(phone: SealedPhone) -> None:
    line = Line(phone.sealed_route())
    line.heard[ROW] = LOUD
    levels = talk(line, 50, phone)
    assert set(levels[5:]) == {coded(LOUD)}, "after the jitter buffer no frame is missing"
    packets = phone.opened()
    assert len(packets) == 50
    plain = np.zeros(FRAME, np.uint8)
    g711.encode(g711.PCMA, np.full(FRAME, LOUD, np.int16), plain)
    assert all(packet[HEADER.size :] == plain.tobytes() for packet in packets)
    line.bank.shut()


def test_nothing_on_the_wire_is_the_plain_sound(phone: SealedPhone) -> None:
    line = Line(phone.sealed_route())
    line.heard[ROW] = LOUD
    talk(line, 20, phone)
    plain = np.zeros(FRAME, np.uint8)
    g711.encode(g711.PCMA, np.full(FRAME, LOUD, np.int16), plain)
    packets = phone.received()
    assert len(packets) == 20
    for packet in packets:
        assert len(packet) > HEADER.size + FRAME
        codes = np.frombuffer(packet[HEADER.size :][:FRAME], np.uint8)
        assert np.count_nonzero(codes == plain) < FRAME / 8
    line.bank.shut()


def test_keys_pressed_travel_sealed_too(phone: SealedPhone) -> None:
    line = Line(phone.sealed_route())
    line.bank.send_keys(ROW, "7")
    line.tick(10)
    kinds = {packet.payload for raw in phone.opened() if (packet := parse(raw, len(raw)))}
    assert 101 in kinds
    line.bank.shut()


def test_voice_goes_on_past_the_last_sequence_number(phone: SealedPhone) -> None:
    line = Line(phone.sealed_route())
    line.bank._headers["seq"][ROW] = 65520
    line.heard[ROW] = LOUD
    phone.seq = 65520
    levels = []
    for _ in range(40):
        phone.speak(line.here)
        phone.seq &= 0xFFFF
        levels.append(line.tick())
    assert set(levels[5:]) == {coded(LOUD)}
    assert len(phone.opened()) == 40
    line.bank.shut()


def test_a_new_stream_of_the_same_far_end_is_opened(phone: SealedPhone) -> None:
    line = Line(phone.sealed_route())
    talk(line, 10, phone)
    phone.ssrc, phone.seq, phone.stamp = 78, 40000, 1_000_000
    assert set(talk(line, 20, phone)[-10:]) == {coded(LOUD)}
    line.bank.shut()


def test_a_re_invite_with_the_same_keys_goes_on_counting(phone: SealedPhone) -> None:
    line = Line(phone.sealed_route())
    line.bank._headers["seq"][ROW] = 65530
    talk(line, 20, phone)
    line.open(phone.sealed_route())
    assert set(talk(line, 20, phone)[-10:]) == {coded(LOUD)}
    assert len(phone.opened()) == 40, "begun anew, the count of wraps would be wrong"
    line.bank.shut()


def test_a_re_invite_may_bring_another_key(phone: SealedPhone) -> None:
    line = Line(phone.sealed_route())
    talk(line, 10, phone)
    phone.out = session(phone.suite, OTHER, Policy.SSRC_ANY_OUTBOUND)
    assert set(talk(line, 20, phone)[-10:]) == {QUIET}
    line.open(phone.sealed_route(phone.keys(receive=OTHER)))
    assert set(talk(line, 20, phone)[-10:]) == {coded(LOUD)}
    line.bank.shut()


def test_the_wrong_key_is_silence_and_is_said_once() -> None:
    phone = SealedPhone()
    line = Line(phone.sealed_route(phone.keys(receive=OTHER)))
    assert set(talk(line, 3 * TOLD_AFTER, phone)) == {QUIET}
    ((row, reason),) = line.bank.troubles
    assert row == ROW
    assert "cannot be opened" in reason
    assert line.bank.silent_ticks(ROW) == 3 * TOLD_AFTER
    line.bank.shut()
    phone.socket.close()


def test_voice_in_clear_is_not_heard_where_sealed_was_agreed_on() -> None:
    phone = SealedPhone()
    plain = Phone(LOUD)
    line = Line(phone.sealed_route())
    assert set(talk(line, 30, plain)) == {QUIET}
    for size in (0, 3, 12, 200, 2000):
        plain.socket.sendto(bytes([0x80]) * size, line.here)
    line.tick(2)
    assert set(talk(line, 20, phone)[-10:]) == {coded(LOUD)}
    line.bank.shut()
    phone.socket.close()
    plain.socket.close()


def test_a_packet_played_back_is_not_heard_again() -> None:
    phone = SealedPhone()
    line = Line(phone.sealed_route())
    talk(line, 10, phone)
    packet = phone.out.protect(build(8, 5000, phone.stamp, phone.ssrc, bytes([0x2A]) * FRAME))
    phone.socket.sendto(packet, line.here)
    line.tick(20)
    heard = line.bank.silent_ticks(ROW)
    phone.socket.sendto(packet, line.here)
    line.tick()
    assert line.bank.silent_ticks(ROW) == heard + 1
    line.bank.shut()
    phone.socket.close()


@pytest.mark.parametrize(
    "keys",
    [
        SrtpKeys("AES_256_CM", OURS, THEIRS),
        SrtpKeys(EIGHTY, OURS[:-4], THEIRS),
        SrtpKeys(EIGHTY, OURS, "?" * 40),
    ],
)
def test_keys_that_cannot_be_used_leave_the_line_without_voice(keys: SrtpKeys) -> None:
    phone = Phone(LOUD)
    line = Line(phone.route())
    with pytest.raises(ValueError, match=r"."):
        line.open(RtpRoute(*phone.address, srtp=keys))
    line.tick(5)
    assert phone.received() == [], "nor in clear"
    line.bank.shut()
    phone.socket.close()


def test_the_call_process_is_told_of_a_key_that_does_not_fit() -> None:
    phone = SealedPhone()
    here = Line(phone.route())
    here.bank.shut()
    switch = Switch(Place("127.0.0.1", here.here[1] - here.here[1] % 2))
    switch.do(wire.Open("sip/0", rtp=phone.sealed_route(phone.keys(receive=OTHER))))
    for _ in range(2 * TOLD_AFTER):
        phone.speak(("127.0.0.1", here.here[1] - here.here[1] % 2))
        switch.tick()
    told = [report for report in switch.reports() if isinstance(report, wire.Trouble)]
    assert [trouble.line for trouble in told] == ["sip/0"]
    assert "SRTP" in told[0].reason
    switch.shut()
    phone.socket.close()
