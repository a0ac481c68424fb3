"""Keys for sealed voice: offered and taken over TLS only, and never half."""

import base64
from dataclasses import replace

import pytest

from hardware.line import RtpRoute, Sound, SrtpKeys
from hardware.sip import sdp
from hardware.sip.core import SipCore
from hardware.sip.message import Hop
from hardware.sip.sdes import KEY_BYTES, SUITES, Crypto, chosen, fresh_key
from tests.sipp.network import SDP, Network, request, requests, respond, settings, statuses

THEIRS = base64.b64encode(bytes(range(KEY_BYTES))).decode()
PHONE = Hop("10.0.0.9", 40001, "TLS")
LINE = f"a=crypto:3 {SUITES[0]} inline:{THEIRS}|2^20\r\n"
SEALED = SDP.replace("RTP/AVP", "RTP/SAVP") + LINE


def boxed(srtp: bool = True) -> tuple[Network, SipCore]:
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


@pytest.mark.parametrize(("srtp", "source"), [(True, ("10.0.0.9", 5062)), (False, PHONE)])
def test_sealed_voice_alone_is_refused_where_keys_would_be_seen_or_nobody_wants_it(
    srtp: bool, source: tuple[str, int]
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
