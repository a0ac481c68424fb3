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
Kept = tuple[int, tuple[int, ...]]
"""Unix seconds of its registration, and its keys."""
AT_ONCE = 50
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


def kept_under(tickets: Sequence[Ticket]) -> Iterator[Kept]:
    """Under what each ticket is kept."""
    found = keys_of([matter_of(ticket) for ticket in tickets])
    for ticket, its_keys in zip(tickets, found, strict=True):
        yield int(ticket.created_s), its_keys


def begin_many(store: Store) -> None:
    """Have a place to collect the rows of many tickets in."""
    store.execute('CREATE TEMP TABLE IF NOT EXISTS alike AS SELECT "key", at_s, tid FROM likeness LIMIT 0')
    store.execute("DELETE FROM alike")


def collect(store: Store, found: Iterable[tuple[bytes, Kept]]) -> None:
    """Collect rows of tickets that have none yet; many in a statement take half the time."""
    values: list[int | bytes] = []
    for tid, (at_s, its_keys) in found:
        for one in its_keys:
            values += (one, at_s, tid)
    whole = len(values) // (3 * AT_ONCE) * 3 * AT_ONCE
    for rows, begin, end in ((AT_ONCE, 0, whole), (1, whole, len(values))):
        sql = "INSERT INTO alike VALUES " + ", ".join(["(?, ?, ?)"] * rows)
        store.execute_many(sql, (values[at : at + 3 * rows] for at in range(begin, end, 3 * rows)))


def end_many(store: Store) -> None:
    """Write what was collected, in order: at random it would take ten times as long."""
    store.execute(
        'INSERT INTO likeness ("key", at_s, tid) SELECT "key", at_s, tid FROM alike WHERE 1 = 1'
        " ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING"
    )
    store.execute("DELETE FROM alike")
