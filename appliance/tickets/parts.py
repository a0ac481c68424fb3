"""A long log is folded anew by several processes: each folds a part of the tickets into a file of its own.

The files are then copied into the box's database, which takes a tenth of the time: rows as they are,
and the full text in whole segments. Each process reads the log itself, so nothing but the bounds of its
part travels between them. SQLite only; a part is a Store (store/part.py) beside the box's file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from appliance.events import EID_BYTES
from appliance.tickets import facets
from appliance.tickets.fts5_segments import Segments

if TYPE_CHECKING:
    from appliance.store.store import Store

LONG = 100_000
"""Events in the log from which other processes are worth their start."""
MOST = 4
"""More would wait for the one that copies."""
FIRST, LAST = b"", b"\xff" * (EID_BYTES + 1)
"""Before and behind all subjects."""
ROOM = 2
"""Files of parts take two thirds of the database, and its WAL as much again."""
LOOKED_AT = 20_000
"""So many subjects are looked at for a place where the log may be cut."""
_NAME, _FOLDER = "part_", "rebuild-"
_LAST = "SELECT coalesce(max(pos), 0) FROM event"
_SUBJECT = "SELECT subject FROM event ORDER BY subject LIMIT 1 OFFSET ?"
_BEFORE = "SELECT DISTINCT subject FROM event WHERE subject < ? ORDER BY subject DESC LIMIT ?"
_BEHIND = "SELECT DISTINCT subject FROM event WHERE subject >= ? ORDER BY subject LIMIT ?"
_COUNTS = (
    "INSERT INTO ticket_count (unit, state, tickets) SELECT unit, state, tickets FROM {}.ticket_count WHERE 1"
    " ON CONFLICT (unit, state) DO UPDATE SET tickets = ticket_count.tickets + excluded.tickets"
)
_ASIDE = (
    "INSERT INTO quarantine (eid, reason, at_s) SELECT eid, reason, at_s FROM {}.quarantine WHERE 1"
    " ON CONFLICT DO NOTHING"
)
_LIKENESS = 'SELECT "key", at_s, tid FROM {}.likeness'


@dataclass(frozen=True, slots=True)
class Order:
    """What a process needs to know to fold a part."""

    file: Path
    log: Path
    site: int
    after: bytes
    until: bytes
    """The tickets behind one id up to another."""


Write = Callable[[], bool]


@contextmanager
def begun(store: Store) -> Iterator[Write]:
    """Begin to fold all tickets in parts; what it gives writes them when they are there.

    False is its answer when one process alone is quicker, or has to do it: then nothing was written.
    """
    bounds = bounds_of(store)
    if len(bounds) < 3:
        yield lambda: False
        return
    from appliance.store.part import fold  # a part is a store, which knows how to rebuild

    with TemporaryDirectory(prefix=_FOLDER, dir=store.path.parent) as folder:
        orders = [
            Order(Path(folder) / f"{nth}.db", store.path, store.site, after, until)
            for nth, (after, until) in enumerate(pairwise(bounds))
        ]
        with ProcessPoolExecutor(_processes(), get_context("spawn")) as pool:
            folded = pool.map(fold, orders)
            yield lambda: _take(store, folded)


def let_go(store: Store) -> None:
    """Close the files that were copied; call outside of a transaction."""
    if store.engine.name == "sqlite":
        for _, name, _ in store.rows("PRAGMA database_list"):
            if name.startswith(_NAME):
                store.execute(f"DETACH DATABASE {name}")


def bounds_of(store: Store) -> list[bytes]:
    """The ids between which the parts are, before the first and behind the last: [] for no parts at all."""
    if store.engine.name != "sqlite" or _processes() < 2 or not _is_written(store):
        return []
    count = _processes()
    ((events,),) = store.rows("SELECT count(*) FROM event")
    if events < max(LONG, count) or not _has_room(store):
        return []
    found = {_cut(store, events * nth // count, events) for nth in range(1, count)}
    return [FIRST, *sorted(found - {FIRST}), LAST]


def _processes() -> int:
    return min(MOST, os.cpu_count() or 1)


def _is_written(store: Store) -> bool:
    """Tell whether all of the log is in the file: no other process sees the transaction under way."""
    with closing(sqlite3.connect(store.path)) as other:
        return other.execute(_LAST).fetchall() == store.rows(_LAST)


def _has_room(store: Store) -> bool:
    """Tell whether the files of parts fit beside a database that is all written anew."""
    return disk_usage(store.path.parent).free > ROOM * store.path.stat().st_size


def _cut(store: Store, at: int, events: int) -> bytes:
    """An id near the event with this number behind which tickets get no place that one before it wants.

    Many tickets of one moment have places one behind the other, so that they may reach into the time of
    later ones: nowhere further than there are subjects before. FIRST where no such id is near.
    """
    ((middle,),) = store.rows(_SUBJECT, at)
    before = [bytes(subject) for (subject,) in store.rows(_BEFORE, middle, LOOKED_AT)][::-1]
    behind = [bytes(subject) for (subject,) in store.rows(_BEHIND, middle, LOOKED_AT)]
    if not before:
        return FIRST
    end = facets.place(before[0]) + events
    for subject in before:
        end = max(end + 1, facets.place(subject))
    for last, subject in pairwise([before[-1], *behind]):
        place = facets.place(subject)
        if place > end:
            return last
        end = end + 1
    return FIRST


def _take(store: Store, files: Iterable[Path]) -> bool:
    """Copy what parts hold, in order of the tickets, each as soon as it is there."""
    names, segments = list[str](), Segments(store)
    for file in files:
        names.append(name := f"{_NAME}{file.parent.name[len(_FOLDER) :]}_{len(names)}")
        store.execute(f"ATTACH DATABASE ? AS {name}", str(file))
        _copy(store, name, "ticket")
        _copy(store, name, "ticket_facet")
        store.execute(_COUNTS.format(name))
        store.execute(_ASIDE.format(name))
        segments.take(name)
    sorted_each = " UNION ALL ".join(_LIKENESS.format(name) for name in names)
    store.execute(f'INSERT INTO likeness ("key", at_s, tid) {sorted_each} ORDER BY 1, 2, 3')
    segments.end()
    return True


def _copy(store: Store, name: str, table: str) -> None:
    """Copy the rows of a table; where an older version made it, its columns stand in another order."""
    here, there = (_columns(store, of, table) for of in ("main", name))
    if here == there:
        store.execute(f"INSERT INTO {table} SELECT * FROM {name}.{table}")  # SQLite moves whole records
    else:
        columns = ", ".join(f'"{column}"' for column in there)
        store.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {name}.{table}")


def _columns(store: Store, of: str, table: str) -> list[str]:
    return [row[1] for row in store.rows(f"PRAGMA {of}.table_info({table})")]
