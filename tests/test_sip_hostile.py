"""Hostile input, taken from a corpus of it: nothing raises, nothing is left behind, calls go on."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from hardware.line import Cause, Cleared
from hardware.media import rtp
from hardware.sip import sdp
from hardware.sip.core import SipCore
from hardware.sip.framer import Framer, Unframed
from hardware.sip.message import Addr, Hop, Malformed, parse, tag_of, written
from hardware.sip.sdes import fresh_key
from tests.sipp.hostile import corpus, mutated
from tests.sipp.network import PHONE, SDP, Network, request, requests, settings, statuses
from tests.test_media_rtp_bank import Line, Phone, talk
from tests.test_media_srtp import SealedPhone

STRANGER = ("203.0.113.66", 31337)
SOURCES: list[Addr] = [PHONE, STRANGER, Hop("10.0.0.9", 40001, "TLS")]
OURS = sdp.Local("10.0.0.1", 20004, 77, key=fresh_key())


def begun() -> tuple[Network, SipCore, str]:
    """A box with a call going on; our tag of it."""
    net = Network()
    box = net.add(settings())
    tag = next(tag for m in net.send(request("INVITE", body=SDP, call_id="good")) if (tag := tag_of(m, "to")))
    box.answer(0, net.now)
    net.send(request("ACK", tag=tag, call_id="good"))
    net.signals()
    return net, box, tag


def unharmed(net: Network, box: SipCore, tag: str) -> None:
    """The call goes on, a new one can be made, and all the rest is forgotten in time."""
    assert box.slots[0].talking is not None
    assert statuses(net.send(request("OPTIONS", tag=tag, seq=900, call_id="good"))) == [200]
    net.run(700)  # all sources that made themselves unheard are heard again
    for slot in box.slots[1:]:
        box.hangup(slot.index, Cause.NORMAL, net.now)
    assert 180 in statuses(net.send(request("INVITE", body=SDP, call_id="next")))
    for slot in box.slots:
        box.hangup(slot.index, Cause.NORMAL, net.now)
    net.run(100)
    assert not box._clients
    assert not box._servers
    assert not box._legs


@pytest.mark.parametrize("name", corpus("sip"))
def test_hostile_messages_harm_no_call_and_leave_nothing(name: str) -> None:
    net, box, tag = begun()
    data = corpus("sip")[name]
    for source in SOURCES:
        for _ in range(3):
            net.send(data, source)
    net.send(data.replace(b"tag=ours", b"tag=" + tag.encode()).replace(b"hostile", b"good"), STRANGER)
    if b"BYE" in data or b"REFER" in data:
        assert box.slots[0].talking is not None, "who does not know their tag is nobody"
    unharmed(net, box, tag)


@given(mutated("sip"))
def test_any_mutation_of_a_hostile_message_is_borne(data: bytes) -> None:
    net, box, tag = begun()
    for source in SOURCES:
        net.send(data, source)
    net.run(1)
    if b"good" not in data:
        unharmed(net, box, tag)


@given(mutated("sip"))
def test_any_hostile_message_is_read_or_malformed(data: bytes) -> None:
    with suppress(Malformed):
        assert parse(written(parse(data)))


@given(mutated("sip"), mutated("sip"))
def test_any_hostile_stream_is_framed_or_cut_off(one: bytes, two: bytes) -> None:
    framer = Framer()
    with suppress(Unframed):
        for start in range(0, len(one + two), 500):
            for message in framer.feed((one + two)[start : start + 500]):
                assert len(message) < 100_000


def said(body: bytes) -> None:
    """A description as an offer and as an answer, sealed and in clear."""
    for local in (OURS, replace(OURS, key=""), replace(OURS, sealed=True)):
        with suppress(sdp.BadSdp, sdp.NothingCommon):
            offered, voice = sdp.read_offer(body, local)
            answer = sdp.answer(offered, voice, local)
            assert sdp.read(answer, fresh_key())[1].payload in sdp.CODECS, "we can read what we say"
            assert not local.sealed or voice.crypto is not None
        with suppress(sdp.BadSdp, sdp.NothingCommon):
            assert (sdp.read_answer(body, local).crypto is not None) == bool(local.key)


@pytest.mark.parametrize("name", corpus("sdp"))
def test_hostile_descriptions_are_agreed_on_or_refused(name: str) -> None:
    body = corpus("sdp")[name]
    said(body)
    net, box, tag = begun()
    head = request("INVITE", call_id="x", content_type="application/sdp").partition("Content-Length")[0]
    told = net.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert set(statuses(told)) <= {100, 180, 400, 488}
    box.answer(1, net.now)
    net.run(40)
    unharmed(net, box, tag)


@given(mutated("sdp"))
def test_any_mutation_of_a_hostile_description_is_agreed_on_or_refused(body: bytes) -> None:
    said(body)


@given(mutated("rtp"))
def test_any_hostile_packet_is_read_or_is_none(data: bytes) -> None:
    packet = rtp.parse(data, len(data))
    assert packet is None or 12 <= packet.start <= packet.end <= len(data)


@pytest.fixture
def phone() -> Iterator[Phone]:
    phone = Phone(1000)
    yield phone
    phone.socket.close()


def attacked(line: Line, phone: Phone, attack: list[bytes], spoofed: bool) -> list[int]:
    """Levels heard while packets come between the phone's, from its own address or from elsewhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        sender = phone.socket if spoofed else other
        levels = talk(line, 10, phone)
        for data in attack:
            sender.sendto(data, line.here)
            levels += talk(line, 1, phone)
        levels += talk(line, 10, phone)
    line.bank.shut()
    return levels


@pytest.mark.parametrize("sealed", [False, True])
def test_hostile_packets_from_elsewhere_are_not_heard_at_all(phone: Phone, sealed: bool) -> None:
    if sealed:
        speaker: Phone = SealedPhone()
        line = Line(SealedPhone.sealed_route(speaker))  # type: ignore[arg-type]  # it is one
    else:
        speaker, line = phone, Line(phone.route())
    levels = attacked(line, speaker, list(corpus("rtp").values()), spoofed=False)
    assert len(set(levels[3:])) == 1, "no frame was missing or other than the phone's"
    assert line.bank.keys == []


def test_hostile_packets_in_the_name_of_the_far_end_do_not_stop_its_voice(phone: Phone) -> None:
    levels = attacked(Line(phone.route()), phone, list(corpus("rtp").values()), spoofed=True)
    assert set(levels[-5:]) == {levels[5]}


def test_hostile_packets_in_the_name_of_a_sealed_far_end_are_not_heard() -> None:
    phone = SealedPhone()
    levels = attacked(Line(phone.sealed_route()), phone, list(corpus("rtp").values()), spoofed=True)
    assert len(set(levels[3:])) == 1
    phone.socket.close()


@given(mutated("rtp"))
def test_any_mutation_of_a_hostile_packet_is_borne(data: bytes) -> None:
    phone = Phone(1000)
    line = Line(phone.route())
    talk(line, 2, phone)
    phone.socket.sendto(data, line.here)
    assert np.isfinite(talk(line, 3, phone)).all()
    line.bank.shut()
    phone.socket.close()


# Half-open dialogs, and races


def test_hostile_callers_who_never_acknowledge_lose_their_line_after_half_a_minute() -> None:
    net = Network()
    box = net.add(settings())
    for n in range(4):
        net.send(request("INVITE", body=SDP, call_id=f"half-{n}"))
        box.answer(n, net.now)
    assert box.free() is None
    net.run(33)
    assert box.free() is not None
    assert not box._legs
    assert len({bye.headers.get("call-id")[0] for bye in requests(net.inbox, "BYE")}) == 4


def test_hostile_invites_and_nothing_more_cannot_fill_the_box_for_long() -> None:
    net = Network()
    box = net.add(settings(lines=40))
    for n in range(2000):
        box.receive(request("INVITE", body=SDP, call_id=f"flood-{n}").encode(), STRANGER, net.now + n / 1000)
    assert len(box._servers) == 40, "as many as there are lines: refusals keep nothing"
    assert box.counts["too many calls"] > 1500
    net.run(2)
    net.run(700)
    for slot in box.slots:
        box.hangup(slot.index, Cause.NO_ANSWER, net.now)
    net.run(60)
    assert not box._servers


@pytest.mark.parametrize("first", ["answer", "cancel"])
def test_an_answer_and_a_cancel_that_cross_end_in_one_way_only(first: str) -> None:
    net = Network()
    box = net.add(settings())
    tag = next(tag for m in net.send(request("INVITE", body=SDP, branch="c")) if (tag := tag_of(m, "to")))
    if first == "cancel":
        assert statuses(net.send(request("CANCEL", branch="c"))) == [200, 487]
        box.answer(0, net.now)
        net.run()
        net.send(request("ACK", branch="c", tag=tag))
    else:
        box.answer(0, net.now)
        assert statuses(net.send(request("CANCEL", branch="c"))) == [200, 200], "too late"
        net.send(request("ACK", tag=tag))
        assert box.slots[0].talking is not None
        net.send(request("BYE", tag=tag, seq=2))
    net.run(40)
    assert [s for s in statuses(net.inbox) if s not in (200, 487)] == []
    assert not box._legs
    assert box.free() is not None


def test_an_ack_that_knows_only_the_branch_is_none() -> None:
    net = Network()
    box = net.add(settings())
    net.send(request("INVITE", body=SDP, branch="b"))
    box.answer(0, net.now)
    net.send(request("ACK", branch="b", tag="guessed"))
    net.signals()
    net.run(33)
    assert Cleared(Cause.TIMER) in net.signals()
