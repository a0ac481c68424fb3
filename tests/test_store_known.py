"""What was read in a transaction is known until it ends, and no longer: others write between two of them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.starter import begin
from appliance.people import BOX, Actor
from appliance.refused import Refused
from appliance.store import outbox
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.ticket import Ticket
from tests.test_house_rules import MAY_IMPORT, named, sources

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
ADMIN = Actor("9001", "管理员", frozenset({"AD"}))
SAID = {"kind": "repair", "title": "路灯不亮", "content": "三盏路灯不亮", "category": "0101"}
MOST_STATEMENTS = {"submit": 15, "accept": 16, "dispatch": 16}
"""Of a step with all that follows from it, each row written counted."""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "box.db", 1, bind=False)
    Dictionary(store).write(BOX, begin)
    with store.connection():
        yield store


@pytest.fixture
def there(here: Store) -> Iterator[Store]:
    """The same database in another process."""
    store = Store(here.path, 1, bind=False)
    with store.connection():
        yield store


def told(store: Store) -> Ticket:
    return TicketDesk(store).create(AGENT, "phone", SAID)


def test_what_another_process_did_is_seen_by_the_next_step(here: Store, there: Store) -> None:
    ours, theirs = TicketDesk(here), TicketDesk(there)
    ticket = told(here)
    assert theirs.move(AGENT, ticket.tid, "submit", seen=ticket.last_eid).state == "REGISTERED"
    with pytest.raises(Refused, match="meanwhile"):
        ours.move(AGENT, ticket.tid, "submit", seen=ticket.last_eid)
    moved = ours.move(AGENT, ticket.tid, "accept")
    assert moved == theirs.get(ticket.tid) == ours.get(ticket.tid)
    eids = [bytes(eid) for (eid,) in here.rows("SELECT eid FROM event ORDER BY pos")]
    assert eids == sorted(eids)


def test_a_right_taken_away_in_another_process_is_gone_at_the_next_step(here: Store, there: Store) -> None:
    desk = TicketDesk(here)
    first, second = told(here), told(here)
    desk.move(AGENT, first.tid, "submit")
    Dictionary(there).set(ADMIN, "right", "move.submit", {"roles": ["TL"]})
    with pytest.raises(Refused, match="role"):
        desk.move(AGENT, second.tid, "submit")


def test_a_unit_dissolved_in_the_transaction_itself_is_given_nothing_in_it(here: Store) -> None:
    desk = TicketDesk(here)
    ticket = told(here)
    for name in ("submit", "accept"):
        desk.move(AGENT, ticket.tid, name)
    with here.transaction():
        with suppress(InterruptedError), here.savepoint():
            assert desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "bus"}).unit == "bus"
            raise InterruptedError
        desk.dictionary.retire(ADMIN, "unit", "bus")
        with pytest.raises(Refused):
            desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "bus"})


def test_what_is_taken_back_is_forgotten(here: Store) -> None:
    desk = TicketDesk(here)
    ticket = told(here)
    with here.transaction():
        with suppress(InterruptedError), here.savepoint():
            assert desk.move(AGENT, ticket.tid, "submit").state == "REGISTERED"
            desk.dictionary.set(ADMIN, "parameter", "info_times", {"value": 7})
            assert desk.bounds.asks == 7
            raise InterruptedError
        assert desk.get(ticket.tid) == ticket
        assert desk.bounds.asks == 2
    assert desk.move(AGENT, ticket.tid, "submit").state == "REGISTERED"


def test_the_first_peer_is_sent_what_follows_in_the_same_transaction(here: Store) -> None:
    with here.transaction():
        ticket = told(here)
        outbox.add_peer(here, outbox.HUB, 0)
        TicketDesk(here).move(AGENT, ticket.tid, "submit")
    sent = "SELECT o.eid FROM outgoing AS o JOIN event AS e ON e.eid = o.eid WHERE e.kind LIKE 'ticket.%'"
    assert here.rows(f"{sent} ORDER BY o.seq") == here.rows(
        "SELECT eid FROM event WHERE kind LIKE 'ticket.%' ORDER BY pos"
    )


def test_a_step_returns_the_ticket_as_the_table_has_it(here: Store) -> None:
    desk = TicketDesk(here)
    ticket = told(here)
    given: dict[str, object] = {"unit": "lamp", "assisting": ["water"]}
    for actor, name in ((AGENT, "submit"), (AGENT, "accept"), (DISPATCHER, "dispatch")):
        fields = given if name == "dispatch" else {}
        moved = desk.move(actor, ticket.tid, name, fields)
        assert moved == desk.get(ticket.tid)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("name", MOST_STATEMENTS)
def test_a_step_asks_the_database_no_more_than_it_must(here: Store, name: str) -> None:
    desk = TicketDesk(here)
    ticket = told(here)
    given: dict[str, dict[str, object]] = {"dispatch": {"unit": "lamp"}}
    for before in list(MOST_STATEMENTS)[: list(MOST_STATEMENTS).index(name)]:
        desk.move(DISPATCHER if before != "submit" else AGENT, ticket.tid, before, given.get(before, {}))
    asked: list[str] = []
    here.database.connection().set_trace_callback(asked.append)
    desk.move(DISPATCHER if name != "submit" else AGENT, ticket.tid, name, given.get(name, {}))
    here.database.connection().set_trace_callback(None)
    said = [sql for sql in asked if not sql.startswith(("--", "BEGIN", "COMMIT"))]
    assert 5 < len(said) <= MOST_STATEMENTS[name], said


@pytest.mark.sqlite_only
def test_what_was_written_is_brought_home_without_waiting_for_anybody(here: Store, there: Store) -> None:
    ticket = told(here)
    there.checkpoint()
    alone = here.path.with_name("alone.db")
    alone.write_bytes(here.path.read_bytes())
    assert Store(alone, 1, bind=False).rows("SELECT number FROM ticket") == [(ticket.number,)]


def test_only_the_store_opens_transactions() -> None:
    past = [
        named(path)
        for path in sources(*MAY_IMPORT, suffixes={".py"})
        if any(word in path.read_text("utf-8") for word in ("database.atomic(", "database.savepoint("))
    ]
    assert past == ["appliance/store/store.py"]
