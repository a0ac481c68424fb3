"""The store process as it runs on a box: killed at any moment it loses nothing and does nothing twice."""

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.events import Fact, Stamp
from appliance.journal import FileJournal
from appliance.people import CITIZEN
from appliance.places import Places
from appliance.store.follower import Follower
from appliance.store.jobs import Runner
from appliance.store.store import Store
from appliance.store.texts import SMS
from appliance.store.works import SEAL, Works
from appliance.tickets.desk import TicketDesk

READY_S = 60.0
CALLS = 400
KILLS = 4


def start(where: Places) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "appliance.store.daemon", "--data", str(where.data)],
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )


def wait_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + READY_S
    while not there():
        assert time.monotonic() < until
        time.sleep(0.01)


def ask(where: Places, question: dict[str, object]) -> dict[str, object] | None:
    """Ask the process; None while it is not there."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(2)
            link.connect(str(where.socket("store")))
            link.sendall(json.dumps(question).encode() + b"\n")
            with link.makefile("rb") as lines:
                reply: dict[str, object] = json.loads(lines.readline())
    except (OSError, ValueError):
        return None
    return reply


@pytest.fixture
def where(tmp_path: Path) -> Places:
    return Places(tmp_path).make()


@pytest.fixture
def process(where: Places) -> Iterator[subprocess.Popen[bytes]]:
    running = start(where)
    wait_for(lambda: ask(where, {"do": "health"}) is not None)
    yield running
    running.kill()
    running.communicate()


def busy_hour(where: Places) -> list[list[Fact]]:
    """Calls; of every ten one leaves a message, and beside another a text comes in."""
    chapters: list[list[Fact]] = []
    stamp = Stamp(7)
    for n in range(CALLS):
        call, path, caller = stamp.eid(), f"{n}.wav", f"1000000{n:04d}"
        made = {"kind": "call", "path": path, "seconds": n, "reason": ""}
        chapter = [
            Fact("call.ringing", {"line": "sip1", "caller": caller, "called": "12345"}, call),
            Fact("call.flow", {"node": "menu"}, call),
            Fact("call.queued", {"queue": "general"}, call),
            Fact("call.answered", {"agent": "1001", "extension": "8001"}, call),
            Fact("call.ended", {"outcome": "answered", "cause": 16}, call),
        ]
        if n % 10 == 0:
            (where.recordings / path).write_bytes(n.to_bytes(2, "big") * 100)
            chapter.append(Fact("recording.made", made, call))
            chapter.append(Fact("message.left", {"caller": caller, **made}, call))
        if n % 10 == 5:
            text = {"line": "gsm0", "number": caller, "text": f"第{n}条", "sent_s": n, "key": str(n)}
            chapter.append(Fact("text.received", text))
        chapters.append(chapter)
    return chapters


def outcome(store: Store) -> dict[str, object]:
    """What must be the same however often the process was killed: all but ids and numbers."""
    kinds = Counter(kind for (kind,) in store.rows("SELECT kind FROM event"))
    return {
        "kinds": kinds,
        "tickets": sorted(store.rows("SELECT source, state, title, content, phone, call FROM ticket")),
        "calls": sorted(store.rows("SELECT * FROM call")),
        "recordings": sorted(store.rows("SELECT rid, call, path, size, sha256 FROM recording")),
        "texts": sorted(store.rows("SELECT direction, number, state FROM short_message")),
        "jobs": Counter(store.rows("SELECT kind, state FROM job WHERE kind <> 'keep'")),
        "set aside": store.rows("SELECT * FROM quarantine"),
        "numbers": len(set(store.rows("SELECT number FROM ticket"))),
    }


def all_done(where: Places, lines: int) -> bool:
    health = ask(where, {"do": "health"})
    if health is None or health["data"] != {"position": lines, "cursor": lines}:
        return False
    store = Store(where.database, 1, bind=False)
    return not store.rows("SELECT 1 FROM job WHERE kind = 'seal' AND state <> 'done'")


def written(store: Store) -> int:
    """How many events and tries of jobs are in the store."""
    events, tries = "SELECT count(*) FROM event", "SELECT coalesce(sum(tries), 0) FROM job"
    return int(store.rows(events)[0][0] + store.rows(tries)[0][0])


def clean_run(where: Places, journal: FileJournal) -> Store:
    """Follow the same journal in one go, and do the jobs."""
    store = Store(where.data / "clean.db", 1, bind=False)
    with store.database.connection_context():
        follower = Follower(store, journal, "12345")
        while follower.step():
            pass
        works = Works(where, threading.Event())
        while Runner(store, {SEAL: works.seal, SMS: works.sms}).run_due():
            pass
    return store


def test_killed_at_any_moment_the_store_ends_where_a_clean_run_ends(where: Places) -> None:
    chapters, stamp, chance = busy_hour(where), Stamp(1), random.Random(7)
    journal = FileJournal(where.journal)
    store, seen = Store(where.database, 1, bind=False), list[int]()
    for part in range(KILLS):
        for chapter in chapters[part::KILLS]:
            journal.append([stamp.event(fact) for fact in chapter])
        running, before = start(where), written(store)
        wait_for(lambda: written(store) > before)  # noqa: B023 (called at once)
        time.sleep(chance.uniform(0, 0.1))
        running.send_signal(signal.SIGKILL)
        running.communicate()
        seen.append(written(store))
    assert 0 < seen[0] < seen[-1]
    lines = sum(len(chapter) for chapter in chapters)
    running = start(where)
    wait_for(lambda: all_done(where, lines))
    running.send_signal(signal.SIGTERM)
    running.communicate()
    killed = outcome(Store(where.database, 1, bind=False))
    assert lines >= 2000
    assert killed == outcome(clean_run(where, FileJournal(where.journal)))
    assert killed["numbers"] == CALLS // 5


def test_sigterm_ends_the_process_within_two_seconds(where: Places, process: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert time.monotonic() - began < 2


def test_a_second_process_on_the_same_folder_is_refused(
    where: Places, process: subprocess.Popen[bytes]
) -> None:
    second = start(where)
    _, said = second.communicate(timeout=READY_S)
    assert second.returncode == 3
    assert "Another store process" in said.decode()
    assert ask(where, {"do": "health"}) is not None


def test_a_configuration_that_cannot_be_used_is_named(where: Places) -> None:
    where.settings.write_text("[site]\nnumber = 'one'\n")
    running = start(where)
    _, said = running.communicate(timeout=READY_S)
    assert (running.returncode, b"hotline.toml" in said) == (2, True)


def test_several_writers_at_once_never_share_a_ticket_number(where: Places) -> None:
    def write(store: Store) -> None:
        for n in range(20):
            TicketDesk(store).create(CITIZEN, "web", {"title": str(n)})

    stores = [Store(where.database, 1, bind=False) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(store,)) for store in stores]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert stores[0].rows("SELECT count(*), count(DISTINCT number) FROM ticket") == [(60, 60)]
