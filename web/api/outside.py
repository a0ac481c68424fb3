"""Tickets a system outside finds among what it brought or was given."""

import re
from collections.abc import Iterator, Sequence

from appliance.events import earliest
from appliance.store.engine import containing, holds
from appliance.tickets import table
from appliance.tickets.finder import Found
from appliance.tickets.finding import Period, Query
from appliance.tickets.workflow import states_in
from web.api import shapes, sight
from web.api.asked import SINGLE, further, period, periods, several
from web.api.serving import invalid
from web.context import box

WORDS_MAX = 8
_CURSOR = re.compile(r"[0-9a-f]{32}")
_TEXTS = ("number", "title", "content", "address")
_COLUMNS = {"agent": "created_by"}
Condition = tuple[str, list[object]]


def found(query: shapes.Search) -> Found:
    """The newest first."""
    where, values = sight.narrowed()
    for condition, of in (*_chosen(query), *_written(query), *_in_time(query), *_behind(query.after)):
        where += f" AND {condition}"
        values = [*values, *of]
    order = f"{where} ORDER BY tid DESC LIMIT ?"
    rows = table.select(box().store, order, *values, query.rows + 1)
    more, rows = len(rows) > query.rows, rows[: query.rows]
    return Found(rows, len(rows), more, older=rows[-1].tid.hex() if more else "")


def _chosen(query: shapes.Search) -> Iterator[Condition]:
    """What is chosen from a list, or is so or not."""
    for states in filter(None, (query.state, [s for name in query.list for s in states_in(name)])):
        yield _among("state", states)
    for name, values in several(query).items():
        if values:
            yield _among(name, values)
    for name in (*SINGLE, "phone", "unit"):
        if value := getattr(query, name):
            yield f"{_COLUMNS.get(name, name)} = ?", [value]
    for name in ("confidential", "key", "provisional"):
        if (flag := getattr(query, name)) is not None:
            yield f"coalesce({name}, FALSE) = ?", [flag]
    if query.paused is not None:
        yield f"paused_s IS {'NOT ' if query.paused else ''}NULL", []


def _among(column: str, values: Sequence[object]) -> Condition:
    return f"{column} IN ({', '.join('?' * len(values))})", [*values]


def _written(query: shapes.Search) -> Iterator[Condition]:
    """Words, and what the full text alone can tell."""
    for word in query.text.split()[:WORDS_MAX]:
        pattern = containing(word)
        yield f"({' OR '.join(holds(column) for column in _TEXTS)})", [pattern] * len(_TEXTS)
    asked = Query(number=query.number, citizen=query.citizen, home=query.home, extra=further(query))
    for wanted in asked.words():
        tids, values = box().store.engine.text.tids(wanted.match)
        yield f"tid IN ({tids})", values


def _in_time(query: shapes.Search) -> Iterator[Condition]:
    created, asked = period(query, "since", "until"), dict[str, Period]()
    for sign, at_s in ((">=", created.since_s), ("<", created.until_s)):
        if at_s is not None:
            yield f"tid {sign} ?", [earliest(at_s)]
    for name, asked_for in periods(query).items():
        asked["case_due_s" if name == "due" else f"{name}_s"] = asked_for
    for column, between in asked.items():
        for sign, at_s in ((">=", between.since_s), ("<", between.until_s)):
            if at_s is not None:
                yield f"{column} {sign} ?", [at_s]


def _behind(after: str) -> Iterator[Condition]:
    """What comes behind the page before."""
    if not after:
        return
    if not _CURSOR.fullmatch(after):
        raise invalid("after", "`next` of the page before")
    yield "tid < ?", [bytes.fromhex(after)]
