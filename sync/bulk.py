"""Files between boxes: a thread with a connection of its own, so that no event ever waits behind one.

All it knows is in the database (appliance/blobs/wants.py), so it may be killed at any time: what was made
durable is not fetched again.
"""

import os
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from peewee import DatabaseError

from appliance.blobs import here, wants
from appliance.blobs.keeping import PART, BlobStore
from appliance.configuration import Sync
from appliance.letters import travelling
from appliance.letters.seals import Seals
from appliance.places import Places
from appliance.recordings.archive import fingerprint
from appliance.store.alarms import Alarm
from appliance.store.store import Store
from appliance.words import N_
from sync import received
from sync.blob_frames import Absent, Ask, BlobFrame, Data, decode, encode
from sync.fetch import Wanted
from sync.frames import FrameError
from sync.giving import Giver
from sync.intake import Afresh, Aside, Check, Intake, Missing, Order, Send, Settle, Write
from sync.mqtt import Arrival, Down, Message, Mqtt, Unheard, Up
from sync.pace import Rates
from sync.parts import Parts
from sync.topics import BULK_DOWN, BULK_UP, PRESENCE, parse, topic

LOOK_S = 0.3
"""How often the database is asked what is wanted; whoever presses play waits so much longer."""
PRUNE_S = 600.0
PAUSE_S = 30.0
FULL = N_("Files from other boxes are not fetched: the disk is nearly full. Make room.")
BROKEN = N_(
    "A file came damaged from its box three times and was set aside. Look at the disk of that box:"
    " `hotline blobs` tells which file it is."
)
BIT = 125.0
"""Bytes a second of one kilobit a second."""
OPEN_MOST = 16


class Bulk:
    """What a box fetches and gives, its wire and its files; its thread holds a connection of the store."""

    def __init__(
        self,
        store: Store,
        where: Places,
        blobs: BlobStore,
        sync: Sync,
        wire: Mqtt,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._where = where
        self._blobs = blobs
        self._sync = sync
        self._wire = wire
        self._clock = clock
        self._wall = wall
        rates = Rates(sync.day_kbit, sync.night_kbit, sync.day_from_h, sync.day_to_h)
        self.intake = Intake(rates, sync.total_kbit * BIT)
        self._giver = Giver(sync.uplink_kbit * BIT)
        self._seals = Seals(store, where.seals)
        self._parts = Parts(where.blobs / PART)
        self._open: OrderedDict[bytes, int] = OrderedDict()
        self._wanted: dict[int, list[wants.Want]] = {}
        self._look_s = self._prune_s = 0.0
        self._full = Alarm(store, "blobs.full").say
        self._broken = Alarm(store, "blobs.broken").say

    def turn(self) -> None:
        """Look what is wanted, do what is due, hear what comes; a database that is busy is asked again."""
        now = self._clock()
        try:
            for order in self.intake.outgoing(now):
                self._do(order)
            if now >= self._look_s:
                self._look(now)
        except DatabaseError:
            time.sleep(LOOK_S)
        for far, ask in self._giver.outgoing(now):
            self._send(far, self._piece(ask), BULK_DOWN if far else BULK_UP)
        dues = [due for due in (self.intake.timer(now), self._giver.timer(), self._look_s) if due is not None]
        for arrival in self._wire.poll(max(0.0, min(dues) - self._clock())):
            self._hear(arrival, self._clock())

    def close(self) -> None:
        """Let go of wire and files."""
        self._wire.close()
        self._parts.close()
        for fd in self._open.values():
            os.close(fd)

    def _look(self, now: float) -> None:
        for follow in (wants.follow, travelling.follow):
            while follow(self._store) == wants.READ:
                pass
        upcoming = wants.upcoming(self._store, self._wall())
        looked_at = {one.sha256 for some in self._wanted.values() for one in some}
        for site, some in upcoming.items():
            upcoming[site] = [one for one in some if one.sha256 in looked_at or not self._has(one)]
        for site in {*upcoming, *self._wanted}:
            self.intake.offer(site, [_wanted(one) for one in upcoming.get(site, [])])
        self._wanted = upcoming
        self._broken(BROKEN if wants.wrong(self._store) else "")
        self.intake.hour(time.localtime(self._wall()).tm_hour)
        self._look_s = now + LOOK_S
        if now >= self._prune_s:
            self._prune_s = now + PRUNE_S
            self._prune()
        if upcoming and self._is_full():
            self.intake.pause(now + PAUSE_S)
        elif upcoming:
            self._full("")

    def _has(self, one: wants.Want) -> bool:
        """Whether a file is here though the database knows nothing of it: it may be older than its files."""
        try:
            file = None if one.have or one.failures else self._found(one.sha256)
            if file is None or fingerprint(file).sha256 != one.sha256:
                return False
            received.stamp(self._store, self._seals, one.sha256, file)
        except OSError:
            return False
        wants.kept(self._store, one.sha256, one.size, self._wall())
        return True

    def _prune(self) -> None:
        try:
            while here.prune(self._store, self._blobs, self._wall()) == here.PRUNED_MOST:
                pass
        except OSError:
            return
        self._parts.forget_all_but({one.sha256 for some in self._wanted.values() for one in some})

    def _is_full(self) -> bool:
        disk = shutil.disk_usage(self._parts.folder)
        full = disk.free < disk.total * self._sync.free_percent // 100
        if full:
            self._full(FULL)
        return full

    # fetching

    def _do(self, order: Order) -> None:
        try:
            match order:
                case Send(site, ask):
                    self._send(site, ask, BULK_DOWN if site else BULK_UP)
                case Write(sha, offset, data):
                    self._parts.write(sha.hex(), offset, data)
                case Settle(sha, have):
                    self._parts.settle(sha.hex())
                    wants.progress(self._store, sha.hex(), have)
                case Check(site, sha):
                    self._check(site, sha)
                case Afresh(sha, failures):
                    self._parts.forget(sha.hex())
                    wants.failed(self._store, sha.hex(), failures)
                case Aside(sha):
                    wants.set_aside(self._store, sha.hex())
                    self._broken(BROKEN)
                case Missing(sha):
                    wants.missing(self._store, sha.hex(), self._wall())
        except OSError:
            self._unwritten(order)

    def _check(self, site: int, sha: bytes) -> None:
        """Hash a whole file and keep it, if it is what its hash says."""
        name = sha.hex()
        file = self._parts.whole(name)
        good = fingerprint(file).sha256 == name
        if good:
            received.keep(self._store, self._blobs, self._seals, name, file, self._wall())
        self.intake.checked(site, sha, good)

    def _found(self, name: str) -> Path | None:
        return received.found(self._store, self._where, self._blobs, self._seals, name)

    def _unwritten(self, order: Order) -> None:
        """The disk, or the storage, did not take it: try again later from what is durable."""
        sha = getattr(order, "sha", b"")
        known = wants.state(self._store, sha.hex())
        self.intake.unwritten(sha, known[1] if known else 0)
        self.intake.pause(self._clock() + PAUSE_S)
        self._full(FULL)

    # giving

    def _piece(self, ask: Ask) -> Data | Absent:
        try:
            fd = self._opened(ask.sha)
            data = os.pread(fd, ask.length, ask.offset) if fd is not None else b""
        except OSError:
            data = b""
        return Data(ask.sha, ask.offset, data) if data else Absent(ask.sha)

    def _opened(self, sha: bytes) -> int | None:
        """A descriptor of a file of ours; a few stay open, so one that is archived meanwhile still ends."""
        if sha in self._open:
            self._open.move_to_end(sha)
            return self._open[sha]
        file = self._found(sha.hex())
        if file is None:
            return None
        self._open[sha] = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        if len(self._open) > OPEN_MOST:
            os.close(self._open.popitem(last=False)[1])
        return self._open[sha]

    # the wire

    def _send(self, site: int, frame: BlobFrame, way: str) -> None:
        self._wire.send(topic(site or self._store.site, way), encode(frame))

    def _hear(self, arrival: Arrival, now: float) -> None:
        match arrival:
            case Up():
                self.intake.connected()
            case Down():
                self.intake.disconnected()
                self._giver.forget()
            case Message(name, payload):
                site, way = parse(name)
                far = 0 if self._store.site else site
                if far is None:
                    return
                if way == PRESENCE:
                    if payload.startswith(b"online"):
                        self.intake.hurry(far)
                else:
                    self._hear_frame(far, payload, now)
            case Unheard(name):
                site, _ = parse(name)
                self.intake.unheard(0 if self._store.site else site or 0, now)

    def _hear_frame(self, far: int, payload: bytes, now: float) -> None:
        try:
            frame = decode(payload)
        except FrameError:
            return
        match frame:
            case Ask():
                self._giver.asked(far, frame)
            case Data(sha, offset, data):
                self.intake.data(far, sha, offset, data, now)
            case Absent(sha):
                self.intake.absent(far, sha)


class Running(threading.Thread):
    """The thread; the process looks after it (`is_alive`) and ends it."""

    def __init__(self, store: Store, make: Callable[[], Bulk]) -> None:
        super().__init__(name="files", daemon=True)
        self._store = store
        self._make = make
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until told to stop."""
        with self._store.connection():
            bulk = self._make()
            while not self._stopping.is_set():
                bulk.turn()
            bulk.close()

    def stop(self) -> None:
        """Stop after the present turn."""
        self._stopping.set()
        self.join(2.0)


def _wanted(one: wants.Want) -> Wanted:
    return Wanted(
        bytes.fromhex(one.sha256), one.size, one.site, one.rank, one.since_s, one.have, one.failures
    )
