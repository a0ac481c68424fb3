"""Whole segments of a full text taken over from other files: as bytes, without looking at a word.

FTS5 keeps an index as segments of pages, numbered by segment and page, under one record that lists the
segments by levels and one that counts rows and tokens (fts5_index.c, "structure" and "averages" records;
the same since SQLite 3.9). Segments of other files get numbers behind each other; what they hold must be
of other rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.store.store import Store

FORMATS = {4, 5}
"""Versions of the format in which the records are as read here."""
COUNTED, LISTED = 1, 10
"""Where the two records stand."""
PAGES = 37
"""The number of a segment stands before so many bits for its page."""
MOST = 2000
"""FTS5 has no higher numbers for segments."""
_OTHER_FORM = b"\xff\0\0\1"
_RECORD = "SELECT block FROM {}ticket_text_data WHERE id = ?"
_PAGES = (
    "INSERT INTO ticket_text_data (id, block) SELECT id + ?, block FROM {}.ticket_text_data"
    " WHERE id >= ? AND id < ?"
)
_TERMS = (
    "INSERT INTO ticket_text_idx (segid, term, pgno) SELECT ?, term, pgno FROM {}.ticket_text_idx"
    " WHERE segid = ?"
)
_PUT = "UPDATE ticket_text_data SET block = ? WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Segment:
    """A sorted run of terms: its number, and its first and last page."""

    number: int
    first: int
    last: int


Levels = list[list[Segment]]
"""Segments, the oldest first on each level; the higher a level, the more was merged."""


class Segments:
    """The segments that come into the full text, instead of what is in it."""

    def __init__(self, store: Store) -> None:
        ((version,),) = store.rows("SELECT v FROM ticket_text_config WHERE k = 'version'")
        if version not in FORMATS:
            raise ValueError(f"full text of format {version} is not known here")
        store.engine.text.clear(store)  # so that FTS5 remembers no list of before
        self._store = store
        self._levels: Levels = []
        self._counts: list[int] = []

    def take(self, name: str) -> None:
        """Take those of an attached file."""
        for at, level in enumerate(levels_of(self._record(f"{name}.", LISTED))):
            if at == len(self._levels):
                self._levels.append([])
            for segment in level:
                number = sum(map(len, self._levels)) + 1
                self._copy(name, segment.number, number)
                self._levels[at].append(Segment(number, segment.first, segment.last))
        counts = zip_longest(self._counts, numbers(self._record(f"{name}.", COUNTED)), fillvalue=0)
        self._counts = [mine + more for mine, more in counts]

    def end(self) -> None:
        """List them: from now on they are what is found."""
        cookie = self._record("", LISTED)[:4]
        self._store.execute(_PUT, cookie + listed(self._levels), LISTED)
        self._store.execute(_PUT, b"".join(map(varint, self._counts)), COUNTED)

    def _copy(self, name: str, was: int, number: int) -> None:
        if number > MOST:
            raise ValueError(f"more than {MOST} segments")
        self._store.execute(_PAGES.format(name), number - was << PAGES, was << PAGES, was + 1 << PAGES)
        self._store.execute(_TERMS.format(name), number, was)

    def _record(self, of: str, place: int) -> bytes:
        return bytes(self._store.rows(_RECORD.format(of), place)[0][0])


def levels_of(record: bytes) -> Levels:
    """Read the record that lists segments; behind a cookie of four bytes all are numbers."""
    if record[4:8] == _OTHER_FORM:
        raise ValueError("a full text that is told of rows that went is not known here")
    told = numbers(record[4:])
    count, _, _ = next(told), next(told), next(told)
    levels: Levels = []
    for _ in range(count):
        merging, segments = next(told), next(told)
        if merging:
            raise ValueError("segments are being merged")
        levels.append([Segment(next(told), next(told), next(told)) for _ in range(segments)])
    return levels


def listed(levels: Levels) -> bytes:
    """Write that record, without its cookie; nothing is being merged."""
    told = [len(levels), sum(map(len, levels)), 0]
    for level in levels:
        told += [0, len(level)]
        for segment in level:
            told += [segment.number, segment.first, segment.last]
    return b"".join(map(varint, told))


def numbers(record: bytes) -> Iterator[int]:
    """Read SQLite's varints: seven bits a byte, the highest first, all eight of a ninth."""
    value = size = 0
    for byte in record:
        size += 1
        if size == 9:
            yield value << 8 | byte
            value = size = 0
        elif byte & 0x80:
            value = value << 7 | byte & 0x7F
        else:
            yield value << 7 | byte
            value = size = 0


def varint(value: int) -> bytes:
    """Write one, of less than 57 bits."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
