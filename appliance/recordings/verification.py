"""Verification: is every file still the one whose SHA-256 stands in the log?"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.events import Event
from appliance.recordings.archive import Written, fingerprint
from appliance.store.store import Store

OK = "ok"
MISSING = "missing"
CHANGED = "changed"
UNSEALED = "unsealed"
STATES = (OK, MISSING, CHANGED, UNSEALED)
WRONG = frozenset({MISSING, CHANGED})
PAGE = 500
FINGERPRINTS = frozenset({"recording.sealed", "recording.archived"})


@dataclass(frozen=True, slots=True)
class Checked:
    """One recording and how it was found."""

    rid: str
    path: str
    state: str
    why: str = ""


def verify(store: Store, folder: Path) -> Iterator[Checked]:
    """Hash every recording this box made and has the file of, oldest first.

    What it is compared with comes from the log itself, not from the table of recordings.
    """
    after: tuple[float, bytes] = (float("-inf"), b"")
    while rows := store.rows(
        "SELECT rid, call, path, made_s FROM recording"
        " WHERE site = ? AND removed_s IS NULL AND dropped_s IS NULL AND (made_s, rid) > (?, ?)"
        " ORDER BY made_s, rid LIMIT ?",
        *(store.site, *after, PAGE),
    ):
        for rid, call, path, made_s in rows:
            after = (made_s, bytes(rid))
            found = check(folder, path, expected(store.history(bytes(call)), bytes(rid)))
            if found[0] in WRONG:
                now = store.rows(
                    "SELECT path FROM recording WHERE rid = ? AND removed_s IS NULL AND dropped_s IS NULL",
                    rid,
                )
                if not now:
                    continue
                if now[0][0] != path:  # archived meanwhile
                    path = now[0][0]
                    found = check(folder, path, expected(store.history(bytes(call)), bytes(rid)))
            yield Checked(bytes(rid).hex(), path, *found)


def expected(events: Iterable[Event], rid: bytes) -> Written | None:
    """What the log says a recording's file is now; None while it says nothing."""
    said = None
    for event in events:
        if event.kind in FINGERPRINTS and event.facts["rid"] == rid.hex():
            said = Written(str(event.facts["sha256"]), int(event.facts["size"]))
    return said


def check(folder: Path, path: str, said: Written | None) -> tuple[str, str]:
    """The state of one file and why it is wrong."""
    file = inside(folder, path)
    if file is None:
        return CHANGED, "its path leads out of the recordings folder"
    try:
        size = os.stat(file).st_size
        if said is None:
            return UNSEALED, ""
        if size != said.size:
            return CHANGED, f"it has {size} bytes, sealed were {said.size}"
        if fingerprint(file).sha256 != said.sha256:
            return CHANGED, "its SHA-256 is not the one in the log"
    except FileNotFoundError:
        return MISSING, "there is no such file"
    except OSError as error:
        return MISSING, f"it cannot be read: {error.strerror}"
    return OK, ""


def inside(folder: Path, path: str) -> Path | None:
    """The file at a path relative to the recordings folder; None when it leads out of it."""
    root = folder.resolve()
    file = (root / path).resolve()
    return file if file.is_relative_to(root) and file != root else None
