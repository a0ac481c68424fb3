"""Ways to tickets in SQLite: a query as a statement, each way with what it costs, and the cheapest of them.

Text, and what is rare of what is counted off, is one meeting of lists in the full text; what is common
is looked at in the narrow row of what was found; a short period, or an order asked for, is an index to
go along. How rare something is, is told by how far back its newest tickets reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from appliance.tickets import fulltext
from appliance.tickets.facets import CONCERNED, EVERY, KEYS, SELDOM
from appliance.tickets.finding import OWN, SORTS, Period, Query
from appliance.tickets.fts5 import all_of, written
from appliance.tickets.way import Bounds, Sql, Way, between, own, within

if TYPE_CHECKING:
    from appliance.store.store import Store

NARROW = 120_000
"""A period with fewer tickets than this tells between which places they are."""
SAMPLED = 300
LOOKED_BACK = 20_000
"""So many of the newest tickets are counted; beyond, time tells: many of one moment would mislead it."""
KNOWN_MAX = 4000
COMMON = 0.12
"""What more tickets than this share of all have in common is looked at in their rows."""
IN_A_ROW = 0.25
"""Where the rarest character of a word stands, the word stands about so often."""
NUMBERS = 100.0
"""About so many tickets have a number that begins or ends with some digits."""
POSTING_US, ROW_US, JOIN_US, ASIDE_US, SORT_US = 0.03, 0.5, 1.2, 40.0, 1.0
"""A step along a list of the full text or along rows; a row or a text looked up; a key put in order."""
WORD_US = 6.0
"""Telling that the characters of a word stand in a row."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: how many tickets it holds for, in the full text, and in the row where that knows it."""

    about: float
    match: str
    steps: float
    """How many entries of lists are gone along: of a word those of all its characters."""
    row: str = ""
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a query before a way is chosen."""

    every: float
    """All tickets between the bounds."""
    words: Sequence[Condition]
    rare: Sequence[Condition]
    common: Sequence[Condition]
    periods: Mapping[str, Period]
    bounds: Bounds
    few: int
    """Tickets of the shortest period."""
    index: str
    """The column of that period; empty when there is none."""

    @property
    def counted_off(self) -> float:
        """The share of tickets for which all holds that is counted off."""
        return prod(min(1.0, c.about / self.every) for c in (*self.rare, *self.common))

    @property
    def share(self) -> float:
        """The share of tickets for which everything holds, times aside."""
        return self.counted_off * prod(min(1.0, c.about / self.every) for c in self.words)


class Ways:
    """Knows ways through one store; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, float] = {}
        """What share of all tickets has a token, about; only speed depends on it."""

    def to_page(self, query: Query, wanted: int) -> Way:
        """The cheapest way to the first tickets in the order asked for."""
        facts, column = self._facts(query), SORTS[query.sort]
        ways = self._unordered(facts, column)
        if column == "doc":
            ways += _in_place(facts, wanted)
        else:
            ways.append(_along(facts, column, wanted))
        return min(ways, key=lambda way: way.cost_us)

    def to_all(self, query: Query, most: float) -> Way:
        """The cheapest way to all of them, in any order, as far as `most`."""
        facts = self._facts(query)
        ways = [*self._unordered(facts, "doc"), *_in_place(facts, most)]
        return min(ways, key=lambda way: way.cost_us)

    def to_rows(self, query: Query) -> Way:
        """A way to the narrow rows of all of them."""
        facts = self._facts(query)
        if facts.words or facts.rare:
            return Way(0, _by_text(facts, joined=True), "f.doc", "f.doc")
        return Way(0, _by_row(facts), "f.doc", "f.doc")

    def _unordered(self, facts: Facts, column: str) -> list[Way]:
        """Ways that put all that is found in order."""
        ways = []
        if facts.index and facts.few < NARROW:
            aside = ASIDE_US * facts.counted_off if facts.words else 0.0
            sql = _by_row(facts, facts.index)
            ways.append(Way(facts.few * (JOIN_US + aside), sql, f"f.{column}", "f.doc"))
        if column != "doc" and (facts.words or facts.rare):
            cost = _lists_us(facts) + _met(facts) * (JOIN_US + SORT_US)
            ways.append(Way(cost, _by_text(facts, joined=True), f"f.{column}", "f.doc"))
        return ways

    def _facts(self, query: Query) -> Facts:
        bounds, few, index = self._bounds(query)
        every, spanned = self._every(bounds)
        words = [
            Condition(self._about(w) * spanned, written(w.match), self._steps(w) * spanned)
            for w in query.words()
        ]
        facets = [self._facet(name, values, spanned) for name, values in query.chosen().items()]
        rare = [facet for facet in facets if facet.match and facet.about <= COMMON * every]
        common = [facet for facet in facets if facet not in rare]
        if query.clock in OWN and query.concerned:
            common.append(Condition(every, "", every, *own(query)))
        return Facts(every * spanned or 1.0, words, rare, common, query.periods(), bounds, few, index)

    def _facet(self, name: str, values: tuple[Any, ...], spanned: float) -> Condition:
        wanted = fulltext.match_keys(CONCERNED if name == "concerned" else KEYS[name], values)
        row, among = _row(name, values)
        if name in SELDOM and not all(values):  # only rows tell which have none
            having = self._share(
                written(fulltext.Phrase(fulltext.KEYS, (fulltext.key(KEYS[name], ""),), True))
            )
            without = self._every((None, None))[0] * (1.0 - having) * spanned
            return Condition(without, "", without, row, among)
        about = self._in_states(values) if name == "state" else self._about(wanted) * spanned
        return Condition(about, written(wanted.match), about, row, among)

    def _in_states(self, states: Sequence[str]) -> float:
        marks = ", ".join("?" * len(states))
        sql = f"SELECT coalesce(sum(tickets), 0) FROM ticket_count WHERE unit = ? AND state IN ({marks})"
        return float(self._store.rows(sql, EVERY, *states)[0][0])

    def _about(self, wanted: fulltext.Wanted) -> float:
        """How many tickets a condition holds for, about."""
        if not wanted.tokens:
            return NUMBERS
        every, _ = self._every((None, None))
        shares = [self._share(written(token)) for token in wanted.tokens]
        if wanted.any:
            return every * min(1.0, sum(shares))
        return every * min(shares) * (IN_A_ROW if len(shares) > 1 else 1.0)

    def _steps(self, wanted: fulltext.Wanted) -> float:
        """How long the lists of all its tokens are together."""
        if not wanted.tokens:
            return NUMBERS
        return self._every((None, None))[0] * sum(self._share(written(token)) for token in wanted.tokens)

    def _share(self, token: str) -> float:
        if token not in self._known:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[token] = self._sampled(token)
        return self._known[token]

    def _sampled(self, token: str) -> float:
        """How dense the newest tickets with a token are."""
        newest = "SELECT rowid AS doc FROM ticket_text WHERE ticket_text MATCH ? ORDER BY rowid DESC LIMIT ?"
        count, least, most = self._store.rows(
            f"SELECT count(*), min(doc), max(doc) FROM ({newest})", token, SAMPLED
        )[0]
        every, _ = self._every((None, None))
        if count < SAMPLED:
            return float(count / every)
        newer = self._store.rows(_NEWER.format(most=LOOKED_BACK), least)[0][0]
        if newer < LOOKED_BACK:
            return float(min(1.0, count / max(1, newer)))
        low, high = self._ends()
        return float(min(1.0, count * max(1.0, (high - low) / max(1, most - least)) / every))

    def _every(self, bounds: Bounds) -> tuple[float, float]:
        """All tickets, and about what share of them lies between the bounds."""
        every = max(1.0, float(self._store.rows(_EVERY, EVERY)[0][0]))
        if bounds == (None, None):
            return every, 1.0
        first, last = self._ends()
        low, high = max(first, bounds[0] or 0), last if bounds[1] is None else min(last, bounds[1])
        return every, max(1.0, every * max(0, high - low) / max(1, last - first)) / every

    def _ends(self) -> tuple[int, int]:
        first, last = self._store.rows(_ENDS)[0]
        return first or 0, last or 0

    def _bounds(self, query: Query) -> tuple[Bounds, int, str]:
        """The places between which all must be, and the shortest period: its tickets and its column."""
        low, high = query.docs()
        few, index = NARROW, ""
        for column, period in query.periods().items():
            if column == "warn_s":
                continue  # has no index: due_s, which always comes with it, has
            condition, values = within(column, period)
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


def _in_place(facts: Facts, wanted: float) -> list[Way]:
    """Ways in the order in which tickets were registered: they end when enough are found."""
    part = min(1.0, wanted / max(1.0, facts.every * facts.share))
    if not (facts.words or facts.rare):
        return [Way(facts.every * part * ROW_US, _by_row(facts), "f.doc", "f.doc")]
    joined = bool(facts.common or facts.periods)
    cost = part * (_lists_us(facts) + _met(facts) * (JOIN_US * joined + WORD_US * len(facts.words)))
    return [Way(cost, _by_text(facts, joined), "t.rowid", "t.rowid")]


def _along(facts: Facts, column: str, wanted: float) -> Way:
    """Along the index of an order until enough are found."""
    aside = ASIDE_US * facts.counted_off if facts.words else 0.0
    steps = facts.every * min(1.0, wanted / max(1.0, facts.every * facts.share))
    return Way(steps * (JOIN_US + aside), _by_row(facts, column), f"f.{column}", "f.doc", counts=False)


def _lists_us(facts: Facts) -> float:
    """What it costs to bring the lists of the full text together."""
    return POSTING_US * sum(c.steps for c in (*facts.words, *facts.rare))


def _met(facts: Facts) -> float:
    """How many tickets those lists have in common."""
    return facts.every * prod(min(1.0, c.about / facts.every) for c in (*facts.words, *facts.rare))


def _by_text(facts: Facts, joined: bool) -> Sql:
    sql = Sql("ticket_text t CROSS JOIN ticket_facet f ON f.doc = t.rowid" if joined else "ticket_text t")
    rarest = sorted((*facts.words, *facts.rare), key=lambda condition: condition.about)
    sql.add("ticket_text MATCH ?", all_of([condition.match for condition in rarest]))
    between(sql, "t.rowid", facts.bounds)
    _look(sql, facts.common, facts.periods)
    return sql


def _by_row(facts: Facts, index: str = "") -> Sql:
    sql = Sql(f"ticket_facet f{f' INDEXED BY ticket_facet_{index}' if index else ''}")
    between(sql, "f.doc", facts.bounds)
    _look(sql, (*facts.rare, *facts.common), facts.periods)
    if facts.words:
        match = all_of([condition.match for condition in facts.words])
        sql.add("EXISTS (SELECT 1 FROM ticket_text t WHERE ticket_text MATCH ? AND t.rowid = f.doc)", match)
    return sql


def _look(sql: Sql, conditions: Sequence[Condition], periods: Mapping[str, Period]) -> None:
    for condition in conditions:
        sql.add(condition.row, *condition.values)
    for column, period in periods.items():
        inside, among = within(column, period)
        sql.add(inside, *among)


def _row(name: str, values: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The condition that a narrow row has one of these values."""
    marks = ", ".join("?" * len(values))
    if name != "concerned":
        return (f"+f.{name} IN ({marks})", values) if values else ("0", ())
    part = " OR ".join(["instr(' ' || f.concerned || ' ', ' ' || ? || ' ')"] * len(values))
    return f"(f.unit IN ({marks}) OR f.concerned <> '' AND ({part}))", (*values, *values)


_ENDS = "SELECT (SELECT min(doc) FROM ticket_facet), (SELECT max(doc) FROM ticket_facet)"
_NEWER = "SELECT count(*) FROM (SELECT 1 FROM ticket_facet WHERE doc >= ? LIMIT {most}) AS newest"
_EVERY = "SELECT coalesce(sum(tickets), 0) FROM ticket_count WHERE unit = ?"
