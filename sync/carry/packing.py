"""Putting recordings, attachments and images of seals on the stick, each sealed and signed by itself.

What the other box asked for goes first, then what the events that travel with it announce. A file that lies
there whole is not written again; one that is needed no longer makes room.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.blobs import wants
from appliance.blobs.keeping import BlobStore
from appliance.letters.register import ISSUED
from appliance.letters.seals import Seals
from appliance.letters.table import SEAL_SET
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.store import Store
from sync import received
from sync.carry.asked import asked_by, asked_of
from sync.carry.bag import FILE, NO_STICK, FileCover, is_whole, read_cover, write_bag
from sync.carry.folder import LIST, place, placed
from sync.carry.keys import Keys, Public

PIECE_BYTES = 192 * 1024
RESERVE_BYTES = 8 * 1024**2
"""So much stays free on the stick, for its own tables."""
READ = 500
SEALS = (SEAL_SET, ISSUED)
RANKS = {**dict.fromkeys(SEALS, 0), wants.ATTACHED: 1, **dict.fromkeys(wants.FINGERPRINTS, 2)}
"""Which kinds of events announce a file, and what goes first."""
_ANNOUNCED = (
    "SELECT o.seq, e.eid, e.kind, e.body FROM outgoing AS o JOIN event AS e ON e.eid = o.eid"
    " WHERE o.peer = ? AND o.seq > ? AND o.seq <= ? AND e.kind IN ({}) ORDER BY o.seq LIMIT ?"
)
_STORED = "SELECT 1 FROM recording WHERE rid = ? AND stored = ?"


class _Changed(Exception):
    """A file is not, or no longer, what its hash says."""


@dataclass(slots=True)
class Packed:
    """What was put on the stick beside the stream."""

    files: int = 0
    size: int = 0
    """Bytes."""
    left: int = 0
    """Files that found no room: they come with the next stick."""
    damaged: int = 0
    """Files of this box that are not what their hash says: they did not travel."""


@dataclass(frozen=True, slots=True)
class Trip:
    """For whom, and with which part of the stream."""

    name: str
    known: Public
    made: int
    after: int
    last: int


class Packer:
    """The files of this box."""

    def __init__(self, where: Places, store: Store, blobs: BlobStore, keys: Keys) -> None:
        self.where = where
        self.store = store
        self.blobs = blobs
        self.keys = keys
        self._seals = Seals(store, where.seals)

    def pack(self, folder: Path, trip: Trip, limit: int) -> Packed:
        """Put there what the other box needs, `limit` bytes at most, and what this one asks for. Refused."""
        received.catch_up(self.store)
        needed = dict.fromkeys([*asked_by(self.store, trip.name), *self._announced(trip)])
        try:
            folder.mkdir(exist_ok=True)
            for sha256, path in placed(folder):
                if sha256 not in needed:
                    path.unlink()
            write_bag(
                FILE, folder / LIST, self._cover(trip), self.keys, asked_of(self.store, trip.known.site)
            )
            return self._put(folder, trip, needed, limit)
        except OSError as error:
            raise Refused("no_stick", NO_STICK, why=error.strerror or error) from error

    def _put(self, folder: Path, trip: Trip, needed: Iterable[str], limit: int) -> Packed:
        packed = Packed()
        for sha256 in needed:
            found = self._find(sha256)
            if found is None:
                continue
            (file, size), target = found, place(folder, sha256)
            there = self._is_there(target, trip)
            free = shutil.disk_usage(folder).free - RESERVE_BYTES
            if not there and (packed.size + size > limit or size > free):
                packed.left += 1
                continue
            try:
                if not there:
                    self._write(target, trip, sha256, size, file)
                packed.files, packed.size = packed.files + 1, packed.size + size
            except _Changed:
                packed.damaged += 1
            except Refused as refused:
                if refused.word != "stick_full":
                    raise
                packed.left += 1
        return packed

    def _write(self, target: Path, trip: Trip, sha256: str, size: int, file: Path) -> None:
        target.parent.mkdir(exist_ok=True)
        write_bag(FILE, target, self._cover(trip, sha256, size), self.keys, _pieces(file, sha256))

    def _cover(self, trip: Trip, sha256: str = "00" * 32, size: int = 0) -> FileCover:
        mine = self.keys.public(self.store.site)
        return FileCover(
            *(mine.site, trip.known.site, trip.made, bytes.fromhex(sha256), size),
            *(bytes.fromhex(mine.sign), bytes.fromhex(trip.known.read), bytes(32)),
        )

    def _is_there(self, target: Path, trip: Trip) -> bool:
        """Whether it was put there before, whole, and for the key the other box still has."""
        try:
            with target.open("rb") as file:
                there, mine = read_cover(FILE, file), self._cover(trip)
                for_whom = (there.src, there.to, there.sign, there.read)
                same = for_whom == (mine.src, mine.to, mine.sign, mine.read)
                return same and is_whole(FILE, file, mine.sign)
        except (OSError, Refused):
            return False

    def _find(self, sha256: str) -> tuple[Path, int] | None:
        """A file of this box and its size; None when it is not here, or its storage cannot be reached."""
        try:
            file = received.found(self.store, self.where, self.blobs, self._seals, sha256)
            return (file, file.stat().st_size) if file else None
        except (OSError, ValueError):
            return None

    def _announced(self, trip: Trip) -> list[str]:
        """Files that the events on this stick announce, by rank. A site itself wants no more than seals."""
        kinds = [kind for kind in RANKS if self.store.site or kind in SEALS]
        sql = _ANNOUNCED.format(", ".join("?" * len(kinds)))
        found: list[tuple[int, str]] = []
        after = trip.after
        while rows := self.store.rows(sql, trip.name, after, trip.last, *kinds, READ):
            after = rows[-1][0]
            for _, eid, kind, body in rows:
                ours = int.from_bytes(bytes(eid)[8:10], "big") == self.store.site
                if (ours or kind in SEALS) and (sha256 := self._named(kind, bytes(body))):
                    found.append((RANKS[kind], sha256))
        return [sha256 for _, sha256 in sorted(found, key=lambda one: one[0])]

    def _named(self, kind: str, body: bytes) -> str:
        """The file an event announces; empty for none, or when the hub said that it has it for good."""
        try:
            facts = json.loads(body)
            sha256 = str(facts["document"]["seal"] if kind == ISSUED else facts["sha256"])
            wants.named_well(sha256, 0)
            of = bytes.fromhex(facts["rid"]) if kind in wants.FINGERPRINTS else b""
        except (AttributeError, KeyError, TypeError, ValueError):
            return ""  # no file, or malformed: its fold set it aside
        return "" if of and self.store.rows(_STORED, of, sha256) else sha256


def _pieces(file: Path, sha256: str) -> Iterator[bytes]:
    """The bytes of a file, piece by piece; raises _Changed in the end when it is not what its hash says."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as source:
            while piece := source.read(PIECE_BYTES):
                digest.update(piece)
                yield piece
    except OSError as error:
        raise _Changed from error
    if digest.hexdigest() != sha256:
        raise _Changed
