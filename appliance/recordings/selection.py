"""Which recordings an export holds: a day, or what was searched for; and how it fits a mail or a disc."""

import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from appliance.blobs.sounds import Sounds
from appliance.refused import Refused
from appliance.store.store import Store

MOST = 50_000
"""Recordings of one export."""
AT_ONCE = 500
PAPERS_BYTES = 60_000
"""What page and table take of a part at least."""
ENTRY_BYTES = 2_500
"""What one recording takes besides its sound: two names in the ZIP, its rows in page and table."""
ROWS = (
    "SELECT r.rid, r.made_s, r.kind, r.seconds, r.path, r.sha256, r.site, r.held,"
    " c.caller, c.called, c.line, c.queue, c.agent, p.name, c.outcome,"
    " coalesce((SELECT number FROM ticket t WHERE t.call = r.call ORDER BY tid LIMIT 1),"
    " (SELECT number FROM ticket t WHERE t.tid = r.ticket)), r.size, r.call, coalesce(r.stored, '')"
    " FROM recording r LEFT JOIN call c ON c.cid = r.call LEFT JOIN person p ON p.number = c.agent"
    " WHERE r.rid IN ({marks}) AND r.removed_s IS NULL"
)
Row = tuple[Any, ...]


def of_day(store: Store, day: str) -> tuple[str, list[bytes]]:
    """The recordings of a local day like 2026-11-22, and the day; raises Refused."""
    try:
        first = date.fromisoformat(day)
        begin_s, end_s = (time.mktime(one.timetuple()) for one in (first, first + timedelta(days=1)))
    except (ValueError, OverflowError):
        raise Refused("bad_day", "Write the day like 2026-11-22.") from None
    found = store.rows(
        "SELECT rid FROM recording WHERE made_s >= ? AND made_s < ? AND removed_s IS NULL"
        " ORDER BY made_s, rid LIMIT ?",
        *(begin_s, end_s, MOST),
    )
    if not found:
        raise Refused("nothing", "There are no recordings of this day.")
    return first.isoformat(), [bytes(rid) for (rid,) in found]


def rows_of(store: Store, rids: Sequence[bytes]) -> list[Row]:
    """What is known of these recordings, oldest first; those removed meanwhile are left out."""
    rows: list[Row] = []
    for start in range(0, len(rids), AT_ONCE):
        some = rids[start : start + AT_ONCE]
        rows += store.rows(ROWS.format(marks=", ".join("?" * len(some))), *some)
    return sorted((tuple(row) for row in rows), key=lambda row: (row[1], row[0]))


def split(sounds: Sounds, rows: Sequence[Row], most_bytes: int) -> list[list[Row]]:
    """Split into parts of at most so many bytes, each in order; 0 is one part.

    A recording that is larger by itself has a part of its own.
    """
    if not most_bytes:
        return [list(rows)]
    parts: list[list[Row]] = []
    room = 0
    for row in rows:
        needed = ENTRY_BYTES + (row[16] or _size(sounds, row))
        if not parts or needed > room:
            parts.append([])
            room = most_bytes - PAPERS_BYTES
        parts[-1].append(row)
        room -= needed
    return parts


def numbered(name: str, parts: int) -> Iterator[str]:
    """The names of the parts of `name`."""
    yield from (f"{name}-{nth}of{parts}" if parts > 1 else name for nth in range(1, parts + 1))


def _size(sounds: Sounds, row: Row) -> int:
    try:
        file = sounds.file(str(row[4]), row[6])
        return file.stat().st_size if file else 0
    except OSError:
        return 0
