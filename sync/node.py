"""All links of one box: a machine for each peer over the box's store, and what people see of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from peewee import OperationalError

from appliance.events import wall_ms
from appliance.store import condition, outbox
from appliance.store.outbox import MAX_SITE, peer_name
from appliance.store.store import Store
from sync.frames import BATCH_EVENTS, VERSION
from sync.identity import awaken
from sync.peer import (
    Away,
    Confirmed,
    Delivered,
    Heard,
    Noticed,
    Opened,
    Peer,
    PeerEvent,
    Restarted,
    Rival,
    Told,
    Trouble,
    Waiting,
)
from sync.sender import WINDOW
from sync.streams import StoreStreams

HELLO_HEAD = bytes((VERSION, 1))
NOTE_S = 1.0
SEEN_S = 60.0
"""How often the time last heard is written: a disk is not worn for it."""
KEEP_MS = 30 * 24 * 3600 * 1000
"""How long acknowledged places are kept, so that a hub restored from a backup can go on in order."""
SECOND = "A second box with this site number asks to connect; it waits until the first is off."
REPORT_S = 20.0
"""A report is made once for all peers that are told within this time."""
_NOTE = (
    "UPDATE peer SET state = ?, reason = ?, seen_s = ?, clock_s = ?, acked = coalesce(?, acked),"
    " waiting = ?, report = ?,"
    " since_s = CASE WHEN state = ? THEN coalesce(since_s, ?) ELSE ? END WHERE name = ?"
)
_TOPS = "SELECT site, out_epoch, out_seq, in_epoch, in_seq FROM peer"


def always(site: int) -> bool:
    """Serve every site."""
    return True


@dataclass(slots=True)
class Note:
    """What people see of a peer."""

    state: str
    reason: str = ""
    seen_s: float = 0.0
    clock_s: float = 0.0
    acked: int | None = None
    """What was confirmed in this run; None leaves what is known from before."""
    waiting: int = 0
    """Events that wait at the peer for us."""
    report: str = ""
    """How its box is (condition.py)."""


class Node:
    """The links of a box, without wire, clock or thread: a site has one, the hub one for each site.

    The caller's thread holds a connection of the store open. `receive`, `look` and the rest
    only take news in; `outgoing` does the work and returns (far site, frame) pairs.
    """

    def __init__(
        self,
        store: Store,
        sidecar: Path,
        now: float,
        wall: Callable[[], int] = wall_ms,
        batch_events: int = BATCH_EVENTS,
        window: int = WINDOW,
        tell: Callable[[str, PeerEvent], None] = lambda name, event: None,
        serves: Callable[[int], bool] = always,
    ) -> None:
        self.store = store
        self.peers: dict[int, Peer] = {}
        self._wall = wall
        self._limits = (batch_events, window)
        self._tell = tell
        self._serves = serves
        self._online = False
        self._dirty: set[int] = set()
        self._due: dict[int, float] = {}
        self._stale = False
        self._version: object = None
        self._reported: tuple[float, str] = (-REPORT_S, "")
        self._notes: dict[int, Note] = {}
        self._written: dict[int, Note] = {}
        self._noted_s = now
        with store.transaction():
            self.me, self.reason = awaken(store, sidecar)
            for site in self._known():
                self._meet(site, now)
                if self.reason:
                    self.peers[site].streams.restart(0)

    def connected(self, now: float) -> None:
        """The box can reach the broker and hears it."""
        self._online = True
        for far, peer in self.peers.items():
            peer.connected(now)
            self._dirty.add(far)

    def disconnected(self, reason: str) -> None:
        """The box cannot reach the broker, for a reason to show."""
        self._online = False
        for far, peer in self.peers.items():
            peer.disconnected()
            self._dirty.add(far)
            self._hear(far)
            self._note(far).state = "away"
            self._note(far).reason = reason

    def presence(self, far: int, online: bool, session: int, now: float) -> None:
        """The broker says that a run of the far box came or went; a hint, it may be old."""
        peer = self.peers.get(far)
        if peer is None:
            return
        if not online and session == peer.session:
            self.absent(far, now)
        elif online and not (peer.open and session == peer.session):
            peer.hurry(now)
            self._dirty.add(far)

    def absent(self, far: int, now: float) -> None:
        """Nobody listens at the far side."""
        if far in self.peers:
            self.peers[far].absent(now)
            self._hear(far)
            self._dirty.add(far)

    def receive(self, far: int, data: bytes, now: float) -> None:
        """Take bytes said to be from a site; a site unknown to the hub begins with its HELLO."""
        if far not in self.peers:
            foreign = self.store.site or not 0 < far <= MAX_SITE or not self._serves(far)
            if foreign or data[:2] != HELLO_HEAD:
                return
            self._meet(far, now)
        self.peers[far].receive(data, now)
        self._dirty.add(far)

    def serve(self, now: float) -> None:
        """Other sites than before are to be served (`serves`): part from some, and meet the others."""
        for far in [far for far in self.peers if not self._serves(far)]:
            for kept in (self.peers, self._due, self._notes, self._written):
                kept.pop(far, None)
            self._dirty.discard(far)
        for far in self._known():
            if far not in self.peers:
                self._meet(far, now)
                self._dirty.add(far)

    def look(self) -> None:
        """See whether another process or thread has written since; costs some microseconds."""
        version = self.store.engine.version()
        if version != self._version:
            self._version = version
            self.refresh()

    def refresh(self) -> None:
        """Learn how far the outgoing streams reach now."""
        for site, epoch, top, in_epoch, in_seq in self.store.rows(_TOPS):
            peer = self.peers.get(site)
            if peer is None:
                continue
            if (epoch, in_epoch, in_seq) != (peer.sender.epoch, peer.receiver.epoch, peer.receiver.seq):
                peer.reread()
                self._note(site).acked = None
                self._dirty.add(site)
            if peer.sender.top != top:
                peer.offer(top)
                self._dirty.add(site)

    def outgoing(self, now: float) -> list[tuple[int, bytes]]:
        """Commit what came in and return what goes out, and to whom."""
        frames: list[tuple[int, bytes]] = []
        self._dirty.update(far for far, due in self._due.items() if due <= now)
        while self._dirty:
            far = min(self._dirty)
            self._dirty.discard(far)
            frames += [(far, data) for data in self.peers[far].outgoing(now)]
            due = self.peers[far].timer()
            self._due[far] = math.inf if due is None else due
            self._hear(far)
            if self._stale:
                self._stale = False
                self.refresh()
        if now >= self._noted_s + NOTE_S or self._states(self._notes) != self._states(self._written):
            self.write_notes(now)
        return frames

    def timer(self, now: float) -> float | None:
        """When `outgoing` must be called at the latest."""
        due = now if self._dirty else min(self._due.values(), default=math.inf)
        return due if due < math.inf else None

    def write_notes(self, now: float) -> None:
        """Write what people see of the peers, where it changed."""
        self._noted_s = now
        changed = [(far, note) for far, note in self._notes.items() if self._worth_writing(far, note)]
        if not changed:
            return
        try:
            with self.store.transaction():
                for far, note in changed:
                    told = (note.state, note.reason, note.seen_s, note.clock_s, note.acked, note.waiting)
                    now_s = self._wall() / 1000
                    row = (*told, note.report, note.state, now_s, now_s, peer_name(far))
                    self.store.execute(_NOTE, *row)
        except OperationalError:
            return
        for far, note in changed:
            self._written[far] = replace(note)

    def prune(self) -> None:
        """Forget places of the streams that were acknowledged long ago."""
        old = max(0, self._wall() - KEEP_MS).to_bytes(6, "big")
        for far in self.peers:
            sql = "SELECT min(seq) FROM outgoing WHERE peer = ? AND eid >= ?"
            first = self.store.rows(sql, peer_name(far), old)[0][0]
            if first:
                outbox.prune(self.store, peer_name(far), first - 1)

    def _known(self) -> list[int]:
        """The far sites of this box's links."""
        if self.store.site:
            return [0]
        return [site for (site,) in self.store.rows("SELECT site FROM peer") if self._serves(site)]

    def _meet(self, far: int, now: float) -> None:
        streams = StoreStreams(self.store, peer_name(far), far)
        self.peers[far] = Peer(streams, self.me, far, now, self._wall, *self._limits, self._report)
        if self._online:
            self.peers[far].connected(now)

    def _hear(self, far: int) -> None:
        note = self._note(far)
        while (event := self.peers[far].next_event()) is not None:
            before = (note.state, note.reason)
            match event:
                case Opened():
                    note.state, note.reason = "connected", ""
                case Away(reason):
                    note.state, note.reason = "away", reason
                case Waiting(reason):
                    note.state, note.reason = "parked", reason
                case Rival():
                    note.reason = SECOND
                case Restarted(reason):
                    note.reason, note.acked = reason, None
                    self._stale = True
                case Noticed(reason) | Trouble(reason):
                    note.reason = reason
                case Delivered():
                    self._stale = True
                case Confirmed(seq):
                    note.acked = seq
                case Heard(ahead_s):
                    note.seen_s, note.clock_s = self._wall() / 1000, round(ahead_s, 1)
                case Told(waiting, report):
                    note.waiting, note.report = waiting, report
            news = (note.state, note.reason) != before
            if news or not isinstance(event, Away | Waiting | Trouble):
                self._tell(peer_name(far), event)

    def _report(self) -> str:
        """How this box is, for its peers."""
        made_s, told = self._reported
        now_s = self._wall() / 1000
        if not made_s <= now_s < made_s + REPORT_S:
            told = condition.report(self.store)
            self._reported = (now_s, told)
        return told

    def _note(self, far: int) -> Note:
        if far not in self._notes:
            self._notes[far] = Note("never")
        return self._notes[far]

    def _worth_writing(self, far: int, note: Note) -> bool:
        written = self._written.get(far)
        if written is None:
            return True
        changed = (note.state, note.reason, note.acked) != (written.state, written.reason, written.acked)
        first = bool(note.report) and not written.report
        drained = bool(written.waiting) and not note.waiting
        return changed or first or drained or note.seen_s >= written.seen_s + SEEN_S

    def _states(self, notes: dict[int, Note]) -> dict[int, str]:
        return {far: note.state for far, note in notes.items()}
