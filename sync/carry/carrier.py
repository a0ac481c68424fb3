"""Export and import of the streams with one peer: what the link does with frames, done with a file.

A file begins with a HELLO, which says what came in so far: it is the ACK of everything carried the
other way. Behind it are the BATCHes after the last ACK known. Reading it is the peer machine's work,
so what is known is not taken twice, a gap is not passed, and a restored box is found out. Recordings and
other files lie in a folder beside it (packing.py, unpacking.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from appliance.blobs.keeping import BlobStore, DiskBlobs
from appliance.events import wall_ms
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.outbox import HUB, MAX_SITE, peer_name
from appliance.store.store import Store
from appliance.words import N_
from sync.carry.bag import STREAM, Cover, check_bag, frames_in, read_cover, write_bag
from sync.carry.folder import SUFFIX, folder_of
from sync.carry.keys import Keys, own_keys, trusted
from sync.carry.packing import Packed, Packer, Trip
from sync.carry.unpacking import Unpacked, Unpacker
from sync.frames import BATCH_EVENTS, Batch, Hello, decode, encode, fit
from sync.identity import SIDECAR, Identity, awaken
from sync.peer import LIVE_S, RIVAL, Confirmed, Delivered, Peer, Restarted, Rival, Trouble
from sync.receiver import GROUP
from sync.streams import Standing, StoreStreams

KEY_FILE = "carry.key"
LIMIT_BYTES = 1024**3
FILES_BYTES = 8 * 1024**3
FREE_PERCENT = 5
READ_BEFORE = ("again", "older")
"""Refusals of a stream whose files may still be needed."""

NO_PEER = N_("A site carries to the hub, the hub to one site: %(peer)s is neither.")
NO_KEY = N_("The key of %(peer)s is not known here: bring its key file first.")
AGAIN = N_("This file was read already; nothing is new in it.")
OLDER = N_("A newer file of %(peer)s was read already; nothing was changed.")
GAP = N_(
    "This file begins at place %(first)s, and this box has come to %(seq)s: carry a file from here to"
    " %(peer)s first, then it gives what is missing."
)
BUSY = N_("The stream was begun anew meanwhile: export once more.")
REFUSED = N_("Not everything could be taken: %(why)s Read the file once more when that is mended.")
_PUT = (
    "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


class Last(msgspec.Struct, frozen=True, order=True):
    """The newest file read of a peer, or made for it."""

    incarnation: int = 0
    epoch: int = 0
    made: int = 0


@dataclass(frozen=True, slots=True)
class Exported:
    """What was put into a file."""

    path: str
    peer: str
    events: int
    left: int
    """Events that found no room under the limit: they come with the next file."""
    length: int
    """Bytes."""
    files: int = 0
    """Recordings, attachments and images of seals beside it."""
    files_size: int = 0
    """Their bytes."""
    files_left: int = 0
    """Files that found no room on the stick or under the limit: they come with the next one."""
    files_damaged: int = 0
    """Files of this box that are not what their hash says."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file brought."""

    peer: str
    events: int
    """New events of the peer's stream."""
    confirmed: int
    """The peer has so many of ours for good."""
    anew: bool
    """One side had lost its memory: everything is offered again with the next file."""
    files: int = 0
    """New files, which are here for good."""
    files_size: int = 0
    """Their bytes."""
    files_spare: int = 0
    """Files that were here already, or nobody asks for."""
    files_left: int = 0
    """Files for which this box has no room."""
    files_damaged: int = 0


class Carrier:
    """Files from and for this box."""

    def __init__(
        self,
        where: Places,
        store: Store,
        wall: Callable[[], int] = wall_ms,
        blobs: BlobStore | None = None,
        free_percent: int = FREE_PERCENT,
    ) -> None:
        """`blobs`: where files are kept; `free_percent` of the disk stay free of them."""
        self.store = store
        self.keys: Keys = own_keys(where.data / KEY_FILE)
        kept = blobs or DiskBlobs(where.blobs)
        self._packer = Packer(where, store, kept, self.keys)
        self._unpacker = Unpacker(where, store, kept, self.keys, free_percent, lambda: wall() / 1000)
        self._sidecar = where.data / SIDECAR
        self._wall = wall

    def far(self, name: str) -> int:
        """The site a peer's name means, from here; raises Refused."""
        number = 0 if name == HUB else int(name[5:]) if name[:5] == "site-" and name[5:].isdecimal() else -1
        if not 0 <= number <= MAX_SITE or (number == 0) == (self.store.site == 0):
            raise Refused("no_peer", NO_PEER, peer=name)
        return number

    def export(
        self,
        name: str,
        path: Path,
        limit: int = LIMIT_BYTES,
        anew: bool = False,
        files_limit: int = FILES_BYTES,
    ) -> Exported:
        """Write what the peer does not have for good; with `anew` all, for a new box. Raises Refused.

        Files go into a folder beside it, `files_limit` bytes of them; 0: none.
        """
        far = self.far(name)
        known = trusted(self.store, far)
        if known is None:
            raise Refused("unknown", NO_KEY, peer=name)
        me, streams = self._awake(far)
        if anew:
            streams.restart(0)
        standing = streams.standing()
        acked = self._acked(name)
        if path.is_dir():
            path = path / f"{peer_name(self.store.site)}-to-{name}{SUFFIX}"
        made = self._made(name, me, standing)
        filling = _Filling(streams, standing, acked, limit)
        last = filling.reach(me)
        mine = self.keys.public(self.store.site)
        cover = Cover(
            *(me.site, far, me.incarnation, standing.out_epoch, made, filling.after + 1, last),
            standing.out_seq,
            bytes.fromhex(mine.sign),
            bytes.fromhex(known.read),
            bytes(32),
        )
        length = write_bag(STREAM, path, cover, self.keys, filling.frames(me, made))
        trip = Trip(name, known, made, filling.after, last)
        packed = self._packer.pack(folder_of(path), trip, files_limit) if files_limit else Packed()
        return Exported(
            *(str(path), name, last - filling.after, standing.out_seq - last, length),
            *(packed.files, packed.size, packed.left, packed.damaged),
        )

    def take(self, path: Path) -> Imported:
        """Read a file another box made for this one, and those beside it; raises Refused when nothing,
        or not all of the stream, was taken."""
        refused = None
        try:
            with path.open("rb") as file:
                src = read_cover(STREAM, file).src
                name, known = peer_name(src), trusted(self.store, src)
                cover = check_bag(STREAM, file, self.keys.public(self.store.site), known)
                self.far(name)
                try:
                    self._check_order(name, cover)
                    done = self._take(name, cover, frames_in(STREAM, file, self.keys))
                except Refused as error:
                    if error.word not in READ_BEFORE:
                        raise
                    refused, done = error, Imported(name, 0, self._acked(name), False)
            beside = folder_of(path)
            found = self._unpacker.unpack(beside, known) if known and beside.is_dir() else Unpacked()
        except OSError as error:
            raise Refused("unreadable", N_("The file cannot be read (%(why)s)."), why=error) from error
        if refused and not (found.files or found.left or found.damaged):
            raise refused
        return replace(
            done,
            files=found.files,
            files_size=found.size,
            files_spare=found.spare,
            files_left=found.left,
            files_damaged=found.damaged,
        )

    def _take(self, name: str, cover: Cover, frames: Iterator[bytes]) -> Imported:
        me, streams = self._awake(cover.src)
        ((seen_s,),) = self.store.rows("SELECT seen_s FROM peer WHERE name = ?", name)
        live = self._wall() / 1000 < seen_s + LIVE_S
        peer = Peer(streams, me, cover.src, 0.0, self._wall)
        now = 0.0 if live else LIVE_S + 1
        reading = _Reading(peer)
        for count, frame in enumerate(frames):
            peer.receive(frame if count else _addressed(frame, me), now)
            if count % GROUP == GROUP - 1:
                reading.commit(now)
        reading.commit(now)
        if reading.trouble:
            raise Refused("refused", REFUSED, why=reading.trouble)
        standing = streams.standing()
        gap = standing.in_epoch == cover.epoch and standing.in_seq + 1 < cover.first
        with self.store.transaction():
            self.store.execute("UPDATE peer SET acked = ? WHERE name = ?", reading.confirmed, name)
            if not gap:
                self._remember("in", name, Last(cover.incarnation, cover.epoch, cover.made))
        if gap:
            raise Refused("gap", GAP, first=cover.first, seq=standing.in_seq, peer=name)
        return Imported(name, reading.events, reading.confirmed, reading.anew)

    def _awake(self, far: int) -> tuple[Identity, StoreStreams]:
        """Know who we are; a restored database begins its streams anew, as the sync process does."""
        with self.store.transaction():
            streams = StoreStreams(self.store, peer_name(far), far)
            me, reason = awaken(self.store, self._sidecar)
            for name, site in self.store.rows("SELECT name, site FROM peer") if reason else ():
                StoreStreams(self.store, name, site).restart(0)
        return me, streams

    def _made(self, name: str, me: Identity, standing: Standing) -> int:
        last = self._last("out", name)
        made = max(self._wall(), last.made + 1)
        with self.store.transaction():
            self._remember("out", name, Last(me.incarnation, standing.out_epoch, made))
        return made

    def _check_order(self, name: str, cover: Cover) -> None:
        last = self._last("in", name)
        if last.incarnation == cover.incarnation:
            this = Last(cover.incarnation, cover.epoch, cover.made)
            if this == last:
                raise Refused("again", AGAIN)
            if this < last:
                raise Refused("older", OLDER, peer=name)

    def _acked(self, name: str) -> int:
        ((acked,),) = self.store.rows("SELECT acked FROM peer WHERE name = ?", name)
        return int(acked)

    def _last(self, way: str, name: str) -> Last:
        rows = self.store.rows("SELECT value FROM setting WHERE name = ?", f"carry.{way}.{name}")
        return msgspec.json.decode(rows[0][0], type=Last) if rows else Last()

    def _remember(self, way: str, name: str, last: Last) -> None:
        self.store.execute(_PUT, f"carry.{way}.{name}", msgspec.json.encode(last).decode())


def _addressed(frame: bytes, me: Identity) -> bytes:
    """Turn the HELLO to this run: it is no old news, for the order of files was checked."""
    hello = decode(frame)
    return encode(msgspec.structs.replace(hello, to=me.session))


class _Filling:
    """The frames of one file: a HELLO, and batches as far as the limit allows."""

    def __init__(self, streams: StoreStreams, standing: Standing, after: int, limit: int) -> None:
        self.after = after
        self._streams = streams
        self._standing = standing
        self._limit = limit
        self._last = after

    def reach(self, me: Identity) -> int:
        """How far the stream fits: found by making the batches once, without keeping them."""
        length = 0
        for last, data in self._batches(me, self._standing.out_seq):
            length += len(data)
            if length > self._limit:
                break
            self._last = last
        return self._last

    def frames(self, me: Identity, made: int) -> Iterator[bytes]:
        """Give the frames."""
        at = self._standing
        yield encode(
            Hello(
                src=me.site,
                session=me.session,
                to=0,
                number=1,
                incarnation=me.incarnation,
                epoch=at.out_epoch,
                top=at.out_seq,
                in_epoch=at.in_epoch,
                in_seq=at.in_seq,
                in_chain=at.in_chain,
                now_ms=made,
                reply=False,
            )
        )
        for _, data in self._batches(me, self._last):
            yield data

    def _batches(self, me: Identity, top: int) -> Iterator[tuple[int, bytes]]:
        after = self.after
        while after < top:
            if self._streams.standing().out_epoch != self._standing.out_epoch:
                raise Refused("busy", BUSY)
            part = self._streams.slice(after, min(BATCH_EVENTS, top - after))
            head = (me.site, me.session, 0, self._standing.out_epoch)
            data, count = fit(Batch(*head, after + 1, part.prev, 1, part.events))
            after += count
            yield after, data


class _Reading:
    """What the peer machine says while a file is read."""

    def __init__(self, peer: Peer) -> None:
        self.events = self.confirmed = 0
        self.anew = False
        self.trouble = ""
        self._peer = peer

    def commit(self, now: float) -> None:
        """Make durable what was read, and hear what became of it."""
        self._peer.outgoing(now)
        while (event := self._peer.next_event()) is not None:
            match event:
                case Delivered(count):
                    self.events += count
                case Confirmed(seq):
                    self.confirmed = seq
                case Restarted():
                    self.anew = True
                case Rival():
                    self.trouble = RIVAL
                case Trouble(reason):
                    self.trouble = reason
                case _:
                    pass
