"""Events that are kept but cannot be folded: set aside where people see them, so that they stop nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peewee import DataError, IntegrityError, InterfaceError, ProgrammingError

from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

UNFOLDABLE = (
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    DataError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
)
"""What folding a body raises whose values are not what the projection expects."""
QUARANTINE = "INSERT INTO quarantine (eid, reason, at_s) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
NOT_SENT = "not sent on: "
NOT_ACTED_ON = "not acted on: "
"""What begins with these is folded; folding it again would only hide what is wrong."""
LISTED = 200
_SET_ASIDE = (
    "SELECT q.eid, q.reason, q.at_s, coalesce(e.kind, ''), coalesce(e.via, ''), e.subject"
    " FROM quarantine AS q LEFT JOIN event AS e ON e.eid = q.eid ORDER BY q.at_s DESC, q.eid LIMIT ?"
)
_RETRIED = (
    "SELECT e.eid, e.subject, e.kind, e.ver, e.body FROM quarantine AS q JOIN event AS e ON e.eid = q.eid"
    " WHERE substr(q.reason, 1, ?) <> ? AND substr(q.reason, 1, ?) <> ? ORDER BY e.pos"
)


@dataclass(frozen=True, slots=True)
class SetAside:
    """One entry of the log that could not be understood or passed on, and why."""

    eid: bytes
    reason: str
    at_s: float
    """When it was set aside, Unix seconds."""
    kind: str
    """Empty for what is not in the log itself: a damaged line of the journal."""
    via: str
    """The peer it came by; empty when it was written here."""
    subject: bytes

    @property
    def name(self) -> str:
        """How it is called by people: its id, or the place in the journal."""
        return self.eid.hex() if self.kind else self.eid.decode("utf-8", "replace")


def set_aside(store: Store, event: Event, error: Exception) -> None:
    """Keep why an event was not folded."""
    store.execute(QUARANTINE, event.eid, repr(error), time.time())


def listed(store: Store, limit: int = LISTED) -> list[SetAside]:
    """Return what is set aside, the newest first."""
    return [
        SetAside(bytes(eid), reason, at_s, kind, via, bytes(subject or b""))
        for eid, reason, at_s, kind, via, subject in store.rows(_SET_ASIDE, limit)
    ]


def retry(store: Store) -> tuple[int, int]:
    """Fold again what could not be folded; return how many could be now, and how many are still set aside."""
    done = 0
    with store.transaction():
        marks = (len(NOT_SENT), NOT_SENT, len(NOT_ACTED_ON), NOT_ACTED_ON)
        for row in store.rows(_RETRIED, *marks):
            event = Event(bytes(row[0]), bytes(row[1]), row[2], row[3], bytes(row[4]))
            store.execute("DELETE FROM quarantine WHERE eid = ?", event.eid)
            store.fold_again(event)
            done += not store.rows("SELECT 1 FROM quarantine WHERE eid = ?", event.eid)
        ((left,),) = store.rows("SELECT count(*) FROM quarantine")
    return done, int(left)
