"""The call process's log on a disk that is really full, and what it remembers of an earlier life."""

import asyncio
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from appliance.calls import ledger as module
from appliance.calls.ledger import Ledger
from appliance.calls.past import read_past
from appliance.events import Fact, Stamp
from appliance.journal import FileJournal


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 64 kB where we may mount one, else files that may not grow beyond that."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Warnings(dict[str, str]):
    """What the board warns of."""

    def warn(self, subject: str, text: str, **values: str) -> None:
        self[subject] = text % values if values else text


async def turn_of_the_loop() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not what():
            await asyncio.sleep(0.02)


def test_the_facts_of_one_turn_are_written_together_and_told_when_durable(tmp_path: Path) -> None:
    async def run() -> None:
        journal, board, told = FileJournal(tmp_path), Warnings(), []
        ledger = Ledger(journal, Stamp(1), board.warn)
        first = ledger.note(Fact("call.ringing", {}), lambda: told.append("durable"))
        second = ledger.note(Fact("call.entered", {}, first.eid))
        assert not journal.read(0, 9)
        assert not told
        await turn_of_the_loop()
        assert [event for _, event in FileJournal(tmp_path).read(0, 9)] == [first, second]
        assert told == ["durable"]
        assert not board.get("journal")

    asyncio.run(run())


def test_a_full_disk_loses_no_fact_and_is_shown_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        monkeypatch.setattr(module, "RETRY_S", 0.05)
        with small_disk(tmp_path / "disk"):
            ballast = tmp_path / "disk" / "ballast"
            ballast.write_bytes(bytes(40_000))
            folder = tmp_path / "disk" / "journal"
            board, durable = Warnings(), []
            ledger = Ledger(FileJournal(folder), Stamp(1), board.warn)
            noted = [ledger.note(Fact("call.ringing", {"n": 0, "why": "x" * 100}))]
            await turn_of_the_loop()
            noted += [ledger.note(Fact("call.ringing", {"n": n, "why": "x" * 20})) for n in range(1, 400)]
            ledger.note(Fact("call.ended", {}), lambda: durable.append("all"))
            await turn_of_the_loop()
            assert "Free some disk space" in board["journal"]
            assert not durable
            assert len(FileJournal(folder).read(0, 999)) == 1, "nothing half-written is kept"
            room(folder, ballast)
            await until(lambda: durable)
            assert not board["journal"]
            assert [event for _, event in FileJournal(folder).read(0, 999)][:-1] == noted

    asyncio.run(run())


def room(folder: Path, ballast: Path) -> None:
    """Free the disk: remove the ballast, give the file system its size back, or lift the limit."""
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(folder.parent)], capture_output=True, check=False)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_what_cannot_be_held_any_more_is_never_called_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        monkeypatch.setattr(module, "HELD_MAX", 2)
        told: list[int] = []
        ledger = Ledger(FileJournal(tmp_path), Stamp(1), Warnings().warn)
        for n in range(3):
            ledger.note(Fact("text.received", {"n": n}, b""), partial(told.append, n))
        await turn_of_the_loop()
        assert [event.facts["n"] for _, event in FileJournal(tmp_path).read(0, 9)] == [0, 1]
        assert told == [0, 1]

    asyncio.run(run())


def test_the_past_knows_calls_cut_off_and_agents_on_duty(tmp_path: Path) -> None:
    journal, stamp = FileJournal(tmp_path), Stamp(1)
    whole, cut = stamp.eid(), stamp.eid()
    desk = {"reason": "", "extension": "8001"}
    facts = [
        Fact("call.ringing", {}, whole),
        Fact("call.ringing", {}, cut),
        Fact("call.ended", {}, whole),
        Fact("agent.state", {"agent": "1001", "state": "ready", **desk}, b""),
        Fact("agent.state", {"agent": "1002", "state": "ready", **desk, "extension": "8002"}, b""),
        Fact("agent.state", {"agent": "1002", "state": "offline", **desk, "extension": "8002"}, b""),
    ]
    journal.append([stamp.event(fact) for fact in facts])
    past = read_past(FileJournal(tmp_path), tmp_path / "past.json")
    assert list(past.open_calls) == [cut.hex()]
    assert past.signed_in == {"1001": ("8001", "ready", "")}
