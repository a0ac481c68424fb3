"""Events that are kept but cannot be folded: set aside where people see them, so that they stop nothing."""

from __future__ import annotations

import time
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


def set_aside(store: Store, event: Event, error: Exception) -> None:
    """Keep why an event was not folded."""
    store.execute(QUARANTINE, event.eid, repr(error), time.time())
