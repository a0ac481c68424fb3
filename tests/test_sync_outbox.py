"""Which events go to which peer, in the transaction of the event itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.events import Event, Fact, Stamp
from appliance.store import outbox, streams_view
from appliance.store.store import Store


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "hub.db", 0, bind=False)
    with store.connection():
        yield store


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "site.db", 3, bind=False)
    with store.connection():
        yield store


class Author:
    """Somebody at a site who writes of tickets."""

    def __init__(self, site: int) -> None:
        self.stamp = Stamp(site)

    def created(self) -> Event:
        return self.stamp.event(Fact("ticket.created", {"number": "1", "source": "web"}))

    def edited(self, ticket: bytes) -> Event:
        return self.stamp.event(Fact("ticket.edited", {"fields": {}}, ticket))

    def moved(self, ticket: bytes, move: str, unit_site: object) -> Event:
        return self.stamp.event(Fact("ticket.moved", {"move": move, "unit_site": unit_site}, ticket))


def stream(store: Store, name: str) -> list[bytes]:
    return [eid for (eid,) in store.rows("SELECT eid FROM outgoing WHERE peer = ? ORDER BY seq", name)]


def test_a_box_without_a_hub_keeps_no_stream(site: Store) -> None:
    site.record(Fact("ticket.created", {}))
    assert site.rows("SELECT count(*) FROM outgoing") == [(0,)]


def test_a_peer_added_later_gets_what_was_written_before(site: Store) -> None:
    (before,) = site.record(Fact("ticket.created", {}))
    outbox.add_peer(site, outbox.HUB, 0)
    (after,) = site.record(Fact("call.ringing", {"line": "sip-1"}))
    assert stream(site, outbox.HUB) == [before.eid, after.eid]


def test_adding_a_peer_twice_changes_nothing(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)
    site.record(Fact("ticket.created", {}))
    row = site.rows("SELECT * FROM peer")
    outbox.add_peer(site, outbox.HUB, 0)
    assert site.rows("SELECT * FROM peer") == row


def test_a_site_sends_matters_of_citizens_and_nothing_of_the_box_itself(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)
    kinds = ["ticket.noted", "call.ended", "recording.made", "message.noted", "text.received"]
    sent = [site.record(Fact(kind, {}))[0].eid for kind in kinds]
    site.record(Fact("box.started", {}, b""), Fact("person.signed_in", {}, b""))
    assert stream(site, outbox.HUB) == sent


def test_what_came_from_the_hub_is_not_sent_back(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)
    site.take([Author(0).created()], via=outbox.HUB)
    assert stream(site, outbox.HUB) == []


def test_places_are_dense_and_the_chain_covers_every_event(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)
    for _ in range(3):
        site.record(Fact("message.noted", {}), Fact("message.noted", {}))
    link = outbox.GENESIS
    rows = site.rows("SELECT seq, eid, chain FROM outgoing ORDER BY seq")
    for expected, (seq, eid, chain) in enumerate(rows, start=1):
        link = outbox.chain(link, eid)
        assert (seq, chain) == (expected, link)
    assert site.rows("SELECT out_seq, out_chain FROM peer") == [(6, link)]


def test_an_event_rolled_back_leaves_no_trace_in_the_stream(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)

    def change_of_mind() -> None:
        with site.transaction():
            site.record(Fact("message.noted", {}))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        change_of_mind()
    assert stream(site, outbox.HUB) == []
    assert site.rows("SELECT out_seq FROM peer") == [(0,)]


def test_a_body_too_large_for_the_wire_stays_and_is_shown(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)
    (large,) = site.record(Fact("message.noted", {"text": "x" * outbox.BODY_BYTES}))
    (small,) = site.record(Fact("message.noted", {}))
    assert stream(site, outbox.HUB) == [small.eid]
    assert site.rows("SELECT eid FROM quarantine") == [(large.eid,)]
    outbox.restart(site, outbox.HUB)
    assert stream(site, outbox.HUB) == [small.eid]


def test_the_hub_sends_a_ticket_dispatched_to_a_site_with_its_whole_history(hub: Store) -> None:
    for number in (1, 2):
        outbox.add_peer(hub, outbox.peer_name(number), number)
    one, centre = Author(1), Author(0)
    created = one.created()
    edited = one.edited(created.eid)
    hub.take([created, edited], via="site-001")
    assert stream(hub, "site-001") == stream(hub, "site-002") == []
    moved = centre.moved(created.eid, "dispatch", 2)
    hub.take([moved])
    assert stream(hub, "site-002") == [created.eid, edited.eid, moved.eid]
    assert stream(hub, "site-001") == [moved.eid]


def test_a_redispatch_and_a_sub_order_concern_the_sites_of_their_units(hub: Store) -> None:
    for number in (1, 2, 3):
        outbox.add_peer(hub, outbox.peer_name(number), number)
    centre = Author(0)
    created = centre.created()
    moved = centre.moved(created.eid, "redispatch", 2)
    facts = {"kind": "suborder", "step": "create", "from": "", "to": "SENT", "role": "DP", "unit_site": 3}
    order = centre.stamp.event(Fact("ticket.strand", facts, created.eid))
    proposed = centre.moved(created.eid, "accept", 1)
    hub.take([created, moved, order, proposed])
    assert stream(hub, "site-002") == [event.eid for event in (created, moved, order, proposed)]
    assert stream(hub, "site-003") == stream(hub, "site-002")
    assert stream(hub, "site-001") == []


def test_after_a_dispatch_both_sites_hear_of_each_other(hub: Store) -> None:
    for number in (1, 2):
        outbox.add_peer(hub, outbox.peer_name(number), number)
    created = Author(1).created()
    moved = Author(0).moved(created.eid, "dispatch", 2)
    hub.take([created], via="site-001")
    hub.take([moved])
    answer = Author(2).edited(created.eid)
    hub.take([answer], via="site-002")
    assert stream(hub, "site-001") == [moved.eid, answer.eid]
    assert answer.eid not in stream(hub, "site-002")


def test_a_dispatch_in_the_same_batch_as_the_ticket_sends_nothing_twice(hub: Store) -> None:
    outbox.add_peer(hub, "site-002", 2)
    centre = Author(0)
    created = centre.created()
    events = [created, centre.moved(created.eid, "dispatch", 2), centre.edited(created.eid)]
    hub.take(events)
    assert stream(hub, "site-002") == [event.eid for event in events]


def test_a_site_that_joins_after_the_dispatch_gets_the_ticket(hub: Store) -> None:
    centre = Author(0)
    created = centre.created()
    moved = centre.moved(created.eid, "dispatch", 9)
    hub.take([created, moved])
    outbox.add_peer(hub, "site-009", 9)
    assert stream(hub, "site-009") == [created.eid, moved.eid]


def test_calls_of_one_site_go_to_no_other(hub: Store) -> None:
    outbox.add_peer(hub, "site-002", 2)
    hub.take([Stamp(1).event(Fact("call.ringing", {"line": "x"}))], via="site-001")
    assert stream(hub, "site-002") == []


@pytest.mark.parametrize("unit_site", ["2", None, -1, 1000, 2.5, [2], True])
def test_a_nonsensical_site_in_a_dispatch_concerns_nobody(hub: Store, unit_site: object) -> None:
    created = Author(0).created()
    hub.take([created, Author(0).moved(created.eid, "dispatch", unit_site)])
    assert hub.rows("SELECT * FROM interest") == []


def test_a_dispatch_that_is_no_json_concerns_nobody(hub: Store) -> None:
    outbox.add_peer(hub, "site-002", 2)
    eid = Stamp(0).eid()
    hub.take([Event(eid, eid, "ticket.moved", 1, b'{"move": "dispatch", "unit_site": 2')])
    hub.take([Event(Stamp(0).eid(), eid, "ticket.moved", 1, b'["dispatch"]')])
    assert stream(hub, "site-002") == []


def test_a_new_epoch_is_larger_and_holds_everything_again(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)
    site.record(Fact("message.noted", {}), Fact("message.noted", {}))
    before, (first,) = stream(site, outbox.HUB), site.rows("SELECT out_epoch FROM peer")
    outbox.restart(site, outbox.HUB, above=first[0] + 10**9)
    assert stream(site, outbox.HUB) == before
    assert site.rows("SELECT out_epoch, acked FROM peer") == [(first[0] + 10**9 + 1, 0)]


def test_only_what_is_acknowledged_is_forgotten(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)
    site.record(*(Fact("message.noted", {}) for _ in range(5)))
    with site.transaction():
        site.execute("UPDATE peer SET acked = 3")
    outbox.prune(site, outbox.HUB, 5)
    assert site.rows("SELECT min(seq), max(seq) FROM outgoing") == [(3, 5)]
    assert site.rows("SELECT out_low FROM peer") == [(2,)]


def test_what_waits_and_how_long_can_be_seen(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)
    first, *_ = site.record(*(Fact("message.noted", {}) for _ in range(5)))
    (view,) = streams_view.streams(site, first.at_s + 90)
    assert (view.name, view.state, view.backlog, view.connected) == ("hub", "never", 5, False)
    assert view.oldest_s == pytest.approx(90, abs=0.1)
    with site.transaction():
        site.execute("UPDATE peer SET acked = 5, state = 'connected', seen_s = ?", first.at_s)
    (view,) = streams_view.streams(site, first.at_s + 90)
    assert (view.backlog, view.oldest_s, view.connected) == (0, 0, True)


def test_a_sync_process_that_died_is_not_shown_as_connected(site: Store) -> None:
    outbox.add_peer(site, outbox.HUB, 0)
    with site.transaction():
        site.execute("UPDATE peer SET state = 'connected', seen_s = 1000")
    (view,) = streams_view.streams(site, 2000)
    assert (view.state, view.reason) == ("away", streams_view.NOT_RUNNING)
