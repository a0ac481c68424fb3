"""Folding all anew gives what folding event by event gave, whatever came and in whatever order."""

import os
import random
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.events import Event, Fact, Stamp
from appliance.store import schema
from appliance.store.store import Store
from appliance.tickets import parts, rebuilding
from appliance.tickets.finder import Finder
from appliance.tickets.finding import Query
from tests.engines import full_text
from tests.test_tickets_fold import history, steps

AT_MS = 1_800_000_000_000
usage = namedtuple("usage", "total used free")


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


def later(ms: int, number: str) -> Event:
    return Stamp(1, lambda: AT_MS + ms).event(Fact("ticket.created", {"number": number, "source": "web"}))


def long_log() -> list[Event]:
    """Crowds of tickets apart from each other, what cannot be folded, and a part for another unit."""
    events: list[Event] = []
    for crowd in range(6):
        stamp = Stamp(1, lambda ms=crowd * 60_000: AT_MS + ms)  # type: ignore[misc]
        for nth in range(5):
            created = stamp.event(
                Fact(
                    "ticket.created", {"number": f"{crowd}{nth}", "source": "web", "fields": {"phone": "100"}}
                )
            )
            bad = stamp.event(Fact("ticket.edited", {"fields": {"title": 7}}, created.eid))
            good = stamp.event(Fact("ticket.edited", {"fields": {"title": "路灯"}}, created.eid))
            order = {
                "kind": "suborder",
                "step": "create",
                "from": "",
                "to": "SENT",
                "role": "DP",
                "unit": "lamp",
            }
            opened = stamp.event(Fact("ticket.strand", order | {"due": AT_MS / 1000}, created.eid))
            events += [created, bad, good, opened]
    return events


@pytest.fixture
def taken_apart(monkeypatch: pytest.MonkeyPatch) -> list[list[bytes]]:
    """The bounds of the parts of each rebuilding; any log is long, and there are three processors."""
    monkeypatch.setattr(parts, "LONG", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    seen: list[list[bytes]] = []
    bounds_of = parts.bounds_of

    def noted(store: Store) -> list[bytes]:
        seen.append(bounds_of(store))
        return seen[-1]

    monkeypatch.setattr(parts, "bounds_of", noted)
    return seen


@pytest.mark.sqlite_only
def test_a_long_log_is_folded_in_parts_and_the_tables_are_the_same(
    store: Store, taken_apart: list[list[bytes]]
) -> None:
    emptied(store).take(random.Random(7).sample(events := long_log(), len(events)))
    assert_the_same_anew(store)
    first, *cuts, last = taken_apart[-1]
    assert (first, last) == (parts.FIRST, parts.LAST)
    assert len(cuts) == 2
    ((unit, dated),) = set(store.rows("SELECT concerned, sub_due_s FROM ticket_facet"))
    assert (unit, dated) == ("lamp", AT_MS / 1000)
    assert store.rows("SELECT count(*) FROM quarantine") == [(30,)]


@pytest.mark.sqlite_only
def test_what_was_folded_in_parts_is_found_and_goes_on(store: Store, taken_apart: list[list[bytes]]) -> None:
    emptied(store).take(events := long_log())
    store.rebuild()
    finder = Finder(store)
    assert finder.find(Query(text="路灯")).total == 30
    after = Stamp(1, lambda: AT_MS + 600_000)
    store.take([after.event(Fact("ticket.edited", {"fields": {"title": "井盖"}}, events[0].subject))])
    assert finder.find(Query(text="路灯")).total == 29
    assert finder.find(Query(text="井盖")).total == 1
    store.execute("INSERT INTO ticket_text (ticket_text) VALUES ('integrity-check')")
    assert len(taken_apart[-1]) == 4


@pytest.mark.sqlite_only
def test_parts_are_copied_into_a_table_an_older_version_made(
    tmp_path: Path, taken_apart: list[list[bytes]]
) -> None:
    """Columns that came later stand behind all others there."""
    store = Store(tmp_path / "box.db", 1, bind=False)
    with store.database.connection_context(), store.transaction():
        for table, column in (("ticket", "grid"), ("ticket", "home"), ("strand", "ahead_wd")):
            store.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    store = Store(tmp_path / "box.db", 1, bind=False)
    with store.database.connection_context():
        assert store.rows("PRAGMA table_info(ticket)")[-1][1] == "home"
        store.take(long_log())
        assert_the_same_anew(store)
        assert len(taken_apart[-1]) == 4


@pytest.mark.sqlite_only
def test_a_log_is_cut_only_where_no_crowd_reaches_over(store: Store, taken_apart: list[list[bytes]]) -> None:
    stamp = Stamp(1, lambda: AT_MS)
    crowd = [stamp.event(Fact("ticket.created", {"number": str(n), "source": "web"})) for n in range(40)]
    near = [later(ms, f"9{ms}") for ms in range(1, 10)]
    far = later(60_000, "8")
    emptied(store).take([*crowd, *near, far])
    assert_the_same_anew(store)
    assert taken_apart[-1] == [parts.FIRST, near[-1].eid, parts.LAST]


@pytest.mark.sqlite_only
def test_what_the_same_transaction_wrote_is_folded_by_this_process(
    store: Store, taken_apart: list[list[bytes]]
) -> None:
    emptied(store)
    with store.transaction():
        store.take(long_log())
        before = tables(store)
        store.rebuild()
        assert tables(store) == before
    assert taken_apart[-1] == []
    assert list(store.path.parent.glob("rebuild-*")) == []


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


@pytest.mark.sqlite_only
def test_where_the_disk_has_no_room_for_parts_this_process_folds_alone(
    store: Store, taken_apart: list[list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(store).take(long_log())
    monkeypatch.setattr(parts, "disk_usage", lambda _: usage(total=10**9, used=10**9 - 1000, free=1000))
    assert_the_same_anew(store)
    assert taken_apart[-1] == []


@pytest.mark.sqlite_only
def test_all_indexes_are_there_again_when_all_was_folded_anew(store: Store) -> None:
    emptied(store).take(long_log())
    indexes = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' ORDER BY 1, 2"
    before = store.rows(indexes)
    assert ("ticket", "ticket_number") in before
    with store.transaction():
        store.execute("CREATE INDEX ticket_created_s ON ticket (created_s)")
    store.rebuild()
    assert store.rows(indexes) == before
