"""Which language a person reads, and the words of that language.

Pages are written in English and shown through one catalogue, ``hotline``; its source is
``appliance/locale/<language>/LC_MESSAGES/hotline.po``. The compiled form is made in the
data folder when the pages start, so nothing compiled is kept with the source.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, current_app, has_request_context, request
from flask_babel import Babel, get_locale, gettext

from web.context import actor

DOMAIN = "hotline"
SOURCE = Path(__file__).parent.parent / "appliance" / "locale"
SCRIPTS = Path(__file__).parent / "static" / "js"
LANGUAGES = {"zh_CN": "中文", "en": "English"}
COOKIE = "language"
SHORT = {"zh": "zh_CN", "en": "en"}
"""Names of languages in the configuration, and in people's settings."""

_ASKED = re.compile(r'\bt\(\s*"((?:[^"\\]|\\.)+)"')


def install(app: Flask, compiled: Path, default: str) -> None:
    """Give the application its languages; `compiled` is a folder it may write, `default` zh or en."""
    compile_catalogues(compiled)
    app.config["BABEL_DEFAULT_TIMEZONE"] = "UTC"
    app.config["FIRST_LANGUAGE"] = SHORT.get(default, "zh_CN")
    app.jinja_env.globals.update(languages=LANGUAGES, language=language)
    Babel(
        app,
        default_locale=app.config["FIRST_LANGUAGE"],
        default_domain=DOMAIN,
        default_translation_directories=str(compiled),
        locale_selector=chosen,
    )


def chosen() -> str:
    """Return the language of this request: chosen here, by this person elsewhere, or the browser's."""
    if not has_request_context():
        return str(current_app.config["FIRST_LANGUAGE"])
    cookie = request.cookies.get(COOKIE, "")
    if cookie in LANGUAGES:
        return cookie
    person = actor()
    if person is not None and person.language in SHORT:
        return SHORT[person.language]
    best = request.accept_languages.best_match(["zh-CN", "zh", "en"])
    return SHORT[best[:2]] if best else str(current_app.config["FIRST_LANGUAGE"])


def language() -> str:
    """Return the language of this page as HTML wants it: zh-CN or en."""
    return str(get_locale() or "zh_CN").replace("_", "-").replace("-Hans", "")


def is_chinese() -> bool:
    """Tell whether this page is read in Chinese."""
    return language().startswith("zh")


def compile_catalogues(compiled: Path) -> None:
    """Write the binary catalogues gettext reads, where they are older than their source."""
    for source in SOURCE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"):
        name = str(Locale.parse(source.parent.parent.name))  # zh_CN is looked for as zh_Hans_CN
        target = compiled / name / "LC_MESSAGES" / f"{DOMAIN}.mo"
        if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as lines:
            catalogue = read_po(lines)
        fresh = target.with_suffix(".fresh")
        with fresh.open("wb") as file:
            write_mo(file, catalogue)
        fresh.replace(target)


def extract_scripts(
    file: BinaryIO, *_: object, options: object = None
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Find the messages of a script for pybabel (see babel.cfg)."""
    for message in _messages(file.read().decode("utf-8")):
        yield 1, "t", message, []


@cache
def asked_by_scripts() -> tuple[str, ...]:
    """Return every message the scripts show, as written in their ``t("…")``."""
    texts = (path.read_text("utf-8") for path in sorted(SCRIPTS.rglob("*.js")))
    found = {message for text in texts for message in _messages(text)}
    return tuple(sorted(found))


def _messages(text: str) -> list[str]:
    return [message.replace('\\"', '"') for message in _ASKED.findall(text)]


def words_for_scripts() -> dict[str, str]:
    """Return the scripts' messages in the language of this page."""
    return {message: gettext(message) for message in asked_by_scripts()}
