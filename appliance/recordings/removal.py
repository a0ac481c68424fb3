"""Removing recordings by the rules, in slices: first the event and the job that deletes, in one transaction.

Whatever is killed when, a file is deleted only after the log says why, and then surely.
"""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.configuration import Retention
from appliance.events import Fact
from appliance.recordings.retention import (
    DAY_S,
    ROLLING_NEWEST_S,
    Disk,
    Facts,
    Kept,
    full,
    too_old,
    what_to_remove,
)
from appliance.store import jobs
from appliance.store.store import Store
from appliance.tickets.workflow import states_in

DELETE = "delete"
PAGE = 200
Place = tuple[float, bytes]
"""Where a slice ends: when a recording was made, and its id."""
_ROWS = (
    "SELECT rid, call, made_s, size, sha256, held, rolling, path FROM recording"
    " WHERE site = ? AND removed_s IS NULL AND (made_s, rid) > (?, ?) AND made_s < ?{only}"
    " ORDER BY made_s, rid LIMIT ?"
)
_ROLLING = " AND rolling = 1"


class Remover:
    """Goes through the recordings of this box, oldest first: rolling ones, and in a second pass all."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        rules: Retention,
        stopping: Callable[[], bool],
        now: Callable[[], float],
        disk: Callable[[Path], Disk] | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._rules = rules
        self._stopping = stopping
        self._now = now
        self._disk = disk or disk_of

    def slice(self, rolling: bool, after: Place, until: float) -> Place | None:
        """Remove what may go behind `after`; return where the next slice begins, None at the end."""
        facts, now_s = self._facts(), self._now()
        newest_s = ROLLING_NEWEST_S if rolling else facts.newest_days * DAY_S
        sql = _ROWS.format(only=_ROLLING if rolling else "")
        while True:
            with self._store.transaction():
                rows = self._store.rows(sql, self._store.site, *after, now_s - newest_s, PAGE)
                self._remove(rows, facts, now_s)
                if len(rows) < PAGE or self._enough(_kept(rows[-1]), facts, now_s):
                    return None
            after = (rows[-1][2], bytes(rows[-1][0]))
            if time.monotonic() > until or self._stopping():
                return after

    def full(self) -> bool:
        """Tell whether the disk is past its level, with all deleted that is removed already."""
        return full(self._disk_now(), self._rules.disk_percent)

    def _remove(self, rows: list[Any], facts: Facts, now_s: float) -> None:
        place = {bytes(row[0]): (bytes(row[1]), row[3], row[7]) for row in rows}
        for removal in what_to_remove([_kept(row) for row in rows], facts, now_s, self._disk_now()):
            call, size, path = place[removal.rid]
            self._store.record(
                Fact("recording.removed", {"rid": removal.rid.hex(), "why": removal.why}, call)
            )
            put_delete(self._store, removal.rid, path, size, now_s)

    def _enough(self, last: Kept, facts: Facts, now_s: float) -> bool:
        """Tell whether nothing younger than the last one can have to go."""
        return not self.full() and not too_old(last, facts, now_s)

    def _disk_now(self) -> Disk:
        disk = self._disk(self._folder)
        waiting = self._store.rows("SELECT body FROM job WHERE state = 'waiting' AND kind = ?", DELETE)
        return Disk(disk.total, disk.used - sum(int(json.loads(body)["size"]) for (body,) in waiting))

    def _facts(self) -> Facts:
        calls, rules = open_calls(self._store), self._rules
        return Facts(calls, rules.keep_days, rules.newest_days, rules.disk_percent, rules.rolling_days)


def open_calls(store: Store) -> frozenset[bytes]:
    """The calls of tickets that are not closed, and those whose recordings are linked to such a ticket."""
    closed = states_in("closed")
    is_open = f"state NOT IN ({', '.join('?' * len(closed))})"
    sql = (
        f"SELECT call FROM ticket WHERE call IS NOT NULL AND {is_open} UNION"
        f" SELECT call FROM recording WHERE ticket IN (SELECT tid FROM ticket WHERE {is_open})"
    )
    return frozenset(bytes(call) for (call,) in store.rows(sql, *closed, *closed))


def put_delete(store: Store, rid: bytes, path: str, size: int, now_s: float) -> None:
    """Have a file deleted; call inside the transaction that says why. `size` is what it frees."""
    body: dict[str, Any] = {"rid": rid.hex(), "path": path, "size": size}
    jobs.put(store, DELETE, body, now_s, rid.hex())


def disk_of(folder: Path) -> Disk:
    """How full the disk of a folder is; what only root may use counts as used."""
    total, _, free = shutil.disk_usage(folder)
    return Disk(total, total - free)


def _kept(row: Any) -> Kept:
    rid, call, made_s, size, sha256, held, rolling, _ = row
    return Kept(bytes(rid), bytes(call), made_s, size, bool(sha256), bool(held), bool(rolling))
