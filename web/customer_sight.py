"""What the reader sees of a customer: masked by confidentiality, and by the matrix of rights."""

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.customers import privacy
from appliance.customers.customer import Customer
from appliance.tickets import confidential
from web import access, veil
from web.context import box, me

FIELDS = {"citizen": "name", "phone": "numbers", "address": "addresses", "identity": "identity"}
"""The field of tickets whose right decides, and that of customers."""
LOOKS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looked at what is masked."""

    at_s: float
    who: str
    reason: str


def hidden(customers: Sequence[Customer]) -> dict[bytes, frozenset[str]]:
    """The fields of each customer the reader sees only in part, and so cannot change."""
    of_role = frozenset(FIELDS[name] for name in veil.hidden_from(me()) if name in FIELDS)
    masked = privacy.hidden(box().store, me(), customers)
    return {cid: fields | of_role for cid, fields in masked.items()}


def seen(customers: Sequence[Customer]) -> list[Customer]:
    """Customers as the reader may see them."""
    fields = hidden(customers)
    return [privacy.masked(customer, fields[customer.cid]) for customer in customers]


def may_unmask(fields: frozenset[str]) -> bool:
    """Tell whether the reader would see more with a reason."""
    of_role = {FIELDS[name] for name in veil.hidden_from(me()) if name in FIELDS}
    allowed = confidential.may_unmask(me()) and access.allowed("customers.unmask", me().roles)
    return allowed and bool(fields - of_role)


def looks(customer: Customer) -> list[Look]:
    """Who looked last, the newest first."""
    events = [event for event in box().store.history(customer.cid) if event.kind == privacy.UNMASKED]
    told = [(event.at_s, event.facts) for event in events[: -LOOKS_SHOWN - 1 : -1]]
    return [Look(at_s, f"{facts['by']} {facts['name']}".strip(), facts["reason"]) for at_s, facts in told]
