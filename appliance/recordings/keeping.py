"""The nightly work on recordings: old ones removed, others archived, in slices between other jobs.

When the disk gets too full, room is made by day too. Each change is first an event, and in the same
transaction the job that deletes the file it leaves over.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.configuration import Retention
from appliance.events import Fact
from appliance.recordings.archive import Format, Written, archive, chosen, fingerprint, format_of
from appliance.recordings.removal import DELETE, DROP, PAGE, REMOVE, ROLLING, Place, Remover, put_delete
from appliance.recordings.retention import DAY_S, Disk
from appliance.recordings.verification import CHANGED, MISSING, check, expected, inside
from appliance.recordings.waveform import carry_over, peaks_file
from appliance.store import jobs
from appliance.store.jobs import Again, Done, Failed, Job, Outcome
from appliance.store.store import Store
from appliance.words import N_

__all__ = ["DELETE", "KEEP", "Keeper"]
KEEP = "keep"
SLICE_S = 1.0
"""How long other jobs wait at most, beside the one file in work."""
ROOM_S = 600.0
"""How often room is made by day, at most."""
NICE = 10
"""Archiving gives way to everything else that wants the CPU."""
NO_ROOM = N_(
    "The disk of the recordings is nearly full, and no recording may be removed."
    " Add room, or keep recordings for fewer days."
)
ARCHIVE = "archive"
NIGHT: Mapping[str, str] = {DROP: ROLLING, ROLLING: REMOVE, REMOVE: ARCHIVE, ARCHIVE: ""}
"""What follows what, by night."""
ROOM: Mapping[str, str] = {DROP: ROLLING, ROLLING: REMOVE, REMOVE: ""}
"""The same when room is made by day."""


class Keeper:
    """The work behind the jobs `keep` (one night, or room by day, slice by slice) and `delete` (one file)."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        rules: Retention,
        stopping: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.time,
        disk: Callable[[Path], Disk] | None = None,
        alarm: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._rules = rules
        self._stopping = stopping
        self._now = now
        self._alarm = alarm
        self._remover = Remover(store, folder, rules, stopping, now, disk)

    def plan(self) -> bool:
        """Put tonight's job when its hour has come, or one that makes room; tell whether one was put."""
        now = datetime.fromtimestamp(self._now())
        full = self._remover.full()
        if not full:
            self._alarm("")
        night = now.hour >= self._rules.night_hour
        return (night and self._put(now.strftime("%Y-%m-%d"), "night")) or (
            full and self._put(f"room {int(self._now() // ROOM_S)}", "room")
        )

    def keep(self, job: Job) -> Outcome:
        """Do one slice; body: do, for (night, room), and how far the slice before came (after_s, after)."""
        body = job.body
        do, why = str(body["do"]), str(body.get("for", "night"))
        after = (float(body.get("after_s", 0.0)), bytes.fromhex(body.get("after", "")))
        until = time.monotonic() + SLICE_S
        try:
            reached = self._archive(after, until) if do == ARCHIVE else self._remover.slice(do, after, until)
            if do == REMOVE and reached is None:
                self._alarm(NO_ROOM if self._remover.full() else "")
        except OSError as error:
            return Again(f"recordings: {error.strerror or error}")
        following = do if reached else (ROOM if why == "room" else NIGHT)[do]
        if following:
            at_s, rid = reached or (0.0, b"")
            self._follow(job, {"do": following, "for": why, "after_s": at_s, "after": rid.hex()})
        return Done()

    def delete(self, job: Job) -> Outcome:
        """Delete a file that is no recording's any more; body: rid (hex), path."""
        file = inside(self._folder, str(job.body["path"]))
        rows = self._store.rows(
            "SELECT path, coalesce(removed_s, dropped_s), sha256, size FROM recording WHERE rid = ?",
            bytes.fromhex(job.body["rid"]),
        )
        if file is None or not rows:
            return Failed("the path leads out of the recordings folder, or is no recording's")
        path, gone_s, sha256, size = rows[0]
        if gone_s is None:
            now = inside(self._folder, path)
            if path == job.body["path"] or now is None or not _is(now, Written(sha256, size)):
                return Failed("the archived file is not as written: the first one stays")
        try:
            file.unlink(missing_ok=True)
            peaks_file(file).unlink(missing_ok=True)
        except OSError as error:
            return Again(f"{file.name}: {error.strerror}")
        return Done()

    def _put(self, key: str, why: str) -> bool:
        with self._store.transaction():
            if self._store.rows("SELECT 1 FROM job WHERE key = ? AND kind = ?", key, KEEP):
                return False
            jobs.put(self._store, KEEP, {"do": DROP, "for": why}, self._now(), key)
        return True

    def _follow(self, job: Job, more: dict[str, Any]) -> None:
        """Put the next slice, once however often this one is done again."""
        others = "SELECT 1 FROM job WHERE kind = ? AND key = ? AND state = 'waiting' AND jid > ?"
        with self._store.transaction():
            if not self._store.rows(others, KEEP, job.key, job.jid):
                jobs.put(self._store, KEEP, more, self._now(), job.key)

    def _archive(self, after: Place, until: float) -> Place | None:
        """Archive what is old enough behind `after`; return where the next slice begins, None at the end."""
        if not self._rules.archive_days:
            return None
        into = chosen(self._rules.archive_format)
        rows = self._store.rows(
            "SELECT rid, call, path, made_s FROM recording"
            " WHERE site = ? AND removed_s IS NULL AND dropped_s IS NULL"
            " AND (made_s, rid) > (?, ?) AND archived_s IS NULL"
            " AND held IS NULL AND rolling IS NULL AND sha256 <> '' AND made_s < ?"
            " ORDER BY made_s, rid LIMIT ?",
            *(self._store.site, *after, self._now() - self._rules.archive_days * DAY_S, PAGE),
        )
        for rid, call, path, made_s in rows:
            self._archive_one(bytes(rid), bytes(call), str(path), into)
            after = (made_s, bytes(rid))
            if time.monotonic() > until or self._stopping():
                return after
        return after if len(rows) == PAGE else None

    def _archive_one(self, rid: bytes, call: bytes, path: str, into: Format) -> None:
        """Archive one recording; one that is not as sealed, or is no sound, stays as it is."""
        state, _ = check(self._folder, path, expected(self._store.history(call), rid))
        source = inside(self._folder, path)
        if state in (MISSING, CHANGED) or source is None or format_of(path):
            return
        relative = str(Path(path).with_suffix(into.suffix))
        target = self._folder / relative
        try:
            written = _gently(lambda: archive(source, target, into))
        except ValueError:
            return
        with self._store.transaction():
            free = "SELECT 1 FROM recording WHERE rid = ? AND held IS NULL AND removed_s IS NULL"
            if not self._store.rows(free, rid):
                target.unlink(missing_ok=True)
                return
            facts = {"rid": rid.hex(), "path": relative, "sha256": written.sha256, "size": written.size}
            self._store.record(Fact("recording.archived", facts, call))
            put_delete(self._store, rid, path, 0, self._now())
        carry_over(source, target)


def _gently(work: Callable[[], Written]) -> Written:
    """Work in a thread that gives way: on Linux each has a priority of its own. It ends with the process."""
    done: Future[Written] = Future()

    def run() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)

    threading.Thread(target=run, name="archive", daemon=True).start()
    return done.result()


def _is(file: Path, written: Written) -> bool:
    try:
        return os.stat(file).st_size == written.size and fingerprint(file) == written
    except OSError:
        return False
