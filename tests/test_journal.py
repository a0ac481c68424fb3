"""One contract for every journal: the files of the call process, and the event table of the store."""

import resource
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.events import Event, Fact, Stamp, from_line, to_line
from appliance.journal import FileJournal, Journal
from appliance.store.store import Store

SMALL = 1500
"""Bytes a segment: a few events each."""
Opener = Callable[[], Journal]


def events(count: int, text: str = "x") -> list[Event]:
    stamp = Stamp(1)
    return [stamp.event(Fact("test", {"n": n, "text": text}, b"")) for n in range(count)]


def read_all(journal: Journal, after: int = 0, limit: int = 7) -> list[tuple[int, Event]]:
    found: list[tuple[int, Event]] = []
    while batch := journal.read(found[-1][0] if found else after, limit):
        assert len(batch) <= limit
        found += batch
    return found


@pytest.fixture(params=["files", "store"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "files":
        return lambda: FileJournal(tmp_path / "journal", SMALL)
    return lambda: Store(tmp_path / "box.db", 1, bind=False)


def test_an_empty_journal_has_nothing_to_read(opener: Opener) -> None:
    assert list(opener().read(0, 10)) == []
    assert list(opener().read(5, 10)) == []


def test_what_is_appended_is_read_in_order_at_dense_positions_from_one(opener: Opener) -> None:
    journal, made = opener(), events(40)
    assert journal.append(made[:25]) == 25
    assert journal.append(made[25:]) == 40
    assert read_all(journal) == list(enumerate(made, 1))


def test_appending_nothing_moves_nothing(opener: Opener) -> None:
    journal = opener()
    journal.append(events(3))
    assert journal.append([]) == 3


def test_reading_begins_behind_any_position_and_keeps_to_the_limit(opener: Opener) -> None:
    journal, made = opener(), events(30)
    journal.append(made)
    for after in (0, 1, 9, 29):
        assert list(journal.read(after, 4)) == list(enumerate(made, 1))[after : after + 4]
    assert list(journal.read(30, 4)) == []
    assert list(journal.read(0, 0)) == []


def test_a_reader_that_is_at_the_end_sees_what_comes_next(opener: Opener) -> None:
    writer, reader, made = opener(), opener(), events(20)
    writer.append(made[:10])
    assert len(read_all(reader)) == 10
    assert list(reader.read(10, 5)) == []
    writer.append(made[10:])
    assert read_all(reader, 10) == list(enumerate(made, 1))[10:]


def test_a_journal_goes_on_where_it_was_closed(opener: Opener) -> None:
    made = events(30)
    for at in range(0, 30, 10):
        assert opener().append(made[at : at + 10]) == at + 10
    assert read_all(opener()) == list(enumerate(made, 1))


def test_letters_and_line_ends_in_the_facts_come_back_as_they_were(opener: Opener) -> None:
    journal, made = opener(), events(3, '路灯\n"不亮"\r\x00\u2028\\')
    journal.append(made)
    assert [event for _, event in read_all(journal)] == made


@given(st.lists(st.lists(st.text(max_size=60), max_size=6), max_size=6), st.integers(1, 5))
def test_however_it_is_cut_into_segments_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    stamp, made = Stamp(1), list[Event]()
    for batch in batches:
        fresh = [stamp.event(Fact("test", {"text": text}, b"")) for text in batch]
        journal = FileJournal(folder, 300)
        made += fresh
        assert journal.append(fresh) == len(made)
        journal.close()
    assert read_all(FileJournal(folder, 300), 0, limit) == list(enumerate(made, 1))


@pytest.fixture
def written(tmp_path: Path) -> Iterator[tuple[FileJournal, Sequence[Event]]]:
    journal, made = FileJournal(tmp_path, SMALL), events(40)
    for at in range(0, 40, 4):
        journal.append(made[at : at + 4])
    yield journal, made
    journal.close()


def test_a_line_torn_by_a_power_cut_is_not_read_and_is_cut_off(
    written: tuple[FileJournal, Sequence[Event]],
) -> None:
    journal, made = written
    last = sorted(journal.folder.iterdir())[-1]
    with last.open("ab") as file:
        file.write(to_line(made[0])[:-9])
    assert len(read_all(FileJournal(journal.folder))) == 40
    again, fresh = FileJournal(journal.folder, SMALL), events(2)
    assert again.append(fresh) == 42
    assert [event for _, event in read_all(FileJournal(journal.folder), 40)] == fresh


def test_zeros_behind_a_power_cut_are_cut_off(written: tuple[FileJournal, Sequence[Event]]) -> None:
    journal, _ = written
    with sorted(journal.folder.iterdir())[-1].open("ab") as file:
        file.write(bytes(4096))
    assert len(read_all(FileJournal(journal.folder))) == 40
    assert FileJournal(journal.folder, SMALL).append(events(1)) == 41
    assert len(read_all(FileJournal(journal.folder))) == 41


def test_a_damaged_line_is_named_by_an_error_and_the_ones_behind_it_can_be_read(
    written: tuple[FileJournal, Sequence[Event]],
) -> None:
    journal, made = written
    first = sorted(journal.folder.iterdir())[0]
    lines = first.read_bytes().splitlines(keepends=True)
    lines[1] = b"?" * (len(lines[1]) - 1) + b"\n"
    first.write_bytes(b"".join(lines))
    reader = FileJournal(journal.folder)
    with pytest.raises(ValueError, match=r"."):
        reader.read(0, 10)
    assert list(reader.read(0, 1)) == [(1, made[0])]
    assert read_all(reader, 2) == list(enumerate(made, 1))[2:]


def test_only_whole_segments_that_were_read_are_forgotten(
    written: tuple[FileJournal, Sequence[Event]],
) -> None:
    journal, made = written
    before = len(list(journal.folder.iterdir()))
    journal.prune(17)
    assert len(list(journal.folder.iterdir())) < before
    assert 1 < journal.first <= 18
    assert read_all(FileJournal(journal.folder), 17) == list(enumerate(made, 1))[17:]
    assert read_all(FileJournal(journal.folder))[0][0] == journal.first
    journal.prune(40)
    assert len(list(journal.folder.iterdir())) == 1
    assert FileJournal(journal.folder, SMALL).append(events(1)) == 41


def test_a_full_disk_refuses_the_events_and_keeps_none_of_them(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    kept, refused = events(5), events(500)
    journal.append(kept)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match=r"."):
            journal.append(refused)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [event for _, event in read_all(FileJournal(tmp_path))] == kept
    assert journal.append(refused) == 505
    assert [event for _, event in read_all(FileJournal(tmp_path))] == [*kept, *refused]


@pytest.mark.sqlite_only
def test_a_database_that_may_not_grow_refuses_the_events_and_keeps_none_of_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    kept, refused = events(5), events(500, "x" * 400)
    store.append(kept)
    with store.database.connection_context():
        pages = store.rows("PRAGMA page_count")[0][0]
        store.database.execute_sql(f"PRAGMA max_page_count = {pages + 4}")
        with pytest.raises(Exception, match="full"):
            store.append(refused)
        store.database.execute_sql("PRAGMA max_page_count = 1073741823")
        assert [event for _, event in read_all(store)] == kept
        assert store.append(refused) == store.read(0, 1000)[-1][0]


@given(st.binary(max_size=200))
def test_no_bytes_pass_for_a_line_but_a_line(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_line(data)


@given(st.text(max_size=50), st.integers(0, 0xFFFF))
def test_a_line_comes_back_as_the_event_it_was(text: str, site: int) -> None:
    event = Stamp(site, lambda: 1_795_000_000_000).event(Fact("test", {"text": text}))
    assert from_line(to_line(event)) == event
    assert to_line(event).count(b"\n") == 1


def test_the_store_takes_an_event_once_whoever_brings_it(tmp_path: Path) -> None:
    store, made = Store(tmp_path / "box.db", 1, bind=False), events(5)
    assert store.take(made) == made
    assert store.take(made, via="hub") == []
    assert store.append(made) == 5
    assert store.rows("SELECT count(*) FROM event") == [(5,)]
