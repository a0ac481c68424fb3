"""Recordings, attachments and seals travel on the stick beside the stream, and no file does harm."""

import hashlib
import json
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.blobs import wants
from appliance.blobs.keeping import DiskBlobs
from appliance.events import Fact
from appliance.letters.seals import Seals, checked
from appliance.letters.table import SEAL_SET
from appliance.people import Actor
from appliance.store.store import Store
from appliance.tickets import attachments
from sync.carry.bag import FILE, FileCover, write_bag
from sync.carry.carrier import Carrier, Exported, Imported
from sync.carry.folder import LIST, folder_of, place, placed
from sync.carry.unpacking import Unpacker
from tests.seal_image import seal_png
from tests.test_sync_carry import HUB, SITE, Box, carry

AGENT = Actor("1001", "李", frozenset({"AG"}))
PNG = b"\x89PNG\r\n\x1a\n"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Office(Box):
    """A box with files."""

    def record(self, data: bytes) -> str:
        """A recording was made and sealed; returns its hash."""
        path = f"{sha(data)[:12]}.wav"
        self.where.recordings.mkdir(exist_ok=True)
        (self.where.recordings / path).write_bytes(data)
        (call,) = self.store.record(Fact("call.began", {"line": "sip/1", "caller": "1", "called": "2"}))
        made_facts = {"kind": "call", "path": path, "seconds": 1.0}
        (made,) = self.store.record(Fact("recording.made", made_facts, call.eid))
        facts = {"rid": made.eid.hex(), "sha256": sha(data), "size": len(data)}
        self.store.record(Fact("recording.sealed", facts, call.eid))
        return sha(data)

    def attach(self, data: bytes) -> str:
        """A photo is added to a new ticket."""
        (tid,) = self.tickets(1)
        parts = (self.store, self.blobs, self.where.blobs, AGENT, tid)
        attachments.attach(*parts, "a.png", PNG + data)
        return sha(PNG + data)

    def seal(self, owner: str, side: int = 240) -> str:
        """A seal is put in force."""
        image = checked(seal_png(side))
        self.seals.keep(sha(image), image)
        facts = {"owner": owner, "sha256": sha(image), "size": len(image), "by": "9000", "name": "n"}
        self.store.record(Fact(SEAL_SET, facts))
        return sha(image)

    def has(self, sha256: str) -> bool:
        """Whether a file of another box is here, and is what its hash says."""
        file = self.seals.file(sha256) or self.blobs.local(sha256)
        return file is not None and sha(file.read_bytes()) == sha256

    @property
    def blobs(self) -> DiskBlobs:
        return DiskBlobs(self.where.blobs)

    @property
    def seals(self) -> Seals:
        return Seals(self.store, self.where.seals)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as held:
        yield Office(tmp_path / "hub", 0, held)


@pytest.fixture
def site(tmp_path: Path, hub: Office) -> Iterator[Office]:
    with ExitStack() as held:
        box = Office(tmp_path / "site", 7, held)
        hub.knows(box)
        box.knows(hub)
        yield box


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


def load(site: Office, stick: Path, files_limit: int = 10**9) -> Exported:
    return site.carrier.export(HUB, stick, files_limit=files_limit)


def up(site: Office, hub: Office, stick: Path, files_limit: int = 10**9) -> Imported:
    return hub.carrier.take(Path(load(site, stick, files_limit).path))


def down(hub: Office, site: Office, stick: Path) -> Imported:
    return site.carrier.take(Path(hub.carrier.export(SITE, stick).path))


def on(stick: Path) -> set[str]:
    """The files for the hub on the stick."""
    return {sha256 for sha256, _ in placed(folder_of(stick / "site-007-to-hub.carry"))}


def test_the_hub_has_every_recording_photo_and_seal_after_one_trip_and_the_next_is_light(
    hub: Office, site: Office, stick: Path
) -> None:
    seal = site.seal("lamp")
    files = {site.record(b"hello" * 9000), site.attach(b"lamp"), seal, site.record(b"")}
    loaded = load(site, stick)
    assert (loaded.files, loaded.files_left, loaded.files_damaged) == (4, 0, 0)
    done = hub.carrier.take(Path(loaded.path))
    assert (done.files, done.files_size, done.files_damaged) == (4, loaded.files_size, 0)
    assert all(hub.has(sha256) for sha256 in files)
    assert hub.seals.file(seal)
    down(hub, site, stick)
    stored = site.store.rows("SELECT count(*) FROM recording WHERE stored = sha256")
    assert stored == [(2,)], "the site knows that it may give them up"
    assert load(site, stick).files == 0
    assert on(stick) == set(), "what has arrived makes room"


def test_what_nothing_announced_on_this_trip_comes_when_the_other_side_asks_for_it(
    hub: Office, site: Office, stick: Path
) -> None:
    """Events went by a line that is gone now; the files had not followed yet."""
    lost = site.attach(b"lamp")
    assert up(site, hub, stick, files_limit=0).files == 0
    down(hub, site, stick)
    assert not hub.has(lost)
    assert up(site, hub, stick).files == 1
    assert hub.has(lost)


def test_a_site_gets_seals_at_once_and_of_other_files_what_somebody_there_opened(
    hub: Office, site: Office, stick: Path
) -> None:
    up(site, hub, stick)
    seal, photo, other = hub.seal("lamp"), hub.attach(b"plan"), hub.attach(b"nobody looks")
    assert down(hub, site, stick).files == 1
    assert site.seals.file(seal)
    wants.ask(site.store, photo, 12, 0, site.now_ms / 1000)
    up(site, hub, stick)
    assert down(hub, site, stick).files == 1
    assert site.has(photo)
    assert not site.has(other)


def test_what_a_site_gave_up_for_room_comes_back_when_it_is_played(
    hub: Office, site: Office, stick: Path
) -> None:
    data = b"sound" * 5000
    sha256 = site.record(data)
    up(site, hub, stick)
    down(hub, site, stick)
    for file in site.where.recordings.glob("*.wav"):
        file.unlink()
    wants.ask(site.store, sha256, len(data), 0, site.now_ms / 1000)
    up(site, hub, stick)
    down(hub, site, stick)
    assert site.has(sha256)


def test_files_beyond_the_limit_come_with_the_next_sticks_and_none_is_forgotten(
    hub: Office, site: Office, stick: Path
) -> None:
    files = {site.record(os.urandom(40_000)) for _ in range(5)}
    left = []
    for _ in range(3):
        loaded = load(site, stick, files_limit=90_000)
        assert loaded.files_size <= 90_000
        left.append(loaded.files_left)
        hub.carrier.take(Path(loaded.path))
        down(hub, site, stick)
    assert left == [3, 1, 0]
    assert all(hub.has(sha256) for sha256 in files)


def test_a_hub_without_room_says_so_and_takes_the_rest_from_the_same_stick_later(
    hub: Office, site: Office, stick: Path
) -> None:
    sha256 = site.record(b"sound" * 1000)
    file = Path(load(site, stick).path)
    hub.carrier = Carrier(hub.where, hub.store, hub.clock, free_percent=100)
    full = hub.carrier.take(file)
    assert (full.events, full.files, full.files_left) == (3, 0, 1)
    assert not hub.has(sha256)
    hub.carrier = Carrier(hub.where, hub.store, hub.clock, free_percent=0)
    later = hub.carrier.take(file)
    assert (later.events, later.files, later.files_left) == (0, 1, 0)
    assert hub.has(sha256)


def test_a_reading_that_was_cut_off_goes_on_with_what_is_not_here_yet(
    hub: Office, site: Office, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        site.record(b"%d" % n * 5000)
    file = Path(load(site, stick).path)
    kept: list[str] = []

    def keep_two(store: Store, sha256: str, size: int, now_s: float) -> None:
        if len(kept) == 2:
            raise KeyboardInterrupt
        kept.append(sha256)
        keep(store, sha256, size, now_s)

    keep = wants.kept
    monkeypatch.setattr(wants, "kept", keep_two)
    with pytest.raises(KeyboardInterrupt):
        hub.carrier.take(file)
    monkeypatch.undo()
    assert list((hub.where.blobs / "part").iterdir()) == []
    again = hub.carrier.take(file)
    assert (again.files, again.files_spare) == (2, 2)


@pytest.mark.parametrize("harm", ["cut", "changed", "empty"])
def test_a_damaged_file_is_counted_the_others_are_kept_and_it_comes_anew(
    hub: Office, site: Office, stick: Path, harm: str
) -> None:
    bad, good = site.record(b"bad" * 90_000), site.record(b"good" * 90_000)
    loaded = load(site, stick)
    target = place(folder_of(Path(loaded.path)), bad)
    data = bytearray(target.read_bytes())
    data[200_000] ^= 1
    target.write_bytes({"cut": bytes(data[:150_000]), "changed": bytes(data), "empty": b""}[harm])
    done = hub.carrier.take(Path(loaded.path))
    assert (done.files, done.files_damaged) == (1, 1)
    assert hub.has(good)
    assert not hub.has(bad)
    down(hub, site, stick)
    again = up(site, hub, stick)
    assert (again.files, again.files_damaged) == (1, 0)
    assert hub.has(bad)


def test_what_lies_whole_on_the_stick_is_not_written_again(hub: Office, site: Office, stick: Path) -> None:
    whole, torn = site.record(b"whole" * 9000), site.record(b"torn" * 9000)
    folder = folder_of(Path(load(site, stick).path))
    place(folder, torn).write_bytes(place(folder, torn).read_bytes()[:-9])
    before = {name: place(folder, name).stat().st_mtime_ns for name in (whole, torn)}
    assert load(site, stick).files == 2
    assert place(folder, whole).stat().st_mtime_ns == before[whole]
    assert place(folder, torn).stat().st_mtime_ns > before[torn]
    assert up(site, hub, stick).files == 2


def test_a_full_stick_leaves_no_half_file_and_what_found_no_room_is_counted(
    hub: Office, site: Office, stick: Path
) -> None:
    first, second = site.record(b"first" * 9000), site.record(b"second" * 9000)
    target = place(stick / "site-007-to-hub.files", first)
    target.parent.mkdir(parents=True)
    target.with_name(target.name + ".part").symlink_to("/dev/full")
    loaded = load(site, stick)
    assert (loaded.files, loaded.files_left) == (1, 1)
    assert on(stick) == {second}
    assert hub.carrier.take(Path(loaded.path)).files == 1


def test_a_recording_that_is_damaged_at_home_does_not_travel_and_that_is_said(
    hub: Office, site: Office, stick: Path
) -> None:
    sha256 = site.record(b"sound" * 1000)
    next(site.where.recordings.glob("*.wav")).write_bytes(b"dust")
    loaded = load(site, stick)
    assert (loaded.files, loaded.files_damaged) == (0, 1)
    assert on(stick) == set()
    up(site, hub, stick)
    assert not hub.has(sha256)


def forged(maker: Office, sender: int, content: bytes, name: str, to: Office) -> tuple[FileCover, bytes]:
    keys, reader = maker.carrier.keys.public(sender), to.carrier.keys.public(to.site)
    cover = FileCover(
        *(sender, to.site, 1, bytes.fromhex(name), len(content)),
        *(bytes.fromhex(keys.sign), bytes.fromhex(reader.read), bytes(32)),
    )
    return cover, content


def test_only_what_is_wanted_made_by_its_site_and_what_its_hash_says_is_kept(
    hub: Office, site: Office, stick: Path, tmp_path: Path
) -> None:
    wanted = site.attach(b"lamp")
    loaded = load(site, stick, files_limit=0)
    hub.carrier.take(Path(loaded.path))
    folder = folder_of(Path(loaded.path))
    unpacker = Unpacker(hub.where, hub.store, hub.blobs, hub.carrier.keys, 0)
    with ExitStack() as held:
        imposter = Office(tmp_path / "imposter", 7, held)
        cases = [
            (site, forged(site, 7, b"other bytes", wanted, hub), "damaged"),
            (imposter, forged(imposter, 7, PNG + b"lamp", wanted, hub), "damaged"),
            (site, forged(site, 7, b"nobody wants it", sha(b"nobody wants it"), hub), "spare"),
            (site, forged(site, 7, PNG + b"lamp", wanted, imposter), "damaged"),
        ]
        for maker, (cover, content), word in cases:
            target = place(folder, cover.sha.hex())
            target.parent.mkdir(parents=True, exist_ok=True)
            write_bag(FILE, target, cover, maker.carrier.keys, [content])
            found = unpacker.unpack(folder, site.carrier.keys.public(7))
            assert (found.files, getattr(found, word)) == (0, 1)
            target.unlink()
    assert not hub.has(wanted)
    assert list(hub.blobs.hashes()) == []


def test_what_is_inside_can_be_read_by_the_other_box_only(hub: Office, site: Office, stick: Path) -> None:
    site.record("张三的住址".encode() * 500)
    folder = folder_of(Path(load(site, stick).path))
    assert all("张三".encode() not in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_strange_things_in_the_folder_are_left_alone(hub: Office, site: Office, stick: Path) -> None:
    sha256 = site.record(b"sound" * 1000)
    loaded = load(site, stick)
    folder = folder_of(Path(loaded.path))
    (folder / "readme.txt").write_text("mine")
    (folder / "aa").mkdir(exist_ok=True)
    (folder / "aa" / "x.file").write_text("mine")
    os.mkfifo(folder / "aa" / f"{'aa' * 32}.file")
    (folder / "bb").mkdir(exist_ok=True)
    (folder / "bb" / f"{'bb' * 32}.file").symlink_to("/dev/zero")
    (folder / LIST).write_bytes(b"dust")
    done = hub.carrier.take(Path(loaded.path))
    assert (done.files, done.files_damaged) == (1, 0)
    assert hub.has(sha256)
    down(hub, site, stick)
    load(site, stick)
    assert (folder / "readme.txt").read_text() == "mine"


def test_a_large_file_needs_no_large_memory(hub: Office, site: Office, stick: Path) -> None:
    sha256 = site.record(os.urandom(1 << 20) * 48)
    tracemalloc.start()
    try:
        up(site, hub, stick)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert hub.blobs.has(sha256)
    assert peak < 8 * 1024**2


def test_the_command_says_what_became_of_the_files(hub: Office, site: Office, stick: Path) -> None:
    site.record(b"sound" * 100_000)
    site.record(b"more sound" * 200_000)
    done = carry(site.where, 7, "export", "--to", str(stick), "--files-mb", "1")
    events, files = done.stdout.splitlines()
    assert "6 events for hub" in events
    assert files == "1 files beside it (0.5 MB); 1 found no room and come with the next stick"
    told = json.loads(carry(site.where, 7, "--json", "export", "--to", str(stick)).stdout)
    assert (told["files"], told["files_left"]) == (2, 0)
    taken = carry(hub.where, 0, "import", told["path"])
    assert taken.stdout.splitlines()[1] == "2 files new (2.4 MB)"
