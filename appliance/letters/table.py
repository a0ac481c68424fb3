"""The tables of seals and of changed templates, as their events tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

SEAL_SET, SEAL_TAKEN_BACK = "seal.set", "seal.taken_back"
PUBLISHED, RESTORED = "template.published", "template.restored"


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


def template(store: Store, event: Event) -> None:
    """Fold one edition into the template's row, which keeps what differs from the shipped one."""
    facts = event.facts
    key, fields = str(facts["key"]), facts["fields"]
    rows = store.rows("SELECT body FROM letter_template WHERE key = ?", key)
    before = msgspec.json.decode(rows[0][0]) if rows else {}
    body = {} if event.kind == RESTORED else {**before, **fields}
    store.execute(
        "INSERT INTO letter_template (key, tid, body, changed_s) VALUES (?, ?, ?, ?) ON CONFLICT (key)"
        " DO UPDATE SET body = excluded.body, changed_s = excluded.changed_s",
        *(key, event.subject, msgspec.json.encode(body).decode(), event.at_s),
    )
