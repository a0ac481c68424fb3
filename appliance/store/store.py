"""One way into the database: events, their projections and their streams in one transaction."""

import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import peewee
from peewee import OperationalError, SqliteDatabase

from appliance.dictionary.adopt import adopt
from appliance.events import Event, Fact, Stamp, wall_ms
from appliance.store import outbox, schema
from appliance.store.projections import project
from appliance.store.quarantine import UNFOLDABLE, set_aside
from appliance.tickets import facets, rebuilding, refilling

T = TypeVar("T")
BUSY_S = 10
PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    "busy_timeout": BUSY_S * 1000,
    "cache_size": -16_000,
    "wal_autocheckpoint": 10_000,
}
INSERT = (
    "INSERT INTO event (eid, subject, kind, ver, body, via) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
ASKED_AT_ONCE = 500
MOVE_CURSOR = (
    "INSERT INTO cursor (name, pos) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET pos = excluded.pos"
)
COLUMNS = "pos, eid, subject, kind, ver, body"
FOLLOWED = "newest event id"
READ = 2000
NOT_OF_TICKETS = (
    f"SELECT {COLUMNS} FROM event WHERE pos > ? AND (kind NOT IN ({', '.join('?' * len(rebuilding.KINDS))})"
    " OR kind = 'ticket.created' AND instr(body, '\"message\":\"')) ORDER BY pos LIMIT ?"
)
"""What is folded event by event when all is folded anew: tickets are folded one by one (rebuilding.py)."""


class Store:
    """The box's database, shared by the processes of the box; safe for threads.

    `site` 0 is the hub. The event table passes the same contract as the file journal.
    With `bind` the peewee models of this process read from this store; a process that
    holds several stores (the simulator) binds none of them.
    """

    def __init__(self, path: Path | str, site: int, bind: bool = True) -> None:
        self.path = Path(path)
        self.site = site
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.database = SqliteDatabase(str(path), pragmas=PRAGMAS, lock_type="IMMEDIATE", timeout=BUSY_S)
        if bind:
            schema.database.initialize(self.database)
        self._writing = threading.Lock()
        self._under = threading.local()
        self._make_tables()
        self.keep_time(wall_ms)
        adopt(self)

    def keep_time(self, wall: Callable[[], int]) -> None:
        """Date what is recorded from now on by this clock (Unix milliseconds), behind what it believes."""
        self.stamp = Stamp(self.site, wall)
        self.stamp.follow(self._last_eid(self.stamp.horizon()))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the one writing transaction of this process; nests.

        IMMEDIATE alone still fails under contention between threads; one lock a process removes that.
        """
        if self._known is not None:
            yield
            return
        try:
            with self._writing, self.database.connection_context(), self.database.atomic():
                self._under.known = {}
                try:
                    yield
                finally:
                    self._under.known = None
        except OperationalError as error:
            raise _reason(error) from None

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Take back what was written within when it raises, and go on with the transaction under way."""
        assert self._known is not None, "a savepoint is part of a transaction"
        try:
            with self.database.atomic():
                yield
        except BaseException:
            self._under.known = {}  # what was read meanwhile may never have been
            raise

    def once(self, what: Hashable, read: Callable[[], T]) -> T:
        """Read something once in the transaction under way: nobody else writes before it ends.

        Who writes it in the transaction says so with `now` or `forget`. Outside of one it is read each time.
        """
        known = self._known
        if known is None:
            return read()
        if what not in known:
            known[what] = read()
        found: T = known[what]
        return found

    def now(self, what: Hashable, value: object) -> None:
        """Say what something is that was written just now."""
        if self._known is not None:
            self._known[what] = value

    def forget(self, what: Hashable) -> None:
        """Say that something was written: it is read again."""
        if self._known is not None:
            self._known.pop(what, None)

    def record(self, *facts: Fact, guard: Callable[[], None] | None = None) -> list[Event]:
        """Write new facts of this site, durable when it returns.

        `guard` runs inside the transaction before anything is written and may raise to refuse.
        """
        with self.transaction():
            if guard is not None:
                guard()
            if self.once(FOLLOWED, self._follow):
                events = [self.stamp.event(fact) for fact in facts]
            else:
                events = self._dated_behind(facts)
            self._put(events, via="")
        return events

    def _dated_behind(self, facts: Sequence[Fact]) -> list[Event]:
        """A clock was far ahead: it is not followed, but what is said of such a subject sorts last."""
        self.stamp.follow(self._last_eid(self.stamp.horizon()))
        seen: dict[bytes, bytes] = {}
        events = []
        for fact in facts:
            subject = fact.subject or b""
            if subject and subject not in seen:
                ((last,),) = self.rows("SELECT max(eid) FROM event WHERE subject = ?", subject)
                seen[subject] = bytes(last or b"")
            events.append(self.stamp.event(fact, seen.get(subject, b"")))
            seen[events[-1].subject] = events[-1].eid
        return events

    def take(self, events: Sequence[Event], via: str = "") -> list[Event]:
        """Write events that already have an id; return those that were new. Idempotent."""
        with self.transaction():
            return self._write(events, via)

    def append(self, events: Iterable[Event]) -> int:
        """Journal contract: keep events, return the position of the last one."""
        with self.transaction():
            self._write(list(events), via="")
            return self._scalar("SELECT coalesce(max(pos), 0) FROM event")

    def read(self, after: int, limit: int) -> Sequence[tuple[int, Event]]:
        """Journal contract: events in order of arrival here."""
        rows = self.rows(f"SELECT {COLUMNS} FROM event WHERE pos > ? ORDER BY pos LIMIT ?", after, limit)
        return [(pos, Event(bytes(e), bytes(s), k, v, bytes(b))) for pos, e, s, k, v, b in rows]

    def history(self, subject: bytes) -> list[Event]:
        """Return all events of a subject in the total order."""
        rows = self.rows(f"SELECT {COLUMNS} FROM event WHERE subject = ? ORDER BY eid", subject)
        return [Event(bytes(e), bytes(s), k, v, bytes(b)) for _, e, s, k, v, b in rows]

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Run one reading statement."""
        with self.connection():
            return list(self.database.execute_sql(sql, values).fetchall())

    def execute(self, sql: str, *values: object) -> int:
        """Run one writing statement inside a transaction; return how many rows it changed."""
        return int(self.database.execute_sql(sql, values).rowcount)

    def execute_many(self, sql: str, values: Iterable[Sequence[object]]) -> None:
        """Run one writing statement for many rows inside a transaction; raises peewee's errors."""
        try:
            self.database.cursor().executemany(sql, values)
        except sqlite3.Error as error:
            raise getattr(peewee, type(error).__name__, peewee.DatabaseError)(*error.args) from error

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Have a connection in this thread, opened if need be."""
        if self.database.is_closed():
            with self.database.connection_context():
                yield
        else:
            yield

    def checkpoint(self) -> None:
        """Bring what was written home from the WAL, as far as nobody reads it; waits for nobody.

        Done now and then here, a step on a page has not to do it: it pays for 10,000 pages itself.
        """
        with self.connection():
            self.database.execute_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def cursor(self, name: str) -> int:
        """How far the reader `name` has come."""
        return self._scalar("SELECT coalesce((SELECT pos FROM cursor WHERE name = ?), 0)", name)

    def move_cursor(self, name: str, pos: int) -> None:
        """Remember how far a reader has come; call inside the transaction that did the work."""
        self.execute(MOVE_CURSOR, name, pos)

    def rebuild(self) -> int:
        """Fold every projection anew from the log; return how many events were folded."""
        with self.transaction():
            adopt(self)
            for table in schema.PROJECTIONS:
                self.execute(f"DELETE FROM {table._meta.table_name}")
            facets.clear(self)
            after = 0
            while batch := self.rows(NOT_OF_TICKETS, after, *rebuilding.KINDS, READ):
                self._under.known = {}  # of a table that is empty now, or of thousands of tickets
                for _, eid, subject, kind, ver, body in batch:
                    event = Event(bytes(eid), bytes(subject), kind, ver, bytes(body))
                    if kind in rebuilding.KINDS:
                        rebuilding.link(self, event)
                    else:
                        self._fold(event)
                after = batch[-1][0]
            self._under.known = {}
            rebuilding.rebuild(self)
            return self._scalar("SELECT count(*) FROM event")

    def _make_tables(self) -> None:
        with self.database.bind_ctx(schema.ALL), self.database.connection_context(), self.database.atomic():
            self._add_columns()
            self.database.create_tables(schema.ALL)
            refilling.make(self)

    def _add_columns(self) -> None:
        """Give the tables of an older version the columns that came since; those may be null."""
        for table in schema.ALL:
            name = table._meta.table_name
            there = {row[1] for row in self.database.execute_sql(f'PRAGMA table_info("{name}")')}
            for field in table._meta.sorted_fields if there else ():
                if field.column_name not in there and field.null:
                    kind = field.ddl_datatype(self.database.get_sql_context()).sql
                    self.execute(f'ALTER TABLE "{name}" ADD COLUMN "{field.column_name}" {kind}')

    def _write(self, events: Sequence[Event], via: str) -> list[Event]:
        """Write those of some events that are new; ids of other boxes may be ahead of ours."""
        here = self._here(events)
        new = list({event.eid: event for event in events if event.eid not in here}.values())
        self._put(new, via)
        self.forget(FOLLOWED)
        return new

    def _put(self, new: Sequence[Event], via: str) -> None:
        self.execute_many(INSERT, ((e.eid, e.subject, e.kind, e.ver, e.body, via) for e in new))
        for event in new:
            self._fold(event)
        outbox.enqueue(self, new, via)

    def _here(self, events: Sequence[Event]) -> set[bytes]:
        here: set[bytes] = set()
        for start in range(0, len(events), ASKED_AT_ONCE):
            eids = [event.eid for event in events[start : start + ASKED_AT_ONCE]]
            marks = ", ".join("?" * len(eids))
            here.update(eid for (eid,) in self.rows(f"SELECT eid FROM event WHERE eid IN ({marks})", *eids))
        return here

    def _fold(self, event: Event) -> None:
        """An event that cannot be folded is kept, set aside where people see it, and stops nothing."""
        try:
            project(self, event)
        except UNFOLDABLE as error:
            set_aside(self, event, error)

    @property
    def _known(self) -> dict[Hashable, Any] | None:
        """What was read in the transaction of this thread; None when there is none."""
        known: dict[Hashable, Any] | None = getattr(self._under, "known", None)
        return known

    def fold_again(self, event: Event) -> None:
        """Fold an event of the log that could not be folded before; call inside a transaction."""
        self._fold(event)

    def _follow(self) -> bool:
        """Other processes of the box have their own stamp: the next id is behind theirs."""
        return self.stamp.follow(self._last_eid())

    def _last_eid(self, before: bytes = b"\xff" * 7) -> bytes:
        rows = self.rows("SELECT max(eid) FROM event WHERE eid < ?", before)
        return bytes(rows[0][0] or b"")

    def _scalar(self, sql: str, *values: object) -> int:
        return int(self.rows(sql, *values)[0][0])


def _reason(error: BaseException) -> BaseException:
    """On a full disk SQLite rolls back by itself and rolling back fails too: return the first error."""
    while "no transaction is active" in str(error) and error.__context__ is not None:
        error = error.__context__
    return error
