"""What voice is agreed on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.line import RtpRoute
from hardware.sip.sdp import BadSdp, Local, NothingCommon, answer, offer, read

OURS = Local("10.0.0.1", 20004, 77)


def described(*media: str, c: str = "IN IP4 10.0.0.9") -> bytes:
    return (
        "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\n" + f"c={c}\r\nt=0 0\r\n" + "\r\n".join(media) + "\r\n"
    ).encode()


def test_the_first_common_codec_of_the_offer_is_taken() -> None:
    assert read(described("m=audio 7000 RTP/AVP 18 0 8"))[1].route == RtpRoute("10.0.0.9", 7000, 0)
    assert read(described("m=audio 7000 RTP/AVP 9 8 0"))[1].route == RtpRoute("10.0.0.9", 7000, 8)


def test_events_at_other_rates_than_ours_are_not_taken_for_ours() -> None:
    offered = described(
        "m=audio 7000 RTP/AVP 96 8 101 97 102",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:101 telephone-event/48000",
        "a=rtpmap:97 telephone-event/16000",
        "a=rtpmap:102 telephone-event/8000",
    )
    assert read(offered)[1].route == RtpRoute("10.0.0.9", 7000, 8, 102)


def test_a_payload_number_given_to_another_codec_is_not_ours() -> None:
    with pytest.raises(NothingCommon):
        read(described("m=audio 7000 RTP/AVP 8", "a=rtpmap:8 L16/44100"))


@pytest.mark.parametrize(
    ("attribute", "c", "route", "said"),
    [
        ("a=sendrecv", "10.0.0.9", True, "sendrecv"),
        ("a=sendonly", "10.0.0.9", False, "recvonly"),
        ("a=recvonly", "10.0.0.9", True, "sendonly"),
        ("a=inactive", "10.0.0.9", False, "inactive"),
        ("a=sendrecv", "0.0.0.0", False, "recvonly"),
    ],
)
def test_hold_is_mirrored(attribute: str, c: str, route: bool, said: str) -> None:
    offered, voice = read(described("m=audio 7000 RTP/AVP 8", attribute, c=f"IN IP4 {c}"))
    assert (voice.route is not None) is route
    assert f"a={said}\r\n" in answer(offered, voice, OURS).decode()


def test_other_media_are_refused_in_their_place() -> None:
    offered, voice = read(
        described(
            "m=video 7002 RTP/AVP 31",
            "m=audio 7000 RTP/AVP 8",
            "m=audio 7004 RTP/AVP 8",
            "m=image 1 udptl t38",
        )
    )
    text = answer(offered, voice, OURS).decode()
    assert [line for line in text.split("\r\n") if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 31",
        "m=audio 20004 RTP/AVP 8",
        "m=audio 0 RTP/AVP 8",
        "m=image 0 udptl t38",
    ]


@pytest.mark.parametrize(
    "media",
    ["m=audio 7000 RTP/AVP 18", "m=audio 0 RTP/AVP 8", "m=audio 7000 RTP/SAVP 8", "m=video 1 RTP/AVP 8"],
)
def test_without_anything_common_there_is_nothing_to_agree(media: str) -> None:
    with pytest.raises(NothingCommon):
        read(described(media))


def test_an_address_that_is_a_name_is_not_taken() -> None:
    with pytest.raises(NothingCommon):
        read(described("m=audio 7000 RTP/AVP 8", c="IN IP4 phone.example"))


@pytest.mark.parametrize("body", [b"", b"v=0\r\n", b"v=x\r\nm=audio x RTP/AVP 8\r\n", b"\xff\xfe"])
def test_what_is_not_sdp_is_bad(body: bytes) -> None:
    with pytest.raises(BadSdp):
        read(body)


def test_our_own_offer_can_be_read_by_us() -> None:
    _, voice = read(offer(OURS))
    assert voice.route == RtpRoute("10.0.0.1", 20004, 8, 101)
    _, six = read(offer(Local("2001:db8::1", 20004, 77)))
    assert six.route == RtpRoute("2001:db8::1", 20004, 8, 101)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=80).map(lambda t: described(f"m=audio 7000 RTP/AVP 8 {t}", t)),
    )
)
def test_any_body_is_agreed_on_or_refused(body: bytes) -> None:
    try:
        offered, voice = read(body)
    except (BadSdp, NothingCommon):
        return
    assert answer(offered, voice, OURS)
