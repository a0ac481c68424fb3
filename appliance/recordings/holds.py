"""Legal hold: a recording somebody named as evidence is neither removed nor changed until released."""

import re

from appliance.events import Fact
from appliance.refused import Refused
from appliance.store.store import Store

REASON_MAX = 200
_RID = re.compile(r"[0-9a-fA-F]{32}")


def hold(store: Store, rid: str, by: str, reason: str) -> None:
    """Put a recording (id in hex) under hold; raises Refused."""
    _change(store, rid, by, reason, held=True)


def release(store: Store, rid: str, by: str, reason: str) -> None:
    """End a hold; raises Refused."""
    _change(store, rid, by, reason, held=False)


def _change(store: Store, rid: str, by: str, reason: str, held: bool) -> None:
    words = " ".join(reason.split())[:REASON_MAX]
    if not words:
        raise Refused("no_reason", "Write the reason: it is kept with the hold.")
    with store.transaction():
        rows = []
        if _RID.fullmatch(rid):
            key = bytes.fromhex(rid)
            rows = store.rows("SELECT call, held, removed_s, site FROM recording WHERE rid = ?", key)
        if not rows:
            raise Refused("unknown_recording", "There is no such recording.")
        call, now_held, removed_s, site = rows[0]
        if removed_s is not None:
            raise Refused("removed", "This recording has been removed; there is nothing left to hold.")
        if site != store.site:
            raise Refused(
                "elsewhere", "This recording is kept at site %(site)s: hold or release it there.", site=site
            )
        if held and now_held:
            raise Refused("changed", "This recording is under hold already.")
        if not held and not now_held:
            raise Refused("changed", "This recording is not under hold.")
        facts = {"rid": rid.lower(), "by": by, "reason": words}
        store.record(Fact("recording.held" if held else "recording.released", facts, bytes(call)))
