"""The full text of tickets in SQLite: an FTS5 table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from appliance.tickets.fts5 import written
from appliance.tickets.fulltext import Match, Text
from appliance.tickets.ways import Ways

if TYPE_CHECKING:
    from appliance.store.store import Store

_MAKE = (
    "CREATE VIRTUAL TABLE ticket_text USING fts5(words, citizen, keys, content='',"
    " columnsize=0, tokenize=\"ascii tokenchars '=_^'\")"
)
"""Contentless: what is in it follows from the ticket."""
_SETTINGS = (("automerge", 8), ("crisismerge", 16))
_FILLING = (("automerge", 0), ("crisismerge", 1999))
"""While all is indexed anew nothing is merged; in the end all is, once: else steps would pay for it."""
_MERGE_ALL = "INSERT INTO ticket_text (ticket_text) VALUES ('optimize')"
_SET = "INSERT INTO ticket_text (ticket_text, rank) VALUES (?, ?)"
_INSERT = "INSERT INTO ticket_text (rowid, words, citizen, keys) VALUES (?, ?, ?, ?)"
_DELETE = "INSERT INTO ticket_text (ticket_text, rowid, words, citizen, keys) VALUES ('delete', ?, ?, ?, ?)"
_DELETE_ALL = "INSERT INTO ticket_text (ticket_text) VALUES ('delete-all')"
_TIDS = "SELECT f.tid FROM ticket_text t JOIN ticket_facet f ON f.doc = t.rowid WHERE ticket_text MATCH ?"


class SqliteText:
    """A FullText."""

    def make(self, store: Store) -> None:
        """Make it anew."""
        store.execute("DROP TABLE IF EXISTS main.ticket_text")
        store.execute(_MAKE)

    def clear(self, store: Store) -> None:
        """Forget everything."""
        store.execute(_DELETE_ALL)

    def put(self, store: Store, texts: Iterable[tuple[int, Text]]) -> None:
        """Index tickets."""
        store.execute_many(_INSERT, ((doc, *text) for doc, text in texts))

    def change(self, store: Store, doc: int, gone: Text, come: Text) -> None:
        """FTS5 must be told what goes, for it keeps no text."""
        store.execute(_DELETE, doc, *gone)
        store.execute(_INSERT, doc, *come)

    def remove(self, store: Store, doc: int, gone: Text) -> None:
        """Take a ticket out."""
        store.execute(_DELETE, doc, *gone)

    def begin(self, store: Store) -> None:
        """Merge nothing for now."""
        store.execute_many(_SET, _FILLING)

    def merge(self, store: Store) -> None:
        """Merge all there is."""
        store.execute(_MERGE_ALL)

    def end(self, store: Store) -> None:
        """Merge all, and from now on as it comes."""
        store.execute(_MERGE_ALL)
        store.execute_many(_SET, _SETTINGS)

    def tids(self, match: Match) -> tuple[str, list[Any]]:
        """Find by tokens alone."""
        return _TIDS, [written(match)]

    def ways(self, store: Store) -> Ways:
        """Ways with their costs, reckoned here: SQLite keeps no figures of a full text."""
        return Ways(store)
