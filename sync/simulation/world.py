"""A hub, sites, a broker that may do anything to a frame but change it, citizens, and what goes wrong."""

import heapq
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.events import Fact
from appliance.store import outbox
from appliance.tickets.number import new_number
from sync.simulation.box import NEWEST, Box
from sync.simulation.oracle import Broken, Oracle, Wires
from sync.simulation.scene import Scene

QUIET_S = 900.0
"""Healed, everything must have come together within this time."""
TICK_S = 5.0
"""Somewhere something happens about so often."""
NEWEST_NUMBER = "SELECT max(number) FROM ticket WHERE number LIKE ? || '%'"
YEARS_MS = (-1_800_000_000_000, 725_000_000_000)
"""From the world's own time to 1970 and to 2050."""


class World:
    """One scene being played; `run` raises Broken at the step that breaks a promise."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.folder = folder
        self.faults = scene.faults
        self.now = 0.0
        self.sent = self.crashes = self.restores = 0
        self.acts: list[str] = []
        """Everything that happened, in order: what can be left out when the world is made smaller."""
        self.oracle = Oracle(scene.seed)
        self.wires = Wires()
        self._dice = {name: random.Random(f"{scene.seed}/{name}") for name in ("ticks", "wire", "lives")}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._chaos = True
        self._promised: set[bytes] = set()
        """Events a user was told are kept."""
        self._erased: set[bytes] = set()
        """Events no box held any more after a restore."""
        self._subjects: list[bytes] = []
        self._clocks_moved = False
        self._tick = 0
        self._broker_up_s = 0.0
        self.boxes = [Box(self, site) for site in range(scene.boxes)]

    def after(self, delay_s: float, work: Callable[[], None]) -> None:
        """Put something on the agenda."""
        self._count += 1
        heapq.heappush(self._agenda, (self.now + delay_s, self._count, work))

    def revive(self, box: Box, busy: bool = False) -> None:
        """Somebody switches a box on again; the network may come later, people may write on at once."""
        dice = self._dice["lives"]
        offline_s = dice.choice((0, 0, dice.uniform(1, 60))) if self._chaos else 0.0
        delay_s = dice.uniform(0.5, 20)
        box.release = min(NEWEST, box.release + dice.choice((0, 0, 1)))

        def switch_on() -> None:
            if not self._chaos:
                box.release, box.full = NEWEST, False
            box.start(offline_s)

        self.after(delay_s, switch_on)
        if busy:
            self.after(delay_s + 1, lambda: self._write_on(box, dice))

    def send(self, box: Box, far: int, data: bytes) -> None:
        """Carry a frame, or not."""
        self.sent += 1
        dice, faults = self._dice["wire"], self.faults
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
        dice = self._dice["lives"]
        for box in self.boxes:
            box.release = NEWEST - (dice.randint(1, 2) if dice.random() < self.faults.skew else 0)
            box.start()
        self.after(TICK_S, self._live)
        while self.now < self.scene.chaos_s:
            self._step()
        self._heal()
        until = self.now + QUIET_S
        while backlogs := self._backlogs():
            if self.now > until:
                raise Broken(f"not everything arrived within {QUIET_S:.0f} s: {backlogs}")
            look_again = self.now + 2.0
            while self.now < look_again:
                self._step()
        self.check()

    def close(self) -> None:
        """Switch everything off."""
        for box in self.boxes:
            box.stop()

    def _step(self) -> None:
        self.now, _, work = heapq.heappop(self._agenda)
        work()

    # what people and the world do

    def _live(self) -> None:
        """Once in a while something happens; an act has dice of its own: it stays when others go."""
        if not self._chaos:
            return
        self._tick += 1
        dice = random.Random(f"{self.scene.seed}/{self._tick}")
        box = self.boxes[int(dice.random() * len(self.boxes))]
        faults = self.faults
        acts: tuple[tuple[str, float, Callable[[Box, random.Random], None]], ...] = (
            ("write", 1.0, self._write),
            ("crash", faults.crash, self._crash),
            ("restore", faults.restore, self._restore),
            ("partition", faults.partition, self._partition),
            ("clock", faults.clock, self._turn_clock),
            ("year", faults.year, self._lose_year),
            ("prune", faults.prune, self._prune),
            ("full", faults.full, self._fill),
            ("backup", 0.2, lambda box, _: box.back_up()),
            ("broker", faults.broker, self._restart_broker),
        )
        for name, chance, do in acts:
            act, own = f"{self._tick}.{name}", random.Random(f"{self.scene.seed}/{self._tick}/{name}")
            if own.random() < chance and box.running and act not in self.scene.skip:
                self.acts.append(act)
                do(box, own)
        self.after(self._dice["ticks"].expovariate(1 / TICK_S), self._live)

    def _write(self, box: Box, dice: random.Random) -> None:
        facts = self._something(box, dice)
        written: list[bytes] = []

        def work() -> None:
            before = facts[-1].subject and box.read(
                "SELECT max(eid) FROM event WHERE subject = ?", facts[-1].subject
            )
            written.extend(event.eid for event in box.store.record(*facts))
            if before and written[-1] < bytes(before[0][0]):
                raise Broken(f"box {box.site} dates an event before what its author saw")
            box.node.refresh()

        if box.guarded(work):
            self._promised.update(written)
            if written and facts[0].kind in ("ticket.created", "call.ringing"):
                self._subjects.append(written[0])
            box.pump()

    def _write_on(self, box: Box, dice: random.Random) -> None:
        for _ in range(dice.randint(0, 6)):
            if box.running and self._chaos:
                self._write(box, dice)

    def _something(self, box: Box, dice: random.Random) -> Sequence[Fact]:
        known = [subject for subject in self._subjects if self._knows(box, subject)]
        if not known or dice.random() < 0.4:
            if dice.random() < 0.3 and box.site:
                return [
                    Fact("call.ringing", {"line": "sim-1", "caller": "13800000000"}),
                    Fact("message.noted", {"text": "x" * dice.randint(0, 300)}),
                ]
            number = new_number(
                box.site, box.wall_ms() / 1000, lambda head: box.read(NEWEST_NUMBER, head)[0][0] or ""
            )
            fields = {"title": f"t{self._tick}", "content": "水" * dice.randint(0, 200)}
            return [Fact("ticket.created", {"number": number, "source": "web", "fields": fields})]
        subject = known[int(dice.random() * len(known))]
        if not box.site and dice.random() < 0.5:
            site = 1 + int(dice.random() * (len(self.boxes) - 1))
            facts = {"move": "dispatch", "from": "ACCEPTED", "role": "DP", "unit": "U", "unit_site": site}
            return [Fact("ticket.moved", facts, subject)]
        if box.release == NEWEST and dice.random() < 0.15:
            return [Fact("ticket.linked", {"ticket": self._subjects[0].hex(), "by": "sim"}, subject)]
        if box.release and dice.random() < 0.15:
            return [Fact("ticket.repeated", {"by": "sim", "text": "again"}, subject)]
        return [
            Fact("ticket.edited", {"fields": {"title": f"e{self._tick}-{n}"}, "mood": n}, subject)
            for n in range(dice.choice((1, 1, 1, 5)))
        ]

    def _knows(self, box: Box, subject: bytes) -> bool:
        return bool(box.read("SELECT 1 FROM ticket WHERE tid = ?", subject))

    def _crash(self, box: Box, dice: random.Random) -> None:
        self.crashes += 1
        box.store.fuse = dice.randint(1, 40)

    def _restore(self, box: Box, dice: random.Random) -> None:
        if not box.backups:
            return
        self.restores += 1
        before = set(self.oracle.held(box.site))
        box.stop()
        box.restore(dice.choice((box.backups[-1], dice.choice(box.backups))), dice.random() < 0.7)
        elsewhere = set().union(*(self.oracle.held(other.site) for other in self.boxes if other is not box))
        self._erased |= before - self.oracle.held(box.site) - elsewhere
        self.revive(box, busy=True)

    def _partition(self, box: Box, dice: random.Random) -> None:
        box.cut = True
        noticed = dice.random() < 0.5
        if noticed:
            box.node.disconnected("cut")

        def mend() -> None:
            box.cut = False
            if box.running and noticed:
                box.node.connected(self.now)
                box.pump()

        self.after(dice.expovariate(1 / 30), mend)

    def _turn_clock(self, box: Box, dice: random.Random) -> None:
        self._clocks_moved = True
        box.clock_ms += dice.choice((-3_600_000, -30_000, 30_000, 3_600_000))

    def _lose_year(self, box: Box, dice: random.Random) -> None:
        self._clocks_moved = True
        box.clock_ms = dice.choice(YEARS_MS)

        def set_right() -> None:
            box.clock_ms = 0

        self.after(dice.expovariate(1 / 20), set_right)

    def _prune(self, box: Box, dice: random.Random) -> None:
        def work() -> None:
            box.node.write_notes(self.now)
            for far in box.node.peers:
                outbox.prune(box.store, outbox.peer_name(far), dice.randint(0, 200))

        box.guarded(work)

    def _fill(self, box: Box, dice: random.Random) -> None:
        box.full = True
        box.store.fill(True)

        def free() -> None:
            box.full = False
            if box.running:
                box.store.fill(False)

        self.after(dice.expovariate(1 / 20), free)

    def _restart_broker(self, _box: Box, _dice: random.Random) -> None:
        self._broker_up_s = self.now

    def _heal(self) -> None:
        """Everything is repaired, and every box gets the newest release."""
        self._chaos = False
        for box in self.boxes:
            box.cut = box.full = False
            box.clock_ms = 0
            if box.running:
                box.store.fuse = 0
                box.store.fill(False)
                if box.release < NEWEST:
                    box.stop()
                    box.release = NEWEST
                    box.start()
                else:
                    box.node.connected(self.now)
                    box.pump()

    # what must be true in the end

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
        central = self.oracle.held(0)
        if lost := self._promised - self._erased - central:
            raise Broken(f"{len(lost)} events a user was told are kept are not at the hub")
        for box in sites:
            held = self.oracle.held(box.site)
            if unknown := held - central:
                raise Broken(f"site {box.site} has {len(unknown)} events the hub has not")
            own = {eid for eid in central if int.from_bytes(eid[8:10], "big") == box.site}
            if missing := own - held:
                raise Broken(f"site {box.site} does not have {len(missing)} events of its own")
            if not (self.restores or self.scene.faults.skew):  # else a site may show some it has no more
                concerned = hub.read(_CONCERNED, box.site)
                _same(f"tickets that concern site {box.site}, and shown", concerned, box.read(_SHOWN))
            for (subject,) in hub.read("SELECT subject FROM interest WHERE site = ?", box.site):
                _same(f"ticket at hub and site {box.site}", _ticket(hub, subject), _ticket(box, subject))
        if not self._clocks_moved and not self.restores:
            twice = hub.read("SELECT number FROM ticket GROUP BY number HAVING count(*) > 1")
            _same("ticket numbers given out twice", twice, [])
        for box in self.boxes:
            _same(f"what box {box.site} set aside", box.read("SELECT reason FROM quarantine"), [])
            shown = _projections(box)
            box.store.rebuild()
            _same(f"projections of box {box.site} and what its log tells", shown, _projections(box))


_SHOWN = "SELECT tid FROM ticket ORDER BY tid"
_CONCERNED = "SELECT tid FROM ticket WHERE tid IN (SELECT subject FROM interest WHERE site = ?) ORDER BY tid"


def _same(what: str, one: object, other: object) -> None:
    if one != other:
        raise Broken(f"{what} differ: {one} / {other}"[:2000])


def _ticket(box: Box, subject: bytes) -> object:
    log = box.read("SELECT eid FROM event WHERE subject = ? ORDER BY eid", subject)
    return log, box.read("SELECT * FROM ticket WHERE tid = ?", subject)


def _projections(box: Box) -> object:
    return [box.read(f"SELECT * FROM {table} ORDER BY 1") for table in ("ticket", "call")]
