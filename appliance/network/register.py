"""Which certificates a hub made and took back: the fold of its own events, without any cryptography."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

_COLUMNS = "serial, site, kind, name, made_s, until_s, by, revoked_s, revoked_by, why"
GOOD = "kind = 'box' AND revoked_s IS NULL AND until_s > ?"
"""In force at a time that is to be given."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate as lists show it."""

    serial: str
    site: int
    kind: str
    name: str
    made_s: float
    until_s: float
    by: str
    revoked_s: float | None
    revoked_by: str
    why: str

    def state(self, now_s: float) -> str:
        """Tell whether it counts: good, revoked or expired."""
        return "revoked" if self.revoked_s else "expired" if self.until_s <= now_s else "good"


def certificates(store: Store) -> list[Certified]:
    """Return every certificate, by site, the newest first."""
    rows = store.rows(f"SELECT {_COLUMNS} FROM certificate ORDER BY kind, site, made_s DESC")
    return [Certified(*row) for row in rows]


def shut_out(store: Store, now_s: float) -> frozenset[int]:
    """The sites all of whose certificates were revoked or ended.

    One this hub knows nothing of is none of them: its database may be an older copy, and the broker
    lets in only whom the authority certified.
    """
    sql = (
        "SELECT site FROM certificate WHERE kind = 'box'"
        f" GROUP BY site HAVING count(*) FILTER (WHERE {GOOD}) = 0"
    )
    return frozenset(site for (site,) in store.rows(sql, now_s))


def project(store: Store, event: Event) -> None:
    """Fold what became of certificates; only what this box wrote itself, whatever others send it."""
    if store.rows("SELECT 1 FROM event WHERE eid = ? AND via <> ''", event.eid):
        raise ValueError("another box cannot certify or revoke")
    facts = event.facts
    if event.kind == "network.certified":
        store.execute(
            f"INSERT INTO certificate ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, NULL, '', '')"
            " ON CONFLICT DO NOTHING",
            *(facts["serial"], facts["site"], facts["kind"], facts["name"], event.at_s),
            *(facts["until_s"], facts["by"]),
        )
    elif event.kind == "network.revoked":
        store.execute(
            "UPDATE certificate SET revoked_s = ?, revoked_by = ?, why = ?"
            " WHERE serial = ? AND revoked_s IS NULL",
            *(event.at_s, facts["by"], facts["why"], facts["serial"]),
        )
