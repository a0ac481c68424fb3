"""Passwords are proved without being said."""

import pytest

from hardware.sip.digest import Challenger, Credentials, Verdict, fields, ha1

REALM = "http-auth@example.org"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_come_out(algorithm: str, response: str) -> None:
    # §3.9.1
    credentials = Credentials(
        "Mufasa",
        REALM,
        ha1("Mufasa", REALM, "Circle of Life"),
        ha1("Mufasa", REALM, "Circle of Life", "SHA-256"),
    )
    challenge = (
        f'Digest realm="{REALM}", qop="auth, auth-int", algorithm={algorithm}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    said = credentials.answer(
        challenge, "GET", "/dir/index.html", cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    )
    assert said is not None
    assert fields(said)["response"] == response
    assert fields(said)["opaque"] == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    assert "qop=auth," in said
    assert "nc=00000001" in said


def test_the_example_of_rfc_2617_without_qop_comes_out() -> None:
    # §3.5 with the qop left away, as RFC 2069 peers do.
    credentials = Credentials(
        "Mufasa", "testrealm@host.com", ha1("Mufasa", "testrealm@host.com", "Circle Of Life")
    )
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    said = credentials.answer(challenge, "GET", "/dir/index.html")
    assert said is not None
    assert fields(said)["response"] == "670fd8c2df070c60b045671b8b24ff02"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_both_sides_agree_until_the_nonce_is_too_old(algorithm: str) -> None:
    secret = ha1("8001", "box", "geheim", algorithm)
    ours = Challenger("box", b"key", algorithm, life_s=300)
    theirs = Credentials("8001", "box", ha1("8001", "box", "geheim"), ha1("8001", "box", "geheim", "SHA-256"))
    said = theirs.answer(ours.challenge(1000.0), "INVITE", "sip:1@h")
    assert said is not None
    assert ours.check(fields(said), secret, "INVITE", 1200.0) is Verdict.RIGHT
    assert ours.check(fields(said), secret, "INVITE", 1301.0) is Verdict.STALE
    assert ours.check(fields(said), secret, "BYE", 1200.0) is Verdict.WRONG
    assert ours.check(fields(said), ha1("8001", "box", "other", algorithm), "INVITE", 1200.0) is Verdict.WRONG
    restarted = Challenger("box", b"another key", algorithm)
    assert restarted.check(fields(said), secret, "INVITE", 1200.0) is Verdict.STALE
    assert "stale=true" in ours.challenge(1301.0, stale=True)


def test_a_nonce_nobody_gave_out_opens_nothing() -> None:
    secret = ha1("8001", "box", "geheim")
    ours = Challenger("box", b"key")
    for nonce in ("", "x", "zz.00.00", "..", "ffffffffff.00000000.0000000000000000"):
        said = Credentials("8001", "box", secret).answer(
            f'Digest realm="box", nonce="{nonce}"', "INVITE", "sip:1@h"
        )
        assert said is None or ours.check(fields(said), secret, "INVITE", 5.0) is not Verdict.RIGHT
    assert ours.check({}, secret, "INVITE", 5.0) is Verdict.WRONG


def test_commas_inside_quotes_do_not_end_a_value() -> None:
    said = fields('Digest username="8001", realm="a, b", Nonce="n,1", qop=auth, uri="sip:1@h;x=1,2"')
    assert said == {
        "username": "8001",
        "realm": "a, b",
        "nonce": "n,1",
        "qop": "auth",
        "uri": "sip:1@h;x=1,2",
    }


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="box"',
        'Digest realm="other", nonce="n"',
        'Digest realm="box", nonce="n", algorithm=SHA-512-256',
        'Digest realm="box", nonce="n", qop="auth-int"',
        'Digest realm="box"',
    ],
)
def test_a_challenge_that_is_not_for_us_is_not_answered(challenge: str) -> None:
    assert Credentials("8001", "box", ha1("8001", "box", "pw")).answer(challenge, "INVITE", "sip:1@h") is None
