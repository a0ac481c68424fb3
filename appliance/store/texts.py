"""Short messages going out: recorded, and given to the job that sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.events import Event, Fact
from appliance.store import jobs

if TYPE_CHECKING:
    from appliance.store.store import Store

SMS = "sms"
"""The job that sends one."""
MOBILE_DIGITS = 11


def send_text(store: Store, number: str, text: str, due_s: float, ticket: bytes = b"") -> Event:
    """Have a short message sent: recorded as text.queued, with the job that sends it."""
    with store.transaction():
        (event,) = store.record(
            Fact("text.queued", {"number": number, "text": text, "ticket": ticket.hex()}, b"")
        )
        jobs.put(store, SMS, {"number": number, "text": text}, due_s, key=event.eid.hex())
    return event


def mobile(number: str) -> str:
    """Return a number when it is a mobile phone of this country, which can get messages; else nothing."""
    plain = number.removeprefix("+86").replace("-", "").replace(" ", "")
    return number if len(plain) == MOBILE_DIGITS and plain.startswith("1") and plain.isdigit() else ""
