"""Short messages of a ticket as they may be shown: they do not say either what was blanked on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

WORDS, ALL = 1, 2
"""What of a message is blank: its words, or its number too. The row keeps both, as the log does."""
TEXT = f"CASE WHEN coalesce(blank, 0) < {WORDS} THEN text ELSE '▇▇▇' END"
NUMBER = f"CASE WHEN coalesce(blank, 0) < {ALL} THEN number ELSE '▇▇▇' END"
"""Columns of short_message for whoever shows one."""
_REDACTED = "SELECT eid, subject, kind, ver, body FROM event WHERE subject = ? AND kind = 'ticket.redacted'"


def blank(store: Store, tid: bytes) -> None:
    """Blank the messages of a ticket, whichever came first, they or the redaction."""
    events = [Event(*row) for row in store.rows(_REDACTED, tid)]
    fields = {name for event in events for name in event.facts.get("fields", ())}
    if fields:
        what = ALL if "phone" in fields else WORDS
        store.execute("UPDATE short_message SET blank = ? WHERE ticket = ?", what, tid)
