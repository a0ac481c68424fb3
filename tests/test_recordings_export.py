"""A day as a ZIP: whole, checkable, hostile names harmless, written piece by piece."""

import csv
import hashlib
import io
import re
import subprocess
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from appliance import cli
from appliance.blobs.keeping import DiskBlobs
from appliance.blobs.sounds import Sounds
from appliance.configuration import Retention
from appliance.events import Fact
from appliance.recordings import package, page, selection
from appliance.refused import Refused
from appliance.store.store import Store
from tests.recordings_box import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path, Retention(archive_format="alaw"))


def day(shelf: Shelf, days_ago: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(shelf.now - days_ago * 86_400))


def packed(shelf: Shelf, days_ago: float) -> zipfile.ZipFile:
    order = package.order(shelf.store, sounds(shelf), day(shelf, days_ago), "1400")
    return zipfile.ZipFile(io.BytesIO(b"".join(order.pieces())))


def test_a_day_holds_its_recordings_a_page_a_table_and_sums_that_are_right(shelf: Shelf) -> None:
    archived = [shelf.make(9), shelf.make(9)]
    shelf.make(11)
    shelf.night()
    zipped = packed(shelf, 9)
    assert zipped.testzip() is None
    sounds = [name for name in zipped.namelist() if name.startswith("sound/")]
    assert sorted(name[-12:-4] for name in sounds) == sorted(rid.hex()[:8] for rid in archived)
    for line in zipped.read("SHA256SUMS").decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(zipped.read(name)).hexdigest() == digest
    rows = list(csv.DictReader(io.StringIO(zipped.read("recordings.csv").decode("utf-8-sig"))))
    assert [(row["caller"], row["found"]) for row in rows] == [("13800001234", "ok")] * 2
    html = zipped.read("index.html").decode()
    assert all(f'src="{name}"' in html for name in sounds)
    assert "http" not in html


def test_a_hub_takes_away_what_it_keeps_of_its_sites_and_says_what_it_has_not(
    shelf: Shelf, tmp_path: Path
) -> None:
    """Also what it fetched before the site archived it: it has the first file, and the log both sums."""
    kept, archived, absent = shelf.make(9), shelf.make(9, 900), shelf.make(9, 1000)
    blobs = DiskBlobs(tmp_path / "blobs")
    for rid in (kept, archived):
        file = tmp_path / "fetched"
        file.write_bytes(shelf.file(rid).read_bytes())
        blobs.put(hashlib.sha256(file.read_bytes()).hexdigest(), file)
    ((sha256, size, call),) = shelf.store.rows(
        "SELECT sha256, size, call FROM recording WHERE rid = ?", archived
    )
    stored = Fact("recording.stored", {"rid": archived.hex(), "sha256": sha256, "size": size}, bytes(call))
    hub = Store(tmp_path / "hub.db", 0, bind=False)
    hub.take([event for _, event in shelf.store.read(0, 100)])
    hub.record(stored)
    again = {"rid": archived.hex(), "path": "other.mp3", "sha256": "ab" * 32, "size": 9, "format": "mp3"}
    hub.take([shelf.store.stamp.event(Fact("recording.archived", again, bytes(call)))])
    order = package.order(hub, Sounds(0, tmp_path / "none", blobs), day(shelf, 9), "1400")
    zipped = zipfile.ZipFile(io.BytesIO(b"".join(order.pieces())))
    rows = csv.DictReader(io.StringIO(zipped.read("recordings.csv").decode("utf-8-sig")))
    found = {row["rid"]: row["found"] for row in rows}
    assert found == {kept.hex(): "ok", archived.hex(): "ok", absent.hex(): "missing"}
    assert sum(name.endswith(".wav") for name in zipped.namelist()) == 2


def test_a_tampered_and_a_missing_file_are_said_to_be_so(shelf: Shelf) -> None:
    changed, missing = shelf.make(2), shelf.make(2)
    shelf.file(changed).write_bytes(b"RIFF other")
    shelf.file(missing).unlink()
    zipped = packed(shelf, 2)
    table = csv.DictReader(io.StringIO(zipped.read("recordings.csv").decode("utf-8-sig")))
    assert {row["rid"]: row["found"] for row in table} == {changed.hex(): "changed", missing.hex(): "missing"}
    assert "与固化时不符" in zipped.read("index.html").decode()


def test_what_a_caller_sent_as_a_number_is_neither_a_tag_nor_a_formula(shelf: Shelf) -> None:
    shelf.make(2)
    with shelf.store.transaction():
        shelf.store.execute("UPDATE call SET caller = ?", '=HYPERLINK("x")<script>evil')
    zipped = packed(shelf, 2)
    assert "<script>evil" not in zipped.read("index.html").decode()
    (row,) = csv.DictReader(io.StringIO(zipped.read("recordings.csv").decode("utf-8-sig")))
    assert row["caller"] == '\'=HYPERLINK("x")<script>evil'


def test_every_export_stands_in_the_log_even_when_it_is_broken_off(shelf: Shelf) -> None:
    rid = shelf.make(2)
    package.order(shelf.store, sounds(shelf), day(shelf, 2), "1400")
    (event,) = shelf.kinds("recording.exported")
    assert event.facts == {"day": day(shelf, 2), "count": 1, "by": "1400"}
    (heard,) = shelf.kinds("recording.played")
    assert heard.facts == {"rid": rid.hex(), "by": "1400", "how": "export"}
    assert heard.subject == shelf.column(rid, "call")


@pytest.mark.parametrize("wrong", ["", "22.11.2026", "2026-13-01", "9999-12-31", "../../x"])
def test_a_day_that_is_none_is_refused_in_a_sentence(shelf: Shelf, wrong: str) -> None:
    with pytest.raises(Refused, match="Write the day like 2026-11-22"):
        package.order(shelf.store, sounds(shelf), wrong, "1400")


def test_a_day_without_recordings_makes_no_file(shelf: Shelf) -> None:
    with pytest.raises(Refused, match="no recordings of this day"):
        package.order(shelf.store, sounds(shelf), "2001-01-01", "1400")
    assert shelf.kinds("recording.exported") == []


def test_memory_holds_one_piece_however_large_the_day_is(shelf: Shelf) -> None:
    data = bytes(20 << 20)
    for _ in range(3):
        shelf.make(2, data=data)
    order = package.order(shelf.store, sounds(shelf), day(shelf, 2), "1400")
    tracemalloc.start()
    total = sum(len(piece) for piece in order.pieces())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 60 << 20
    assert most < 8 << 20


def test_the_command_writes_the_file_whole_or_not_at_all(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.make(2)
    target = shelf.folder / "day.zip"
    words = ["--data", str(shelf.folder), "recording", "export", "--day", day(shelf, 2)]
    assert cli.main([*words, "--to", str(target)]) == 0
    assert zipfile.ZipFile(target).testzip() is None
    assert cli.main([*words, "--to", str(shelf.folder / "no" / "such.zip")]) == 1
    assert "No such file or directory" in capsys.readouterr().err
    shelf.store.record(Fact("recording.noted", {}, b""))
    assert list(shelf.folder.glob("*.part")) == []


def sounds(shelf: Shelf) -> Sounds:
    return Sounds(shelf.store.site, shelf.recordings)


def parts_of(shelf: Shelf, days_ago: float, most_bytes: int) -> list[package.Order]:
    title, rids = selection.of_day(shelf.store, day(shelf, days_ago))
    return package.plan(shelf.store, sounds(shelf), title, rids, most_bytes)


def test_parts_for_a_mail_are_each_small_enough_whole_by_themselves_and_hold_everything_once(
    shelf: Shelf,
) -> None:
    rids = [shelf.make(2 - n / 1000, frames=20_000) for n in range(12)]
    parts = parts_of(shelf, 2, 300_000)
    assert [part.name for part in parts] == [
        f"recordings-{day(shelf, 2)}-{n}of{len(parts)}.zip" for n in range(1, len(parts) + 1)
    ]
    assert len(parts) == 6
    found = []
    for part in parts:
        data = b"".join(part.pieces())
        assert len(data) <= 300_000
        zipped = zipfile.ZipFile(io.BytesIO(data))
        assert {"index.html", "recordings.csv", "SHA256SUMS"} <= set(zipped.namelist())
        table = io.StringIO(zipped.read("recordings.csv").decode("utf-8-sig"))
        found += [row["rid"] for row in csv.DictReader(table)]
    assert found == [rid.hex() for rid in rids], "each once, in order"


def test_a_recording_larger_than_a_part_has_one_of_its_own(shelf: Shelf) -> None:
    for n, frames in enumerate((8000, 200_000, 8000)):
        shelf.make(2 - n / 1000, frames=frames)
    assert [part.count for part in parts_of(shelf, 2, 300_000)] == [1, 1, 1]
    assert [part.count for part in parts_of(shelf, 2, 0)] == [3]


def test_a_folder_to_be_burnt_has_names_every_disc_takes_and_sums_that_are_right(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(3):
        shelf.make(2 - n / 1000)
    target = shelf.folder / "disc"
    words = ["--data", str(shelf.folder), "recording", "export", "--day", day(shelf, 2), "--to", str(target)]
    assert cli.main([*words, "--disc"]) == 0
    assert cli.main([*words, "--disc"]) == 1, "what is there is not written over"
    files = [path for path in target.rglob("*") if path.is_file()]
    assert len(files) == 6
    for file in files:
        assert re.fullmatch(r"[A-Za-z0-9_]{1,26}(\.[A-Za-z0-9]{1,4})?", file.name), "ISO 9660, level 2"
        assert len(file.relative_to(target).parts) <= 2
    run = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=target, capture_output=True, text=True)
    assert (run.returncode, run.stdout.count(": OK")) == (0, 5)


def test_the_command_splits_for_mail(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(3):
        shelf.make(2 - n / 1000, frames=200_000)
    target = shelf.folder / "day.zip"
    words = ["--data", str(shelf.folder), "recording", "export", "--day", day(shelf, 2), "--to", str(target)]
    assert cli.main([*words, "--part", "1"]) == 0
    assert sorted(path.name for path in shelf.folder.glob("day*")) == [f"day-{n}of3.zip" for n in (1, 2, 3)]
    assert [event.facts["count"] for event in shelf.kinds("recording.exported")] == [1, 1, 1]


def test_the_page_of_an_export_speaks_both_languages_and_can_be_searched(shelf: Shelf) -> None:
    shelf.make(2)
    html = packed(shelf, 2).read("index.html").decode()
    for words in (*page.FOUND.values(), *page.HEAD, page.TITLE):
        assert all(word for word in words)
    assert 'data-find="' in html
    assert "13800001234" in html
