"""Full text of tickets: how text is cut into tokens, and what people type into an FTS5 query.

Chinese has no spaces, and word lists miss what they do not know: each character is a token and each
word typed is a phrase of them, so that a word is found wherever it stands. Letters and digits are
kept whole and found from their beginning; numbers and telephones by their last digits too. What
can be counted off (state, unit, kind …) is a token as well, in a column of its own, so that any
combination of conditions is one meeting of lists that are in order of time.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from appliance.tickets.number import DIGITS, typed

MAKE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS ticket_text USING fts5(words, citizen, keys, content='',"
    " columnsize=0, tokenize=\"ascii tokenchars '=_^'\")"
)
"""Contentless: what is in it follows from the ticket. `=_^` never come from a text, only from us."""
SETTINGS = (("automerge", 8), ("crisismerge", 16))
FILLING = (("automerge", 0), ("crisismerge", 1999))
"""While all is indexed anew nothing is merged; in the end all is, once: else steps would pay for it."""
SET = "INSERT INTO ticket_text (ticket_text, rank) VALUES (?, ?)"
MERGE_ALL = "INSERT INTO ticket_text (ticket_text) VALUES ('optimize')"
INSERT = "INSERT INTO ticket_text (rowid, words, citizen, keys) VALUES (?, ?, ?, ?)"
DELETE = "INSERT INTO ticket_text (ticket_text, rowid, words, citizen, keys) VALUES ('delete', ?, ?, ?, ?)"
DELETE_ALL = "INSERT INTO ticket_text (ticket_text) VALUES ('delete-all')"

GAP = " = "
"""Between two fields: no word runs from one into the next."""
WORDS_MAX, WORD_CHARS, TOKENS_MAX = 8, 100, 100
PREFIX_CHARS = 2
"""A single letter or digit is only found as it stands."""
TAIL_DIGITS = 4
"""Numbers are looked for by so many first or last digits, or more."""
_TOKEN = re.compile(r"[0-9a-z]+|[^\W_]")
_ODD = re.compile(r"[^\x00-\x7f\u4e00-\u9fff，。：；、！？（）“”《》]")
"""Letters that may be another letter written differently; the marks here are left out anyhow."""
_LOOSE = re.compile(r"[-+()（）]")
_PLAIN = re.compile(r"[0-9a-z]+")
_ESCAPED = re.compile(r"[\x00-/:-`{-\x7f]")


def tokens(text: str) -> list[str]:
    """Cut a text: runs of Latin letters and digits whole, any other letter by itself, the rest left out."""
    if _ODD.search(text):
        text = unicodedata.normalize("NFKC", text)
    return _TOKEN.findall(text.lower())


def split(*texts: str) -> str:
    """Write texts as the index takes them: tokens with spaces between, fields kept apart."""
    return GAP.join(" ".join(tokens(text)) for text in texts if text)


@lru_cache(4096)
def key(letter: str, value: str | int) -> str:
    """The token that says that a ticket has this value."""
    return f"{letter}={_ESCAPED.sub(_escape, str(value))}"


def number_keys(letter: str, number: str) -> list[str]:
    """The tokens by which a number is found from its beginning and from its end."""
    if not number:
        return []
    if not (number.isascii() and number.isdigit()):
        number = _ESCAPED.sub(_escape, _LOOSE.sub("", number))
    return [f"{letter}={number}", f"r={number[::-1]}"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A condition as an FTS5 query, and queries for its single tokens, by which it is told how rare it is."""

    match: str
    tokens: tuple[str, ...] = ()
    """None: rare, like a number."""
    any: bool = False
    """One of the tokens is enough; otherwise all must be there."""


def match_text(text: str, of_citizen: str = "") -> list[Wanted]:
    """The conditions for the words somebody typed, which all must be there; none when nothing was typed.

    `of_citizen` must hold too where something is found by the citizen's name or telephone.
    """
    if not text.strip():
        return []
    joined = typed(text)
    whole = len(joined) == DIGITS and all(char.isdecimal() or char in " -\u3000" for char in text)
    words = [joined] if whole else text.split()[:WORDS_MAX]
    wanted = [found for word in words if (found := _match_word(word[:WORD_CHARS], of_citizen))]
    return wanted or [NOTHING]


def match_citizen(text: str, of_citizen: str = "") -> list[Wanted]:
    """The condition for words in the citizen's name only."""
    if not text.strip():
        return []
    cuts = [cut for word in text.split()[:WORDS_MAX] if (cut := tokens(word[:WORD_CHARS]))]
    if not cuts:
        return [NOTHING]
    match = f"citizen : ({all_of([phrase(cut) for cut in cuts])})"
    return [Wanted(_and(match, of_citizen), tuple(f'citizen : "{token}"' for cut in cuts for token in cut))]


def match_number(letter: str, text: str, of_citizen: str = "") -> list[Wanted]:
    """The condition for the first or last digits of a ticket number (n) or a telephone (p)."""
    if not text.strip():
        return []
    plain = typed(text)
    if not plain:
        return [NOTHING]
    if len(plain) < TAIL_DIGITS:
        return [Wanted(_and(f'keys : "{key(letter, plain)}"', of_citizen))]
    ends = f'keys : ("{key(letter, plain)}" * OR "{key("r", plain[::-1])}" *)'
    return [Wanted(_and(ends, of_citizen))]


def match_keys(letter: str, values: Iterable[str | int]) -> Wanted:
    """The condition for tickets with one of these values."""
    wanted = [f'keys : "{key(letter, value)}"' for value in dict.fromkeys(values)]
    return Wanted(" OR ".join(wanted), tuple(wanted), any=True) if wanted else NOTHING


def all_of(parts: Sequence[str]) -> str:
    """Bring conditions together."""
    return parts[0] if len(parts) == 1 else " AND ".join(f"({part})" for part in parts)


def phrase(cut: Sequence[str]) -> str:
    """Tokens in a row; a last one of letters and digits may go on."""
    cut = cut[:TOKENS_MAX]
    goes_on = len(cut[-1]) >= PREFIX_CHARS and _PLAIN.fullmatch(cut[-1])
    return f'"{" ".join(cut)}"{" *" if goes_on else ""}'


def _and(match: str, also: str) -> str:
    return all_of([match, also]) if also else match


def _match_word(word: str, of_citizen: str) -> Wanted | None:
    cut = tokens(word)
    if not cut:
        return None
    if of_citizen:
        ways = [f"words : {phrase(cut)}", _and(f"citizen : {phrase(cut)}", of_citizen)]
    else:  # the same, and each list is gone along only once
        ways = [f"{{words citizen}} : {phrase(cut)}"]
    digits = _LOOSE.sub("", unicodedata.normalize("NFKC", word))
    number = digits.isascii() and digits.isdigit() and len(digits) >= TAIL_DIGITS
    if number:
        ways.append(f'keys : "{key("n", digits)}" *')
        ways.append(_and(f'keys : ("{key("p", digits)}" * OR "{key("r", digits[::-1])}" *)', of_citizen))
    single = () if number else tuple(f'words : "{token}"' for token in dict.fromkeys(cut))
    return Wanted(" OR ".join(f"({way})" for way in ways), single)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return f"^{char.lower()}" if char.isalpha() else f"_{ord(char):02x}"


NOTHING = Wanted('keys : "="')
"""Found nowhere: that token stands in no ticket's keys."""
