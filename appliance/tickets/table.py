"""The ticket table: a row is a folded ticket, brought up to date with every event of its family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import astuple

from appliance.events import Event
from appliance.tickets import alike_keys, facets, messages
from appliance.tickets.bodies import Body, Created, body_of
from appliance.tickets.ticket import Ticket, fold, replay

if TYPE_CHECKING:
    from appliance.store.store import Store

_FIELDS = Ticket.__struct_fields__
COLUMNS = ", ".join(f'"{name}"' for name in _FIELDS)
INSERT = f"INSERT INTO ticket ({COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"
_BLOBS = tuple(_FIELDS.index(name) for name in ("tid", "last_eid", "state_eid", "call"))
_FLAGS = tuple(
    _FIELDS.index(name)
    for name in ("confidential", "anonymous", "callback", "key", "designated", "provisional")
)
_DEFAULTS = dict(zip(_FIELDS[-len(Ticket.__struct_defaults__) :], Ticket.__struct_defaults__, strict=True))
_UNSET = tuple((at, _DEFAULTS[name]) for at, name in enumerate(_FIELDS) if _DEFAULTS.get(name) is not None)
"""Columns that came later are null in rows of an older version: what they stand for."""
_BEGINS_LATER = "SELECT 1 FROM event WHERE eid = ? AND pos > (SELECT pos FROM event WHERE eid = ?)"
_CAME_EARLIER = (
    "SELECT 1 FROM event WHERE subject = ? AND pos < (SELECT pos FROM event WHERE eid = ?) LIMIT 1"
)


def load(store: Store, tid: bytes) -> Ticket | None:
    """Return a ticket by its id."""
    return store.once(("ticket", tid), lambda: next(iter(select(store, "tid = ?", tid)), None))


def select(store: Store, where: str, *values: object) -> list[Ticket]:
    """Return the tickets a WHERE clause (with ORDER BY and LIMIT behind it) finds."""
    return [_ticket(row) for row in store.rows(f"SELECT {COLUMNS} FROM ticket WHERE {where}", *values)]


def save(store: Store, ticket: Ticket, before: Ticket | None) -> None:
    """Write a ticket's row; of one that is there only what changed, so that few indexes are touched."""
    write(store, ticket, before)
    store.now(("ticket", ticket.tid), ticket)
    facets.keep(store, ticket, before)


def write(store: Store, ticket: Ticket, before: Ticket | None) -> None:
    """Write the row itself, without what it is found by."""
    if before is None:
        store.execute(INSERT, *astuple(ticket))
        return
    changed = [
        (name, new)
        for name, old, new in zip(_FIELDS, astuple(before), astuple(ticket), strict=True)
        if old != new
    ]
    if changed:
        setting = ", ".join(f'"{name}" = ?' for name, _ in changed)
        store.execute(f"UPDATE ticket SET {setting} WHERE tid = ?", *(new for _, new in changed), ticket.tid)


def project(store: Store, event: Event) -> None:
    """Fold an event into its row; one that sorts before what is folded makes the whole history fold anew.

    One that came before the beginning of its ticket waits for it, even when both came together: tickets
    of one moment have their places in the order in which their beginnings came. Raises ValueError when
    the event is malformed.
    """
    body = body_of(event)
    if body is None:
        return
    row = load(store, event.subject)
    if row is None and not isinstance(body, Created) and store.rows(_BEGINS_LATER, event.subject, event.eid):
        return
    ticket: Ticket | None
    if row is not None and event.eid > row.last_eid:
        ticket = fold(row, event)
    elif (
        row is None and isinstance(body, Created) and not store.rows(_CAME_EARLIER, event.subject, event.eid)
    ):
        ticket = fold(None, event)
    else:
        ticket = replay(store.history(event.subject))
    if ticket is not None:
        save(store, ticket, row)
        alike_keys.keep(store, ticket, row)
    link(store, event, body)


def forget(store: Store, tid: bytes) -> None:
    """Take a ticket's row and all it is found by away; the events stay."""
    ticket = load(store, tid)
    if ticket is not None:
        facets.forget(store, ticket)
        store.execute("DELETE FROM likeness WHERE tid = ? AND at_s = ?", tid, int(ticket.created_s))
        store.execute("DELETE FROM ticket WHERE tid = ?", tid)
        store.now(("ticket", tid), None)


def link(store: Store, event: Event, body: Body) -> None:
    """Show at the short message a ticket came as which one that is."""
    if isinstance(body, Created) and body.message:
        mid = bytes.fromhex(body.message)
        store.execute("UPDATE short_message SET ticket = ? WHERE mid = ?", event.subject, mid)
        messages.blank(store, event.subject)


def _ticket(row: tuple[Any, ...]) -> Ticket:
    values = list(row)
    for at in _BLOBS:
        if values[at] is not None:
            values[at] = bytes(values[at])
    for at, default in _UNSET:
        if values[at] is None:
            values[at] = default
    for at in _FLAGS:
        values[at] = bool(values[at])
    return Ticket(*values)
