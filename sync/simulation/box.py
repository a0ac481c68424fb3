"""A real box in a played world: its disk, its store and node while it runs, its wall clock."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from peewee import OperationalError

from appliance.store.upgrading import FOLDED, apply_pending
from sync.node import Node
from sync.peer import PeerEvent, Restarted
from sync.simulation.disk import Crash, FrailStore
from sync.simulation.oracle import KEPT_FRAMES, Broken

if TYPE_CHECKING:
    from sync.simulation.world import World

EPOCH_MS = 1_800_000_000_000
RELEASES: tuple[frozenset[str], ...] = (
    frozenset({"ticket.repeated", "ticket.linked"}),
    frozenset({"ticket.linked"}),
    frozenset(),
)
"""What each release cannot fold yet; the last is the newest."""
NEWEST = len(RELEASES) - 1


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
        self.release = NEWEST
        self.cut = False
        self.full = False
        self.running = False
        self.dice = random.Random(f"{world.scene.seed}/box-{site}")
        self._restored = False
        self._runs = 0
        self._alarm: float | None = None

    def start(self, offline_s: float = 0.0) -> None:
        """Switch on; the network may come later."""
        self.store = FrailStore(
            self.file, self.site, lambda event: self.world.oracle.folded(self.site, event.eid)
        )
        self.store.hidden = RELEASES[self.release]
        self.store.keep_time(self.wall_ms)
        self._resume()
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
        self.world.oracle.started(self, self._restored)
        self._restored = False
        self.running = True
        self._runs += 1
        self.store.fill(self.full)
        if offline_s:
            self.world.after(offline_s, lambda run=self._runs: self._connect(run))  # type: ignore[misc]
        else:
            self._connect(self._runs)

    def _resume(self) -> None:
        """Do what the store process does at its start."""
        self.store.refolding = True
        known = {kind: ver for kind, ver in FOLDED.items() if kind not in self.store.hidden}
        apply_pending(self.store, known)
        self.store.refolding = False

    def _connect(self, run: int) -> None:
        if self.running and run == self._runs:
            self.node.connected(self.world.now)
            self.pump()

    def _watch(self, name: str, event: PeerEvent) -> None:
        """A stream begins anew only where somebody lost memory."""
        if isinstance(event, Restarted) and not self.world.restores:
            raise Broken(f"box {self.site} began its stream to {name} anew without need: {event.reason}")

    def stop(self) -> None:
        """End the program."""
        if self.running:
            self.running = False
            self.store.fuse = 0
            self.store.close()

    def lose_power(self) -> None:
        """Switch off without warning."""
        self.running = False
        self.store.fuse = 0
        self.store.lose_power(self.dice)

    def wall_ms(self) -> int:
        """This box's own idea of the time."""
        return max(0, EPOCH_MS + int(self.world.now * 1000) + self.clock_ms)

    def guarded(self, work: Callable[[], object]) -> bool:
        """Do something that a crash may end; whether it was done."""
        try:
            work()
        except Crash:
            if self.store.synced:
                self.world.oracle.look(self)
            self.lose_power()
            self.world.revive(self)
            return False
        except OperationalError as error:
            if not self.full:
                raise Broken(f"box {self.site} fell over: {error!r}") from error
            return False
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"box {self.site} fell over: {error!r}") from error
        self.world.oracle.look(self)
        return True

    def pump(self) -> None:
        """Let the node work, send what it says, and see to its next alarm."""
        self.guarded(self._pump)

    def _pump(self) -> None:
        frames = self.node.outgoing(self.world.now)
        if len(frames) > KEPT_FRAMES * len(self.node.peers):
            raise Broken(f"box {self.site} sends {len(frames)} frames at once")
        for far, data in frames:
            self.world.wires.said(self, far, data, self.world.now)
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

    def hear(self, far: int, data: bytes) -> None:
        """Take a frame from the wire."""
        if self.running:

            def work() -> None:
                self.node.receive(far, data, self.world.now)
                self._pump()

            self.guarded(work)

    def read(self, sql: str, *values: object) -> list[Any]:
        """Read the database of a running box."""
        return self.store.rows(sql, *values)

    def back_up(self) -> None:
        """Keep a copy of the database, as a backup does."""
        self.store.check_point()
        self.backups.append(self.file.read_bytes())

    def restore(self, backup: bytes, with_sidecar: bool) -> None:
        """Put an older copy in place of the disk of a stopped box."""
        for suffix in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        self.file.write_bytes(backup)
        with closing(sqlite3.connect(self.file)) as database:
            eids = {bytes(eid) for (eid,) in database.execute("SELECT eid FROM event")}
        self.world.oracle.restored(self.site, eids)
        self._restored = True
        if not with_sidecar:
            self.sidecar.unlink(missing_ok=True)
