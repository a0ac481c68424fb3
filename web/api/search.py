"""Tickets found over the API: by everything the full text and the narrow rows know, page by page by key."""

import time
from dataclasses import replace

from appliance.tickets.finder import Found
from appliance.tickets.finding import Query, cursor
from appliance.tickets.rights import UNIT_SEES
from web.api import outside, shapes, sight
from web.api.asked import flags, further, period, periods, several, single
from web.api.door import lacks
from web.api.serving import invalid
from web.api.tickets import told
from web.context import box, me
from web.finding_form import as_known_to, only_unit

_OF_CITIZENS = ("phone", "citizen", "home")


def search(query: shapes.Search) -> shapes.Tickets:
    """Find tickets, newest first."""
    _check_scope(query)
    found = outside.found(query) if sight.outside(me()) else _found(query)
    return shapes.Tickets(
        [told(ticket) for ticket in found.tickets], found.older or None, found.total, found.more
    )


def sums(query: shapes.SumsAsked) -> shapes.Sums:
    """Count what is found, by one or two of its fields."""
    _check_scope(query)
    if not 1 <= len(query.by) <= 2 or len(set(query.by)) < len(query.by):
        raise invalid("by", "one or two different fields")
    asked = _asked(query)
    counted = box().tickets.finder.sums(asked, query.by) if asked else {}
    return shapes.Sums([shapes.Sum([str(value) for value in values], n) for values, n in counted.items()])


def _check_scope(query: shapes.Conditions) -> None:
    if any(getattr(query, name) for name in _OF_CITIZENS) and not sight.knows_citizens():
        raise lacks("citizens:read")


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
    asked = Query(
        text=query.text,
        number=query.number,
        phone=query.phone,
        citizen=query.citizen,
        home=query.home,
        lists=query.list,
        state=states,
        **single(query),
        **several(query),
        **flags(query),
        **periods(query),
        extra=further(query),
        concerned=(concerned,) if concerned else (),
        clock=query.clock or "",
        now_s=time.time(),
        conflicts=query.conflicts,
        created=period(query, "since", "until"),
    )
    known = as_known_to(me(), asked)
    return known if sight.knows_citizens() else replace(known, citizens=False)
