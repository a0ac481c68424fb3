"""Phrases: an id, a text in each language, and where a value goes into it.

``prompts.toml`` holds the shipped ones: ``[queue.position] zh = "您前面还有{position:count}位"``.
A site's own file and a flow's own phrases come before them.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr import speech
from ivr.actions import LANGUAGES

SHIPPED = Path(__file__).with_name("prompts.toml")
TEXT_MAX = 1000
"""Characters of one phrase."""

_PLACE = re.compile(r"\{(\w+):(\w+)\}")
_HAN = re.compile(r"[\u3400-\u9fff〇]")
_LATIN = re.compile(r"[A-Za-z]")
_SPOKEN = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a phrase that is spoken as one: fixed words, or one value.

    `clip` is the name of the recording that replaces it, without ``.wav``; values have none.
    """

    text: str
    lang: str
    clip: str = ""

    @property
    def fixed(self) -> bool:
        """The same in every call, so worth keeping."""
        return bool(self.clip)


class PhraseError(ValueError):
    """A phrase table cannot be used: a sentence with the file, the phrase and what is wrong."""


def _as_date(value: str, lang: str) -> str:
    return speech.day(speech.when(value).date(), lang)


def _as_clock(value: str, lang: str) -> str:
    return speech.clock(speech.when(value).time(), lang)


def _as_text(value: str, lang: str) -> str:
    return re.sub(r"[0-9]+", lambda run: speech.digits(run[0][: speech.DIGITS_MAX], lang), value)


SPEAK: Mapping[str, Callable[[str, str], str]] = {
    "number": lambda value, lang: speech.number(int(value), lang),
    "count": lambda value, lang: speech.count(int(value), lang),
    "digits": speech.digits,
    "phone": speech.phone,
    "ticket": speech.ticket,
    "date": _as_date,
    "clock": _as_clock,
    "money": lambda value, lang: speech.money(int(value), lang),
    "text": _as_text,
    "state": lambda value, _: value,
}
"""Kinds of placeholder. `money` is in fen; `state` is a ticket state, spoken by the phrase state.NAME."""


class Phrases:
    """All phrases by id. Immutable; `also` gives a table with more."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]], source: str = "phrases") -> None:
        for id_, by_language in texts.items():
            for lang, text in by_language.items():
                _check(f"{source}: {id_}.{lang}", lang, text)
        self._texts = {id_: dict(by_language) for id_, by_language in texts.items()}

    @classmethod
    def load(cls, *paths: Path) -> "Phrases":
        """The shipped phrases, then those of each file; a later text replaces an earlier one."""
        phrases = cls({})
        for path in (SHIPPED, *paths):
            try:
                phrases = phrases.also(_flat(tomllib.loads(path.read_text("utf-8"))), path.name)
            except (tomllib.TOMLDecodeError, UnicodeError) as error:
                raise PhraseError(f"{path.name}: {error}") from None
        return phrases

    def also(self, texts: Mapping[str, Mapping[str, str]], source: str = "phrases") -> "Phrases":
        """These phrases with `texts` before them."""
        added = Phrases(texts, source)._texts
        merged = {id_: self._texts.get(id_, {}) | added.get(id_, {}) for id_ in self._texts | added}
        return Phrases(merged, source)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._texts

    def ids(self) -> list[str]:
        """Every phrase id, in order."""
        return sorted(self._texts)

    def text(self, id_: str, lang: str) -> str:
        """The template in this language, or in the first language that has one."""
        texts = self._texts[id_]
        return texts.get(lang) or next(texts[other] for other in LANGUAGES if texts.get(other))

    def languages(self, id_: str) -> set[str]:
        """The languages the phrase is written in."""
        return {lang for lang, text in self._texts[id_].items() if text}

    def variables(self, id_: str) -> set[str]:
        """The variables the phrase speaks, in any language."""
        return {name for text in self._texts[id_].values() for name, _ in _PLACE.findall(text)}

    def render(self, id_: str, values: Mapping[str, str], lang: str) -> list[Segment]:
        """The phrase in pieces. Empty when a value it speaks is missing or empty.

        KeyError for an unknown phrase. A value that is not of its kind is spoken as it
        stands. The script of a piece decides its voice: Hanzi are always read in Mandarin.
        """
        template = self.text(id_, lang)
        places = list(_PLACE.finditer(template))
        if not all(values.get(place[1]) for place in places):
            return []
        segments: list[Segment] = []
        start = 0
        for index, place in enumerate(places, 1):
            segments += _fixed(template[start : place.start()], lang, f"{id_}.{index}")
            segments += self._value(place[2], values[place[1]], lang)
            start = place.end()
        clip = f"{id_}.{len(places) + 1}" if places else id_
        return segments + _fixed(template[start:], lang, clip)

    def fixed(self, ids: Iterable[str], lang: str) -> list[Segment]:
        """Every fixed piece of these phrases, and of every ticket state if one of them speaks a state."""
        found: dict[Segment, None] = {}
        todo = list(ids)
        if any(kind == "state" for id_ in todo for _, kind in _PLACE.findall(self.text(id_, lang))):
            todo += [id_ for id_ in self._texts if id_.startswith("state.")]
        for id_ in todo:
            values = dict.fromkeys(self.variables(id_), "0")
            found |= {segment: None for segment in self.render(id_, values, lang) if segment.fixed}
        return list(found)

    def _value(self, kind: str, value: str, lang: str) -> list[Segment]:
        state = f"state.{value.lower()}"
        if kind == "state" and state in self._texts:
            return self.render(state, {}, lang)
        try:
            text = SPEAK[kind](value, lang)
        except ValueError:
            text = value
        return [Segment(text, _voice(text, lang))] if _SPOKEN.search(text) else []


def _fixed(text: str, lang: str, clip: str) -> list[Segment]:
    text = text.strip().lstrip("，。,.;；:：、 ")
    return [Segment(text, _voice(text, lang), clip)] if _SPOKEN.search(text) else []


def _voice(text: str, lang: str) -> str:
    if _HAN.search(text):
        return "zh"
    return "en" if _LATIN.search(text) else lang


def _check(where: str, lang: str, text: object) -> None:
    if lang not in LANGUAGES:
        raise PhraseError(f"{where}: there is no voice for “{lang}”, only {', '.join(LANGUAGES)}")
    if not isinstance(text, str) or not 0 < len(text) <= TEXT_MAX:
        raise PhraseError(f"{where}: a text of 1 to {TEXT_MAX} characters is needed")
    if re.search(r"[{}]", _PLACE.sub("", text)):
        raise PhraseError(f"{where}: a place for a value is written {{variable:kind}}")
    for _, kind in _PLACE.findall(text):
        if kind not in SPEAK:
            raise PhraseError(f"{where}: “{kind}” is not one of {', '.join(SPEAK)}")


def _flat(table: Mapping[str, object], prefix: str = "") -> dict[str, dict[str, str]]:
    """``[a.b] zh = …`` as ``{"a.b": {"zh": …}}``."""
    found: dict[str, dict[str, str]] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found.setdefault(prefix.removesuffix("."), {})[key] = value  # type: ignore[assignment]  # _check says so
    return found
