"""One hash over the events and one over each projection, so that boxes can be compared.

A hash is the sum of the hashes of its rows: no order is needed, so it is the same on every
database, whatever way the events came. What only this box means (positions in the log, the way
an event came by) is left out. Two boxes seldom hold the same events: with a peer's name the
digest is of what this box and that one both hold, and equal on both sides once all is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from appliance.dictionary.entry import subject_of
from appliance.store import outbox, schema

if TYPE_CHECKING:
    from appliance.store.store import Store

HASH_BYTES = 16
LOCAL: Mapping[str, frozenset[str]] = {
    "event": frozenset({"pos", "via"}),
    "entry": frozenset({"changed_pos"}),
    "ticket_facet": frozenset({"doc"}),
}
"""Columns whose values mean something on one box only."""
SUBJECTS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "ticket": lambda row: row["tid"],
    "ticket_facet": lambda row: row["tid"],
    "strand": lambda row: row["tid"],
    "likeness": lambda row: row["tid"],
    "letter": lambda row: row["ticket"],
    "call": lambda row: row["cid"],
    "charge": lambda row: row["call"],
    "recording": lambda row: row["call"],
    "short_message": lambda row: row["mid"],
    "customer": lambda row: row["cid"],
    "customer_number": lambda row: row["cid"],
    "conflict": lambda row: row["subject"],
    "sample": lambda row: row["sid"],
    "sample_case": lambda row: row["sid"],
    "entry": lambda row: subject_of(row["kind"], row["key"]),
    "unit": lambda row: subject_of("unit", row["code"]),
    "category": lambda row: subject_of("category", row["code"]),
}
"""Whose row it is; what belongs to no subject is left out of a digest with a peer."""
_MASK = (1 << 8 * HASH_BYTES) - 1
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows, and the sum of their hashes in hexadecimal."""

    rows: int
    hash: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What a box holds, in a few numbers."""

    events: Sum
    projections: Mapping[str, Sum]

    @property
    def whole(self) -> str:
        """One hash over all of it."""
        parts = [("event", self.events), *sorted(self.projections.items())]
        return blake2b(
            _encode([(name, one.rows, one.hash) for name, one in parts]), digest_size=8
        ).hexdigest()


def digest(store: Store, peer: str = "") -> Digest:
    """Reckon the digest of a box at rest; with a peer's name only of what both hold."""
    with store.connection():
        held = outbox.shared(store, peer) if peer else None
        events = _sum(store, schema.EventRow, None if held is None else lambda row: row["eid"] in held)
        subjects = None if held is None else _subjects(store, held)
        projections = {}
        for table in schema.PROJECTIONS:
            name = table._meta.table_name
            if subjects is None:
                projections[name] = _sum(store, table, None)
            elif name in SUBJECTS:
                projections[name] = _sum(store, table, _of(SUBJECTS[name], subjects))
    return Digest(events, projections)


def _of(
    subject: Callable[[Mapping[str, Any]], object], subjects: Collection[object]
) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: subject(row) in subjects


def _subjects(store: Store, held: Collection[bytes]) -> set[bytes]:
    """The subjects of events; one of which only a part is held in common is compared all the same."""
    return {
        bytes(subject) for eid, subject in store.rows("SELECT eid, subject FROM event") if bytes(eid) in held
    }


def _sum(store: Store, table: type[schema.Table], wanted: Callable[[Mapping[str, Any]], bool] | None) -> Sum:
    """Add up the rows of a table."""
    meta = table._meta
    columns = [field.column_name for field in meta.sorted_fields]
    kept = [column for column in columns if column not in LOCAL.get(meta.table_name, ())]
    names = ", ".join(f'"{column}"' for column in kept)
    count = total = 0
    for row in store.database.execute_sql(f'SELECT {names} FROM "{meta.table_name}"'):
        values = [_plain(value) for value in row]
        if wanted is None or wanted(dict(zip(kept, values, strict=True))):
            count += 1
            total += int.from_bytes(blake2b(_encode(values), digest_size=HASH_BYTES).digest(), "big")
    return Sum(count, f"{total & _MASK:0{2 * HASH_BYTES}x}")


def _plain(value: object) -> object:
    """A value as every database gives it."""
    if isinstance(value, bool):
        return int(value)
    return bytes(value) if isinstance(value, memoryview) else value
