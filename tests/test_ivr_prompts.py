"""Phrases, their texts and what goes into them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.prompts import SPEAK, PhraseError, Phrases

PHRASES = Phrases.load()
STATES = [
    "REGISTERED",
    "NEED_INFO",
    "VERIFYING",
    "REJECT_REVIEW",
    "REJECTED",
    "MERGED",
    "WITHDRAWN",
    "ACCEPTED",
    "SELF_HANDLING",
    "DISPATCHED",
    "HANDLING",
    "RETURN_REVIEW",
    "SUSPENDED",
    "TRANSFERRED",
    "FEEDBACK",
    "CHECKING",
    "CALLBACK",
    "CALLBACK_NA",
    "DISSAT_REVIEW",
    "CLOSE_REVIEW",
    "CLOSED",
    "UNDER_REVIEW",
    "REVIEWED",
    "UNDER_RECHECK",
    "FINAL",
    "ARCHIVED",
]


def said(id_: str, lang: str = "zh", **values: str) -> list[str]:
    return [segment.text for segment in PHRASES.render(id_, values, lang)]


def test_every_shipped_phrase_is_there_in_both_languages_with_the_same_values() -> None:
    for id_ in PHRASES.ids():
        assert PHRASES.languages(id_) == {"zh", "en"}, id_
        for lang in ("zh", "en"):
            values = dict.fromkeys(PHRASES.variables(id_), "7")
            spoken = PHRASES.render(id_, values, lang)
            assert len([s for s in spoken if not s.fixed]) == len(values), id_
            assert not any(sign in "0123456789" for s in spoken if s.fixed for sign in s.text), id_


def test_every_state_a_citizen_may_hear_has_words() -> None:
    for state in STATES:
        assert said("ticket.state", state=state)[1] == PHRASES.text(f"state.{state.lower()}", "zh")


def test_a_phrase_is_split_so_that_its_fixed_words_are_spoken_once() -> None:
    segments = PHRASES.render("queue.position", {"position": "2"}, "zh")
    assert [(s.text, s.fixed, s.clip) for s in segments] == [
        ("您现在排在第", True, "queue.position.1"),
        ("二", False, ""),
        ("位。", True, "queue.position.2"),
    ]


def test_a_phrase_without_its_value_is_not_spoken() -> None:
    assert said("ticket.unit", unit="") == []
    assert said("ticket.unit") == []


def test_the_script_of_a_text_chooses_its_voice() -> None:
    assert [s.lang for s in PHRASES.render("menu.language", {}, "zh")] == ["en"]
    assert [s.lang for s in PHRASES.render("ticket.unit", {"unit": "城管局"}, "en")] == ["en", "zh"]


def test_figures_in_a_free_text_are_said_one_by_one() -> None:
    assert said("ticket.unit", unit="第12中学")[1] == "第一二中学"


def test_a_date_with_its_time_is_said_as_a_date() -> None:
    assert said("ticket.updated", updated="2026-11-22T15:04:05+08:00")[1] == "二〇二六年十一月二十二日"


@given(st.sampled_from(sorted(SPEAK)), st.text(max_size=30), st.sampled_from(["zh", "en"]))
def test_any_value_is_said_or_left_out_but_never_fails(kind: str, value: str, lang: str) -> None:
    phrase = Phrases({"p": {"zh": f"前{{v:{kind}}}后", "en": f"before {{v:{kind}}} after"}})
    segments = phrase.render("p", {"v": value}, lang)
    assert all(segment.text for segment in segments)


def test_a_site_can_say_it_in_its_own_words(tmp_path: Path) -> None:
    own = tmp_path / "site.toml"
    own.write_text('[welcome]\nzh = "您好，海州市欢迎您。"\n[extra.word]\nzh = "新"\n', "utf-8")
    phrases = Phrases.load(own)
    assert phrases.text("welcome", "zh") == "您好，海州市欢迎您。"
    assert phrases.text("welcome", "en") == PHRASES.text("welcome", "en")
    assert phrases.text("extra.word", "en") == "新"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[a]\nzh = "{x}"', "site.toml: a.zh: a place for a value is written"),
        ('[a]\nzh = "{x:shout}"', "site.toml: a.zh: “shout” is not one of number"),
        ('[a]\nfr = "x"', "site.toml: a.fr: there is no voice for “fr”"),
        ("[a]\nzh = 5", "site.toml: a.zh: a text of 1 to"),
        ('[a]\nzh = ""', "site.toml: a.zh: a text of 1 to"),
        ("[a", "site.toml: "),
        ("a = 5", "site.toml: "),
    ],
)
def test_a_table_that_cannot_be_spoken_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    own = tmp_path / "site.toml"
    own.write_text(text, "utf-8")
    with pytest.raises(PhraseError) as refused:
        Phrases.load(own)
    assert sentence in str(refused.value)
