"""What a list of tickets is asked for: from an address to a query, and back to the form."""

import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.datastructures import MultiDict

from appliance.interest import MAX_SITE
from appliance.people import Actor
from appliance.tickets.confidential import may_unmask
from appliance.tickets.fields import KINDS, RATINGS, SOURCES, URGENCIES
from appliance.tickets.finding import ANY_TIME, CLOCKS, SORTS, Period, Query
from appliance.tickets.rights import UNIT_SEES
from appliance.tickets.workflow import LISTS, STATES
from web import access, due_shown, shown
from web.context import box
from web.dictionary import category_names, unit_names, units
from web.site_views import known_sites
from web.veil import hidden_from

TEXT_MAX, VALUES_MAX = 100, 40
TEXTS = ("text", "number", "citizen", "phone")
TIMES: Mapping[str, Any] = {
    "created": lazy_gettext("Registered"),
    "accepted": lazy_gettext("Accepted"),
    "dispatched": lazy_gettext("Dispatched"),
    "closed": lazy_gettext("Closed"),
    "due": lazy_gettext("Due (case)"),
}
NUMBERS: Mapping[str, int] = {"round": 9, "site": MAX_SITE}
"""What is chosen by a number, and the largest one."""
MANY = ("state", "kind", "source", "category", "area", "urgency", "unit", "agent", "rating", *NUMBERS)
FLAGS = ("conflicts", "confidential")
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
    knows = hidden_from(person).isdisjoint({"citizen", "phone"})
    return Asked(given, replace(query, masked=not may_unmask(person), citizens=knows))


def _given(args: MultiDict[str, str]) -> dict[str, tuple[str, ...]]:
    known = (*TEXTS, *MANY, *FLAGS, *ORDER, "list", "due", *(f"{t}_{end}" for t in TIMES for end in ENDS))
    given = {}
    for name in known:
        values = [value.strip()[:TEXT_MAX] for value in args.getlist(name)[:VALUES_MAX]]
        if kept := tuple(dict.fromkeys(value for value in values if value)):
            given[name] = kept if name in MANY else kept[:1]
    return given


ENDS = ("since", "until")


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
    values |= {name: one.get(name, "") for name in TEXTS} | {name: _period(one, name) for name in TIMES}
    values |= {name: _numbers(given.get(name, ()), most) for name, most in NUMBERS.items()}
    return Query(
        **values,
        lists=(name,) if name in LISTS else (),
        state=state,
        conflicts="conflicts" in given,
        confidential={"yes": True, "no": False}.get(one.get("confidential", "")),
        clock=clock if clock in CLOCKS else "",
        now_s=time.time(),
        sort=sort if sort in SORTS else "created",
        ascending=one.get("way", "up" if sort == "due" else "") == "up",
    )


def _numbers(words: tuple[str, ...], most: int) -> tuple[int, ...]:
    found = (int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= len(str(most)))
    return tuple(number for number in found if number <= most)


def _period(one: Mapping[str, str], name: str) -> Period:
    since, until = (_day(one.get(f"{name}_{end}", ""), days) for end, days in zip(ENDS, (0, 1), strict=True))
    return ANY_TIME if since is None and until is None else Period(since, until)


def _day(text: str, later: int) -> float | None:
    """When a day begins here, `later` days on; None when none is written."""
    try:
        day = datetime.date.fromisoformat(text) + datetime.timedelta(days=later)
        return time.mktime(day.timetuple())
    except (ValueError, OverflowError):
        return None


def choices() -> dict[str, list[tuple[str, str]]]:
    """What may be chosen of everything that is counted off: word and name."""
    return {
        "state": [(state.name, shown.pick((state.zh, state.en))) for state in STATES.values()],
        "kind": shown.choices(KINDS),
        "source": shown.choices(SOURCES),
        "urgency": shown.choices(URGENCIES),
        "rating": shown.choices(RATINGS),
        "unit": [(unit["code"], unit["title"]) for unit in units()],
        "category": sorted(category_names().items()),
        "area": [(area, area) for area in box().districts.names()],
        "site": [(str(number), _site(number, names)) for number, names in known_sites(box().store).items()],
        "round": [("0", gettext("None")), ("1", "1"), ("2", "2")],
    }


def _site(number: int, names: tuple[str, str]) -> str:
    return shown.pick(names) or str(gettext("Site %(number)s", number=number) if number else gettext("Hub"))


def title_of(name: str) -> str:
    """What a condition is called."""
    special: dict[str, str] = {
        "state": gettext("State"),
        "source": gettext("Source"),
        "agent": gettext("Agent"),
        "round": gettext("Second dispatches"),
        "site": gettext("Site"),
        "text": gettext("Number, text, address or phone"),
        "number": gettext("Number"),
        "list": gettext("List"),
        "due": gettext("Due"),
        "conflicts": gettext("Lost races only"),
    }
    return str(special.get(name) or shown.field_title(name))


def value_title(name: str, value: object) -> str:
    """What a value is called."""
    word = str(value)
    if not word:
        return str(gettext("(none)"))
    if name == "unit":
        return unit_names().get(word, word)
    if name == "category":
        return category_names().get(word, word)
    if name == "site" and word.isdigit():
        return _site(int(word), known_sites(box().store).get(int(word), ("", "")))
    return _NAMES[name](word) if name in _NAMES else word


def named(asked: Asked) -> list[tuple[str, str]]:
    """The conditions of a list in words, for whoever reads what came of it."""
    lines = []
    for name, values in asked.given.items():
        if name in ORDER or (name, values) == ("list", ("all",)):
            continue
        base, _, end = name.rpartition("_")
        if base in TIMES:
            sign = "≥" if end == "since" else "≤"
            lines.append((str(TIMES[base]), f"{sign} {values[0]}"))
        else:
            lines.append((title_of(name), "、".join(value_title(name, value) for value in values)))
    return lines


_NAMES: Mapping[str, Callable[[str], str]] = {
    "state": shown.state_title,
    "kind": lambda word: shown.one_of(word, KINDS),
    "source": lambda word: shown.one_of(word, SOURCES),
    "urgency": lambda word: shown.one_of(word, URGENCIES),
    "rating": lambda word: shown.one_of(word, RATINGS),
    "list": lambda word: shown.list_title(word) if word in LISTS else gettext("To do"),
    "due": lambda word: str(due_shown.CHOICES.get(word, word)),
    "conflicts": lambda word: gettext("yes"),
    "confidential": lambda word: gettext("yes") if word == "yes" else gettext("no"),
}
"""How a word of each is shown; others as they are."""
