"""Real boxes over a real mosquitto that dies, and their processes too: nothing is lost or doubled."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.events import Fact
from appliance.network.unreachable import NOBODY_LISTENS
from appliance.store import outbox
from appliance.store.store import Store
from appliance.tickets.number import new_number
from sync.bench import MOSQUITTO, Broker, RunningBox, network, wait_for
from sync.causes import HUNG_UP, NO_BROKER
from sync.peer import ABSENT, RIVAL

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not os.path.exists(MOSQUITTO), reason="mosquitto is not installed"),
]
HUB, SITE = outbox.HUB, "site-001"
LIMIT_S = 120.0

Network = tuple[Broker, RunningBox, list[RunningBox]]


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[Network]:
    """A hub and site 1, both running."""
    with network(tmp_path, [1]) as (broker, hub, sites):
        outbox.add_peer(sites[0].store, HUB, 0)
        hub.start()
        sites[0].start()
        yield broker, hub, sites


def ticket(store: Store) -> Fact:
    number = new_number(store.site, time.time(), lambda day: "")
    return Fact("ticket.created", {"number": number, "source": "web", "fields": {"title": "路灯不亮"}})


def write(store: Store, count: int) -> None:
    for start in range(0, count, 500):
        facts = [Fact("message.noted", {"n": n, "text": "噪音扰民" * 10}) for n in range(start, start + 500)]
        store.record(ticket(store), *facts[: min(500, count - start) - 1])


def drained(box: RunningBox, peer: str) -> bool:
    row = box.peer(peer)
    return bool(row) and row["acked"] == row["out_seq"]


def log(box: RunningBox) -> list[object]:
    return box.store.rows("SELECT eid, subject, kind, ver, body FROM event ORDER BY eid")


def tickets(box: RunningBox) -> list[object]:
    return box.store.rows("SELECT * FROM ticket ORDER BY tid")


def at_least(box: RunningBox, count: int) -> bool:
    return bool(box.store.rows("SELECT count(*) FROM event")[0][0] >= count)


def test_events_reach_the_hub_although_the_broker_is_killed_on_the_way(boxes: Network) -> None:
    broker, hub, (site,) = boxes
    write(site.store, 10_000)
    wait_for(lambda: at_least(hub, 2_000), LIMIT_S)
    broker.kill()
    write(site.store, 10_000)
    assert not at_least(hub, 20_000)
    broker.start()
    wait_for(lambda: drained(site, HUB), LIMIT_S)
    assert log(hub) == log(site)
    assert tickets(hub) == tickets(site)
    assert hub.peer(SITE)["restarts"] == site.peer(HUB)["restarts"] == 0


def test_events_reach_the_hub_although_the_sync_processes_are_killed_on_the_way(boxes: Network) -> None:
    _, hub, (site,) = boxes
    for victim, sofar in ((site, 2_000), (hub, 6_000), (site, 12_000)):
        write(site.store, 5_000)
        wait_for(lambda sofar=sofar: at_least(hub, sofar), LIMIT_S)  # type: ignore[misc]
        victim.end(signal.SIGKILL)
        write(site.store, 1_500)
        victim.start()
    wait_for(lambda: drained(site, HUB), LIMIT_S)
    assert log(hub) == log(site)
    assert tickets(hub) == tickets(site)
    assert hub.peer(SITE)["restarts"] == site.peer(HUB)["restarts"] == 0


def test_what_both_sides_wrote_while_cut_comes_together(boxes: Network) -> None:
    broker, hub, (site,) = boxes
    (created,) = site.store.record(ticket(site.store))
    wait_for(lambda: at_least(hub, 1), LIMIT_S)
    broker.kill()
    wait_for(lambda: site.peer(HUB)["state"] == "away", LIMIT_S)
    for n in range(50):
        site.store.record(Fact("ticket.edited", {"fields": {"title": f"site {n}"}}, created.eid))
        hub.store.record(Fact("ticket.edited", {"fields": {"content": f"hub {n}"}}, created.eid))
    dispatch = {"move": "dispatch", "from": "ACCEPTED", "role": "DP", "unit": "U", "unit_site": 1}
    (other,) = hub.store.record(ticket(hub.store))
    hub.store.record(Fact("ticket.moved", dispatch, other.eid))
    assert str(site.peer(HUB)["reason"]).partition("\t")[0] in (NO_BROKER, NOBODY_LISTENS, HUNG_UP)
    broker.start()
    wait_for(lambda: at_least(hub, 103) and at_least(site, 103), LIMIT_S)
    assert log(hub) == log(site)
    assert tickets(hub) == tickets(site)
    assert len(tickets(site)) == 2


def test_a_second_box_with_the_same_number_is_parked_with_a_reason(boxes: Network, tmp_path: Path) -> None:
    broker, hub, (site,) = boxes
    site.store.record(ticket(site.store))
    wait_for(lambda: drained(site, HUB) and at_least(hub, 1), LIMIT_S)
    second = RunningBox(tmp_path / "second", 1, [broker.address])
    with second.store.connection():
        outbox.add_peer(second.store, HUB, 0)
        (kept,) = second.store.record(ticket(second.store))
        second.start()
        try:
            wait_for(lambda: second.peer(HUB)["state"] == "parked", LIMIT_S)
            assert second.peer(HUB)["reason"] == RIVAL
            wait_for(lambda: "second box" in str(hub.peer(SITE)["reason"]), LIMIT_S)
            site.store.record(ticket(site.store))
            wait_for(lambda: at_least(hub, 2), LIMIT_S)
            assert not hub.store.rows("SELECT 1 FROM event WHERE eid = ?", kept.eid)
            assert second.peer(HUB)["acked"] == 0
        finally:
            second.end()


def test_a_box_without_a_broker_says_so_and_goes_on(tmp_path: Path) -> None:
    box = RunningBox(tmp_path, 1, ["127.0.0.1:1"])
    with box.store.connection():
        box.start()
        try:
            wait_for(lambda: box.peer(HUB).get("state") == "away", LIMIT_S)
            box.store.record(ticket(box.store))
            reason = str(box.peer(HUB)["reason"])
        finally:
            status = box.end()
    assert reason.startswith(f"{NOBODY_LISTENS}\t127.0.0.1:1: ")
    assert status == 0
    assert "Traceback" not in box.log.read_text()


def test_a_site_whose_hub_is_off_says_so_and_connects_as_soon_as_it_is_on(tmp_path: Path) -> None:
    with network(tmp_path, [1]) as (_, hub, (site,)):
        site.start()
        wait_for(lambda: site.peer(HUB).get("reason") == ABSENT, LIMIT_S)
        assert site.peer(HUB)["state"] == "away"
        hub.start()
        wait_for(lambda: site.peer(HUB)["state"] == "connected", 15)


def test_the_second_broker_of_the_list_is_used_when_the_first_is_down(tmp_path: Path) -> None:
    with network(tmp_path, []) as (broker, hub, _):
        hub.start()
        box = RunningBox(tmp_path / "box", 1, ["127.0.0.1:1", broker.address])
        with box.store.connection():
            box.start()
            try:
                wait_for(lambda: box.peer(HUB).get("state") == "connected", LIMIT_S)
            finally:
                box.end()
