"""Everything that tickets are found by, written anew for many tickets at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from appliance.store.found import TicketCount, TicketFacet
from appliance.tickets import facets, fulltext, table
from appliance.tickets.ticket import Ticket

if TYPE_CHECKING:
    from appliance.store.store import Store

VERSION = "2"
"""Of what is indexed; another one in the database, and all is indexed anew."""
BATCH = 1000
Placed = tuple[int, Ticket]


def make(store: Store) -> None:
    """Make what tickets are found by; of another version it is made and filled anew."""
    if store.rows("SELECT value FROM setting WHERE name = 'search.version'") == [(VERSION,)]:
        return
    for name in ("ticket_facet", "ticket_count", "ticket_text"):
        store.execute(f"DROP TABLE IF EXISTS {name}")
    store.database.create_tables((TicketFacet, TicketCount))
    store.execute(fulltext.MAKE)
    for name, setting in fulltext.SETTINGS:
        store.execute("INSERT INTO ticket_text (ticket_text, rank) VALUES (?, ?)", name, setting)
    refill(store)
    store.execute("INSERT OR REPLACE INTO setting (name, value) VALUES ('search.version', ?)", VERSION)


def refill(store: Store) -> None:
    """Index every ticket there is; nothing may be indexed yet."""
    index(store, _every(store))


def index(store: Store, tickets: Iterable[Ticket]) -> None:
    """Index tickets that come in order of their ids."""
    found = placed(tickets, lambda tid: arrival(store, tid))
    counted: Counter[tuple[str, str]] = Counter()
    while batch := list(islice(found, BATCH)):
        parts = _parts(store, batch)
        rows = [(doc, ticket, parts.get(ticket.tid, "")) for doc, ticket in batch]
        store.execute_many(facets.INSERT, (facets.row(ticket, doc, units) for doc, ticket, units in rows))
        store.execute_many(fulltext.INSERT, ((d, *facets.text(ticket, units)) for d, ticket, units in rows))
        counted.update(where for _, ticket, units in rows for where in facets.counts(ticket, units))
    store.execute_many(facets.COUNT, ((*where, count) for where, count in sorted(counted.items())))


def _parts(store: Store, batch: Sequence[Placed]) -> dict[bytes, str]:
    """The units that have a part in tickets: few have any."""
    tids = [ticket.tid for _, ticket in batch]
    rows = store.rows("SELECT DISTINCT tid FROM strand WHERE tid >= ? AND tid <= ?", min(tids), max(tids))
    return {bytes(tid): facets.parts_of(store, tid) for (tid,) in rows}


def placed(tickets: Iterable[Ticket], arrived: Callable[[bytes], int]) -> Iterator[Placed]:
    """Give tickets in order of their ids the places they got one by one as they arrived."""
    crowd: list[Ticket] = []
    end = -1
    for ticket in tickets:
        first = facets.place(ticket.tid)
        if first > end:
            yield from _settled(crowd, arrived)
            crowd, end = [], first
        else:
            end += 1
        crowd.append(ticket)
    yield from _settled(crowd, arrived)


def arrival(store: Store, tid: bytes) -> int:
    """When the event that began a ticket came here, as its position in the log."""
    found = store.rows("SELECT pos FROM event WHERE eid = ?", tid)
    return int(found[0][0]) if found else 0


def _settled(crowd: list[Ticket], arrived: Callable[[bytes], int]) -> Iterator[Placed]:
    """Tickets that want the same places: who came first has it, the next the one behind."""
    if len(crowd) == 1:
        yield facets.place(crowd[0].tid), crowd[0]
        return
    taken: dict[int, Ticket] = {}
    for ticket in sorted(crowd, key=lambda ticket: arrived(ticket.tid)):
        doc = facets.place(ticket.tid)
        while doc in taken:
            doc += 1
        taken[doc] = ticket
    yield from sorted(taken.items(), key=lambda found: found[0])


def _every(store: Store) -> Iterator[Ticket]:
    after = b""
    while batch := table.select(store, "tid > ? ORDER BY tid LIMIT ?", after, BATCH):
        yield from batch
        after = batch[-1].tid
