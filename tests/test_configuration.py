"""hotline.toml: what is wrong is named by file, line and key, and is never half used."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.commands.run import DEMO_SETTINGS
from appliance.configuration import LAST_GOOD, BadConfiguration, Configuration, load, parse
from appliance.places import Places

NAME = "hotline.toml"
WRONG = {
    "a key that does not exist": ('[site]\nnumber = 1\ncolour = "red"\n', 3, "site.colour"),
    "a table that does not exist": ("demo = true\n\n[sips]\nport = 5060\n", 3, "sips"),
    "a word where a number belongs": ('[web]\nip = "127.0.0.1"\nport = "8010"\n', 3, "web.port"),
    "a port that does not exist": ("[sip]\nport = 70000\n", 2, "sip.port"),
    "an odd RTP port": ("[sip]\nlines = 8\nrtp_base = 20001\n", 3, "sip.rtp_base"),
    "too many lines": ("[sip]\nlines = 5000\n", 2, "sip.lines"),
    "a role nobody plays": ('[site]\nrole = "boss"\n', 2, "site.role"),
    "the hub's number at a site": ("[site]\nnumber = 0\n", 2, "site.number"),
    "a language not spoken": ('[site]\nlanguage = "fr"\n', 2, "site.language"),
    "a phone without password": ('[[extension]]\nnumber = "8101"\nkind = "sip"\n', 2, "extension.number"),
    "a box closed to everybody": ("[sip]\nclosed = true\n", 2, "sip.closed"),
    "a network that is none": ('[sip]\nallow = ["here"]\n', 2, "sip.allow"),
    "TLS where SIP is": ("[sip]\ntls_port = 5060\n", 2, "sip.tls_port"),
    "voice sealed by magic": ('[sip]\nsrtp = "yes"\n', 2, "sip.srtp"),
    "silence too short to mean anything": ("[sip]\nsilent_s = 3\n", 2, "sip.silent_s"),
    "a trunk by no transport": ('[[trunk]]\nname = "t"\nhost = "h"\ntransport = "x"\n', 4, "trunk.transport"),
    "a trunk that is nowhere": ('[[trunk]]\nname = "city"\nhost = "a b"\n', 3, "trunk.host"),
    "a trunk that cannot register": (
        '[[trunk]]\nname = "t"\nhost = "h"\nregister = true\n',
        4,
        "trunk.register",
    ),
    "a trunk from no network": ('[[trunk]]\nname = "t"\nhost = "h"\nallow = ["1.2.3"]\n', 4, "trunk.allow"),
    "a notification by a service that is none": ('[campaign]\nservice = "x"\n', 2, "campaign.service"),
    "a notification by less than no line": ("[campaign]\nlines = -1\n", 2, "campaign.lines"),
    "a number that wants no calls and is none": (
        '[campaign]\ndo_not_call = ["x"]\n',
        2,
        "campaign.do_not_call",
    ),
    "a phone of no kind": ('[[extension]]\nnumber = "8101"\nkind = "fax"\n', 3, "extension.kind"),
    "a phone without number": ('demo = true\n[[extension]]\nkind = "browser"\n', 2, "extension"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_error_names_file_line_and_key(what: str) -> None:
    text, line, key = WRONG[what]
    with pytest.raises(BadConfiguration) as error:
        parse(text, NAME)
    assert str(error.value).startswith(f"{NAME}, line {line}, key {key}: ")
    assert str(error.value).endswith("Correct this value.")


def test_what_is_not_toml_is_named_by_line() -> None:
    with pytest.raises(BadConfiguration, match=r"^hotline.toml, line 3: .*Correct this line\.$"):
        parse('[site]\nnumber = 1\nname = "open\n', NAME)


def test_the_line_is_that_of_the_table_which_holds_the_key() -> None:
    text = "[web]\nport = 8010\n[sip]\nport = 0\n"
    with pytest.raises(BadConfiguration, match=r"line 4, key sip\.port"):
        parse(text, NAME)


def test_the_faulty_one_of_several_extensions_is_named() -> None:
    text = (
        '[[extension]]\nnumber = "8101"\nkind = "sip"\npassword = "x"\n'
        '[[extension]]\nnumber = "8102"\nkind = "sip"\n'
    )
    with pytest.raises(BadConfiguration, match=r"line 6, key extension\.number: .*8102"):
        parse(text, NAME)


def test_what_is_not_written_has_a_default() -> None:
    assert parse("", NAME) == Configuration()
    assert parse("[sip]\nport = 5080\n", NAME).sip.lines == Configuration().sip.lines


def test_the_demo_s_settings_are_good() -> None:
    assert parse(DEMO_SETTINGS.read_text("utf-8"), NAME).demo


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(Places(tmp_path)) == Configuration()


def test_the_last_good_configuration_stays_in_force(tmp_path: Path) -> None:
    places, warnings = Places(tmp_path), list[str]()
    places.settings.write_text("[web]\nport = 8099\n")
    assert load(places, warnings).web.port == 8099
    places.settings.write_text("[web]\nport = 80990\n")
    assert load(places, warnings).web.port == 8099
    assert len(warnings) == 1
    assert "hotline.toml, line 2, key web.port" in warnings[0]
    assert warnings[0].endswith("The last good configuration stays in force.")


def test_a_file_that_is_no_text_is_not_used_either(tmp_path: Path) -> None:
    places, warnings = Places(tmp_path), list[str]()
    places.settings.write_text("[web]\nport = 8099\n")
    load(places)
    places.settings.write_bytes(b"\xff\xfe[web]")
    assert load(places, warnings).web.port == 8099
    assert warnings


def test_a_bad_file_with_nothing_before_it_is_refused(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.settings.write_text("[web]\nport = 0\n")
    with pytest.raises(BadConfiguration):
        load(places)
    assert not (tmp_path / LAST_GOOD).exists()


@given(st.text(max_size=300) | st.text("[]=\"\n.#'1eiwptsrno ", max_size=80))
def test_any_text_is_a_configuration_or_a_sentence(text: str) -> None:
    try:
        parse(text, NAME)
    except BadConfiguration as error:
        said = str(error)
    else:
        said = f"{NAME}, line 1 and all others are good"
    assert said.startswith(f"{NAME}, line ")
