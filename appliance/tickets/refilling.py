"""Everything that tickets are found by, written anew for many tickets at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from appliance.store.found import TicketCount, TicketFacet
from appliance.tickets import alike_keys, facets, fulltext, table
from appliance.tickets.prepared import Prepared, prepare

if TYPE_CHECKING:
    from appliance.store.store import Store

VERSION = "5"
"""Of what is indexed; another one in the database, and all is indexed anew."""
BATCH = 1000
LIFTED = range(5, 10)
"""After these batches all is merged, which lifts it two levels up each time: what steps add later is merged
often on the lower ones, and not with the bulk of what was there before."""


class HasId(Protocol):
    """What has a ticket's id."""

    @property
    def tid(self) -> bytes: ...


Known = TypeVar("Known", bound=HasId)


def make(store: Store) -> None:
    """Make what tickets are found by; of another version it is made and filled anew."""
    if store.rows("SELECT value FROM setting WHERE name = 'search.version'") == [(VERSION,)]:
        return
    for name in ("ticket_facet", "ticket_count"):
        store.execute(f"DROP TABLE IF EXISTS {name}")
    store.engine.make((TicketFacet, TicketCount))
    store.engine.text.make(store)
    refill(store)
    store.execute(
        "INSERT INTO setting (name, value) VALUES ('search.version', ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        VERSION,
    )


def refill(store: Store) -> None:
    """Index every ticket there is, and by what it looks like others; nothing may be indexed yet."""
    alike_keys.begin_many(store)
    index(store, _every(store))
    alike_keys.end_many(store)


def index(store: Store, tickets: Iterable[Prepared]) -> None:
    """Index tickets that come in order of their ids."""
    store.engine.text.begin(store)
    found = placed(tickets, lambda tid: arrival(store, tid))
    counted: Counter[tuple[str, str]] = Counter()
    batches = 0
    while batch := list(islice(found, BATCH)):
        parts = _parts(store, batch)
        ready = [_ready(doc, one, *parts.get(one.tid, ("", facets.NO_DATES))) for doc, one in batch]
        store.execute_many(facets.INSERT, (row for row, _ in ready))
        store.engine.text.put(store, ((row[0], text) for row, text in ready))
        alike = Counter(map(facets.counted_by, (row for row, _ in ready)))
        for of, count in alike.items():
            for where in facets.counted(*of):
                counted[where] += count
        if (batches := batches + 1) in LIFTED:
            store.engine.text.merge(store)
    store.execute_many(facets.COUNT, ((*where, count) for where, count in sorted(counted.items())))
    store.engine.text.end(store)


def _ready(doc: int, one: Prepared, parts: str, dates: facets.Dates) -> tuple[tuple[Any, ...], fulltext.Text]:
    """The narrow row and the text of a ticket in its place."""
    if parts:
        return facets.row(one.ticket, doc, parts, dates), facets.text(one.ticket, parts)
    return (doc, *one.row[1:]), one.text


def _parts(store: Store, batch: Sequence[tuple[int, Prepared]]) -> dict[bytes, tuple[str, facets.Dates]]:
    """The units that have a part in tickets, and when theirs is due: few have any."""
    tids = [one.tid for _, one in batch]
    rows = store.rows("SELECT DISTINCT tid FROM strand WHERE tid >= ? AND tid <= ?", min(tids), max(tids))
    return {bytes(tid): (facets.parts_of(store, tid), facets.dates_of(store, tid)) for (tid,) in rows}


def placed(tickets: Iterable[Known], arrived: Callable[[bytes], int]) -> Iterator[tuple[int, Known]]:
    """Give tickets in order of their ids the places they got one by one as they arrived."""
    crowd: list[Known] = []
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


def _settled(crowd: list[Known], arrived: Callable[[bytes], int]) -> Iterator[tuple[int, Known]]:
    """Tickets that want the same places: who came first has it, the next the one behind."""
    if len(crowd) == 1:
        yield facets.place(crowd[0].tid), crowd[0]
        return
    taken: dict[int, Known] = {}
    behind: dict[int, int] = {}
    for ticket in sorted(crowd, key=lambda ticket: arrived(ticket.tid)):
        wanted = facets.place(ticket.tid)
        doc = behind.get(wanted, wanted)
        while doc in taken:
            doc += 1
        taken[doc], behind[wanted] = ticket, doc + 1
    yield from sorted(taken.items(), key=lambda found: found[0])


def _every(store: Store) -> Iterator[Prepared]:
    after = b""
    while batch := table.select(store, "tid > ? ORDER BY tid LIMIT ?", after, BATCH):
        ready = prepare(batch)
        alike_keys.collect(store, ((one.tid, one.alike) for one in ready))
        yield from ready
        after = batch[-1].tid
