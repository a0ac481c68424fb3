"""The keys a ticket is found by when another looks like it, kept up to date with its row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from appliance.tickets.duplicates import Matter, keys, keys_of
from appliance.tickets.ticket import Ticket

if TYPE_CHECKING:
    from appliance.store.store import Store

COMPARED = ("phone", "area", "address", "title", "content", "category", "created_s")
"""What a ticket's keys are made of."""
_compared = attrgetter(*COMPARED)
_INSERT = 'INSERT INTO likeness ("key", at_s, tid) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'


def matter_of(ticket: Ticket) -> Matter:
    """What is compared of a ticket."""
    return Matter(*_compared(ticket))


def keep(store: Store, ticket: Ticket, before: Ticket | None) -> None:
    """Keep a ticket's keys as they are now; call inside the transaction that folds it."""
    if before is not None and _compared(ticket) == _compared(before):
        return
    now = {(key, int(ticket.created_s)) for key in keys(matter_of(ticket))}
    old = {(key, int(before.created_s)) for key in keys(matter_of(before))} if before else set()
    store.execute_many(
        'DELETE FROM likeness WHERE "key" = ? AND at_s = ? AND tid = ?',
        [(*row, ticket.tid) for row in old - now],
    )
    store.execute_many(_INSERT, [(*row, ticket.tid) for row in sorted(now - old)])


def rows(tickets: Sequence[Ticket]) -> Iterator[list[tuple[int, int, bytes]]]:
    """All rows of each ticket."""
    found = keys_of([matter_of(ticket) for ticket in tickets])
    for ticket, its_keys in zip(tickets, found, strict=True):
        at_s = int(ticket.created_s)
        yield [(key, at_s, ticket.tid) for key in sorted(its_keys)]


def begin_many(store: Store) -> None:
    """Have a place to collect the rows of many tickets in."""
    store.execute('CREATE TEMP TABLE IF NOT EXISTS alike AS SELECT "key", at_s, tid FROM likeness LIMIT 0')
    store.execute("DELETE FROM alike")


def collect(store: Store, found: Iterable[tuple[int, int, bytes]]) -> None:
    """Collect rows of tickets that have none yet."""
    store.execute_many("INSERT INTO alike VALUES (?, ?, ?)", found)


def end_many(store: Store) -> None:
    """Write what was collected, in order: at random it would take ten times as long."""
    store.execute(
        'INSERT INTO likeness ("key", at_s, tid) SELECT "key", at_s, tid FROM alike WHERE 1 = 1'
        " ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING"
    )
    store.execute("DELETE FROM alike")
