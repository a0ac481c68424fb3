"""A million tickets on one box: how long lists, searches, steps and folding anew take, and what it all weighs.

The database is made once and kept under `var/bench`; other processes on the machine make times longer,
so each figure in milliseconds of waiting is followed by the one in milliseconds of a core.
"""

import os
import random
import resource
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from appliance.people import Actor
from appliance.store.store import PRAGMAS, Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.finder import Finder
from appliance.tickets.finding import LAST, Period, Query
from tests.bench import city
from tests.bench.figure import Figure, figure

TICKETS = 1_000_000
SMALL = 2_000
KEPT = Path("var") / "bench"
ASKED = 400
MOVES = 2_000
AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
GOAL_MS, OPEN_GOAL_MS, MEMORY_GOAL_MB = 50.0, 20.0, 150.0
RATIO_GOAL, REBUILT_GOAL, MOVED_GOAL = 0.35, 30_000.0, 500.0


def figures() -> Iterator[Figure]:
    """All figures with a million tickets; TICKETS in the environment asks for another number."""
    yield from measured(int(os.environ.get("TICKETS", TICKETS)), KEPT)


def measured(tickets: int, folder: Path, asked: int = ASKED, moves: int = MOVES) -> Iterator[Figure]:
    """Make the tickets where they are not there yet, and measure."""
    path = folder / f"tickets-{tickets}.db"
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
    began, spent = time.perf_counter(), time.process_time()
    store.rebuild()
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - spent
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


def _figure(
    name: str, value: float, unit: str, goal: float | None = None, least: bool = False
) -> Figure:
    found = figure("tickets", name, value, unit, goal)
    if least and goal is not None:
        found["met"] = value >= goal
    return found
