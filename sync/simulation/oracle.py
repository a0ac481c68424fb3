"""What must hold after every step of a world, seen from outside: the oracle knows all disks at once.

A stream is known by its chain: `links` leads from any chain value back over the event before it, so
how far a box says it has come is a path, and every event on that path must be on its disk. This is
judged at the step that breaks it, also where the protocol would repair the damage later.
"""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING, Any

from appliance.store.outbox import GENESIS, peer_name
from appliance.tickets import table
from appliance.tickets.ticket import replay
from sync.frames import Ack, Hello, decode
from sync.receiver import GROUP

if TYPE_CHECKING:
    from sync.simulation.box import Box

FOLD_CHANCE = 0.25
"""Not every fold is repeated after every step: it would take half of the time."""
KEPT_FRAMES = 64
"""No call to a machine may give more frames than this for one peer."""


class Broken(AssertionError):
    """A promise was not kept; the text says which."""


class Oracle:
    """The truth of a world: what each disk holds, and where every stream ever stood."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(f"{seed}/oracle")
        self._links: dict[bytes, tuple[bytes, bytes]] = {}
        """Chain value to the one before it and the event between."""
        self._held: dict[int, set[bytes]] = {}
        self._looked: dict[int, tuple[int, int]] = {}
        self._given: dict[tuple[int, str], tuple[int, int]] = {}
        self._reached: dict[tuple[int, str], bytes] = {}
        """How far an incoming stream was followed."""
        self._durable: dict[tuple[int, str], set[bytes]] = {}
        """Places a box ever stood at for good in a peer's streams."""
        self._acked: dict[tuple[int, int], tuple[int, int]] = {}

    def held(self, site: int) -> set[bytes]:
        """Every event on a disk."""
        return self._held.setdefault(site, set())

    def restored(self, site: int, eids: set[bytes]) -> None:
        """An older copy was put in place of a disk."""
        self._held[site] = eids

    def started(self, box: Box, restored: bool) -> None:
        """A box is on again: what was on its disk still is, unless an older copy was put there."""
        now = {bytes(eid) for (eid,) in box.store.rows("SELECT eid FROM event")}
        if not restored and (lost := self.held(box.site) - now):
            raise Broken(f"box {box.site} lost {len(lost)} committed events when the power went")
        self._held[box.site] = now
        self._looked.pop(box.site, None)
        for known in (self._given, self._reached):
            for key in [key for key in known if key[0] == box.site]:
                known.pop(key)
        self.look(box)

    def folded(self, site: int, eid: bytes) -> None:
        """An event changes what is shown; it may do so once."""
        if eid in self.held(site):
            raise Broken(f"box {site} applied an event twice")

    def look(self, box: Box) -> None:
        """See what a box did to its disk in the step that just ended."""
        database = box.store.database.connection()
        last, changes = self._looked.get(box.site, (0, -1))
        if database.total_changes != changes:
            sql = "SELECT pos, eid, subject FROM event WHERE pos > ? ORDER BY pos"
            new = database.execute(sql, (last,)).fetchall()
            self.held(box.site).update(bytes(eid) for _, eid, _ in new)
            self._looked[box.site] = (new[-1][0] if new else last, database.total_changes)
            self._look_at_streams(box, database)
            if new and self._dice.random() < FOLD_CHANCE:
                self._check_fold(box, self._dice.choice(new)[2])
        self._look_at_machines(box)

    def _look_at_streams(self, box: Box, database: Any) -> None:
        sql = "SELECT name, out_epoch, out_seq, out_chain, in_seq, in_chain FROM peer"
        for name, epoch, top, out_chain, in_seq, in_chain in database.execute(sql).fetchall():
            known = self._given.get((box.site, name), (0, 0))
            if known != (epoch, top):
                self._given[box.site, name] = (epoch, top)
                self._follow_out(database, name, known[1] if known[0] == epoch else 0, top, out_chain)
            if self._reached.get((box.site, name), GENESIS) != in_chain:
                self._follow_in(box.site, name, in_seq, bytes(in_chain))

    def _follow_out(self, database: Any, name: str, after: int, top: int, out_chain: bytes) -> None:
        sql = "SELECT seq, eid, chain FROM outgoing WHERE peer = ? AND seq >= ? ORDER BY seq"
        before, link, expected = None, GENESIS, None
        for seq, eid, link in database.execute(sql, (name, after)).fetchall():
            if expected is not None and seq != expected:
                raise Broken(f"the stream to {name} has no place {expected}")
            if before is not None or seq == 1:
                self._links[bytes(link)] = (before or GENESIS, bytes(eid))
            before, expected = bytes(link), seq + 1
        if top and (expected != top + 1 or link != out_chain):
            raise Broken(f"the stream to {name} ends at {expected} and says {top}")

    def _follow_in(self, site: int, name: str, in_seq: int, in_chain: bytes) -> None:
        """Go back over all events from where the box stands: each must be on its disk."""
        until = self._reached.get((site, name), GENESIS)
        durable = self._durable.setdefault((site, name), {GENESIS})
        held, place = self.held(site), in_chain
        steps = 0
        while place not in (until, GENESIS):
            if place not in self._links:
                raise Broken(f"box {site} stands at {in_seq} of the stream of {name}, which nobody gave out")
            durable.add(place)
            place, eid = self._links[place]
            steps += 1
            if eid not in held:
                raise Broken(f"box {site} passed a gap: {in_seq} of {name} but an event before it is missing")
        if place == GENESIS and steps != in_seq:
            raise Broken(f"box {site} counts {in_seq} events of {name}, there are {steps}")
        self._reached[site, name] = in_chain

    def _look_at_machines(self, box: Box) -> None:
        """What is kept in memory is bounded, and what counts as confirmed is."""
        for far, peer in box.node.peers.items():
            sender = peer.sender
            if len(peer.receiver._waiting) > GROUP or len(sender._flights) > sender.window:
                raise Broken(f"box {box.site} keeps more in memory for {far} than it may")
            if sender.acked and self._acked.get((box.site, far)) != (sender.epoch, sender.acked):
                self._acked[box.site, far] = (sender.epoch, sender.acked)
                self._check_acked(box, far, sender.epoch, sender.acked)

    def _check_acked(self, box: Box, far: int, epoch: int, acked: int) -> None:
        sql = (
            "SELECT o.chain FROM outgoing AS o JOIN peer AS p ON p.name = o.peer"
            " WHERE o.peer = ? AND o.seq = ? AND p.out_epoch = ?"
        )
        for (chain,) in box.store.rows(sql, peer_name(far), acked, epoch):
            if bytes(chain) not in self._durable.get((far, peer_name(box.site)), {GENESIS}):
                raise Broken(f"box {box.site} counts {acked} as confirmed, box {far} never had it")

    def _check_fold(self, box: Box, subject: bytes) -> None:
        """What is shown is what the log tells; of what concerns a site no longer that is nothing."""
        shown = table.load(box.store, bytes(subject))
        hidden = box.store.rows("SELECT 1 FROM lost WHERE subject = ?", bytes(subject))
        told = None if hidden else replay(box.store.history(bytes(subject)))
        if shown != told:
            raise Broken(f"box {box.site} shows a ticket that is not what its log tells: {shown} / {told}")


class Wires:
    """What is said: nothing inside an open transaction, no ACK for more than is committed, no flood."""

    def __init__(self) -> None:
        self._greetings: dict[tuple[int, int], deque[float]] = {}

    def said(self, box: Box, far: int, data: bytes, now: float) -> None:
        """Judge a frame as it leaves."""
        if box.store.writing:
            raise Broken("a frame left while a transaction was open")
        frame = decode(data)
        if isinstance(frame, Ack):
            sql = "SELECT in_epoch, in_seq FROM peer WHERE name = ?"
            epoch, seq = box.store.rows(sql, peer_name(far))[0]
            if (epoch, seq) < (frame.epoch, frame.seq):
                raise Broken(f"box {box.site} acknowledged {frame.seq} but holds {seq}")
        elif isinstance(frame, Hello):
            times = self._greetings.setdefault((box.site, far), deque(maxlen=11))
            times.append(now)
            if len(times) == 11 and now - times[0] < 1.0:
                raise Broken(f"box {box.site} floods {far} with greetings")
