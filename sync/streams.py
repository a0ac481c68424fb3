"""The durable side of one link: both streams with a peer, as the protocol machine needs them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from peewee import OperationalError

from appliance.events import Event
from appliance.store import outbox
from appliance.store.outbox import GENESIS
from appliance.store.store import Store
from sync.frames import WireEvent


class Unwritable(Exception):
    """The store cannot take anything now (disk full, locked too long); the text says why."""


class Moved(Exception):
    """Another process took events of this stream meanwhile (a carried file): it stands elsewhere."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where both streams with a peer stand."""

    out_epoch: int
    out_seq: int
    """The last place given out."""
    out_low: int
    """Places up to here are forgotten."""
    in_epoch: int
    in_seq: int
    in_chain: bytes
    incarnation: int
    """The box known by the peer's name; 0 while none is."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A run of the outgoing stream, as it travels, and the chain before it."""

    prev: bytes
    events: list[WireEvent]


class Streams(Protocol):
    """What the protocol machine asks of a database.

    What writes is one transaction, durable when it returns; all of it may raise Unwritable.
    """

    def standing(self) -> Standing:
        """Read where both streams stand."""

    def slice(self, after: int, limit: int) -> Slice:
        """Read up to `limit` outgoing events behind a place."""

    def chain(self, seq: int) -> bytes | None:
        """The chain of the outgoing stream at a place; None for one not held."""

    def apply(self, events: Sequence[Event], epoch: int, after: int, seq: int, chain: bytes) -> None:
        """Keep events of the incoming stream and, in the same transaction, that it has come to `seq`.

        Raises Moved, and keeps nothing, when it does not stand at `after` of `epoch` any more.
        """

    def restart(self, above: int) -> None:
        """Begin a new epoch of the outgoing stream, larger than `above`, with everything in it again."""

    def adopt(self, epoch: int, standing_at: int | None) -> None:
        """Begin the peer's new epoch at place 0, and give back what it told us before.

        `standing_at` is the place the peer has of our own stream; None when that holds everything anyway.
        """

    def bind(self, incarnation: int) -> None:
        """From now on this box is meant by the peer's name."""


_STANDING = (
    "SELECT out_epoch, out_seq, out_low, in_epoch, in_seq, in_chain, incarnation FROM peer WHERE name = ?"
)
_SLICE = (
    "SELECT e.eid, e.subject, e.kind, e.ver, e.body"
    " FROM outgoing AS o JOIN event AS e ON e.eid = o.eid"
    " WHERE o.peer = ? AND o.seq > ? ORDER BY o.seq LIMIT ?"
)


_COME = "UPDATE peer SET in_seq = ?, in_chain = ? WHERE name = ? AND in_epoch = ? AND in_seq = ?"
_BEGIN = "UPDATE peer SET in_epoch = ?, in_seq = 0, in_chain = ? WHERE name = ? AND in_epoch < ?"


class StoreStreams:
    """The streams with one peer in the box's store."""

    def __init__(self, store: Store, name: str, site: int) -> None:
        self.store = store
        self.name = name
        outbox.add_peer(store, name, site)

    def standing(self) -> Standing:
        """Read where both streams stand."""
        out_epoch, out_seq, out_low, in_epoch, in_seq, in_chain, box = self.store.rows(_STANDING, self.name)[
            0
        ]
        return Standing(out_epoch, out_seq, out_low, in_epoch, in_seq, bytes(in_chain), int(box or "0", 16))

    def slice(self, after: int, limit: int) -> Slice:
        """Read up to `limit` outgoing events behind a place."""
        rows = self.store.rows(_SLICE, self.name, after, limit)
        prev = self.chain(after)
        assert prev is not None, f"place {after} of the stream to {self.name} is forgotten"
        return Slice(prev, rows)

    def chain(self, seq: int) -> bytes | None:
        """The chain of the outgoing stream at a place; None for one not held."""
        if seq == 0:
            return GENESIS
        rows = self.store.rows("SELECT chain FROM outgoing WHERE peer = ? AND seq = ?", self.name, seq)
        return bytes(rows[0][0]) if rows else None

    def apply(self, events: Sequence[Event], epoch: int, after: int, seq: int, chain: bytes) -> None:
        """Keep events of the incoming stream and, in the same transaction, that it has come to `seq`."""
        with self._writing():
            if not self.store.execute(_COME, seq, chain, self.name, epoch, after):
                raise Moved
            self.store.take(events, via=self.name)

    def restart(self, above: int) -> None:
        """Begin a new epoch of the outgoing stream, larger than `above`, with everything in it again."""
        with self._writing():
            outbox.restart(self.store, self.name, above)
            self.store.execute("UPDATE peer SET restarts = restarts + 1 WHERE name = ?", self.name)

    def adopt(self, epoch: int, standing_at: int | None) -> None:
        """Begin the peer's new epoch at place 0, and give back what it told us before."""
        with self._writing():
            begun = self.store.execute(_BEGIN, epoch, GENESIS, self.name, epoch)
            if begun and standing_at is not None:
                outbox.give_back(self.store, self.name, standing_at)

    def bind(self, incarnation: int) -> None:
        """From now on this box is meant by the peer's name."""
        with self._writing():
            self.store.execute(
                "UPDATE peer SET incarnation = ? WHERE name = ?", f"{incarnation:x}", self.name
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self.store.transaction():
                yield
        except OperationalError as error:
            raise Unwritable(str(error)) from error
