"""Messages made to break parsers, one or more of every kind RFC 4475 names, in our own words."""

import pytest
from aiosipua.message import SipRequest, SipResponse

from hardware.line import Cause, Ringing, Signal
from hardware.sip.core import SipCore
from hardware.sip.message import Malformed, cseq_of, number_of, parse, party, uri_of, via_of
from tests.sipp.network import PHONE, SDP, Network, request, settings, statuses

STATUS = (
    "SIP/2.0 {start}\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKnone\r\nFrom: <sip:1@h>;tag=a\r\n"
    "To: <sip:2@h>;tag=b\r\nCall-ID: x\r\nCSeq: {cseq} INVITE\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture
def net() -> Network:
    return Network()


@pytest.fixture
def box(net: Network) -> SipCore:
    return net.add(settings())


def refused(box: SipCore, text: str) -> list[int]:
    """The statuses sent in reply; what is quoted of the request may be too odd to be read back."""
    box.receive(text.encode(), PHONE, 1000.0)
    sent, box.outgoing[:] = list(box.outgoing), []
    return [int(data.split()[1]) for data, _ in sent]


def read(text: str) -> SipRequest:
    message = parse(text.encode())
    assert isinstance(message, SipRequest)
    return message


# Valid, however odd (§3.1.1)

TORTUOUS = (
    "INVITE sip:12345@10.0.0.1;unknownparam SIP/2.0\r\n"
    "TO :\r\n sip:12345@10.0.0.1 ;   tag    =\r\n\t\r\n"
    'from   : "Zhang \\\\\\"San"  <sip:13800138000@10.0.0.9>\r\n  ;\r\n  tag = their\r\n'
    "MaX-fOrWaRdS: 0068\r\n"
    "Call-ID: short.tortuous@10.0.0.9\r\n"
    "cseq: 0009\r\n  INVITE\r\n"
    "Via  : SIP  /   2.0\r\n /UDP\r\n    10.0.0.9:5062;branch=z9hG4bKtortuous;rport\r\n"
    "s :\r\n"
    "NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
    "UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
    "Content-Type: application/sdp\r\n"
    "Route:\r\n <sip:10.0.0.1;lr;unknownwith=value;unknown-no-value>\r\n"
    "v:  SIP  / 2.0  / TCP     spindle.example   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
    " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
    'm:"Quoted string \\"\\"" <sip:phone@10.0.0.9:5062>\r\n ; newparam =\r\n   newvalue ;\r\n q = 0.33\r\n'
    f"l: {len(SDP)}\r\n\r\n{SDP}"
).replace("tag    =\r\n\t\r\n", "x    =\r\n\ty\r\n")


def test_a_tortuous_invite_is_a_call(net: Network, box: SipCore) -> None:
    message = read(TORTUOUS)
    assert cseq_of(message).seq == 9
    assert len(message.headers.get("via")) == 3
    assert party(message.headers.get("from")[0]).display == 'Zhang \\"San'
    assert statuses(net.send(TORTUOUS)) == [180]
    assert net.signals() == [Ringing("13800138000", "12345", 'Zhang \\"San')]


def test_every_character_a_token_may_have_is_taken(net: Network, box: SipCore) -> None:
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    text = request(method).replace("Max-Forwards", "extensionHeader-!.%*+_`'~")
    assert read(text).method == method
    assert statuses(net.send(text)) == [405]


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("%31%32345", "12345"),
        ("sips%3Auser%40example.com", "sips:user@example.com"),
        ("null-%00-null", "null-\x00-null"),
        ("user;par=u%40example.net", "user"),
        ("-_.!~*'()&=+$,%3B%3F/", "-_.!~*'()&=+$,;?/"),
        ("+86-10-1234.5678", "+861012345678"),
    ],
)
def test_escapes_in_a_user_are_read_and_no_others(user: str, number: str) -> None:
    assert number_of(uri_of(f"sip:{user}@10.0.0.1")) == number


def test_an_escape_in_a_method_is_no_escape(net: Network, box: SipCore) -> None:
    assert statuses(net.send(request("RE%47IST%45R"))) == [405]


def test_a_name_may_touch_its_bracket() -> None:
    assert party("caller<sip:caller@example.com>;tag=323")[:1] == ("caller",)


def test_long_values_are_read(net: Network, box: SipCore) -> None:
    name = "I have a user name of extreme proportion" * 20
    text = request("INVITE", body=SDP, call_id="a" * 400, x_long="b" * 4000)
    text = text.replace("From: <", f'From: "{name}" <').replace("tag=their", "tag=" + "t" * 900)
    assert statuses(net.send(text)) == [180]


def test_octets_behind_the_body_are_cut_off() -> None:
    assert read(request("INVITE", body=SDP) + "INVITE sip:trash SIP/2.0\r\n").text == SDP


@pytest.mark.parametrize("transport", ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"])
def test_any_transport_may_stand_in_via(transport: str) -> None:
    assert via_of(read(request("OPTIONS").replace("/UDP", f"/{transport}"))).transport == transport


def test_a_body_of_several_parts_is_not_ours_to_read(net: Network, box: SipCore) -> None:
    parts = "--b\r\nContent-Type: application/sdp\r\n\r\n" + SDP + "--b--\r\n"
    answer = net.send(request("INVITE", body=parts, content_type="multipart/mixed;boundary=b"))
    assert statuses(answer) == [415]
    assert answer[0].headers.get("accept") == ["application/sdp"]


@pytest.mark.parametrize("reason", ["= 2**3 * 5**2 но сто девяносто девять - простое", ""])
def test_any_reason_will_do(reason: str) -> None:
    message = parse(STATUS.format(start=f"200 {reason}", cseq=1).encode())
    assert isinstance(message, SipResponse)
    assert message.reason_phrase == reason


# Invalid (§3.1.2)

REFUSED = {
    "separators without anything between": (
        request("INVITE", body=SDP).replace("Contact: <", "Contact: ,, <"),
        400,
    ),
    "more body announced than there is": (
        request("INVITE", body=SDP).replace(f"Content-Length: {len(SDP)}", "Content-Length: 9999"),
        400,
    ),
    "a negative length": (request("OPTIONS").replace("Content-Length: 0", "Content-Length: -999"), 400),
    "two lengths": (request("OPTIONS").replace("Content-Length: 0", "Content-Length: 0\r\nl: 5"), 400),
    "a sequence number that is too large": (
        request("OPTIONS").replace("CSeq: 1 ", "CSeq: 36893488147419103232 "),
        400,
    ),
    "a sequence number just too large": (request("OPTIONS").replace("CSeq: 1 ", "CSeq: 2147483648 "), 400),
    "too many hops allowed": (request("OPTIONS", max_forwards="300"), 400),
    "a quote never closed": (request("OPTIONS").replace("To: <", 'To: "Mr. J. User <'), 400),
    "brackets around the request URI": (request("OPTIONS", uri="<sip:12345@10.0.0.1>"), 400),
    "headers in the request URI": (
        request("INVITE", uri="sip:12345@10.0.0.1?Route=%3Csip:example.com%3E", body=SDP),
        400,
    ),
    "another version": (request("OPTIONS").replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), 505),
    "another method in CSeq": (request("OPTIONS").replace("1 OPTIONS", "8 INVITE"), 400),
    "an unknown method and another in CSeq": (request("NEWMETHOD").replace("1 NEWMETHOD", "8 INVITE"), 400),
    "two Call-IDs": (request("OPTIONS").replace("Call-ID: ", "Call-ID: other\r\nCall-ID: "), 400),
    "two Froms": (request("OPTIONS").replace("From: ", "From: <sip:x@y>;tag=1\r\nFrom: "), 400),
    "no offer that can be read": (request("INVITE", body="v=0\r\n"), 400),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_refused_and_leaves_nothing(net: Network, box: SipCore, what: str) -> None:
    text, status = REFUSED[what]
    assert refused(box, text) == [status]
    assert not box._servers
    assert net.signals() == []


IGNORED = {
    "a blank inside the request URI": request("OPTIONS", uri="sip:12345@10.0.0.1; lr"),
    "several blanks in the request line": request("OPTIONS").replace(" SIP/2.0\r\nVia", "  SIP/2.0\r\nVia"),
    "no start line": "\r\nVia: x\r\n\r\n",
    "no Via": request("OPTIONS").replace("Via:", "Vla:"),
    "no Call-ID": request("OPTIONS").replace("Call-ID:", "Cool-ID:"),
    "a status nobody can have": STATUS.format(start="4294967301 better not break the receiver", cseq=1),
    "a response with a sequence number too large": STATUS.format(start="200 OK", cseq="9" * 30),
    "a response to nothing of ours": STATUS.format(start="200 OK", cseq=1),
    "a response whose Via is everybody": STATUS.format(start="200 OK", cseq=1).replace(
        "10.0.0.1;", "255.255.255.255;"
    ),
}


@pytest.mark.parametrize("what", IGNORED)
def test_what_cannot_be_answered_is_dropped(net: Network, box: SipCore, what: str) -> None:
    assert net.send(IGNORED[what]) == []
    assert box.counts["malformed"] + box.counts["stray response"] == 1


def test_a_blank_at_the_end_of_the_request_line_is_forgiven(net: Network, box: SipCore) -> None:
    assert statuses(net.send(request("OPTIONS").replace("SIP/2.0\r\nVia", "SIP/2.0  \r\nVia"))) == [200]


@pytest.mark.parametrize(
    "value",
    [
        "Bell, Alexander <sip:13800138000@10.0.0.9>;tag=their",
        "sip:13800138000@10.0.0.9;tag=their",
        "<sip:13800138000@10.0.0.9 >;tag=their",
        "张三 <sip:13800138000@10.0.0.9>;tag=their",
    ],
)
def test_a_caller_s_name_written_wrongly_is_forgiven(net: Network, box: SipCore, value: str) -> None:
    text = request("INVITE", body=SDP).replace("<sip:13800138000@10.0.0.9>;tag=their", value)
    assert statuses(net.send(text)) == [180]
    said: list[Signal] = net.signals()
    assert isinstance(said[0], Ringing)
    assert said[0].caller == "13800138000"


@pytest.mark.parametrize("date", ["Fri, 01 Jan 2010 16:00:00 EST", "yesterday"])
def test_a_date_we_do_not_need_may_be_wrong(net: Network, box: SipCore, date: str) -> None:
    assert statuses(net.send(request("OPTIONS", date=date))) == [200]


# Transactions (§3.2)


def test_a_branch_that_is_only_the_cookie_still_makes_one_call(net: Network, box: SipCore) -> None:
    first = request("INVITE", body=SDP, call_id="one", branch="")
    other = request("INVITE", body=SDP, call_id="two", branch="")
    assert statuses(net.send(first)) == [180]
    assert statuses(net.send(first)) == [180]
    assert statuses(net.send(other)) == [180]
    assert len(net.signals()) == 2


# Applications (§3.3)


@pytest.mark.parametrize("name", ["from", "to", "cseq", "call-id", "via"])
def test_without_a_header_that_must_be_there_nothing_happens(net: Network, box: SipCore, name: str) -> None:
    lines = request("INVITE", body=SDP).split("\r\n")
    text = "\r\n".join(line for line in lines if not line.lower().startswith(f"{name}:"))
    with pytest.raises(Malformed):
        parse(text.encode())
    assert net.send(text) == []
    assert net.signals() == []


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("nobodyKnowsThisScheme:totallyopaquecontent", 416),
        ("soap.beep://192.0.2.103:3002", 416),
        ("tel:12345", 180),
        ("sips:12345@10.0.0.1", 180),
        ("sip:12345@10.0.0.1:5060;transport=udp;lr", 180),
    ],
)
def test_schemes_we_do_not_know_are_said_so(net: Network, box: SipCore, uri: str, status: int) -> None:
    assert statuses(net.send(request("INVITE", uri=uri, body=SDP)))[-1] == status


def test_an_unknown_scheme_in_to_and_from_is_nobody(net: Network, box: SipCore) -> None:
    text = request("REGISTER", to="8001").replace("To: <sip:", "To: <isbn:")
    assert statuses(net.send(text)) == [401]


def test_extensions_we_do_not_know_are_named(net: Network, box: SipCore) -> None:
    answer = net.send(
        request("INVITE", body=SDP, require="nothingSupportsThis, timer, nothingSupportsThisEither")
    )
    assert statuses(answer) == [420]
    told = ", ".join(answer[0].headers.get("unsupported"))
    assert told == "nothingsupportsthis, nothingsupportsthiseither"


def test_an_unknown_kind_of_body_is_refused(net: Network, box: SipCore) -> None:
    assert statuses(net.send(request("INVITE", body="<x/>", content_type="application/unknownformat"))) == [
        415
    ]


def test_an_unknown_kind_of_proof_proves_nothing(net: Network, box: SipCore) -> None:
    text = request("REGISTER", to="8001", authorization="NoOneKnowsThisScheme opaque-data=here")
    assert statuses(net.send(text)) == [401]


def test_no_hops_left_does_not_matter_to_who_is_called(net: Network, box: SipCore) -> None:
    assert statuses(net.send(request("OPTIONS", max_forwards="0"))) == [200]


@pytest.mark.parametrize(
    "contact",
    [
        "<sip:8001@10.0.0.9:5062;unknownparam>;expires=60;q=0.7",
        "sip:8001@10.0.0.9;unknownparam",
        "<sip:8001@10.0.0.9?Route=%3Csip:sip.example.com%3E>",
    ],
)
def test_odd_contacts_are_asked_for_the_password_like_any(net: Network, box: SipCore, contact: str) -> None:
    assert statuses(net.send(request("REGISTER", to="8001", contact=contact))) == [401]


def test_who_accepts_nothing_of_ours_may_still_ask(net: Network, box: SipCore) -> None:
    assert statuses(net.send(request("OPTIONS", accept="text/nobodyKnowsThis"))) == [200]


# Before RFC 3261 (§3.4)


def test_a_call_from_before_branches_is_a_call(net: Network, box: SipCore) -> None:
    old = request("INVITE", body=SDP)
    via = next(line for line in old.split("\r\n") if line.startswith("Via"))
    old = old.replace(via, "Via: SIP/2.0/UDP 10.0.0.9:5062").replace(";tag=their", "")
    assert statuses(net.send(old)) == [180]
    assert statuses(net.send(old)) == [180]
    assert net.signals() == [Ringing("13800138000", "12345")]


def test_no_torture_leaves_anything_behind(net: Network, box: SipCore) -> None:
    for text in [TORTUOUS, *IGNORED.values(), *(text for text, _ in REFUSED.values())]:
        for cut in (len(text), len(text) // 2, 40):
            refused(box, text[:cut])
    for slot in box.slots:
        box.hangup(slot.index, Cause.NORMAL, net.now)
    net.run(100)
    assert not box._servers
    assert not box._legs
