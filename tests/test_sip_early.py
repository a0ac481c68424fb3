"""Before the answer: announcements both ways, responses that surely arrive, several far ends at once."""

import pytest
from aiosipua.message import SipRequest, SipResponse
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from hardware.line import Alerting, Answered, Cause, Cleared, Held, Ringing, RtpRoute, Signal, Sound
from hardware.sip.core import SipCore
from hardware.sip.message import Message, tag_of
from tests.sipp.network import SDP, Network, request, requests, respond, settings, statuses

ROUTE = RtpRoute("10.0.0.9", 7000, 8, 101)
OTHER = SDP.replace("7000", "7100")
OTHER_ROUTE = RtpRoute("10.0.0.9", 7100, 8, 101)


@pytest.fixture
def net() -> Network:
    return Network()


@pytest.fixture
def box(net: Network) -> SipCore:
    return net.add(settings())


def to_tag(messages: list[Message]) -> str:
    return next(tag for m in messages if (tag := tag_of(m, "to")))


def last(messages: list[Message]) -> SipResponse:
    *_, found = (m for m in messages if isinstance(m, SipResponse))
    return found


def done(net: Network, verb: object = None) -> list[Message]:
    """What goes out now."""
    net.inbox.clear()
    if callable(verb):
        verb(0, net.now)
    net.run()
    return list(net.inbox)


def prack(answer: SipResponse, tag: str, seq: int, body: str = "", rack: str = "") -> str:
    told = rack or f"{answer.headers.get('rseq')[0]} 1 INVITE"
    return request("PRACK", tag=tag, seq=seq, body=body, rack=told)


# Calls that come in


def test_a_caller_may_hear_us_before_the_answer(net: Network, box: SipCore) -> None:
    net.send(request("INVITE", body=SDP))
    assert net.signals() == [Ringing("13800138000", "12345")]
    early = last(done(net, box.progress))
    assert early.status_code == 183
    assert b"m=audio 20000 RTP/AVP 8 101" in early.body
    assert net.signals() == [Sound(ROUTE)]
    assert done(net, box.progress) == [], "once"
    ok = last(done(net, box.answer))
    assert (ok.status_code, ok.body) == (200, early.body)
    net.send(request("ACK", tag=tag_of(ok, "to")))
    assert net.signals() == [Answered()], "the sound is where it was"


def test_a_caller_without_an_offer_hears_nothing_before_the_answer(net: Network, box: SipCore) -> None:
    net.send(request("INVITE"))
    assert done(net, box.progress) == []


def test_an_announcement_may_end_in_a_refusal(net: Network, box: SipCore) -> None:
    net.send(request("INVITE", body=SDP))
    done(net, box.progress)
    box.hangup(0, Cause.BUSY, net.now)
    assert statuses(done(net)) == [486]


def test_our_description_is_sent_until_it_arrived_when_the_caller_can_say_so(
    net: Network, box: SipCore
) -> None:
    rang = net.send(request("INVITE", body=SDP, supported="100rel, timer"))
    assert last(rang).headers.get("rseq") == [], "ringing alone need not be sure"
    early = last(done(net, box.progress))
    assert early.headers.get("require") == ["100rel"]
    net.inbox.clear()
    net.run(4)
    assert statuses(net.inbox) == [183] * 3  # at 0.5, 1.5, 3.5 s
    assert done(net, box.answer) == [], "the answer waits for it"
    answer = net.send(prack(early, to_tag(rang), 2))
    assert statuses(answer) == [200, 200]
    assert answer[1].headers.get("cseq") == ["1 INVITE"]


def test_who_requires_it_gets_ringing_surely_and_the_next_after_it(net: Network, box: SipCore) -> None:
    rang = net.send(request("INVITE", body=SDP, require="100rel"))
    tag, ringing = to_tag(rang), last(rang)
    assert ringing.headers.get("rseq")
    assert done(net, box.progress) == []
    answer = net.send(prack(ringing, tag, 2))
    assert statuses(answer) == [200, 183]
    serials = [int(r.headers.get("rseq")[0]) for r in (ringing, last(answer))]
    assert serials[1] == serials[0] + 1
    assert statuses(net.send(prack(ringing, tag, 3))) == [481], "that one has arrived already"
    assert statuses(net.send(prack(last(answer), tag, 4, rack=f"{serials[1]} 9 INVITE"))) == [481]
    assert statuses(net.send(prack(last(answer), tag, 5))) == [200]


def test_a_caller_who_never_says_so_is_refused_after_32_s(net: Network, box: SipCore) -> None:
    net.send(request("INVITE", body=SDP, require="100rel"))
    net.run(33)
    assert 504 in statuses(net.inbox)
    assert net.signals()[-1] == Cleared(Cause.TIMER)
    net.run(60)
    assert not box._legs
    assert not box._servers


def test_a_prack_may_bring_a_new_offer(net: Network, box: SipCore) -> None:
    tag = to_tag(net.send(request("INVITE", body=SDP, supported="100rel")))
    early = last(done(net, box.progress))
    answer = net.send(prack(early, tag, 2, body=OTHER))
    assert b"m=audio 20000" in last(answer).body
    assert net.signals()[-1] == Sound(OTHER_ROUTE)


def test_an_update_before_any_answer_must_wait_and_after_one_is_followed(net: Network, box: SipCore) -> None:
    tag = to_tag(net.send(request("INVITE", body=SDP)))
    assert statuses(net.send(request("UPDATE", tag=tag, seq=2, body=OTHER))) == [500]
    box.progress(0, net.now)
    assert statuses(net.send(request("UPDATE", tag=tag, seq=3, body=OTHER)))[-1] == 200
    assert net.signals()[1:] == [Sound(ROUTE), Sound(OTHER_ROUTE)]
    ok = last(done(net, box.answer))
    net.send(request("ACK", tag=tag_of(ok, "to")))
    assert net.signals() == [Answered()]


# UPDATE once answered


def talking(net: Network, box: SipCore, **more: str) -> str:
    tag = to_tag(net.send(request("INVITE", seq=1, body=SDP, **more)))
    box.answer(0, net.now)
    net.run()
    net.send(request("ACK", tag=tag))
    net.signals()
    return tag


def test_an_update_holds_takes_back_and_moves_without_an_ack(net: Network, box: SipCore) -> None:
    tag = talking(net, box)
    heard: list[Signal] = []
    for seq, body in enumerate((SDP + "a=sendonly\r\n", SDP, OTHER, ""), start=2):
        answer = net.send(request("UPDATE", tag=tag, seq=seq, body=body))
        assert statuses(answer) == [200]
        assert bool(last(answer).body) == bool(body)
        heard += net.signals()
    net.run(40)
    assert heard == [Held(True), Held(False), Sound(OTHER_ROUTE)]
    assert statuses(net.send(request("UPDATE", tag=tag, seq=9, body=SDP.replace("8 0", "18")))) == [488]


def test_two_offers_at_once_are_one_too_many(net: Network, box: SipCore) -> None:
    tag = to_tag(net.send(request("INVITE")))
    box.answer(0, net.now)
    for seq, method in ((2, "UPDATE"), (3, "INVITE")):
        answer = net.send(request(method, tag=tag, seq=seq, body=SDP))
        assert 491 in statuses(answer), "our offer in the 200 has no answer yet"


# Calls we place


def rung(net: Network, box: SipCore) -> SipRequest:
    net.inbox.clear()
    box.dial(0, "sip:8009@10.0.0.9:5062", "12345", net.now)
    net.run()
    (invite,) = requests(net.inbox, "INVITE")
    return invite


def reliable(to: SipRequest, status: int, serial: int, body: str = "", tag: str = "theirs") -> str:
    return respond(to, status, body, tag, require="100rel", rseq=str(serial))


def test_a_reliable_response_is_acknowledged_once_and_in_order(net: Network, box: SipCore) -> None:
    invite = rung(net, box)
    (first,) = requests(net.send(reliable(invite, 180, 7)), "PRACK")
    assert first.headers.get("rack") == ["7 1 INVITE"]
    assert first.headers.get("cseq") == ["2 PRACK"]
    assert first.uri == "sip:phone@10.0.0.9:5062"
    net.send(respond(first, 200))
    assert net.signals() == [Alerting()]
    assert not list(requests(net.send(reliable(invite, 180, 7)), "PRACK"))
    assert not list(requests(net.send(reliable(invite, 183, 9, SDP)), "PRACK"))
    assert net.signals() == [], "what came too early is not heard"
    assert list(requests(net.send(reliable(invite, 183, 8, SDP)), "PRACK"))
    assert net.signals() == [Sound(ROUTE), Alerting(early=True)]
    net.send(respond(invite, 200))
    assert net.signals() == [Answered()]
    box.hangup(0, Cause.NORMAL, net.now)
    (bye,) = requests(done(net), "BYE")
    assert bye.headers.get("cseq") == ["4 BYE"]


def test_of_several_far_ends_the_newest_is_heard_and_the_one_that_answers_has_the_call(
    net: Network, box: SipCore
) -> None:
    invite = rung(net, box)
    net.send(respond(invite, 183, SDP, tag="one"))
    net.send(respond(invite, 183, OTHER, tag="two"))
    assert [s for s in net.signals() if isinstance(s, Sound)] == [Sound(ROUTE), Sound(OTHER_ROUTE)]
    (ack,) = requests(net.send(respond(invite, 200, tag="one")), "ACK")
    assert tag_of(ack, "to") == "one"
    assert net.signals() == [Sound(ROUTE), Answered()], "what it said when it rang holds"
    late = net.send(respond(invite, 200, OTHER, tag="two"))
    assert [m.headers.get("to")[0].partition("tag=")[2] for m in late] == ["two", "two"]
    assert [m.method for m in late if isinstance(m, SipRequest)] == ["ACK", "BYE"]
    assert net.signals() == []


def test_a_far_end_that_rings_may_move_its_sound(net: Network, box: SipCore) -> None:
    invite = rung(net, box)
    net.send(reliable(invite, 183, 1, SDP))
    net.signals()
    update = request(
        "UPDATE",
        tag=tag_of(invite, "from"),
        seq=1,
        body=OTHER,
        call_id=invite.headers.get("call-id")[0],
    ).replace("tag=their", "tag=theirs")
    assert statuses(net.send(update)) == [200]
    assert net.signals() == [Sound(OTHER_ROUTE)]
    stranger = update.replace("tag=theirs", "tag=nobody").replace("branch=", "branch=z9hG4bKx")
    assert statuses(net.send(stranger)) == [481]


def test_a_far_end_that_rings_and_goes_leaves_nothing_behind(net: Network, box: SipCore) -> None:
    invite = rung(net, box)
    net.send(reliable(invite, 183, 1, SDP))
    net.send(respond(invite, 486))
    net.run(70)
    assert not box._legs
    assert not box._clients


RESPONSES = st.tuples(
    st.sampled_from([100, 180, 183, 199, 200, 202, 302, 401, 408, 422, 486, 487, 491, 503, 606]),
    st.sampled_from(["one", "two", "three"]),
    st.sampled_from(["", SDP, OTHER, "v=0\r\n", SDP.replace("8 0", "18")]),
    st.sampled_from(
        [{}, {"require": "100rel", "rseq": "1"}, {"require": "100rel", "rseq": "2"}, {"rseq": "x"}]
    ),
    st.sampled_from([{}, {"session_expires": "90;refresher=uac"}, {"session_expires": "90;refresher=uas"}]),
)
STEPS = st.one_of(RESPONSES, st.floats(0.0, 60.0), st.sampled_from(["hang up", "digits", "update"]))


@examples(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=10))
def test_whatever_the_far_end_answers_a_call_ends_once_and_leaves_nothing(steps: list[object]) -> None:
    net = Network()
    box = net.add(settings(credentials=()))
    invite = rung(net, box)
    for step in steps:
        match step:
            case float(seconds):
                net.run(seconds)
            case "hang up":
                box.hangup(0, Cause.NORMAL, net.now)
            case "digits":
                box.send_digits(0, "12", net.now)
            case "update":
                tag, call_id = tag_of(invite, "from"), invite.headers.get("call-id")[0]
                update = request("UPDATE", tag=tag, call_id=call_id, body=OTHER, seq=1)
                net.send(update.replace("tag=their", "tag=one"))
            case (int(status), str(tag), str(body), dict(sure), dict(timed)):
                asked = list(requests(net.inbox, "INVITE")) or [invite]
                net.send(respond(asked[-1], status, body, tag, **sure, **timed))
    box.hangup(0, Cause.NORMAL, net.now)
    net.run(400)
    said = [signal for index, signal in net.heard["10.0.0.1"] if index == 0]
    assert sum(isinstance(signal, Cleared) for signal in said) == 1
    assert isinstance(said[-1], Cleared)
    assert not box._clients
    assert not box._servers
    assert not box._legs
    assert not box._known._calls
