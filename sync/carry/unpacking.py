"""Taking files from the stick: only what the log makes this box want, and only what is what its hash says.

Each is read to its end before anything of it is believed, and kept by itself: whatever interrupts it,
the next reading goes on with what is not here yet.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from appliance.blobs import wants
from appliance.blobs.keeping import PART, BlobStore
from appliance.letters.seals import Seals
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.outbox import peer_name
from appliance.store.store import Store
from sync import received
from sync.carry.asked import heard
from sync.carry.bag import FILE, TORN, FileCover, check_bag, frames_in, read_cover
from sync.carry.folder import LIST, placed
from sync.carry.keys import Keys, Public


class _NoRoom(Exception):
    """The disk of this box, or its storage, does not take it."""


@dataclass(slots=True)
class Unpacked:
    """What was found beside the stream."""

    files: int = 0
    """New ones, which are here for good."""
    size: int = 0
    """Their bytes."""
    spare: int = 0
    """Files that are here already, or that nothing here asks for."""
    damaged: int = 0
    left: int = 0
    """Files for which this box has no room."""


class Unpacker:
    """This box, which wants files."""

    def __init__(
        self,
        where: Places,
        store: Store,
        blobs: BlobStore,
        keys: Keys,
        free_percent: int,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`free_percent` of the disk stays free."""
        self.where = where
        self.store = store
        self.blobs = blobs
        self.keys = keys
        self._free_percent = free_percent
        self._wall = wall
        self._seals = Seals(store, where.seals)

    def unpack(self, folder: Path, known: Public) -> Unpacked:
        """Take what is wanted of the files a box put there; what is damaged or finds no room is counted."""
        received.catch_up(self.store)
        found = Unpacked()
        with suppress(OSError, Refused), (folder / LIST).open("rb") as file:
            cover = self._checked(file, known)
            heard(self.store, peer_name(cover.src), cover.made, frames_in(FILE, file, self.keys))
        for _, path in placed(folder):
            try:
                with path.open("rb") as file:
                    self._take(file, known, found)
            except (OSError, Refused):
                found.damaged += 1
            except _NoRoom:
                found.left += 1
        return found

    def _take(self, file: BinaryIO, known: Public, found: Unpacked) -> None:
        cover = read_cover(FILE, file)
        sha256 = cover.sha.hex()
        state = wants.state(self.store, sha256)
        if state is None or state[0] == "here":
            found.spare += 1
            return
        cover = self._checked(file, known)
        self._keep(cover, frames_in(FILE, file, self.keys))
        found.files, found.size = found.files + 1, found.size + cover.size

    def _checked(self, file: BinaryIO, known: Public) -> FileCover:
        cover = check_bag(FILE, file, self.keys.public(self.store.site), known)
        if cover.src != known.site:
            raise Refused("torn", TORN)
        return cover

    def _keep(self, cover: FileCover, frames: Iterator[bytes]) -> None:
        """Write it out and keep it, when it is what its hash says; raises Refused, _NoRoom, OSError."""
        sha256, folder = cover.sha.hex(), self.where.blobs / PART
        part = folder / f"{sha256}.carry"
        try:
            with _room():
                self._look_for_room(folder, cover.size)
                out = part.open("wb")
            with out:
                self._write(out, cover, frames)
            with _room():
                received.keep(self.store, self.blobs, self._seals, sha256, part, self._wall())
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _look_for_room(self, folder: Path, size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        disk = shutil.disk_usage(folder)
        if disk.free - size < disk.total * self._free_percent // 100:
            raise _NoRoom

    def _write(self, out: BinaryIO, cover: FileCover, frames: Iterator[bytes]) -> None:
        digest, left = hashlib.sha256(), cover.size
        for frame in frames:
            left -= len(frame)
            digest.update(frame)
            if left < 0:
                raise Refused("torn", TORN)
            with _room():
                out.write(frame)
                out.flush()
        if digest.digest() != cover.sha:
            raise Refused("torn", TORN)


@contextmanager
def _room() -> Iterator[None]:
    """What goes wrong in here is this box's disk, not the stick."""
    try:
        yield
    except OSError as error:
        raise _NoRoom from error
