"""Files added to a ticket: the event names a file by its hash, the bytes lie beside the log.

A ticket's files are a set that only grows, so boxes that add some while apart agree. A redaction blanks one:
its name is not told, it is not given out, and its bytes go.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.actor import Actor
from appliance.blobs import wants
from appliance.blobs.keeping import HASH, PART, BlobStore
from appliance.events import Event, Fact
from appliance.refused import Refused
from appliance.tickets.fields import checked
from appliance.tickets.file_kinds import BY_TYPE, kind_of
from appliance.tickets.rights import signed

if TYPE_CHECKING:
    from appliance.store.store import Store

ATTACHED = wants.ATTACHED
BYTES_MOST = 20 * 1024 * 1024
FILES_MOST = 50
"""Files of one ticket."""
NAME_MAX = 100
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
_COLUMNS = "aid, tid, sha256, name, size, kind, site, at_s, by, note"


@dataclass(frozen=True, slots=True)
class Attached:
    """One file of a ticket."""

    aid: bytes
    tid: bytes
    sha256: str
    name: str
    size: int
    kind: str
    site: int
    at_s: float
    by: str
    note: str

    @property
    def is_image(self) -> bool:
        """Whether a browser may show it in a page."""
        known = BY_TYPE.get(self.kind)
        return known is not None and known.image


def attach(
    store: Store,
    blobs: BlobStore,
    folder: Path,
    actor: Actor,
    tid: bytes,
    name: str,
    data: bytes,
    note: str = "",
) -> bytes:
    """Add a file to a ticket the caller checked may be written to; returns its id. Raises Refused, OSError.

    The same file added again is the one that is there. `folder` is where files are made before they are kept.
    """
    if not data:
        raise Refused("missing", "Choose a file that is not empty.")
    if len(data) > BYTES_MOST:
        raise Refused("too_long", "The file is too large: at most %(most)s MB.", most=BYTES_MOST // 1024**2)
    kind = kind_of(data)
    if kind is None:
        raise Refused(
            "bad_file",
            "Files of this kind are not taken: photos, PDF, Word, Excel, text, sound and video are.",
        )
    sha256 = hashlib.sha256(data).hexdigest()
    facts: dict[str, Any] = {"sha256": sha256, "size": len(data), "kind": kind.type}
    facts |= {"file": file_name(name, kind.endings), "text": str(checked("text", note)), **signed(actor)}
    with store.transaction():
        there = of_ticket(store, tid)
        if again := next((one for one in there if one.sha256 == sha256), None):
            return again.aid
        if len(there) >= FILES_MOST:
            raise Refused("too_many", "This ticket has %(most)s files already.", most=FILES_MOST)
        if not blobs.has(sha256):
            _put(blobs, folder, sha256, data)
        wants.kept(store, sha256, len(data), time.time())
        (event,) = store.record(Fact(ATTACHED, facts, tid))
    return event.eid


def of_ticket(store: Store, tid: bytes) -> list[Attached]:
    """The files of a ticket, oldest first, without those that were blanked."""
    sql = f"SELECT {_COLUMNS} FROM attachment WHERE tid = ? AND blank = ? ORDER BY aid"
    return [_attached(row) for row in store.rows(sql, tid, 0)]


def one(store: Store, tid: bytes, aid: bytes) -> Attached:
    """One file of a ticket; raises Refused for one it does not have, or that was blanked."""
    found = next((each for each in of_ticket(store, tid) if each.aid == aid), None)
    if found is None:
        raise Refused("unknown_file", "This ticket has no such file.")
    return found


def erase(store: Store, blobs: BlobStore, tid: bytes) -> None:
    """Let go of the bytes of files that were blanked and are nobody else's; OSError."""
    sql = (
        "SELECT DISTINCT sha256 FROM attachment AS a WHERE tid = ? AND blank = ? AND NOT EXISTS"
        " (SELECT 1 FROM attachment AS b WHERE b.sha256 = a.sha256 AND b.blank = ?)"
    )
    with store.transaction():
        for (sha256,) in store.rows(sql, tid, 1, 0):
            blobs.remove(str(sha256))
            store.execute("DELETE FROM blob WHERE sha256 = ?", sha256)


def project(store: Store, event: Event) -> None:
    """Show a file that was added; raises ValueError for an event that names none."""
    facts = event.facts
    sha256, kind, size = str(facts["sha256"]), str(facts["kind"]), int(facts["size"])
    if not HASH.fullmatch(sha256) or kind not in BY_TYPE or not 0 < size <= BYTES_MOST:
        raise ValueError("ticket.attached names no file that is taken")
    row = (event.eid, event.subject, sha256, file_name(str(facts["file"]), BY_TYPE[kind].endings), size, kind)
    store.execute(
        "INSERT INTO attachment (aid, tid, sha256, name, size, kind, site, at_s, by, note, blank)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        *(*row, event.site, event.at_s, str(facts.get("by", "")), str(facts.get("text", "")), 0),
    )
    blank(store, event)  # the redaction may have been there first


def blank(store: Store, event: Event) -> None:
    """Blank the files of the ticket of an event that a redaction names."""
    rows = store.rows("SELECT aid FROM attachment WHERE tid = ? AND blank = ?", event.subject, 0)
    if not rows:
        return
    named = {
        name
        for each in store.history(event.subject)
        if each.kind == "ticket.redacted"
        for name in each.facts.get("events", ())
    }
    for (aid,) in rows:
        if bytes(aid).hex() in named:
            store.execute(
                "UPDATE attachment SET blank = ?, name = '', note = '' WHERE aid = ?", 1, bytes(aid)
            )


def file_name(name: str, endings: tuple[str, ...]) -> str:
    """A name any system can save: no folders, no signs that turn it round, and the ending of its kind."""
    plain = " ".join(_NOT_IN_NAMES.sub(" ", name).split()).strip(". ")
    if plain.lower().endswith(endings):
        stem, _, ending = plain.rpartition(".")
        return f"{stem[:NAME_MAX].strip() or 'file'}.{ending.lower()}"
    return f"{plain[:NAME_MAX].strip() or 'file'}{endings[0]}"


def _put(blobs: BlobStore, folder: Path, sha256: str, data: bytes) -> None:
    made = folder / PART
    made.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=made, prefix="made-", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            blobs.put(sha256, Path(file.name))
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _attached(row: Any) -> Attached:
    aid, tid, *rest = row
    return Attached(bytes(aid), bytes(tid), *rest)
