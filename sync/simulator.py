"""Whole networks of a hub and sites in virtual time, with everything that goes wrong in the world.

``python -m sync.simulator --seed 1 --runs 500`` plays 500 worlds. The boxes are real: real
stores in files, real protocol machines; only clock, wire, crashes and disks are played. One
seed is one world: the same seed plays the same faults. A broken promise prints its seed.
"""

import argparse
import heapq
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.events import Fact
from appliance.store import outbox
from appliance.tickets.number import new_number
from sync.simulated_box import Box, Broken

CHAOS_S = 150.0
QUIET_S = 900.0
"""Healed, everything must have come together within this time."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How bad this world is: chances a frame or a second, and limits."""

    drop: float
    double: float
    late: float
    """Chance of a frame to come 1 to 60 s late."""
    partition: float
    crash: float
    restore: float
    clock: float
    broker: float
    prune: float
    batch_events: int
    window: int

    @classmethod
    def draw(cls, dice: random.Random) -> "Faults":
        """Each world has its own mix; many have none of a kind."""

        def some(most: float) -> float:
            return dice.choice((0.0, most / 4, most))

        return cls(
            drop=some(0.3),
            double=some(0.2),
            late=some(0.2),
            partition=some(0.02),
            crash=some(0.04),
            restore=some(0.01),
            clock=some(0.01),
            broker=some(0.01),
            prune=some(0.05),
            batch_events=dice.choice((1, 2, 3, 8, 512)),
            window=dice.choice((1, 2, 4, 8)),
        )


class World:
    """A hub, sites, a broker that may do anything to a frame but change it, and citizens."""

    def __init__(self, seed: int, folder: Path, faults: Faults | None = None) -> None:
        self.seed = seed
        self.folder = folder
        self.dice = random.Random(seed)
        drawn = Faults.draw(self.dice)
        self.faults = faults or drawn
        self.now = 0.0
        self.sent = 0
        self.crashes = 0
        self.restores = 0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._chaos = True
        self._promised: set[bytes] = set()
        """Events a user was told are kept."""
        self._erased: set[bytes] = set()
        """Events no box held any more after a restore."""
        self._subjects: list[tuple[bytes, int]] = []
        self.boxes = [Box(self, site) for site in range(self.dice.randint(3, 4))]
        self._broker_up_s = 0.0

    def after(self, delay_s: float, work: Callable[[], None]) -> None:
        """Put something on the agenda."""
        self._count += 1
        heapq.heappush(self._agenda, (self.now + delay_s, self._count, work))

    def revive(self, box: Box, busy: bool = False) -> None:
        """Somebody switches a box on again; the network may come later, people may write on at once."""
        offline_s = self.dice.choice((0, 0, self.dice.uniform(1, 60))) if self._chaos else 0.0
        delay_s = self.dice.uniform(0.5, 20)
        self.after(delay_s, lambda: box.start(offline_s))
        if busy:
            self.after(delay_s + 1, lambda: self._write_on(box))

    def send(self, box: Box, far: int, data: bytes) -> None:
        """Carry a frame, or not."""
        self.sent += 1
        dice, faults = self.dice, self.faults
        copies = 1
        if self._chaos:
            copies -= dice.random() < faults.drop
            copies += dice.random() < faults.double
        for _ in range(copies):
            delay_s = dice.uniform(0.005, 0.05)
            if self._chaos and dice.random() < faults.late:
                delay_s = dice.choice((dice.uniform(0.05, 1), dice.uniform(1, 60)))
            self.after(delay_s, lambda left_s=self.now: self._arrive(box, far, data, left_s))  # type: ignore[misc]

    def _arrive(self, box: Box, far: int, data: bytes, left_s: float) -> None:
        other = self.boxes[far]
        if not (box.cut or other.cut or left_s < self._broker_up_s):
            other.hear(box.site, data)

    def run(self) -> None:
        """Play the world to its end; raises Broken."""
        for box in self.boxes:
            box.start()
        self._live()
        while self.now < CHAOS_S:
            self._step()
        self._heal()
        until = self.now + QUIET_S
        while not self._is_quiet():
            if self.now > until:
                raise Broken(f"not everything arrived within {QUIET_S:.0f} s: {self._backlogs()}")
            look_again = self.now + 2.0
            while self.now < look_again:
                self._step()
        self.check()

    def close(self) -> None:
        """Switch everything off."""
        for box in self.boxes:
            if box.running:
                box.stop()

    def _step(self) -> None:
        self.now, _, work = heapq.heappop(self._agenda)
        work()

    # what people and the world do

    def _live(self) -> None:
        """Once in a while something happens."""
        if not self._chaos:
            return
        dice, faults = self.dice, self.faults
        box = dice.choice(self.boxes)
        if box.running:
            self._write(box)
            for chance, fault in (
                (faults.crash, self._crash),
                (faults.restore, self._restore),
                (faults.partition, self._partition),
                (faults.clock, self._turn_clock),
                (faults.prune, self._prune),
                (0.05, lambda box: box.back_up()),
            ):
                if box.running and dice.random() < chance * 4:
                    fault(box)
        if dice.random() < faults.broker:
            self._broker_up_s = self.now
        self.after(dice.expovariate(1 / 5), self._live)

    def _write(self, box: Box) -> None:
        facts = self._something(box)
        written: list[bytes] = []

        def work() -> None:
            written.extend(event.eid for event in box.store.record(*facts))
            box.node.refresh()

        if box.guarded(work):
            self._promised.update(written)
            if facts[0].kind in ("ticket.created", "call.ringing"):
                self._subjects.append((written[0], box.site))
            box.pump()

    def _write_on(self, box: Box) -> None:
        for _ in range(self.dice.randint(0, 6)):
            if box.running and self._chaos:
                self._write(box)

    def _something(self, box: Box) -> Sequence[Fact]:
        dice = self.dice
        known = [subject for subject, _ in self._subjects if self._knows(box, subject)]
        if not known or dice.random() < 0.4:
            if dice.random() < 0.3 and box.site:
                return [
                    Fact("call.ringing", {"line": "sim-1", "caller": "13800000000"}),
                    Fact("message.noted", {"text": "x" * dice.randint(0, 300)}),
                ]
            number = new_number(box.site, box.wall_ms() / 1000, lambda head: "")
            fields = {"title": f"t{self._count}", "content": "水" * dice.randint(0, 200)}
            return [Fact("ticket.created", {"number": number, "source": "web", "fields": fields})]
        subject = dice.choice(known)
        if not box.site and dice.random() < 0.5:
            site = dice.randrange(1, len(self.boxes))
            facts = {"move": "dispatch", "from": "ACCEPTED", "role": "DP", "unit": "U", "unit_site": site}
            return [Fact("ticket.moved", facts, subject)]
        return [
            Fact("ticket.edited", {"fields": {"title": f"e{self._count}-{n}"}}, subject)
            for n in range(dice.choice((1, 1, 1, 5)))
        ]

    def _knows(self, box: Box, subject: bytes) -> bool:
        return bool(box.store.rows("SELECT 1 FROM ticket WHERE tid = ?", subject))

    def _crash(self, box: Box) -> None:
        self.crashes += 1
        box.store.fuse = self.dice.randint(1, 40)

    def _restore(self, box: Box) -> None:
        if not box.backups:
            return
        self.restores += 1
        before = box.eids()
        box.stop()
        backup = self.dice.choice((box.backups[-1], self.dice.choice(box.backups)))
        box.restore(backup, with_sidecar=self.dice.random() < 0.7)
        elsewhere = set().union(*(other.eids() for other in self.boxes if other is not box))
        self._erased |= before - box.eids() - elsewhere
        self.revive(box, busy=True)

    def _partition(self, box: Box) -> None:
        box.cut = True
        noticed = self.dice.random() < 0.5
        if noticed:
            box.node.disconnected("cut")

        def mend() -> None:
            box.cut = False
            if box.running and noticed:
                box.node.connected(self.now)
                box.pump()

        self.after(self.dice.expovariate(1 / 30), mend)

    def _turn_clock(self, box: Box) -> None:
        box.clock_ms += self.dice.choice((-3_600_000, -30_000, 30_000, 3_600_000))

    def _prune(self, box: Box) -> None:
        def work() -> None:
            box.node.write_notes(self.now)
            for far in box.node.peers:
                outbox.prune(box.store, outbox.peer_name(far), self.dice.randint(0, 200))

        box.guarded(work)

    def _heal(self) -> None:
        self._chaos = False
        for box in self.boxes:
            box.cut = False
            if box.running:
                box.store.fuse = 0
                box.node.connected(self.now)
                box.pump()

    # what must be true in the end

    def _is_quiet(self) -> bool:
        return not self._backlogs()

    def _backlogs(self) -> list[str]:
        late = [f"box {box.site} is off" for box in self.boxes if not box.running]
        for box in self.boxes:
            for far, peer in box.node.peers.items() if box.running else ():
                waits = peer.sender.top - peer.sender.acked
                if waits or not peer.open:
                    late.append(f"box {box.site} to {far}: {waits} wait, open={peer.open}")
        return late

    def check(self) -> None:
        """See that every promise was kept; raises Broken."""
        hub, *sites = self.boxes
        central = hub.eids()
        if lost := self._promised - self._erased - central:
            raise Broken(f"{len(lost)} events a user was told are kept are not at the hub")
        for box in sites:
            if unknown := box.eids() - central:
                raise Broken(f"site {box.site} has {len(unknown)} events the hub has not")
            own = {eid for eid in central if int.from_bytes(eid[8:10], "big") == box.site}
            if missing := own - box.eids():
                raise Broken(f"site {box.site} does not have {len(missing)} events of its own")
            for (subject,) in hub.read("SELECT subject FROM interest WHERE site = ?", box.site):
                _same(f"ticket at hub and site {box.site}", _ticket(hub, subject), _ticket(box, subject))
        for box in self.boxes:
            held = _projections(box)
            box.store.rebuild()
            _same(f"projections of box {box.site} and what its log tells", held, _projections(box))


def _same(what: str, one: object, other: object) -> None:
    if one != other:
        raise Broken(f"{what} differ: {one} / {other}"[:2000])


def _ticket(box: Box, subject: bytes) -> object:
    log = box.read("SELECT eid FROM event WHERE subject = ? ORDER BY eid", subject)
    return log, box.read("SELECT * FROM ticket WHERE tid = ?", subject)


def _projections(box: Box) -> object:
    return [box.read(f"SELECT * FROM {table} ORDER BY 1") for table in ("ticket", "call")]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a world went; `broken` is empty when every promise was kept."""

    seed: int
    broken: str
    sent: int
    crashes: int
    restores: int


def play(seed: int, faults: Faults | None = None) -> Outcome:
    """Play one world from its seed, with its own mix of faults or a given one."""
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None, prefix="sync-world-") as folder:
        world = World(seed, Path(folder), faults)
        broken = ""
        try:
            world.run()
        except Broken as error:
            broken = str(error)
        finally:
            world.close()
        return Outcome(seed, broken, world.sent, world.crashes, world.restores)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play worlds; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="sync.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--runs", type=int, default=100, help="how many seeds")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    outcomes = []
    for seed in range(options.seed, options.seed + options.runs):
        outcomes.append(outcome := play(seed))
        if outcome.broken:
            print(f"seed {seed}: {outcome.broken}", flush=True)
    took_s = time.monotonic() - began
    failures = sum(bool(outcome.broken) for outcome in outcomes)
    print(
        f"{len(outcomes)} worlds from seed {options.seed}, {failures} broken,"
        f" {sum(o.sent for o in outcomes)} frames, {sum(o.crashes for o in outcomes)} crashes,"
        f" {sum(o.restores for o in outcomes)} restores, {len(outcomes) / took_s * 60:.0f} runs/min"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
