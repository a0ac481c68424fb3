"""All tickets folded anew from the log, a ticket at a time: each row is written once.

Gives the same rows as folding event by event, without writing a row again for every event of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby, islice
from typing import TYPE_CHECKING

from appliance.events import Event
from appliance.store.found import TicketFacet
from appliance.store.quarantine import QUARANTINE, UNFOLDABLE, set_aside
from appliance.tickets import alike_keys, parts, refilling, table
from appliance.tickets.bodies import BODIES, body_of
from appliance.tickets.prepared import Prepared, Told, folded, prepare
from appliance.tickets.ticket import Ticket, fold
from appliance.tickets.ticket_tables import Ticket as TicketRow

if TYPE_CHECKING:
    from appliance.store.store import Store

KINDS = tuple(BODIES)
"""Kinds of events that make a ticket's row."""
READ = 4000
WRITTEN = 500
History = Sequence[Told]
TABLES = (TicketRow, TicketFacet)
NO_LONGER = ("ticket_created_s", "ticket_changed_s")
"""Indexes that versions before had: a ticket's id is in order of time, and its narrow row has the other."""
_MARKS = ", ".join("?" * len(KINDS))
_EVENTS = (
    "SELECT eid, subject, kind, ver, body FROM event"
    f" WHERE subject > ? AND subject <= ? AND kind IN ({_MARKS}) ORDER BY subject LIMIT ?"
)
_ONE = f"SELECT eid, subject, kind, ver, body FROM event WHERE subject = ? AND kind IN ({_MARKS})"


def rebuild(store: Store, written: parts.Write) -> None:
    """Write every ticket and all that it is found by; the tables are empty when it begins.

    Indexes are quicker made at the end, when all the rest is in its place: who calls makes them, or
    the next start.
    """
    without_indexes(store)
    for name in NO_LONGER:
        store.execute(f'DROP INDEX IF EXISTS "{name}"')
    if not written():
        write(store, parts.FIRST, parts.LAST)


def write(store: Store, after: bytes, until: bytes) -> None:
    """Write the tickets behind one id up to another, and all that they are found by."""
    alike_keys.begin_many(store)
    refilling.index(store, _written(store, after, until))
    alike_keys.end_many(store)


def without_indexes(store: Store) -> None:
    """Do without indexes that are quicker made at the end."""
    for model in TABLES:
        for index in model._meta.fields_to_index():
            if not index._unique:
                store.execute(f'DROP INDEX IF EXISTS "{index._name}"')


def link(store: Store, event: Event) -> None:
    """Show at a short message which ticket was made of it, in the order in which they came."""
    with suppress(*UNFOLDABLE):
        body = body_of(event)
        if body is not None:
            table.link(store, event, body)


def _written(store: Store, after: bytes, until: bytes) -> Iterator[Prepared]:
    """Write the rows of tickets, batch by batch in order of their ids, and hand them on."""
    histories = _histories(store, after, until)
    while batch := list(islice(histories, WRITTEN)):
        tickets, aside = folded(batch)
        store.execute_many(QUARANTINE, ((eid, why, time.time()) for eid, why in aside))
        there = [(one, history) for one, history in zip(tickets, batch, strict=True) if one is not None]
        written = _write(store, there)
        alike_keys.collect(store, ((one.tid, one.alike) for one in written))
        yield from written


def _histories(store: Store, after: bytes, until: bytes) -> Iterator[History]:
    """All events of each ticket in the order they are folded in."""
    while rows := store.rows(_EVENTS, after, until, *KINDS, READ):
        if len(rows) == READ:
            last = rows[-1][1]
            rows = [row for row in rows if row[1] != last] or store.rows(_ONE, last, *KINDS)
        for _, group in groupby(rows, key=lambda row: row[1]):
            yield sorted(group, key=lambda row: (row[0] != row[1], row[0]))
        after = bytes(rows[-1][1])


def _write(store: Store, batch: Sequence[tuple[Prepared, History]]) -> list[Prepared]:
    """Write rows; where one cannot be written, event by event as far as it can."""
    try:
        with store.savepoint():
            store.execute_many(table.INSERT, (one.values for one, _ in batch))
        return [one for one, _ in batch]
    except UNFOLDABLE:
        if len(batch) > 1:
            return [written for one in batch for written in _write(store, [one])]
        return _one_by_one(store, batch[0][1])


def _one_by_one(store: Store, history: History) -> list[Prepared]:
    kept: Ticket | None = None
    for told in history:
        event = Event(*told)
        try:
            after = fold(kept, event)
            with store.attempt():
                table.write(store, after, kept)
            kept = after
        except UNFOLDABLE as error:
            set_aside(store, event, error)
    return prepare([kept]) if kept else []
