"""A real box in a played world: its disk, its store and node while it runs, its wall clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from appliance.events import Stamp
from appliance.store import outbox
from appliance.store.store import Store
from sync.frames import Ack, decode
from sync.node import Node
from sync.peer import PeerEvent, Restarted

if TYPE_CHECKING:
    from sync.simulator import World

EPOCH_MS = 1_800_000_000_000


class Broken(AssertionError):
    """A promise was not kept; the text says which."""


class Crash(BaseException):
    """The power went; nothing of the program may catch this."""


class FrailStore(Store):
    """A store whose power may go after any writing statement."""

    fuse = 0
    """Statements until the crash; 0 is never."""
    _tables: ClassVar[list[str]] = []
    """How the tables are made, asked once: worlds open stores by the thousand."""

    def _make_tables(self) -> None:
        with self.connection():
            if not self._tables:
                super()._make_tables()
                made = self.rows(
                    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
                    " AND name NOT LIKE 'ticket_text_%'"
                )
                self._tables.extend(sql for (sql,) in made)
            elif not self.rows("SELECT 1 FROM sqlite_master"):
                self.database.connection().executescript(";".join(self._tables))

    def execute(self, sql: str, *values: object) -> int:
        """Run a statement, and perhaps crash behind it."""
        changed = super().execute(sql, *values)
        self.burn()
        return changed

    def execute_many(self, sql: str, values: Any) -> None:
        """Run a statement, and perhaps crash behind it."""
        super().execute_many(sql, values)
        self.burn()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold a transaction, and perhaps crash behind its commit."""
        with super().transaction():
            yield
        self.burn()

    @property
    def writing(self) -> bool:
        """Whether a transaction is open."""
        return self.database.in_transaction()

    def burn(self) -> None:
        """One more step towards the crash."""
        if self.fuse:
            self.fuse -= 1
            if not self.fuse:
                raise Crash


class Box:
    """One box of the world: its disk, its store and node while it runs, its wall clock."""

    def __init__(self, world: World, site: int) -> None:
        self.world = world
        self.site = site
        self.folder = world.folder / f"box-{site}"
        self.folder.mkdir()
        self.file = self.folder / "box.db"
        self.sidecar = self.folder / "sync.identity"
        self.backups: list[bytes] = []
        self.clock_ms = 0
        self.cut = False
        self.running = False
        self._runs = 0
        self._held = ExitStack()
        self._alarm: float | None = None

    def start(self, offline_s: float = 0.0) -> None:
        """Switch on; the network may come later."""
        self.store = FrailStore(self.file, self.site, bind=False)
        self._held.enter_context(self.store.connection())
        self.store.stamp = Stamp(self.site, self.wall_ms, self.store.stamp.eid())
        faults = self.world.faults
        self.node = Node(
            self.store,
            self.sidecar,
            self.world.now,
            self.wall_ms,
            faults.batch_events,
            faults.window,
            self._watch,
        )
        self.running = True
        self._runs += 1
        if offline_s:
            self.world.after(offline_s, lambda run=self._runs: self._connect(run))  # type: ignore[misc]
        else:
            self._connect(self._runs)

    def _connect(self, run: int) -> None:
        if self.running and run == self._runs:
            self.node.connected(self.world.now)
            self.pump()

    def _watch(self, name: str, event: PeerEvent) -> None:
        """A stream begins anew only where somebody lost memory."""
        if isinstance(event, Restarted) and not self.world.restores:
            raise Broken(f"box {self.site} began its stream to {name} anew without need: {event.reason}")

    def stop(self) -> None:
        """Switch off without warning."""
        self.running = False
        self.store.fuse = 0
        self._held.close()

    def wall_ms(self) -> int:
        """This box's own idea of the time."""
        return EPOCH_MS + int(self.world.now * 1000) + self.clock_ms

    def guarded(self, work: Callable[[], object]) -> bool:
        """Do something that a crash may end; whether it was done."""
        try:
            work()
        except Crash:
            self.stop()
            self.world.revive(self)
            return False
        return True

    def pump(self) -> None:
        """Let the node work, send what it says, and see to its next alarm."""
        self.guarded(self._pump)

    def _pump(self) -> None:
        for far, data in self.node.outgoing(self.world.now):
            if self.store.writing:
                raise Broken("a frame left while a transaction was open")
            self._vouch(far, data)
            self.world.send(self, far, data)
            self.store.burn()
        due = self.node.timer(self.world.now)
        if due is not None and (self._alarm is None or due < self._alarm or self._alarm <= self.world.now):
            self._alarm = max(due, self.world.now + 0.001)
            self.world.after(self._alarm - self.world.now, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self.running:
            self.pump()

    def _vouch(self, far: int, data: bytes) -> None:
        """An ACK claims no more than is committed."""
        frame = decode(data)
        if isinstance(frame, Ack):
            sql = "SELECT in_epoch, in_seq FROM peer WHERE name = ?"
            epoch, seq = self.store.rows(sql, outbox.peer_name(far))[0]
            if (epoch, seq) < (frame.epoch, frame.seq):
                raise Broken(f"box {self.site} acknowledged {frame.seq} but holds {seq}")

    def hear(self, far: int, data: bytes) -> None:
        """Take a frame from the wire."""
        if self.running:

            def work() -> None:
                self.node.receive(far, data, self.world.now)
                self._pump()

            self.guarded(work)

    def eids(self) -> set[bytes]:
        """Every event held."""
        return {bytes(eid) for (eid,) in self.read("SELECT eid FROM event")}

    def read(self, sql: str, *values: object) -> list[Any]:
        """Read the disk, running or not."""
        if self.running:
            return self.store.rows(sql, *values)
        return FrailStore(self.file, self.site, bind=False).rows(sql, *values)

    def back_up(self) -> None:
        """Keep a copy of the database, as a backup does."""
        self.store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        self.backups.append(self.file.read_bytes())

    def restore(self, backup: bytes, with_sidecar: bool) -> None:
        """Put an older copy in place."""
        for suffix in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        self.file.write_bytes(backup)
        if not with_sidecar:
            self.sidecar.unlink(missing_ok=True)
