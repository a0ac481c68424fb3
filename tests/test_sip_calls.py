"""Whole calls over SIP, in virtual time, with plain-text peers and with a second box."""

from collections.abc import Callable

import pytest
from aiosipua.message import SipRequest, SipResponse
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from hardware.line import Alerting, Answered, Cause, Cleared, Digit, Held, Ringing, RtpRoute, Sound
from hardware.sip.causes import CAUSE_OF, STATUS_OF
from hardware.sip.core import SipCore
from hardware.sip.digest import Credentials, ha1
from hardware.sip.message import Message, parse, tag_of
from tests.sipp.network import BOX, PHONE, REALM, SDP, Network, request, requests, respond, settings, statuses

ROUTE = RtpRoute("10.0.0.9", 7000, 8, 101)


def boxed(
    lines: int = 4, allow: tuple[str, ...] = (), credentials: tuple[Credentials, ...] = ()
) -> tuple[Network, SipCore]:
    net = Network()
    return net, net.add(settings(BOX[0], lines, allow, credentials))


def to_tag(messages: list[Message]) -> str:
    return next(tag for m in messages if (tag := tag_of(m, "to")))


def answered(net: Network, box: SipCore, body: str = SDP) -> str:
    """A call comes in, is answered and acknowledged; our tag."""
    tag = to_tag(net.send(request("INVITE", body=body)))
    box.answer(0, net.now)
    net.run()
    net.send(request("ACK", tag=tag))
    net.signals()
    return tag


def only(net: Network, method: str) -> SipRequest:
    found = list(requests(net.inbox, method))
    assert len(found) == 1, net.inbox
    return found[0]


def rung(net: Network, box: SipCore, uri: str = "sip:8009@10.0.0.9:5062") -> SipRequest:
    """We dial; the INVITE as it arrived."""
    net.inbox.clear()
    box.dial(0, uri, "12345", net.now)
    net.run()
    return only(net, "INVITE")


# Calls that come in


def test_a_call_rings_is_answered_and_ended_by_the_caller() -> None:
    net, box = boxed()
    assert statuses(net.send(request("INVITE", body=SDP))) == [180]
    assert net.signals() == [Ringing("13800138000", "12345")]
    box.answer(0, net.now)
    net.run()
    assert net.signals() == [Sound(ROUTE)]
    ok = net.inbox[-1]
    assert isinstance(ok, SipResponse)
    assert b"m=audio 20000 RTP/AVP 8 101" in ok.body
    net.send(request("ACK", tag=tag_of(ok, "to")))
    assert net.signals() == [Answered()]
    assert statuses(net.send(request("BYE", tag=tag_of(ok, "to"), seq=2, reason="Q.850;cause=31"))) == [200]
    assert net.signals() == [Cleared(Cause.UNSPECIFIED)]


def test_our_200_is_sent_again_until_it_is_acknowledged() -> None:
    net, box = boxed()
    tag = to_tag(net.send(request("INVITE", body=SDP)))
    net.inbox.clear()
    box.answer(0, net.now)
    net.run(4.0)
    assert statuses(net.inbox) == [200] * 4  # at 0, 0.5, 1.5, 3.5 s
    net.send(request("ACK", tag=tag))
    net.run(40)
    assert net.inbox == []


def test_a_200_never_acknowledged_ends_in_a_bye() -> None:
    net, box = boxed()
    net.send(request("INVITE", body=SDP))
    box.answer(0, net.now)
    net.run(33)
    assert net.signals()[-1] == Cleared(Cause.TIMER)
    assert next(requests(net.inbox, "BYE")).uri == "sip:phone@10.0.0.9:5062"
    net.run(40)
    assert not box._legs
    assert not box._clients
    assert not box._servers


def test_a_repeated_invite_makes_no_second_call() -> None:
    net, _ = boxed()
    net.send(request("INVITE", body=SDP, branch="same"))
    assert statuses(net.send(request("INVITE", body=SDP, branch="same"))) == [180]
    assert statuses(net.send(request("INVITE", body=SDP, branch="other"))) == [482]
    assert net.signals() == [Ringing("13800138000", "12345")]


def test_a_caller_who_gives_up_gets_487_and_the_line_is_free() -> None:
    net, box = boxed()
    net.send(request("INVITE", body=SDP, branch="b"))
    assert statuses(net.send(request("CANCEL", branch="b"))) == [200, 487]
    assert net.signals()[-1] == Cleared(Cause.NORMAL)
    net.run(5)
    assert len(net.inbox) > 2, "487 is sent again until it is acknowledged"
    net.send(request("ACK", branch="b"))
    net.run(40)
    assert net.inbox == []
    assert box.slots[0].call is None


def test_a_cancel_after_our_200_changes_nothing() -> None:
    net, box = boxed()
    net.send(request("INVITE", body=SDP, branch="b"))
    box.answer(0, net.now)
    assert statuses(net.send(request("CANCEL", branch="b"))) == [200, 200]
    assert box.slots[0].call is not None


def test_a_cancel_of_nothing_is_481() -> None:
    net, _ = boxed()
    assert statuses(net.send(request("CANCEL", branch="nothing"))) == [481]


@pytest.mark.parametrize("cause", list(Cause))
def test_a_refused_caller_is_told_why(cause: Cause) -> None:
    net, box = boxed()
    net.send(request("INVITE", body=SDP))
    net.inbox.clear()
    box.hangup(0, cause, net.now)
    net.run()
    assert statuses(net.inbox) == [STATUS_OF[cause]]
    assert net.inbox[0].headers.get("reason") == [f"Q.850;cause={int(cause)}"]
    assert net.signals()[-1] == Cleared(cause)


def test_we_end_a_call_with_a_bye_along_its_route() -> None:
    net, box = boxed()
    route = "<sip:10.0.0.7;lr>, <sip:10.0.0.8:5080;lr>"
    tag = to_tag(net.send(request("INVITE", body=SDP, record_route=route)))
    box.answer(0, net.now)
    net.run()
    net.send(request("ACK", tag=tag))
    box.hangup(0, Cause.BUSY, net.now)
    ((data, to),) = box.outgoing
    bye = parse(data)
    assert isinstance(bye, SipRequest)
    assert to == ("10.0.0.7", 5060)
    assert bye.uri == "sip:phone@10.0.0.9:5062"
    assert bye.headers.get("route") == ["<sip:10.0.0.7;lr>", "<sip:10.0.0.8:5080;lr>"]
    assert tag_of(bye, "from") == tag
    net.run()
    assert net.signals()[-1] == Cleared(Cause.BUSY)


def test_a_strict_router_gets_itself_in_the_request_line() -> None:
    net, box = boxed()
    tag = to_tag(net.send(request("INVITE", body=SDP, record_route="<sip:10.0.0.7>")))
    box.answer(0, net.now)
    net.run()
    net.send(request("ACK", tag=tag))
    box.hangup(0, Cause.NORMAL, net.now)
    net.run()
    bye = only(net, "BYE")
    assert (bye.uri, bye.headers.get("route")) == ("sip:10.0.0.7", ["<sip:phone@10.0.0.9:5062>"])


def test_a_bye_waits_for_the_ack_of_our_200() -> None:
    net, box = boxed()
    tag = to_tag(net.send(request("INVITE", body=SDP)))
    box.answer(0, net.now)
    box.hangup(0, Cause.NORMAL, net.now)
    net.run()
    assert not list(requests(net.inbox, "BYE"))
    assert net.signals()[-1] == Cleared(Cause.NORMAL), "the line is free at once"
    assert list(requests(net.send(request("ACK", tag=tag)), "BYE"))


def test_a_bye_without_the_ack_still_means_the_call_was_answered() -> None:
    net, box = boxed()
    tag = to_tag(net.send(request("INVITE", body=SDP)))
    box.answer(0, net.now)
    net.send(request("BYE", tag=tag, seq=2))
    assert net.signals()[-2:] == [Answered(), Cleared(Cause.NORMAL)]


def test_a_caller_who_says_bye_while_it_rings_has_given_up() -> None:
    net, _ = boxed()
    tag = to_tag(net.send(request("INVITE", body=SDP)))
    assert sorted(statuses(net.send(request("BYE", tag=tag, seq=2)))) == [200, 487]
    assert net.signals()[-1] == Cleared(Cause.NORMAL)


def test_a_call_without_an_offer_gets_ours_and_its_ack_answers_it() -> None:
    net, box = boxed()
    tag = to_tag(net.send(request("INVITE")))
    box.answer(0, net.now)
    net.run()
    assert b"RTP/AVP 8 0 101" in net.inbox[-1].body
    net.signals()
    net.send(request("ACK", tag=tag, body=SDP))
    assert net.signals() == [Sound(ROUTE), Answered()]


def test_hold_and_new_addresses_move_the_sound() -> None:
    net, box = boxed()
    tag = answered(net, box)
    held = SDP + "a=sendonly\r\n"
    moved = SDP.replace("7000", "7100")
    heard = []
    for seq, body in enumerate((held, SDP, SDP, moved), start=2):
        answer = net.send(request("INVITE", tag=tag, seq=seq, body=body))
        assert statuses(answer) == [200]
        net.send(request("ACK", tag=tag, seq=seq))
        heard += net.signals()
    assert heard == [Held(True), Held(False), Sound(RtpRoute("10.0.0.9", 7100, 8, 101))]


def test_a_reinvite_we_cannot_meet_changes_nothing() -> None:
    net, box = boxed()
    tag = answered(net, box)
    video = SDP.replace("m=audio", "m=video")
    assert statuses(net.send(request("INVITE", tag=tag, seq=2, body=video))) == [488]
    assert net.signals() == []
    assert statuses(net.send(request("BYE", tag=tag, seq=3))) == [200]


def test_requests_out_of_order_or_of_another_call_are_refused() -> None:
    net, box = boxed()
    tag = answered(net, box)
    assert statuses(net.send(request("BYE", tag=tag, seq=1))) == [500]
    assert statuses(net.send(request("BYE", tag="wrong", seq=2))) == [481]
    assert statuses(net.send(request("BYE", tag=tag, seq=2, call_id="wrong"))) == [481]
    stranger = request("BYE", tag=tag, seq=2).replace("tag=their", "tag=stranger")
    assert statuses(net.send(stranger)) == [481]
    assert statuses(net.send(request("SUBSCRIBE", tag=tag, seq=2))) == [405]
    assert net.signals() == []


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Signal= *\r\n", "*"),
        ("application/dtmf-relay", "Signal=11\r\n", "#"),
        ("application/dtmf", "d", "D"),
        ("application/dtmf-relay", "Signal=?\r\n", None),
    ],
)
def test_keys_may_come_in_info(kind: str, body: str, key: str | None) -> None:
    net, box = boxed()
    tag = answered(net, box)
    answer = net.send(request("INFO", tag=tag, seq=2, body=body, content_type=kind))
    assert statuses(answer) == [200 if key else 400]
    assert net.signals() == ([Digit(key)] if key else [])


# Who may call


def test_only_our_numbers_are_answered() -> None:
    net, _ = boxed()
    assert statuses(net.send(request("INVITE", to="54321", body=SDP))) == [404]
    assert net.signals() == []


def test_when_all_lines_are_busy_the_caller_hears_so() -> None:
    net, box = boxed(lines=2)
    for call in ("a", "b"):
        assert 180 in statuses(net.send(request("INVITE", body=SDP, call_id=call)))
    assert statuses(net.send(request("INVITE", body=SDP, call_id="c"))) == [486]
    box.hangup(1, Cause.NORMAL, net.now)
    net.run()
    assert 180 in statuses(net.send(request("INVITE", body=SDP, call_id="d")))
    assert net.heard[BOX[0]][-1] == (1, Ringing("13800138000", "12345"))


def test_the_line_free_longest_is_taken() -> None:
    net, box = boxed(lines=3)
    taken = []
    for call in range(4):
        net.send(request("INVITE", body=SDP, call_id=f"c{call}"))
        taken.append(net.heard[BOX[0]][-1][0])
        box.hangup(taken[-1], Cause.NORMAL, net.now)
        net.run()
    assert taken == [0, 1, 2, 0]


def test_callers_must_come_from_where_trunks_are() -> None:
    net, _ = boxed(allow=("192.0.2.0/24",))
    assert statuses(net.send(request("INVITE", body=SDP))) == [403]
    trunk = ("192.0.2.7", 5060)
    net.send(request("INVITE", body=SDP, p_asserted_identity='"Li" <tel:+8613911112222>'), source=trunk)
    assert net.signals() == [Ringing("+8613911112222", "12345", "Li")]


def called_by_extension(net: Network, number: str, password: str, frm: str = "8001") -> list[int]:
    asked = net.send(request("INVITE", to="9999", frm=frm, body=SDP))
    assert statuses(asked) == [407]
    credentials = Credentials(number, REALM, ha1(number, REALM, password))
    proof = credentials.answer(asked[0].headers.get("proxy-authenticate")[0], "INVITE", "sip:9999@10.0.0.1")
    assert proof
    return statuses(
        net.send(request("INVITE", to="9999", frm=frm, body=SDP, seq=2, proxy_authorization=proof))
    )


def test_an_extension_must_prove_itself_and_may_then_call_anything() -> None:
    net, _ = boxed()
    assert called_by_extension(net, "8001", "wrong") == [403]
    assert called_by_extension(net, "8002", "pw8002") == [403], "not under another's number"
    assert net.signals() == []
    assert called_by_extension(net, "8001", "pw8001") == [180]
    assert net.signals() == [Ringing("8001", "9999", "台席8001")]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (request("OPTIONS"), 200),
        (request("SUBSCRIBE"), 489),
        (request("SUBSCRIBE", event="presence"), 489),
        (request("PUBLISH"), 405),
        (request("FOO"), 405),
        (request("BYE"), 481),
        (request("INVITE", body=SDP, require="precondition"), 420),
        (request("INVITE", body="hello", content_type="text/plain"), 415),
        (request("INVITE", body="v=0\r\n"), 400),
        (request("INVITE", body=SDP.replace("8 0 101", "18")), 488),
    ],
)
def test_what_we_do_not_do_is_refused_and_remembered_nowhere(text: str, status: int) -> None:
    net, box = boxed()
    answer = net.send(text)
    assert statuses(answer) == [status]
    assert statuses(net.send(text)) == [status]
    assert to_tag(net.inbox) == to_tag(answer), "the same answer to the same request"
    if status == 405:
        assert answer[0].headers.get("allow")
    assert not box._servers
    assert all(slot.call is None for slot in box.slots)


# Calls we place


def test_a_call_we_place_rings_is_answered_and_acknowledged() -> None:
    net, box = boxed()
    invite = rung(net, box)
    assert invite.headers.get("from")[0].startswith("<sip:12345@10.0.0.1:5060>;tag=")
    net.send(respond(invite, 100))
    assert net.signals() == []
    net.send(respond(invite, 180))
    assert net.signals() == [Alerting(early=False)]
    net.send(respond(invite, 200, SDP))
    assert net.signals() == [Sound(ROUTE), Answered()]
    assert only(net, "ACK").headers.get("cseq") == ["1 ACK"]
    net.send(respond(invite, 200, SDP))
    assert only(net, "ACK"), "each repeated 200 is acknowledged"
    assert net.signals() == []
    bye = request("BYE").replace("sip:12345@10.0.0.1>", "x>")
    assert statuses(net.send(bye)) == [481]
    box.hangup(0, Cause.NORMAL, net.now)
    net.run()
    assert only(net, "BYE").headers.get("cseq") == ["2 BYE"]


def test_early_sound_is_heard_before_the_answer() -> None:
    net, box = boxed()
    invite = rung(net, box)
    net.send(respond(invite, 183, SDP))
    assert net.signals() == [Sound(ROUTE), Alerting(early=True)]
    net.send(respond(invite, 200))
    assert net.signals() == [Answered()], "some gateways do not repeat the answer"


@pytest.mark.parametrize(("status", "cause"), [*CAUSE_OF.items(), (499, Cause.INTERWORKING)])
def test_a_refusal_becomes_a_cause(status: int, cause: Cause) -> None:
    net, box = boxed()
    invite = rung(net, box)
    net.send(respond(invite, status))
    assert net.signals() == [Cleared(cause)]
    assert only(net, "ACK").headers.get("via") == invite.headers.get("via")
    assert box.slots[0].call is None


def test_the_cause_the_network_gives_counts_more_than_the_status() -> None:
    net, box = boxed()
    net.send(respond(rung(net, box), 503, reason='Q.850 ;cause=17 ;text="busy"'))
    assert net.signals() == [Cleared(Cause.BUSY)]


def test_nobody_there_is_found_out_after_32_s() -> None:
    net, box = boxed()
    rung(net, box)
    net.run(33)
    assert net.signals() == [Cleared(Cause.NO_USER)]


def test_giving_up_waits_for_a_sign_of_life_before_the_cancel() -> None:
    net, box = boxed()
    invite = rung(net, box)
    net.inbox.clear()
    box.hangup(0, Cause.NO_ANSWER, net.now)
    net.run(0.1)
    assert net.inbox == []
    assert net.signals() == [Cleared(Cause.NO_ANSWER)]
    net.send(respond(invite, 180))
    cancel = only(net, "CANCEL")
    assert cancel.headers.get("via") == invite.headers.get("via")
    assert cancel.headers.get("reason") == ["Q.850;cause=19"]
    net.send(respond(cancel, 200))
    net.send(respond(invite, 487))
    assert only(net, "ACK")
    net.run(200)
    assert not box._clients
    assert net.signals() == []


def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_ended() -> None:
    net, box = boxed()
    invite = rung(net, box)
    net.send(respond(invite, 180))
    box.hangup(0, Cause.NO_ANSWER, net.now)
    net.run()
    net.signals()
    net.send(respond(invite, 200, SDP))
    assert only(net, "ACK")
    assert only(net, "BYE")
    assert net.signals() == []


def test_a_cancel_nobody_finishes_is_forgotten() -> None:
    net, box = boxed()
    invite = rung(net, box)
    net.send(respond(invite, 180))
    box.hangup(0, Cause.NORMAL, net.now)
    net.run(70)
    assert not box._clients


def test_a_second_answer_behind_a_forking_proxy_is_ended() -> None:
    net, box = boxed()
    invite = rung(net, box)
    net.send(respond(invite, 200, SDP, tag="one"))
    net.send(respond(invite, 200, SDP, tag="two"))
    assert tag_of(only(net, "ACK"), "to") == "two"
    assert tag_of(only(net, "BYE"), "to") == "two"
    assert box.slots[0].call is not None


def test_an_answer_without_common_voice_ends_the_call() -> None:
    net, box = boxed()
    invite = rung(net, box)
    net.send(respond(invite, 200, SDP.replace("8 0 101", "18")))
    assert net.signals() == [Cleared(Cause.INCOMPATIBLE)]
    assert only(net, "ACK")
    assert only(net, "BYE")


def test_behind_a_recording_route_the_ack_follows_it_backwards() -> None:
    net, box = boxed()
    invite = rung(net, box)
    net.send(respond(invite, 200, SDP, record_route="<sip:10.0.0.7;lr>, <sip:10.0.0.8;lr>"))
    assert only(net, "ACK").headers.get("route") == ["<sip:10.0.0.8;lr>", "<sip:10.0.0.7;lr>"]


def test_a_trunk_that_asks_who_we_are_is_told_once() -> None:
    mine = Credentials("box", "trunk", ha1("box", "trunk", "pw"))
    net, box = boxed(credentials=(mine,))
    invite = rung(net, box)
    challenge = 'Digest realm="trunk", nonce="n1", qop="auth"'
    net.send(respond(invite, 407, proxy_authenticate=challenge))
    again = only(net, "INVITE")
    assert again.headers.get("cseq") == ["2 INVITE"]
    assert 'username="box"' in again.headers.get("proxy-authorization")[0]
    net.send(respond(again, 407, proxy_authenticate=challenge))
    assert net.signals() == [Cleared(Cause.REJECTED)]


def test_a_withheld_caller_is_not_shown() -> None:
    net, box = boxed()
    box.dial(0, "sip:8009@10.0.0.9:5062", None, net.now)
    net.run()
    invite = only(net, "INVITE")
    assert "anonymous.invalid" in invite.headers.get("from")[0]
    assert invite.headers.get("privacy") == ["id"]


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        ("8001", Cause.NO_USER),
        ("13800138000", Cause.NO_ROUTE),
        ("sip:1@phone.example", Cause.NO_ROUTE),
        ("sip:1@10.0.0.9\r\nX: y", Cause.INVALID_NUMBER),
    ],
)
def test_what_cannot_be_dialled_is_cleared_at_once(number: str, cause: Cause) -> None:
    net, box = boxed()
    box.dial(0, number, None, net.now)
    net.run()
    assert net.signals() == [Cleared(cause)]


# Phones


def registered(net: Network, number: str, contact: str, expires: int = 60) -> list[Message]:
    asked = net.send(request("REGISTER", to=number, contact=contact, call_id=contact))
    credentials = Credentials(number, REALM, ha1(number, REALM, f"pw{number}"))
    proof = credentials.answer(asked[0].headers.get("www-authenticate")[0], "REGISTER", "sip:10.0.0.1")
    assert proof
    return net.send(
        request(
            "REGISTER",
            to=number,
            contact=contact,
            call_id=contact,
            seq=2,
            expires=str(expires),
            authorization=proof,
        )
    )


def test_a_phone_registers_and_is_forgotten_when_it_stays_silent() -> None:
    net, box = boxed()
    answer = registered(net, "8001", "<sip:a@10.0.0.9:5062>")
    assert statuses(answer) == [200]
    assert answer[0].headers.get("contact") == ["<sip:a@10.0.0.9:5062>;expires=60"]
    assert box.moved == [("8001", ("sip:a@10.0.0.9:5062",))]
    net.run(61)
    assert box.moved[-1] == ("8001", ())


def test_all_phones_of_an_extension_ring_and_the_first_to_answer_has_the_call() -> None:
    net, box = boxed()
    registered(net, "8001", "<sip:a@10.0.0.9:5062>")
    registered(net, "8001", "<sip:b@10.0.0.9:5062>")
    net.inbox.clear()
    box.dial(0, "8001", "13800138000", net.now)
    net.run()
    newest, oldest = requests(net.inbox, "INVITE")
    assert (newest.uri, oldest.uri) == ("sip:b@10.0.0.9:5062", "sip:a@10.0.0.9:5062")
    net.send(respond(newest, 180, tag="b"))
    net.send(respond(oldest, 180, tag="a"))
    net.send(respond(oldest, 200, SDP, tag="a"))
    assert net.signals() == [Alerting(), Sound(ROUTE), Answered()]
    cancel = only(net, "CANCEL")
    assert cancel.headers.get("call-id") == newest.headers.get("call-id")
    net.send(respond(newest, 487, tag="b"))
    assert net.signals() == []


def test_a_phone_that_is_gone_does_not_hide_that_the_other_is_busy() -> None:
    net, box = boxed()
    registered(net, "8001", "<sip:a@10.0.0.9:5062>", expires=600)
    registered(net, "8001", "<sip:b@10.0.0.9:5062>", expires=600)
    box.moved.clear()
    net.inbox.clear()
    box.dial(0, "8001", None, net.now)
    net.run()
    newest, _ = requests(net.inbox, "INVITE")
    net.send(respond(newest, 486))
    assert net.signals() == []
    net.run(33)
    assert net.signals() == [Cleared(Cause.BUSY)]
    assert box.moved == [("8001", ("sip:b@10.0.0.9:5062",))], "what did not answer is forgotten"


def test_a_phone_behind_nat_is_called_where_its_datagrams_come_from() -> None:
    net, box = boxed()
    registered(net, "8001", "<sip:a@192.168.1.5:5060>")
    box.dial(0, "8001", None, net.now)
    ((data, to),) = box.outgoing
    assert to == PHONE
    invite = parse(data)
    assert isinstance(invite, SipRequest)
    assert invite.uri == "sip:a@192.168.1.5:5060"
    net.run()
    net.send(respond(invite, 200, SDP, contact="<sip:a@192.168.1.5:5060>"))
    box.hangup(0, Cause.NORMAL, net.now)
    assert [to for _, to in box.outgoing] == [PHONE]


# Two boxes


def between(a: SipCore, net: Network, to: str) -> None:
    a.dial(0, f"sip:12345@{to}", "13800138000", net.now)
    net.run(2)


def test_two_boxes_talk() -> None:
    net, one = boxed()
    two = net.add(settings("10.0.0.2"))
    between(one, net, "10.0.0.2")
    two.answer(0, net.now)
    net.run(1)
    assert net.signals() == [Alerting(), Sound(RtpRoute("10.0.0.2", 20000, 8, 101)), Answered()]
    two.hangup(0, Cause.NORMAL, net.now)
    net.run(1)
    assert net.signals() == [Cleared(Cause.NORMAL)]
    net.run(40)
    for core in (one, two):
        assert not core._clients
        assert not core._servers
        assert not core._legs


@examples(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_call_survives_any_third_of_its_messages_lost(random: object) -> None:
    chance: Callable[[], float] = random.random  # type: ignore[attr-defined]  # hypothesis' Random
    net, one = boxed()
    two = net.add(settings("10.0.0.2"))
    net.lost = lambda _data, _to: chance() < 0.3
    one.dial(0, "sip:12345@10.0.0.2", "13800138000", net.now)
    net.run(30)
    if not net.heard["10.0.0.2"]:
        return  # All six INVITEs were lost: one run in a thousand.
    two.answer(0, net.now)
    net.run(31)
    one.hangup(0, Cause.NORMAL, net.now)
    net.lost = lambda _data, _to: False
    net.run(140)
    for core, ip in ((one, "10.0.0.1"), (two, "10.0.0.2")):
        said = net.signals(ip)
        assert sum(isinstance(signal, Cleared) for signal in said) == 1, said
        assert not core._clients
        assert not core._servers
        assert not core._legs
        assert all(slot.call is None for slot in core.slots)


TEXTS = [
    request("INVITE", body=SDP, branch="f"),
    request("CANCEL", branch="f"),
    request("ACK", tag="TAG", branch="f"),
    request("BYE", tag="TAG", seq=2),
    request("INFO", tag="TAG", seq=3, body="Signal=1", content_type="application/dtmf-relay"),
    request("INVITE", tag="TAG", seq=4, body=SDP),
    request("INVITE", body=SDP, call_id="r", require="100rel", supported="timer", session_expires="90"),
    request("PRACK", tag="TAG", seq=2, call_id="r", rack="1 1 INVITE", body=SDP),
    request("UPDATE", tag="TAG", seq=5, body=SDP, session_expires="90;refresher=uac"),
    request(
        "REFER", tag="TAG", seq=6, refer_to="<sip:1@h?Replaces=call-1%3Bto-tag%3DTAG%3Bfrom-tag%3Dtheir>"
    ),
    request("INVITE", body=SDP, call_id="p", frm="8001", replaces="call-1;to-tag=TAG;from-tag=their"),
    request("REGISTER", to="8001"),
    request("OPTIONS"),
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:1@h>\r\nTo: <sip:1@h>\r\n"
    "Call-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
]
EDITS = st.tuples(
    st.integers(0, 700),
    st.integers(0, 30),
    st.one_of(st.binary(max_size=12), st.sampled_from([b"", b"\r\n ", b"<"])),
)
DATAGRAMS = st.tuples(st.sampled_from(TEXTS), st.lists(EDITS, max_size=2))


@examples(max_examples=150, deadline=None)
@given(st.lists(st.one_of(DATAGRAMS, st.binary(max_size=64), st.floats(0.0, 40.0)), max_size=12))
def test_nothing_that_comes_from_the_network_raises(steps: list[object]) -> None:
    net, box = boxed(lines=2)
    tag = b""
    for step in steps:
        if isinstance(step, float):
            box.progress(0, net.now)
            box.answer(1, net.now)
            net.run(step / 2)
            box.answer(0, net.now)
            box.send_digits(0, "1", net.now)
            net.run(step / 2)
            continue
        data = step if isinstance(step, bytes) else b""
        if isinstance(step, tuple):
            text, edits = step
            data = text.encode().replace(b"TAG", tag or b"t")
            for at, cut, put in edits:
                data = data[:at] + put + data[at + cut :]
        for answer in net.send(data):
            tag = tag_of(answer, "to").encode() or tag
    net.run(200)
    for slot in box.slots:
        box.hangup(slot.index, Cause.NORMAL, net.now)
    net.run(100)
    assert not box._clients
    assert not box._servers
    assert not box._legs


def test_what_is_malformed_is_counted_and_refused_when_it_can_be() -> None:
    net, box = boxed()
    assert statuses(net.send(request("INVITE").replace("1 INVITE", "1 BYE"))) == [400]
    assert net.send(b"\x00\x01") == []
    assert net.send(b"\r\n\r\n") == []
    assert box.counts["malformed"] == 2
    assert box.counts["keep-alive"] == 1
