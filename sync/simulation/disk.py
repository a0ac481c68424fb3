"""A store on a played disk: the power may go at any statement and tear what was being written.

The database is a real one in a file. A power cut is played on the files themselves: what SQLite
had synced stays, and of what it was writing since, any part may be there, whole or in sectors.
"""

import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar

from appliance.events import Event
from appliance.store.projections import Projector
from appliance.store.store import Store

FULL = 2
"""PRAGMA synchronous at which a commit is on the disk when it returns."""
SECTOR_BYTES = 512
MANY_PAGES = 1 << 30


class Crash(BaseException):
    """The power went; nothing of the program may catch this."""


class FrailStore(Store):
    """A store whose power may go after any writing statement, and which an older release may read."""

    fuse = 0
    """Statements until the crash; 0 is never."""
    hidden: frozenset[str] = frozenset()
    """Kinds of events that the release of this box cannot fold yet."""
    refolding = False
    """What is folded already may be folded again now."""
    _fresh: ClassVar[bytes] = b""
    """An empty database, made once: worlds open stores by the thousand."""

    def __init__(self, path: Path, site: int, folded: Callable[[Event], None] = lambda event: None) -> None:
        self._folded = folded
        self._wal = path.with_name(path.name + "-wal")
        self._synced = 0
        self._durable = True
        self._open = ExitStack()
        super().__init__(path, site, bind=False)
        self._synced = self._wal_bytes()
        self._durable = self.rows("PRAGMA synchronous")[0][0] >= FULL

    def _make_tables(self) -> None:
        if not self.path.exists():
            if not FrailStore._fresh:
                super()._make_tables()
                FrailStore._fresh = self.path.read_bytes()
            self.path.write_bytes(FrailStore._fresh)
        self._open.enter_context(self.database.connection_context())
        self.rows("PRAGMA wal_autocheckpoint = 0")

    def execute(self, sql: str, *values: object) -> int:
        """Run a statement, and perhaps crash behind it."""
        changed = super().execute(sql, *values)
        self.burn()
        return changed

    def execute_many(self, sql: str, values: Iterable[Sequence[object]]) -> None:
        """Run a statement, and perhaps crash behind it."""
        super().execute_many(sql, values)
        self.burn()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold a transaction, and perhaps crash while its commit is written."""
        with super().transaction():
            yield
        if not self.writing:
            self.burn()
            if self._durable:
                self._synced = self._wal_bytes()

    def history(self, subject: bytes) -> list[Event]:
        """Return the events of a subject that this release knows."""
        return [event for event in super().history(subject) if event.kind not in self.hidden]

    def rebuild(self) -> int:
        """Fold everything anew."""
        self.refolding = True
        try:
            return super().rebuild()
        finally:
            self.refolding = False

    def _fold_one(self, event: Event, how: Projector) -> None:
        if event.kind not in self.hidden:
            if not self.refolding:
                self._folded(event)
            super()._fold_one(event, how)

    @property
    def writing(self) -> bool:
        """Whether a transaction is open."""
        return self.database.in_transaction()

    @property
    def synced(self) -> bool:
        """Whether every commit is on the disk for good."""
        return self._wal_bytes() == self._synced

    def burn(self) -> None:
        """One more step towards the crash."""
        if self.fuse:
            self.fuse -= 1
            if not self.fuse:
                raise Crash

    def fill(self, full: bool) -> None:
        """Let no further page fit on the disk, or again as many as there may be."""
        pages = self.rows("PRAGMA page_count")[0][0] if full else MANY_PAGES
        self.rows(f"PRAGMA max_page_count = {pages}")

    def check_point(self) -> None:
        """Bring everything into the database file itself."""
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        self._synced = self._wal_bytes()

    def close(self) -> None:
        """End as a program does that is told to."""
        self._open.close()

    def lose_power(self, dice: random.Random) -> None:
        """End without warning: of what was not synced any part may be lost."""
        copy = self.path.with_name("copy")
        shutil.copyfile(self.path, copy)
        wal = self._wal.read_bytes() if self._wal.exists() else b""
        if self.writing:
            self.database.rollback()
        self._open.close()
        copy.replace(self.path)
        self._wal.with_name(self.path.name + "-shm").unlink(missing_ok=True)
        self._wal.write_bytes(wal[: self._synced] + _torn(wal[self._synced :], dice))

    def _wal_bytes(self) -> int:
        return self._wal.stat().st_size if self._wal.exists() else 0


def _torn(written: bytes, dice: random.Random) -> bytes:
    """What a disk keeps of bytes that were on their way: a beginning, or some of the sectors."""
    if dice.random() < 0.5:
        return written[: dice.randint(0, len(written))]
    sectors = [written[at : at + SECTOR_BYTES] for at in range(0, len(written), SECTOR_BYTES)]
    return b"".join(part if dice.random() < 0.5 else bytes(len(part)) for part in sectors)
