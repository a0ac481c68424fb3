"""Takes what older boxes kept in tables of their own over into the dictionary, as events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from appliance.dictionary.entry import SET, subject_of
from appliance.events import Fact

if TYPE_CHECKING:
    from appliance.store.store import Store

_OLD: Mapping[str, Sequence[str]] = {
    "unit": ("name", "name_en", "site", "phone"),
    "category": ("name", "name_en", "parent", "unit"),
}
"""Table, and its columns besides `code` that an older box had."""


def adopt(store: Store) -> int:
    """Write an event for every row that no event told of; return how many."""
    if not any(_strangers(store, table) for table in _OLD):
        return 0
    with store.transaction():
        facts = [_fact(table, row) for table in _OLD for row in _strangers(store, table)]
        store.record(*facts)
        return len(facts)


def _strangers(store: Store, table: str) -> list[tuple[object, ...]]:
    columns = ", ".join(f't."{name}"' for name in _OLD[table])
    return store.rows(
        f'SELECT t.code, {columns} FROM "{table}" AS t WHERE NOT EXISTS'
        f" (SELECT 1 FROM entry WHERE entry.kind = '{table}' AND entry.key = t.code) ORDER BY t.code"
    )


def _fact(table: str, row: tuple[object, ...]) -> Fact:
    key = str(row[0])
    fields = {
        name: value for name, value in zip(_OLD[table], row[1:], strict=True) if value not in ("", None)
    }
    return Fact(
        SET,
        {"entry_kind": table, "key": key, "fields": fields, "by": "", "name": "系统"},
        subject_of(table, key),
    )
