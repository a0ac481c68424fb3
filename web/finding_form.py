"""What a list of tickets is asked for: from an address to a query, and back to the form."""

import datetime
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from flask_babel import lazy_gettext
from werkzeug.datastructures import MultiDict

from appliance.interest import MAX_SITE
from appliance.people import Actor
from appliance.refused import Refused
from appliance.tickets.confidential import may_unmask
from appliance.tickets.finding import ANY_TIME, CLOCKS, FLAGS, SORTS, Particular, Period, Query
from appliance.tickets.forms import Extra
from appliance.tickets.maintained import EXTRA
from appliance.tickets.rights import UNIT_SEES
from appliance.tickets.workflow import LISTS, STATES
from web import access
from web.context import box
from web.veil import hidden_from

TEXT_MAX, VALUES_MAX = 100, 40
TEXTS = ("text", "number", "citizen", "phone", "home")
TIMES: Mapping[str, Any] = {
    "created": lazy_gettext("Registered"),
    "accepted": lazy_gettext("Accepted"),
    "dispatched": lazy_gettext("Dispatched"),
    "closed": lazy_gettext("Closed"),
    "due": lazy_gettext("Due (case)"),
}
ENDS = ("since", "until")
DAYS = tuple((f"{name}_{end}", title) for name, title in TIMES.items() for end in ENDS)
"""Days people write, and what the time is called they narrow."""
NUMBERS: Mapping[str, int] = {"round": 9, "site": MAX_SITE}
"""What is chosen by a number, and the largest one."""
SET_LATE = ("rating", "closing")
"""What a ticket has in the end only, if at all."""
NONE = "-"
"""Chosen of those: tickets that have none."""
MANY = ("state", "kind", "source", "category", "area", "urgency", "unit", "agent", *SET_LATE, *NUMBERS)
ORDER = ("sort", "way")
ALWAYS_SHOWN = frozenset({"list", "text", "state", "unit", "due", "conflicts", *ORDER})
"""What does not lie in the folded part of the form."""
TO_DO = {"U2": ("DISPATCHED", "HANDLING"), "UL": ("DISPATCHED", "HANDLING"), "CB": ("CALLBACK",)}
"""States in which a role has something to do; opened first."""
NOBODY = "-"
"""The unit of somebody who is confined to a unit and has none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A list as somebody asked for it: the words of the address, and the query they mean."""

    given: Mapping[str, tuple[str, ...]]
    query: Query
    faults: Mapping[str, Refused] = field(default_factory=dict)
    """What was typed and cannot be meant, by its word of the address."""

    def one(self, name: str) -> str:
        """A word of the address; empty when it is not there."""
        return self.given.get(name, ("",))[0]

    def has(self, name: str, value: str) -> bool:
        """Whether this value was chosen."""
        return value in self.given.get(name, ())

    @property
    def narrowed(self) -> bool:
        """Whether anything but the list itself was asked for."""
        return bool(set(self.given) - {"list", *ORDER})

    @property
    def unfolded(self) -> bool:
        """Whether something lies in the folded part of the form."""
        return bool(set(self.given) - ALWAYS_SHOWN)

    def address(self, endpoint: str = "tickets.page", **changes: str) -> str:
        """The address of this list with some of it changed; empty takes out."""
        kept = {name: list(values) for name, values in self.given.items()}
        kept |= {name: [value] if value else [] for name, value in changes.items()}
        pairs = [(name, value) for name, values in kept.items() for value in values]
        return url_for(endpoint) + (f"?{urlencode(pairs)}" if pairs else "")

    def meant(self) -> "Asked":
        """The same, when all that was typed can be meant; raises Refused."""
        for refused in self.faults.values():
            raise refused
        return self

    def words(self) -> str:
        """The conditions as they are kept with a saved view, and told of an export."""
        return urlencode([(name, value) for name, values in self.given.items() for value in values])


def only_unit(person: Actor) -> str | None:
    """Return the unit somebody is confined to; None for the centre, which sees all."""
    return None if person.has(*access.CENTRE) else person.unit or NOBODY


def to_do(person: Actor) -> tuple[str, ...]:
    """The states in which somebody has something to do."""
    return tuple(dict.fromkeys(state for role in sorted(person.roles) for state in TO_DO.get(role, ())))


def asked_for(args: MultiDict[str, str], person: Actor) -> Asked:
    """Read what is asked for; what makes no sense is left out, what one may not see is never found."""
    given = _given(args)
    if not given and to_do(person) and not person.has("AG", "TL", "DP", "AD"):
        given = {"list": ("to_do",)}
    query = _query(given, person)
    unit = only_unit(person)
    if unit is not None:
        states = query.states()
        seen = UNIT_SEES if states is None else tuple(state for state in states if state in UNIT_SEES)
        query = replace(query, lists=(), state=seen or ("",), concerned=(unit,), unit=query.unit and (unit,))
    return Asked(given, as_known_to(person, query), _faults(given))


def as_known_to(person: Actor, query: Query) -> Query:
    """A query that finds nobody by what somebody may not know of citizens."""
    hidden = hidden_from(person)
    return replace(
        query,
        masked=not may_unmask(person),
        citizens=hidden.isdisjoint({"citizen", "phone", "behalf"}),
        homes="home" not in hidden,
    )


def _given(args: MultiDict[str, str]) -> dict[str, tuple[str, ...]]:
    known = (*TEXTS, *MANY, *FLAGS, *ORDER, "conflicts", "list", "due", *(name for name, *_ in DAYS))
    given = {}
    if any(map(_is_extra, args)):
        known += tuple(EXTRA + name for name in box().tickets.forms.extras())
    for name in known:
        values = [value.strip()[:TEXT_MAX] for value in args.getlist(name)[:VALUES_MAX]]
        if kept := tuple(dict.fromkeys(value for value in values if value)):
            given[name] = kept if name in MANY else kept[:1]
    return given


def _query(given: Mapping[str, tuple[str, ...]], person: Actor) -> Query:
    one = {name: values[0] for name, values in given.items()}
    name = one.get("list", "")
    state = tuple(state for state in given.get("state", ()) if state in STATES)
    if name == "to_do":
        state = tuple(s for s in to_do(person) if s in state) if state else to_do(person)
        state = state or ("",)
    clock = one.get("due", "")
    sort = one.get("sort", "due" if clock in CLOCKS else "created")
    values: dict[str, Any] = {name: given.get(name, ()) for name in MANY if name not in ("state", *NUMBERS)}
    values |= {name: tuple(word if word != NONE else "" for word in values[name]) for name in SET_LATE}
    values |= {name: one.get(name, "") for name in TEXTS}
    values |= {name: _period(one, name) for name in TIMES}
    values |= {name: {"yes": True, "no": False}.get(one.get(name, "")) for name in FLAGS}
    values |= {name: _numbers(given.get(name, ()), most) for name, most in NUMBERS.items()}
    return Query(
        **values,
        lists=(name,) if name in LISTS else (),
        state=state,
        conflicts="conflicts" in given,
        extra=_particulars(one),
        clock=clock if clock in CLOCKS else "",
        now_s=time.time(),
        sort=sort if sort in SORTS else "created",
        ascending=one.get("way", "up" if sort == "due" else "") == "up",
    )


def _numbers(words: tuple[str, ...], most: int) -> tuple[int, ...]:
    found = (int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= len(str(most)))
    return tuple(number for number in found if number <= most)


def _particulars(one: Mapping[str, str]) -> tuple[Particular, ...]:
    extras: Mapping[str, Extra] = box().tickets.forms.extras() if any(map(_is_extra, one)) else {}
    return tuple(
        Particular(name, one[EXTRA + name], whole=extra.type == "choice")
        for name, extra in extras.items()
        if EXTRA + name in one
    )


def _is_extra(name: str) -> bool:
    return name.startswith(EXTRA)


def _period(one: Mapping[str, str], name: str) -> Period:
    since, until = (_day(one.get(f"{name}_{end}", ""), days) for end, days in zip(ENDS, (0, 1), strict=True))
    return ANY_TIME if since is None and until is None else Period(since, until)


def _day(text: str, later: int = 0) -> float | None:
    """When a day begins here, `later` days on; None when no day is written."""
    try:
        day = datetime.date.fromisoformat(text) + datetime.timedelta(days=later)
        return time.mktime(day.timetuple())
    except (ValueError, OverflowError):
        return None


def _faults(given: Mapping[str, tuple[str, ...]]) -> dict[str, Refused]:
    """Days that were written and are none."""
    return {
        name: Refused(
            "bad_date",
            "%(field)s: %(text)s is no day of the calendar; write it like 2027-03-31.",
            field=str(title),
            text=given[name][0],
        )
        for name, title in DAYS
        if name in given and None in (_day(given[name][0]), _day(given[name][0], 1))
    }
