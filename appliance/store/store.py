"""One way into the database: events, their projections and their streams in one transaction."""

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from peewee import DatabaseError, OperationalError, PeeweeException

from appliance.causal import HEARD, heard
from appliance.conflicts import table as conflicts
from appliance.dictionary.adopt import adopt
from appliance.events import Event, Fact, Stamp, wall_ms
from appliance.interest import GAINED, LOST, family
from appliance.store import outbox, schema
from appliance.store.company import company
from appliance.store.engine import Engine
from appliance.store.engines import engine_of
from appliance.store.projections import Projector, project, shown_of
from appliance.store.quarantine import UNFOLDABLE, set_aside
from appliance.tickets import facets, parts, rebuilding, refilling

T = TypeVar("T")
INSERT = (
    "INSERT INTO event (pos, eid, subject, kind, ver, body, via) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
LAST_POS = "SELECT coalesce(max(pos), 0) FROM event"
NEWEST = f"SELECT ({LAST_POS}), (SELECT eid FROM event ORDER BY eid DESC LIMIT 1)"
ASKED_AT_ONCE = 500
MOVE_CURSOR = (
    "INSERT INTO cursor (name, pos) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET pos = excluded.pos"
)
NEWEST_OF = "SELECT eid FROM event WHERE subject = ? ORDER BY eid DESC LIMIT 1"
COLUMNS = "pos, eid, subject, kind, ver, body"
FOLLOWED = "newest event id"
READ = 2000
NOT_OF_TICKETS = (
    f"SELECT {COLUMNS} FROM event WHERE pos > ? AND (kind NOT IN ({', '.join('?' * len(rebuilding.KINDS))})"
    " OR kind = 'ticket.created' AND {body_holds}) ORDER BY pos LIMIT ?"
)
"""What is folded event by event when all is folded anew: tickets are folded one by one (rebuilding.py)."""
OF_MESSAGE = b'"message":"'


class Store:
    """The box's database, shared by the processes of the box; safe for threads.

    `place` is a file for SQLite, or the URL of a PostgreSQL database. `site` 0 is the hub.
    The event table passes the same contract as the file journal.
    With `bind` the peewee models of this process read from this store; a process that
    holds several stores (the simulator) binds none of them.
    """

    def __init__(self, place: Path | str, site: int, bind: bool = True, folder: Path | None = None) -> None:
        self.path = Path(place)
        """Of a PostgreSQL database no path at all."""
        self.folder = folder or self.path.parent
        """The data folder of the box, wherever its database is."""
        self.site = site
        self.engine = self._opened(place)
        self.database = self.engine.database
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

    @property
    def linked(self) -> bool:
        """Whether the box exchanges events with others; a linked site belongs to a hub."""
        return company(self).linked

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the one writing transaction of this process; nests.

        IMMEDIATE alone still fails under contention between threads; one lock a process removes that.
        """
        if self._known is not None:
            yield
            return
        try:
            with self._writing, self.database.connection_context():
                self.engine.recovered()
                with self.database.atomic():
                    self.engine.begin()
                    self._under.known = {}
                    try:
                        yield
                    finally:
                        self._under.known = None
        except DatabaseError as error:
            raise self.engine.reason(error) from None

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

    def attempt(self) -> AbstractContextManager[None]:
        """Do what may fail so that the transaction can go on: PostgreSQL does so only from a savepoint."""
        return self.savepoint() if self.engine.aborts else nullcontext()

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
            told = [self._as_heard(fact) for fact in facts] if self.linked else facts
            if self.once(FOLLOWED, self._follow):
                events = [self.stamp.event(fact) for fact in told]
            else:
                events = self._dated_behind(told)
            self._put(events)
        return events

    def _dated_behind(self, facts: Sequence[Fact]) -> list[Event]:
        """A clock was far ahead: it is not followed, but what is said of such a subject sorts last."""
        self.stamp.follow(self._last_eid(self.stamp.horizon()))
        seen: dict[bytes, bytes] = {}
        events = []
        for fact in facts:
            subject = fact.subject or b""
            if subject and subject not in seen:
                last = self.rows(NEWEST_OF, subject)
                seen[subject] = bytes(last[0][0]) if last else b""
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
            return self._scalar(LAST_POS)

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
            sql = self.engine.marks(sql)
            try:
                return list(self.database.execute_sql(sql, values).fetchall())
            except OperationalError:
                if self._known is not None or not self.engine.recovered():
                    raise
                return list(self.database.execute_sql(sql, values).fetchall())

    def execute(self, sql: str, *values: object) -> int:
        """Run one writing statement inside a transaction; return how many rows it changed."""
        return int(self.database.execute_sql(self.engine.marks(sql), values).rowcount)

    def execute_many(self, sql: str, values: Iterable[Sequence[object]]) -> None:
        """Run one writing statement for many rows inside a transaction; raises peewee's errors."""
        self.engine.execute_many(sql, values)

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
            self.engine.checkpoint()

    def cursor(self, name: str) -> int:
        """How far the reader `name` has come."""
        return self._scalar("SELECT coalesce((SELECT pos FROM cursor WHERE name = ?), 0)", name)

    def move_cursor(self, name: str, pos: int) -> None:
        """Remember how far a reader has come; call inside the transaction that did the work."""
        self.execute(MOVE_CURSOR, name, pos)

    def rebuild(self) -> int:
        """Fold every projection anew from the log; return how many events were folded."""
        with self.transaction(), parts.begun(self) as written:
            adopt(self)
            for table in schema.PROJECTIONS:
                self.execute(f"DELETE FROM {table._meta.table_name}")
            facets.clear(self)
            conflicts.rebuild(self)
            words: list[Event] = []
            after = 0
            not_of_tickets = NOT_OF_TICKETS.format(body_holds=self.engine.body_holds)
            while batch := self.rows(not_of_tickets, after, *rebuilding.KINDS, OF_MESSAGE, READ):
                self._under.known = {}  # of a table that is empty now, or of thousands of tickets
                events = [Event(bytes(e), bytes(s), k, v, bytes(b)) for _, e, s, k, v, b in batch]
                words += [event for event in events if event.kind in (LOST, GAINED)]
                self._fold([event for event in events if event.kind not in (LOST, GAINED)], _anew)
                after = batch[-1][0]
            self._under.known = {}
            rebuilding.rebuild(self, written)
            self._fold(words, project)
            count = self._scalar("SELECT count(*) FROM event")
        with self.transaction():
            self.engine.make(schema.PROJECTIONS)
        if self._known is None:
            parts.let_go(self)
        return count

    def _opened(self, place: Path | str) -> Engine:
        return engine_of(place, hub=not self.site)

    def _make_tables(self) -> None:
        with self.transaction():
            self.engine.make(schema.ALL)
            refilling.make(self)

    def _write(self, events: Sequence[Event], via: str) -> list[Event]:
        """Write those of some events that are new; ids of other boxes may be ahead of ours."""
        here = self._here(events)
        new = list({event.eid: event for event in events if event.eid not in here}.values())
        self._put(new, via, told=True)
        self.forget(FOLLOWED)
        return new

    def _put(self, new: Sequence[Event], via: str = "", told: bool = False) -> None:
        """Write events that are not in the log; `told` ones were not dated here just now."""
        if not new:
            return
        pos = self.once(LAST_POS, lambda: self._scalar(LAST_POS))
        bodies = self.engine.kept([event.body for event in new], own=not via)
        rows = (
            (nth, e.eid, e.subject, e.kind, e.ver, body, via)
            for nth, (e, body) in enumerate(zip(new, bodies, strict=True), pos + 1)
        )
        self.execute_many(INSERT, rows)
        self.now(LAST_POS, pos + len(new))
        self._fold(shown_of(new), project)
        conflicts.review(self, new, told)
        outbox.enqueue(self, new, via)

    def _as_heard(self, fact: Fact) -> Fact:
        """Have a fact about what other boxes write of too say up to where they were heard."""
        if not fact.subject or not family(fact.kind).contested:
            return fact
        eids = self.rows("SELECT eid FROM event WHERE subject = ?", fact.subject)
        said = heard((bytes(eid) for (eid,) in eids), self.site)
        return replace(fact, facts={**fact.facts, HEARD: said})

    def _here(self, events: Sequence[Event]) -> set[bytes]:
        here: set[bytes] = set()
        for start in range(0, len(events), ASKED_AT_ONCE):
            eids = [event.eid for event in events[start : start + ASKED_AT_ONCE]]
            marks = ", ".join("?" * len(eids))
            here.update(eid for (eid,) in self.rows(f"SELECT eid FROM event WHERE eid IN ({marks})", *eids))
        return here

    def _fold(self, events: Sequence[Event], how: Projector) -> None:
        """An event that cannot be folded is kept, set aside where people see it, and stops nothing.

        Where a database goes on after an error only from a savepoint, there is one for many events;
        should it be needed, each of them has its own.
        """
        try:
            with self.attempt():
                for event in events:
                    self._fold_one(event, how)
        except UNFOLDABLE as error:
            if len(events) == 1:
                set_aside(self, events[0], error)
            for event in events if len(events) > 1 else ():
                self._fold([event], how)

    def _fold_one(self, event: Event, how: Projector) -> None:
        try:
            how(self, event)
        except UNFOLDABLE as error:
            if self.engine.aborts and isinstance(error, PeeweeException):
                raise
            set_aside(self, event, error)

    @property
    def _known(self) -> dict[Hashable, Any] | None:
        """What was read in the transaction of this thread; None when there is none."""
        known: dict[Hashable, Any] | None = getattr(self._under, "known", None)
        return known

    def fold_again(self, event: Event) -> None:
        """Fold an event of the log that could not be folded before; call inside a transaction."""
        self._fold([event], project)

    def _follow(self) -> bool:
        """Other processes of the box have their own stamp: the next id is behind theirs."""
        pos, eid = self.rows(NEWEST)[0]
        self.now(LAST_POS, pos)
        return self.stamp.follow(bytes(eid or b""))

    def _last_eid(self, before: bytes) -> bytes:
        rows = self.rows("SELECT eid FROM event WHERE eid < ? ORDER BY eid DESC LIMIT 1", before)
        return bytes(rows[0][0]) if rows else b""

    def _scalar(self, sql: str, *values: object) -> int:
        return int(self.rows(sql, *values)[0][0])


def _anew(store: Store, event: Event) -> None:
    """Fold an event when all is folded anew; of tickets only what their own rows do not tell."""
    if event.kind in rebuilding.KINDS:
        rebuilding.link(store, event)
    else:
        project(store, event)
