"""The pages speak Chinese and English, and nothing is left untranslated."""

import json
import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

import web as package
from tests.web_pages import Web, open_web
from web.language import COOKIE, SOURCE, asked_by_scripts

ROOT = Path(package.__file__).parent.parent
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "lazy_gettext": None,
    "t": (1,),
    "Refused": (2,),
}
PLACES = re.compile(r"%\(\w+\)s|\{\w+\}|%%")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    return read_po(BytesIO((SOURCE / "zh_CN" / "LC_MESSAGES" / "hotline.po").read_bytes()))


def wanted() -> set[str]:
    """Every message pages, scripts and refusals show."""
    found = set()
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        mapping, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]  # it has no types
    for folder in ("appliance", "sync", "web"):
        methods = [(p.removeprefix(f"{folder}/"), m) for p, m in mapping if p.startswith(folder)]
        rules = {p.removeprefix(f"{folder}/"): o for p, o in options.items()}
        rows = extract_from_dir(str(ROOT / folder), methods, rules, keywords=KEYWORDS)
        found |= {str(row[2]) for row in rows}
    return found


def test_every_message_has_a_chinese_translation(chinese: Catalog) -> None:
    translated = {str(m.id) for m in chinese if m.id and m.string and not m.fuzzy}
    assert wanted() - translated == set()


def test_the_catalogue_holds_nothing_that_is_never_shown(chinese: Catalog) -> None:
    assert {str(m.id) for m in chinese if m.id} - wanted() == set()


def test_translations_keep_every_place_that_is_filled_in(chinese: Catalog) -> None:
    for message in chinese:
        assert sorted(PLACES.findall(str(message.id))) == sorted(PLACES.findall(str(message.string))), (
            message.id
        )


def test_chinese_sentences_use_chinese_punctuation(chinese: Catalog) -> None:
    latin = re.compile(r"[\u4e00-\u9fff][,;?!]|[,;?!][\u4e00-\u9fff]")
    assert [m.string for m in chinese if latin.search(str(m.string))] == []


def test_scripts_find_the_words_they_ask_for(web: Web) -> None:
    page = web.visitor("1001").get("/desk").text
    found = re.search(r'id="words">(.*?)</script>', page)
    assert found
    words = json.loads(found.group(1))
    assert set(words) == set(asked_by_scripts())
    assert words["Ready, waiting for calls"] == "就绪，等待来电"


def test_chinese_is_spoken_to_whoever_says_nothing(web: Web) -> None:
    answer = web.app.test_client().get("/sign-in")
    assert '<html lang="zh-CN">' in answer.text
    assert "工作人员登录" in answer.text


def test_english_is_spoken_to_an_english_browser(web: Web) -> None:
    page = web.visitor(language="en-US,en;q=0.9").get("/sign-in").text
    assert '<html lang="en">' in page
    assert "Staff sign-in" in page


def test_the_language_chosen_wins_over_the_browsers_and_stays(web: Web) -> None:
    visitor = web.visitor("1002", "en-US")
    answer = visitor.post("/language", language="zh_CN", next="/password")
    assert answer.headers["Location"] == "/password"
    assert "修改密码" in visitor.get("/password").text
    visitor.client.delete_cookie(COOKIE)
    assert "修改密码" in visitor.get("/password").text, "it is remembered for the person too"


def test_an_unknown_language_changes_nothing(web: Web) -> None:
    visitor = web.visitor()
    visitor.post("/language", language="xx", next="/sign-in")
    assert "工作人员登录" in visitor.get("/sign-in").text
