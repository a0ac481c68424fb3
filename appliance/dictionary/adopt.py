"""Takes what older boxes kept in tables of their own over into the dictionary, as events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from appliance.dictionary.entry import RETIRED, SET, subject_of
from appliance.events import Fact

if TYPE_CHECKING:
    from appliance.store.store import Store

_BY = {"by": "", "name": "系统"}
_OLD: Mapping[str, tuple[str, Sequence[str]]] = {
    "unit": ("code", ("name", "name_en", "site", "phone")),
    "category": ("code", ("name", "name_en", "parent", "unit")),
    "person": ("number", ("name", "roles", "unit", "extension")),
}
"""Table, which column is the key, and what else an older box kept there."""


def adopt(store: Store) -> int:
    """Write an event for every row that no event told of; return how many."""
    if not any(_strangers(store, table) for table in _OLD):
        return 0
    with store.transaction():
        facts = [_fact(table, row) for table in _OLD for row in _strangers(store, table)]
        inactive = store.rows("SELECT number FROM person WHERE active = 0")
        known = {fact.facts["key"] for fact in facts if fact.facts["entry_kind"] == "person"}
        facts += [
            Fact(RETIRED, {"entry_kind": "person", "key": key, **_BY}, subject_of("person", key))
            for (key,) in inactive
            if key in known
        ]
        store.record(*facts)
        return len(facts)


def _strangers(store: Store, table: str) -> list[tuple[object, ...]]:
    key, names = _OLD[table]
    columns = ", ".join(f't."{name}"' for name in (key, *names))
    return store.rows(
        f'SELECT {columns} FROM "{table}" AS t WHERE NOT EXISTS'
        f" (SELECT 1 FROM entry WHERE entry.kind = '{table}' AND entry.key = t.\"{key}\") ORDER BY 1"
    )


def _fact(table: str, row: tuple[object, ...]) -> Fact:
    key = str(row[0])
    fields = {
        name: str(value).split(",") if name == "roles" else value
        for name, value in zip(_OLD[table][1], row[1:], strict=True)
        if value not in ("", None)
    }
    return Fact(SET, {"entry_kind": table, "key": key, "fields": fields, **_BY}, subject_of(table, key))
