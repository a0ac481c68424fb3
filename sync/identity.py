"""Which box this is, told apart from copies of it.

An incarnation is a random number drawn when a database is made, kept in the database *and*
in a file beside it that no backup contains, together with the number of starts. A restored
backup knows fewer starts than the file; a database copied to another box finds no file.
Either may have forgotten what others were told, so all its streams begin anew.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from appliance.store.store import Store

SIDECAR = "sync.identity"
SETTING = "sync.identity"
_PUT = (
    "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """One run of one box: its site, its incarnation, and a number for this run of the program."""

    site: int
    incarnation: int
    session: int


def awaken(store: Store, sidecar: Path, session: int | None = None) -> tuple[Identity, str]:
    """Return who this box is, and a sentence when its database is an older copy or came from elsewhere."""
    inside = _read_setting(store)
    outside = _read_sidecar(sidecar)
    incarnation, starts = inside or (secrets.randbits(62) | 1, 0)
    reason = ""
    if inside is None and outside is not None:
        reason = "The database is new, but this box has been here before."
    elif inside is not None and (outside is None or outside[0] != inside[0]):
        reason = "The database came from another box."
        incarnation = secrets.randbits(62) | 1
    elif inside is not None and outside is not None and inside[1] < outside[1]:
        reason = "The database is an older copy of itself."
        starts = outside[1]
    with store.transaction():
        store.execute(_PUT, SETTING, f"{incarnation:x} {starts + 1}")
    _write_sidecar(sidecar, f"{incarnation:x} {starts + 1}")
    return Identity(store.site, incarnation, session or secrets.randbits(48) | 1), reason


def _read_setting(store: Store) -> tuple[int, int] | None:
    rows = store.rows("SELECT value FROM setting WHERE name = ?", SETTING)
    return _parse(rows[0][0]) if rows else None


def _read_sidecar(sidecar: Path) -> tuple[int, int] | None:
    try:
        return _parse(sidecar.read_text())
    except OSError:
        return None


def _parse(text: str) -> tuple[int, int] | None:
    """A file torn by a power cut counts as none."""
    incarnation, _, starts = text.strip().partition(" ")
    try:
        return int(incarnation, 16), int(starts)
    except ValueError:
        return None


def _write_sidecar(sidecar: Path, text: str) -> None:
    fresh = sidecar.with_suffix(".fresh")
    with fresh.open("w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(sidecar)
