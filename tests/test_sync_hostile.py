"""Hostile and broken peers: nothing that comes over the wire does harm, and the link goes on."""

import os
import random
import zlib
from collections.abc import Callable

import msgspec
import pytest
import zstandard

from appliance.events import FUTURE_LIMIT_MS, Event, Fact, Stamp, wall_ms
from appliance.store.store import Store
from sync import frames
from sync import peer as words
from sync.frames import Batch, Hello, Parked, decode, encode
from sync.peer import Noticed, Trouble, Waiting
from tests.test_sync_peer import End, Ends, Wire, ends, hub, site

__all__ = ["ends", "hub", "site"]


@pytest.fixture
def wire(hub: End, site: End) -> Wire:
    link = Wire(hub, site)
    site.write(4)
    link.settle()
    return link


def batch_of(site: End, events: list[Event], first: int, **changed: object) -> bytes:
    """A batch as the site would send it, with events of one's own."""
    head = (site.site, site.peer.me.session, site.peer.session)
    prev = site.streams.chain(first - 1) or bytes(8)
    listed = [(e.eid, e.subject, e.kind, e.ver, e.body) for e in events]
    batch = Batch(*head, site.peer.sender.epoch, first, prev, 1, listed)
    return encode(msgspec.structs.replace(batch, **changed))


def note(site: int = 1, ahead_ms: int = 0) -> Event:
    return Stamp(site, lambda: wall_ms() + ahead_ms).event(Fact("message.noted", {"text": "x"}))


def still_works(wire: Wire, hub: End, site: End) -> None:
    site.write(3)
    wire.wait(7)
    assert site.eids() <= hub.eids()
    assert hub.peer.open
    assert site.peer.open


def test_a_frame_in_the_name_of_another_site_is_not_heard(wire: Wire, hub: End, site: End) -> None:
    before = hub.eids()
    hub.peer.receive(batch_of(site, [note()], 5, src=2), wire.now)
    hub.says(wire.now)
    assert hub.eids() == before
    still_works(wire, hub, site)


def test_a_frame_of_a_former_run_is_not_heard(wire: Wire, hub: End, site: End) -> None:
    before = hub.eids()
    for changed in ({"session": 7}, {"to": 7}):
        hub.peer.receive(batch_of(site, [note()], 5, **changed), wire.now)
        hub.says(wire.now)
    assert hub.eids() == before
    still_works(wire, hub, site)


def test_everything_ever_said_may_be_replayed_in_any_order(hub: End, site: End) -> None:
    link = Wire(hub, site)
    tape: list[bytes] = []
    sound = site.peer.receive

    def recording(data: bytes, now: float, hear: Callable[[bytes, float], None] = hub.peer.receive) -> None:
        tape.append(data)
        hear(data, now)

    hub.peer.receive = recording  # type: ignore[method-assign]
    site.write(30)
    link.settle()
    assert sound is not None
    before = hub.store.rows("SELECT count(*) FROM event")
    dice = random.Random(5)
    for _ in range(3):
        shuffled = tape[:]
        dice.shuffle(shuffled)
        for data in shuffled:
            type(hub.peer).receive(hub.peer, data, link.now)
            hub.says(link.now)
    assert hub.store.rows("SELECT count(*) FROM event") == before
    assert hub.reasons() == site.reasons() == []
    still_works(link, hub, site)


def test_a_truncated_frame_is_refused_at_any_length(wire: Wire, hub: End, site: End) -> None:
    whole = batch_of(site, [note() for _ in range(5)], 5)
    before = hub.eids()
    for length in range(len(whole)):
        hub.peer.receive(whole[:length], wire.now)
    hub.says(wire.now)
    assert hub.eids() == before
    still_works(wire, hub, site)


def test_an_oversized_frame_is_refused_unread(wire: Wire, hub: End, site: End) -> None:
    hub.peer.receive(bytes((1, 2, 0)) + os.urandom(frames.FRAME_WIRE_BYTES), wire.now)
    hub.says(wire.now)
    assert any(isinstance(event, Trouble) and "over the limit" in event.reason for event in hub.told)
    still_works(wire, hub, site)


@pytest.mark.parametrize("codec", [frames.ZSTD, frames.ZLIB])
def test_a_decompression_bomb_is_refused(codec: int, wire: Wire, hub: End, site: End) -> None:
    bomb = bytes(200_000_000)
    packed = zstandard.compress(bomb) if codec == frames.ZSTD else zlib.compress(bomb)
    hub.peer.receive(bytes((1, 2, codec)) + packed, wire.now)
    hub.says(wire.now)
    assert any(isinstance(event, Trouble) and "over the limit" in event.reason for event in hub.told)
    still_works(wire, hub, site)


def test_a_batch_out_of_order_passes_no_gap(wire: Wire, hub: End, site: End) -> None:
    before = hub.eids()
    hub.peer.receive(batch_of(site, [note()], 9), wire.now)
    hub.says(wire.now)
    assert hub.eids() == before
    still_works(wire, hub, site)


def test_a_forged_batch_on_the_right_place_is_found_by_the_chain(wire: Wire, hub: End, site: End) -> None:
    hub.peer.receive(batch_of(site, [note()], 5, prev=b"forged!!"), wire.now)
    hub.says(wire.now)
    assert hub.peer.receiver.seq == 4
    still_works(wire, hub, site)


def test_what_a_stolen_name_wrote_is_kept_and_the_true_box_loses_nothing(
    wire: Wire, hub: End, site: End
) -> None:
    """Who has certificate and session may append; the true box is asked, and both lists are kept."""
    stolen = note()
    hub.peer.receive(batch_of(site, [stolen], 5), wire.now)
    hub.says(wire.now)
    site.write(3)
    wire.wait(7)
    wire.wait(30)
    assert site.eids() <= hub.eids()
    assert stolen.eid in hub.eids()


@pytest.mark.parametrize("ahead_ms", [FUTURE_LIMIT_MS * 2, 25 * 365 * 86_400_000])
def test_an_event_of_the_future_is_kept_and_not_followed(
    ahead_ms: int, wire: Wire, hub: End, site: End
) -> None:
    future = note(ahead_ms=ahead_ms)
    site.store.take([future])
    site.store.record(Fact("message.noted", {"n": 1}))
    wire.wait(7)
    assert future.eid in hub.eids()
    (ours,) = hub.store.record(Fact("message.noted", {"n": 2}))
    assert ours.eid < future.eid
    hub.held.close()
    again = Store(hub.store.path, 0, bind=False)
    assert again.record(Fact("message.noted", {"n": 3}))[0].eid < future.eid, "nor after a restart"


def test_what_is_said_of_a_ticket_from_the_future_still_sorts_behind_it(wire: Wire, hub: End) -> None:
    stamp = Stamp(1, lambda: wall_ms() + 25 * 365 * 86_400_000)
    created = stamp.event(Fact("ticket.created", {"number": "1", "source": "web"}))
    hub.store.take([created])
    titles = ({"fields": {"title": title}} for title in ("first", "second"))
    events = hub.store.record(*(Fact("ticket.edited", facts, created.subject) for facts in titles))
    assert created.eid < events[0].eid < events[1].eid
    assert hub.store.rows("SELECT title FROM ticket") == [("second",)]
    assert hub.store.record(Fact("message.noted", {}))[0].eid < created.eid


def test_a_box_whose_clock_says_1970_writes_behind_what_it_wrote(site: End) -> None:
    (before,) = site.store.record(Fact("message.noted", {}))
    site.store.keep_time(lambda: 5_000)
    ticket = site.store.record(Fact("ticket.created", {"number": "1", "source": "web"}))[0]
    edited = site.store.record(Fact("ticket.edited", {"fields": {"title": "t"}}, ticket.subject))[0]
    site.store.keep_time(wall_ms)
    again = site.store.record(Fact("ticket.edited", {"fields": {"title": "u"}}, ticket.subject))[0]
    assert ticket.eid < edited.eid < again.eid
    assert before.eid < again.eid


def test_both_boxes_of_one_number_are_told(wire: Wire, hub: End, site: End, ends: Ends) -> None:
    twin = ends(1, 0, incarnation=77, name="twin")
    twin.write(2)
    (greeting,) = twin.says(wire.now)
    hub.peer.receive(greeting, wire.now)
    told = [decode(data) for data in hub.says(wire.now)]
    (parked,) = [frame for frame in told if isinstance(frame, Parked)]
    twin.peer.receive(encode(parked), wire.now)
    for frame in told:
        site.peer.receive(encode(frame), wire.now)
    twin.says(wire.now)
    site.says(wire.now)
    assert Waiting(words.RIVAL) in twin.told
    assert Noticed(words.TWIN) in site.told
    twin.held.close()
    still_works(wire, hub, site)


@pytest.mark.parametrize(
    ("theirs", "told"),
    [((1, 3), Noticed(words.NEWER)), ((3, 5), Waiting(words.TOO_NEW)), ((4, 6), Waiting(words.TOO_NEW))],
)
def test_a_newer_release_is_understood_as_far_as_two_back(
    theirs: tuple[int, int], told: Noticed | Waiting, hub: End, site: End
) -> None:
    hub.peer.schemas = theirs
    site.write(2)
    link = Wire(hub, site)
    link.settle()
    assert told in site.told
    assert (site.eids() == hub.eids()) == isinstance(told, Noticed)
    if isinstance(told, Waiting):
        assert Waiting(words.TOO_OLD) in hub.told
        hub.peer.schemas = (1, 3)
        link.wait(70)
        assert site.eids() == hub.eids()


def test_hello_of_an_older_release_without_later_fields_is_understood(hub: End, site: End) -> None:
    link = Wire(hub, site)
    greeting = decode(site.says(link.now)[0])
    assert isinstance(greeting, Hello)
    raw = msgspec.msgpack.decode(msgspec.msgpack.encode(greeting))[:-1]
    hub.peer.receive(bytes((1, 1, 0)) + msgspec.msgpack.encode(raw), link.now)
    hub.says(link.now)
    assert hub.peer.session == site.peer.me.session
