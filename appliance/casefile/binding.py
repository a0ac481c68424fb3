"""Binding: when a case is archived its file is made once, kept, and its hash frozen in the log."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from peewee import DatabaseError

from appliance.blobs.keeping import BlobStore
from appliance.blobs.sounds import Sounds
from appliance.casefile.package import Source, pieces
from appliance.casefile.story import story_of
from appliance.events import Event, Fact
from appliance.letters.blanking import REDACTED
from appliance.letters.pdf import NotMade
from appliance.letters.register import Altered
from appliance.letters.seals import Seals
from appliance.places import Places
from appliance.refused import Refused
from appliance.store import jobs
from appliance.store.jobs import Again, Done, Job, Outcome
from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.workflow import END

CASE = "case_file"
"""The kind of job."""
CURSOR = "case_files"
AT_ONCE = 2000
PACKAGED = "ticket.packaged"


@dataclass(frozen=True, slots=True)
class Bound:
    """A file made of a case at its archiving."""

    path: str
    """Below the folder of cases."""
    sha256: str
    size: int
    at_s: float


def source_of(store: Store, where: Places, centre: str, blobs: BlobStore | None = None) -> Source:
    """Return where packages of this box take their parts from."""
    sounds = Sounds(store.site, where.recordings, blobs)
    return Source(store, sounds, Seals(store, where.seals), centre, (where.fonts,))


def bound_of(store: Store, tid: bytes) -> Bound | None:
    """Return the newest file made of a case at its archiving."""
    made = [event for event in store.history(tid) if event.kind == PACKAGED]
    if not made:
        return None
    facts = made[-1].facts
    return Bound(str(facts["path"]), str(facts["sha256"]), int(facts["size"]), made[-1].at_s)


def checked(folder: Path, bound: Bound) -> Path:
    """Return the file when it is still what was frozen; raises Refused."""
    file = (folder / bound.path).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise Refused("unknown_ticket", "The file of this case is not on this box.")
    if _sum(file) != bound.sha256:
        raise Refused("changed", "The file of this case is not what was frozen. Tell your technician.")
    return file


class Binder:
    """Follows the log for archived cases of this site and makes their files, as jobs of the store process."""

    def __init__(
        self, store: Store, where: Places, centre: str, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._folder = where.cases
        self._source = source_of(store, where, centre)
        self._now = now

    def plan(self) -> int:
        """Put a job for each case archived since the last look; return how many events were looked at."""
        after = self._store.cursor(CURSOR)
        events = self._store.read(after, AT_ONCE)
        if not events:
            return 0
        with self._store.transaction():
            for _, event in events:
                if _wants_file(event, self._store.site):
                    again = event.kind == REDACTED
                    body = {"tid": event.subject.hex(), "eid": event.eid.hex(), "again": again}
                    jobs.put(self._store, CASE, body, self._now(), event.eid.hex())
            self._store.move_cursor(CURSOR, events[-1][0])
        return len(events)

    def bind(self, job: Job) -> Outcome:
        """Make the file of a case; body: tid, and eid of the event that asks for it, both hex.

        With `again`, after a redaction, it is made anew and those from before are removed.
        """
        ticket = table.load(self._store, bytes.fromhex(str(job.body["tid"])))
        eid, again = str(job.body["eid"]), bool(job.body.get("again"))
        if ticket is None or ticket.state != END:
            return Done()  # it was opened again
        before = [event for event in self._store.history(ticket.tid) if event.kind == PACKAGED]
        if not before if again else ticket.state_eid.hex() != eid:
            return Done()  # there is no file to be made anew; or the move came too late
        year = time.strftime("%Y", time.localtime(ticket.state_s))
        path = f"{year}/{ticket.number}-{eid[-8:]}.zip"
        try:
            story = story_of(self._store, ticket)
            file = self._folder / path
            _write(file, pieces(self._source, story, ticket.state_s, sound=False))
            facts = {
                "path": path,
                "sha256": _sum(file),
                "size": file.stat().st_size,
                "letters": len(story.letters),
                "recordings": len(story.sounds),
            }
            for event in before if again else ():
                old = self._folder / str(event.facts["path"])
                if old != file:
                    old.unlink(missing_ok=True)
        except (NotMade, Altered, OSError, DatabaseError, Refused) as error:
            return Again(str(error)[:300])
        return Done((Fact(PACKAGED, facts, ticket.tid),))


def _wants_file(event: Event, site: int) -> bool:
    """Whether a file is to be made of a case, or made anew; by the site that archived it only."""
    archived = event.kind == "ticket.moved" and event.site == site and b'"archive"' in event.body
    return archived or event.kind == REDACTED


def _write(file: Path, data: Iterator[bytes]) -> None:
    """Durable when it returns; half a file never has its name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(".part")
    with half.open("wb") as out:
        for piece in data:
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    half.replace(file)


def _sum(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
