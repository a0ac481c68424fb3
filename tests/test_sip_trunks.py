"""Trunks in virtual time: registered, kept an eye on, called by and called through."""

from itertools import pairwise

import pytest
from aiosipua.message import SipRequest

from hardware.line import Alerting, Answered, Cause, Cleared, Fault, Ringing, RtpRoute, Signal, Sound, Up
from hardware.sip.core import SipCore
from hardware.sip.digest import fields
from hardware.sip.message import Addr
from hardware.sip.settings import SipTrunk
from tests.sipp.network import BOX, SDP, Network, request, requests, respond, settings, statuses

PROVIDER: Addr = ("192.0.2.50", 5060)
SECOND: Addr = ("192.0.2.60", 5070)
REGISTERED = SipTrunk("city", PROVIDER[0], user="u100", password="secret", register=True, caller="01012345")
PLAIN = SipTrunk("gate", *SECOND, priority=2)


def boxed(*trunks: SipTrunk) -> tuple[Network, SipCore]:
    net = Network()
    box = net.add(settings(trunks=trunks))
    for trunk in trunks:
        box.open_trunk(trunk.name, net.now)
    net.run()
    return net, box


def said(box: SipCore) -> list[tuple[str, Signal]]:
    news, box.trunk_events = box.trunk_events, []
    return news


def last(net: Network, method: str) -> SipRequest:
    *_, found = requests(net.inbox, method)
    net.inbox.clear()
    return found


def answer(
    net: Network, to: SipRequest, status: int, body: str = "", at: Addr = PROVIDER, **more: str
) -> None:
    net.inbox.clear()
    box = net.cores[BOX[0]]
    box.receive(respond(to, status, body, **more).encode(), at, net.now)
    net.run()


CHALLENGE = 'Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"'


def registered(net: Network, expires: int = 300) -> None:
    answer(net, last(net, "REGISTER"), 401, www_authenticate=CHALLENGE)
    proof = last(net, "REGISTER")
    answer(net, proof, 200, contact=f"<sip:u100@10.0.0.1:5060>;expires={expires}")


def up(*trunks: SipTrunk) -> tuple[Network, SipCore]:
    """A box all of whose trunks are up."""
    net, box = boxed(*trunks)
    for trunk in trunks:
        asked = next(
            r
            for r in requests(net.inbox, "REGISTER" if trunk.register else "OPTIONS")
            if trunk.host in r.uri or trunk.register
        )
        box.receive(respond(asked, 200).encode(), (trunk.host, trunk.port), net.now)
    net.run()
    assert {name for name, signal in said(box) if signal == Up()} == {t.name for t in trunks}
    net.inbox.clear()
    return net, box


# Registration


def test_a_trunk_registers_with_its_password_and_is_up() -> None:
    net, box = boxed(REGISTERED)
    first = last(net, "REGISTER")
    assert first.uri == "sip:192.0.2.50"
    assert first.headers.get("contact") == ["<sip:u100@10.0.0.1:5060>"]
    assert not first.headers.get("authorization")
    assert said(box) == []
    answer(net, first, 401, www_authenticate=CHALLENGE)
    proof = last(net, "REGISTER")
    told = fields(proof.headers.get("authorization")[0])
    assert (told["username"], told["realm"], told["nc"]) == ("u100", "carrier", "00000001")
    assert proof.headers.get("call-id") == first.headers.get("call-id")
    assert proof.headers.get("cseq") == ["2 REGISTER"]
    answer(net, proof, 200, contact="<sip:u100@10.0.0.1:5060>;expires=300")
    assert said(box) == [("city", Up())]


@pytest.mark.parametrize(("granted", "after"), [(300, 270), (3600, 3240), (40, 20)])
def test_a_registration_is_refreshed_in_time_with_the_challenge_it_knows(granted: int, after: int) -> None:
    net, _ = boxed(REGISTERED)
    registered(net, granted)
    net.run(after - 1)
    assert net.inbox == []
    net.run(2)
    again = last(net, "REGISTER")
    assert fields(again.headers.get("authorization")[0])["nc"] == "00000002"


def test_the_provider_s_seconds_may_stand_in_expires() -> None:
    net, _ = boxed(REGISTERED)
    answer(net, last(net, "REGISTER"), 200, contact="<sip:other@10.0.0.77>;expires=7", expires="100")
    net.run(89)
    assert net.inbox == []
    net.run(2)
    assert last(net, "REGISTER")


def test_a_nonce_gone_stale_is_answered_anew_and_the_trunk_stays_up() -> None:
    net, box = boxed(REGISTERED)
    registered(net)
    said(box)
    net.run(271)
    answer(net, last(net, "REGISTER"), 401, www_authenticate=CHALLENGE.replace("n1", "n2"))
    proof = last(net, "REGISTER")
    assert fields(proof.headers.get("authorization")[0])["nonce"] == "n2"
    answer(net, proof, 200)
    assert said(box) == []


def test_a_wrong_password_is_said_once_and_tried_ever_less_often() -> None:
    net, box = boxed(REGISTERED)
    attempts = []
    for _ in range(10):
        attempts.append(net.now)
        answer(net, last(net, "REGISTER"), 401, www_authenticate=CHALLENGE)
        answer(net, last(net, "REGISTER"), 403)
        while not net.inbox:
            net.run(1)
    waits = [round(b - a) for a, b in pairwise(attempts)]
    assert waits == [4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert said(box) == [("city", Fault("192.0.2.50:5060: refuses user or password: 403 X"))]


def test_a_provider_that_challenges_forever_is_not_answered_forever() -> None:
    net, box = boxed(REGISTERED)
    for _ in range(2):
        answer(net, last(net, "REGISTER"), 401, www_authenticate=CHALLENGE)
    assert net.inbox == []
    assert isinstance(said(box)[0][1], Fault)


def test_a_provider_that_wants_longer_registrations_gets_them() -> None:
    net, box = boxed(REGISTERED)
    answer(net, last(net, "REGISTER"), 423, min_expires="1800")
    longer = last(net, "REGISTER")
    assert longer.headers.get("expires") == ["1800"]
    answer(net, longer, 200)
    assert said(box) == [("city", Up())]


def test_a_provider_that_went_silent_is_a_fault_and_its_return_is_noticed() -> None:
    net, box = boxed(REGISTERED)
    registered(net)
    said(box)
    net.run(310)
    assert said(box) == [("city", Fault("192.0.2.50:5060: does not answer"))]
    registered(net)
    assert said(box) == [("city", Up())]


def test_a_trunk_given_back_is_no_longer_registered() -> None:
    net, box = boxed(REGISTERED)
    registered(net)
    box.trunks.close(net.now)
    net.run()
    gone = last(net, "REGISTER")
    assert gone.headers.get("expires") == ["0"]
    answer(net, gone, 200)
    net.run(1000)
    assert net.inbox == []


# Without registration


def test_a_trunk_that_answers_is_up_whatever_it_answers() -> None:
    net, box = boxed(PLAIN)
    answer(net, last(net, "OPTIONS"), 404, at=SECOND)
    assert said(box) == [("gate", Up())]
    net.run(29)
    assert net.inbox == []
    net.run(2)
    assert last(net, "OPTIONS").uri == "sip:192.0.2.60:5070"


def test_a_trunk_that_says_it_is_out_of_service_is_down() -> None:
    net, box = boxed(PLAIN)
    answer(net, last(net, "OPTIONS"), 503, at=SECOND)
    assert said(box) == [("gate", Fault("192.0.2.60:5070: answers 503 X"))]


def test_a_trunk_that_never_answers_is_down_and_asked_again() -> None:
    net, box = boxed(PLAIN)
    net.run(40)
    assert said(box) == [("gate", Fault("192.0.2.60:5070: does not answer"))]
    answer(net, last(net, "OPTIONS"), 200, at=SECOND)
    assert said(box) == [("gate", Up())]


# Names


def test_a_name_is_looked_up_first_and_again_every_five_minutes() -> None:
    net, box = boxed(SipTrunk("far", "sip.example"))
    assert box.wanted == ["sip.example"]
    assert net.inbox == []
    box.resolved("sip.example", ("192.0.2.50",), net.now)
    net.run()
    assert last(net, "OPTIONS").uri == "sip:sip.example"
    box.wanted.clear()
    net.run(301)
    assert box.wanted == ["sip.example"]


def test_a_name_without_address_is_a_fault_but_a_known_address_is_kept() -> None:
    net, box = boxed(SipTrunk("far", "sip.example"))
    box.resolved("sip.example", (), net.now)
    assert said(box) == [("far", Fault("sip.example:5060: the name sip.example has no address"))]
    box.resolved("sip.example", ("192.0.2.50",), net.now)
    net.run()
    answer(net, last(net, "OPTIONS"), 200)
    box.resolved("sip.example", (), net.now)
    assert said(box) == [("far", Up())]


def test_the_next_address_of_a_name_is_tried_when_one_is_silent() -> None:
    _, box = boxed(SipTrunk("far", "sip.example"))
    box.resolved("sip.example", ("192.0.2.50", "192.0.2.51"), 1000.0)
    box.on_timer(1000.0)
    first = box.outgoing[-1][1]
    for now in range(1000, 1045):
        box.on_timer(float(now))
    assert first == ("192.0.2.50", 5060)
    assert box.outgoing[-1][1] == ("192.0.2.51", 5060)


# Calls that come in


def test_a_call_from_the_trunk_s_address_is_its_call() -> None:
    net, _ = boxed(REGISTERED)
    asserted = {"p_asserted_identity": '"Li" <sip:13911112222@carrier>'}
    assert 180 in statuses(net.send(request("INVITE", seq=1, body=SDP, **asserted), source=PROVIDER))
    assert net.signals() == [Ringing("13911112222", "12345", "Li", "city")]


def test_a_call_to_the_registered_user_is_for_the_number_in_to() -> None:
    trunk = SipTrunk("city", PROVIDER[0], user="u100", register=True, numbers=("01012345", "12345"))
    net, _ = boxed(trunk)
    for number, called in (("12345", "12345"), ("99999", "01012345")):
        call = request("INVITE", to=number, uri="sip:u100@10.0.0.1", body=SDP, call_id=number)
        net.send(call, source=PROVIDER)
        assert net.signals() == [Ringing("13800138000", called, "", "city")]
    assert statuses(net.send(request("INVITE", to="99999", body=SDP, call_id="c"), source=PROVIDER)) == [404]


def test_a_trunk_s_call_needs_no_password_even_if_it_shows_an_extension_s_number() -> None:
    net, _ = boxed(REGISTERED)
    assert 180 in statuses(net.send(request("INVITE", frm="8001", body=SDP), source=PROVIDER))


def test_networks_of_a_trunk_count_as_the_trunk() -> None:
    net, _ = boxed(SipTrunk("far", "sip.example", allow=("198.51.100.0/24",)))
    net.send(request("INVITE", body=SDP), source=("198.51.100.7", 5060))
    assert net.signals() == [Ringing("13800138000", "12345", "", "far")]


def test_of_two_trunks_at_one_address_the_one_called_has_the_call() -> None:
    one = SipTrunk("one", PROVIDER[0], numbers=("11111",))
    two = SipTrunk("two", PROVIDER[0], numbers=("22222",))
    net, _ = boxed(one, two)
    net.send(request("INVITE", to="22222", body=SDP), source=PROVIDER)
    assert net.signals() == [Ringing("13800138000", "22222", "", "two")]


@pytest.mark.parametrize("more", [{"privacy": "id"}, {"frm": "anonymous"}])
def test_a_withheld_caller_stays_withheld(more: dict[str, str]) -> None:
    net, _ = boxed(REGISTERED)
    net.send(request("INVITE", seq=1, body=SDP, **more), source=PROVIDER)
    assert net.signals() == [Ringing(None, "12345", "", "city")]


def test_a_diverted_call_comes_in_like_any_other() -> None:
    net, _ = boxed(REGISTERED)
    diverted = {
        "diversion": "<sip:8888@carrier>;reason=unconditional;counter=1",
        "history_info": "<sip:8888@carrier>;index=1, <sip:12345@carrier?Reason=SIP%3Bcause%3D302>;index=1.1",
        "supported": "histinfo",
    }
    net.send(request("INVITE", seq=1, body=SDP, **diverted), source=PROVIDER)
    assert net.signals() == [Ringing("13800138000", "12345", "", "city")]


# Calls that go out


def dialled(
    net: Network, box: SipCore, number: str = "13800138000", caller: str | None = "12345"
) -> SipRequest:
    net.inbox.clear()
    box.dial(0, number, caller, net.now)
    net.run()
    return last(net, "INVITE")


def test_a_call_out_shows_the_trunk_s_number_and_asserts_it() -> None:
    net, box = up(REGISTERED)
    invite = dialled(net, box)
    assert invite.uri == "sip:13800138000@192.0.2.50"
    assert invite.headers.get("from")[0].startswith("<sip:01012345@192.0.2.50>;tag=")
    assert invite.headers.get("p-asserted-identity") == ["<sip:01012345@192.0.2.50>"]
    assert not invite.headers.get("privacy")
    answer(net, invite, 407, proxy_authenticate=CHALLENGE)
    proof = last(net, "INVITE")
    assert fields(proof.headers.get("proxy-authorization")[0])["username"] == "u100"
    answer(net, proof, 200, SDP)
    assert net.signals() == [Sound(RtpRoute("10.0.0.9", 7000, 8, 101)), Answered()]


def test_a_withheld_caller_is_asserted_to_the_trunk_only() -> None:
    net, box = up(REGISTERED)
    invite = dialled(net, box, caller=None)
    assert "anonymous@anonymous.invalid" in invite.headers.get("from")[0]
    assert invite.headers.get("p-asserted-identity") == ["<sip:01012345@192.0.2.50>"]
    assert invite.headers.get("privacy") == ["id"]


def test_a_prefix_chooses_the_trunk_and_is_taken_away() -> None:
    local = SipTrunk("local", *SECOND, prefix="9", strip=1)
    world = SipTrunk("world", PROVIDER[0], prefix="900", strip=1, add="+86")
    net, box = up(local, world)
    assert dialled(net, box, "9001234").uri == "sip:+86001234@192.0.2.50"
    box.hangup(0, Cause.NORMAL, net.now)
    assert dialled(net, box, "9551234").uri == "sip:551234@192.0.2.60:5070"


@pytest.mark.parametrize("number", ["110", "abc", "9", "1" * 40])
def test_a_number_no_trunk_carries_has_no_route(number: str) -> None:
    net, box = up(SipTrunk("local", *SECOND, prefix="9", strip=1))
    box.dial(0, number, None, net.now)
    net.run()
    assert net.signals() == [Cleared(Cause.NO_ROUTE)]


def test_when_all_trunks_are_down_the_network_is_out_of_order() -> None:
    net, box = boxed(PLAIN)
    box.dial(0, "13800138000", None, net.now)
    net.run()
    assert net.signals() == [Cleared(Cause.NETWORK_OUT_OF_ORDER)]


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_blocked_trunk_hands_the_call_to_the_next(status: int) -> None:
    net, box = up(REGISTERED, PLAIN)
    answer(net, dialled(net, box), status)
    second = last(net, "INVITE")
    assert second.uri == "sip:13800138000@192.0.2.60:5070"
    answer(net, second, 180, at=SECOND)
    answer(net, second, 200, SDP, at=SECOND)
    assert net.signals() == [Alerting(), Sound(RtpRoute("10.0.0.9", 7000, 8, 101)), Answered()]


@pytest.mark.parametrize(
    ("status", "cause"), [(486, Cause.BUSY), (404, Cause.UNALLOCATED), (603, Cause.REJECTED)]
)
def test_a_refusal_by_the_called_party_is_not_tried_elsewhere(status: int, cause: Cause) -> None:
    net, box = up(REGISTERED, PLAIN)
    answer(net, dialled(net, box), status)
    assert not list(requests(net.inbox, "INVITE"))
    assert net.signals() == [Cleared(cause)]


def test_a_silent_trunk_is_given_six_seconds_and_a_late_answer_is_taken_back() -> None:
    net, box = up(REGISTERED, PLAIN)
    first = dialled(net, box)
    net.run(5.9)
    assert not [r for r in requests(net.inbox, "INVITE") if "60" in r.uri]
    net.run(0.2)
    second = last(net, "INVITE")
    assert second.uri.endswith("@192.0.2.60:5070")
    answer(net, first, 180)
    assert last(net, "CANCEL").uri == first.uri
    answer(net, second, 200, SDP, at=SECOND)
    assert net.signals()[-1] == Answered()


def test_when_the_last_trunk_is_blocked_too_its_cause_is_the_call_s() -> None:
    net, box = up(REGISTERED, PLAIN)
    answer(net, dialled(net, box), 503)
    answer(net, last(net, "INVITE"), 503, at=SECOND, reason="Q.850;cause=42")
    assert net.signals() == [Cleared(Cause.CONGESTION)]


def test_giving_up_stops_the_failover() -> None:
    net, box = up(REGISTERED, PLAIN)
    first = dialled(net, box)
    box.hangup(0, Cause.NORMAL, net.now)
    answer(net, first, 503)
    assert not list(requests(net.inbox, "INVITE"))


# A trunk that flaps


@pytest.mark.parametrize("register", [False, True])
def test_a_trunk_that_flaps_is_said_up_and_down_in_turn_and_not_pressed(register: bool) -> None:
    net, box = up(REGISTERED if register else PLAIN)
    there, asked, heard = False, 0, []
    for second in range(1200):
        if second % 50 == 0:
            there = not there
        net.inbox.clear()
        net.run(1)
        methods = {"REGISTER", "OPTIONS"}
        fresh = {r.headers.get("via")[0]: r for m in methods for r in requests(net.inbox, m)}
        asked += len(fresh)
        if there:
            for request_ in fresh.values():
                answer(net, request_, 200)
        heard += [signal for _, signal in said(box)]
    kinds = [type(signal) for signal in heard]
    assert all(one is not two for one, two in pairwise(kinds)), heard
    assert {Up, Fault} <= set(kinds)
    assert asked < 600, "what is sent again counts, and yet that is one in two seconds"


def test_a_call_goes_on_while_its_trunk_is_down() -> None:
    net, box = up(PLAIN)
    answer(net, dialled(net, box), 200, SDP)
    net.run(100)
    assert any(isinstance(signal, Fault) for _, signal in said(box))
    assert not [signal for signal in net.signals() if isinstance(signal, Cleared)]
    assert box.slots[0].talking is not None
    box.dial(1, "13900139000", None, net.now)
    net.run()
    assert Cleared(Cause.NETWORK_OUT_OF_ORDER) in net.signals(), "but nobody else is sent there"
