"""Segments of a full text are taken over whole, under numbers of their own."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.store.store import Store
from appliance.tickets import fts5_segments
from appliance.tickets.fts5_segments import Segment, Segments, levels_of, listed, numbers, varint

sizes = st.integers(0, 2**56 - 1)
segments = st.builds(Segment, st.integers(1, 2000), st.integers(1, 2**20), st.integers(1, 2**30))
RECORD = bytes.fromhex("000000080C010000000000000000000000000000000000000000000000000181380181BF60")
"""As SQLite 3.40 wrote it: one segment of 24,544 pages on the twelfth level."""


@given(st.lists(sizes))
def test_numbers_are_read_as_they_are_written(values: list[int]) -> None:
    assert list(numbers(b"".join(map(varint, values)))) == values


def test_a_number_of_nine_bytes_is_read_too() -> None:
    assert list(numbers(b"\xff" * 9 + b"\x07")) == [2**64 - 1, 7]


@given(st.lists(st.lists(segments, max_size=4), max_size=12))
def test_lists_of_segments_are_read_as_they_are_written(levels: list[list[Segment]]) -> None:
    assert levels_of(b"\0\0\0\x07" + listed(levels)) == levels


def test_a_list_that_sqlite_wrote_is_understood() -> None:
    levels = levels_of(RECORD)
    assert levels == [[]] * 11 + [[Segment(184, 1, 24544)]]
    assert listed(levels) == RECORD[4:]


def test_a_list_in_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="not known here"):
        levels_of(RECORD[:4] + b"\xff\0\0\1" + RECORD[4:])
    with pytest.raises(ValueError, match="being merged"):
        levels_of(b"\0\0\0\x07" + bytes([1, 1, 0, 2, 1, 5, 1, 9]))


def test_a_full_text_in_a_later_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fts5_segments, "FORMATS", {3})
    store = Store(tmp_path / "box.db", 1, bind=False)
    with pytest.raises(ValueError, match="is not known here"):
        Segments(store)


def test_taken_segments_are_searched_changed_and_sound(tmp_path: Path) -> None:
    """Three files with rows of their own, many segments in each."""
    store = Store(tmp_path / "box.db", 1, bind=False)
    made = "CREATE VIRTUAL TABLE ticket_text USING fts5(words, citizen, keys, content='', columnsize=0)"
    for part in range(3):
        with sqlite3.connect(tmp_path / f"{part}.db") as other:
            other.execute(made)
            for doc in range(part * 100 + 1, part * 100 + 101):
                other.execute(
                    "INSERT INTO ticket_text (rowid, words, citizen, keys) VALUES (?, ?, ?, ?)",
                    (doc, f"lamp {doc}", "wang", "s=x"),
                )
                if doc % 7 == 0:
                    other.commit()
    with store.connection():
        for part in range(3):
            store.execute(f"ATTACH DATABASE ? AS p{part}", str(tmp_path / f"{part}.db"))
        with store.transaction():
            taken = Segments(store)
            for part in range(3):
                taken.take(f"p{part}")
            taken.end()
            store.engine.text.remove(store, 7, ("lamp 7", "wang", "s=x"))
        found = "SELECT count(*) FROM ticket_text WHERE ticket_text MATCH ?"
        assert store.rows(found, "lamp") == [(299,)]
        assert store.rows(found, "words : 250") == [(1,)]
        with store.transaction():
            store.engine.text.remove(store, 250, ("lamp 250", "wang", "s=x"))
            store.engine.text.put(store, [(400, ("lamp new", "li", "s=y"))])
            store.execute("INSERT INTO ticket_text (ticket_text) VALUES ('integrity-check')")
            store.execute("INSERT INTO ticket_text (ticket_text) VALUES ('optimize')")
        assert store.rows(found, "words : 250") == [(0,)]
        assert store.rows(found, "lamp") == [(299,)]
