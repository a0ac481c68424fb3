"""Two boxes that only exchange sticks come to agree, and no file does harm."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.events import Fact
from appliance.places import Places
from appliance.refused import Refused
from appliance.store import outbox
from appliance.store.digest import digest
from appliance.store.store import Store
from sync.carry.carrier import Carrier
from sync.carry.keys import trust
from sync.node import Node

HUB, SITE = "hub", "site-007"


class Box:
    """A box with its data folder, and the carrier of its sticks."""

    def __init__(self, folder: Path, site: int, held: ExitStack) -> None:
        self.where = Places(folder).make()
        self.site = site
        self.now_ms = 1_800_000_000_000
        self.held = held
        self.open()

    def open(self) -> None:
        self.store = Store(self.where.database, self.site, bind=False)
        self.held.enter_context(self.store.connection())
        self.carrier = Carrier(self.where, self.store, self.clock)

    def clock(self) -> int:
        self.now_ms += 1000
        return self.now_ms

    def knows(self, other: "Box") -> None:
        trust(self.store, other.carrier.keys.public(other.site).to_file())

    def tickets(self, count: int) -> list[bytes]:
        facts = (Fact("ticket.created", {"number": f"{n}", "source": "web"}) for n in range(count))
        return [event.eid for event in self.store.record(*facts)]

    def edit(self, ticket: bytes, title: str) -> None:
        self.store.record(Fact("ticket.edited", {"fields": {"title": title}}, ticket))

    def eids(self) -> set[bytes]:
        return {row[0] for row in self.store.rows("SELECT eid FROM event")}

    def titles(self) -> list[tuple[bytes, str]]:
        return [tuple(row) for row in self.store.rows("SELECT tid, title FROM ticket ORDER BY tid")]

    def copy(self) -> bytes:
        self.store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.where.database.read_bytes()

    def restore(self, backup: bytes) -> None:
        self.held.close()
        for suffix in ("-wal", "-shm"):
            self.where.database.with_name(f"box.db{suffix}").unlink(missing_ok=True)
        self.where.database.write_bytes(backup)
        self.open()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Box]:
    with ExitStack() as held:
        yield Box(tmp_path / "hub", 0, held)


@pytest.fixture
def site(tmp_path: Path, hub: Box) -> Iterator[Box]:
    with ExitStack() as held:
        box = Box(tmp_path / "site", 7, held)
        hub.knows(box)
        box.knows(hub)
        yield box


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


def up(site: Box, hub: Box, stick: Path) -> int:
    return hub.carrier.take(Path(site.carrier.export(HUB, stick).path)).events


def down(hub: Box, site: Box, stick: Path) -> int:
    return site.carrier.take(Path(hub.carrier.export(SITE, stick).path)).events


def refused(box: Box, file: Path) -> str:
    with pytest.raises(Refused) as caught:
        box.carrier.take(file)
    return caught.value.word


def test_after_a_month_of_sticks_only_both_show_the_same(hub: Box, site: Box, stick: Path) -> None:
    shared = site.tickets(3)
    assert up(site, hub, stick) == 3
    for week in range(4):
        for ticket in shared:
            site.edit(ticket, f"site {week}")
            hub.edit(ticket, f"hub {week}")
        site.tickets(2)
        assert up(site, hub, stick) > 0
        assert down(hub, site, stick) == 3
    assert site.eids() == hub.eids()
    assert site.titles() == hub.titles()
    assert digest(site.store) == digest(hub.store)


def test_a_file_carries_only_what_was_not_confirmed(hub: Box, site: Box, stick: Path) -> None:
    site.tickets(5)
    up(site, hub, stick)
    assert site.carrier.export(HUB, stick).events == 5, "nobody said yet that they arrived"
    down(hub, site, stick)
    site.tickets(2)
    assert site.carrier.export(HUB, stick).events == 2
    assert site.carrier.export(HUB, stick).left == 0


def test_a_file_is_read_once(hub: Box, site: Box, stick: Path) -> None:
    site.tickets(2)
    file = Path(site.carrier.export(HUB, stick).path)
    hub.carrier.take(file)
    assert refused(hub, file) == "again"
    assert hub.eids() == site.eids()


def test_of_two_files_the_newer_may_come_first(hub: Box, site: Box, stick: Path) -> None:
    site.tickets(2)
    first = Path(site.carrier.export(HUB, stick / "first.carry").path)
    site.tickets(2)
    second = Path(site.carrier.export(HUB, stick / "second.carry").path)
    hub.carrier.take(second)
    assert refused(hub, first) == "older"
    assert hub.eids() == site.eids()


def test_a_stream_too_long_for_the_stick_comes_in_parts(hub: Box, site: Box, stick: Path) -> None:
    for _ in range(5):
        site.store.record(*(Fact("message.noted", {"text": os.urandom(3000).hex()}) for n in range(20)))
    rounds = 0
    while True:
        done = site.carrier.export(HUB, stick, limit=120_000)
        assert done.length < 130_000
        if not done.events:
            break
        hub.carrier.take(Path(done.path))
        down(hub, site, stick)
        rounds += 1
    assert rounds > 1
    assert site.eids() == hub.eids()


def test_a_file_for_another_box_is_refused(hub: Box, site: Box, stick: Path, tmp_path: Path) -> None:
    with ExitStack() as held:
        other = Box(tmp_path / "other", 8, held)
        hub.knows(other)
        other.knows(hub)
        site.tickets(1)
        hub.carrier.take(Path(site.carrier.export(HUB, stick).path))
        file = Path(hub.carrier.export(SITE, stick).path)
        assert refused(other, file) == "other_box"
        assert refused(hub, file) == "other_box"
        assert other.eids() == set()


def test_a_file_of_a_box_nobody_knows_is_refused(hub: Box, site: Box, stick: Path, tmp_path: Path) -> None:
    with ExitStack() as held:
        stranger = Box(tmp_path / "stranger", 8, held)
        stranger.knows(hub)
        stranger.tickets(1)
        file = Path(stranger.carrier.export(HUB, stick).path)
        assert refused(hub, file) == "unknown"
        imposter = Box(tmp_path / "imposter", 7, held)
        imposter.knows(hub)
        imposter.tickets(1)
        assert refused(hub, Path(imposter.carrier.export(HUB, stick).path)) == "stranger"
    assert hub.eids() == set()


def test_without_the_key_of_a_peer_nothing_is_exported(tmp_path: Path, stick: Path) -> None:
    with ExitStack() as held:
        box = Box(tmp_path / "box", 7, held)
        with pytest.raises(Refused, match="bring its key file"):
            box.carrier.export(HUB, stick)
    assert list(stick.iterdir()) == []


def test_what_is_inside_can_be_read_by_the_peer_only(hub: Box, site: Box, stick: Path) -> None:
    site.store.record(Fact("message.noted", {"text": "张三的住址"}))
    file = Path(site.carrier.export(HUB, stick).path)
    assert "张三".encode() not in file.read_bytes()
    (hub.where.data / "carry.key").unlink()
    hub.carrier = Carrier(hub.where, hub.store, hub.clock)
    assert refused(hub, file) == "old_key"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.floats(0, 1, exclude_max=True))
def test_any_torn_file_is_refused_and_the_whole_one_read_after_it(
    part: float, hub: Box, site: Box, stick: Path
) -> None:
    site.tickets(1)
    file = Path(site.carrier.export(HUB, stick).path)
    data = file.read_bytes()
    torn = stick / "torn.carry"
    torn.write_bytes(data[: int(len(data) * part)])
    before = hub.eids()
    assert refused(hub, torn) in {"torn", "no_bag"}
    assert hub.eids() == before
    hub.carrier.take(file)
    assert hub.eids() == site.eids()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0), byte=st.integers(1, 255))
def test_any_changed_byte_is_found(at: int, byte: int, hub: Box, site: Box, stick: Path) -> None:
    if not site.eids():
        site.tickets(3)
    data = bytearray(Path(site.carrier.export(HUB, stick).path).read_bytes())
    data[at % len(data)] ^= byte
    changed = stick / "changed.carry"
    changed.write_bytes(data)
    refused(hub, changed)
    assert hub.eids() == set()


def test_a_full_stick_leaves_no_half_file_and_loses_nothing(hub: Box, site: Box, stick: Path) -> None:
    site.tickets(5)
    (stick / "x.carry.part").symlink_to("/dev/full")
    with pytest.raises(Refused, match="stick is full"):
        site.carrier.export(HUB, stick / "x.carry")
    assert list(stick.iterdir()) == []
    up(site, hub, stick)
    assert hub.eids() == site.eids()


def test_a_stick_that_was_pulled_out_is_said(site: Box, stick: Path) -> None:
    with pytest.raises(Refused, match="cannot be written there \\(No such file"):
        site.carrier.export(HUB, stick / "gone" / "x.carry")


def test_a_full_disk_here_takes_part_of_a_file_and_the_rest_when_read_again(
    hub: Box, site: Box, stick: Path
) -> None:
    up(site, hub, stick)
    for _ in range(40):
        site.store.record(*(Fact("message.noted", {"text": f"{n:04d}" * 200}) for n in range(400)))
    file = Path(site.carrier.export(HUB, stick).path)
    ((pages,),) = hub.store.rows("PRAGMA page_count")
    hub.store.rows(f"PRAGMA max_page_count = {pages + 2000}")
    assert refused(hub, file) == "refused"
    assert len(hub.eids()) < len(site.eids())
    hub.store.rows("PRAGMA max_page_count = 1000000")
    hub.carrier.take(file)
    assert hub.eids() == site.eids()


def test_a_box_restored_from_a_backup_gets_back_what_it_had_sent(hub: Box, site: Box, stick: Path) -> None:
    site.tickets(3)
    up(site, hub, stick)
    backup = site.copy()
    site.tickets(4)
    up(site, hub, stick)
    everything = site.eids()
    site.restore(backup)
    site.tickets(1)
    up(site, hub, stick)
    down(hub, site, stick)
    up(site, hub, stick)
    assert everything < site.eids() == hub.eids()


def test_a_hub_restored_from_a_backup_is_told_again_what_it_lost(hub: Box, site: Box, stick: Path) -> None:
    site.tickets(3)
    up(site, hub, stick)
    backup = hub.copy()
    site.tickets(4)
    up(site, hub, stick)
    down(hub, site, stick)
    hub.restore(backup)
    site.tickets(1)
    file = Path(site.carrier.export(HUB, stick).path)
    if site.eids() != hub.eids():
        refused(hub, file)
        down(hub, site, stick)
        up(site, hub, stick)
    assert site.eids() == hub.eids()


def test_a_hub_restored_to_before_what_a_site_keeps_in_order_gets_everything(
    hub: Box, site: Box, stick: Path
) -> None:
    up(site, hub, stick)
    backup = hub.copy()
    site.tickets(8)
    up(site, hub, stick)
    down(hub, site, stick)
    outbox.prune(site.store, HUB, 6)
    hub.restore(backup)
    down(hub, site, stick)
    up(site, hub, stick)
    assert site.eids() == hub.eids()


def test_a_new_box_begins_from_one_file_and_goes_on_from_there(
    hub: Box, site: Box, stick: Path, tmp_path: Path
) -> None:
    shared = site.tickets(5)
    site.edit(shared[0], "before the fire")
    up(site, hub, stick)
    hub.edit(shared[1], "from the hub")
    with ExitStack() as held:
        new = Box(tmp_path / "new", 7, held)
        new.knows(hub)
        hub.knows(new)
        whole = hub.carrier.export(SITE, stick, anew=True)
        assert whole.events == 7
        new.carrier.take(Path(whole.path))
        assert new.titles() == hub.titles()
        hub.edit(shared[2], "afterwards")
        new.edit(shared[3], "at the new box")
        up(new, hub, stick)
        down(hub, new, stick)
        assert new.eids() == hub.eids()
        assert new.titles() == hub.titles()


def test_a_file_may_be_read_while_the_link_is_up(hub: Box, site: Box, stick: Path) -> None:
    nodes = {box.site: Node(box.store, box.where.data / "sync.identity", 0.0) for box in (hub, site)}
    for node in nodes.values():
        node.connected(0.0)
    now = [0.0]

    def talk(lost: bool = False) -> None:
        for _ in range(12):
            now[0] += 0.3
            for here, there in ((7, 0), (0, 7)):
                nodes[here].refresh()
                for _far, data in nodes[here].outgoing(now[0]):
                    if not lost:
                        nodes[there].receive(here, data, now[0])

    talk()
    site.tickets(3)
    talk(lost=True)
    up(site, hub, stick)
    site.tickets(2)
    for _ in range(30):
        talk()
    assert hub.eids() == site.eids()
    assert nodes[7].peers[0].open
    assert nodes[0].peers[7].open
    down(hub, site, stick)
    for _ in range(30):
        talk()
    assert nodes[7].peers[0].sender.acked == nodes[7].peers[0].sender.top


def test_a_second_box_of_the_same_number_waits_while_the_first_is_connected(
    hub: Box, site: Box, stick: Path, tmp_path: Path
) -> None:
    site.tickets(1)
    up(site, hub, stick)
    with ExitStack() as held:
        twin = Box(tmp_path / "twin", 7, held)
        shutil.copy(site.where.data / "carry.key", twin.where.data)
        twin.carrier = Carrier(twin.where, twin.store, twin.clock)
        twin.knows(hub)
        twin.tickets(2)
        file = Path(twin.carrier.export(HUB, stick / "twin.carry").path)
        hub.store.execute("UPDATE peer SET seen_s = ?", hub.now_ms / 1000)
        assert refused(hub, file) == "refused"
        assert hub.eids() == site.eids()
        hub.now_ms += 200_000
        hub.carrier.take(file)
        assert hub.eids() == site.eids() | twin.eids()


def test_a_wrong_peer_is_named(hub: Box, site: Box, stick: Path) -> None:
    for box, name in ((hub, HUB), (site, SITE), (site, "site-x"), (hub, "site-1000"), (hub, "../hub")):
        with pytest.raises(Refused, match="neither"):
            box.carrier.export(name, stick)


def carry(where: Places, site: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sync.carry", "--data", str(where.data), "--site", str(site)]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_the_command_carries_keys_and_streams(tmp_path: Path, hub: Box, site: Box, stick: Path) -> None:
    site.tickets(1)
    with ExitStack() as held:
        other = Box(tmp_path / "other", 9, held)
        other.knows(hub)
        other.tickets(2)
        told = json.loads(carry(other.where, 9, "--json", "key", "--to", str(stick)).stdout)
        assert told["fingerprint"] == other.carrier.keys.public(9).fingerprint
        assert carry(hub.where, 0, "trust", told["path"]).returncode == 0
        done = json.loads(carry(other.where, 9, "--json", "export", "--to", str(stick)).stdout)
        assert (done["events"], done["left"]) == (2, 0)
        assert "2 events of site-009 were new" in carry(hub.where, 0, "import", done["path"]).stdout
        again = carry(hub.where, 0, "import", done["path"])
        assert again.returncode == 1
        assert again.stderr == "hotline: This file was read already; nothing is new in it.\n"
    assert hub.eids() == other.eids()
