"""Recordings to take away: sounds, a page to find and hear them, a table, and SHA256SUMS; a ZIP or a folder.

Written as a stream: memory holds one piece of sound and a few hundred bytes for each recording. The
page opens without a network. Names are plain and short enough for a disc of ISO 9660.
"""

import csv
import hashlib
import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance import zipping
from appliance.blobs.sounds import Sounds, suffix_of
from appliance.events import Fact
from appliance.recordings.page import page
from appliance.recordings.selection import Row, numbered, of_day, rows_of, split
from appliance.recordings.verification import CHANGED, MISSING, OK, UNSEALED
from appliance.store.store import Store

PIECE = 1 << 20
EXPORT = "export"
"""How a recording that was taken away was heard."""
COLUMNS = (
    *("file", "rid", "made", "kind", "seconds", "caller", "called", "line", "queue", "agent", "agent_name"),
    *("outcome", "ticket", "site", "held", "size", "sha256", "found"),
)


@dataclass(frozen=True, slots=True)
class Order:
    """One export, or one part of it, that was recorded in the log; it may be read once or never."""

    title: str
    sounds: Sounds
    rows: tuple[Row, ...]

    @property
    def count(self) -> int:
        """How many recordings it holds."""
        return len(self.rows)

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"recordings-{self.title}.zip"

    def files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Every file with its bytes, which are to be read before the next file is asked for."""
        entries: list[dict[str, str]] = []
        for nth, row in enumerate(self.rows):
            entry = _entry(row)
            entries.append(entry)
            yield from _sound(self.sounds, nth, row, entry)
        for name, text in _papers(self.title, entries):
            yield name, iter([text.encode()])

    def pieces(self) -> Iterator[bytes]:
        """The bytes of a ZIP in turn."""
        return zipping.pieces(self.files(), time.time())

    def write(self, target: Path) -> None:
        """Write the files into a new folder, as for a disc; OSError, FileExistsError when it is there."""
        (target / "sound").mkdir(parents=True)
        for name, data in self.files():
            with (target / name).open("wb") as out:
                for piece in data:
                    out.write(piece)


def order(store: Store, sounds: Sounds, day: str, by: str) -> Order:
    """Begin an export of a local day like 2026-11-22, which is recorded; raises Refused."""
    title, rids = of_day(store, day)
    (whole,) = plan(store, sounds, title, rids, 0)
    return begun(store, whole, by)


def plan(store: Store, sounds: Sounds, title: str, rids: Sequence[bytes], most_bytes: int) -> list[Order]:
    """The parts an export would have; nothing is recorded yet."""
    parts = split(sounds, rows_of(store, rids), most_bytes)
    names = numbered(title, len(parts))
    return [Order(name, sounds, tuple(rows)) for name, rows in zip(names, parts, strict=True)]


def begun(store: Store, order: Order, by: str) -> Order:
    """Record that somebody takes this away: each recording in it may be heard from now on."""
    facts = {"day": order.title, "count": order.count, "by": by}
    heard = (
        Fact("recording.played", {"rid": bytes(row[0]).hex(), "by": by, "how": EXPORT}, bytes(row[17]))
        for row in order.rows
    )
    store.record(Fact("recording.exported", facts, b""), *heard)
    return order


def _entry(row: Row) -> dict[str, str]:
    rid, made_s, kind, seconds, _, sha256, site, held, caller, called, line, queue, agent, *rest = row
    name, outcome, ticket, *_ = rest
    values = {
        "file": "",
        "rid": bytes(rid).hex(),
        "made": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(made_s)),
        "kind": kind,
        "seconds": seconds,
        "caller": caller,
        "called": called,
        "line": line,
        "queue": queue,
        "agent": agent,
        "agent_name": name,
        "outcome": outcome,
        "ticket": ticket,
        "site": site,
        "held": held,
        "size": 0,
        "sha256": sha256,
        "found": UNSEALED,
    }
    return {key: "" if value is None else str(value) for key, value in values.items()}


def _sound(
    sounds: Sounds, nth: int, row: Row, entry: dict[str, str]
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """One file, and how it was found; one that is gone stands in the table all the same."""
    rid, made_s, path, site, sealed, stored = row[0], row[1], row[4], row[6], row[5], row[18]
    try:
        file = sounds.file(str(path), site, sealed, stored)
        source = file.open("rb") if file else None
        suffix = suffix_of(file) if file else ""
    except OSError:
        source = None
    if source is None:
        entry.update(found=MISSING)
        return
    entry["file"] = (
        f"sound/{time.strftime('%H%M%S', time.localtime(made_s))}_{nth:05d}_{bytes(rid).hex()[:8]}.{suffix}"
    )
    digest, size = hashlib.sha256(), 0

    def read() -> Iterator[bytes]:
        nonlocal size
        while piece := source.read(PIECE):
            digest.update(piece)
            size += len(piece)
            yield piece

    with source:
        yield entry["file"], read()
    found = UNSEALED if not sealed else OK if digest.hexdigest() in (sealed, stored) else CHANGED
    entry.update(size=str(size), sha256=digest.hexdigest(), found=found)


def _papers(title: str, entries: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
    """The page, the table and the sums, each with its name."""
    papers = {"index.html": page(title, entries), "recordings.csv": _table(entries)}
    yield from papers.items()
    sums = [f"{entry['sha256']}  {entry['file']}\n" for entry in entries if entry["file"]]
    sums += [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in papers.items()]
    yield "SHA256SUMS", "".join(sums)


def _table(entries: list[dict[str, str]]) -> str:
    """All facts as CSV, with the mark spreadsheets know UTF-8 by."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([_plain(entry[column]) for column in COLUMNS])
    return "\ufeff" + text.getvalue()


def _plain(value: str) -> str:
    """A cell no spreadsheet takes for a formula; a number like +8613800001234 is none."""
    risky = value.startswith(("=", "@", "+", "-", "\t", "\r")) and not value[1:].isdigit()
    return "'" + value if risky else value
