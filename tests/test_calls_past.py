"""What a call process that starts knows of its earlier life, however long the journal is."""

from pathlib import Path
from typing import Any

import pytest

from appliance.calls import past as pasts
from appliance.calls.past import Past, keep, read_past
from appliance.events import Event, Fact, Stamp
from appliance.journal import FileJournal

STAMP = Stamp(1)
ASKED = {"queue": "general", "number": "139", "caller": "138", "since_s": 5.0, "priority": 2, "place": 4}


def call(caller: str, *more: tuple[str, dict[str, Any]]) -> list[Event]:
    """The events of one call."""
    cid = STAMP.eid()
    facts = [("call.ringing", {"caller": caller}), *more]
    return [STAMP.event(Fact(kind, body, cid)) for kind, body in facts]


def answered(caller: str, agent: str) -> list[Event]:
    return call(caller, ("call.answered", {"agent": agent}), ("call.ended", {"outcome": "answered"}))


def asked(*more: tuple[str, dict[str, Any]]) -> tuple[str, list[Event]]:
    """A callback, and what became of it; by the call it was asked in."""
    events = call("138", ("callback.asked", ASKED), ("call.ended", {"outcome": "callback"}), *more)
    return events[0].subject.hex(), events


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "journal", segment_bytes=20_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "past.json"


def test_callers_come_back_to_whom_they_spoke_with_last(journal: FileJournal, path: Path) -> None:
    journal.append([*answered("138", "1001"), *answered("139", "1002"), *answered("138", "1003")])
    spoke = read_past(journal, path).spoke
    assert {caller: agent for caller, (agent, _) in spoke.items()} == {"138": "1003", "139": "1002"}
    assert list(spoke) == ["139", "138"], "who spoke longest ago is forgotten first"


def test_a_callback_waits_with_its_place_and_tries_until_it_is_over(journal: FileJournal, path: Path) -> None:
    waits, events = asked(("callback.begun", {}), ("callback.failed", {"tries": 1}))
    given_up, more = asked(("callback.failed", {"tries": 3}), ("callback.given_up", {}))
    done = asked(("callback.done", {}))[1]
    cancelled = asked(
        ("callback.failed", {"tries": 3}), ("callback.given_up", {}), ("callback.cancelled", {})
    )[1]
    journal.append([*events, *more, *done, *cancelled])
    past = read_past(journal, path)
    assert set(past.callbacks) == {waits, given_up}
    kept = past.callbacks[waits]
    assert (kept.number, kept.place, kept.priority, kept.since_s) == ("139", 4, 2, 5.0)
    assert (kept.tries, kept.given_up) == (1, False)
    assert (past.callbacks[given_up].tries, past.callbacks[given_up].given_up) == (3, True)
    assert past.open_calls == {}


def test_a_forward_holds_with_where_it_was_set_and_by_whom(journal: FileJournal, path: Path) -> None:
    keyed = {"extension": "8101", "when": "busy", "to": "8102", "by": "8101"}
    for facts in (
        {**keyed, "when": "always", "by": "1100", "origin": "page"},
        {**keyed, "when": "night", "origin": "phone"},
        {**keyed, "when": "night", "to": "", "origin": "phone"},
        keyed,  # of an older box
    ):
        journal.append([STAMP.event(Fact("extension.forwarded", facts, b""))])
    keep(read_past(journal, path), path)
    journal.prune(10_000)
    assert read_past(journal, path).forwards["8101"] == {
        "always": ("8102", "page", "1100"),
        "night": ("", "phone", "8101"),
        "busy": ("8102", "phone", "8101"),
    }


def test_what_was_kept_is_not_read_again_and_what_the_store_took_away_is_still_known(
    journal: FileJournal, path: Path
) -> None:
    waits, events = asked()
    journal.append(events)
    keep(read_past(journal, path), path)
    for nth in range(400):
        journal.append(answered(f"139{nth}", "1001"))
    assert len(list(journal.folder.iterdir())) > 3
    journal.prune(journal.last)
    assert journal.first > 1
    past = read_past(FileJournal(journal.folder), path)
    assert waits in past.callbacks
    assert past.position == journal.last


@pytest.mark.parametrize("torn", [b"", b"{", b'{"position": 7, "format": 99}', b'{"position": 999999}'])
def test_without_a_file_that_can_be_used_the_journal_is_read(
    journal: FileJournal, path: Path, torn: bytes
) -> None:
    waits, events = asked()
    journal.append(events)
    path.write_bytes(torn)
    assert waits in read_past(journal, path).callbacks


def test_a_start_reads_the_end_of_a_journal_however_long_it_is(
    journal: FileJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pasts, "READ_MOST", 30)
    monkeypatch.setattr(pasts, "KEEP_EVERY", 10)
    for nth in range(40):
        journal.append(answered(str(nth), "1001"))
    assert list(read_past(journal, path).spoke) == [str(nth) for nth in range(30, 40)]
    assert path.exists(), "and the next start reads less"


def test_a_line_that_cannot_be_read_is_passed_over(journal: FileJournal, path: Path) -> None:
    journal.append(answered("138", "1001"))
    (segment,) = journal.folder.iterdir()
    with segment.open("ab") as file:
        file.write(b"not an event\n")
    again = FileJournal(journal.folder)
    again.append(answered("139", "1002"))
    assert set(read_past(again, path).spoke) == {"138", "139"}


def test_facts_that_are_not_as_expected_change_nothing() -> None:
    past = Past()
    for kind in pasts.FOLDS:
        past.fold(1, STAMP.event(Fact(kind, {"agent": 7, "tries": "many"}, STAMP.eid())))
    assert past.callbacks == {}
    assert past.signed_in == {}


def test_not_more_than_a_bounded_number_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasts, "REMEMBERED", 5)
    monkeypatch.setattr(pasts, "OPEN_MOST", 3)
    past = Past()
    for nth in range(20):
        for event in call(str(nth), ("call.answered", {"agent": "1001"})):
            past.fold(nth, event)
    assert list(past.spoke) == ["15", "16", "17", "18", "19"]
    assert list(past.open_calls.values()) == ["17", "18", "19"]


def test_of_callbacks_given_up_only_the_newest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasts, "GIVEN_UP_MAX", 3)
    past = Past()
    cids = []
    for nth in range(8):
        cid, events = asked(("callback.given_up", {}))
        cids.append(cid)
        for event in events:
            past.fold(nth, event)
    assert list(past.callbacks) == cids[-3:]
