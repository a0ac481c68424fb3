"""What the list of calls and a ticket's story tell of ratings and callbacks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.events import Event, Fact
from appliance.people import Actor
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.timeline import steps_of

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "box.db", 1, bind=False)


def write(store: Store, kind: str, facts: Mapping[str, Any], subject: bytes | None = None) -> Event:
    (event,) = store.record(Fact(kind, facts, subject))
    return event


def a_call(store: Store, **more: str) -> bytes:
    return write(store, "call.ringing", {"line": "sip/1", "caller": "139", "called": "12345", **more}).subject


def rated(value: int, of: int = 5) -> dict[str, Any]:
    return {"agent": "1001", "queue": "general", "key": "1", "value": value, "of": of, "round": 1}


@pytest.mark.parametrize(("value", "of", "shown"), [(5, 5, 5), (1, 5, 1), (3, 3, 5), (2, 3, 3), (1, 2, 1)])
def test_a_rating_stands_with_its_call_on_a_scale_of_five(
    store: Store, value: int, of: int, shown: int
) -> None:
    call = a_call(store)
    write(store, "call.rated", rated(value, of), call)
    assert store.rows("SELECT rating FROM call") == [(shown,)]


def test_a_rating_that_makes_no_sense_is_set_aside(store: Store) -> None:
    call = a_call(store)
    write(store, "call.rated", {**rated(1), "value": "many"}, call)
    assert store.rows("SELECT rating FROM call") == [(None,)]
    assert store.rows("SELECT count(*) FROM quarantine") == [(1,)]


def test_a_ticket_tells_how_its_call_was_rated(store: Store) -> None:
    call = a_call(store)
    write(store, "call.rated", rated(4), call)
    ticket = TicketDesk(store).create(AGENT, "phone", {"title": "路灯"}, call=call)
    (step,) = [step for step in steps_of(store, ticket.tid) if step.what == "talk"]
    assert (step.zh, step.en, step.text) == ("来电者评价：满意", "Rated by the caller: Satisfied", "1001")


def test_the_story_of_a_ticket_made_in_a_callback_begins_with_the_call_it_was_asked_in(store: Store) -> None:
    first = a_call(store)
    write(store, "callback.asked", {"queue": "general", "number": "139", "tries": 0}, first)
    second = a_call(store, direction="out", callback_of=first.hex())
    write(store, "callback.done", {"queue": "general", "number": "139", "agent": "1001"}, first)
    ticket = TicketDesk(store).create(AGENT, "phone", {"title": "路灯"}, call=second)
    told = [step.en for step in steps_of(store, ticket.tid)]
    assert told == ["Call", "Asked to be called back", "Call out", "Called back", "Registered"]


def test_a_rebuilt_store_tells_the_same(store: Store) -> None:
    first = a_call(store)
    second = a_call(store, direction="out", callback_of=first.hex())
    write(store, "call.rated", rated(2), second)
    before = store.rows("SELECT cid, rating, callback_of FROM call ORDER BY cid")
    store.rebuild()
    assert store.rows("SELECT cid, rating, callback_of FROM call ORDER BY cid") == before
