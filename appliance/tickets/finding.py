"""What can be asked of tickets, in any combination, and where a page begins: pure values.

A Query becomes one FTS5 expression for all that is counted off or written, and ranges for its times.
Pages are found by key, not counted off: the last page costs what the first does.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from appliance.tickets import fulltext
from appliance.tickets.facets import CONCERNED, FAR_S, GROUPED, KEYS, first_doc
from appliance.tickets.workflow import LISTS, states_in

SORTS: Mapping[str, str] = {
    "created": "doc",
    "changed": "changed_s",
    "accepted": "accepted_s",
    "dispatched": "dispatched_s",
    "closed": "closed_s",
    "due": "due_s",
}
"""What tickets can be put in order by, and its column."""
CLOCKS = ("overdue", "soon", "running", "paused", "provisional")
"""What tickets can be narrowed to by how their clocks stand."""
LAST = "last"
FIRST_S = 1e-6
_CURSOR = re.compile(r"(after|before)~([0-9]{1,12}\.[0-9]{1,9})~([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Period:
    """From a time until another, in Unix seconds; the end does not belong to it. None is open."""

    since_s: float | None = None
    until_s: float | None = None

    def __bool__(self) -> bool:
        return self.since_s is not None or self.until_s is not None


ANY_TIME = Period()


_CLOCK_PERIODS: Mapping[str, Callable[[float], dict[str, Period]]] = {
    "overdue": lambda now_s: {"due_s": Period(None, now_s)},
    "soon": lambda now_s: {"due_s": Period(now_s, None), "warn_s": Period(None, now_s)},
    "running": lambda now_s: {"due_s": Period(0.0, None)},
}


@dataclass(frozen=True, slots=True)
class Query:
    """What tickets are wanted; what is left empty does not narrow, and several values mean any of them."""

    text: str = ""
    number: str = ""
    citizen: str = ""
    phone: str = ""
    lists: tuple[str, ...] = ()
    """Names of the six lists; together with `state` both must hold."""
    state: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    """Only these, without what is below them: see `with_subtree`."""
    area: tuple[str, ...] = ()
    urgency: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    """Units that handle it."""
    concerned: tuple[str, ...] = ()
    """Units that handle it or have a part in it."""
    agent: tuple[str, ...] = ()
    rating: tuple[str, ...] = ()
    round: tuple[int, ...] = ()
    site: tuple[int, ...] = ()
    conflicts: bool = False
    confidential: bool | None = None
    clock: str = ""
    """One of CLOCKS."""
    now_s: float = 0.0
    """What clocks are read at."""
    created: Period = ANY_TIME
    changed: Period = ANY_TIME
    accepted: Period = ANY_TIME
    dispatched: Period = ANY_TIME
    closed: Period = ANY_TIME
    due: Period = ANY_TIME
    """By when the citizen is to be answered."""
    citizens: bool = True
    """Whether names and numbers of citizens are looked at for `text`."""
    sort: str = "created"
    ascending: bool = False

    def __post_init__(self) -> None:
        assert self.sort in SORTS, self.sort
        assert self.clock in ("", *CLOCKS), self.clock

    def match(self) -> str:
        """The FTS5 expression of all that is not a time; empty when nothing is."""
        parts = [fulltext.match_keys(KEYS[name], values) for name, values in self.chosen().items()]
        if self.impossible():
            parts.append(fulltext.NOTHING)
        parts += [
            fulltext.match_keys(CONCERNED, self.concerned),
            fulltext.match_number("n", self.number),
            fulltext.match_number("p", self.phone),
            fulltext.match_citizen(self.citizen),
            fulltext.match_text(self.text, self.citizens),
        ]
        return fulltext.all_of([part for part in parts if part])

    def chosen(self) -> dict[str, tuple[Any, ...]]:
        """What is counted off, with the values asked for."""
        found = {name: getattr(self, name) for name in (*GROUPED, "site") if getattr(self, name)}
        states = self.states()
        if states is not None:
            found["state"] = states
        if self.conflicts:
            found["conflicts"] = (1,)
        if self.confidential is not None:
            found["confidential"] = (int(self.confidential),)
        if self.clock in ("paused", "provisional"):
            found[self.clock] = (1,)
        return found

    def states(self) -> tuple[str, ...] | None:
        """The states asked for by themselves and by list; None when neither is."""
        asked = [self.state] if self.state else []
        if self.lists:
            asked.append(tuple(state for name in self.lists if name in LISTS for state in states_in(name)))
        if not asked:
            return None
        return tuple(state for state in asked[0] if all(state in others for others in asked[1:]))

    def impossible(self) -> bool:
        """Whether the states asked for exclude each other."""
        return self.states() == ()

    def written(self) -> bool:
        """Whether something is asked that only the full text knows."""
        known = set(self.chosen()) <= set(GROUPED)
        return not known or any((self.text, self.number, self.citizen, self.phone))

    def periods(self) -> dict[str, Period]:
        """The times that narrow, by column; that of registering is a range of places."""
        names = ("changed", "accepted", "dispatched", "closed")
        asked = {SORTS[name]: getattr(self, name) for name in names} | {"case_due_s": self.due}
        if self.clock in _CLOCK_PERIODS:
            asked |= _CLOCK_PERIODS[self.clock](self.now_s)
        return {column: period for column, period in asked.items() if period}

    def docs(self) -> tuple[int | None, int | None]:
        """The places between which all must be."""
        since_s, until_s = self.created.since_s, self.created.until_s
        return (
            None if since_s is None else first_doc(since_s),
            None if until_s is None else first_doc(until_s),
        )


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: behind (or, going back, before) a ticket's value and place."""

    value: float
    doc: int
    back: bool = False

    def written(self) -> str:
        """As it stands in an address."""
        return f"{'before' if self.back else 'after'}~{self.value!r}~{self.doc}"


def cursor(text: str) -> Cursor | None:
    """Read a cursor; None when it is none."""
    found = _CURSOR.fullmatch(text)
    return Cursor(float(found[2]), int(found[3]), found[1] == "before") if found else None


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
        """As SQLite reads it."""
        where = f" WHERE {' AND '.join(self.where)}" if self.where else ""
        return f"SELECT {columns} FROM {self.source}{where} {behind}".rstrip()


def by_text(query: Query, match: str, bounds: tuple[int | None, int | None]) -> Sql:
    """Find through the full text, whose places are in order of time."""
    periods, narrow = query.periods(), query.sort != "created"
    joined = " CROSS JOIN ticket_facet f ON f.doc = t.rowid" if periods or narrow else ""
    sql = Sql(f"ticket_text t{joined}")
    sql.add("ticket_text MATCH ?", match)
    _between(sql, "t.rowid", bounds)
    _narrow(sql, periods)
    return sql


def by_row(query: Query, bounds: tuple[int | None, int | None], index: str = "") -> Sql:
    """Find by going through the narrow rows, in order of place or by an index."""
    sql = Sql(f"ticket_facet f{f' INDEXED BY ticket_facet_{index}' if index else ''}")
    _between(sql, "f.doc", bounds)
    for name, values in query.chosen().items():
        if name in GROUPED:
            sql.add(f"f.{name} IN ({', '.join('?' * len(values))})", *values)
    if query.impossible():
        sql.add("0")
    if query.concerned:
        part = " OR ".join(["instr(' ' || f.concerned || ' ', ' ' || ? || ' ')"] * len(query.concerned))
        handles = f"f.unit IN ({', '.join('?' * len(query.concerned))})"
        sql.add(f"({handles} OR f.concerned <> '' AND ({part}))", *query.concerned, *query.concerned)
    _narrow(sql, query.periods())
    if query.written():
        sql.add(
            "EXISTS (SELECT 1 FROM ticket_text t WHERE ticket_text MATCH ? AND t.rowid = f.doc)",
            query.match(),
        )
    return sql


def period_sql(column: str, period: Period) -> tuple[str, list[Any]]:
    """The condition that a time lies in a period; a time that has not come, or is not set, lies in none."""
    since_s, until_s = period.since_s, period.until_s
    since_s = FIRST_S if since_s is None else max(since_s, FIRST_S)
    until_s = FAR_S if until_s is None else min(until_s, FAR_S)
    return f"f.{column} >= ? AND f.{column} < ?", [since_s, until_s]


def with_subtree(codes: tuple[str, ...], children: Mapping[str, list[str]]) -> tuple[str, ...]:
    """These codes and all below them."""
    found = dict.fromkeys(codes)
    waiting = list(found)
    for code in waiting:
        for child in children.get(code, ()):
            if child not in found:
                found[child] = None
                waiting.append(child)
    return tuple(found)


def asked_of(query: Query) -> Iterator[str]:
    """The names of what narrows, for what is kept of an export."""
    for part in fields(query):
        if part.name not in ("sort", "ascending", "citizens") and getattr(query, part.name) not in (
            part.default,
        ):
            yield part.name


def _between(sql: Sql, place: str, bounds: tuple[int | None, int | None]) -> None:
    for sign, bound in zip((">=", "<"), bounds, strict=True):
        if bound is not None:
            sql.add(f"{place} {sign} ?", bound)


def _narrow(sql: Sql, periods: Mapping[str, Period]) -> None:
    for column, period in periods.items():
        condition, values = period_sql(column, period)
        sql.add(condition, *values)
