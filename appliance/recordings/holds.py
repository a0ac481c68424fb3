"""Legal hold: a recording somebody named as evidence is neither removed nor changed until released."""

import re
from typing import Any

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
        call, (now_held,) = there(store, rid, "held")
        if held and now_held:
            raise Refused("changed", "This recording is under hold already.")
        if not held and not now_held:
            raise Refused("changed", "This recording is not under hold.")
        facts = {"rid": rid.lower(), "by": by, "reason": words}
        store.record(Fact("recording.held" if held else "recording.released", facts, call))


def there(store: Store, rid: str, columns: str) -> tuple[bytes, list[Any]]:
    """The call and some columns of a recording that is here; raises Refused."""
    rows = []
    if _RID.fullmatch(rid):
        sql = f"SELECT call, removed_s, site, {columns} FROM recording WHERE rid = ?"
        rows = store.rows(sql, bytes.fromhex(rid))
    if not rows:
        raise Refused("unknown_recording", "There is no such recording.")
    call, removed_s, site, *values = rows[0]
    if removed_s is not None:
        raise Refused("removed", "This recording has been removed; there is nothing left to keep.")
    if site != store.site:
        raise Refused("elsewhere", "This recording is kept at site %(site)s: do it there.", site=site)
    return bytes(call), values
