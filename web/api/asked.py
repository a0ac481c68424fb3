"""What a question of the API about tickets asks, as the values a query is made of."""

from typing import Any

from flask_babel import gettext

from appliance.tickets.finding import FLAGS, Particular, Period
from web.api import shapes
from web.api.serving import invalid
from web.context import box
from web.finding_form import NONE, SET_LATE

SINGLE = ("kind", "category", "urgency", "source", "area", "agent")
SEVERAL = (*SET_LATE, "round", "site")
TIMES = ("changed", "accepted", "dispatched", "closed", "due")


def single(query: shapes.Conditions) -> dict[str, Any]:
    """What one value is asked of."""
    return {name: (value,) for name in SINGLE if (value := getattr(query, name))}


def several(query: shapes.Conditions) -> dict[str, Any]:
    """What any of several values is asked of; one of them may stand for tickets without any."""
    return {name: tuple("" if word == NONE else word for word in getattr(query, name)) for name in SEVERAL}


def flags(query: shapes.Conditions) -> dict[str, Any]:
    """What a ticket is to be or not to be."""
    return {name: getattr(query, name) for name in FLAGS}


def further(query: shapes.Conditions) -> tuple[Particular, ...]:
    """What fields of kind and category are to hold; raises Refused when there is no such field."""
    found, extras = [], box().tickets.forms.extras()
    for pair in query.extra:
        name, _, text = pair.partition(":")
        if name not in extras:
            raise invalid("extra", gettext("the field %(name)s does not exist", name=name))
        found.append(Particular(name, text, whole=extras[name].type == "choice"))
    return tuple(found)


def periods(query: shapes.Conditions) -> dict[str, Any]:
    """The times that narrow, besides that of registering."""
    return {name: period(query, f"{name}_since", f"{name}_until") for name in TIMES}


def period(query: shapes.Conditions, since: str, until: str) -> Period:
    """From one time until another; raises Refused when the clock does not know one."""
    return Period(_unix(since, getattr(query, since)), _unix(until, getattr(query, until)))


def _unix(name: str, at: shapes.At | None) -> float | None:
    try:
        return None if at is None else at.timestamp()
    except (OverflowError, ValueError, OSError):
        raise invalid(name, "a time of the calendar") from None
