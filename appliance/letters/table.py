"""The table of seals, as their events tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

SEAL_SET, SEAL_TAKEN_BACK = "seal.set", "seal.taken_back"


def seal(store: Store, event: Event) -> None:
    """Bring the table of seals up to date."""
    facts = event.facts
    if event.kind == SEAL_TAKEN_BACK:
        store.execute("DELETE FROM seal WHERE owner = ?", str(facts["owner"]))
    elif event.kind == SEAL_SET:
        store.execute(
            "INSERT INTO seal (owner, sha256, set_s, by) VALUES (?, ?, ?, ?) ON CONFLICT (owner)"
            " DO UPDATE SET sha256 = excluded.sha256, set_s = excluded.set_s, by = excluded.by",
            *(str(facts["owner"]), str(facts["sha256"]), event.at_s, str(facts["by"])),
        )
