"""The thread of files over a wire in memory: what is written when, a full disk, files that vanish."""

import hashlib
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from appliance import cli
from appliance.blobs import wants
from appliance.blobs.keeping import DiskBlobs
from appliance.configuration import Sync
from appliance.places import Places
from appliance.store.alarms import alarms
from appliance.store.store import Store
from sync.blob_frames import Absent, Ask, Data, decode, encode
from sync.bulk import FULL, Bulk
from sync.mqtt import Arrival, Message, Up

ROOT = Path(__file__).parent.parent
FAST = Sync(day_kbit=0, night_kbit=0, free_percent=1)
FAR = 7
NOW_S = 1_795_000_000.0


class Loop:
    """A wire to site 7, which has some files; time goes by while somebody waits at it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.now = 1000.0
        self.asked = 0
        self.given: list[Data | Absent] = []
        self._arrivals: deque[Arrival] = deque([Up("here")])

    def send(self, topic: str, payload: bytes) -> None:
        """Answer what is asked, note what is given."""
        frame = decode(payload)
        if not isinstance(frame, Ask):
            self.given.append(frame)
            return
        assert topic == f"v1/s/{FAR:03d}/bdn"
        self.asked += 1
        whole = self.files.get(frame.sha.hex())
        answer: Data | Absent = Absent(frame.sha)
        if whole is not None:
            answer = Data(frame.sha, frame.offset, whole[frame.offset : frame.offset + frame.length])
        self.hear(encode(answer))

    def hear(self, payload: bytes) -> None:
        """Something comes from site 7."""
        self._arrivals.append(Message(f"v1/s/{FAR:03d}/bup", payload))

    def poll(self, wait_s: float) -> list[Arrival]:
        """What came; nothing comes any sooner for waiting."""
        self.now += max(wait_s, 0.001)
        arrivals = list(self._arrivals)
        self._arrivals.clear()
        return arrivals

    def close(self) -> None:
        """It is over."""


def hub(folder: Path, wire: Loop) -> tuple[Store, Bulk]:
    where = Places(folder)
    store = Store(where.database, 0, bind=False)
    made: Any = wire
    return store, Bulk(
        store, where, DiskBlobs(where.blobs), FAST, made, lambda: wire.now, lambda: NOW_S + wire.now
    )


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def turn(bulk: Bulk, wire: Loop, for_s: float) -> None:
    until = wire.now + for_s
    with bulk._store.connection():
        while wire.now < until:
            bulk.turn()


def test_a_file_is_kept_when_it_is_whole_and_right(tmp_path: Path) -> None:
    data, empty = b"sound" * 50_000, b""
    wire = Loop({sha(data): data, sha(empty): empty})
    store, bulk = hub(tmp_path, wire)
    for each in (data, empty):
        wants.ask(store, sha(each), len(each), FAR, NOW_S)
    turn(bulk, wire, 5)
    blobs = DiskBlobs(tmp_path / "blobs")
    assert {blobs.local(sha(each)).read_bytes() for each in (data, empty)} == {data, empty}  # type: ignore[union-attr]
    assert list((tmp_path / "blobs/part").iterdir()) == []
    bulk.close()


def test_what_lies_here_already_is_not_fetched_though_the_database_was_restored(tmp_path: Path) -> None:
    data = b"sound" * 1000
    wire = Loop({})
    store, bulk = hub(tmp_path, wire)
    file = tmp_path / "file"
    file.write_bytes(data)
    DiskBlobs(tmp_path / "blobs").put(sha(data), file)
    wants.ask(store, sha(data), len(data), FAR, NOW_S)
    turn(bulk, wire, 2)
    assert (wants.state(store, sha(data)) or ("",))[0] == "here"
    assert wire.asked == 0
    bulk.close()


def test_what_the_site_lost_is_asked_for_ever_more_seldom(tmp_path: Path) -> None:
    wire = Loop({})
    store, bulk = hub(tmp_path, wire)
    wants.ask(store, "ab" * 32, 100, FAR, NOW_S)
    turn(bulk, wire, 30)
    assert wire.asked == 1
    turn(bulk, wire, 60)
    assert wire.asked == 2
    turn(bulk, wire, 200)
    assert wire.asked == 2
    bulk.close()


def test_a_file_that_changed_under_its_name_is_set_aside_and_fetched_again_by_hand(tmp_path: Path) -> None:
    good = b"good" * 1000
    wire = Loop({sha(good): b"bad!" * 1000})
    store, bulk = hub(tmp_path, wire)
    wants.ask(store, sha(good), len(good), FAR, NOW_S)
    turn(bulk, wire, 5)
    assert wants.wrong(store) == [sha(good)]
    assert "damaged" in alarms(store)[0]
    asked = wire.asked
    turn(bulk, wire, 5)
    assert wire.asked == asked
    wire.files[sha(good)] = good
    assert wants.again(store) == 1
    turn(bulk, wire, 5)
    assert DiskBlobs(tmp_path / "blobs").has(sha(good))
    assert alarms(store) == []
    bulk.close()


def test_who_asks_is_given_what_is_here_and_told_what_is_not(tmp_path: Path) -> None:
    data = b"paper" * 1000
    wire = Loop({})
    _, bulk = hub(tmp_path, wire)
    file = tmp_path / "file"
    file.write_bytes(data)
    DiskBlobs(tmp_path / "blobs").put(sha(data), file)
    name = bytes.fromhex(sha(data))
    for ask in (Ask(name, 0, 100), Ask(name, 4990, 100), Ask(name, 9000, 100), Ask(bytes(32), 0, 1)):
        wire.hear(encode(ask))
    wire.hear(b"nonsense")
    turn(bulk, wire, 2)
    assert wire.given == [
        Data(name, 0, data[:100]),
        Data(name, 4990, data[4990:]),
        Absent(name),
        Absent(bytes(32)),
    ]
    bulk.close()


@pytest.mark.sqlite_only
def test_the_command_names_what_is_set_aside_and_what_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    wants.ask(store, "ab" * 32, 100, 0, NOW_S)
    wants.set_aside(store, "ab" * 32)
    assert cli.main(["--data", str(tmp_path), "blobs"]) == 0
    assert "wrong" in capsys.readouterr().out
    assert cli.main(["--data", str(tmp_path), "blobs", "--again"]) == 0
    assert "wanted" in capsys.readouterr().out
    blobs = DiskBlobs(tmp_path / "blobs")
    file = tmp_path / "file"
    file.write_bytes(b"paper")
    blobs.put(sha(b"paper"), file)
    assert cli.main(["--data", str(tmp_path), "blobs", "--verify"]) == 0
    (blobs.local(sha(b"paper")) or file).write_bytes(b"paqer")
    assert cli.main(["--data", str(tmp_path), "blobs", "--verify"]) == 1
    assert f"damaged: {sha(b'paper')}" in capsys.readouterr().out


FULL_DISK = """
import sys
from pathlib import Path
from tests.test_blob_bulk import *
folder = Path(sys.argv[1])
data = bytes(range(256)) * 12_000
ballast = folder / "blobs" / "ballast"
ballast.write_bytes(bytes(5_000_000))
wire = Loop({sha(data): data})
store, bulk = hub(folder, wire)
wants.ask(store, sha(data), len(data), FAR, NOW_S)
turn(bulk, wire, 100)
assert alarms(store) == [FULL], alarms(store)
assert not DiskBlobs(folder / "blobs").has(sha(data))
asked = wire.asked
turn(bulk, wire, 10)
assert wire.asked - asked < 200, "nothing is asked for that cannot be written"
ballast.unlink()
turn(bulk, wire, 100)
assert alarms(store) == [], alarms(store)
assert DiskBlobs(folder / "blobs").local(sha(data)).read_bytes() == data
print("fetched in the end")
"""


@pytest.mark.sqlite_only
def test_a_full_disk_stops_fetching_with_a_sentence_until_there_is_room(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("a file system of one's own is not allowed here")
    (tmp_path / "blobs").mkdir()
    inside = f'mount -t tmpfs -o size=7m none {tmp_path}/blobs && exec {sys.executable} -c "$1" {tmp_path}'
    command = ["unshare", "-rm", "sh", "-c", inside, "sh", FULL_DISK]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "fetched in the end" in run.stdout, run.stderr
    assert FULL in run.stderr
