"""Personal data that must not be shown any more: an event says what, and every reader leaves it out.

The log keeps its bytes: an event is never changed, and hashes and streams go on to agree. So who
shows, exports or indexes events of a ticket takes them from `readable`, never from the log itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from appliance.events import Event, Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.fields import checked
from appliance.tickets.marks import REDACTABLE, Redacted
from appliance.tickets.ticket import Ticket

BLANK = "▇▇▇"
"""Stands where something was."""
REDACTORS = frozenset({"LD", "AD"})
WORDY = ("text", "reason", "result", "answer", "file")
"""What people write in moves, notes and repeats, and the name of a file."""
EVENTS_MAX = 200

_encode = msgspec.json.Encoder(order="sorted").encode
_body = msgspec.json.Decoder(Redacted).decode


def redact(
    store: Store,
    actor: Actor,
    tid: bytes,
    fields: Mapping[str, str],
    reason: str,
    events: Sequence[bytes] = (),
) -> None:
    """Blank fields, each with what stands instead (mostly nothing), and the words of some events.

    Raises Refused when the role, the reason or the field is not right.
    """
    if not actor.has(*REDACTORS):
        raise Refused("not_yours", "Your role does not allow this step.")
    words = str(checked("reason", reason))
    if not words or not (fields or events):
        raise Refused("missing", "Choose what is to be blanked, and say why.")
    instead = {name: str(checked(name, text) if text else "") for name, text in fields.items() if _may(name)}
    with store.transaction():
        own = {event.eid for event in store.history(tid) if event.eid in set(events)}
        facts = {"fields": instead, "events": sorted(eid.hex() for eid in own)[:EVENTS_MAX], "reason": words}
        store.record(Fact("ticket.redacted", {**facts, "by": actor.number, "name": actor.name}, tid))


def readable(events: Iterable[Event]) -> list[Event]:
    """The events of one ticket as they may be shown: in the given order, without what was redacted."""
    events = list(events)
    redactions = [(event.eid, body) for event in events if (body := _redaction(event)) is not None]
    return [_blanked(event, redactions) for event in events] if redactions else events


def shown(store: Store, tid: bytes) -> Ticket | None:
    """The ticket as it may be shown: its row, which folded the redactions already."""
    return table.load(store, tid)


def _may(name: str) -> bool:
    if name not in REDACTABLE:
        raise Refused("unknown_field", "The field %(field)s does not exist.", field=name[:60])
    return True


def _redaction(event: Event) -> Redacted | None:
    if event.kind != "ticket.redacted":
        return None
    try:
        return _body(event.body)
    except msgspec.DecodeError:
        return None


def _blanked(event: Event, redactions: Sequence[tuple[bytes, Redacted]]) -> Event:
    fields = {name for eid, body in redactions if event.eid < eid for name in body.fields}
    whole = any(event.eid < eid and event.eid.hex() in body.events for eid, body in redactions)
    if not fields and not whole:
        return event
    facts: dict[str, Any] = dict(event.facts)
    written = facts.get("fields")
    if isinstance(written, Mapping) and event.kind != "ticket.redacted":
        blank = set(written) if whole else fields
        facts["fields"] = {name: _left(name, value, blank) for name, value in written.items()}
    for name in WORDY:
        if facts.get(name) and (whole or name in fields):
            facts[name] = BLANK
    return Event(event.eid, event.subject, event.kind, event.ver, _encode(facts))


def _left(name: str, value: Any, fields: set[str]) -> Any:
    if name not in fields or not value:
        return value
    if name == "extra" and isinstance(value, Mapping):
        return dict.fromkeys(value, BLANK)
    return BLANK if isinstance(value, str) else value
