"""Tickets found over the API: by everything the full text and the narrow rows know, page by page by key."""

import re
import time
from typing import Any

from appliance.store.engine import containing, holds
from appliance.tickets import table
from appliance.tickets.confidential import may_unmask
from appliance.tickets.finder import Found
from appliance.tickets.finding import Period, Query, cursor
from appliance.tickets.rights import UNIT_SEES
from appliance.tickets.workflow import states_in
from web.api import shapes, sight
from web.api.door import lacks
from web.api.serving import invalid
from web.api.tickets import told
from web.context import box, me
from web.finding_form import only_unit

WORDS_MAX = 8
_CURSOR = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)_([0-9a-f]{32})")
_SINGLE = ("kind", "category", "urgency", "source", "area")
_TEXTS = ("number", "title", "content", "address")


def search(query: shapes.Search) -> shapes.Tickets:
    """Find tickets, newest first."""
    if query.phone and not sight.knows_citizens():
        raise lacks("citizens:read")
    found = _of_outside(query) if sight.outside(me()) else _found(query)
    return shapes.Tickets(
        [told(ticket) for ticket in found.tickets], found.older or None, found.total, found.more
    )


def sums(query: shapes.SumsAsked) -> shapes.Sums:
    """Count what is found, by one or two of its fields."""
    if query.phone and not sight.knows_citizens():
        raise lacks("citizens:read")
    if not 1 <= len(query.by) <= 2 or len(set(query.by)) < len(query.by):
        raise invalid("by", "one or two different fields")
    asked = _asked(query)
    counted = box().tickets.finder.sums(asked, query.by) if asked else {}
    return shapes.Sums([shapes.Sum([str(value) for value in values], n) for values, n in counted.items()])


def _found(query: shapes.Search) -> Found:
    """What the centre finds, or a unit among its own."""
    if query.after and cursor(query.after) is None:
        raise invalid("after", "`next` of the page before")
    asked = _asked(query)
    return box().tickets.finder.find(asked, query.after, query.rows) if asked else Found([], 0, False)


def _asked(query: shapes.Conditions) -> Query | None:
    """What is asked for as a query; None when nothing can be found."""
    unit, states = only_unit(me()), query.state
    if unit is not None:
        states = tuple(state for state in query.state or UNIT_SEES if state in UNIT_SEES)
    strange = unit is not None and query.unit not in ("", unit)
    if strange or (unit is not None and not states):
        return None
    concerned = unit or query.unit
    single: dict[str, Any] = {name: (value,) for name in _SINGLE if (value := getattr(query, name))}
    return Query(
        text=query.text,
        phone=query.phone,
        lists=query.list,
        state=states,
        site=query.site,
        **single,
        concerned=(concerned,) if concerned else (),
        clock=query.clock or "",
        now_s=time.time(),
        conflicts=query.conflicts,
        created=Period(_unix("since", query.since), _unix("until", query.until)),
        masked=not may_unmask(me()),
        citizens=sight.knows_citizens(),
    )


def _of_outside(query: shapes.Search) -> Found:
    """What a system outside finds among what it brought or was given."""
    where, values = sight.narrowed()
    for states in filter(None, (query.state, [s for name in query.list for s in states_in(name)])):
        where += f" AND state IN ({', '.join('?' * len(states))})"
        values += states
    if query.site:
        where += f" AND site IN ({', '.join('?' * len(query.site))})"
        values += query.site
    for name in (*_SINGLE, "phone", "unit"):
        if value := getattr(query, name):
            where += f" AND {name} = ?"
            values.append(value)
    for word in query.text.split()[:WORDS_MAX]:
        pattern = containing(word)
        where += " AND (" + " OR ".join(holds(column) for column in _TEXTS) + ")"
        values += [pattern] * len(_TEXTS)
    for sign, at_s in ((">=", _unix("since", query.since)), ("<", _unix("until", query.until))):
        if at_s is not None:
            where += f" AND created_s {sign} ?"
            values.append(at_s)
    if query.after:
        begin = _CURSOR.fullmatch(query.after)
        if begin is None:
            raise invalid("after", "`next` of the page before")
        where += " AND (created_s, tid) < (?, ?)"
        values += [float(begin[1]), bytes.fromhex(begin[2])]
    order = f"{where} ORDER BY created_s DESC, tid DESC LIMIT ?"
    rows = table.select(box().store, order, *values, query.rows + 1)
    more, rows = len(rows) > query.rows, rows[: query.rows]
    return Found(rows, len(rows), more, older=f"{rows[-1].created_s!r}_{rows[-1].tid.hex()}" if more else "")


def _unix(name: str, at: shapes.At | None) -> float | None:
    try:
        return None if at is None else at.timestamp()
    except (OverflowError, ValueError, OSError):
        raise invalid(name, "a time of the calendar") from None
