"""Which events go to which peer: the streams, written in the transaction of the event itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store


def enqueue(store: Store, events: Sequence[Event], via: str) -> None:
    """Append events to the outgoing streams of the peers they concern, never back to where they came from."""
