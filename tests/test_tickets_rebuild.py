"""Folding all anew gives what folding event by event gave, whatever came and in whatever order."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.events import Event, Fact, Stamp
from appliance.store import schema
from appliance.store.store import Store
from appliance.tickets import rebuilding
from tests.engines import full_text
from tests.test_tickets_fold import history, steps

AT_MS = 1_800_000_000_000


@pytest.fixture(scope="module")
def store(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("rebuild") / "box.db", 1, bind=False)
    with store.database.connection_context():
        yield store


def emptied(store: Store) -> Store:
    with store.transaction():
        store.execute("DELETE FROM event")
        store.execute("DELETE FROM quarantine")
    store.rebuild()
    return store


def tables(store: Store) -> dict[str, list[Any]]:
    """Every projection and the terms of the full text."""
    names = [table._meta.table_name for table in schema.PROJECTIONS]
    found = {name: sorted(store.rows(f'SELECT * FROM "{name}"'), key=repr) for name in names}
    found["terms"] = full_text(store)
    return found


def assert_the_same_anew(store: Store) -> None:
    before, aside = tables(store), store.rows("SELECT eid FROM quarantine ORDER BY eid")
    store.rebuild()
    assert tables(store) == before
    assert store.rows("SELECT eid FROM quarantine ORDER BY eid") == aside


@settings(max_examples=40, deadline=None)
@given(
    scripts=st.lists(st.lists(steps, max_size=6), min_size=1, max_size=4),
    backwards=st.integers(0, 8),
    chance=st.randoms(use_true_random=False),
    size=st.integers(1, 5),
)
def test_any_events_in_any_order_give_the_same_tables_anew(
    store: Store,
    scripts: list[list[tuple[str, int, dict[str, object]]]],
    backwards: int,
    chance: random.Random,
    size: int,
) -> None:
    events = [event for script in scripts for event in history(script, backwards)]
    order = chance.sample(events, len(events))
    emptied(store)
    for at in range(0, len(order), size):
        store.take(order[at : at + size])
    assert_the_same_anew(store)


def test_another_process_helps_with_a_long_log_and_the_tables_are_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "LONG", 0)
    monkeypatch.setattr(rebuilding, "WRITTEN", 2)
    stamp = Stamp(1, lambda: AT_MS)
    events: list[Event] = []
    for ticket in range(12):
        created = stamp.event(Fact("ticket.created", {"number": str(ticket), "source": "web"}))
        bad = stamp.event(Fact("ticket.edited", {"fields": {"title": 7}}, created.eid))
        good = stamp.event(Fact("ticket.edited", {"fields": {"title": "路灯"}}, created.eid))
        events += [created, bad, good]
    emptied(store).take(events)
    assert_the_same_anew(store)


def test_tickets_of_one_millisecond_keep_the_places_they_came_to(store: Store) -> None:
    stamp = Stamp(1, lambda: AT_MS)
    events = [stamp.event(Fact("ticket.created", {"number": str(n), "source": "web"})) for n in range(9)]
    emptied(store).take(random.Random(4).sample(events, 9))
    assert_the_same_anew(store)


def test_what_came_before_the_beginning_of_its_ticket_gives_it_no_earlier_place(store: Store) -> None:
    stamp = Stamp(1, lambda: AT_MS)
    first, second = (
        stamp.event(Fact("ticket.created", {"number": str(n), "source": "web"})) for n in range(2)
    )
    noted = stamp.event(Fact("ticket.noted", {"text": "x"}, second.eid))
    emptied(store).take([noted, first, second])
    places = [bytes(tid) for (tid,) in store.rows("SELECT tid FROM ticket_facet ORDER BY doc")]
    assert places == [first.eid, second.eid]
    assert_the_same_anew(store)


def test_a_remark_of_another_box_makes_no_conflict_of_what_one_box_did(store: Store) -> None:
    here, there = Stamp(1, lambda: AT_MS), Stamp(2, lambda: AT_MS + 1000)
    created = here.event(Fact("ticket.created", {"number": "1", "source": "phone"}))
    late = {"move": "accept", "from": "REGISTERED", "to": "ACCEPTED", "role": "DP"}
    moved = here.event(Fact("ticket.moved", late, created.eid))
    emptied(store).take([created, moved])
    store.take([there.event(Fact("ticket.noted", {"text": "x"}, created.eid))])
    assert store.rows("SELECT conflicts FROM ticket") == [(1,)]
    assert store.rows("SELECT * FROM conflict") == []
    assert_the_same_anew(store)


def test_a_history_longer_than_is_read_at_once_is_one_ticket(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "READ", 3)
    monkeypatch.setattr(rebuilding, "WRITTEN", 2)
    stamp = Stamp(1, lambda: AT_MS)
    events: list[Event] = []
    for ticket in range(5):
        created = stamp.event(Fact("ticket.created", {"number": str(ticket), "source": "web"}))
        noted = [stamp.event(Fact("ticket.noted", {"text": "x"}, created.eid)) for _ in range(ticket * 2)]
        events += [created, *noted]
    emptied(store).take(events)
    assert_the_same_anew(store)


def test_what_cannot_be_written_is_set_aside_and_the_rest_of_the_ticket_stays(store: Store) -> None:
    stamp = Stamp(1, lambda: AT_MS)
    created = stamp.event(Fact("ticket.created", {"number": "1", "source": "web"}))
    facts = {"move": "accept", "from": "REGISTERED", "to": "ACCEPTED", "role": "DP", "unit_site": 2**70}
    huge = stamp.event(Fact("ticket.moved", facts, created.eid))
    after = stamp.event(Fact("ticket.edited", {"fields": {"title": "路灯"}}, created.eid))
    emptied(store).take([created, huge, after])
    assert_the_same_anew(store)
    assert store.rows("SELECT state, title FROM ticket") == [("REGISTERED", "路灯")]


def test_a_message_that_came_behind_its_ticket_is_not_joined_to_it_anew_either(store: Store) -> None:
    stamp = Stamp(1, lambda: AT_MS)
    texts = [
        stamp.event(Fact("text.received", {"line": "gsm", "number": "100", "text": "路灯"})) for _ in range(2)
    ]
    tickets = [
        stamp.event(Fact("ticket.created", {"number": "1", "source": "sms", "message": text.eid.hex()}))
        for text in texts
    ]
    emptied(store).take([texts[0], *tickets, texts[1]])
    assert [bool(ticket) for (ticket,) in store.rows("SELECT ticket FROM short_message ORDER BY mid")] == [
        True,
        False,
    ]
    assert_the_same_anew(store)
