"""Templates of letters: what ships can be printed, and whatever stands in a ticket is text."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.letters.document import Document, Grid, fingerprint, frozen, plain, thawed, words_of
from appliance.letters.fields import PLACEHOLDERS
from appliance.letters.shipped import FOLDER, ORDER, shipped
from appliance.letters.template import PRINTERS, Template, asked, check, fill
from appliance.people import ROLES
from appliance.refused import Refused

NAMED = {name: f"〔{place.zh}〕" for name, place in PLACEHOLDERS.items()}
SLIP = Template("slip", "单", "Slip", "slip", "标题", "{{content}}\n", "AG")


def filled(body: str, facts: Mapping[str, str]) -> Document:
    return fill(msgspec.structs.replace(SLIP, body=body), facts, "", 0.0)


def test_whoever_works_on_tickets_may_be_let_print() -> None:
    assert set(PRINTERS) == set(ROLES) - {"TE"}


def test_every_file_of_the_folder_is_a_template_of_the_menu() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(ORDER)


@pytest.mark.parametrize("key", ORDER)
def test_what_ships_could_be_published_and_says_all_it_is_told(key: str) -> None:
    template = shipped()[key]
    check(template)
    said = "\n".join(words_of(fill(template, NAMED, "", 0.0)))
    assert "{{" not in said
    assert all(NAMED[name] in said for name in asked(template))


@pytest.mark.parametrize("key", ORDER)
def test_what_ships_has_a_title_and_no_empty_paragraph_with_the_least_facts(key: str) -> None:
    document = fill(shipped()[key], {}, "", 0.0)
    assert all(
        text.strip() for block in document.blocks if not isinstance(block, Grid) for text in [block.text]
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"body": "{{nobody_knows}}"}, "{{nobody_knows}}"),
        ({"title": "{{content}"}, "brackets"),
        ({"roles": "AG XX"}, "roles"),
        ({"roles": ""}, "roles"),
        ({"form": "poster"}, "lists"),
        ({"sealed": "mine"}, "lists"),
        ({"sealed": "unit", "signer": "{{centre}}"}, "{{unit}} sign"),
        ({"body": " \n"}, "needs"),
        ({"body": "字" * 10_001}, "10001"),
        ({"numbered": True}, "number"),
        ({"body": "|" + "a|" * 9}, "8 cells"),
    ],
)
def test_a_template_that_could_not_be_printed_is_refused_with_what_to_change(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        check(msgspec.structs.replace(SLIP, **changes))


def test_lines_become_rows_headings_and_paragraphs() -> None:
    document = filled("# 一、{{title}}\n正文\n| 甲 | {{title}} | 乙 | |\n> 右\n", {"title": "路灯"})
    heading, text, grid, right = document.blocks
    assert [getattr(block, "style", "") for block in (heading, text, right)] == ["heading", "body", "right"]
    assert isinstance(grid, Grid)
    assert grid.rows == (("甲", "路灯", "乙", ""),)


def test_several_lines_of_a_fact_are_several_paragraphs_and_none_is_none() -> None:
    assert len(filled("{{content}}\n{{result}}\n", {"content": "一\n\n二"}).blocks) == 2


@given(hostile=st.text(max_size=60))
def test_any_hostile_fact_stays_text_and_never_becomes_markup(hostile: str) -> None:
    document = filled("x{{content}}\n| 甲 | {{content}} |\n", {"content": hostile + " | {{phone}} # "})
    assert sum(isinstance(block, Grid) for block in document.blocks) == 1
    grid = document.blocks[-1]
    assert isinstance(grid, Grid)
    assert len(grid.rows) == 1
    assert len(grid.rows[0]) == 2
    assert "{{phone}}" in grid.rows[0][1]


@given(text=st.text(max_size=200))
def test_any_text_is_plain_when_printed_and_plain_again(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert not any(ord(char) < 32 and char != "\n" for char in once)
    assert "\u202e" not in once


@given(title=st.text(max_size=40), seal=st.text(alphabet="0123456789abcdef", min_size=64, max_size=64))
def test_any_frozen_document_thaws_to_the_same_content(title: str, seal: str) -> None:
    document = Document("letter", plain(title), (Grid((("甲", "乙"),)),), seal=seal, made_s=5.0)
    assert thawed(frozen(document)) == document
    assert fingerprint(thawed(frozen(document))) == fingerprint(document)


def test_every_placeholder_is_told_in_the_manual_and_nothing_else() -> None:
    manual = (Path(__file__).parent.parent / "appliance" / "letters" / "README.md").read_text("utf-8")
    told = re.findall(r"^\| `\{\{(\w+)\}\}` \|", manual, re.M)
    assert sorted(told) == sorted([*PLACEHOLDERS] * 2), "in English and in Chinese"
