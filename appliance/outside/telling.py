"""What a webhook is told, and whether it is told: pure; the event, the ticket as it is, and the hook in."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from appliance.events import Event
from appliance.outside.hooks import TESTED, Hook
from appliance.tickets.ticket import Ticket

PLAIN: Final = frozenset(
    {
        *("number", "source", "move", "from", "to", "role", "kind", "step", "strand", "ended", "workflow"),
        *("unit", "third", "optional", "rating", "closing", "round", "tag", "level", "category", "urgency"),
        *("outcome", "cause", "queue", "by", "rid", "size", "final", "days"),
    }
)
"""Facts of an event that name no citizen and hold no free text."""
TICKET: Final = (
    *("number", "state", "source", "site", "kind", "category", "urgency", "area", "unit", "round", "rating"),
    *("closing", "confidential"),
)
CITIZEN: Final = ("title", "content", "address", "citizen", "phone", "result", "answer")
"""What is told of the ticket besides to hooks marked for personal data, if it is not confidential."""
_encode = msgspec.json.Encoder(order="sorted").encode


def wanted(hook: Hook, event: Event, ticket: Ticket | None) -> bool:
    """Tell whether a webhook is told of an event."""
    if event.kind not in hook.kinds:
        return False
    if ticket is None:
        return not (hook.units or hook.ticket_kinds or hook.states)
    state = event.facts.get("to", ticket.state) if event.kind == "ticket.moved" else ticket.state
    unit = {ticket.unit, str(event.facts.get("unit") or "")}
    return (
        (not hook.units or not unit.isdisjoint(hook.units))
        and (not hook.ticket_kinds or ticket.kind in hook.ticket_kinds)
        and (not hook.states or state in hook.states)
    )


def message(hook: Hook, event: Event, ticket: Ticket | None) -> bytes:
    """Write what a webhook is told: personal data only when it is marked for it."""
    facts: Mapping[str, Any] = event.facts
    clear = hook.personal and not (ticket is not None and ticket.confidential)
    told: dict[str, Any] = {
        "event": event.eid.hex(),
        "kind": event.kind,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event.at_s)),
        "at_s": event.at_s,
        "site": event.site,
        "facts": dict(facts)
        if clear or event.kind == TESTED
        else {name: value for name, value in facts.items() if name in PLAIN and _is_plain(value)},
    }
    if ticket is not None:
        names = (*TICKET, *(CITIZEN if clear else ()))
        told["ticket"] = {"id": ticket.tid.hex(), **{name: getattr(ticket, name) for name in names}}
    return _encode(told)


def signature(secret: str, at_s: int, body: bytes) -> str:
    """Sign what is sent with the time it is sent at, so that nobody can send it once more later."""
    return hmac.new(secret.encode(), str(at_s).encode() + b"." + body, hashlib.sha256).hexdigest()


def headers(
    hook: Hook, event: Event, secret: str, did: int, tries: int, at_s: int, body: bytes
) -> dict[str, str]:
    """What stands above the message."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "hotline-box",
        "X-Hotline-Webhook": hook.name,
        "X-Hotline-Event": event.eid.hex(),
        "X-Hotline-Kind": event.kind,
        "X-Hotline-Delivery": str(did),
        "X-Hotline-Attempt": str(tries),
        "X-Hotline-Timestamp": str(at_s),
        "X-Hotline-Signature": f"sha256={signature(secret, at_s, body)}",
    }


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
