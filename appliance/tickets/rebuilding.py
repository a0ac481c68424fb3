"""All tickets folded anew from the log, a ticket at a time: each row is written once.

Gives the same rows as folding event by event, without writing a row again for every event of it.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from itertools import groupby, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING

from appliance.events import Event
from appliance.store.found import TicketFacet
from appliance.store.quarantine import QUARANTINE, UNFOLDABLE, set_aside
from appliance.store.schema import Ticket as TicketRow
from appliance.tickets import alike_keys, refilling, table
from appliance.tickets.bodies import BODIES, body_of
from appliance.tickets.prepared import Aside, Prepared, Told, folded, prepare
from appliance.tickets.ticket import Ticket, fold

if TYPE_CHECKING:
    from appliance.store.store import Store

KINDS = tuple(BODIES)
"""Kinds of events that make a ticket's row."""
READ = 4000
WRITTEN = 500
AHEAD = 3
"""Batches each other process has to fold while others are written."""
OTHERS_MAX = 3
"""More would fold quicker than this one writes."""
LONG = 100_000
"""Events in the log from which other processes help."""
History = Sequence[Told]
TABLES = (TicketRow, TicketFacet)
Folded = tuple[list[Prepared | None], list[Aside]]
_LONG = "SELECT 1 FROM event LIMIT 1 OFFSET ?"
_MARKS = ", ".join("?" * len(KINDS))
_EVENTS = (
    "SELECT eid, subject, kind, ver, body FROM event"
    f" WHERE subject > ? AND kind IN ({_MARKS}) ORDER BY subject LIMIT ?"
)
_ONE = f"SELECT eid, subject, kind, ver, body FROM event WHERE subject = ? AND kind IN ({_MARKS})"


def rebuild(store: Store) -> None:
    """Write every ticket and all that it is found by; the tables are empty when it begins."""
    with _without_indexes(store):
        alike_keys.begin_many(store)
        refilling.index(store, _written(store))
        alike_keys.end_many(store)


def link(store: Store, event: Event) -> None:
    """Show at a short message which ticket was made of it, in the order in which they came."""
    with suppress(*UNFOLDABLE):
        body = body_of(event)
        if body is not None:
            table.link(store, event, body)


def _written(store: Store) -> Iterator[Prepared]:
    """Write the rows of tickets, batch by batch in order of their ids, and hand them on."""
    for histories, (tickets, aside) in _folded(store):
        store.execute_many(QUARANTINE, ((eid, why, time.time()) for eid, why in aside))
        there = [(one, history) for one, history in zip(tickets, histories, strict=True) if one is not None]
        written = _write(store, there)
        alike_keys.collect(store, ((one.tid, one.alike) for one in written))
        yield from written


def _folded(store: Store) -> Iterator[tuple[list[History], Folded]]:
    """Fold batches; of a long log in other processes too: this one writes what is ready, else it folds."""
    batches = _batches(store)
    others = min(OTHERS_MAX, (os.cpu_count() or 1) - 1)
    if store.rows(_LONG, LONG) == [] or others < 1:
        yield from ((batch, folded(batch)) for batch in batches)
        return
    waiting: deque[tuple[list[History], Future[Folded]]] = deque()
    with ProcessPoolExecutor(others, get_context("spawn")) as pool:
        for batch in batches:
            busy = sum(not future.done() for _, future in waiting) >= AHEAD * others
            waiting.append((batch, _done(folded(batch)) if busy else pool.submit(folded, batch)))
            while waiting and waiting[0][1].done():
                first, future = waiting.popleft()
                yield first, future.result()
        yield from ((batch, future.result()) for batch, future in waiting)


def _done(value: Folded) -> Future[Folded]:
    future: Future[Folded] = Future()
    future.set_result(value)
    return future


def _batches(store: Store) -> Iterator[list[History]]:
    histories = _histories(store)
    while batch := list(islice(histories, WRITTEN)):
        yield batch


def _histories(store: Store) -> Iterator[History]:
    """All events of each ticket in the order they are folded in."""
    after = b""
    while rows := store.rows(_EVENTS, after, *KINDS, READ):
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


@contextmanager
def _without_indexes(store: Store) -> Iterator[None]:
    """Do without indexes that are quicker made at the end."""
    for model in TABLES:
        for index in model._meta.fields_to_index():
            if not index._unique:
                store.execute(f'DROP INDEX IF EXISTS "{index._name}"')
    yield
    store.engine.make(TABLES)
