"""A million tickets on one box: how long lists, searches and steps take, and what it all weighs.

The database is made once and kept under `var/bench`; other processes on the machine make times longer,
so each figure in milliseconds of waiting is followed by the one in milliseconds of a core.
"""

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from appliance.events import wall_ms
from appliance.people import Actor
from appliance.store.sqlite import PRAGMAS
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.finder import Finder
from tests.bench import asking, city
from tests.bench.figure import Figure, figure

TICKETS = 1_000_000
KEPT = Path("var") / "bench"
ASKED = 400
MOVES = 2_000
AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
LAMP = Actor("2001", "孙立", frozenset({"U2"}), "lamp")
GOAL_MS, OPEN_GOAL_MS, MEMORY_GOAL_MB = 50.0, 20.0, 150.0
RATIO_GOAL, REBUILT_GOAL, MOVED_GOAL = 0.35, 30_000.0, 500.0


def figures() -> Iterator[Figure]:
    """All figures with a million tickets; TICKETS in the environment asks for another number."""
    yield from measured(int(os.environ.get("TICKETS", TICKETS)), KEPT)


def measured(tickets: int, folder: Path, asked: int = ASKED, moves: int = MOVES) -> Iterator[Figure]:
    """Make the tickets where they are not there yet, and measure."""
    path = folder / f"tickets-{tickets}" / "box.db"
    store = opened(path)
    with store.connection():
        if not store.rows("SELECT 1 FROM event LIMIT 1"):
            yield from made(store, tickets)
        yield from weighed(store, path)
        yield from queries(store, asked)
        yield from opening(store, asked // 4)
        yield from moving(store, moves)
    yield _figure("memory_of_a_web_worker", memory_mb(path), "MB", MEMORY_GOAL_MB)


def opened(path: Path) -> Store:
    """Open the store a bench keeps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Store(path, 1, bind=False)


def made(store: Store, tickets: int) -> Iterator[Figure]:
    """Write the log, and fold it: what `hotline rebuild` does."""
    count = city.fill(store, tickets)
    began, spent = time.perf_counter(), os.times()
    store.rebuild()
    took_s, cpu_s = time.perf_counter() - began, sum(os.times()[:4]) - sum(spent[:4])
    store.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    yield _figure("events_folded_anew", count, "")
    yield _figure("folding_anew_events_a_second", count / took_s, "1/s", REBUILT_GOAL, least=True)
    yield _figure("folding_anew_events_a_core_second", count / cpu_s, "1/s")


def weighed(store: Store, path: Path) -> Iterator[Figure]:
    """What a ticket takes on the disk, and what of it is the log and what the full text."""
    tickets = store.rows("SELECT sum(tickets) FROM ticket_count WHERE unit = '*'")[0][0]
    text = store.rows("SELECT sum(length(block)) FROM ticket_text_data")[0][0]
    yield _figure("tickets", tickets, "")
    yield _figure("database_bytes_a_ticket", path.stat().st_size / tickets, "B")
    yield _figure("full_text_bytes_a_ticket", text / tickets, "B")


def queries(store: Store, asked: int) -> Iterator[Figure]:
    """List views, any combinations, and full text, each with its page, its count and its tickets."""
    finder, now_s = Finder(store), city.END_S
    kinds = {
        "list_view": asking.views(now_s),
        "combined_query": asking.combinations(now_s),
        "full_text_search": asking.texts(),
    }
    for name, questions in kinds.items():
        chosen = list(islice(questions, asked))
        yield from _timed(name, [partial(finder.find, query, at) for query, at in chosen], GOAL_MS)


def opening(store: Store, times: int) -> Iterator[Figure]:
    """A ticket with two hundred events: its row, its story, what stands beside it, its buttons."""
    desk = TicketDesk(store)
    tid = bytes(store.rows("SELECT tid FROM ticket_facet ORDER BY doc LIMIT 1 OFFSET ?", city.LONGEST)[0][0])

    def opened() -> None:
        ticket = desk.get(tid)
        assert len(desk.timeline(tid)) >= city.LONG
        desk.strands(tid)
        desk.buttons(DISPATCHER, ticket)

    yield from _timed("opening_a_ticket_of_200_events", [opened] * times, OPEN_GOAL_MS)


def moving(store: Store, moves: int) -> Iterator[Figure]:
    """Steps of the workflow, each durable before the next, against bare inserts of the rows they write."""
    desk = TicketDesk(store, going_on(store))
    way: Sequence[tuple[Actor, str, dict[str, str]]] = (
        (AGENT, "submit", {}),
        (AGENT, "accept", {}),
        (DISPATCHER, "dispatch", {"unit": "lamp"}),
        (LAMP, "sign", {}),
        (LAMP, "submit_result", {"result": "已更换损坏部件，恢复照明"}),
        (DISPATCHER, "pass", {"answer": "问题已处理完毕，感谢您的反映"}),
    )
    chance = random.Random(moves)
    leaf = city.Leaf("0101", "路灯不亮", "lamp")
    tids = []
    for _ in range(-(-moves // len(way))):
        facts = city.created(chance, city.END_S, leaf, ("repair", "phone", "1001"))
        tids.append(desk.create(AGENT, "phone", facts["fields"]).tid)
    after = store.rows("SELECT max(pos) FROM event")[0][0]
    began, spent = time.perf_counter(), time.process_time()
    for tid in tids:
        for actor, move, fields in way:
            desk.move(actor, tid, move, fields)
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - spent
    made_moves = len(tids) * len(way)
    bare_s = bare(store, after, tids)
    yield _figure("moves_a_second", made_moves / took_s, "1/s", MOVED_GOAL, least=True)
    yield _figure("moves_a_core_second", made_moves / cpu_s, "1/s")
    yield _figure("bare_inserts_a_second", made_moves / bare_s, "1/s")
    yield _figure("moves_to_bare_inserts", bare_s / took_s, "", RATIO_GOAL, least=True)


def going_on(store: Store) -> Callable[[], float]:
    """Let time go on from the last event, which may be ahead of today: a clock that stands writes less."""
    last = bytes(store.rows("SELECT max(eid) FROM event")[0][0])
    ahead_ms = max(0, int.from_bytes(last[:6], "big") - wall_ms())
    store.keep_time(lambda: wall_ms() + ahead_ms)
    return lambda: time.time() + ahead_ms / 1000


def bare(store: Store, after: int, tids: Sequence[bytes]) -> float:
    """Insert the same rows into empty tables of the same form, those of a move in a transaction."""
    events = store.rows("SELECT * FROM event WHERE pos > ? AND kind = 'ticket.moved' ORDER BY pos", after)
    marks = ", ".join("?" * len(tids))
    rows = {bytes(row[0]): row for row in store.rows(f"SELECT * FROM ticket WHERE tid IN ({marks})", *tids)}
    made = store.rows(
        "SELECT sql FROM sqlite_master WHERE tbl_name IN ('event', 'ticket') AND sql IS NOT NULL"
        " ORDER BY type DESC"
    )
    with tempfile.TemporaryDirectory(dir=store.path.parent) as folder:
        base = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        for name, value in PRAGMAS.items():
            base.execute(f"PRAGMA {name} = {value}")
        for (sql,) in made:
            base.execute(sql)
        event = f"INSERT INTO event VALUES ({', '.join('?' * len(events[0]))})"
        ticket = f"INSERT OR REPLACE INTO ticket VALUES ({', '.join('?' * len(rows[tids[0]]))})"
        began = time.perf_counter()
        for row in events:
            base.execute("BEGIN IMMEDIATE")
            base.execute(event, row)
            base.execute(ticket, rows[bytes(row[2])])
            base.execute("COMMIT")
        took_s = time.perf_counter() - began
        base.close()
    return took_s


def memory_mb(path: Path) -> float:
    """What a web worker holds at most while pages of lists, searches and tickets are asked for."""
    command = [sys.executable, "-m", "tests.bench.worker", str(path.parent)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(run.stdout)


def _timed(name: str, works: Sequence[Callable[[], object]], goal: float) -> Iterator[Figure]:
    took, spent = [], []
    for work in works:
        began, core = time.perf_counter(), time.thread_time()
        work()
        took.append(1000 * (time.perf_counter() - began))
        spent.append(1000 * (time.thread_time() - core))
    yield _figure(f"{name}_p95", float(np.percentile(took, 95)), "ms", goal)
    yield _figure(f"{name}_p95_core", float(np.percentile(spent, 95)), "ms")
    yield _figure(f"{name}_median", float(np.median(took)), "ms")


def _figure(name: str, value: float, unit: str, goal: float | None = None, least: bool = False) -> Figure:
    found = figure("tickets", name, value, unit, goal)
    if least and goal is not None:
        found["met"] = value >= goal
    return found
