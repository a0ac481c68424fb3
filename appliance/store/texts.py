"""Short messages of ours: recorded and put among the jobs in one transaction."""

from appliance.events import Event, Fact
from appliance.store import jobs
from appliance.store.store import Store
from appliance.store.works import SMS

MOBILE_DIGITS = 11


def send_text(store: Store, number: str, text: str, due_s: float, ticket: bytes = b"") -> Event:
    """Have a short message sent: recorded as text.queued, with the job that sends it."""
    with store.transaction():
        (event,) = store.record(
            Fact("text.queued", {"number": number, "text": text, "ticket": ticket.hex()}, b"")
        )
        jobs.put(store, SMS, {"number": number, "text": text}, due_s, key=event.eid.hex())
    return event


def is_mobile(number: str) -> bool:
    """Tell whether short messages can reach a number."""
    plain = number.removeprefix("+86")
    return len(plain) == MOBILE_DIGITS and plain.startswith("1")
