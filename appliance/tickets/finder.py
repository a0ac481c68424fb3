"""Tickets found: which way is the quickest for a query, its page, how many there are, and their sums."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.facets import EVERY, GROUPED
from appliance.tickets.finding import (
    LAST,
    SORTS,
    Cursor,
    Query,
    Sql,
    by_row,
    by_text,
    cursor,
    period_sql,
    with_subtree,
)
from appliance.tickets.ticket import Ticket

PAGE_ROWS = 30
ROWS_MAX = 500
COUNTED = 10_000
"""Beyond this many it is only said that there are more."""
GATHERED = 30_000
"""So many are quicker put in order than looked for in an order there is."""
NARROW = 20_000
"""A period with fewer tickets than this tells between which places they are."""
LOOKED_UP = 30
"""Looking up one ticket in the full text costs what so many steps along one of its lists do."""
Key = tuple[float, int]
Bounds = tuple[int | None, int | None]


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
    """Finds tickets in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, query: Query, at: str = "", rows: int = PAGE_ROWS) -> Found:
        """Return the page that a cursor begins; without one, the first; with `last`, the last."""
        with self._store.connection():
            query, rows = self._whole(query), max(1, min(rows, ROWS_MAX))
            total, more = self._count(query)
            keys, newer, older = self._page(query, at, rows)
            return Found(self._tickets([doc for _, doc in keys]), total, more, newer, older)

    def count(self, query: Query, most: int = COUNTED) -> tuple[int, bool]:
        """Count what is found, as far as `most`; tell whether there is more."""
        with self._store.connection():
            return self._count(self._whole(query), most)

    def page(self, query: Query, page: int, rows: int) -> list[Ticket]:
        """Return a page by its number from 1, among the first COUNTED."""
        with self._store.connection():
            query = self._whole(query)
            keys = self._keys(query, None, rows, skip=(page - 1) * rows)
            return self._tickets([doc for _, doc in keys])

    def each(self, query: Query, most: int, rows: int = ROWS_MAX) -> Iterator[list[Ticket]]:
        """All that is found in batches, as far as `most`."""
        query, at, left = self._whole(query), None, most
        while left > 0:
            with self._store.connection():
                keys = self._keys(query, at, min(rows, left))
                if not keys:
                    return
                found = self._tickets([doc for _, doc in keys])
            yield found
            at, left = Cursor(*keys[-1]), left - len(keys)

    def sums(self, query: Query, by: Sequence[str]) -> dict[tuple[Any, ...], int]:
        """Count what is found by one or two of GROUPED."""
        assert by
        assert set(by) <= set(GROUPED)
        query = replace(self._whole(query), sort="changed")
        match = query.match()
        sql = by_text(query, match, query.docs()) if match else by_row(query, query.docs())
        columns = ", ".join(f"f.{name}" for name in by)
        with self._store.connection():
            found = self._rows(sql, f"{columns}, count(*)", f"GROUP BY {columns} ORDER BY {columns}")
        return {tuple(values): count for *values, count in found}

    def _whole(self, query: Query) -> Query:
        """A query with all that is below its categories."""
        if not query.category:
            return query
        children: dict[str, list[str]] = {}
        for code, parent in self._store.rows("SELECT code, parent FROM category"):
            children.setdefault(parent, []).append(code)
        return replace(query, category=with_subtree(query.category, children))

    def _page(self, query: Query, at: str, rows: int) -> tuple[list[Key], str, str]:
        begin = cursor(at)
        back = at == LAST or (begin is not None and begin.back)
        keys = self._keys(query, begin, rows + 1, back)
        more, keys = len(keys) > rows, keys[:rows]
        if back:
            keys.reverse()
        if not keys:
            return keys, "", ""
        newer = Cursor(*keys[0], back=True).written() if (more if back else begin is not None) else ""
        older = Cursor(*keys[-1]).written() if (begin is not None if back else more) else ""
        return keys, newer, older

    def _keys(
        self, query: Query, begin: Cursor | None, most: int, back: bool = False, skip: int = 0
    ) -> list[Key]:
        """Values and places in order."""
        sql, column, place = self._way(query)
        down = query.ascending == back
        sign, order = ("<", " DESC") if down else (">", "")
        if begin is not None:
            if column == place:
                sql.add(f"{place} {sign} ?", begin.doc)
            else:
                sql.add(f"({column}, {place}) {sign} (?, ?)", begin.value, begin.doc)
        ordered = f"{column}{order}" + ("" if column == place else f", {place}{order}")
        shown = "0.0" if column == place else column
        behind = f"ORDER BY {ordered} LIMIT {int(most)}" + (f" OFFSET {int(skip)}" if skip else "")
        return [(value, doc) for value, doc in self._rows(sql, f"{shown}, {place}", behind)]

    def _way(self, query: Query) -> tuple[Sql, str, str]:
        """The statement, the column that orders it, and that of the places."""
        match, column = query.match(), SORTS[query.sort]
        bounds, few, index = self._bounds(query)
        if self._by_index(query, match, bounds, few):
            return by_row(query, bounds, index), f"f.{column}", "f.doc"
        if column == "doc":
            if match:
                return by_text(query, match, bounds), "t.rowid", "t.rowid"
            return by_row(query, bounds), "f.doc", "f.doc"
        if match and self._found(query, match, bounds, GATHERED) < GATHERED:
            return by_text(query, match, bounds), f"f.{column}", "f.doc"
        return by_row(query, bounds, column), f"f.{column}", "f.doc"

    def _by_index(self, query: Query, match: str, bounds: Bounds, few: int) -> bool:
        """Whether going through the tickets of a short period is the quickest."""
        if few >= NARROW:
            return False
        steps = few * (LOOKED_UP if query.written() else 1)
        return not match or self._found(query, match, bounds, steps + 1) > steps

    def _found(self, query: Query, match: str, bounds: Bounds, most: int) -> int:
        """How many the full text finds, times aside, as far as `most`."""
        return self._limited(by_text(Query(), match, bounds), most)

    def _bounds(self, query: Query) -> tuple[Bounds, int, str]:
        """The places between which all must be, and the shortest period: its tickets and its index."""
        low, high = query.docs()
        few, index = NARROW, ""
        for column, period in query.periods().items():
            if column == "warn_s":
                continue  # has no index: due_s, which always comes with it, has
            condition, values = period_sql(column, period)
            inner = f"SELECT doc FROM ticket_facet f WHERE {condition} LIMIT {NARROW}"
            count, least, most = self._store.rows(
                f"SELECT count(*), min(doc), max(doc) FROM ({inner})", *values
            )[0]
            if count == 0:
                return (0, 0), 0, column
            if count < few:
                few, index = count, column
                low = max(low or 0, least)
                high = most + 1 if high is None else min(high, most + 1)
        return (low, high), few, index

    def _count(self, query: Query, most: int = COUNTED) -> tuple[int, bool]:
        kept = self._counted(query)
        if kept is not None:
            return kept, False
        match = query.match()
        bounds, few, index = self._bounds(query)
        if self._by_index(query, match, bounds, few):
            sql = by_row(query, bounds, index)
        else:
            sql = by_text(replace(query, sort="created"), match, bounds) if match else by_row(query, bounds)
        found = self._limited(sql, most + 1)
        return min(found, most), found > most

    def _counted(self, query: Query) -> int | None:
        """What is counted all the time: tickets by state, of all or of one unit."""
        plain = Query(state=query.state, lists=query.lists, concerned=query.concerned)
        if len(plain.concerned) > 1 or replace(query, sort="created", ascending=False) != plain:
            return None
        where, values = ["unit = ?"], [*(plain.concerned or (EVERY,))]
        states = plain.states()
        if states is not None:
            where.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        sql = f"SELECT coalesce(sum(tickets), 0) FROM ticket_count WHERE {' AND '.join(where)}"
        return int(self._store.rows(sql, *values)[0][0])

    def _limited(self, sql: Sql, most: int) -> int:
        inner = sql.written("1", f"LIMIT {int(most)}")
        return int(self._store.rows(f"SELECT count(*) FROM ({inner})", *sql.values)[0][0])

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
