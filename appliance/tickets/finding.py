"""What can be asked of tickets, in any combination, and where a page begins: pure values.

A Query becomes one condition on tokens for all that is counted off or written, and ranges for its times.
Pages are found by key, not counted off: the last page costs what the first does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.tickets import fulltext
from appliance.tickets.facets import GROUPED, KEYS, first_doc
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
FLAGS = ("confidential", "key", "paused", "provisional")
"""What a ticket is or is not."""
LAST = "last"
_CURSOR = re.compile(r"(after|before)~([0-9]{1,12}\.[0-9]{1,9})~([0-9]{1,18})~([0-9]{1,9})(\+?)")


@dataclass(frozen=True, slots=True)
class Period:
    """From a time until another, in Unix seconds; the end does not belong to it. None is open."""

    since_s: float | None = None
    until_s: float | None = None

    def __bool__(self) -> bool:
        return self.since_s is not None or self.until_s is not None


ANY_TIME = Period()


@dataclass(frozen=True, slots=True)
class Particular:
    """What one field of a kind or category is to hold: these words, or just this where it is a list."""

    name: str
    text: str
    whole: bool = False

    def wanted(self) -> list[fulltext.Wanted]:
        """The condition on the full text."""
        return (fulltext.match_whole if self.whole else fulltext.match_named)(self.name, self.text)


_OPEN = fulltext.match_keys(KEYS["confidential"], (0,)).match
OWN = ("overdue", "soon")
"""Clocks that for a unit are those of its own sub-orders where it does not lead the ticket."""
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
    """Words in the names of the citizen and of whom the citizen speaks for."""
    phone: str = ""
    home: str = ""
    """Words in the citizen's own address."""
    extra: tuple[Particular, ...] = ()
    """All of them must hold."""
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
    """An empty one: those without any; so with `closing`."""
    closing: tuple[str, ...] = ()
    round: tuple[int, ...] = ()
    site: tuple[int, ...] = ()
    conflicts: bool = False
    confidential: bool | None = None
    key: bool | None = None
    paused: bool | None = None
    """The case clock stands still."""
    provisional: bool | None = None
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
    masked: bool = False
    """For who may not know who the citizen of a confidential ticket is: finds nobody by name or number."""
    citizens: bool = True
    """Whether anybody is found by who the citizen is at all."""
    homes: bool = True
    """Whether anybody is found by where the citizen lives."""
    sort: str = "created"
    ascending: bool = False

    def __post_init__(self) -> None:
        assert self.sort in SORTS, self.sort
        assert self.clock in ("", *CLOCKS), self.clock

    def words(self) -> list[fulltext.Wanted]:
        """What only the full text knows."""
        of_citizen = _OPEN if self.masked else None
        if not self.citizens:
            of_citizen = fulltext.NOTHING.match
        of_home = of_citizen if self.homes else fulltext.NOTHING.match
        return [
            *fulltext.match_number("n", self.number),
            *fulltext.match_number("p", self.phone, of_citizen),
            *fulltext.match_citizen(self.citizen, of_citizen),
            *fulltext.match_home(self.home, of_home),
            *(wanted for particular in self.extra for wanted in particular.wanted()),
            *fulltext.match_text(self.text, of_citizen, of_home),
        ]

    def chosen(self) -> dict[str, tuple[Any, ...]]:
        """What is counted off, with the values asked for."""
        found = {name: getattr(self, name) for name in (*GROUPED, "concerned") if getattr(self, name)}
        states = self.states()
        if states is not None:
            found["state"] = states
        if self.conflicts:
            found["conflicts"] = (1,)
        for name in FLAGS:
            asked = getattr(self, name)
            least = int(name == self.clock)
            wanted = tuple(value for value in (0, 1) if value >= least and asked in (None, bool(value)))
            if len(wanted) < 2:
                found[name] = wanted
        return found

    def states(self) -> tuple[str, ...] | None:
        """The states asked for by themselves and by list; None when neither is."""
        asked = [self.state] if self.state else []
        if self.lists:
            asked.append(tuple(state for name in self.lists if name in LISTS for state in states_in(name)))
        if not asked:
            return None
        return tuple(state for state in asked[0] if all(state in others for others in asked[1:]))

    def periods(self) -> dict[str, Period]:
        """The times that narrow, by column; that of registering is a range of places."""
        names = ("changed", "accepted", "dispatched", "closed")
        asked = {SORTS[name]: getattr(self, name) for name in names} | {"case_due_s": self.due}
        if self.clock in _CLOCK_PERIODS:
            asked |= _CLOCK_PERIODS[self.clock](self.now_s)
        if self.clock == "soon" and self.concerned:
            asked["due_s"] = Period(0.0, None)  # another unit's sub-order may be overdue already
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
    total: int
    """How many there were when the first page was shown: nobody counts them again for the next one."""
    more: bool = False
    back: bool = False

    def written(self) -> str:
        """As it stands in an address."""
        way, more = "before" if self.back else "after", "+" if self.more else ""
        return f"{way}~{self.value!r}~{self.doc}~{self.total}{more}"


def cursor(text: str) -> Cursor | None:
    """Read a cursor; None when it is none."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        return None
    way, value, doc, total, more = found.groups()
    return Cursor(float(value), int(doc), int(total), more == "+", way == "before")


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
