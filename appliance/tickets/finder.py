"""Tickets found: which way is the quickest for a query, its page, how many there are, and their sums."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.facets import EVERY, GROUPED
from appliance.tickets.finding import LAST, Cursor, Query, cursor, with_subtree
from appliance.tickets.ticket import Ticket
from appliance.tickets.way import Sql, Way

PAGE_ROWS = 30
ROWS_MAX = 500
COUNTED, FEW = 10_000, 150
"""Beyond so many, or so few (five pages) where counting takes time, it is only said that there are more."""
QUICK_US, SLOW_US = 15_000.0, 40_000.0
"""What counting may cost before it is only done as far as FEW, and then only to the end of the page."""
Key = tuple[float, int]


@dataclass(frozen=True, slots=True)
class Found:
    """One page, and the cursors of those beside it; empty where there is none."""

    tickets: Sequence[Ticket]
    total: int
    more: bool
    """There are more than `total`."""
    newer: str = ""
    older: str = ""


class Finder:
    """Finds tickets in one store; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ways = store.engine.text.ways(store)

    def find(self, query: Query, at: str = "", rows: int = PAGE_ROWS) -> Found:
        """Return the page that a cursor begins; without one, the first; with `last`, the last."""
        with self._store.connection():
            query, rows = self._whole(query), max(1, min(rows, ROWS_MAX))
            begin = cursor(at)
            back = at == LAST or (begin is not None and begin.back)
            if begin is None:
                keys, total, more = self._first(query, rows, back)
            else:
                keys = self._keys(query, self._ways.to_page(query, rows + 1), begin, rows + 1, back)
                total, more = begin.total, begin.more
            beyond, keys = len(keys) > rows, keys[:rows]
            if back:
                keys.reverse()
            tickets = self._tickets([doc for _, doc in keys])
            if not keys:
                return Found(tickets, total, more)
            newer = beyond if back else begin is not None
            older = begin is not None if back else beyond
            return Found(
                tickets,
                total,
                more,
                Cursor(*keys[0], total, more, back=True).written() if newer else "",
                Cursor(*keys[-1], total, more).written() if older else "",
            )

    def count(self, query: Query, most: int = COUNTED) -> tuple[int, bool]:
        """Count what is found, as far as `most`; tell whether there is more."""
        with self._store.connection():
            return self._count(self._whole(query), most)

    def page(self, query: Query, page: int, rows: int) -> list[Ticket]:
        """Return a page by its number from 1, among the first COUNTED."""
        with self._store.connection():
            query = self._whole(query)
            skip = (page - 1) * rows
            keys = self._keys(query, self._ways.to_page(query, skip + rows), None, rows, skip=skip)
            return self._tickets([doc for _, doc in keys])

    def each(self, query: Query, most: int, rows: int = ROWS_MAX) -> Iterator[list[Ticket]]:
        """All that is found in batches, as far as `most`."""
        query, begin, left = self._whole(query), None, most
        while left > 0:
            with self._store.connection():
                keys = self._keys(query, self._ways.to_page(query, rows), begin, min(rows, left))
                if not keys:
                    return
                found = self._tickets([doc for _, doc in keys])
            yield found
            begin, left = Cursor(*keys[-1], 0), left - len(keys)

    def sums(self, query: Query, by: Sequence[str]) -> dict[tuple[Any, ...], int]:
        """Count what is found by one or two of GROUPED."""
        assert by
        assert set(by) <= set(GROUPED)
        columns = ", ".join(f"f.{name}" for name in by)
        with self._store.connection():
            way = self._ways.to_rows(self._whole(query))
            found = self._rows(way.sql, f"{columns}, count(*)", f"GROUP BY {columns} ORDER BY {columns}")
        return {tuple(values): count for *values, count in found}

    def _whole(self, query: Query) -> Query:
        """A query with all that is below its categories."""
        if not query.category:
            return query
        children: dict[str, list[str]] = {}
        for code, parent in self._store.rows("SELECT code, parent FROM category"):
            children.setdefault(parent, []).append(code)
        return replace(query, category=with_subtree(query.category, children))

    def _first(self, query: Query, rows: int, back: bool) -> tuple[list[Key], int, bool]:
        """The first keys of one end, and how many there are in all."""
        kept = self._counted(query)
        if kept is not None:
            return self._keys(query, self._ways.to_page(query, rows + 1), None, rows + 1, back), kept, False
        most, way = COUNTED, self._ways.to_page(query, COUNTED + 1)
        for fewer, slow_us in ((FEW, QUICK_US), (rows, SLOW_US)):
            if way.cost_us > slow_us:
                most, way = min(most, fewer), self._ways.to_page(query, fewer + 1)
        if way.counts:
            keys = self._keys(query, way, None, most + 1, back)
            return keys[: rows + 1], min(len(keys), most), len(keys) > most
        total, more = self._count(query, most)
        return self._keys(query, self._ways.to_page(query, rows + 1), None, rows + 1, back), total, more

    def _keys(
        self, query: Query, way: Way, begin: Cursor | None, most: int, back: bool = False, skip: int = 0
    ) -> list[Key]:
        """Values and places in order."""
        sql, column, place = way.sql, way.column, way.place
        down = query.ascending == back
        sign, order = ("<", " DESC") if down else (">", "")
        if begin is not None and way.by_place:
            sql.add(f"{place} {sign} ?", begin.doc)
        elif begin is not None:
            sql.add(f"({column}, {place}) {sign} (?, ?)", begin.value, begin.doc)
        ordered = f"{column}{order}" + ("" if way.by_place else f", {place}{order}")
        shown = "0.0" if way.by_place else column
        behind = f"ORDER BY {ordered} LIMIT {int(most)}" + (f" OFFSET {int(skip)}" if skip else "")
        return self._rows(sql, f"{shown}, {place}", behind)

    def _count(self, query: Query, most: int) -> tuple[int, bool]:
        kept = self._counted(query)
        if kept is not None:
            return min(kept, most), kept > most
        inner = (way := self._ways.to_all(query, most + 1)).sql.written("1", f"LIMIT {int(most) + 1}")
        found = int(self._store.rows(f"SELECT count(*) FROM ({inner}) AS found", *way.sql.values)[0][0])
        return min(found, most), found > most

    def _counted(self, query: Query) -> int | None:
        """What is counted all the time: tickets by state, of all or of one unit."""
        plain = Query(state=query.state, lists=query.lists, concerned=query.concerned)
        asked = replace(
            query, sort="created", ascending=False, masked=False, citizens=True, homes=True, now_s=0.0
        )
        if len(plain.concerned) > 1 or asked != plain:
            return None
        where, values = ["unit = ?"], [*(plain.concerned or (EVERY,))]
        states = plain.states()
        if states == ():
            return 0
        if states is not None:
            where.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        sql = f"SELECT coalesce(sum(tickets), 0) FROM ticket_count WHERE {' AND '.join(where)}"
        return int(self._store.rows(sql, *values)[0][0])

    def _tickets(self, docs: Sequence[int]) -> list[Ticket]:
        if not docs:
            return []
        marks = ", ".join("?" * len(docs))
        tids = {
            bytes(tid): doc
            for doc, tid in self._store.rows(
                f"SELECT doc, tid FROM ticket_facet WHERE doc IN ({marks})", *docs
            )
        }
        found = table.select(self._store, f"tid IN ({marks})", *tids)
        place = {doc: at for at, doc in enumerate(docs)}
        return sorted(found, key=lambda ticket: place[tids[ticket.tid]])

    def _rows(self, sql: Sql, columns: str, behind: str) -> list[Any]:
        return self._store.rows(sql.written(columns, behind), *sql.values)
