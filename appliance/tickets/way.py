"""A way to tickets: a statement under way, and what orders it; the same for every database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from appliance.tickets.facets import FAR_S
from appliance.tickets.finding import Period, Query
from appliance.tickets.strands import WORKED_ON

FIRST_S = 1e-6
Bounds = tuple[int | None, int | None]


@dataclass(slots=True)
class Sql:
    """A statement under way: conditions and their values."""

    source: str
    where: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        """Narrow it."""
        self.where.append(condition)
        self.values += values

    def written(self, columns: str, behind: str = "") -> str:
        """The whole statement."""
        where = f" WHERE {' AND '.join(self.where)}" if self.where else ""
        return f"SELECT {columns} FROM {self.source}{where} {behind}".rstrip()


@dataclass(slots=True)
class Way:
    """How a query is answered: a statement, and the columns of the value and the place that order it."""

    cost_us: float
    sql: Sql
    column: str
    place: str
    counts: bool = True
    """Reading on to the end is as good as counting; not so where tickets are picked out along an order."""

    @property
    def by_place(self) -> bool:
        """Whether places are the order asked for."""
        return self.column == self.place


def between(sql: Sql, place: str, bounds: Bounds) -> None:
    """Narrow to places."""
    for sign, bound in zip((">=", "<"), bounds, strict=True):
        if bound is not None:
            sql.add(f"{place} {sign} ?", bound)


def within(column: str, period: Period) -> tuple[str, tuple[float, float]]:
    """The condition that a time lies in a period; a time that has not come, or is not set, lies in none."""
    since_s = FIRST_S if period.since_s is None else max(period.since_s, FIRST_S)
    until_s = FAR_S if period.until_s is None else min(period.until_s, FAR_S)
    return f"f.{column} >= ? AND f.{column} < ?", (since_s, until_s)


def own(query: Query) -> tuple[str, tuple[Any, ...]]:
    """The condition that units lead a ticket that is overdue (due soon), or that a sub-order of theirs is."""
    units, late = query.concerned, query.clock == "overdue"
    marks, sign, now_s = ", ".join("?" * len(units)), "<" if late else ">=", (query.now_s,)
    theirs = f"due_s {sign} ?" + ("" if late else " AND coalesce(warn_s, due_s - 86400) < ?")
    strands = (
        f"SELECT tid FROM strand WHERE (unit IN ({marks}) OR third IN ({marks})) AND open = 1"
        f" AND kind = 'suborder' AND state IN ({', '.join(map(repr, WORKED_ON))}) AND {theirs}"
    )
    condition = f"(f.unit IN ({marks}) AND f.due_s {sign} ? OR f.tid IN ({strands}))"
    return condition, (*units, *now_s, *units, *units, *now_s * (1 if late else 2))
