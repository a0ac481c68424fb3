"""The strand table: a row is a folded strand, brought up to date with every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import astuple

from appliance.events import Event
from appliance.tickets import facets
from appliance.tickets.strands import (
    DUE,
    EVENT,
    WORKED_ON,
    Strand,
    body_of,
    dated_of,
    fold,
    replay,
    strand_of,
)
from appliance.tickets.table import load as load_ticket
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import END

if TYPE_CHECKING:
    from appliance.store.store import Store

_FIELDS = Strand.__struct_fields__
_NAMES = ", ".join(f'"{name}"' for name in _FIELDS)
_SAVE = (
    f"INSERT INTO strand ({_NAMES}) VALUES ({', '.join('?' * len(_FIELDS))}) ON CONFLICT (sid) DO UPDATE SET "
    + ", ".join(f'"{name}" = excluded."{name}"' for name in _FIELDS[1:])
)
_JSON, _WORKFLOW = _FIELDS.index("fields"), _FIELDS.index("workflow")
_BLOBS = tuple(_FIELDS.index(name) for name in ("sid", "tid", "last_eid", "state_eid"))
_FLAGS = tuple(_FIELDS.index(name) for name in ("optional", "open", "provisional"))


def concerns(store: Store, tid: bytes, unit: str) -> bool:
    """Tell whether some strand of a ticket is addressed to a unit, or worked on by it."""
    sql = "SELECT 1 FROM strand WHERE tid = ? AND (unit = ? OR third = ?) LIMIT 1"
    return unit != "" and bool(store.rows(sql, tid, unit, unit))


_WORKED_ON = ", ".join(map(repr, WORKED_ON))


def of_ticket(store: Store, tid: bytes) -> list[Strand]:
    """Return a ticket's strands, oldest first."""
    return store.once(("strands", tid), lambda: select(store, "tid = ? ORDER BY opened_s, sid", tid))


def of_tickets(store: Store, tids: Sequence[bytes]) -> Mapping[bytes, list[Strand]]:
    """Return the strands of some tickets, oldest first."""
    found: dict[bytes, list[Strand]] = {tid: [] for tid in tids}
    marks = ", ".join("?" * len(tids))
    for strand in select(store, f"tid IN ({marks}) ORDER BY opened_s, sid", *tids) if tids else ():
        found[strand.tid].append(strand)
    return found


def load(store: Store, sid: bytes) -> Strand | None:
    """Return a strand by its id."""
    found = select(store, "sid = ?", sid)
    return found[0] if found else None


def select(store: Store, where: str, *values: object) -> list[Strand]:
    """Return the strands a WHERE clause finds."""
    return [_strand(row) for row in store.rows(f"SELECT {_NAMES} FROM strand WHERE {where}", *values)]


def counts(store: Store, unit: str | None) -> Mapping[str, int]:
    """Count the open strands of each kind; those of one unit, or with None of all."""
    where, values = _concerning(unit)
    sql = f"SELECT s.kind, count(*) FROM strand AS s JOIN ticket AS t ON t.tid = s.tid WHERE {where}"
    return dict(store.rows(f"{sql} GROUP BY s.kind", *values))


def versions(store: Store) -> Mapping[str, int]:
    """Count the open strands by the version of their table; those of the shipped ones are not told."""
    sql = "SELECT workflow, count(*) FROM strand WHERE open = 1 AND workflow <> '' GROUP BY workflow"
    return dict(store.rows(sql))


def listed(
    store: Store, kind: str, unit: str | None, before_s: float, limit: int
) -> list[tuple[Strand, Ticket]]:
    """Return open strands of a kind with their tickets, the newest first, from before a time."""
    where, values = _concerning(unit)
    names = ", ".join(f's."{name}"' for name in _FIELDS)
    sql = f"SELECT {names} FROM strand AS s JOIN ticket AS t ON t.tid = s.tid WHERE {where}"
    sql += " AND s.kind = ? AND s.opened_s < ? ORDER BY s.opened_s DESC, s.sid LIMIT ?"
    strands = [_strand(row) for row in store.rows(sql, *values, kind, before_s, limit)]
    tickets = {strand.tid: load_ticket(store, strand.tid) for strand in strands}
    return [(strand, ticket) for strand in strands if (ticket := tickets[strand.tid]) is not None]


def _concerning(unit: str | None) -> tuple[str, tuple[object, ...]]:
    """Open ones of tickets that are not archived; of a unit those that are addressed to it.

    That is by its code, by working on it, or by leading the ticket where nobody else is named.
    """
    if unit is None:
        return f"s.open = 1 AND t.state <> '{END}'", ()
    mine = "(s.unit = ? OR s.third = ? OR s.unit = '' AND t.unit = ?)"
    return f"s.open = 1 AND t.state <> '{END}' AND {mine}", (unit, unit, unit)


def suborders_due(store: Store, tids: Sequence[bytes], unit: str = "") -> Mapping[bytes, Strand]:
    """Return the first due of the sub-orders still worked on, of one unit or of all, for tickets with one."""
    if not tids:
        return {}
    mine, whose = ("(unit = ? OR third = ?) AND", (unit, unit)) if unit else ("", ())
    where = (
        f"open = 1 AND kind = 'suborder' AND due_s IS NOT NULL AND state IN ({_WORKED_ON}) AND {mine}"
        f" tid IN ({', '.join('?' * len(tids))}) ORDER BY due_s DESC, sid DESC"
    )
    return {strand.tid: strand for strand in select(store, where, *whose, *tids)}


def following(store: Store, tids: Sequence[bytes]) -> list[Strand]:
    """Return the sub-orders of tickets that are not handed in yet and whose due date follows their case."""
    marks = ", ".join("?" * len(tids))
    where = (
        f"open = 1 AND kind = 'suborder' AND ahead_wd IS NOT NULL AND state IN ({_WORKED_ON}, 'SUSPENDED')"
    )
    return select(store, f"{where} AND tid IN ({marks}) ORDER BY sid", *tids) if tids else []


def project(store: Store, event: Event) -> None:
    """Fold a step or a due date into its strand's row; raises ValueError when the event is malformed.

    A step that speaks of another ticket's strand changes nothing.
    """
    (dated_of if event.kind == DUE else body_of)(event)
    sid = strand_of(event)
    assert sid is not None, "it could be read just now"
    row = load(store, sid)
    if row is not None and row.tid != event.subject:
        return
    strand: Strand | None
    if (row is None and sid == event.eid) and not _came_earlier(store, event):
        strand = fold(None, event)
    elif row is not None and event.eid > row.last_eid:
        strand = fold(row, event)
    else:
        strand = replay(_steps(store, event.subject, sid))
    if strand is not None:
        values = list(astuple(strand))
        values[_JSON] = msgspec.json.encode(strand.fields).decode()
        store.execute(_SAVE, *values)
        store.forget(("strands", strand.tid))
        if _concerning_it(row) != _concerning_it(strand):
            _concern(store, strand.tid)


def _concerning_it(strand: Strand | None) -> tuple[object, ...]:
    """What of a strand its ticket is found by."""
    if strand is None:
        return ("", "")
    if strand.kind != "suborder" or strand.due_s is None:
        return (strand.unit, strand.third)
    worked_on = strand.open and strand.state in WORKED_ON
    return (strand.unit, strand.third, worked_on, strand.due_s, strand.warn_s)


def _concern(store: Store, tid: bytes) -> None:
    ticket = load_ticket(store, tid)
    if ticket is not None:
        facets.concern(store, ticket)


def _came_earlier(store: Store, event: Event) -> bool:
    """Tell whether steps of a strand arrived before the one that opens it."""
    sid = event.eid.hex()
    rows = store.rows(
        "SELECT body FROM event WHERE subject = ? AND kind IN (?, ?) AND eid > ?",
        *(event.subject, EVENT, DUE, event.eid),
    )
    return any(sid.encode() in bytes(body) for (body,) in rows)


def _steps(store: Store, tid: bytes, sid: bytes) -> list[Event]:
    """All steps of one strand, the malformed ones left out."""
    return [event for event in store.history(tid) if event.kind in (EVENT, DUE) and strand_of(event) == sid]


def _strand(row: tuple[Any, ...]) -> Strand:
    values = list(row)
    for at in _BLOBS:
        values[at] = bytes(values[at])
    for at in _FLAGS:
        values[at] = bool(values[at])
    values[_JSON] = msgspec.json.decode(values[_JSON])
    values[_WORKFLOW] = values[_WORKFLOW] or ""
    return Strand(*values)
