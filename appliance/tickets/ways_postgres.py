"""The way to tickets in PostgreSQL: one statement for a query, planned by the database by its own figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance.tickets import fulltext
from appliance.tickets.facets import CONCERNED, KEYS
from appliance.tickets.finding import OWN, SORTS, Query
from appliance.tickets.fulltext import Every, Match
from appliance.tickets.way import Sql, Way, between, own, within

MANY_VALUED = ("category", "area", "unit", "concerned", "agent")
"""Each value is rare: the full text has it. Few tickets are not of one of the other few values."""


class PlannedWays:
    """A Ways; `condition_of` writes conditions on the full text."""

    def __init__(self, condition_of: Callable[[Match], tuple[str, list[Any]]]) -> None:
        self._condition_of = condition_of

    def to_page(self, query: Query, wanted: int) -> Way:
        """In the order asked for."""
        return Way(0.0, self._sql(query), f"f.{SORTS[query.sort]}", "f.doc", counts=False)

    def to_all(self, query: Query, most: float) -> Way:
        """In any order."""
        return Way(0.0, self._sql(query), "f.doc", "f.doc")

    def to_rows(self, query: Query) -> Way:
        """The narrow rows."""
        return Way(0.0, self._sql(query), "f.doc", "f.doc")

    def _sql(self, query: Query) -> Sql:
        chosen = query.chosen()
        matches = [wanted.match for wanted in query.words()]
        matches += [
            fulltext.match_keys(CONCERNED if name == "concerned" else KEYS[name], values).match
            for name, values in chosen.items()
            if _rare(name, values)
        ]
        sql = Sql("ticket_facet f JOIN ticket_text t ON t.doc = f.doc" if matches else "ticket_facet f")
        if matches:
            condition, values = self._condition_of(Every(tuple(matches)))
            sql.add(condition, *values)
        for name, asked in chosen.items():
            if not _rare(name, asked):
                marks = ", ".join("?" * len(asked))
                sql.add(f"f.{name} IN ({marks})" if asked else "1 = 0", *asked)
        between(sql, "f.doc", query.docs())
        if query.clock in OWN and query.concerned:
            sql.add(*_flat(own(query)))
        for column, period in query.periods().items():
            sql.add(*_flat(within(column, period)))
        return sql


def _rare(name: str, values: tuple[Any, ...]) -> bool:
    """Whether the full text is asked, and not the rows."""
    return name in MANY_VALUED or (name == "key" and values == (1,))


def _flat(found: tuple[str, tuple[Any, ...]]) -> tuple[Any, ...]:
    return (found[0], *found[1])
