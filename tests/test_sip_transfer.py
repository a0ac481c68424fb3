"""Desk phones transfer their calls: blind, attended, and one phone in place of another."""

from urllib.parse import quote

import pytest
from aiosipua.message import SipRequest

from hardware.line import Alerting, Answered, Cause, Cleared, Held, Ringing, RtpRoute, Sound, Transfer
from hardware.sip.core import SipCore
from hardware.sip.digest import Credentials, ha1
from hardware.sip.message import Message, tag_of
from tests.sipp.network import REALM, SDP, Network, request, requests, respond, settings, statuses


def proof(asked: list[Message], method: str, uri: str, number: str = "8001") -> str:
    challenge = asked[0].headers.get("proxy-authenticate") or asked[0].headers.get("www-authenticate")
    return (
        Credentials(number, REALM, ha1(number, REALM, f"pw{number}")).answer(challenge[0], method, uri) or ""
    )


def calling(net: Network, box: SipCore, call_id: str, number: str = "8001") -> str:
    """An extension calls and is answered; our tag."""
    call = {"to": "9999", "frm": number, "body": SDP, "call_id": call_id}
    index = box.free()
    assert index is not None
    asked = net.send(request("INVITE", seq=1, **call))
    told = proof(asked, "INVITE", "sip:9999@10.0.0.1", number)
    ringing = net.send(request("INVITE", seq=2, proxy_authorization=told, **call))
    tag = next(tag for m in ringing if (tag := tag_of(m, "to")))
    box.answer(index, net.now)
    net.run()
    net.send(request("ACK", tag=tag, seq=2, call_id=call_id))
    net.signals()
    return tag


def registered(net: Network) -> None:
    """The phone of 8001 is there."""
    where = "<sip:8001@10.0.0.9:5062>"
    asked = net.send(request("REGISTER", to="8001", contact=where))
    told = proof(asked, "REGISTER", "sip:10.0.0.1")
    net.send(request("REGISTER", to="8001", contact=where, seq=2, authorization=told))


def called(net: Network, box: SipCore) -> SipRequest:
    """We call the phone of an extension and it answers; the INVITE."""
    registered(net)
    box.dial(0, "8001", "13800138000", net.now)
    net.run()
    (invite,) = requests(net.inbox, "INVITE")
    net.send(respond(invite, 200, SDP))
    net.signals()
    return invite


def within(invite: SipRequest, method: str, seq: int, **more: str) -> str:
    """A request of a phone within a call of ours."""
    tag = tag_of(invite, "from")
    text = request(method, tag=tag, seq=seq, call_id=invite.headers.get("call-id")[0], **more)
    return text.replace("tag=their", "tag=theirs")


@pytest.fixture
def net() -> Network:
    return Network()


@pytest.fixture
def box(net: Network) -> SipCore:
    return net.add(settings())


def fragments(net: Network) -> list[tuple[str, str]]:
    """What NOTIFYs said: the status, and whether more will come. Each is answered."""
    found = []
    for notify in list(requests(net.inbox, "NOTIFY")):
        assert notify.headers.get("event") == ["refer"]
        state = notify.headers.get("subscription-state")[0].partition(";")[0]
        found.append((notify.text.split()[1], state))
        net.send(respond(notify, 200))
    return found


def test_a_phone_we_called_asks_for_a_transfer_and_hears_how_it_goes(net: Network, box: SipCore) -> None:
    invite = called(net, box)
    answer = net.send(within(invite, "REFER", 1, refer_to="<sip:8002@10.0.0.1>"))
    assert statuses(answer) == [202]
    assert net.signals() == [Transfer("8002")]
    assert fragments(net) == [("100", "active")]
    net.inbox.clear()
    for outcome, told in ((Alerting(), ("180", "active")), (Answered(), ("200", "terminated"))):
        box.transferred(0, outcome, net.now)
        net.run()
        assert fragments(net) == [told]
        net.inbox.clear()
    box.transferred(0, Answered(), net.now)
    net.run()
    assert net.inbox == [], "it is told the end once"


def test_a_phone_that_called_may_transfer_too_and_hears_why_it_failed(net: Network, box: SipCore) -> None:
    tag = calling(net, box, "one")
    refer = request("REFER", tag=tag, seq=3, call_id="one", refer_to="sip:13800138000@10.0.0.1;user=phone")
    assert statuses(net.send(refer)) == [202]
    assert net.signals() == [Transfer("13800138000")]
    net.inbox.clear()
    box.transferred(0, Cleared(Cause.BUSY), net.now)
    net.run()
    assert fragments(net) == [("486", "terminated")]
    again = request("REFER", tag=tag, seq=4, call_id="one", refer_to="sip:8002@10.0.0.1")
    assert statuses(net.send(again)) == [202]


def test_an_attended_transfer_names_the_line_of_the_other_call(net: Network, box: SipCore) -> None:
    first, second = calling(net, box, "one"), calling(net, box, "two")
    for tags in (f"to-tag={second};from-tag=their", f"to-tag=their;from-tag={second}"):
        replaces = quote(f"two;{tags}", safe="")
        seq = 3 if tags.startswith(f"to-tag={second}") else 4
        refer_to = f"<sip:9999@10.0.0.1?Replaces={replaces}&Require=replaces>"
        refer = request("REFER", tag=first, seq=seq, call_id="one", refer_to=refer_to)
        assert statuses(net.send(refer)) == [202]
        assert net.signals() == [Transfer("9999", "sip/1")]
        box.transferred(0, Answered(), net.now)
        net.run()


@pytest.mark.parametrize(
    ("refer_to", "status"),
    [
        ("<sip:8002@10.0.0.1?Replaces=gone%3Bto-tag%3Da%3Bfrom-tag%3Db>", 481),
        ("<sip:8002@10.0.0.1?Replaces=nonsense>", 400),
        ("<http://example/>", 400),
        ("<sip:10.0.0.1>", 400),
        ("", 400),
        ("<sip:1@h>, <sip:2@h>", 400),
    ],
)
def test_a_transfer_that_names_nobody_is_refused(
    net: Network, box: SipCore, refer_to: str, status: int
) -> None:
    tag = calling(net, box, "one")
    more = {"refer_to": refer_to} if refer_to else {}
    assert statuses(net.send(request("REFER", tag=tag, seq=3, call_id="one", uri="sip:x@h", **more))) == [
        status
    ]
    assert net.signals() == []


def test_only_phones_of_ours_may_transfer(net: Network, box: SipCore) -> None:
    tag = next(t for m in net.send(request("INVITE", body=SDP)) if (t := tag_of(m, "to")))
    box.answer(0, net.now)
    net.send(request("ACK", tag=tag))
    net.signals()
    assert statuses(net.send(request("REFER", tag=tag, seq=2, refer_to="<sip:8002@10.0.0.1>"))) == [403]
    assert statuses(net.send(request("REFER", refer_to="<sip:8002@10.0.0.1>"))) == [405]
    assert net.signals() == []


def test_one_transfer_at_a_time(net: Network, box: SipCore) -> None:
    tag = calling(net, box, "one")
    for seq, status in ((3, 202), (4, 491)):
        refer = request("REFER", tag=tag, seq=seq, call_id="one", refer_to="sip:8002@10.0.0.1")
        assert status in statuses(net.send(refer))


def test_a_transfer_nobody_finishes_ends_after_three_minutes(net: Network, box: SipCore) -> None:
    tag = calling(net, box, "one")
    net.send(request("REFER", tag=tag, seq=3, call_id="one", refer_to="sip:8002@10.0.0.1"))
    fragments(net)
    net.inbox.clear()
    net.run(181)
    assert fragments(net)[0] == ("504", "terminated")


def test_a_phone_that_does_not_want_to_be_told_is_not(net: Network, box: SipCore) -> None:
    tag = calling(net, box, "one")
    refer = request("REFER", tag=tag, seq=3, call_id="one", refer_to="sip:8002@h", refer_sub="false")
    answer = net.send(refer)
    assert answer[0].headers.get("refer-sub") == ["false"]
    box.transferred(0, Answered(), net.now)
    net.run()
    assert fragments(net) == []


def test_a_phone_joins_the_call_it_holds_with_the_one_it_made(net: Network, box: SipCore) -> None:
    invite = called(net, box)
    hold = within(invite, "INVITE", 1, body=SDP + "a=sendonly\r\n")
    assert statuses(net.send(hold)) == [200]
    net.send(within(invite, "ACK", 1))
    assert net.signals() == [Held(True)]
    second = calling(net, box, "two")
    replaces = quote(f"two;to-tag={second};from-tag=their", safe="")
    refer = within(invite, "REFER", 2, refer_to=f"<sip:9999@10.0.0.1?Replaces={replaces}>")
    assert statuses(net.send(refer)) == [202]
    assert net.signals() == [Transfer("9999", "sip/1")]
    assert fragments(net) == [("100", "active")]
    net.inbox.clear()
    box.transferred(0, Answered(), net.now)
    net.run()
    assert fragments(net) == [("200", "terminated")]
    # Told so, the phone leaves both calls.
    net.send(within(invite, "BYE", 3))
    net.send(request("BYE", tag=second, seq=3, call_id="two"))
    assert net.signals() == [Cleared(Cause.NORMAL)] * 2


def test_a_phone_may_join_its_calls_the_other_way_round(net: Network, box: SipCore) -> None:
    invite = called(net, box)
    second = calling(net, box, "two")
    call_id, ours = invite.headers.get("call-id")[0], tag_of(invite, "from")
    replaces = quote(f"{call_id};to-tag={ours};from-tag=theirs", safe="")
    refer_to = f"<sip:13800138000@10.0.0.1?Replaces={replaces}>"
    net.send(request("REFER", tag=second, seq=3, call_id="two", refer_to=refer_to))
    assert net.signals() == [Transfer("13800138000", "sip/0")]


def test_a_transfer_may_name_a_call_that_still_rings(net: Network, box: SipCore) -> None:
    invite = called(net, box)
    proved = request("INVITE", "9999", frm="8001", body=SDP, call_id="two")
    told = proof(net.send(proved), "INVITE", "sip:9999@10.0.0.1")
    again = request("INVITE", "9999", frm="8001", body=SDP, call_id="two", seq=2, proxy_authorization=told)
    tag = next(t for m in net.send(again) if (t := tag_of(m, "to")))
    net.signals()
    replaces = quote(f"two;to-tag={tag};from-tag=their", safe="")
    net.send(within(invite, "REFER", 1, refer_to=f"<sip:9999@10.0.0.1?Replaces={replaces}>"))
    assert net.signals() == [Transfer("9999", "sip/1")]


# INVITE with Replaces


def replacing(net: Network, replaces: str, number: str = "8002", **more: str) -> list[Message]:
    call = {"to": "9999", "frm": number, "body": SDP.replace("7000", "7200"), "call_id": "new"} | more
    asked = net.send(request("INVITE", seq=1, replaces=replaces, **call))
    told = proof(asked, "INVITE", "sip:9999@10.0.0.1", number)
    return net.send(request("INVITE", seq=2, replaces=replaces, proxy_authorization=told, **call))


def taken(net: Network, box: SipCore, old: int, new: int) -> list[Message]:
    """The call on the new line is answered, then the old one is hung up; what phones were told."""
    net.inbox.clear()
    box.answer(new, net.now)
    box.hangup(old, Cause.NORMAL, net.now)
    net.run()
    return list(net.inbox)


def test_a_phone_takes_over_the_call_of_another(net: Network, box: SipCore) -> None:
    tag = calling(net, box, "old")
    answer = replacing(net, f"old;to-tag={tag};from-tag=their", require="replaces")
    assert statuses(answer) == [180]
    assert net.signals() == [Ringing("8002", "9999", "台席8002", replaces="sip/0")]
    told = taken(net, box, 0, 1)
    assert statuses(told) == [200]
    assert [r.headers.get("call-id") for r in requests(told, "BYE")] == [["old"]]
    new = next(t for m in answer if m.headers.get("call-id") == ["new"] and (t := tag_of(m, "to")))
    net.send(request("ACK", tag=new, seq=2, call_id="new"))
    assert net.signals() == [Sound(RtpRoute("10.0.0.9", 7200, 8, 101)), Cleared(Cause.NORMAL), Answered()]
    net.send(request("BYE", tag=new, seq=3, call_id="new"))
    assert net.signals() == [Cleared(Cause.NORMAL)]
    net.run(60)
    assert not box._legs


def test_a_phone_takes_over_a_call_we_placed(net: Network, box: SipCore) -> None:
    invite = called(net, box)
    call_id, ours = invite.headers.get("call-id")[0], tag_of(invite, "from")
    replacing(net, f"{call_id};to-tag={ours};from-tag=theirs")
    assert net.signals() == [Ringing("8002", "9999", "台席8002", replaces="sip/0")]
    assert list(requests(taken(net, box, 0, 1), "BYE"))


def rings(net: Network, box: SipCore) -> str:
    """The phone of 8001 rings with a call of ours; the name of its dialog, as a busy-lamp key sends it."""
    registered(net)
    box.dial(0, "8001", "13800138000", net.now)
    net.run()
    (invite,) = requests(net.inbox, "INVITE")
    net.send(respond(invite, 180))
    net.signals()
    return f"{invite.headers.get('call-id')[0]};to-tag={tag_of(invite, 'from')};from-tag=theirs"


@pytest.mark.parametrize("early", ["", ";early-only"])
def test_a_phone_picks_up_what_rings_at_another(net: Network, box: SipCore, early: str) -> None:
    replacing(net, rings(net, box) + early)
    assert net.signals() == [Ringing("8002", "9999", "台席8002", replaces="sip/0")]
    told = taken(net, box, 0, 1)
    assert statuses(told) == [200]
    assert list(requests(told, "CANCEL")), "the first phone stops ringing"


def test_a_pick_up_that_may_not_be_is_refused_and_the_first_phone_rings_on(
    net: Network, box: SipCore
) -> None:
    replacing(net, rings(net, box))
    net.inbox.clear()
    box.hangup(1, Cause.REJECTED, net.now)
    net.run()
    assert statuses(net.inbox) == [603]
    assert not list(requests(net.inbox, "CANCEL"))


def test_without_a_free_line_nothing_is_taken(net: Network) -> None:
    box = net.add(settings(lines=1))
    assert statuses(replacing(net, rings(net, box))) == [486]
    assert net.signals() == []


def test_what_cannot_be_replaced_is_refused(net: Network, box: SipCore) -> None:
    tag = calling(net, box, "old")
    assert statuses(replacing(net, "gone;to-tag=a;from-tag=b")) == [481]
    assert statuses(replacing(net, f"old;to-tag={tag};from-tag=their;early-only")) == [486]
    assert statuses(replacing(net, f"old;to-tag={tag}")) == [400]
    stranger = request("INVITE", body=SDP, call_id="s", replaces=f"old;to-tag={tag};from-tag=their")
    assert statuses(net.send(stranger)) == [403]
    assert net.signals() == []


def test_a_citizen_s_call_is_not_for_phones_to_take(net: Network, box: SipCore) -> None:
    tag = next(t for m in net.send(request("INVITE", body=SDP)) if (t := tag_of(m, "to")))
    ringing = f"call-1;to-tag={tag};from-tag=their"
    assert net.signals() == [Ringing("13800138000", "12345")]
    assert statuses(replacing(net, ringing)) == [403]
    box.answer(0, net.now)
    net.send(request("ACK", tag=tag))
    assert statuses(replacing(net, ringing)) == [403]


def test_what_a_phone_itself_dials_is_not_for_others_before_it_is_answered(
    net: Network, box: SipCore
) -> None:
    call = {"to": "9999", "frm": "8001", "body": SDP, "call_id": "old"}
    told = proof(net.send(request("INVITE", seq=1, **call)), "INVITE", "sip:9999@10.0.0.1")
    ringing = net.send(request("INVITE", seq=2, proxy_authorization=told, **call))
    tag = next(t for m in ringing if (t := tag_of(m, "to")))
    assert statuses(replacing(net, f"old;to-tag={tag};from-tag=their")) == [481]
