"""Full text of tickets: how text is cut into tokens, and what people type into conditions on them.

Chinese has no spaces, and word lists miss what they do not know: each character is a token and each
word typed is a phrase of them, so that a word is found wherever it stands. Letters and digits are
kept whole and found from their beginning; numbers and telephones by their last digits too. What
can be counted off (state, unit, kind …) is a token as well, in a column of its own, so that any
combination of conditions is one meeting of lists that are in order of time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from appliance.tickets.number import DIGITS, typed

if TYPE_CHECKING:
    from appliance.store.store import Store
    from appliance.tickets.finding import Query
    from appliance.tickets.way import Way

Text = tuple[str, str, str]
"""What stands in the full text of a ticket: words, citizen, keys; tokens with spaces between."""
WORDS, CITIZEN, KEYS = ("words",), ("citizen",), ("keys",)
"""The columns. `=_^` never come from a text, only from us."""
GAP = " = "
"""Between two fields: no word runs from one into the next."""
HOME = "home"
"""Names the tokens of where the citizen lives, which stand apart in the citizen's column."""
WORDS_MAX, WORD_CHARS, TOKENS_MAX = 8, 100, 100
WHOLE_CHARS = 100
PREFIX_CHARS = 2
"""A single letter or digit is only found as it stands."""
TAIL_DIGITS = 4
"""Numbers are looked for by so many first or last digits, or more."""
LATIN = "0123456789abcdefghijklmnopqrstuvwxyz"
_TOKEN = re.compile(rf"[{LATIN}]+|[^\W_]")
_ODD = re.compile(r"[^\x00-\x7f\u4e00-\u9fff，。：；、！？（）“”《》]")
"""Letters that may be another letter written differently; the marks here are left out anyhow."""
_LOOSE = re.compile(r"[-+()（）]")
_PLAIN = re.compile(r"[0-9a-z]+")
_ESCAPED = re.compile(r"[\x00-/:-`{-\x7f]")


def tokens(text: str) -> list[str]:
    """Cut a text: runs of Latin letters and digits whole, any other letter by itself, the rest left out."""
    return _TOKEN.findall(normal(text))


def normal(text: str) -> str:
    """One way of writing: the letters that are searched for, small."""
    if _ODD.search(text):
        text = unicodedata.normalize("NFKC", text)
    return text.lower()


def split(*texts: str) -> str:
    """Write texts as the index takes them: tokens with spaces, fields kept apart; of many: cutting.py."""
    return GAP.join(" ".join(tokens(text)) for text in texts if text)


def key(letter: str, value: str | int) -> str:
    """The token that says that a ticket has this value."""
    return f"{letter}={_ESCAPED.sub(_escape, str(value))}"


def named(name: str, text: str) -> str:
    """Write a text as that of one field alone: the field stands in each token."""
    mark = _mark(name)
    return " ".join(mark + token for token in tokens(text))


def whole(name: str, text: str) -> str:
    """The token that says that a field holds just this; empty when it is too long to be a word of a list."""
    token = f"{_mark(name)}={'='.join(tokens(text))}"
    return token if len(token) <= WHOLE_CHARS else ""


def number_keys(letter: str, number: str) -> list[str]:
    """The tokens by which a number is found from its beginning and from its end."""
    if not number:
        return []
    if not (number.isascii() and number.isdigit()):
        number = _ESCAPED.sub(_escape, _LOOSE.sub("", number))
    return [f"{letter}={number}", f"r={number[::-1]}"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens in a row in one of some columns; the last one may go on."""

    columns: tuple[str, ...]
    tokens: tuple[str, ...]
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Every:
    """All of these."""

    parts: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of these is enough."""

    parts: tuple[Match, ...]


Match = Phrase | Every | Either


class FullText(Protocol):
    """The full text of all tickets in one kind of database: the same answers from each."""

    def make(self, store: Store) -> None:
        """Make its table anew, empty."""
        ...

    def clear(self, store: Store) -> None:
        """Forget everything."""
        ...

    def put(self, store: Store, texts: Iterable[tuple[int, Text]]) -> None:
        """Index tickets that are not there yet, by their places."""
        ...

    def change(self, store: Store, doc: int, gone: Text, come: Text) -> None:
        """Take tokens of a ticket out and put others in; words change as a whole or not at all."""
        ...

    def remove(self, store: Store, doc: int, gone: Text) -> None:
        """Take a ticket out, with all its tokens."""
        ...

    def begin(self, store: Store) -> None:
        """Many tickets will be put in."""
        ...

    def merge(self, store: Store) -> None:
        """Bring together what was put in so far, so that what comes later is not merged with it each time."""
        ...

    def end(self, store: Store) -> None:
        """All are in."""
        ...

    def tids(self, match: Match) -> tuple[str, list[Any]]:
        """A statement that selects the ids of tickets, and its values."""
        ...

    def ways(self, store: Store) -> Ways:
        """How queries are answered."""
        ...


class Ways(Protocol):
    """Knows statements that answer queries; safe for threads."""

    def to_page(self, query: Query, wanted: int) -> Way:
        """To the first tickets in the order asked for."""
        ...

    def to_all(self, query: Query, most: float) -> Way:
        """To all of them, in any order, as far as `most`."""
        ...

    def to_rows(self, query: Query) -> Way:
        """To the narrow rows of all of them."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A condition, and conditions on its single tokens, by which it is told how rare it is."""

    match: Match
    tokens: tuple[Phrase, ...] = ()
    """None: rare, like a number."""
    any: bool = False
    """One of the tokens is enough; otherwise all must be there."""


def match_text(text: str, of_citizen: Match | None = None, of_home: Match | None = None) -> list[Wanted]:
    """The conditions for the words somebody typed, which all must be there; none when nothing was typed.

    `of_citizen` must hold too where something is found by the citizen's name or telephone, `of_home`
    where it is found by where the citizen lives.
    """
    if not text.strip():
        return []
    joined = typed(text)
    whole = len(joined) == DIGITS and all(char.isdecimal() or char in " -\u3000" for char in text)
    words = [joined] if whole else text.split()[:WORDS_MAX]
    wanted = [found for word in words if (found := _match_word(word[:WORD_CHARS], of_citizen, of_home))]
    return wanted or [NOTHING]


def match_citizen(text: str, of_citizen: Match | None = None) -> list[Wanted]:
    """The condition for words in the names of the citizen, and of whom the citizen speaks for, only."""
    return _match_within(CITIZEN, "", text, of_citizen)


def match_home(text: str, of_home: Match | None = None) -> list[Wanted]:
    """The condition for words in the citizen's own address only."""
    return _match_within(CITIZEN, _mark(HOME), text, of_home)


def match_named(name: str, text: str) -> list[Wanted]:
    """The condition for words in one field of a kind or category only."""
    return _match_within(WORDS, _mark(name), text)


def match_whole(name: str, text: str) -> list[Wanted]:
    """The condition that one field of a kind or category holds just this."""
    token = whole(name, text)
    return [Wanted(found := Phrase(WORDS, (token,)), (found,)) if token else NOTHING]


def match_number(letter: str, text: str, of_citizen: Match | None = None) -> list[Wanted]:
    """The condition for the first or last digits of a ticket number (n) or a telephone (p)."""
    if not text.strip():
        return []
    plain = typed(text)
    if not plain:
        return [NOTHING]
    if len(plain) < TAIL_DIGITS:
        return [Wanted(_and(Phrase(KEYS, (key(letter, plain),)), of_citizen))]
    return [Wanted(_and(_ends(letter, plain), of_citizen))]


def match_keys(letter: str, values: Iterable[str | int]) -> Wanted:
    """The condition for tickets with one of these values."""
    wanted = tuple(Phrase(KEYS, (key(letter, value),)) for value in dict.fromkeys(values))
    return Wanted(Either(wanted), wanted, any=True) if wanted else NOTHING


def phrase(columns: tuple[str, ...], cut: Sequence[str]) -> Phrase:
    """Tokens in a row; a last one of letters and digits may go on."""
    cut = cut[:TOKENS_MAX]
    goes_on = len(cut[-1]) >= PREFIX_CHARS and bool(_PLAIN.fullmatch(cut[-1]))
    return Phrase(columns, tuple(cut), goes_on)


def _ends(letter: str, digits: str) -> Match:
    """A number that begins or ends so."""
    begins, ends = key(letter, digits), key("r", digits[::-1])
    return Either((Phrase(KEYS, (begins,), goes_on=True), Phrase(KEYS, (ends,), goes_on=True)))


def _and(match: Match, also: Match | None) -> Match:
    return Every((match, also)) if also else match


def _mark(name: str) -> str:
    """What the tokens of a field begin with."""
    return f"{_ESCAPED.sub(_escape, name)}="


def _match_within(columns: tuple[str, ...], mark: str, text: str, also: Match | None = None) -> list[Wanted]:
    if not text.strip():
        return []
    cuts = [cut for word in text.split()[:WORDS_MAX] if (cut := tokens(word[:WORD_CHARS]))]
    if not cuts:
        return [NOTHING]
    found = [_marked(mark, phrase(columns, cut)) for cut in cuts]
    single = tuple(Phrase(columns, (token,)) for one in found for token in one.tokens)
    return [Wanted(_and(Every(tuple(found)), also), single)]


def _marked(mark: str, found: Phrase) -> Phrase:
    return replace(found, tokens=tuple(mark + token for token in found.tokens))


def _match_word(word: str, of_citizen: Match | None, of_home: Match | None) -> Wanted | None:
    cut = tokens(word)
    if not cut:
        return None
    ways: list[Match]
    if of_citizen:
        ways = [phrase(WORDS, cut), _and(phrase(CITIZEN, cut), of_citizen)]
    else:  # the same, and each list is gone along only once
        ways = [phrase(WORDS + CITIZEN, cut)]
    ways.append(_and(_marked(_mark(HOME), phrase(CITIZEN, cut)), of_home))
    digits = _LOOSE.sub("", unicodedata.normalize("NFKC", word))
    number = digits.isascii() and digits.isdigit() and len(digits) >= TAIL_DIGITS
    if number:
        ways.append(Phrase(KEYS, (key("n", digits),), goes_on=True))
        ways.append(_and(_ends("p", digits), of_citizen))
    single = () if number else tuple(Phrase(WORDS, (token,)) for token in dict.fromkeys(cut))
    return Wanted(Either(tuple(ways)), single)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return f"^{char.lower()}" if char.isalpha() else f"_{ord(char):02x}"


NOTHING = Wanted(Phrase(KEYS, ("=",)))
"""Found nowhere: that token stands in no ticket's keys."""
