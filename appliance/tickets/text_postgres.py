"""The full text of tickets in PostgreSQL: our own tokens as lexemes of a tsvector, and the tokens in order.

PostgreSQL's own phrases are not used. A tsvector keeps no more than 255 places of a lexeme and none
behind the 16,383rd, so a common character of a long matter would no longer be found in its word.
Instead each two tokens in a row are a lexeme too: rarer than a single character, which makes a word
quick to find, and exact for two. A phrase of three or more is looked up in the tokens themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from appliance.tickets.fulltext import CITIZEN, GAP, KEYS, Every, Match, Phrase, Text
from appliance.tickets.ways_postgres import PlannedWays

if TYPE_CHECKING:
    from appliance.store.store import Store

_MAKE = (
    "DROP TABLE IF EXISTS ticket_text",
    'CREATE TABLE ticket_text (doc BIGINT PRIMARY KEY, words TEXT COLLATE "C" NOT NULL,'
    ' citizen TEXT COLLATE "C" NOT NULL, found tsvector NOT NULL)',
)
_INDEX = "CREATE INDEX IF NOT EXISTS ticket_text_found ON ticket_text USING gin (found)"
_BETWEEN = "\x01"
"""Between lexemes: no token has it."""
_LEXEMES = "string_to_array(CAST(? AS text), chr(1))"
_INSERT = (
    f"INSERT INTO ticket_text (doc, words, citizen, found) VALUES (?, ?, ?, array_to_tsvector({_LEXEMES}))"
)
_FOUND = f"found = ts_delete(found, {_LEXEMES}) || array_to_tsvector({_LEXEMES})"
_KEYS = f"UPDATE ticket_text SET {_FOUND} WHERE doc = ?"
_WORDS = f"UPDATE ticket_text SET words = ?, citizen = ?, {_FOUND} WHERE doc = ?"
_TIDS = "SELECT f.tid FROM ticket_text t JOIN ticket_facet f ON f.doc = t.doc WHERE "
_CUT = 120
"""Letters of a token a lexeme is made of: PostgreSQL takes 2046 bytes at most."""
_KEY_CUT = 500
_OF_CITIZEN = GAP.strip()
"""Before a token of the citizen's: no other token begins so."""


class PostgresText:
    """A FullText."""

    def make(self, store: Store) -> None:
        """Make it anew."""
        for sql in _MAKE:
            store.execute(sql)

    def clear(self, store: Store) -> None:
        """Forget everything."""
        store.execute("DELETE FROM ticket_text")

    def put(self, store: Store, texts: Iterable[tuple[int, Text]]) -> None:
        """Index tickets."""
        store.execute_many(_INSERT, ((doc, *_kept(text), _lexemes_of(text)) for doc, text in texts))

    def change(self, store: Store, doc: int, gone: Text, come: Text) -> None:
        """A step changes a few keys and no word."""
        if gone[:2] == come[:2]:
            store.execute(_KEYS, _lexemes_of(gone), _lexemes_of(come), doc)
        else:
            store.execute(_WORDS, *_kept(come), _lexemes_of(gone), _lexemes_of(come), doc)

    def remove(self, store: Store, doc: int, gone: Text) -> None:
        """Take a ticket out."""
        store.execute("DELETE FROM ticket_text WHERE doc = ?", doc)

    def begin(self, store: Store) -> None:
        """The index is quicker made in the end."""
        store.execute("DROP INDEX IF EXISTS ticket_text_found")

    def merge(self, store: Store) -> None:
        """There is nothing to bring together."""

    def end(self, store: Store) -> None:
        """Make the index."""
        store.execute(_INDEX)

    def tids(self, match: Match) -> tuple[str, list[Any]]:
        """Find by tokens alone."""
        condition, values = condition_of(match)
        return _TIDS + condition, values

    def ways(self, store: Store) -> PlannedWays:
        """The database knows how common lexemes are, and plans by itself."""
        return PlannedWays(condition_of)


def condition_of(match: Match) -> tuple[str, list[Any]]:
    """A condition on `ticket_text t`, and its values."""
    sql, values = "t.found @@ CAST(? AS tsquery)", [_tsquery(match)]
    if _exact(match):
        return sql, values
    again, more = _again(match)
    return f"({sql} AND {again})", [*values, *more]


def _kept(text: Text) -> tuple[str, str]:
    """The tokens in order, as phrases are looked up in."""
    return f" {text[0]} ", f" {text[1]} "


def _lexemes_of(text: Text) -> str:
    """What a ticket is found by."""
    words, citizen, keys = text
    found = [*_tokens_of(words), *(_OF_CITIZEN + one for one in _tokens_of(citizen))]
    found += [key[:_KEY_CUT] for key in keys.split(" ") if key]
    return _BETWEEN.join(found)


def _tokens_of(text: str) -> Iterator[str]:
    """The tokens of a text, and each two of them that stand in a row."""
    for field in text.split(GAP):
        cut = [token[:_CUT] for token in field.split(" ") if token]
        yield from cut
        for pair in pairwise(cut):
            yield " ".join(pair)


def _tsquery(match: Match) -> str:
    """What must be there for a condition to hold, as a tsquery."""
    if not isinstance(match, Phrase):
        word = " & " if isinstance(match, Every) else " | "
        return word.join(f"({_tsquery(part)})" for part in match.parts)
    return " | ".join(f"({_in_column(column, match)})" for column in match.columns)


def _in_column(column: str, phrase: Phrase) -> str:
    keys = (column,) == KEYS
    cut = [token[: _KEY_CUT if keys else _CUT] for token in phrase.tokens]
    lexemes = cut if keys or len(cut) == 1 else [" ".join(pair) for pair in pairwise(cut)]
    before = _OF_CITIZEN if (column,) == CITIZEN else ""
    ends = [""] * (len(lexemes) - 1) + [":*" if phrase.goes_on else ""]
    return " & ".join(_quoted(before + one) + end for one, end in zip(lexemes, ends, strict=True))


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def _exact(match: Match) -> bool:
    """Whether lexemes tell all."""
    if not isinstance(match, Phrase):
        return all(_exact(part) for part in match.parts)
    return match.columns == KEYS or (
        len(match.tokens) <= 2 and all(len(token) < _CUT for token in match.tokens)
    )


def _again(match: Match) -> tuple[str, list[Any]]:
    """The same condition, with the tokens of longer phrases looked up in order."""
    if not isinstance(match, Phrase):
        word = " AND " if isinstance(match, Every) else " OR "
        parts = [_again(part) for part in match.parts]
        return f"({word.join(sql for sql, _ in parts)})", [value for _, values in parts for value in values]
    if _exact(match):
        return condition_of(match)
    words = " ".join(match.tokens).replace("_", "\\_")
    row = f"% {words}{'' if match.goes_on else ' '}%"
    return f"({' OR '.join(f't.{column} LIKE ?' for column in match.columns)})", [row] * len(match.columns)
