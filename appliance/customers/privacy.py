"""What of a customer is masked, and for whom: who looks behind it gives a reason, which is written down."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from appliance.customers.customer import Customer
from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.confidential import hidden_name, hidden_number, looked, may_unmask, reason_of

UNMASKED: Final = "customer.unmasked"
MASKED: Final = ("name", "numbers", "addresses", "identity", "note")
"""Who has a confidential ticket is masked in all of it."""
ALWAYS: Final = frozenset({"identity"})
"""Masked for everybody until they say why they need it."""
SHOWN_OF_AN_ADDRESS: Final = 3


def unmask(store: Store, actor: Actor, cid: bytes, reason: str) -> None:
    """Write down that somebody looks, and why; raises Refused."""
    if not may_unmask(actor):
        raise Refused("not_yours", "Your role does not allow this step.")
    facts = {"reason": reason_of(reason), "by": actor.number, "name": actor.name}
    store.record(Fact(UNMASKED, facts, cid))


def hidden(store: Store, actor: Actor, customers: Sequence[Customer]) -> dict[bytes, frozenset[str]]:
    """Return the fields of each customer that are masked for somebody; rights of the matrix come besides."""
    secret = _confidential(store, [customer.cid for customer in customers])
    found = {}
    for customer in customers:
        masked = frozenset(MASKED) if customer.cid in secret else ALWAYS
        looks = may_unmask(actor) and looked(store, customer.cid, UNMASKED, actor)
        found[customer.cid] = frozenset() if looks else masked
    return found


def masked(customer: Customer, fields: Iterable[str]) -> Customer:
    """The customer with these fields shown in part."""
    return replace(customer, **{name: _part(name, getattr(customer, name)) for name in fields})


def _confidential(store: Store, cids: Sequence[bytes]) -> set[bytes]:
    """Those who, or one merged into them, have a confidential ticket."""
    if not cids:
        return set()
    marks = ", ".join("?" * len(cids))
    rows = store.rows(
        f"SELECT cid, master FROM customer WHERE cid IN ({marks}) OR master IN ({marks})", *cids, *cids
    )
    own = {bytes(cid): bytes(master) if master else bytes(cid) for cid, master in rows}
    marks = ", ".join("?" * len(own))
    sql = f"SELECT DISTINCT customer FROM ticket WHERE confidential AND customer IN ({marks})"
    found = {bytes.fromhex(customer) for (customer,) in store.rows(sql, *(cid.hex() for cid in own))}
    return found | {own[cid] for cid in found}


def _part(name: str, value: Any) -> Any:
    match name:
        case "name":
            return hidden_name(value)
        case "numbers":
            return tuple(map(hidden_number, value))
        case "addresses":
            return tuple(f"{address[:SHOWN_OF_AN_ADDRESS]}***" for address in value)
        case "identity":
            return hidden_number(value)
        case _:
            return "***" if value else ""
