"""Two people edit one ticket: what they changed apart is brought together, what both changed is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from appliance.refused import Refused
from appliance.tickets.fields import FIELDS
from appliance.tickets.ticket import Ticket, replay

if TYPE_CHECKING:
    from appliance.store.store import Store


def changes(store: Store, ticket: Ticket, typed: Mapping[str, Any], seen: bytes | None) -> dict[str, Any]:
    """What of the typed fields is a change of the ticket as its page showed it (`seen`: its last_eid).

    Raises Refused("changed") when somebody else has changed one of these fields since, to
    something else; fields left as they were shown change nothing, whatever they are now.
    """
    shown = ticket if seen is None or seen >= ticket.last_eid else _as_seen(store, ticket, seen)
    found: dict[str, Any] = {}
    for name, value in typed.items():
        if name == "extra":
            if extra := _of_extra(shown.extras, ticket.extras, value):
                found[name] = extra
        elif value not in (getattr(shown, name), getattr(ticket, name)):
            _same(name, getattr(shown, name), getattr(ticket, name))
            found[name] = value
    return found


def _of_extra(shown: Mapping[str, str], now: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, value in typed.items():
        before, there = shown.get(name, ""), now.get(name, "")
        if value not in (before, there):
            _same("extra", before, there)
            found[name] = value
    return found


def _same(name: str, shown: object, now: object) -> None:
    if shown != now:
        raise Refused(
            "changed",
            "Somebody else has changed %(field)s meanwhile. Look at it again; what you typed is kept.",
            field=FIELDS[name].en,
        )


def _as_seen(store: Store, ticket: Ticket, seen: bytes) -> Ticket:
    return replay(event for event in store.history(ticket.tid) if event.eid <= seen) or ticket
