"""The nightly work on recordings: old ones removed, others archived, in slices between other jobs.

Each change is first an event, and in the same transaction the job that deletes the file it leaves
over: whatever is killed when, a file is deleted only after the log says why, and then surely.
"""

import os
import shutil
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.configuration import Retention
from appliance.events import Fact
from appliance.recordings.alaw import ARCHIVED, Written, archive, fingerprint
from appliance.recordings.retention import DAY_S, Disk, Facts, Kept, what_to_remove
from appliance.recordings.verification import CHANGED, MISSING, check, expected, inside
from appliance.recordings.waveform import peaks_file
from appliance.store import jobs
from appliance.store.jobs import Again, Done, Failed, Job, Outcome
from appliance.store.store import Store
from appliance.tickets.workflow import states_in

KEEP = "keep"
DELETE = "delete"
PAGE = 200
SLICE_S = 1.0
"""How long other jobs wait at most, beside the one file in work."""
_OWN = "site = ? AND removed_s IS NULL AND (made_s, rid) > (?, ?)"


class Keeper:
    """The work behind the jobs `keep` (one night, slice by slice) and `delete` (one file)."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        rules: Retention,
        stopping: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.time,
        disk: Callable[[Path], Disk] | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._rules = rules
        self._stopping = stopping
        self._now = now
        self._disk = disk or disk_of

    def plan(self) -> bool:
        """Put tonight's job when its hour has come and it is not there; tell whether it was put."""
        now = datetime.fromtimestamp(self._now())
        if now.hour < self._rules.night_hour:
            return False
        key = now.strftime("%Y-%m-%d")
        with self._store.transaction():
            if self._store.rows("SELECT 1 FROM job WHERE key = ? AND kind = ?", key, KEEP):
                return False
            jobs.put(self._store, KEEP, {"do": "remove"}, self._now(), key)
        return True

    def keep(self, job: Job) -> Outcome:
        """Do one slice; body: do (remove, archive) and how far the slice before came (after_s, after)."""
        body = job.body
        after = (float(body.get("after_s", 0.0)), bytes.fromhex(body.get("after", "")))
        until = time.monotonic() + SLICE_S
        try:
            if body["do"] == "remove":
                reached = self._remove(after, until)
                following = "remove" if reached else "archive"
            else:
                reached = self._archive(after, until)
                following = "archive" if reached else ""
        except OSError as error:
            return Again(f"recordings: {error.strerror or error}")
        if following:
            at_s, rid = reached or (0.0, b"")
            more = {"do": following, "after_s": at_s, "after": rid.hex()}
            self._follow(job, more)
        return Done()

    def _follow(self, job: Job, more: dict[str, Any]) -> None:
        """Put the next slice, once however often this one is done again."""
        others = "SELECT 1 FROM job WHERE kind = ? AND state = 'waiting' AND jid > ?"
        with self._store.transaction():
            if not self._store.rows(others, KEEP, job.jid):
                jobs.put(self._store, KEEP, more, self._now(), job.key)

    def delete(self, job: Job) -> Outcome:
        """Delete a file that is no recording's any more; body: rid (hex), path."""
        file = inside(self._folder, str(job.body["path"]))
        rows = self._store.rows(
            "SELECT path, removed_s, sha256, size FROM recording WHERE rid = ?",
            bytes.fromhex(job.body["rid"]),
        )
        if file is None or not rows:
            return Failed("the path leads out of the recordings folder, or is no recording's")
        path, removed_s, sha256, size = rows[0]
        if removed_s is None:
            now = inside(self._folder, path)
            if path == job.body["path"] or now is None or not _is(now, Written(sha256, size)):
                return Failed("the archived file is not as written: the first one stays")
        try:
            file.unlink(missing_ok=True)
            peaks_file(file).unlink(missing_ok=True)
        except OSError as error:
            return Again(f"{file.name}: {error.strerror}")
        return Done()

    def _remove(self, after: tuple[float, bytes], until: float) -> tuple[float, bytes] | None:
        """Remove what may go behind `after`; return where the next slice begins, None at the end."""
        facts, now_s = self._facts(), self._now()
        while True:
            with self._store.transaction():
                rows = self._store.rows(
                    "SELECT rid, call, made_s, size, sha256, held, path FROM recording"
                    f" WHERE {_OWN} AND made_s < ? ORDER BY made_s, rid LIMIT ?",
                    *(self._store.site, *after, now_s - facts.newest_days * DAY_S, PAGE),
                )
                kept = [
                    Kept(bytes(rid), bytes(call), made_s, size, bool(sha256), bool(held))
                    for rid, call, made_s, size, sha256, held, _ in rows
                ]
                removals = what_to_remove(kept, facts, now_s, self._disk_now())
                place = {bytes(row[0]): (bytes(row[1]), row[3], row[6]) for row in rows}
                for removal in removals:
                    call, size, path = place[removal.rid]
                    said = {"rid": removal.rid.hex(), "why": removal.why}
                    self._store.record(Fact("recording.removed", said, call))
                    self._put_delete(removal.rid, path, size)
                if len(rows) < PAGE or self._enough(facts, rows[-1][2], now_s):
                    return None
            after = (rows[-1][2], bytes(rows[-1][0]))
            if time.monotonic() > until or self._stopping():
                return after

    def _enough(self, facts: Facts, made_s: float, now_s: float) -> bool:
        """Whether nothing younger than `made_s` can have to go."""
        disk = self._disk_now()
        full = facts.disk_percent and disk.used > disk.total * facts.disk_percent // 100
        return not full and (not facts.keep_days or made_s >= now_s - facts.keep_days * DAY_S)

    def _archive(self, after: tuple[float, bytes], until: float) -> tuple[float, bytes] | None:
        """Archive what is old enough behind `after`; return where the next slice begins, None at the end."""
        if not self._rules.archive_days:
            return None
        rows = self._store.rows(
            "SELECT rid, call, path, made_s FROM recording"
            f" WHERE {_OWN} AND archived_s IS NULL AND held IS NULL AND sha256 <> '' AND made_s < ?"
            " ORDER BY made_s, rid LIMIT ?",
            *(self._store.site, *after, self._now() - self._rules.archive_days * DAY_S, PAGE),
        )
        for rid, call, path, made_s in rows:
            self._archive_one(bytes(rid), bytes(call), str(path))
            after = (made_s, bytes(rid))
            if time.monotonic() > until or self._stopping():
                return after
        return after if len(rows) == PAGE else None

    def _archive_one(self, rid: bytes, call: bytes, path: str) -> None:
        """Archive one recording; one that is not as sealed, or is no sound, stays as it is."""
        state, _ = check(self._folder, path, expected(self._store.history(call), rid))
        source = inside(self._folder, path)
        if state in (MISSING, CHANGED) or source is None or path.endswith(ARCHIVED):
            return
        relative = str(Path(path).with_suffix(ARCHIVED))
        target = self._folder / relative
        try:
            written = archive(source, target)
        except ValueError:
            return
        with self._store.transaction():
            free = "SELECT 1 FROM recording WHERE rid = ? AND held IS NULL AND removed_s IS NULL"
            if not self._store.rows(free, rid):
                target.unlink(missing_ok=True)
                return
            facts = {"rid": rid.hex(), "path": relative, "sha256": written.sha256, "size": written.size}
            self._store.record(Fact("recording.archived", facts, call))
            self._put_delete(rid, path, 0)

    def _put_delete(self, rid: bytes, path: str, size: int) -> None:
        body: dict[str, Any] = {"rid": rid.hex(), "path": path, "size": size}
        jobs.put(self._store, DELETE, body, self._now(), rid.hex())

    def _disk_now(self) -> Disk:
        """The disk as it will be when what is removed already is deleted too."""
        disk = self._disk(self._folder)
        sql = (
            "SELECT coalesce(sum(json_extract(body, '$.size')), 0) FROM job"
            " WHERE state = 'waiting' AND kind = ?"
        )
        return Disk(disk.total, disk.used - int(self._store.rows(sql, DELETE)[0][0]))

    def _facts(self) -> Facts:
        closed = states_in("closed")
        marks = ", ".join("?" * len(closed))
        sql = f"SELECT DISTINCT call FROM ticket WHERE call IS NOT NULL AND state NOT IN ({marks})"
        calls = frozenset(bytes(call) for (call,) in self._store.rows(sql, *closed))
        rules = self._rules
        return Facts(calls, rules.keep_days, rules.newest_days, rules.disk_percent)


def disk_of(folder: Path) -> Disk:
    """How full the disk of a folder is; what only root may use counts as used."""
    total, _, free = shutil.disk_usage(folder)
    return Disk(total, total - free)


def _is(file: Path, written: Written) -> bool:
    try:
        return os.stat(file).st_size == written.size and fingerprint(file) == written
    except OSError:
        return False
