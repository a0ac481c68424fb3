"""Tickets that look like the same matter, found by their keys: never by comparing all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.tickets import table
from appliance.tickets.alike_keys import matter_of
from appliance.tickets.duplicates import (
    WINDOW_S,
    WORTH_A_LOOK,
    Likeness,
    Matter,
    asked,
    likeness,
    overlap,
)
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import STATES

if TYPE_CHECKING:
    from appliance.store.store import Store

A_KEY_MAX = 40
"""So many of the newest tickets of a key are looked at."""
SCORED_MAX = 120
_FIND = 'SELECT tid FROM likeness WHERE "key" = ? AND at_s BETWEEN ? AND ? ORDER BY at_s DESC LIMIT ?'


@dataclass(frozen=True, slots=True)
class Alike:
    """A ticket that may be the same matter."""

    ticket: Ticket
    likeness: Likeness


def _compared(ticket: Ticket) -> Matter:
    """A confidential ticket is not found by whose it is, only by what it is about."""
    matter = matter_of(ticket)
    return replace(matter, phone="") if ticket.confidential else matter


def overlap_of(grams: frozenset[str], ticket: Ticket) -> float:
    """The share of its text a ticket has in common with a matter."""
    return overlap(grams, matter_of(ticket).grams)


def takes_in(ticket: Ticket) -> bool:
    """Tell whether others may be merged into a ticket: it is open, and not merged itself."""
    state = STATES.get(ticket.state)
    return state is not None and state.list != "closed" and ticket.state not in ("DRAFT", "MERGED")


def of_citizen(store: Store, ticket: Ticket, limit: int) -> list[Ticket]:
    """Return the newest open tickets of the same customer or number; confidential ones stay out."""
    by = {"customer": ticket.customer, "phone": ticket.phone}
    known = {name: value for name, value in by.items() if value}
    if not known:
        return []
    same = " UNION ".join(f"SELECT tid FROM ticket WHERE {name} = ?" for name in known)
    found = table.select(
        store,
        f"tid IN ({same}) AND tid <> ? AND NOT confidential ORDER BY created_s DESC LIMIT ?",
        *(*known.values(), ticket.tid, A_KEY_MAX),
    )
    return [other for other in found if takes_in(other)][:limit]


def find(store: Store, matter: Matter, without: bytes = b"", limit: int = 8) -> list[Alike]:
    """Tickets that may be the same matter as this, the likeliest first."""
    since, until = int(matter.at_s - WINDOW_S), int(matter.at_s + WINDOW_S)
    shared: Counter[bytes] = Counter()
    for key in asked(matter):
        for (tid,) in store.rows(_FIND, key, since, until, A_KEY_MAX):
            shared[bytes(tid)] += 1
    del shared[without]
    tids = [tid for tid, _ in shared.most_common(SCORED_MAX)]
    marks = ", ".join("?" * len(tids))
    tickets = table.select(store, f"tid IN ({marks})", *tids) if tids else []
    found = [Alike(ticket, likeness(matter, _compared(ticket))) for ticket in tickets]
    found = [alike for alike in found if alike.likeness.score >= WORTH_A_LOOK]
    return sorted(found, key=lambda a: (-a.likeness.score, -a.ticket.created_s, a.ticket.tid))[:limit]
