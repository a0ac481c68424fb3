"""Two ends of a link in virtual time, over real stores: what each HELLO decides."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from appliance.events import Fact
from appliance.store import outbox
from appliance.store.store import Store
from sync import peer as words
from sync.frames import Ack, Batch, Frame, Hello, Parked, Ping, decode
from sync.identity import Identity
from sync.peer import Away, Peer, PeerEvent, Restarted, Rival, Told, Trouble, Waiting
from sync.streams import StoreStreams


class End:
    """A store and its machine, and what the machine told."""

    def __init__(
        self, folder: Path, site: int, far: int, incarnation: int = 0, name: str = "", url: str = ""
    ) -> None:
        self.store = Store(url or folder / f"{name or site}.db", site, bind=False)
        self.held = ExitStack()
        self.held.enter_context(self.store.connection())
        self.site, self.far = site, far
        self.incarnation = incarnation or site + 1000
        self.session = 0
        self.told: list[PeerEvent] = []
        self.start(0.0)

    def start(self, now: float) -> None:
        self.session += 1
        self.streams = StoreStreams(self.store, outbox.peer_name(self.far), self.far)
        me = Identity(self.site, self.incarnation, self.incarnation * 100 + self.session)
        self.peer = Peer(self.streams, me, self.far, now, lambda: 0, batch_events=4)
        self.peer.connected(now)

    def write(self, count: int, kind: str = "message.noted") -> None:
        for n in range(count):
            self.store.record(Fact(kind, {"n": n}))
        self.offer()

    def offer(self) -> None:
        self.peer.offer(self.streams.standing().out_seq)

    def says(self, now: float) -> list[bytes]:
        data = self.peer.outgoing(now)
        while (event := self.peer.next_event()) is not None:
            self.told.append(event)
        return data

    def eids(self) -> set[bytes]:
        return {row[0] for row in self.store.rows("SELECT eid FROM event")}

    def reasons(self) -> list[str]:
        return [event.reason for event in self.told if isinstance(event, Restarted)]


class Wire:
    """Carries frames at once, unless told to lose them; time stands still unless passed."""

    def __init__(self, hub: End, site: End) -> None:
        self.hub, self.site = hub, site
        self.now = 0.0
        self.lose: type[Frame] | None = None
        self.carried: list[Frame] = []

    def settle(self) -> None:
        for _ in range(100):
            if not self.carry():
                return
        raise AssertionError("they never stop talking")

    def carry(self) -> int:
        self.now += 0.25
        count = 0
        for end, other in ((self.site, self.hub), (self.hub, self.site)):
            end.offer()
            for data in end.says(self.now):
                frame = decode(data)
                self.carried.append(frame)
                count += 1
                if self.lose is None or not isinstance(frame, self.lose):
                    other.peer.receive(data, self.now)
        return count

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.settle()

    def sent(self, kind: type[Frame]) -> int:
        return sum(isinstance(frame, kind) for frame in self.carried)


Ends = Callable[..., End]


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    """Makes ends, and closes them."""
    with ExitStack() as held:

        def make(site: int, far: int, **more: Any) -> End:
            end = End(tmp_path, site, far, **more)
            held.enter_context(end.held)
            return end

        yield make


@pytest.fixture
def hub(ends: Ends) -> End:
    return ends(0, 1)


@pytest.fixture
def site(ends: Ends) -> End:
    return ends(1, 0)


@pytest.fixture
def wire(hub: End, site: End) -> Wire:
    return Wire(hub, site)


def test_after_the_greeting_events_flow_to_the_hub(wire: Wire, hub: End, site: End) -> None:
    site.write(10)
    wire.settle()
    assert hub.eids() == site.eids()
    assert site.peer.sender.acked == 10
    assert wire.sent(Batch) == 3


def test_who_waited_for_events_is_told_at_once_that_none_wait_any_more(
    wire: Wire, hub: End, site: End
) -> None:
    site.write(10)
    wire.settle()
    assert [told.waiting for told in hub.told if isinstance(told, Told)] == [10, 0]
    site.write(10)
    wire.settle()
    assert wire.sent(Ping) == 3, "what is confirmed between two words is not spoken of"


def test_no_more_than_a_window_is_on_its_way(wire: Wire, hub: End, site: End) -> None:
    wire.settle()
    site.write(100)
    wire.now += 0.25
    assert len(site.says(wire.now)) == 8


def test_a_lost_batch_is_asked_for_and_sent_again_from_there(wire: Wire, hub: End, site: End) -> None:
    wire.settle()
    site.write(12)
    lost, *rest = site.says(wire.now)
    assert isinstance(decode(lost), Batch)
    for data in rest:
        hub.peer.receive(data, wire.now)
    wire.settle()
    assert hub.eids() == site.eids()
    assert any(isinstance(frame, Ack) and frame.gap for frame in wire.carried)


def test_when_every_batch_is_lost_patience_doubles_up_to_a_minute(wire: Wire, site: End) -> None:
    wire.settle()
    wire.lose = Batch
    site.write(1)
    moments = []
    for _ in range(1200):
        wire.now += 0.25
        if any(isinstance(decode(data), Batch) for data in site.says(wire.now)):
            moments.append(wire.now)
        wire.hub.peer.receive(b"", wire.now)
        site.peer._heard_s = wire.now
    pauses = [round(b - a) for a, b in pairwise(moments)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert max(pauses) <= 60


def test_lost_acks_cost_repetition_but_nothing_twice(wire: Wire, hub: End, site: End) -> None:
    wire.settle()
    site.write(4)
    wire.lose = Ack
    wire.settle()
    wire.lose = None
    wire.wait(6)
    assert site.peer.sender.acked == 4
    assert hub.store.rows("SELECT count(*) FROM event") == [(4,)]


def test_a_doubled_batch_is_acknowledged_again_and_kept_once(wire: Wire, hub: End, site: End) -> None:
    wire.settle()
    site.write(4)
    (data,) = site.says(wire.now)
    for _ in range(3):
        hub.peer.receive(data, wire.now)
        (ack,) = (decode(said) for said in hub.says(wire.now))
        assert isinstance(ack, Ack)
        assert ack.seq == 4
    assert hub.store.rows("SELECT count(*) FROM event") == [(4,)]


def test_a_batch_overlapping_what_is_known_brings_only_what_is_new(wire: Wire, hub: End, site: End) -> None:
    site.write(2)
    wire.settle()
    site.write(2)
    site.peer.sender.acked = 0
    site.peer.sender.rewind(wire.now)
    wire.settle()
    assert hub.eids() == site.eids()
    assert site.reasons() == hub.reasons() == []


@pytest.mark.sqlite_only
def test_what_finds_no_room_on_the_disk_is_not_acknowledged_and_comes_later(
    wire: Wire, hub: End, site: End
) -> None:
    wire.settle()
    ((pages,),) = hub.store.rows("PRAGMA page_count")
    hub.store.rows(f"PRAGMA max_page_count = {pages}")
    site.store.record(*(Fact("message.noted", {"text": "x" * 50_000, "n": n}) for n in range(3)))
    wire.settle()
    assert site.peer.sender.acked == 0
    assert Trouble("The store takes nothing: database or disk is full.") in hub.told
    hub.store.rows("PRAGMA max_page_count = 1000000")
    wire.wait(6)
    assert hub.eids() == site.eids()


@pytest.mark.parametrize("who", ["hub", "site"])
def test_a_program_started_again_continues_where_it_stood(who: str, wire: Wire, hub: End, site: End) -> None:
    site.write(6)
    wire.settle()
    {"hub": hub, "site": site}[who].start(wire.now)
    batches = wire.sent(Batch)
    wire.settle()
    assert wire.sent(Batch) == batches
    site.write(2)
    wire.settle()
    assert hub.eids() == site.eids()
    assert site.reasons() == hub.reasons() == []


def copy(end: End) -> bytes:
    end.store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return end.store.path.read_bytes()


def restore(end: End, backup: bytes, now: float) -> End:
    end.held.close()
    for suffix in ("-wal", "-shm"):
        end.store.path.with_name(end.store.path.name + suffix).unlink(missing_ok=True)
    end.store.path.write_bytes(backup)
    end.held.enter_context(end.store.connection())
    end.start(now)
    return end


@pytest.mark.sqlite_only
def test_a_site_restored_from_a_backup_gets_back_what_it_had_sent(wire: Wire, hub: End, site: End) -> None:
    site.write(3)
    wire.settle()
    backup = copy(site)
    site.write(5)
    wire.settle()
    everything = site.eids()
    restore(site, backup, wire.now)
    wire.settle()
    assert site.reasons() == [words.LOST]
    assert site.eids() == hub.eids() == everything


@pytest.mark.sqlite_only
def test_a_restored_site_that_wrote_on_is_found_out_by_its_chain(wire: Wire, hub: End, site: End) -> None:
    site.write(3)
    wire.settle()
    backup = copy(site)
    site.write(2)
    wire.settle()
    lost = site.eids()
    restore(site, backup, wire.now)
    site.write(7)
    wire.settle()
    assert site.reasons() == [words.FORKED]
    assert lost < site.eids() == hub.eids()


@pytest.mark.sqlite_only
def test_a_restored_hub_is_sent_again_what_it_lost(wire: Wire, hub: End, site: End) -> None:
    site.write(3)
    wire.settle()
    backup = copy(hub)
    site.write(5)
    wire.settle()
    restore(hub, backup, wire.now)
    wire.settle()
    assert hub.eids() == site.eids()
    assert site.reasons() == []


@pytest.mark.sqlite_only
def test_a_hub_restored_to_before_what_the_site_keeps_in_order_gets_everything(
    wire: Wire, hub: End, site: End
) -> None:
    backup = copy(hub)
    site.write(8)
    wire.settle()
    site.store.execute("UPDATE peer SET acked = 8")
    outbox.prune(site.store, outbox.HUB, 6)
    restore(hub, backup, wire.now)
    wire.settle()
    assert site.reasons() == [words.FORGOTTEN]
    assert hub.eids() == site.eids()


def test_an_empty_database_at_the_site_is_filled_from_the_hub(
    wire: Wire, hub: End, site: End, ends: Ends
) -> None:
    site.write(5, "ticket.created")
    wire.settle()
    fresh = ends(1, 0, incarnation=site.incarnation, name="fresh")
    fresh.session = 50
    fresh.start(wire.now)
    wire.site = fresh
    wire.settle()
    assert fresh.eids() == hub.eids() == site.eids()


def test_a_second_box_with_the_same_number_waits_and_loses_nothing(
    wire: Wire, hub: End, site: End, ends: Ends
) -> None:
    site.write(2)
    wire.settle()
    second = ends(1, 0, incarnation=77, name="second")
    second.write(3)
    rival = Wire(hub, second)
    rival.now = wire.now
    rival.settle()
    assert Waiting(words.RIVAL) in second.told
    assert Rival(77) in hub.told
    assert not hub.eids() & second.eids()
    assert hub.peer.open
    site.write(1)
    wire.now = rival.now
    wire.settle()
    assert site.eids() == hub.eids()

    rival.wait(200)
    assert second.peer.open, "the first has been silent for long: the second may have its name"
    rival.settle()
    assert second.eids() <= hub.eids()


def test_the_first_box_back_from_a_pause_is_the_one_that_waits(
    wire: Wire, hub: End, site: End, ends: Ends
) -> None:
    wire.settle()
    twin = ends(1, 0, incarnation=site.incarnation, name="twin")
    twin.session = 60
    twin.start(wire.now)
    both = Wire(hub, twin)
    both.now = wire.now
    both.settle()
    site.start(both.now)
    site.peer.me = Identity(1, site.incarnation, site.incarnation * 100 + 1)
    for data in site.says(both.now):
        hub.peer.receive(data, both.now)
    assert any(isinstance(decode(data), Parked) for data in hub.says(both.now))


def test_a_late_greeting_of_the_same_run_changes_nothing(wire: Wire, hub: End, site: End) -> None:
    (early,) = site.says(wire.now)
    assert isinstance(decode(early), Hello)
    hub.peer.receive(early, wire.now)
    site.write(4)
    wire.settle()
    hub.peer.receive(early, wire.now)
    assert hub.says(wire.now) == []


def test_a_frame_of_another_version_is_shown_as_a_sentence(wire: Wire, hub: End) -> None:
    hub.peer.receive(b"\x02\x01\x00", 0.0)
    hub.says(0.0)
    assert Trouble("Refused: the other side speaks box-sync/2, this box speaks box-sync/1.") in hub.told


def test_silence_is_noticed_and_asked_about(wire: Wire, hub: End, site: End) -> None:
    wire.settle()
    wire.lose = Frame  # type: ignore[assignment]  # isinstance takes the union
    wire.now += 91
    hub.says(wire.now)
    assert Away(words.SILENT) in hub.told
    assert not hub.peer.open


def test_an_idle_link_says_little(wire: Wire, hub: End, site: End) -> None:
    wire.settle()
    wire.carried.clear()
    for _ in range(600):
        wire.now += 0.75
        wire.carry()
    assert hub.peer.open
    assert len(wire.carried) <= 2 * 600 / 30 + 2


def test_nobody_listening_slows_the_greeting_down(wire: Wire, site: End) -> None:
    said = 0
    for _ in range(600):
        wire.now += 1
        for _data in site.says(wire.now):
            said += 1
            site.peer.absent(wire.now)
    assert 8 <= said <= 25
