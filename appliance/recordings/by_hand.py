"""What people do to a recording by hand: keep it, say something about it, link it to a ticket, remove it.

Each is an event with who did it; all raise Refused.
"""

from appliance.events import Fact
from appliance.recordings.holds import REASON_MAX, there
from appliance.recordings.removal import open_calls, put_delete
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk

NOTE_MAX = 200
AT_ONCE_S = 0.0
HAND = "hand"
"""Why a recording was removed that somebody removed."""


def keep(store: Store, rid: str, by: str) -> None:
    """Have a rolling recording kept for as long as others."""
    with store.transaction():
        call, (rolling,) = there(store, rid, "rolling")
        if not rolling:
            raise Refused("changed", "This recording is kept already.")
        store.record(Fact("recording.kept", {"rid": rid.lower(), "by": by}, call))


def note(store: Store, rid: str, by: str, text: str) -> None:
    """Say something about it, in place of what was said before; nothing takes that back."""
    words = " ".join(text.split())[:NOTE_MAX]
    with store.transaction():
        call, (before,) = there(store, rid, "note")
        if words == (before or ""):
            raise Refused("changed", "This is what is written there already.")
        store.record(Fact("recording.noted", {"rid": rid.lower(), "by": by, "text": words}, call))


def link(store: Store, desk: TicketDesk, rid: str, by: str, number: str) -> None:
    """Link it to a ticket besides that of its call; no number takes the link back."""
    ticket = desk.find(number[:40]) if number.strip() else None
    if number.strip() and ticket is None:
        raise Refused("unknown_ticket", "This ticket does not exist.")
    with store.transaction():
        call, (before,) = there(store, rid, "ticket")
        if (ticket.tid if ticket else None) == (bytes(before) if before else None):
            raise Refused("changed", "This is what is written there already.")
        facts = {
            "rid": rid.lower(),
            "by": by,
            "ticket": ticket.tid.hex() if ticket else "",
            "number": ticket.number if ticket else "",
        }
        store.record(Fact("recording.linked", facts, call))


def remove(store: Store, rid: str, by: str, reason: str) -> None:
    """Remove it before its time; never what is held, or of a ticket that is not closed."""
    words = " ".join(reason.split())[:REASON_MAX]
    if not words:
        raise Refused("no_reason", "Write the reason: it is kept in the log.")
    with store.transaction():
        call, (held, sha256, path, size) = there(store, rid, "held, sha256, path, size")
        if held:
            raise Refused("frozen", "This recording is under hold.")
        if call in open_calls(store):
            raise Refused("frozen", "This recording belongs to a ticket that is not closed.")
        if not sha256:
            raise Refused("changed", "This recording is not yet sealed. Try again in a minute.")
        facts = {"rid": rid.lower(), "why": HAND, "by": by, "reason": words}
        store.record(Fact("recording.removed", facts, call))
        put_delete(store, bytes.fromhex(rid), str(path), int(str(size)), AT_ONCE_S)
