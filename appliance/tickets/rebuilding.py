"""All tickets folded anew from the log, a ticket at a time: each row is written once.

Gives the same rows as folding event by event, without writing a row again for every event of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec.structs import astuple

from appliance.events import Event
from appliance.store.quarantine import UNFOLDABLE, set_aside
from appliance.tickets import alike_keys, refilling, table
from appliance.tickets.ticket import BODIES, Ticket, body_of, fold

if TYPE_CHECKING:
    from appliance.store.store import Store

KINDS = tuple(BODIES)
"""Kinds of events that make a ticket's row."""
READ = 4000
WRITTEN = 500
TABLES = ("ticket", "ticket_facet")
_MARKS = ", ".join("?" * len(KINDS))
_EVENTS = (
    "SELECT subject, eid, kind, ver, body FROM event"
    f" WHERE subject > ? AND kind IN ({_MARKS}) ORDER BY subject LIMIT ?"
)
_ONE = f"SELECT subject, eid, kind, ver, body FROM event WHERE subject = ? AND kind IN ({_MARKS})"


def rebuild(store: Store) -> None:
    """Write every ticket and all that it is found by; the tables are empty when it begins."""
    with _without_indexes(store):
        refilling.index(store, _written(store))


def link(store: Store, event: Event) -> None:
    """Show at a short message which ticket was made of it, in the order in which they came."""
    with suppress(*UNFOLDABLE):
        body = body_of(event)
        if body is not None:
            table.link(store, event, body)


def _written(store: Store) -> Iterator[Ticket]:
    """Write the rows of tickets, batch by batch in order of their ids, and hand them on."""
    batch: list[tuple[Ticket, list[Event]]] = []
    for history in _histories(store):
        ticket = _replayed(store, history)
        if ticket is not None:
            batch.append((ticket, history))
        if len(batch) >= WRITTEN:
            yield from _with_keys(store, _write(store, batch))
            batch = []
    yield from _with_keys(store, _write(store, batch))


def _with_keys(store: Store, tickets: list[Ticket]) -> list[Ticket]:
    alike_keys.fill(store, tickets)
    return tickets


def _histories(store: Store) -> Iterator[list[Event]]:
    """All events of each ticket in the order they are folded in."""
    after = b""
    while rows := store.rows(_EVENTS, after, *KINDS, READ):
        if len(rows) == READ:
            last = rows[-1][0]
            rows = [row for row in rows if row[0] != last] or store.rows(_ONE, last, *KINDS)
        for _, group in groupby(rows, key=lambda row: row[0]):
            events = [Event(bytes(e), bytes(s), kind, ver, bytes(b)) for s, e, kind, ver, b in group]
            yield sorted(events, key=lambda event: (event.eid != event.subject, event.eid))
        after = bytes(rows[-1][0])


def _replayed(store: Store, history: Sequence[Event]) -> Ticket | None:
    ticket: Ticket | None = None
    for event in history:
        try:
            ticket = fold(ticket, event)
        except ValueError as error:
            if ticket is not None or _malformed(event):
                set_aside(store, event, error)
    return ticket


def _malformed(event: Event) -> bool:
    try:
        body_of(event)
    except ValueError:
        return True
    return False


def _write(store: Store, batch: Sequence[tuple[Ticket, Sequence[Event]]]) -> list[Ticket]:
    """Write rows; where one cannot be written, event by event as far as it can."""
    try:
        with store.database.savepoint():
            store.execute_many(table.INSERT, (astuple(ticket) for ticket, _ in batch))
        return [ticket for ticket, _ in batch]
    except UNFOLDABLE:
        if len(batch) > 1:
            return [ticket for one in batch for ticket in _write(store, [one])]
        return _one_by_one(store, batch[0][1])


def _one_by_one(store: Store, history: Sequence[Event]) -> list[Ticket]:
    kept: Ticket | None = None
    for event in history:
        try:
            folded = fold(kept, event)
            table.write(store, folded, kept)
            kept = folded
        except UNFOLDABLE as error:
            set_aside(store, event, error)
    return [kept] if kept else []


@contextmanager
def _without_indexes(store: Store) -> Iterator[None]:
    """Do without indexes that are quicker made at the end."""
    marks = ", ".join("?" * len(TABLES))
    made = store.rows(
        f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ({marks})"
        " AND sql IS NOT NULL AND sql NOT LIKE 'CREATE UNIQUE%'",
        *TABLES,
    )
    for name, _ in made:
        store.execute(f'DROP INDEX "{name}"')
    yield
    for _, sql in made:
        store.execute(sql)
