"""SIP messages as field equipment sends them."""

import pytest
from aiosipua.message import SipRequest, SipResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.sip.message import (
    Malformed,
    caller_of,
    commas,
    cseq_of,
    number_of,
    parse,
    party,
    quoted,
    reply,
    sip_uri,
    tag_of,
    uri_of,
    via_of,
    where_to_reply,
)
from tests.sipp.network import SDP, request


def invite(**more: str) -> SipRequest:
    message = parse(request("INVITE", **more).encode())  # type: ignore[arg-type]  # test sugar
    assert isinstance(message, SipRequest)
    return message


def test_a_plain_request_is_read() -> None:
    message = parse(request("INVITE", body=SDP).encode())
    assert isinstance(message, SipRequest)
    assert (message.method, message.uri) == ("INVITE", "sip:12345@10.0.0.1")
    assert message.body == SDP.encode()
    assert tag_of(message, "from") == "their"


def test_compact_names_folded_lines_odd_blanks_and_bare_line_feeds_are_read() -> None:
    # In the spirit of RFC 4475 §3.1.1.1.
    text = (
        "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\n"
        "TO :\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\n"
        'f   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\n  ;\n  tag = 98asjd8\n'
        "MaX-fOrWaRdS: 0068\n"
        "i: wsinv.ndaksdj@192.0.2.1\n"
        "Content-Length   : 0\n"
        "cseq: 0009\n  INVITE\n"
        "v : SIP  / 2.0\n  /UDP\n    192.0.2.2;branch=390skdjuw\n"
        'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam = new,\n  <sip:two@example.com>\n\n'
    )
    message = parse(text.encode())
    assert (via_of(message).host, via_of(message).params["branch"]) == ("192.0.2.2", "390skdjuw")
    assert cseq_of(message).seq == 9
    assert tag_of(message, "to") == "1918181833n"
    assert party(message.headers.get("from")[0]).display == 'J Rosenberg \\"'
    assert len(message.headers.get("contact")) == 2


def test_a_chinese_name_is_read_in_either_encoding() -> None:
    text = request("INVITE", From='"张三丰" <sip:13800138000@10.0.0.9>;tag=their')
    for encoding in ("utf-8", "gb18030"):
        message = parse(text.encode(encoding))
        assert isinstance(message, SipRequest)
        assert caller_of(message, trusted=False) == ("13800138000", "张三丰")


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:12345@10.0.0.1", "12345"),
        ("sip:%2312@10.0.0.1", "#12"),
        ("sip:#12@10.0.0.1", "#12"),
        ("tel:+86-21-12345", "+862112345"),
        ("tel:12345;phone-context=+8621", "12345"),
        ("sip:+862112345;phone-context=x@10.0.0.1;user=phone", "+862112345"),
        ("sip:alice:secret@10.0.0.1:5070", "alice"),
        ("sip:10.0.0.1", None),
        ("SIP:12345@[2001:db8::1]:5060", "12345"),
    ],
)
def test_the_number_is_found_in_every_kind_of_uri(uri: str, number: str | None) -> None:
    assert number_of(uri_of(uri)) == number


def test_brackets_and_commas_inside_a_quoted_name_do_not_confuse() -> None:
    value = '"a, <b> \\"c\\"" <sip:1@h;x=1>;tag=t, <sip:2@h>'
    first, second = commas(value)
    assert party(first).display == 'a, <b> "c"'
    assert party(first).uri.params == {"x": "1"}
    assert party(first).tag == "t"
    assert party(second).number == "2"


def test_without_brackets_parameters_belong_to_the_header() -> None:
    who = party("sip:1@h;tag=t;x=1")
    assert (who.raw_uri, who.params) == ("sip:1@h", {"tag": "t", "x": "1"})


@pytest.mark.parametrize(
    ("headers", "trusted", "caller"),
    [
        ({}, True, "13800138000"),
        ({"From": "<sip:anonymous@anonymous.invalid>;tag=t"}, True, None),
        ({"P_Asserted_Identity": "<tel:+8613911112222>"}, True, "+8613911112222"),
        ({"P_Asserted_Identity": "<tel:+8613911112222>"}, False, "13800138000"),
        ({"Privacy": "id;critical"}, True, None),
    ],
)
def test_the_caller_is_who_the_network_asserts_if_it_is_trusted(
    headers: dict[str, str], trusted: bool, caller: str | None
) -> None:
    assert caller_of(invite(**headers), trusted=trusted)[0] == caller


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        (lambda t: t.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), 505),
        (lambda t: t.replace("1 INVITE", "1 BYE"), 400),
        (lambda t: t.replace("Content-Length: 0", "Content-Length: 9999"), 400),
        (lambda t: t.replace("Content-Length: 0", "Content-Length: -999"), 400),
        (lambda t: t.replace("Call-ID: call-1", "Call-ID: call-1\r\nCall-ID: call-2"), 400),
    ],
)
def test_what_is_wrong_but_readable_can_be_refused(broken: object, status: int) -> None:
    assert callable(broken)
    with pytest.raises(Malformed) as wrong:
        parse(broken(request("INVITE")).encode())
    assert wrong.value.status == status
    assert isinstance(wrong.value.request, SipRequest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"INVITE sip:1@h\r\n\r\n",
        b"INVITE sip:a b@h SIP/2.0\r\n\r\n",
        b"SIP/2.0 4294967301 better not\r\n\r\n",
        request("INVITE").replace("Call-ID", "X-Call-ID").encode(),
        request("INVITE").replace("From", "X-From").encode(),
        request("INVITE").replace("1 INVITE", "99999999999999999999 INVITE").encode(),
        request("INVITE").replace("10.0.0.9:5062;branch", "10.0.0.9:99999;branch").encode(),
        b"x" * 70000,
        request("INVITE").replace("Max-Forwards: 70", "X: y\r\n" * 300).encode(),
    ],
)
def test_what_is_not_sip_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


def test_bytes_after_the_announced_body_are_not_part_of_it() -> None:
    message = parse(request("INVITE", body=SDP).encode() + b"garbage")
    assert message.body == SDP.encode()


def test_a_reply_keeps_what_finds_its_request() -> None:
    asked = invite(record_route="<sip:10.0.0.7;lr>")
    answer = parse(bytes(reply(asked, 180, ("10.0.0.99", 4444), to_tag="ours")))
    assert isinstance(answer, SipResponse)
    assert answer.reason_phrase == "Ringing"
    assert via_of(answer).params["rport"] == "4444"
    assert via_of(answer).params["received"] == "10.0.0.99"
    assert tag_of(answer, "to") == "ours"
    assert answer.headers.get("record-route") == ["<sip:10.0.0.7;lr>"]
    assert not tag_of(reply(asked, 100, ("10.0.0.99", 4444), to_tag="ours"), "to")


def test_a_reply_goes_where_the_sender_listens() -> None:
    asks = via_of(invite())
    silent = via_of(invite(via="SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKx"))
    assert where_to_reply(asks, ("10.0.0.9", 4444)) == ("10.0.0.9", 4444)
    assert where_to_reply(silent, ("10.0.0.9", 4444)) == ("10.0.0.9", 5060)
    assert where_to_reply(silent, ("203.0.113.5", 4444)) == ("203.0.113.5", 4444), "behind NAT"


def test_names_and_numbers_cannot_break_out_of_a_header() -> None:
    assert quoted('a"b\\c\r\nX: y') == '"a\\"b\\\\c  X: y" '
    assert sip_uri("1>\r\nX: y@z", "10.0.0.1") == "sip:1%3E%0D%0AX%3A%20y%40z@10.0.0.1"


WIRE = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda text, at, cut, put: text[:at] + put + text[at + cut :],
        st.sampled_from([request("INVITE", body=SDP).encode(), request("REGISTER").encode()]),
        st.integers(0, 600),
        st.integers(0, 40),
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from([b"\r\n", b'"', b"<", b";", b",", b"tel:", b"%", b"\xc4\xe3"]),
        ),
    ),
)


@settings(max_examples=300, deadline=None)
@given(WIRE)
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    try:
        message = parse(data)
    except Malformed:
        return
    # What was read can be written, and reads as the same.
    again = parse(bytes(message))
    assert again.headers.get("call-id") == message.headers.get("call-id")
    assert again.body == message.body
    if isinstance(message, SipRequest):
        reply(message, 200, ("10.0.0.9", 5062), to_tag="t")
        caller_of(message, trusted=True)
