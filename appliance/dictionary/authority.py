"""Who may write what people maintain: one word for each kind, for boxes that belong to a hub.

The word of the centre stands before that of a site where a list is central; elsewhere of each
field the last writer decides. A site's own rows have codes that begin with its number, so that
two sites cannot mean different things by one code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.dictionary.entry import HUB
from appliance.dictionary.kind import Authority
from appliance.dictionary.kinds import KINDS
from appliance.dictionary.parameters import PARAMETERS
from appliance.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.dictionary.entry import Entry

SITES_FIELDS = frozenset({"extension"})
"""What a site says of people the centre maintains: which phone is theirs."""


def authority(kind: str, key: str) -> Authority:
    """Return who writes an entry; of a kind that a later version brought, anybody."""
    if kind == "parameter" and key in PARAMETERS and PARAMETERS[key].local:
        return "local"
    known = KINDS.get(kind)
    return known.authority if known else "shared"


def is_central(kind: str, key: str) -> bool:
    """Tell whether the hub's word stands before that of a site."""
    return authority(kind, key) == "central"


def check(site: int, kind: str, key: str, before: Entry | None, changed: Collection[str]) -> None:
    """Look whether a site that belongs to a hub may write this; raises Refused.

    `before` is the entry as it stands, None for a new one; `changed` are the fields that would change.
    """
    word = authority(kind, key)
    if word == "local":
        return
    if word == "central":
        raise Refused("central", "This list is kept at the centre; it is changed there.")
    if before is None:
        begin = f"{site}-"
        if kind != "person" and not key.startswith(begin):
            raise Refused("site_code", "Codes made at this site begin with %(begin)s.", begin=begin)
        return
    theirs = before.owner is None or before.owner == HUB
    if theirs and not (kind == "person" and set(changed) <= SITES_FIELDS and changed):
        raise Refused("central", "This entry is kept at the centre; it is changed there.")
