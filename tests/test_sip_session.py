"""While a call lasts: signs of life both ways, keys by INFO, and far ends that ask for the password again."""

import pytest
from aiosipua.message import SipRequest

from hardware.line import Answered, Cause, Cleared, RtpRoute, Sound
from hardware.sip.core import SipCore
from hardware.sip.digest import Credentials, ha1
from hardware.sip.message import tag_of
from tests.sipp.network import BOX, SDP, Network, request, requests, respond, settings, statuses

NO_EVENT = SDP.replace(" 101", "")
LOGIN = Credentials("box", "far", ha1("box", "far", "pw"))
CHALLENGE = 'Digest realm="far", nonce="n", qop="auth"'


@pytest.fixture
def net() -> Network:
    return Network()


@pytest.fixture
def box(net: Network) -> SipCore:
    return net.add(settings(credentials=(LOGIN,)))


def talking(net: Network, box: SipCore, body: str = SDP, **more: str) -> tuple[str, dict[str, str]]:
    """A call comes in and is answered; our tag, and what our 200 said of the session."""
    net.send(request("INVITE", seq=1, body=body, **more))
    net.inbox.clear()
    box.answer(0, net.now)
    net.run()
    (ok,) = net.inbox
    tag = tag_of(ok, "to")
    net.send(request("ACK", tag=tag))
    net.signals()
    names = ("session-expires", "require", "min-se")
    return tag, {name: value for name in names if (value := ok.headers.get_first(name))}


def sent(net: Network, method: str, after_s: float) -> SipRequest:
    """The one request of this kind that comes by then, however often it is repeated."""
    net.inbox.clear()
    net.run(after_s)
    found = list(requests(net.inbox, method))
    assert len({tuple(r.headers.get("cseq")) for r in found}) == 1, found
    return found[0]


# A caller's session


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, {}),
        ({"supported": "timer"}, {"session-expires": "1800;refresher=uas"}),
        ({"supported": "timer", "min_se": "3600"}, {"session-expires": "3600;refresher=uas"}),
        ({"session_expires": "600"}, {"session-expires": "600;refresher=uas"}),
        (
            {"supported": "timer", "session_expires": "600"},
            {"session-expires": "600;refresher=uac", "require": "timer"},
        ),
        (
            {"supported": "timer", "x": "600;refresher=uas"},
            {"session-expires": "600;refresher=uas"},
        ),
    ],
)
def test_who_refreshes_is_agreed(
    net: Network, box: SipCore, asked: dict[str, str], told: dict[str, str]
) -> None:
    assert talking(net, box, **asked)[1] == told


def test_an_interval_too_short_is_refused(net: Network, box: SipCore) -> None:
    answer = net.send(request("INVITE", body=SDP, session_expires="60"))
    assert statuses(answer) == [422]
    assert answer[0].headers.get("min-se") == ["90"]
    tag, _ = talking(net, box, call_id="c")
    for seq, method in ((2, "INVITE"), (3, "UPDATE")):
        short = request(method, tag=tag, seq=seq, call_id="c", body=SDP, session_expires="60")
        assert statuses(net.send(short)) == [422]


def test_a_caller_that_stops_refreshing_is_gone(net: Network, box: SipCore) -> None:
    tag, _ = talking(net, box, supported="timer", session_expires="600")
    net.run(500)
    assert statuses(
        net.send(request("UPDATE", tag=tag, seq=2, supported="timer", session_expires="600"))
    ) == [200]
    net.run(567)
    assert net.signals() == []
    assert sent(net, "BYE", 2)
    assert net.signals() == [Cleared(Cause.TIMER)]


def test_we_refresh_by_update_at_half_time_where_the_far_end_takes_it(net: Network, box: SipCore) -> None:
    talking(net, box, supported="timer", allow="INVITE, ACK, BYE, UPDATE")
    update = sent(net, "UPDATE", 901)
    assert update.headers.get("session-expires") == ["1800;refresher=uac"]
    assert update.body == b""
    net.send(respond(update, 200, session_expires="1800;refresher=uac"))
    assert sent(net, "UPDATE", 901)


def test_we_refresh_by_invite_where_it_does_not(net: Network, box: SipCore) -> None:
    talking(net, box, supported="timer")
    again = sent(net, "INVITE", 901)
    assert b"m=audio 20000" in again.body
    moved = SDP.replace("7000", "7100")
    (ack,) = requests(net.send(respond(again, 200, moved, tag="their")), "ACK")
    assert ack.headers.get("cseq") == ["1 ACK"]
    assert net.signals() == [Sound(RtpRoute("10.0.0.9", 7100, 8, 101))]
    assert list(requests(net.send(respond(again, 200, moved)), "ACK")), "each repeated 200 is acknowledged"


def test_a_far_end_that_takes_no_update_after_all_gets_an_invite(net: Network, box: SipCore) -> None:
    talking(net, box, supported="timer", allow="UPDATE")
    assert list(requests(net.send(respond(sent(net, "UPDATE", 901), 405)), "INVITE"))


@pytest.mark.parametrize("status", [408, 481])
def test_a_far_end_that_knows_nothing_of_the_call_has_ended_it(
    net: Network, box: SipCore, status: int
) -> None:
    talking(net, box, supported="timer")
    net.send(respond(sent(net, "INVITE", 901), status))
    assert net.signals() == [Cleared(Cause.TIMER)]


def test_a_far_end_that_does_not_answer_our_refresh_is_gone(net: Network, box: SipCore) -> None:
    talking(net, box, supported="timer", allow="UPDATE")
    net.run(940)
    assert net.signals() == [Cleared(Cause.TIMER)]
    net.run(60)
    assert not box._legs
    assert not box._clients


def test_two_refreshes_that_cross_are_tried_again(net: Network, box: SipCore) -> None:
    tag, _ = talking(net, box, supported="timer")
    mine = sent(net, "INVITE", 901)
    assert statuses(net.send(request("INVITE", tag=tag, seq=2, body=SDP))) == [491]
    net.send(respond(mine, 491))
    assert sent(net, "INVITE", 4.1)
    assert net.signals() == []


def test_a_refresh_refused_for_now_is_tried_until_the_session_ends(net: Network, box: SipCore) -> None:
    talking(net, box, supported="timer")
    while not (said := net.signals()):
        net.inbox.clear()
        net.run(10)
        for invite in list(requests(net.inbox, "INVITE"))[:1]:
            net.send(respond(invite, 503))
    assert said == [Cleared(Cause.TIMER)]
    assert 1790 < net.now - 1000 < 1850


# The session of a call we place


def answered(net: Network, box: SipCore, **more: str) -> SipRequest:
    net.inbox.clear()
    box.dial(0, "sip:8009@10.0.0.9:5062", "12345", net.now)
    net.run()
    (invite,) = requests(net.inbox, "INVITE")
    net.send(respond(invite, 200, SDP, **more))
    assert Answered() in net.signals()
    return invite


def test_we_offer_a_session_and_keep_it_up_as_agreed(net: Network, box: SipCore) -> None:
    invite = answered(net, box, session_expires="600;refresher=uac", require="timer", allow="UPDATE")
    assert invite.headers.get("session-expires") == ["1800"]
    assert sent(net, "UPDATE", 301)


def test_a_called_phone_that_should_refresh_and_does_not_is_gone(net: Network, box: SipCore) -> None:
    answered(net, box, session_expires="600;refresher=uas")
    assert sent(net, "BYE", 569)
    assert net.signals() == [Cleared(Cause.TIMER)]


def test_a_called_phone_without_timers_may_talk_for_ever(net: Network, box: SipCore) -> None:
    answered(net, box)
    net.inbox.clear()
    net.run(100_000)
    assert net.inbox == []


def test_a_far_end_that_wants_longer_intervals_is_asked_again(net: Network, box: SipCore) -> None:
    box.dial(0, "sip:8009@10.0.0.9:5062", "12345", net.now)
    net.run()
    (invite,) = requests(net.inbox, "INVITE")
    (again,) = requests(net.send(respond(invite, 422, min_se="3600")), "INVITE")
    assert again.headers.get("session-expires") == ["3600"]
    assert again.headers.get("min-se") == ["3600"]
    net.send(respond(again, 422, min_se="3600"))
    assert net.signals() == [Cleared(Cause.INTERWORKING)]


# Keys


def test_keys_go_by_info_one_after_the_other_where_the_voice_cannot_carry_them(
    net: Network, box: SipCore
) -> None:
    talking(net, box, body=NO_EVENT)
    box.send_digits(0, "1#x9", net.now)
    keys = []
    for _ in range(4):
        net.run()
        found = list(requests(net.inbox, "INFO"))
        net.inbox.clear()
        for info in found:
            keys.append(info.text.partition("\r\n")[0])
            box.receive(respond(info, 200).encode(), BOX, net.now)
    assert keys == ["Signal=1", "Signal=#", "Signal=9"]


def test_a_lost_info_does_not_stop_the_keys_behind_it(net: Network, box: SipCore) -> None:
    talking(net, box, body=NO_EVENT)
    box.send_digits(0, "12", net.now)
    net.run(33)
    assert {i.text.partition("\r\n")[0] for i in requests(net.inbox, "INFO")} == {"Signal=1", "Signal=2"}


def test_keys_the_voice_can_carry_are_not_sent_twice(net: Network, box: SipCore) -> None:
    talking(net, box)
    net.inbox.clear()
    box.send_digits(0, "1", net.now)
    net.run(1)
    assert net.inbox == []


# Passwords within a call


@pytest.mark.parametrize(("status", "asking"), [(401, "www_authenticate"), (407, "proxy_authenticate")])
def test_a_bye_that_is_challenged_is_proved(net: Network, box: SipCore, status: int, asking: str) -> None:
    answered(net, box)
    box.hangup(0, Cause.NORMAL, net.now)
    bye = sent(net, "BYE", 0)
    (proof,) = requests(net.send(respond(bye, status, "", "theirs", **{asking: CHALLENGE})), "BYE")
    answering = "authorization" if status == 401 else "proxy-authorization"
    assert 'username="box"' in proof.headers.get(answering)[0]
    assert proof.headers.get("cseq") == ["3 BYE"]
    assert not list(requests(net.send(respond(proof, status, "", "theirs", **{asking: CHALLENGE})), "BYE"))
