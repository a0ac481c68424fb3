"""What tickets are found, ordered and counted by: a narrow row a ticket, its full text, and counts.

`doc` is a ticket's place in the full text. It is made of the time it was registered, so that what the
full text finds is in order of time already, and a period is a range of places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from appliance.tickets import fulltext
from appliance.tickets.ticket import Ticket

if TYPE_CHECKING:
    from appliance.store.store import Store

STEPS = 4
"""So many tickets of one millisecond have places of that millisecond."""
LAST_MS = 2**48
NEVER_S = 0.0
"""Stands for a time that has not come."""
KEYS: Mapping[str, str] = {
    "state": "s",
    "kind": "k",
    "source": "o",
    "category": "c",
    "area": "a",
    "urgency": "y",
    "unit": "u",
    "agent": "g",
    "rating": "q",
    "round": "e",
    "conflicts": "x",
    "confidential": "z",
    "site": "i",
}
"""What is counted off, and the letter of its token."""
TIMES = ("created_s", "changed_s", "accepted_s", "dispatched_s", "closed_s", "due_s")
GROUPED = ("state", "kind", "source", "category", "area", "urgency", "unit", "agent", "rating", "round")
COLUMNS = ("doc", "tid", *TIMES, *GROUPED)
INSERT = f"INSERT INTO ticket_facet ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_COUNT = (
    "INSERT INTO ticket_count (unit, state, tickets) VALUES (?, ?, ?)"
    " ON CONFLICT (unit, state) DO UPDATE SET tickets = tickets + excluded.tickets"
)
_NO_COUNT = "DELETE FROM ticket_count WHERE unit = ? AND state = ? AND tickets = 0"
COUNT_ALL = (
    "INSERT INTO ticket_count (unit, state, tickets)"
    " SELECT unit, state, count(*) FROM ticket_facet GROUP BY unit, state"
)
_PLACES = "SELECT doc FROM ticket_facet WHERE doc >= ? ORDER BY doc LIMIT 1"

_VALUES: Mapping[str, Callable[[Ticket], Any]] = {
    "agent": lambda ticket: ticket.created_by,
    "due_s": lambda ticket: getattr(ticket, "case_due_s", None),
    "conflicts": lambda ticket: min(ticket.conflicts, 1),
    "confidential": lambda ticket: int(ticket.confidential),
    "round": lambda ticket: min(ticket.round, 9),
}
"""What is not simply the field of that name."""


def clear(store: Store) -> None:
    """Forget all that tickets are found by."""
    store.execute("DELETE FROM ticket_facet")
    store.execute("DELETE FROM ticket_count")
    store.execute(fulltext.DELETE_ALL)


def value(ticket: Ticket, name: str) -> Any:
    """What a ticket is found by under this name."""
    special = _VALUES.get(name)
    return special(ticket) if special else getattr(ticket, name)


def row(ticket: Ticket, doc: int) -> tuple[Any, ...]:
    """The narrow row."""
    times = (value(ticket, name) or NEVER_S for name in TIMES)
    return (doc, ticket.tid, *times, *(value(ticket, name) for name in GROUPED))


def text(ticket: Ticket) -> tuple[str, str, str]:
    """What stands in the full text: words, citizen, keys."""
    words = (ticket.title, ticket.content, ticket.address, ticket.result, ticket.answer)
    keys = [fulltext.key(letter, value(ticket, name)) for name, letter in KEYS.items()]
    keys += fulltext.number_keys("n", ticket.number) + fulltext.number_keys("p", ticket.phone)
    return fulltext.split(*words), fulltext.split(ticket.citizen), " ".join(keys)


def first_doc(at_s: float) -> int:
    """The first place of a time."""
    return min(max(0, round(at_s * 1000)), LAST_MS) * STEPS


def place(tid: bytes) -> int:
    """The place a ticket has unless another one is there."""
    return int.from_bytes(tid[:6], "big") * STEPS


def doc_of(store: Store, tid: bytes) -> int | None:
    """The place of a ticket that has one."""
    found = store.rows("SELECT doc FROM ticket_facet WHERE tid = ?", tid)
    return int(found[0][0]) if found else None


def keep(store: Store, ticket: Ticket, before: Ticket | None) -> None:
    """Bring all that a ticket is found by up to date; call when its row is written."""
    doc = doc_of(store, ticket.tid)
    if doc is None:
        doc = _free(store, place(ticket.tid))
        store.execute(INSERT, *row(ticket, doc))
        store.execute(fulltext.INSERT, doc, *text(ticket))
        store.execute(_COUNT, ticket.unit, ticket.state, 1)
        return
    assert before is not None, "a ticket that has a place was there before"
    _change_row(store, row(before, doc), row(ticket, doc))
    old, new = text(before), text(ticket)
    if old != new:
        store.execute(fulltext.DELETE, doc, *old)
        store.execute(fulltext.INSERT, doc, *new)
    if (before.unit, before.state) != (ticket.unit, ticket.state):
        store.execute(_COUNT, before.unit, before.state, -1)
        store.execute(_NO_COUNT, before.unit, before.state)
        store.execute(_COUNT, ticket.unit, ticket.state, 1)


def _change_row(store: Store, old: tuple[Any, ...], new: tuple[Any, ...]) -> None:
    changed = [(name, now) for name, was, now in zip(COLUMNS, old, new, strict=True) if was != now]
    if changed:
        setting = ", ".join(f"{name} = ?" for name, _ in changed)
        store.execute(
            f"UPDATE ticket_facet SET {setting} WHERE doc = ?", *(now for _, now in changed), new[0]
        )


def _free(store: Store, doc: int) -> int:
    """The first free place from this one on."""
    while (found := store.rows(_PLACES, doc)) and found[0][0] == doc:
        doc += 1
    return doc
