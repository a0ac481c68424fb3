"""Thirty days alone, on a simulated clock: a branch and its centre work on the same tickets, then meet again.

Boxes, stores and peers are real; the line between them is slow, and it and all clocks are played, so
that the month takes seconds.
"""

import heapq
import random
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from appliance.events import Fact
from appliance.places import Places
from appliance.store import outbox
from appliance.store.digest import digest
from appliance.store.store import Store
from appliance.tickets.number import new_number
from sync.identity import SIDECAR
from sync.node import Node

DAY_S = 86_400.0
BEGAN_MS = 1_790_000_000_000
LINE_BYTES_S = 256_000 / 8
"""A line of 256 kbit/s in each direction."""
WAY_S = 0.08
HUB, CENTRE, BRANCH = 0, 1, 2
NEWEST = "SELECT coalesce(max(number), '') FROM ticket WHERE number LIKE ? || '%'"
LATEST_S = 900.0


@dataclass(frozen=True, slots=True)
class Reunion:
    """What came of it."""

    alone: int
    """Events the branch wrote while alone."""
    elsewhere: int
    """Events of the others that concern the branch meanwhile."""
    both: int
    """Tickets that both sides changed."""
    seconds: float
    """From the line being back until everything was confirmed at both ends, on the simulated clock."""
    carried: int
    """Bytes over the branch's line, both ways."""


class Month:
    """A hub, a centre and a branch; the branch's line is down for a month."""

    def __init__(self, folder: Path, held: ExitStack, days: int = 30, a_day: int = 12) -> None:
        self.now = 0.0
        self._days, self._a_day = days, a_day
        self._dice = random.Random(12345)
        self._agenda: list[tuple[float, int, int, int, bytes]] = []
        self._free_s: dict[tuple[int, int], float] = {}
        self._count = self._carried = 0
        self._cut = False
        self.stores: dict[int, Store] = {}
        self.nodes: dict[int, Node] = {}
        for site in (HUB, CENTRE, BRANCH):
            where = Places(folder / f"month-{site}").make()
            store = Store(where.database, site, bind=False)
            held.enter_context(store.connection())
            store.keep_time(self._wall_ms)
            self.stores[site] = store
            self.nodes[site] = Node(store, where.data / SIDECAR, self.now, self._wall_ms)
            self.nodes[site].connected(self.now)

    def play(self) -> Reunion:
        """Live through the month; raises AssertionError where the boxes do not agree in the end."""
        shared = [self._ticket(BRANCH) for _ in range(20)]
        self._talk(60)
        for ticket in shared:
            facts = {"move": "dispatch", "from": "ACCEPTED", "role": "DP", "unit": "U", "unit_site": CENTRE}
            self._write(HUB, Fact("ticket.moved", facts, ticket))
        self._talk(60)
        before = {site: self._events(site) for site in self.stores}
        self._cut = True
        self.nodes[BRANCH].disconnected("The line is down.")
        for _ in range(self._days):
            self._day(shared)
        assert self._shown(BRANCH, shared) != self._shown(HUB, shared), "they never disagreed"
        alone = self._events(BRANCH) - before[BRANCH]
        self._cut, self._carried, back_s = False, 0, self.now
        self.nodes[BRANCH].connected(self.now)
        while self._waiting():
            assert self.now < back_s + LATEST_S, "they do not come together"
            self._talk(1)
        took_s, received = self.now - back_s, self._events(BRANCH) - before[BRANCH] - alone
        self._agree(shared)
        return Reunion(alone, received, len(shared), took_s, self._carried)

    def _day(self, shared: list[bytes]) -> None:
        """Everybody works; whoever has a line talks."""
        ends_s = self.now + DAY_S
        for _ in range(self._a_day):
            for site in (HUB, CENTRE, BRANCH):
                self._write(site, Fact("ticket.edited", self._words(site), self._dice.choice(shared)))
            self._ticket(BRANCH)
            self._talk(5)
        self.now = ends_s
        self._talk(60)

    def _ticket(self, site: int) -> bytes:
        store = self.stores[site]
        number = new_number(site, self._wall_ms() / 1000, lambda head: str(store.rows(NEWEST, head)[0][0]))
        fields = {"title": "路灯不亮", "content": "人民路与解放路交叉口，已三日。"}
        return self._write(
            site, Fact("ticket.created", {"number": number, "source": "web", "fields": fields})
        )

    def _words(self, site: int) -> dict[str, object]:
        field = self._dice.choice(("title", "content", "address"))
        return {"fields": {field: f"{field} {site} {self.now:.0f}"}}

    def _write(self, site: int, fact: Fact) -> bytes:
        self.now += 0.5
        (event,) = self.stores[site].record(fact)
        return event.subject

    def _talk(self, seconds: float) -> None:
        """Let frames travel for so long."""
        until_s = self.now + seconds
        while self.now < until_s:
            for site, node in self.nodes.items():
                node.refresh()
                for far, data in node.outgoing(self.now):
                    self._send(site, far, data)
            self.now = min(until_s, self._agenda[0][0] if self._agenda else until_s, self.now + 1)
            while self._agenda and self._agenda[0][0] <= self.now:
                _, _, site, far, data = heapq.heappop(self._agenda)
                self.nodes[far].receive(site, data, self.now)

    def _send(self, site: int, far: int, data: bytes) -> None:
        """A line carries one frame after another, each for as long as its bytes take."""
        if BRANCH in (site, far):
            if self._cut:
                return
            self._carried += len(data)
        free_s = max(self.now, self._free_s.get((site, far), 0.0)) + len(data) / LINE_BYTES_S
        self._free_s[site, far] = free_s
        self._count += 1
        heapq.heappush(self._agenda, (free_s + WAY_S, self._count, site, far, data))

    def _waiting(self) -> bool:
        peers = [peer for node in self.nodes.values() for peer in node.peers.values()]
        return any(not peer.open or peer.sender.top > peer.sender.acked for peer in peers)

    def _agree(self, shared: list[bytes]) -> None:
        for site in (CENTRE, BRANCH):
            name = outbox.peer_name(site)
            assert digest(self.stores[HUB], name) == digest(self.stores[site], outbox.HUB), name
            assert self._shown(site, shared) == self._shown(HUB, shared), name
        at_branch, at_hub = (
            {row[0] for row in self.stores[site].rows("SELECT eid FROM event")} for site in (BRANCH, HUB)
        )
        assert at_branch <= at_hub, "the hub has not everything"

    def _shown(self, site: int, tickets: list[bytes]) -> list[object]:
        sql = "SELECT * FROM ticket WHERE tid = ?"
        return [self.stores[site].rows(sql, ticket) for ticket in tickets]

    def _events(self, site: int) -> int:
        return int(self.stores[site].rows("SELECT count(*) FROM event")[0][0])

    def _wall_ms(self) -> int:
        return BEGAN_MS + int(self.now * 1000)


def play(folder: Path, days: int = 30, a_day: int = 12) -> Reunion:
    """Play the month in a folder."""
    with ExitStack() as held:
        return Month(folder, held, days, a_day).play()
