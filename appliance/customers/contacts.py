"""Everything a customer brought, in order of time: calls, short messages, tickets."""

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.customers.customer import Customer
from appliance.store.store import Store
from appliance.tickets.messages import NUMBER, TEXT

PAGE = 60


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact; what `ref` and `words` are depends on its kind."""

    at_s: float
    kind: str
    """call, call_out, sms, sms_out, ticket."""
    ref: bytes
    number: str
    words: str = ""
    """A call's outcome, a message's text, a ticket's title."""
    state: str = ""
    """A ticket's state, a message's state."""
    ticket: str = ""
    """A ticket's number."""
    confidential: bool = False
    """It is a confidential ticket, or a message about one."""
    about: bytes = b""
    """The ticket itself, or the one a message is about."""


def contacts(store: Store, family: Sequence[Customer], before_s: float, limit: int = PAGE) -> list[Contact]:
    """What came from or went to these customers before a time, newest first."""
    numbers = tuple(dict.fromkeys(number for customer in family for number in customer.numbers))
    cids = tuple(customer.cid.hex() for customer in family)
    found = [
        *_calls(store, numbers, before_s, limit),
        *_messages(store, numbers, before_s, limit),
        *_tickets(store, numbers, cids, before_s, limit),
    ]
    return sorted(found, key=lambda contact: (-contact.at_s, contact.ref))[:limit]


def is_new(store: Store, family: Sequence[Customer]) -> bool:
    """Tell whether this customer has been in touch no more than once."""
    return len(contacts(store, family, float("inf"), 3)) < 3 and _tickets_of(store, family) < 2


def _tickets_of(store: Store, family: Sequence[Customer]) -> int:
    numbers = tuple(number for customer in family for number in customer.numbers)
    cids = tuple(customer.cid.hex() for customer in family)
    return len(_tickets(store, numbers, cids, float("inf"), 2))


def _calls(store: Store, numbers: Sequence[str], before_s: float, limit: int) -> list[Contact]:
    rows = store.rows(
        "SELECT cid, direction, caller, outcome, started_s FROM call"
        f" WHERE caller IN ({_marks(numbers)}) AND started_s < ? ORDER BY started_s DESC LIMIT ?",
        *(*numbers, before_s, limit),
    )
    return [
        Contact(at_s, "call" if way == "in" else "call_out", bytes(cid), number, outcome)
        for cid, way, number, outcome, at_s in rows
    ]


def _messages(store: Store, numbers: Sequence[str], before_s: float, limit: int) -> list[Contact]:
    rows = store.rows(
        f"SELECT mid, direction, {NUMBER}, {TEXT}, state, at_s, ticket,"
        " (SELECT t.confidential FROM ticket AS t WHERE t.tid = short_message.ticket) FROM short_message"
        f" WHERE number IN ({_marks(numbers)}) AND at_s < ? ORDER BY at_s DESC LIMIT ?",
        *(*numbers, before_s, limit),
    )
    return [
        Contact(
            *(at_s, "sms" if way == "in" else "sms_out", bytes(mid), number, text, state),
            confidential=bool(confidential),
            about=bytes(ticket or b""),
        )
        for mid, way, number, text, state, at_s, ticket, confidential in rows
    ]


def _tickets(
    store: Store, numbers: Sequence[str], cids: Sequence[str], before_s: float, limit: int
) -> list[Contact]:
    """Those filed for the customer, and those of its numbers that are filed for nobody."""
    rows = store.rows(
        "SELECT tid, number, phone, title, state, created_s, confidential FROM ticket WHERE tid IN"
        f" (SELECT tid FROM ticket WHERE customer IN ({_marks(cids)}) UNION SELECT tid FROM ticket"
        f" WHERE phone IN ({_marks(numbers)}) AND coalesce(customer, '') = '')"
        " AND created_s < ? ORDER BY created_s DESC LIMIT ?",
        *(*cids, *numbers, before_s, limit),
    )
    return [
        Contact(at_s, "ticket", bytes(tid), phone, title, state, number, bool(confidential), bytes(tid))
        for tid, number, phone, title, state, at_s, confidential in rows
    ]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
