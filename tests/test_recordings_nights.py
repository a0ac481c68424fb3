"""Nights: what is removed, that a hold keeps it, and that a file goes only after the log says so."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance import cli
from appliance.configuration import BadConfiguration, Retention, parse
from appliance.events import Fact, Stamp
from appliance.people import Actor
from appliance.recordings import by_hand, holds
from appliance.recordings.retention import Disk
from appliance.recordings.verification import verify
from appliance.recordings.waveform import peaks, peaks_file
from appliance.refused import Refused
from appliance.store import outbox
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from tests.recordings_box import SITE, Shelf

ROOT = Path(__file__).parent.parent
KEEP_ALL_PCM = Retention(archive_days=0)
AGENT = Actor("1001", "", frozenset({"AG"}))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path, KEEP_ALL_PCM)


def gone(shelf: Shelf) -> dict[str, str]:
    return {event.facts["rid"]: event.facts["why"] for event in shelf.kinds("recording.removed")}


def test_what_is_older_than_three_years_is_removed_with_its_picture_and_the_row_stays(shelf: Shelf) -> None:
    old, young = shelf.make(1100), shelf.make(1090)
    file = shelf.file(old)
    peaks(file)
    shelf.night()
    assert gone(shelf) == {old.hex(): "age"}
    assert (file.exists(), peaks_file(file).exists(), shelf.file(young).exists()) == (False, False, True)
    assert (shelf.column(old, "removed_why"), shelf.column(young, "removed_s")) == ("age", None)


def test_a_full_disk_removes_the_oldest_first_and_counts_what_is_not_yet_deleted(shelf: Shelf) -> None:
    rids = [shelf.make(days) for days in (90, 80, 70, 60)]
    size = int(str(shelf.column(rids[0], "size")))
    shelf.disk = Disk(100 * size, 87 * size)
    shelf.keeper.plan()
    for _ in range(3):
        shelf.runner.run_due(limit=1)
    assert set(gone(shelf)) == {rid.hex() for rid in rids[:2]}
    assert set(gone(shelf).values()) == {"space"}


def test_more_than_a_page_of_recordings_is_looked_at_whatever_is_held_before(shelf: Shelf) -> None:
    held = [shelf.make(1200 + n / 1000) for n in range(5)]
    for rid in held:
        holds.hold(shelf.store, rid.hex(), "1100", "案件")
    rids = [shelf.make(1150 + n / 1000, frames=8) for n in range(230)]
    shelf.night()
    assert set(gone(shelf)) == {rid.hex() for rid in rids}
    assert all(shelf.file(rid).exists() for rid in held)


def test_a_hold_that_is_released_no_longer_keeps(shelf: Shelf) -> None:
    rid = shelf.make(1200)
    holds.hold(shelf.store, rid.hex(), "1100", "案件 118")
    assert (shelf.column(rid, "held"), shelf.column(rid, "held_by")) == ("案件 118", "1100")
    shelf.night()
    assert gone(shelf) == {}
    holds.release(shelf.store, rid.hex(), "1400", "结案")
    shelf.now += 86_400
    shelf.night()
    assert gone(shelf) == {rid.hex(): "age"}


def test_the_recording_of_a_ticket_that_is_not_closed_stays(shelf: Shelf) -> None:
    rid = shelf.make(1200)
    call = bytes(shelf.store.rows("SELECT call FROM recording")[0][0])
    TicketDesk(shelf.store, lambda: shelf.now).create(AGENT, "phone", {}, call=call)
    shelf.night()
    assert gone(shelf) == {}
    with shelf.store.transaction():
        shelf.store.execute("UPDATE ticket SET state = 'CLOSED'")
    shelf.now += 86_400
    shelf.night()
    assert gone(shelf) == {rid.hex(): "age"}


def test_a_night_is_planned_once_and_not_before_its_hour(tmp_path: Path) -> None:
    late = Shelf(tmp_path, Retention(night_hour=0))
    assert (late.keeper.plan(), late.keeper.plan()) == (True, False)
    late.now += 86_400
    assert late.keeper.plan()


@pytest.mark.parametrize(
    ("rid", "reason", "word"),
    [("", "x", "unknown_recording"), ("zz", "x", "unknown_recording"), ("0" * 32, "x", "unknown_recording")],
)
def test_no_hold_without_a_recording(shelf: Shelf, rid: str, reason: str, word: str) -> None:
    with pytest.raises(Refused) as refused:
        holds.hold(shelf.store, rid, "1100", reason)
    assert refused.value.word == word


def test_no_hold_without_a_reason_twice_or_of_what_is_removed(shelf: Shelf) -> None:
    rid = shelf.make(1200)
    for wrong in ("", "   "):
        with pytest.raises(Refused, match="Write the reason"):
            holds.hold(shelf.store, rid.hex(), "1100", wrong)
    with pytest.raises(Refused, match="not under hold"):
        holds.release(shelf.store, rid.hex(), "1100", "x")
    shelf.night()
    with pytest.raises(Refused, match="has been removed"):
        holds.hold(shelf.store, rid.hex(), "1100", "x")


def test_a_recording_of_another_site_is_held_there(tmp_path: Path, shelf: Shelf) -> None:
    rid = shelf.make(1)
    hub = Store(tmp_path / "hub.db", 0, bind=False)
    hub.take([event for _, event in shelf.store.read(0, 100)], via="site-001")
    with pytest.raises(Refused, match="kept at site 1"):
        holds.hold(hub, rid.hex(), "1100", "x")


def test_a_box_of_an_older_version_gets_the_new_columns(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "box.db")
    old.execute(
        "CREATE TABLE recording (rid BLOB PRIMARY KEY, call BLOB NOT NULL, kind TEXT NOT NULL, path TEXT NOT"
        " NULL, seconds REAL NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, site INTEGER NOT NULL,"
        " made_s REAL NOT NULL, reason TEXT NOT NULL)"
    )
    old.commit()
    old.close()
    shelf = Shelf(tmp_path, KEEP_ALL_PCM)
    rid = shelf.make(1200)
    shelf.night()
    assert gone(shelf) == {rid.hex(): "age"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("keep_days = 20", "keep_days must be more than newest_days"),
        ("disk_percent = 100", "between 0 and 99"),
        ("night_hour = 24", "between 0 and 23"),
        ("newest_days = 0", "between 1 and 3650"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_with_their_line(line: str, said: str) -> None:
    with pytest.raises(BadConfiguration, match=f"line 2, key recording.*{said}"):
        parse(f"[recording]\n{line}\n", "hotline.toml")


def hotline(shelf: Shelf, *words: str) -> int:
    return cli.main(["--data", str(shelf.folder), "recording", *words])


def test_the_command_says_what_is_wrong_and_ends_with_1(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = shelf.make(2), shelf.make(1)
    assert hotline(shelf, "verify") == 0
    assert "2 ok, 0 missing, 0 changed, 0 unsealed" in capsys.readouterr().out
    shelf.file(bad).write_bytes(b"other")
    shelf.file(good).unlink()
    assert hotline(shelf, "verify", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"ok": 0, "missing": 1, "changed": 1, "unsealed": 0}
    assert {(one["rid"], one["state"]) for one in told["found"]} == {
        (good.hex(), "missing"),
        (bad.hex(), "changed"),
    }


def test_the_command_holds_releases_and_refuses_in_a_sentence(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    rid = shelf.make(2)
    assert hotline(shelf, "hold", rid.hex(), "--reason", "案件", "--by", "1400") == 0
    assert hotline(shelf, "hold", rid.hex(), "--reason", "案件") == 1
    assert hotline(shelf, "release", rid.hex()) == 1
    assert hotline(shelf, "export", "--day", "22.11.2026", "--to", "x.zip") == 1
    assert hotline(shelf, "export", "--day", "2026-11-22") == 1
    told = capsys.readouterr().err
    for sentence in ("under hold already", "Write the reason", "Write the day like", "Say where to write"):
        assert sentence in told
    assert shelf.kinds("recording.held")[0].facts == {"rid": rid.hex(), "by": "1400", "reason": "案件"}


def test_a_site_keeps_only_its_own_recordings_in_order(shelf: Shelf) -> None:
    rid = shelf.make(1200)
    with shelf.store.transaction():
        shelf.store.execute("UPDATE recording SET site = ?", SITE + 1)
    shelf.night()
    assert (gone(shelf), shelf.file(rid).exists()) == ({}, True)
    assert shelf.store.record(Fact("recording.held", {"rid": rid.hex(), "by": "", "reason": "x"}, b""))


def test_a_rolling_recording_is_removed_soon_is_not_archived_before_and_stays_when_kept(
    tmp_path: Path,
) -> None:
    shelf = Shelf(tmp_path, Retention(rolling_days=10))
    old, young, kept = (shelf.make(days, rolling=True) for days in (11, 8, 12))
    by_hand.keep(shelf.store, kept.hex(), "1100")
    with pytest.raises(Refused, match="is kept"):
        by_hand.keep(shelf.store, kept.hex(), "1100")
    shelf.night()
    assert gone(shelf) == {old.hex(): "age"}
    assert (shelf.column(young, "archived_s"), shelf.column(young, "rolling")) == (None, 1)
    assert shelf.column(kept, "archived_s") is not None
    assert shelf.kinds("recording.kept")[0].facts == {"rid": kept.hex(), "by": "1100"}


def test_a_night_is_not_cut_short_when_room_has_to_be_made_meanwhile(shelf: Shelf) -> None:
    rids = [shelf.make(1200 + n / 1000, frames=8) for n in range(450)]
    shelf.keeper._stopping = shelf.keeper._remover._stopping = lambda: True
    shelf.keeper.plan()
    shelf.runner.run_due(limit=1)
    shelf.disk = Disk(100, 100)
    assert shelf.keeper.plan()
    while shelf.runner.run_due():
        pass
    assert len(gone(shelf)) == len(rids)
    assert {job[0] for job in shelf.store.rows("SELECT state FROM job WHERE kind = 'keep'")} == {"done"}


def test_by_day_room_is_made_as_soon_as_the_disk_is_too_full_and_nothing_is_archived(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, Retention(night_hour=23))
    shelf.now = time.mktime((2026, 11, 22, 12, 0, 0, 0, 0, -1))
    rolling, old, young = shelf.make(5, rolling=True), shelf.make(90), shelf.make(10)
    assert not shelf.keeper.plan()
    shelf.disk = Disk(100, 86)
    assert (shelf.keeper.plan(), shelf.keeper.plan()) == (True, False)
    while shelf.runner.run_due():
        pass
    assert list(gone(shelf)) == [rolling.hex(), old.hex()], "rolling ones first"
    assert (shelf.column(old, "archived_s"), shelf.column(young, "removed_s")) == (None, None)


def test_when_nothing_may_go_people_are_told_until_there_is_room(shelf: Shelf) -> None:
    held = shelf.make(90)
    holds.hold(shelf.store, held.hex(), "1100", "案件")
    shelf.make(10)
    shelf.disk = Disk(100, 99)
    shelf.night()
    assert gone(shelf) == {}
    assert "no recording may be removed" in shelf.alarm
    shelf.disk = Disk(100, 50)
    shelf.keeper.plan()
    assert shelf.alarm == ""


FULL = """
import sys
from pathlib import Path
from appliance.configuration import Retention
from appliance.people import Actor
from appliance.recordings import holds
from appliance.recordings.removal import disk_of
from appliance.tickets.desk import TicketDesk
from tests.recordings_box import Shelf
shelf = Shelf(Path(sys.argv[1]), Retention(archive_days=0), disk=None)
made = [shelf.make(100 - n, frames=100_000) for n in range(30)]
rolling = [shelf.make(3, frames=100_000, rolling=True) for _ in range(4)]
newest = [shelf.make(2, frames=100_000) for _ in range(4)]
holds.hold(shelf.store, made[0].hex(), "1100", "x")
call = bytes(shelf.store.rows("SELECT call FROM recording WHERE rid = ?", made[1])[0][0])
agent = Actor("1001", "", frozenset({"AG"}))
TicketDesk(shelf.store, lambda: shelf.now).create(agent, "phone", {}, call=call)
before = disk_of(shelf.recordings)
assert before.used > before.total * 0.85, before
shelf.night()
after = disk_of(shelf.recordings)
there = [shelf.file(rid).exists() for rid in made]
assert there[:2] == [True, True], "held, and of an open ticket"
assert not any(shelf.file(rid).exists() for rid in rolling), "rolling ones first"
gone = there[2:].count(False)
assert there[2:] == [False] * gone + [True] * (28 - gone), "the oldest first"
assert all(shelf.file(rid).exists() for rid in newest)
assert after.used <= after.total * 0.85 < after.used + 2 * 400_044, (after, gone)
assert shelf.alarm == ""
print("kept its level", gone)
"""


def test_on_a_disk_that_is_really_full_the_level_is_kept_and_what_must_stay_stays(tmp_path: Path) -> None:
    inside = f'mount -t tmpfs -o size=15900k none {tmp_path} && exec {sys.executable} -c "$1" {tmp_path}'
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("a file system of one's own is not allowed here")
    command = ["unshare", "-rm", "sh", "-c", inside, "sh", FULL]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "kept its level" in run.stdout, run.stderr


def stored(shelf: Shelf, rid: bytes) -> None:
    facts = {"rid": rid.hex(), "sha256": shelf.column(rid, "sha256"), "size": shelf.column(rid, "size")}
    shelf.store.take([Stamp(0).event(Fact("recording.stored", facts))], via=outbox.HUB)


def test_at_a_site_of_a_hub_files_the_hub_has_make_room_and_their_recordings_stay(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, KEEP_ALL_PCM)
    outbox.add_peer(shelf.store, outbox.HUB, 0)
    unstored, *others = [shelf.make(days) for days in (90, 5, 4)]
    for rid in others:
        stored(shelf, rid)
    size = int(str(shelf.column(unstored, "size")))
    file = shelf.file(others[0])
    shelf.disk = Disk(100 * size, 86 * size)
    shelf.keeper.plan()
    while shelf.runner.run_due():
        pass
    assert gone(shelf) == {}, "the hub does not have the oldest, so it stays"
    assert [event.facts["rid"] for event in shelf.kinds("recording.dropped")] == [others[0].hex()]
    assert (file.exists(), shelf.column(others[0], "removed_s")) == (False, None)
    assert all(shelf.file(rid).exists() for rid in (unstored, others[1]))
    states = {checked.rid: checked.state for checked in verify(shelf.store, shelf.recordings)}
    assert states == {unstored.hex(): "ok", others[1].hex(): "ok"}


def test_a_site_whose_hub_has_nothing_yet_keeps_all_until_the_disk_is_all_but_full(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, KEEP_ALL_PCM)
    outbox.add_peer(shelf.store, outbox.HUB, 0)
    rids = [shelf.make(days) for days in (90, 80)]
    size = int(str(shelf.column(rids[0], "size")))
    shelf.disk = Disk(100 * size, 94 * size)
    shelf.night()
    assert gone(shelf) == {}
    assert "nearly full" in shelf.alarm, "people are told while there is still room"
    shelf.disk = Disk(100 * size, 96 * size)
    shelf.night()
    assert gone(shelf) == {rids[0].hex(): "space"}
