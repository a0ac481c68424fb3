"""The register of letters issued: numbers counted per year without gaps, and what each letter said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from appliance.events import Event
from appliance.letters.blanking import REDACTED, blanked, mapped, redacted_words
from appliance.letters.document import Document, fingerprint
from appliance.store.engine import containing, holds

if TYPE_CHECKING:
    from appliance.store.store import Store

PAGE_ROWS = 30
ISSUED, VOIDED = "ticket.letter_issued", "ticket.letter_voided"


class Altered(Exception):
    """A letter is not what was issued."""


class Letter(msgspec.Struct, frozen=True):
    """One letter as the register shows it; the fields are the columns of the table."""

    lid: bytes
    """The event that issued it."""
    ticket: bytes
    ticket_number: str
    template: str
    called: str
    """What its template was called then."""
    number: str
    site: int
    series: str
    year: int
    n: int
    title: str
    recipient: str
    audience: str
    sha256: str
    """Of the frozen document."""
    at_s: float
    by: str
    name: str
    once: str = ""
    """Which form it was sent by; the same form sent twice is one letter."""
    voided_s: float | None = None
    voided_why: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Part of the register, newest first."""

    letters: Sequence[Letter]
    total: int
    page: int
    pages: int


_FIELDS = Letter.__struct_fields__
_COLUMNS = ", ".join(f'"{name}"' for name in _FIELDS)
_SEARCHED = ("number", "title", "recipient", "ticket_number", "called", "by", "name")


def project(store: Store, event: Event) -> None:
    """Bring the register up to date; raises ValueError when the event is malformed."""
    facts = event.facts
    if event.kind == VOIDED:
        store.execute(
            "UPDATE letter SET voided_s = ?, voided_why = ? WHERE lid = ? AND voided_s IS NULL",
            *(event.at_s, str(facts["reason"]), bytes.fromhex(facts["letter"])),
        )
        return
    letter = msgspec.convert(
        {
            **{name: facts[name] for name in _FIELDS if name in facts},
            "lid": event.eid,
            "ticket": event.subject,
            "site": event.site,
            "at_s": event.at_s,
        },
        Letter,
    )
    marks = ", ".join("?" * len(_FIELDS))
    store.execute(
        f"INSERT INTO letter ({_COLUMNS}) VALUES ({marks}) ON CONFLICT DO NOTHING",
        *msgspec.structs.astuple(letter),
    )
    if store.rows("SELECT 1 FROM event WHERE subject = ? AND kind = ? LIMIT 1", event.subject, REDACTED):
        blank(store, event)  # the redaction was there first, as when all is folded anew


def blank(store: Store, event: Event) -> None:
    """The register does not say either what was blanked on the ticket an event is about."""
    letters = select(store, "ticket = ?", event.subject)
    history = store.history(event.subject) if letters else []
    for letter in letters:
        words = redacted_words(history, letter.lid)
        title, recipient = blanked(letter.title, words), blanked(letter.recipient, words)
        if (title, recipient) != (letter.title, letter.recipient):
            sql = "UPDATE letter SET title = ?, recipient = ? WHERE lid = ?"
            store.execute(sql, title, recipient, letter.lid)


def next_count(store: Store, series: str, year: int) -> int:
    """Return the next number of a series in a year; call inside the transaction that issues."""
    rows = store.rows(
        "SELECT coalesce(max(n), 0) + 1 FROM letter WHERE site = ? AND series = ? AND year = ?",
        *(store.site, series, year),
    )
    return int(rows[0][0])


def document_of(store: Store, letter: Letter) -> Document:
    """Return the content as it was issued, without what was redacted since; raises Altered."""
    history = store.history(letter.ticket)
    (event,) = [event for event in history if event.eid == letter.lid]
    document = msgspec.convert(event.facts["document"], Document)
    if fingerprint(document) != letter.sha256:
        raise Altered(letter.number)
    words = redacted_words(history, letter.lid)
    return mapped(document, lambda text: blanked(text, words)) if words else document


def select(store: Store, where: str, *values: object) -> list[Letter]:
    """Return the letters a WHERE clause finds."""
    return [_letter(row) for row in store.rows(f"SELECT {_COLUMNS} FROM letter WHERE {where}", *values)]


def search(store: Store, text: str, template: str, page: int) -> Page:
    """Look for letters by any word of number, title, recipient, ticket or clerk."""
    where, values = ["1 = 1"], list[object]()
    for word in text.split()[:8]:
        pattern = containing(word[:60])
        where.append("(" + " OR ".join(holds(name) for name in _SEARCHED) + ")")
        values += [pattern] * len(_SEARCHED)
    if template:
        where.append("template = ?")
        values.append(template)
    clause = " AND ".join(where)
    total = int(store.rows(f"SELECT count(*) FROM letter WHERE {clause}", *values)[0][0])
    pages = max(1, -(-total // PAGE_ROWS))
    page = max(1, min(page, pages))
    order = f"{clause} ORDER BY at_s DESC, lid DESC LIMIT ? OFFSET ?"
    return Page(select(store, order, *values, PAGE_ROWS, (page - 1) * PAGE_ROWS), total, page, pages)


def _letter(row: tuple[Any, ...]) -> Letter:
    return Letter(bytes(row[0]), bytes(row[1]), *row[2:])
