"""Images of seals go where their letters go: each box wants those that are named by what it heard.

A seal of a unit is known everywhere; the centre's own seal of another box is named by its letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.blobs import wants
from appliance.letters.register import ISSUED
from appliance.letters.seals import BYTES_MOST
from appliance.letters.table import SEAL_SET

if TYPE_CHECKING:
    from appliance.store.store import Store

CURSOR = "seals"
HUB = 0


def follow(store: Store) -> int:
    """Take note of what the log says of seals since last asked; return how many events were looked at."""
    return wants.noted(store, CURSOR, (SEAL_SET, ISSUED), _note)


def _note(store: Store, eid: bytes, _: bytes, kind: str, facts: dict[str, Any]) -> None:
    """The hub asks the site that wrote of it, a site its hub; its own may be lost with its disk."""
    wrote = int.from_bytes(eid[8:10], "big")
    if not store.site and not wrote:
        return
    if kind == SEAL_SET:
        sha256, size = str(facts["sha256"]), int(facts["size"])
    else:
        sha256, size = str(facts["document"]["seal"]), int(facts["seal_size"])
    if 0 < size <= BYTES_MOST:
        wants.want_seal(
            store, sha256, size, HUB if store.site else wrote, int.from_bytes(eid[:6], "big") / 1000
        )
