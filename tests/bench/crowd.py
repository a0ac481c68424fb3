"""Hundreds of sites and one hub over a real broker: all coming back at once, and a usual day.

``python -m tests.bench.crowd FIRST LAST FOLDER BROKER`` is a part of the crowd: real stores, real nodes and
a connection each. Its stdin tells it `write N` (events at every site) or `day N` (so many a day and site).
"""

import os
import random
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from appliance.events import Fact
from appliance.store.outbox import MAX_SITE
from appliance.store.store import Store
from appliance.tickets.number import new_number
from sync.access import Access
from sync.bench import Broker, RunningBox, wait_for
from sync.identity import SIDECAR
from sync.mqtt import Down, Message, Mqtt, Unheard, Up
from sync.node import Node
from sync.topics import PRESENCE, topic, topics
from tests.bench.figure import Figure, figure

BENCH = "crowd"
TOGETHER = 200
"""Sites in one process: select(2) takes 1,024 files, and each has a socket and a database."""
BACK, DAILY = 500, MAX_SITE
"""Sites that come back at once, and sites on a usual day."""
EVENTS_AWAY = 20
"""What each wrote while it was away."""
EVENTS_A_DAY = 200
DAY_S = 86_400.0
MEASURED_S = 60.0
LIMIT_S = 600.0
TURN_S = 0.05
BACK_GOAL_S, MEMORY_GOAL_MB, CORE_GOAL_PERCENT = 60.0, 300.0, 10.0


class Member:
    """One site of the crowd."""

    def __init__(self, folder: Path, site: int, broker: str, now: float) -> None:
        self.store = Store(folder / "box.db", site, bind=False)
        self.site = site
        self._held = ExitStack()
        self._held.enter_context(self.store.connection())
        self.store.database.execute_sql("PRAGMA synchronous = off")  # a thousand boxes have a thousand disks
        self.node = Node(self.store, folder / SIDECAR, now)
        me = self.node.me
        name = f"crowd-{site:03d}-{me.session:x}"
        presence = topic(site, PRESENCE)
        self.wire = Mqtt(Access((broker,)), name, topics(site), presence, me.session)

    def turn(self, now: float) -> None:
        """Say and hear what there is, without waiting."""
        for arrival in self.wire.poll(0):
            match arrival:
                case Up():
                    self.node.connected(now)
                case Down(reason):
                    self.node.disconnected(reason)
                case Message(name, payload) if name.endswith("/dn"):
                    self.node.receive(0, payload, now)
                case Unheard():
                    self.node.absent(0, now)
        for _, data in self.node.outgoing(now):
            self.wire.send(topic(self.site, "up"), data)

    def write(self, count: int) -> None:
        """Register a ticket with so many remarks."""
        number = new_number(self.site, time.time(), lambda head: "")
        fields = {"title": "路灯不亮", "content": "人民路与解放路交叉口，已三日。"}
        (made,) = self.store.record(
            Fact("ticket.created", {"number": number, "source": "web", "fields": fields})
        )
        note = {"text": "已电话联系市民，约定明日上门。", "by": "1001", "name": "王晓燕"}
        self.store.record(*(Fact("ticket.noted", note, made.eid) for _ in range(count - 1)))
        self.node.refresh()


class Crowd:
    """A part of all sites, in turn."""

    def __init__(self, first: int, last: int, folder: Path, broker: str) -> None:
        now = time.monotonic()
        pattern = folder / f"pattern-{first}.db"
        with Store(pattern, 1, bind=False).connection():
            pass
        self._members = []
        for site in range(first, last + 1):
            home = folder / f"site-{site}"
            home.mkdir()
            shutil.copyfile(pattern, home / "box.db")
            self._members.append(Member(home, site, broker, now))
        self._dice = random.Random(first)
        self._daily = 0

    def run(self) -> None:
        """Go on until stdin ends."""
        print("ready", flush=True)
        last_s = time.monotonic()
        while True:
            began_s = time.monotonic()
            for member in self._members:
                member.turn(began_s)
            self._live(began_s - last_s)
            last_s = began_s
            if select.select([sys.stdin], [], [], max(0.0, TURN_S - (time.monotonic() - began_s)))[0]:
                line = sys.stdin.readline()
                if not line:
                    return
                self._order(*line.split())

    def _order(self, word: str, count: str) -> None:
        if word == "day":
            self._daily = int(count)
            return
        for member in self._members:
            member.write(int(count))
        print("written", flush=True)

    def _live(self, seconds: float) -> None:
        wanted = self._daily * len(self._members) * seconds / DAY_S
        for _ in range(int(wanted) + (self._dice.random() < wanted % 1)):
            self._dice.choice(self._members).write(1)


class Stage:
    """A broker, a hub and a crowd, from `with` to its end."""

    def __init__(self, sites: int, folder: Path) -> None:
        _more_files()
        self.sites = sites
        self.broker = Broker(folder)
        self.hub = RunningBox(folder / "hub", 0, [self.broker.address])
        self._stack = ExitStack()
        self._stack.enter_context(self.hub.store.connection())
        self.hub.start()
        wait_for(lambda: "connected" in self.hub.log.read_text(), LIMIT_S)
        self._crowds = [self._part(first, folder) for first in range(1, sites + 1, TOGETHER)]
        self._hear("ready")

    def close(self) -> None:
        """End all."""
        for crowd in self._crowds:
            crowd.kill()
            crowd.wait()
        self.hub.end()
        self._stack.close()
        self.broker.kill()

    def order(self, words: str, answer: str = "") -> None:
        """Tell the crowd something, and wait for its answer."""
        for crowd in self._crowds:
            assert crowd.stdin is not None
            crowd.stdin.write(words + "\n")
            crowd.stdin.flush()
        if answer:
            self._hear(answer)

    def connected(self) -> int:
        """Sites the hub is connected with."""
        return int(self.hub.store.rows("SELECT count(*) FROM peer WHERE state = 'connected'")[0][0])

    def arrived(self) -> int:
        """Events at the hub."""
        return int(self.hub.store.rows("SELECT coalesce(max(pos), 0) FROM event")[0][0])

    def all_there(self) -> None:
        """Wait until the hub is connected with every site."""
        wait_for(lambda: self.connected() == self.sites, LIMIT_S)

    def _hear(self, word: str) -> None:
        for crowd in self._crowds:
            assert crowd.stdout is not None
            heard = crowd.stdout.readline().strip()
            assert heard == word, f"the crowd said {heard!r} instead of {word!r}"

    def _part(self, first: int, folder: Path) -> "subprocess.Popen[str]":
        last = min(first + TOGETHER - 1, self.sites)
        words = [str(first), str(last), str(folder), self.broker.address]
        command = [sys.executable, "-m", "tests.bench.crowd", *words]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def figures() -> Iterator[Figure]:
    """Both measurements; some minutes."""
    yield from back_at_once(BACK)
    yield from usual_day(DAILY, MEASURED_S)


def back_at_once(sites: int) -> Iterator[Figure]:
    """The broker dies, every site goes on writing, the broker is back: until all is at the hub."""
    with tempfile.TemporaryDirectory(prefix="crowd-") as folder:
        stage = Stage(sites, Path(folder))
        try:
            stage.all_there()
            stage.broker.kill()
            wait_for(lambda: stage.connected() == 0, LIMIT_S)
            stage.order(f"write {EVENTS_AWAY}", "written")
            stage.broker.start()
            began_s = time.monotonic()
            wait_for(lambda: stage.arrived() == sites * EVENTS_AWAY, LIMIT_S)
            stage.all_there()
            took_s = time.monotonic() - began_s
            yield figure(BENCH, f"{sites}_sites_back_at_once", took_s, "s", BACK_GOAL_S)
            yield figure(BENCH, f"hub_memory_at_{sites}_sites", _memory_mb(stage.hub), "MB", MEMORY_GOAL_MB)
        finally:
            stage.close()


def usual_day(sites: int, seconds: float) -> Iterator[Figure]:
    """So many sites with their events of a day, and all that is said beside: what the hub needs of a core."""
    with tempfile.TemporaryDirectory(prefix="crowd-") as folder:
        stage = Stage(sites, Path(folder))
        try:
            stage.all_there()
            stage.order(f"day {EVENTS_A_DAY}")
            before_s, before = _core_s(stage.hub), stage.arrived()
            time.sleep(seconds)
            core = 100 * (_core_s(stage.hub) - before_s) / seconds
            yield figure(BENCH, f"hub_core_at_{sites}_sites", core, "%", CORE_GOAL_PERCENT)
            yield figure(
                BENCH, f"events_a_second_at_{sites}_sites", (stage.arrived() - before) / seconds, "1/s"
            )
            yield figure(BENCH, f"hub_memory_at_{sites}_sites", _memory_mb(stage.hub), "MB")
        finally:
            stage.close()


def _core_s(box: RunningBox) -> float:
    """Seconds of a core the sync process has used (proc(5))."""
    words = Path(f"/proc/{box.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(box: RunningBox) -> float:
    """What the sync process holds at most."""
    status = Path(f"/proc/{box.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _more_files() -> None:
    """A socket and three files for every site."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    Crowd(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]).run()
