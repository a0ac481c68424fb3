"""The entry table: what events said of every entry; units and categories also in tables of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from appliance.dictionary import entry as entries
from appliance.dictionary.authority import is_central
from appliance.dictionary.entry import Entry, Stored, entry_of
from appliance.dictionary.kinds import KINDS
from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

Version = tuple[int, bytes]
"""Tells one state of the dictionary from every other: where and what the last change was."""

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict).decode
_SAVE = (
    "INSERT INTO entry (kind, key, body, retired, place, changed_eid, owner, changed_pos)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT pos FROM event WHERE eid = ?))"
    " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body, retired = excluded.retired,"
    " place = excluded.place, changed_eid = excluded.changed_eid, owner = excluded.owner,"
    " changed_pos = excluded.changed_pos"
)


def project(store: Store, event: Event) -> None:
    """Fold an entry's history anew with one more event; raises ValueError when that is malformed."""
    if event.kind in (entries.SET, entries.RETIRED, entries.RESTORED):
        kind, key = entries.named_by(event)
        if not entries.read((event,)):
            raise ValueError(f"{event.kind} of {kind} {key} cannot be read")
        refold(store, event, kind, key)


def refold(store: Store, event: Event, kind: str, key: str) -> None:
    """Write an entry as its history tells it; `event` is what was news."""
    after = entries.replay(store.history(entries.subject_of(kind, key)), is_central(kind, key))
    if after is not None:
        _write(store, event, kind, key, after)


def shut(store: Store, event: Event, kind: str, key: str) -> None:
    """Show an entry as out of use, because it does not concern this box any more; `event` says so."""
    after = entries.replay(store.history(entries.subject_of(kind, key)), is_central(kind, key))
    if after is not None:
        _write(store, event, kind, key, replace(after, retired=True))


def _write(store: Store, event: Event, kind: str, key: str, after: Stored) -> None:
    place = after.fields.get("place")
    row = (_encode(after.fields).decode(), after.retired, place if isinstance(place, int) else 0, after.last)
    store.execute(_SAVE, kind, key, *row, after.owner, event.eid)
    store.forget(version)
    if kind in _MIRRORS:
        _MIRRORS[kind](store, entry_of(KINDS[kind], key, after))


def version(store: Store) -> Version:
    """Return what tells whether anything changed since: one look at the end of an index."""
    return store.once(version, lambda: _version(store))


def _version(store: Store) -> Version:
    rows = store.rows("SELECT changed_pos, changed_eid FROM entry ORDER BY changed_pos DESC LIMIT 1")
    return (int(rows[0][0]), bytes(rows[0][1])) if rows else (0, b"")


def load(store: Store, kind: str) -> dict[str, Stored]:
    """Return what events said of all entries of a kind, by key."""
    rows = store.rows("SELECT body, retired, changed_eid, owner, key FROM entry WHERE kind = ?", kind)
    return {
        key: Stored(_decode(body), bool(retired), bytes(last), owner)
        for body, retired, last, owner, key in rows
    }


def _unit(store: Store, unit: Entry) -> None:
    store.execute(
        "INSERT INTO unit (code, name, name_en, site, phone, parent, kind, retired, successor)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (code) DO UPDATE SET name = excluded.name,"
        " name_en = excluded.name_en, site = excluded.site, phone = excluded.phone,"
        " parent = excluded.parent, kind = excluded.kind, retired = excluded.retired,"
        " successor = excluded.successor",
        *(unit.key, unit.text("name"), unit.text("name_en"), unit.fields["site"] or 0, unit.text("phone")),
        *(unit.text("parent"), unit.text("kind"), unit.retired, unit.text("successor")),
    )
    store.forget(("unit", unit.key))


def _category(store: Store, category: Entry) -> None:
    store.execute(
        "INSERT INTO category (code, parent, name, name_en, unit, retired) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (code) DO UPDATE SET parent = excluded.parent, name = excluded.name,"
        " name_en = excluded.name_en, unit = excluded.unit, retired = excluded.retired",
        *(category.key, category.text("parent"), category.text("name"), category.text("name_en")),
        *(category.text("unit"), category.retired),
    )


def _person(store: Store, person: Entry) -> None:
    """Somebody new has no secret yet, and cannot sign in until a password is given."""
    said = (
        *(person.text("name"), ",".join(person.words("roles")), person.text("unit")),
        *(person.text("extension"), not person.retired, person.key),
    )
    changed = store.execute(
        "UPDATE person SET name = ?, roles = ?, unit = ?, extension = ?, active = ? WHERE number = ?", *said
    )
    if not changed:
        store.execute(
            "INSERT INTO person (name, roles, unit, extension, active, number, secret, must_change, language,"
            " failures, locked_until_s) VALUES (?, ?, ?, ?, ?, ?, '', 1, '', 0, 0)",
            *said,
        )
    if person.retired:
        store.execute("DELETE FROM session WHERE person_id = ?", person.key)


_MIRRORS: Mapping[str, Callable[[Store, Entry], None]] = {
    "unit": _unit,
    "category": _category,
    "person": _person,
}
