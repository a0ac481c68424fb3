"""The table of open conflicts: brought up to date with every batch that brings events of several boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from appliance.conflicts.clash import Clash, of_entry, of_ticket
from appliance.dictionary.authority import authority
from appliance.dictionary.entry import named_by
from appliance.events import Event
from appliance.interest import SETTLED
from appliance.store.company import changed, company

if TYPE_CHECKING:
    from appliance.store.store import Store

CONTESTED = frozenset({"ticket.created", "ticket.edited", "ticket.moved", SETTLED})
"""Kinds that begin or end a clash of a ticket."""
ASKED_AT_ONCE = 500
_ELSEWHERE = f"kind IN ({str(sorted(CONTESTED))[1:-1]}) AND substr(eid, 9, 2) <> substr(subject, 9, 2)"
"""Written by another box than the one that began the matter."""
_OF_SEVERAL = f"SELECT DISTINCT subject FROM event WHERE {_ELSEWHERE} AND subject IN"
_ALL = f"SELECT DISTINCT subject FROM event WHERE kind LIKE 'dictionary.%' OR {_ELSEWHERE}"
_INSERT = "INSERT INTO conflict (key, kind, subject, what, stands, lost, at_s) VALUES (?, ?, ?, ?, ?, ?, ?)"


def review(store: Store, events: Sequence[Event], told: bool) -> None:
    """Look anew at what new events are about, where more than one box has written of it.

    `told` events were written elsewhere or long ago. What a box that is alone says now contradicts
    nobody; it may only end what it once heard of.
    """
    around = company(store)
    if not (told or around.linked or around.contested):
        return
    entries = {event.subject for event in events if event.kind.startswith("dictionary.")}
    matters = {event.subject for event in events if event.kind in CONTESTED}
    for subject in sorted(entries | _of_several(store, matters)):
        _write(store, subject)


def rebuild(store: Store) -> None:
    """Look at everything; the table is empty when it begins."""
    for (subject,) in store.rows(_ALL):
        _write(store, bytes(subject))


def clashes(events: Sequence[Event]) -> list[Clash]:
    """Return the clashes of one subject's history, whatever it is."""
    if any(event.kind == "ticket.created" for event in events):
        return of_ticket(events)
    entry = next((event for event in events if event.kind.startswith("dictionary.")), None)
    if entry is None or len({event.site for event in events}) == 1:
        return []
    try:
        kind, key = named_by(entry)
    except (KeyError, TypeError, ValueError):
        return []
    return [] if authority(kind, key) in ("central", "local") else of_entry(events)


def _of_several(store: Store, subjects: Iterable[bytes]) -> set[bytes]:
    asked = sorted(subjects)
    found: set[bytes] = set()
    for start in range(0, len(asked), ASKED_AT_ONCE):
        part = asked[start : start + ASKED_AT_ONCE]
        rows = store.rows(f"{_OF_SEVERAL} ({', '.join('?' * len(part))})", *part)
        found.update(bytes(subject) for (subject,) in rows)
    return found


def _write(store: Store, subject: bytes) -> None:
    rows = [
        (one.key, one.kind, subject, one.what, one.stands.event.eid, one.lost.event.eid, _at_s(one))
        for one in clashes(store.history(subject))
        if one.settled is None
    ]
    known = {key for (key,) in store.rows("SELECT key FROM conflict WHERE subject = ?", subject)}
    if known != {row[0] for row in rows}:
        store.execute("DELETE FROM conflict WHERE subject = ?", subject)
        store.execute_many(_INSERT, rows)
        changed(store)


def _at_s(clash: Clash) -> float:
    return max(clash.stands.event.at_s, clash.lost.event.at_s)
