"""The customer tables: a row is a folded customer, and every number leads to who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from appliance.customers.customer import LISTS, Customer, body_of, replay
from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

_FIELDS = Customer.__struct_fields__
COLUMNS = ", ".join(f'"{name}"' for name in _FIELDS)
_SAVE = (
    f"INSERT INTO customer ({COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"
    " ON CONFLICT (cid) DO UPDATE SET "
    + ", ".join(f'"{name}" = excluded."{name}"' for name in _FIELDS if name != "cid")
)


def project(store: Store, event: Event) -> None:
    """Bring the row of a customer up to date; raises ValueError when the event is malformed."""
    if body_of(event) is None:
        return
    customer = replay(store.history(event.subject))
    if customer is None:
        return
    store.execute(_SAVE, *(_column(getattr(customer, name)) for name in _FIELDS))
    store.execute("DELETE FROM customer_number WHERE cid = ?", customer.cid)
    store.execute_many(
        "INSERT INTO customer_number (number, cid) VALUES (?, ?)",
        [(number, customer.cid) for number in customer.numbers],
    )


def select(store: Store, where: str, *values: object) -> list[Customer]:
    """Return the customers a WHERE clause (with ORDER BY and LIMIT behind it) finds."""
    rows = store.rows(f"SELECT {COLUMNS} FROM customer WHERE {where}", *values)
    return [_customer(row) for row in rows]


def _column(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, tuple) else value


def _customer(row: tuple[Any, ...]) -> Customer:
    values = dict(zip(_FIELDS, row, strict=True))
    for name in LISTS:
        values[name] = tuple(msgspec.json.decode(values[name]))
    for name in ("cid", "last_eid", "master"):
        values[name] = None if values[name] is None else bytes(values[name])
    return Customer(**{**values, "redacted": bool(values["redacted"])})
