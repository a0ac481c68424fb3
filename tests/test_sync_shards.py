"""Workers of one hub share its sites by leases: each site is served by one, whoever comes, goes or sleeps."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.configuration import Configuration, Site, Sync
from appliance.events import Fact
from appliance.places import Places
from appliance.store import outbox
from appliance.store.store import Store
from appliance.supervisor import units
from sync.bench import RunningBox, network, wait_for
from sync.frames import Batch
from sync.receiver import Receiver
from sync.shards import LEASE_MS, SHARDS, Lease, Shards, shard_of, share
from sync.streams import Moved, StoreStreams
from sync.topics import topics

WORKERS = ("worker 1", "worker 2", "worker 3")
Leases = dict[int, Lease]


@given(
    st.dictionaries(
        st.integers(0, SHARDS + len(WORKERS)),
        st.builds(Lease, st.sampled_from(WORKERS), st.integers(0, 200)),
    ),
    st.sampled_from(WORKERS),
)
def test_a_worker_takes_nothing_another_holds_and_no_more_than_an_even_share(leases: Leases, me: str) -> None:
    held = share(me, leases, 100)
    others = {shard for shard, lease in leases.items() if lease.until_ms > 100 and lease.holder != me}
    there = {lease.holder for lease in leases.values() if lease.until_ms > 100} | {me}
    assert not held & others
    assert len(held) <= -(-SHARDS // len(there))
    assert held <= set(range(SHARDS))


class Clock:
    """Unix time that stands still."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def hub(tmp_path: Path) -> Store:
    return Store(tmp_path / "hub.db", 0, bind=False)


def settle(clock: Clock, *workers: Shards) -> None:
    """Some rounds of renewing."""
    for _ in range(4):
        clock.ms += 5000
        for worker in workers:
            worker.renew()


def test_one_that_comes_gets_its_share_and_one_that_dies_leaves_it_to_the_others(hub: Store) -> None:
    clock = Clock()
    one, two, three = (Shards(hub, n, clock) for n in (1, 2, 3))
    assert one.renew()
    assert len(one.held) == SHARDS
    settle(clock, one, two, three)
    assert one.held | two.held | three.held == set(range(SHARDS))
    assert len(one.held) + len(two.held) + len(three.held) == SHARDS
    assert {shard_of(site) for site in range(1, 1000) if two.serves(site)} == two.held
    clock.ms += LEASE_MS
    settle(clock, one, three)
    assert one.held | three.held == set(range(SHARDS))
    assert not one.held & three.held


def test_one_that_is_started_again_takes_up_at_once_what_it_held(hub: Store) -> None:
    clock = Clock()
    one, two = Shards(hub, 1, clock), Shards(hub, 2, clock)
    settle(clock, one, two)
    again = Shards(hub, 1, clock)
    again.renew()
    assert again.held == one.held


def test_one_that_slept_through_its_lease_cannot_take_what_another_took_meanwhile(hub: Store) -> None:
    streams = StoreStreams(hub, outbox.peer_name(3), 3)
    site = Store(hub.path.parent / "site.db", 3, bind=False)
    (event,) = site.record(Fact("message.noted", {"n": 1}))
    streams.adopt(1, None)
    sleeper, other = Receiver(streams), Receiver(streams)
    told = (event.eid, event.subject, event.kind, event.ver, event.body)
    batch = Batch(3, 1, 1, 1, 1, outbox.GENESIS, 1, [told])
    for worker in (sleeper, other):
        worker.take(batch)
    assert other.commit() == 1
    with pytest.raises(Moved):
        sleeper.commit()
    assert streams.standing().in_seq == 1


def test_a_worker_listens_to_its_own_sites_only(hub: Store) -> None:
    clock = Clock()
    one, two = Shards(hub, 1, clock), Shards(hub, 2, clock)
    settle(clock, one, two)
    ours, theirs = set(topics(0, one)), set(topics(0, two))
    assert ours & theirs == {"v1/s/000/st"}
    assert len(ours | theirs) == 3 * outbox.MAX_SITE + 1
    assert set(topics(0)) == {"v1/s/+/up", "v1/s/+/up/cert", "v1/s/+/st"}
    assert set(topics(7)) == {"v1/s/007/dn", "v1/s/007/dn/cert", "v1/s/000/st"}


def test_the_hub_starts_as_many_as_it_is_told(tmp_path: Path) -> None:
    hub = Configuration(site=Site(number=0, role="hub"), sync=Sync(workers=2))
    found = {unit.name: unit.command for unit in units(Places(tmp_path), hub)}
    assert found["sync"][-2:] == ["--worker", "1"]
    assert found["sync-2"][-2:] == ["--worker", "2"]


@pytest.fixture
def workers() -> Iterator[dict[int, "subprocess.Popen[bytes]"]]:
    """Processes of a hub's workers, ended in the end."""
    running: dict[int, subprocess.Popen[bytes]] = {}
    yield running
    for process in running.values():
        process.kill()
        process.wait()


def start(hub: RunningBox, broker: str, worker: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "sync.daemon", "--data", str(hub.where.data), "--site", "0"]
    with hub.log.open("ab") as log:
        return subprocess.Popen(
            [*command, "--broker", broker, "--worker", str(worker)], stdout=log, stderr=log
        )


@pytest.mark.broker
def test_two_workers_serve_all_sites_and_when_one_is_killed_the_other_goes_on_with_its_sites(
    tmp_path: Path, workers: dict[int, "subprocess.Popen[bytes]"]
) -> None:
    with network(tmp_path, [1, 2, 3, 4]) as (broker, hub, sites):
        for site in sites:
            outbox.add_peer(site.store, outbox.HUB, 0)
            site.store.record(Fact("message.noted", {"at": site.site}))
            site.start()
        for worker in (1, 2):
            workers[worker] = start(hub, broker.address, worker)
        wait_for(lambda: len(holders(hub)) == 2, 60)
        wait_for(lambda: arrived(hub) == 4, 60)
        workers.pop(1).send_signal(signal.SIGKILL)
        for site in sites:
            site.store.record(Fact("message.noted", {"again": site.site}))
        wait_for(lambda: arrived(hub) == 8, 60)
        wait_for(lambda: holders(hub) == {"worker 2"}, 60)


def holders(hub: RunningBox) -> set[str]:
    rows = hub.store.rows(
        "SELECT DISTINCT holder FROM lease WHERE shard < ? AND until_ms > ?", SHARDS, time.time() * 1000
    )
    return {holder for (holder,) in rows}


def arrived(hub: RunningBox) -> int:
    return int(hub.store.rows("SELECT count(*) FROM event WHERE kind = 'message.noted'")[0][0])
