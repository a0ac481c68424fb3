"""A day of recordings as one ZIP that opens offline: sounds, a page to hear them, a table, and SHA256SUMS.

Written as a stream: memory holds one piece of sound and a few hundred bytes for each recording.
"""

import csv
import hashlib
import io
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from appliance.events import Fact
from appliance.recordings.archive import format_of
from appliance.recordings.page import page
from appliance.recordings.verification import CHANGED, MISSING, OK, UNSEALED, inside
from appliance.refused import Refused
from appliance.store.store import Store

_Time = tuple[int, int, int, int, int, int]
PIECE = 1 << 20
DAY_MOST = 50_000
COLUMNS = (
    *("file", "rid", "made", "kind", "seconds", "caller", "called", "line", "queue", "agent", "agent_name"),
    *("outcome", "ticket", "site", "held", "size", "sha256", "found"),
)
_ROWS = (
    "SELECT r.rid, r.made_s, r.kind, r.seconds, r.path, r.sha256, r.site, r.held,"
    " c.caller, c.called, c.line, c.queue, c.agent, p.name, c.outcome,"
    " (SELECT number FROM ticket t WHERE t.call = r.call ORDER BY tid LIMIT 1)"
    " FROM recording r LEFT JOIN call c ON c.cid = r.call LEFT JOIN person p ON p.number = c.agent"
    " WHERE r.made_s >= ? AND r.made_s < ? AND r.removed_s IS NULL ORDER BY r.made_s, r.rid LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Order:
    """One export that was recorded in the log; `pieces` may be read once or never."""

    day: str
    folder: Path
    rows: tuple[tuple[object, ...], ...]

    @property
    def count(self) -> int:
        """How many recordings it holds."""
        return len(self.rows)

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"recordings-{self.day}.zip"

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the ZIP in turn."""
        sink = _Sink()
        entries: list[dict[str, str]] = []
        at: _Time = time.localtime()[:6]
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as out:
            for row in self.rows:
                entry = _entry(row)
                entries.append(entry)
                yield from _sound(out, sink, self.folder, str(row[4]), entry, at)
            for name, text in _papers(self.day, entries):
                out.writestr(_info(name, at), text.encode())
                yield sink.taken()
        yield sink.taken()


def order(store: Store, folder: Path, day: str, by: str) -> Order:
    """Begin an export of a local day like 2026-11-22, which is recorded; raises Refused."""
    try:
        first = date.fromisoformat(day)
        begin_s, end_s = (time.mktime(one.timetuple()) for one in (first, first + timedelta(days=1)))
    except (ValueError, OverflowError):
        raise Refused("bad_day", "Write the day like 2026-11-22.") from None
    rows = tuple(tuple(row) for row in store.rows(_ROWS, begin_s, end_s, DAY_MOST))
    if not rows:
        raise Refused("nothing", "There are no recordings of this day.")
    store.record(Fact("recording.exported", {"day": first.isoformat(), "count": len(rows), "by": by}, b""))
    return Order(first.isoformat(), folder, rows)


class _Sink:
    """What the ZIP writer writes into: a file without places to go back to."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._at = 0

    def write(self, data: bytes) -> int:
        self._waiting.append(bytes(data))
        self._at += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        """What was written since this was last asked."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        return data


def _entry(row: tuple[object, ...]) -> dict[str, str]:
    rid, made_s, kind, seconds, path, sha256, site, held, caller, called, line, queue, agent, *rest = row
    name, outcome, ticket = rest
    assert isinstance(made_s, float)
    assert isinstance(rid, bytes)
    made = time.localtime(made_s)
    name_in_zip = f"sound/{time.strftime('%H%M%S', made)}-{rid.hex()}"
    archived = format_of(str(path))
    suffix = archived.suffix if archived else ".wav"
    values = {
        "file": name_in_zip + suffix,
        "rid": rid.hex(),
        "made": time.strftime("%Y-%m-%d %H:%M:%S", made),
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
    out: zipfile.ZipFile, sink: _Sink, folder: Path, path: str, entry: dict[str, str], at: _Time
) -> Iterator[bytes]:
    """Copy one file and say how it was found; one that is gone stands in the table all the same."""
    file = inside(folder, path)
    sealed, digest, size = entry["sha256"], hashlib.sha256(), 0
    try:
        source = file.open("rb") if file else None
    except OSError:
        source = None
    if source is None:
        entry.update(file="", found=MISSING)
        return
    info = _info(entry["file"], at)
    with source, out.open(info, "w", force_zip64=True) as target:
        while piece := source.read(PIECE):
            digest.update(piece)
            size += len(piece)
            target.write(piece)
            yield sink.taken()
    found = UNSEALED if not sealed else OK if sealed == digest.hexdigest() else CHANGED
    entry.update(size=str(size), sha256=digest.hexdigest(), found=found)


def _info(name: str, at: _Time) -> zipfile.ZipInfo:
    """The entry of a file that everybody may read."""
    info = zipfile.ZipInfo(name, at)
    info.external_attr = 0o644 << 16
    return info


def _papers(day: str, entries: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
    """The page, the table and the sums, each with its name."""
    papers = {"index.html": page(day, entries), "recordings.csv": _table(entries)}
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
