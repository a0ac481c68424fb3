"""Minutes of chaos: ``python -m tests.chaos.storm SECONDS [--seed S] [--sites N]``; then all must agree.

A hub and sites work under load, each in a network namespace of its own behind a bad line to a real
Mosquitto. At random people, sync processes and the broker are killed, and cables pulled. When it is over:
what any box said is kept is at the hub, and `hotline digest` is the same on both ends of every link.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from appliance import interest
from appliance.configuration import load
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.draft import Draft
from appliance.dictionary.starter import begin
from appliance.people import BOX
from appliance.places import Places
from appliance.store import outbox
from appliance.store.digest import digest
from appliance.store.opening import open_store
from appliance.store.store import Store
from tests.beside import ends_whole
from tests.chaos.ground import BROKER, NET, Ground, NoGround, rooted
from tests.chaos.people import UNITS
from tests.postgres_server import server

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
BROKER_PORT, LINE_PORT = 1883, 2883
BROKER_FILE = f"""\
listener {BROKER_PORT} 127.0.0.1
allow_anonymous true
persistence false
max_packet_size 262144
set_tcp_nodelay true
log_dest none
"""
ROOT = Path(__file__).parent.parent.parent
CALM_S = 240.0
"""Healed, everything must have come together within this time; lines with a tenth lost are slow."""
PAUSE_S = (0.5, 4.0)
"""Between two misfortunes."""
NO_GROUND = 77
"""Exit status where there are no namespaces to be had."""


class Unit:
    """A process that is killed and started again."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self._command, self._log = command, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is None or self._process.poll() is not None:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=log)

    def kill(self) -> None:
        """Kill it where it stands."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its folder, its people and its sync process."""

    site: int
    places: Places
    people: Unit
    sync: Unit

    @property
    def promised(self) -> Path:
        """Where its people wrote down what they were told is kept."""
        return self.places.data / "promised"

    def store(self) -> Store:
        """Its database, opened from outside."""
        return open_store(self.places, load(self.places), bind=False)


class Storm:
    """The hub and sites, and what befalls them."""

    def __init__(self, ground: Ground, folder: Path, seed: int, postgres: str) -> None:
        """`postgres` is the URL of the hub's database; empty: SQLite."""
        self._ground, self._folder, self._postgres = ground, folder, postgres
        self._dice = random.Random(seed)
        self.befell: Counter[str] = Counter()
        (folder / "mosquitto.conf").write_text(BROKER_FILE)
        broker = ground.inside(BROKER, [MOSQUITTO, "-c", str(folder / "mosquitto.conf")])
        self._broker = Unit("broker", broker, folder / "broker.log")
        self._lines = [self._line(box) for box in range(ground.boxes)]
        self.boxes = [self._box(box) for box in range(ground.boxes)]

    def run(self, seconds: float) -> None:
        """Let it rage for so long, then let everything heal; people go home."""
        for unit in [self._broker, *self._lines, *(u for b in self.boxes for u in (b.sync, b.people))]:
            unit.start()
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            time.sleep(self._dice.uniform(*PAUSE_S))
            self._dice.choice(
                (self._kill_people, self._kill_sync, self._kill_sync, self._kill_broker, self._cut)
            )()
        for box in self.boxes:
            box.people.kill()
            self._ground.plug(box.site)
            box.sync.start()

    def stop(self) -> None:
        """End everything."""
        for unit in [*(u for b in self.boxes for u in (b.people, b.sync)), *self._lines, self._broker]:
            unit.kill()

    def _kill_people(self) -> None:
        self._kill(self._dice.choice(self.boxes).people)

    def _kill_sync(self) -> None:
        self._kill(self._dice.choice(self.boxes).sync)

    def _kill_broker(self) -> None:
        self._kill(self._broker)

    def _kill(self, unit: Unit) -> None:
        self.befell[f"{unit.name} killed"] += 1
        unit.kill()
        time.sleep(self._dice.uniform(0.0, 1.5))
        unit.start()

    def _cut(self) -> None:
        box = self._dice.randrange(len(self.boxes))
        self.befell["cable pulled"] += 1
        self._ground.pull(box)
        time.sleep(self._dice.uniform(0.5, 6.0))
        self._ground.plug(box)

    def _line(self, box: int) -> Unit:
        listen, target = f"{NET.format(box=box, end=1)}:{LINE_PORT}", f"127.0.0.1:{BROKER_PORT}"
        command = [sys.executable, "-m", "tests.chaos.line", listen, target, "--seed", str(box)]
        return Unit("line", self._ground.inside(BROKER, command), self._folder / f"line-{box}.log")

    def _box(self, site: int) -> Box:
        where = Places(self._folder / f"box-{site}").make()
        broker = f"{NET.format(box=site, end=1)}:{LINE_PORT}"
        role = 'role = "hub"\n' if site == 0 else ""
        reached = f'plain = true\nbrokers = ["{broker}"]\n'
        kept = f'[store]\npostgres = "{self._postgres}"\n' if site == 0 and self._postgres else ""
        where.settings.write_text(f"[site]\nnumber = {site}\n{role}[sync]\n{reached}{kept}", "utf-8")
        store = open_store(where, load(where), bind=False)
        if not site:  # sites hear of units and lists from the hub, like everything else
            Dictionary(store).write(BOX, lambda draft: _spread(draft, len(self._lines) - 1))
        data = ["--data", str(where.data)]
        promised = [*data, "--site", str(site), "--promised", str(where.data / "promised")]
        people = self._ground.inside(site, [sys.executable, "-m", "tests.chaos.people", *promised])
        sync = self._ground.inside(site, [sys.executable, "-m", "sync.daemon", *data])
        return Box(
            site,
            where,
            Unit(f"people of {site}", people, where.logs / "people.log"),
            Unit(f"sync of {site}", sync, where.logs / "sync.log"),
        )


def _spread(draft: Draft, sites: int) -> None:
    """The starter lists, and every site works for some of the units."""
    begin(draft)
    for at, unit in enumerate(UNITS):
        draft.set("unit", unit, {"site": 1 + at % sites})


def differences(boxes: Sequence[Box]) -> list[str]:
    """What does not agree between the hub and its sites; empty when all does."""
    hub, *sites = boxes
    found = []
    with _opened(hub) as at_hub:
        for site in sites:
            with _opened(site) as at_site:
                found += _waiting(at_hub, outbox.peer_name(site.site)) + _waiting(at_site, outbox.HUB)
                if not found:
                    ours, theirs = digest(at_hub, outbox.peer_name(site.site)), digest(at_site, outbox.HUB)
                    if ours != theirs:
                        found.append(f"hub and site {site.site} differ: {ours} {theirs}")
    return found


def broken_promises(boxes: Sequence[Box]) -> list[str]:
    """Events somebody was told are kept, that are not at their box, or not at the hub they concern."""
    broken = []
    for box in boxes:
        said = {line for line in box.promised.read_text().split() if len(line) == 32}
        for keeper in {box.site, 0}:
            with _opened(boxes[keeper]) as store:
                kept = {bytes(eid).hex() for (eid,) in store.rows("SELECT eid FROM event")}
            local = {bytes(e).hex() for e, k in _rows(box, "SELECT eid, kind FROM event") if not _travels(k)}
            missing = said - kept - (local if keeper != box.site else set())
            broken += [f"site {box.site}: {len(missing)} kept events are not at {keeper}"] if missing else []
    return broken


def _travels(kind: str) -> bool:
    return kind.split(".", 1)[0] in interest.LARGE


def _rows(box: Box, sql: str) -> Sequence[tuple[bytes, str]]:
    with _opened(box) as store:
        return store.rows(sql)


def _waiting(store: Store, peer: str) -> list[str]:
    rows = store.rows("SELECT out_seq - acked FROM peer WHERE name = ?", peer)
    waiting = rows[0][0] if rows else "all"
    return [f"{waiting} events wait at {store.site} for {peer}"] if waiting else []


@contextlib.contextmanager
def _opened(box: Box) -> Iterator[Store]:
    store = box.store()
    with store.connection():
        yield store


def settled(look: Callable[[], list[str]], seconds: float) -> list[str]:
    """Look until there is nothing to complain of, or the time is up."""
    until_s = time.monotonic() + seconds
    while (found := look()) and time.monotonic() < until_s:
        time.sleep(2)
    return found


def rage(options: argparse.Namespace, seed: int, folder: Path, postgres: str) -> dict[str, object]:
    """One storm from begin to end; what it was and what is wrong after it."""
    with Ground(options.sites + 1) as ground:
        storm = Storm(ground, folder, seed, postgres)
        try:
            storm.run(options.seconds)
            began_s = time.monotonic()
            wrong = settled(lambda: differences(storm.boxes), options.calm)
            calm_s = round(time.monotonic() - began_s, 1)
            wrong += broken_promises(storm.boxes)
        finally:
            storm.stop()
        return {
            "seed": seed,
            "befell": dict(sorted(storm.befell.items())),
            "promised": sum(len(box.promised.read_text().split()) for box in storm.boxes),
            "agreed_after_s": calm_s,
            "wrong": wrong,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Rage, and say what came of it as JSON; 1 when something is wrong."""
    ends_whole()
    parser = argparse.ArgumentParser(
        prog="tests.chaos.storm", description="Minutes of chaos, then agreement."
    )
    parser.add_argument("seconds", type=float, nargs="?", default=300.0)
    parser.add_argument("--sites", type=int, default=3)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--postgres", action="store_true", help="the hub keeps its store in PostgreSQL")
    parser.add_argument("--calm", type=float, default=CALM_S, help="seconds in which all must agree after it")
    parser.add_argument("--inside", action="store_true", help="this process may make namespaces")
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    if not options.inside:
        again = [sys.executable, "-m", "tests.chaos.storm", str(options.seconds), "--inside"]
        again += ["--sites", str(options.sites), "--seed", str(seed), "--calm", str(options.calm)]
        again += ["--postgres"] if options.postgres else []
        os.chdir(ROOT)
        again = rooted(again)
        os.execvp(again[0], again)  # so that who ends us ends what holds the namespaces
    print(f"seed {seed}", flush=True)
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="chaos-"))
        postgres = held.enter_context(server()).take(hub=True) if options.postgres else ""
        try:
            told = rage(options, seed, Path(folder), postgres)
        except NoGround as error:
            print(f"no network namespaces: {error}", flush=True)
            return NO_GROUND
    print(json.dumps(told, ensure_ascii=False), flush=True)
    return 1 if told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
