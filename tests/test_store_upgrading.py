"""What a release cannot understand is kept, passed on, seen, and understood after an upgrade."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.events import Event, Fact, Stamp
from appliance.store import outbox, projections
from appliance.store.quarantine import listed, retry
from appliance.store.store import Store
from appliance.store.upgrading import FOLDED, apply_pending
from appliance.tickets.bodies import BODIES


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "box.db", 3, bind=False)
    with opened.connection():
        apply_pending(opened)
        yield opened


def ticket_noted(store: Store) -> tuple[bytes, list[Fact]]:
    (created,) = store.record(Fact("ticket.created", {"number": "1", "source": "web"}))
    notes = [Fact("ticket.repeated", {"text": f"again {n}"}, created.subject) for n in range(3)]
    return created.subject, notes


def repeats(store: Store) -> int:
    return int(store.rows("SELECT repeats FROM ticket")[0][0])


def test_an_event_of_a_kind_of_tomorrow_is_kept_raw_and_passed_on(store: Store) -> None:
    outbox.add_peer(store, outbox.HUB, 0)
    subject, _ = ticket_noted(store)
    body = b'{"what":  "nobody knows","eta":1}'
    tomorrow = Event(Stamp(5).eid(), subject, "ticket.teleported", 7, body)
    store.take([tomorrow])
    assert store.history(subject)[-1] == tomorrow
    assert store.rows("SELECT eid FROM outgoing ORDER BY seq DESC LIMIT 1") == [(tomorrow.eid,)]
    assert listed(store) == []


def test_fields_of_tomorrow_are_kept_in_the_log(store: Store) -> None:
    subject, _ = ticket_noted(store)
    body = b'{"fields":{"title":"t"},"smell":"smoke"}'
    store.take([Event(Stamp(5).eid(), subject, "ticket.edited", 2, body)])
    assert store.rows("SELECT title FROM ticket") == [("t",)]
    assert store.history(subject)[-1].body == body


def test_after_an_upgrade_the_new_kinds_are_folded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    subject, facts = ticket_noted(store)
    with monkeypatch.context() as older:
        older.delitem(BODIES, "ticket.repeated")
        apply_pending(store, {kind: 1 for kind in FOLDED if kind != "ticket.repeated"})
        store.record(*facts)
        store.record(Fact("ticket.edited", {"fields": {"title": "later"}}, subject))
        assert repeats(store) == 0
    assert apply_pending(store) == 3
    assert repeats(store) == 3
    shown = store.rows("SELECT * FROM ticket")
    store.rebuild()
    assert store.rows("SELECT * FROM ticket") == shown
    assert apply_pending(store) == 0, "once is enough"


def test_a_new_form_of_a_known_kind_is_folded_anew(store: Store) -> None:
    subject, _ = ticket_noted(store)
    event = Event(Stamp(5).eid(), subject, "ticket.edited", 2, b'{"fields":{"title":"t"}}')
    store.take([event])
    assert apply_pending(store, {**FOLDED, "ticket.edited": 2}) == 1


def test_kinds_of_calls_are_folded_by_folding_everything(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ringing,) = store.record(Fact("call.ringing", {"line": "x"}))
    with monkeypatch.context() as older:
        older.delitem(projections.PROJECTORS, "call.queued")
        apply_pending(store, {kind: 1 for kind in FOLDED if kind != "call.queued"})
        store.record(Fact("call.queued", {"queue": "main"}, ringing.subject))
        assert store.rows("SELECT queue FROM call") == [("",)]
    assert apply_pending(store) == 1
    assert store.rows("SELECT queue FROM call") == [("main",)]


def test_going_back_to_an_older_release_and_up_again_misses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, facts = ticket_noted(store)
    store.record(facts[0])
    with monkeypatch.context() as older:
        older.delitem(BODIES, "ticket.repeated")
        apply_pending(store, {kind: 1 for kind in FOLDED if kind != "ticket.repeated"})
        store.record(*facts[1:])
    apply_pending(store)
    assert repeats(store) == 3


def test_what_could_not_be_folded_is_listed_and_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, facts = ticket_noted(store)

    def narrow(store: Store, event: Event) -> None:
        raise ValueError("a fault of this release")

    with monkeypatch.context() as faulty:
        faulty.setitem(projections.FAMILIES, "ticket", narrow)
        (event,) = store.take([Stamp(5).event(facts[0])], via="hub")
    (one,) = listed(store)
    assert (one.eid, one.kind, one.via, one.subject) == (event.eid, "ticket.repeated", "hub", subject)
    assert "a fault of this release" in one.reason
    assert retry(store) == (1, 0)
    assert listed(store) == []
    assert repeats(store) == 1


def test_what_still_cannot_be_folded_or_sent_stays_listed(store: Store) -> None:
    outbox.add_peer(store, outbox.HUB, 0)
    subject, _ = ticket_noted(store)
    store.record(Fact("message.noted", {"text": "x" * outbox.BODY_BYTES}))
    store.take([Event(Stamp(5).eid(), subject, "ticket.edited", 1, b'{"fields": 1}')])
    assert retry(store) == (0, 2)
    assert sorted(one.kind for one in listed(store)) == ["message.noted", "ticket.edited"]


def test_the_command_lists_and_tries_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "box.db", 1)
    subject, _ = ticket_noted(store)
    store.take([Event(Stamp(5).eid(), subject, "ticket.edited", 1, b'{"fields": 1}')], via="site-005")
    data = ["--data", str(tmp_path)]
    assert main([*data, "quarantine"]) == 0
    assert "ticket.edited  site-005" in capsys.readouterr().out
    assert main([*data, "quarantine", "list", "--json"]) == 0
    assert '"kind": "ticket.edited"' in capsys.readouterr().out
    assert main([*data, "quarantine", "retry"]) == 1
    assert capsys.readouterr().out == "0 understood now, 1 still set aside\n"
