"""Keys for sealed voice: offered and taken over TLS only, and never half."""

import base64
from dataclasses import replace

import pytest
from aiosipua.message import SipRequest

from hardware.line import Answered, Cause, Cleared, RtpRoute, Sound, SrtpKeys
from hardware.sip import sdp
from hardware.sip.core import SipCore
from hardware.sip.message import Hop, tag_of
from hardware.sip.sdes import KEY_BYTES, SUITES, Crypto, chosen, fresh_key
from hardware.sip.settings import Sealing
from tests.sipp.network import SDP, Network, request, requests, respond, settings, statuses

THEIRS = base64.b64encode(bytes(range(KEY_BYTES))).decode()
PHONE = Hop("10.0.0.9", 40001, "TLS")
LINE = f"a=crypto:3 {SUITES[0]} inline:{THEIRS}|2^20\r\n"
SEALED = SDP.replace("RTP/AVP", "RTP/SAVP") + LINE


def boxed(srtp: Sealing = Sealing.WANTED) -> tuple[Network, SipCore]:
    net = Network()
    return net, net.add(replace(settings(), srtp=srtp))


def ours(body: bytes) -> tuple[str, str]:
    """The tag and key we gave."""
    (line,) = [line for line in body.decode().split("\r\n") if line.startswith("a=crypto:")]
    tag, suite, key = line.removeprefix("a=crypto:").split()
    assert suite == SUITES[0]
    return tag, key.removeprefix("inline:")


def test_sealed_voice_is_agreed_on_over_tls() -> None:
    net, box = boxed()
    net.send(request("INVITE", body=SEALED), source=PHONE)
    net.inbox.clear()
    box.answer(0, net.now)
    net.run()
    tag, key = ours(net.inbox[0].body)
    assert tag == "3"
    assert b"RTP/SAVP" in net.inbox[0].body
    assert len(base64.b64decode(key)) == KEY_BYTES
    keys = SrtpKeys(SUITES[0], key, THEIRS)
    assert net.signals()[-1] == Sound(RtpRoute("10.0.0.9", 7000, 8, 101, keys))


@pytest.mark.parametrize(
    ("srtp", "source"),
    [(Sealing.WANTED, ("10.0.0.9", 5062)), (Sealing.REQUIRED, ("10.0.0.9", 5062)), (Sealing.OFF, PHONE)],
)
def test_sealed_voice_alone_is_refused_where_keys_would_be_seen_or_nobody_wants_it(
    srtp: Sealing, source: tuple[str, int]
) -> None:
    net, _ = boxed(srtp)
    assert statuses(net.send(request("INVITE", body=SEALED), source=source)) == [488]


def test_who_offers_both_gets_the_sealed_one() -> None:
    both = SDP + SEALED[SEALED.index("m=audio") :].replace("7000", "7100")
    _, voice = sdp.read(both.encode(), fresh_key())
    assert (voice.index, voice.route and voice.route.port) == (1, 7100)
    _, voice = sdp.read(both.encode())
    assert (voice.index, voice.crypto) == (0, None)


def test_a_call_we_place_over_tls_offers_a_key_and_takes_theirs() -> None:
    net, box = boxed()
    box.dial(0, "sip:8009@10.0.0.9:5061;transport=tls", "12345", net.now)
    net.run()
    (invite,) = requests(net.inbox, "INVITE")
    tag, key = ours(invite.body)
    net.send(respond(invite, 200, SEALED.replace("crypto:3", f"crypto:{tag}")), source=PHONE)
    keys = SrtpKeys(SUITES[0], key, THEIRS)
    assert Sound(RtpRoute("10.0.0.9", 7000, 8, 101, keys)) in net.signals()


@pytest.mark.parametrize(
    "line",
    [
        f"1 AES_256_CM_HMAC_SHA1_80 inline:{THEIRS}",
        f"1 {SUITES[0]} inline:{THEIRS}|2^20|1:4",
        f"1 {SUITES[0]} inline:{THEIRS} UNENCRYPTED_SRTP",
        f"1 {SUITES[0]} inline:{THEIRS[:-4]}",
        f"1 {SUITES[0]} inline:{'=' * 40}",
        f"x {SUITES[0]} inline:{THEIRS}",
        "",
    ],
)
def test_a_line_we_cannot_follow_is_passed_over(line: str) -> None:
    good = f"2 {SUITES[1]} inline:{THEIRS}|1024"
    assert chosen([line]) is None
    assert chosen([line, good]) == Crypto(2, SUITES[1], THEIRS)


def rung(net: Network, box: SipCore) -> SipRequest:
    """We dial over TLS; the INVITE as it arrived."""
    net.inbox.clear()
    box.dial(0, "sip:8009@10.0.0.9:5061;transport=tls", "12345", net.now)
    net.run()
    (invite,) = requests(net.inbox, "INVITE")
    return invite


@pytest.mark.parametrize(
    "answer",
    [
        SDP,
        SEALED,  # another tag than was offered
        SEALED.replace("crypto:3", "crypto:1").replace(SUITES[0], SUITES[1]),
        SDP.replace("RTP/AVP", "RTP/SAVP"),
    ],
)
def test_an_answer_that_is_not_sealed_as_offered_ends_the_call(answer: str) -> None:
    net, box = boxed()
    invite = rung(net, box)
    told = net.send(respond(invite, 200, answer), source=PHONE)
    assert list(requests(told, "BYE"))
    said = net.signals()
    assert said == [Cleared(Cause.INCOMPATIBLE)], "no voice went anywhere"


def test_who_knows_no_sealed_voice_is_called_again_in_clear() -> None:
    net, box = boxed()
    net.send(respond(rung(net, box), 488), source=PHONE)
    (again,) = requests(net.inbox, "INVITE")
    assert b"RTP/AVP" in again.body
    assert b"crypto" not in again.body
    net.send(respond(again, 200, SDP), source=PHONE)
    assert net.signals() == [Sound(RtpRoute("10.0.0.9", 7000, 8, 101)), Answered()]


def test_where_sealed_voice_is_required_there_is_none_in_clear() -> None:
    net, box = boxed(Sealing.REQUIRED)
    told = net.send(respond(rung(net, box), 488), source=PHONE)
    assert list(requests(told, "INVITE")) == []
    assert net.signals() == [Cleared(Cause.INCOMPATIBLE)]
    assert statuses(net.send(request("INVITE", body=SDP), source=PHONE)) == [488]
    assert statuses(net.send(request("INVITE", body=SDP, call_id="udp"))) == [180], "not over UDP"


def talking(net: Network, box: SipCore, body: str) -> str:
    """A call over TLS is answered; our tag."""
    ringing = net.send(request("INVITE", body=body, supported="timer"), source=PHONE)
    tag = next(t for m in ringing if (t := tag_of(m, "to")))
    box.answer(0, net.now)
    net.send(request("ACK", tag=tag), source=PHONE)
    net.signals()
    return tag


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_sealed_voice_does_not_become_clear_within_a_call(method: str) -> None:
    net, box = boxed()
    tag = talking(net, box, SEALED)
    assert statuses(net.send(request(method, tag=tag, seq=2, body=SDP), source=PHONE)) == [488]
    assert net.signals() == []
    moved = request("INVITE", tag=tag, seq=3, body=SEALED.replace("7000", "7004"))
    assert statuses(net.send(moved, source=PHONE)) == [200]
    (sound,) = net.signals()
    assert isinstance(sound, Sound)
    assert isinstance(sound.route, RtpRoute)
    assert sound.route.srtp is not None


def test_voice_agreed_on_in_clear_stays_so_when_we_refresh_the_call() -> None:
    net, box = boxed()
    talking(net, box, SDP)
    net.inbox.clear()
    net.run(905)
    (refresh,) = requests(net.inbox, "INVITE")
    assert b"RTP/AVP" in refresh.body
    assert b"crypto" not in refresh.body


def test_a_sealed_call_is_refreshed_with_the_same_key() -> None:
    net, box = boxed()
    ringing = net.send(request("INVITE", body=SEALED, supported="timer"), source=PHONE)
    tag = next(t for m in ringing if (t := tag_of(m, "to")))
    net.inbox.clear()
    box.answer(0, net.now)
    net.run()
    _, key = ours(net.inbox[0].body)
    net.send(request("ACK", tag=tag), source=PHONE)
    net.run(905)
    (refresh,) = requests(net.inbox, "INVITE")
    assert ours(refresh.body) == ("1", key)
