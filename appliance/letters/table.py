"""The table of seals, as their events tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

SEAL_SET, SEAL_TAKEN_BACK = "seal.set", "seal.taken_back"

_PUT = (
    "INSERT INTO seal (owner, sha256, set_s, by, eid) VALUES (?, ?, ?, ?, ?) ON CONFLICT (owner)"
    " DO UPDATE SET sha256 = excluded.sha256, set_s = excluded.set_s, by = excluded.by, eid = excluded.eid"
    " WHERE seal.eid IS NULL OR excluded.eid > seal.eid"
)
"""Whatever order the words about a seal come in, the last one counts; taken back, it has no image."""


def seal(store: Store, event: Event) -> None:
    """Bring the table of seals up to date."""
    if event.kind in (SEAL_SET, SEAL_TAKEN_BACK):
        facts = event.facts
        image = str(facts["sha256"]) if event.kind == SEAL_SET else ""
        store.execute(_PUT, str(facts["owner"]), image, event.at_s, str(facts["by"]), event.eid)
