"""What an older release kept without understanding it is folded by the newer one at its first start.

Events of a kind, or of a form of a kind, that a release cannot fold are in its log all the same, and
are passed on. So a database remembers what its release could fold; a release that can fold more
looks for events of that and folds their subjects anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from appliance.events import Event
from appliance.store import quarantine
from appliance.store.projections import FAMILIES, PROJECTORS
from appliance.tickets.bodies import BODIES

if TYPE_CHECKING:
    from appliance.store.store import Store

VERSIONS: Mapping[str, int] = {}
"""The newest form of a kind that this release folds, where that is not the first."""
FOLDED: Mapping[str, int] = {
    **dict.fromkeys((*BODIES, *PROJECTORS), 1),
    **dict.fromkeys((f"{family}.*" for family in FAMILIES if family != "ticket"), 1),
    **VERSIONS,
}
"""What this release folds. A family stands for its kinds: who adds one raises the family's number."""
SETTING = "store.folded"
_PUT = (
    "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_EVENTS = "SELECT eid, subject, kind, ver, body FROM event WHERE kind LIKE ? AND ver > ? ORDER BY eid"


def apply_pending(store: Store, folded: Mapping[str, int] = FOLDED) -> int:
    """At the start of a release: fold what the one before could not; return how many events that were."""
    with store.transaction():
        known = _known(store)
        if known == folded:
            return 0
        count = 0
        if known is not None:
            new = {kind: known.get(kind, 0) for kind, ver in folded.items() if ver > known.get(kind, 0)}
            events = [event for kind, had in new.items() for event in _pending(store, kind, had)]
            count = len(events)
            if all(event.kind in BODIES for event in events):
                for event in events:
                    store.fold_again(event)
            else:
                store.rebuild()
            quarantine.retry(store)
        store.execute(_PUT, SETTING, msgspec.json.encode(folded, order="sorted").decode())
    return count


def _known(store: Store) -> Mapping[str, int] | None:
    rows = store.rows("SELECT value FROM setting WHERE name = ?", SETTING)
    return msgspec.json.decode(rows[0][0], type=dict[str, int]) if rows else None


def _pending(store: Store, kind: str, had: int) -> list[Event]:
    """Events of a kind in a form that was not known, or all of a family that folds more now."""
    family = kind.endswith(".*")
    rows = store.rows(_EVENTS, kind.replace("*", "%") if family else kind, -1 if family or not had else had)
    return [Event(bytes(e), bytes(s), k, v, bytes(b)) for e, s, k, v, b in rows]
