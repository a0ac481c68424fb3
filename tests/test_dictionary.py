"""The dictionary: entries of kinds, folded from events, the last writer of each field decides."""

import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.draft import Draft
from appliance.dictionary.entry import Stored, entry_of, replay, subject_of
from appliance.dictionary.kinds import KINDS, SUBJECTS
from appliance.dictionary.parameters import PARAMETERS
from appliance.dictionary.schema import Category, EntryRow, Unit
from appliance.dictionary.values import as_text, clean
from appliance.events import Event, Fact, Stamp
from appliance.people import BOX, Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.fields import SOURCES

ADMINISTRATOR = Actor("9000", "管理员", frozenset({"AD"}))
AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "box.db", 1, bind=False)


@pytest.fixture
def dictionary(store: Store) -> Dictionary:
    return Dictionary(store)


def tables(store: Store) -> dict[str, list[tuple[object, ...]]]:
    names = (EntryRow, Unit, Category)
    return {t._meta.table_name: sorted(store.rows(f"SELECT * FROM {t._meta.table_name}")) for t in names}


def refused(word: str) -> "pytest.RaisesExc[Refused]":
    return pytest.RaisesExc(Refused, check=lambda error: error.word == word)


def test_what_is_shipped_is_there_without_any_event(store: Store, dictionary: Dictionary) -> None:
    assert dictionary.choices("source") == SOURCES
    assert dictionary.parameter("sign_wd") == 1
    assert store.rows("SELECT count(*) FROM event") == [(0,)]


def test_an_entry_made_is_read_back_with_every_column(dictionary: Dictionary) -> None:
    dictionary.set(ADMINISTRATOR, "unit", "lamp", {"name": " 路灯管理处 ", "phone": "0000-1"})
    lamp = dictionary.get("unit", "lamp")
    assert lamp is not None
    assert lamp.fields["name"] == "路灯管理处"
    assert lamp.fields["site"] == 1, "a unit belongs to the site that made it unless another is named"
    assert set(lamp.fields) == {column.name for column in KINDS["unit"].columns}
    assert lamp.names == ("路灯管理处", "路灯管理处")


def test_only_what_differs_is_written(store: Store, dictionary: Dictionary) -> None:
    dictionary.set(ADMINISTRATOR, "unit", "lamp", {"name": "路灯处", "phone": "1"})
    dictionary.set(ADMINISTRATOR, "unit", "lamp", {"name": "路灯处", "phone": "2"})
    dictionary.set(ADMINISTRATOR, "unit", "lamp", {"name": "路灯处", "phone": "2"})
    events = store.history(subject_of("unit", "lamp"))
    assert [event.facts["fields"] for event in events] == [
        {"name": "路灯处", "phone": "1", "site": 1},
        {"phone": "2"},
    ]


def test_sql_readers_still_find_units_and_categories(store: Store, dictionary: Dictionary) -> None:
    dictionary.set(ADMINISTRATOR, "unit", "lamp", {"name": "路灯处", "name_en": "Lamps", "site": 2})
    dictionary.set(ADMINISTRATOR, "category", "01", {"name": "照明", "unit": "lamp"})
    assert store.rows("SELECT code, name, name_en, site, phone FROM unit") == [
        ("lamp", "路灯处", "Lamps", 2, "")
    ]
    assert store.rows("SELECT code, parent, name, unit, retired FROM category") == [
        ("01", "", "照明", "lamp", 0)
    ]


def test_a_shipped_entry_can_be_renamed_and_retired_but_its_code_is_never_lost(
    dictionary: Dictionary,
) -> None:
    dictionary.set(ADMINISTRATOR, "source", "web", {"name": "网络"})
    dictionary.retire(ADMINISTRATOR, "source", "fax")
    assert dictionary.choices("source")["web"] == ("网络", "Web")
    assert "fax" not in dictionary.choices("source")
    assert dictionary.names("source")["fax"] == SOURCES["fax"]
    with refused("taken"):
        dictionary.add(ADMINISTRATOR, "source", "fax", {"name": "传真机"})
    dictionary.restore(ADMINISTRATOR, "source", "fax")
    assert list(dictionary.choices("source")) == list(SOURCES)


def test_a_new_entry_stands_at_the_end_until_it_is_moved(dictionary: Dictionary) -> None:
    dictionary.set(ADMINISTRATOR, "source", "app", {"name": "手机应用"})
    assert dictionary.all("source")[-1].key == "app"
    dictionary.set(ADMINISTRATOR, "source", "app", {"place": 15})
    assert [entry.key for entry in dictionary.all("source")][:2] == ["phone", "app"]


def test_a_parameter_is_in_force_at_once_and_within_its_bounds(store: Store, dictionary: Dictionary) -> None:
    other = Dictionary(Store(store.path, 1, bind=False))
    assert other.parameter("sign_wd") == 1
    dictionary.set(ADMINISTRATOR, "parameter", "sign_wd", {"value": "2"})
    assert (dictionary.whole("sign_wd"), other.whole("sign_wd")) == (2, 2)
    for value, word in (("0", "too_small"), ("31", "too_large"), ("x", "bad_number"), ("1.5", "bad_number")):
        with refused(word):
            dictionary.set(ADMINISTRATOR, "parameter", "sign_wd", {"value": value})
    with refused("unknown_entry"):
        dictionary.set(ADMINISTRATOR, "parameter", "no_such", {"value": 1})
    with refused("closed"):
        dictionary.retire(ADMINISTRATOR, "parameter", "sign_wd")


def test_every_default_of_a_parameter_is_within_its_own_bounds() -> None:
    for parameter in PARAMETERS.values():
        assert clean(parameter.column, parameter.default) == parameter.default


def test_every_kind_stands_under_a_heading_and_refers_to_kinds_there_are() -> None:
    for kind in KINDS.values():
        assert kind.subject in SUBJECTS
        for column in kind.columns:
            assert column.refers in ("", *KINDS)
            assert bool(column.choices) == (column.type in ("choice", "choices"))
        for key, fields in kind.shipped.items():
            entry = entry_of(kind, key, None)
            assert all(entry.fields[name] == value for name, value in fields.items() if name != "place")


@pytest.mark.parametrize(
    ("kind", "key", "fields", "word"),
    [
        ("nothing", "a", {"name": "x"}, "unknown_kind"),
        ("unit", "a b", {"name": "x"}, "bad_code"),
        ("unit", "", {"name": "x"}, "bad_code"),
        ("unit", "x" * 33, {"name": "x"}, "bad_code"),
        ("unit", "a", {"phone": "1"}, "missing"),
        ("unit", "a", {"name": "  "}, "missing"),
        ("unit", "a", {"name": "长" * 61}, "too_long"),
        ("unit", "a", {"name": 5}, "bad_field"),
        ("unit", "a", {"name": "x", "colour": "red"}, "unknown_field"),
        ("unit", "a", {"name": "x", "kind": "circus"}, "bad_choice"),
        ("unit", "a", {"name": "x", "site": 1000}, "bad_number"),
        ("unit", "a", {"name": "x", "closing": "25:00"}, "bad_time"),
        ("unit", "a", {"name": "x", "parent": "nowhere"}, "unknown_reference"),
        ("unit", "a", {"name": "x", "parent": "a"}, "cycle"),
        ("unit", "a", {"name": "x", "place": "far"}, "bad_number"),
        ("category", "a", {"name": "x", "unit": "nowhere"}, "unknown_reference"),
        ("category", "a", {"name": "x", "limits": "complaint=soon"}, "bad_limit"),
        ("category", "a", {"name": "x", "limits": {"riot": "1d"}}, "unknown_reference"),
        ("category", "a", {"name": "x", "keywords": ["字"] * 201}, "too_many"),
        ("area", "a", {"name": "x", "rural": "perhaps"}, "bad_flag"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    store: Store, dictionary: Dictionary, kind: str, key: str, fields: dict[str, object], word: str
) -> None:
    with refused(word):
        dictionary.set(ADMINISTRATOR, kind, key, fields)
    assert store.rows("SELECT count(*) FROM event") == [(0,)]


def test_who_does_not_edit_a_list_is_refused(dictionary: Dictionary) -> None:
    with refused("not_yours"):
        dictionary.set(AGENT, "source", "web", {"name": "x"})
    with refused("not_yours"):
        dictionary.retire(AGENT, "source", "web")
    with refused("not_yours"):
        dictionary.restore(AGENT, "source", "web")


def test_a_tree_has_no_circle_and_no_endless_depth(dictionary: Dictionary) -> None:
    above = ""
    for level in range(8):
        dictionary.set(BOX, "unit", f"u{level}", {"name": f"单位{level}", "parent": above})
        above = f"u{level}"
    with refused("too_deep"):
        dictionary.set(BOX, "unit", "u8", {"name": "太深", "parent": above})
    with refused("cycle"):
        dictionary.set(BOX, "unit", "u0", {"parent": "u3"})


def test_a_dissolved_unit_cannot_be_chosen_and_names_its_successor(dictionary: Dictionary) -> None:
    dictionary.set(BOX, "unit", "old", {"name": "老局"})
    dictionary.set(BOX, "unit", "new", {"name": "新局"})
    dictionary.set(BOX, "category", "01", {"name": "照明", "unit": "old"})
    with refused("own_successor"):
        dictionary.retire(ADMINISTRATOR, "unit", "old", "old")
    with refused("unknown_reference"):
        dictionary.retire(ADMINISTRATOR, "unit", "old", "nowhere")
    dictionary.retire(ADMINISTRATOR, "unit", "old", "new")
    old = dictionary.get("unit", "old")
    assert old is not None
    assert (old.retired, old.text("successor"), old.names[0]) == (True, "new", "老局")
    with refused("retired_reference"):
        dictionary.set(BOX, "category", "02", {"name": "供水", "unit": "old"})
    dictionary.set(BOX, "category", "01", {"name": "城市照明"})


def test_what_has_something_below_it_is_not_retired(dictionary: Dictionary) -> None:
    dictionary.set(BOX, "category", "01", {"name": "照明"})
    dictionary.set(BOX, "category", "0101", {"name": "路灯不亮", "parent": "01"})
    with refused("has_children"):
        dictionary.retire(ADMINISTRATOR, "category", "01")
    dictionary.retire(ADMINISTRATOR, "category", "0101")
    dictionary.retire(ADMINISTRATOR, "category", "01")
    with refused("retired_reference"):
        dictionary.restore(ADMINISTRATOR, "category", "0101")


def test_a_stale_page_is_told_that_the_entry_changed(dictionary: Dictionary) -> None:
    shown = dictionary.set(ADMINISTRATOR, "source", "app", {"name": "应用"})
    dictionary.set(ADMINISTRATOR, "source", "app", {"name": "手机应用"}, seen=shown.changed)
    with refused("changed"):
        dictionary.set(ADMINISTRATOR, "source", "app", {"name": "APP"}, seen=shown.changed)


def test_the_history_tells_who_changed_what_from_what(dictionary: Dictionary) -> None:
    dictionary.set(ADMINISTRATOR, "source", "web", {"name": "网络"})
    dictionary.retire(BOX, "source", "web")
    dictionary.restore(ADMINISTRATOR, "source", "web")
    first, second, third = dictionary.history("source", "web")
    assert (first.what, first.by, first.fields) == ("set", "9000", {"name": ("网站", "网络")})
    assert (second.what, second.by, third.what) == ("retired", "", "restored")


def test_nothing_is_kept_when_one_of_many_wishes_is_refused(store: Store, dictionary: Dictionary) -> None:
    def wish(draft: Draft) -> None:
        draft.set("unit", "a", {"name": "甲"})
        draft.set("unit", "b", {"name": ""})

    with refused("missing"):
        dictionary.write(BOX, wish)
    assert dictionary.all("unit") == ()


def test_what_was_undone_is_not_remembered(store: Store, dictionary: Dictionary) -> None:
    def fail() -> None:
        with store.transaction():
            dictionary.set(BOX, "unit", "a", {"name": "甲"})
            assert dictionary.get("unit", "a") is not None
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert dictionary.get("unit", "a") is None
    dictionary.set(BOX, "unit", "a", {"name": "乙"})
    unit = dictionary.get("unit", "a")
    assert unit is not None
    assert unit.text("name") == "乙"


def test_an_unchanged_dictionary_is_read_from_memory(store: Store, dictionary: Dictionary) -> None:
    first = dictionary.all("source")
    store.record(Fact("line.state", {"line": "sip/1", "state": "down"}, b""))
    assert dictionary.all("source") is first
    assert Dictionary(store).all("source") is first


def test_readers_and_writers_in_many_threads_see_whole_entries(store: Store, dictionary: Dictionary) -> None:
    wrong: list[object] = []

    def write(number: int) -> None:
        for turn in range(10):
            Dictionary(store).set(BOX, "unit", f"u{number}", {"name": f"{turn}", "phone": f"{turn}"})

    def read() -> None:
        for _ in range(100):
            wrong.extend(u for u in Dictionary(store).all("unit") if u.text("name") != u.text("phone"))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)] + [
        threading.Thread(target=read) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert {unit.text("name") for unit in dictionary.all("unit")} == {"9"}


def test_what_an_older_box_kept_in_tables_becomes_events_at_its_next_start(tmp_path: Path) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    with store.transaction():
        store.execute("INSERT INTO unit (code, name, name_en, site, phone) VALUES ('u', '甲', '', 2, '1')")
        store.execute(
            "INSERT INTO category (code, parent, name, name_en, unit) VALUES ('01', '', '照明', 'Light', 'u')"
        )
    again = Store(tmp_path / "box.db", 1, bind=False)
    dictionary = Dictionary(again)
    unit, category = dictionary.get("unit", "u"), dictionary.get("category", "01")
    assert unit is not None
    assert category is not None
    assert (unit.text("name"), unit.fields["site"], category.text("unit")) == ("甲", 2, "u")
    before = tables(again)
    again.rebuild()
    assert tables(again) == before
    count = again.rows("SELECT count(*) FROM event")
    assert Store(tmp_path / "box.db", 1, bind=False).rows("SELECT count(*) FROM event") == count


def test_a_malformed_event_is_set_aside_and_an_unknown_kind_is_kept(store: Store) -> None:
    store.record(
        Fact("dictionary.set", {"entry_kind": "unit", "key": "a", "fields": {"name": "x"}}, b"wrong"),
        Fact("dictionary.set", {"entry_kind": "unit", "key": "b", "fields": 5}, subject_of("unit", "b")),
        Fact(
            "dictionary.set",
            {"entry_kind": "later", "key": "c", "fields": {"a": 1}},
            subject_of("later", "c"),
        ),
        Fact(
            "dictionary.set",
            {"entry_kind": "unit", "key": "d", "fields": {"name": 7}},
            subject_of("unit", "d"),
        ),
    )
    assert store.rows("SELECT count(*) FROM quarantine") == [(2,)]
    assert store.rows("SELECT kind, key FROM entry ORDER BY kind") == [("later", "c"), ("unit", "d")]
    unit = Dictionary(store).get("unit", "d")
    assert unit is not None
    assert unit.names == ("d", "d"), "what makes no sense counts as unsaid"


STEP = st.tuples(
    st.sampled_from(["set", "retire", "restore"]),
    st.sampled_from(["a", "b", "phone"]),
    st.dictionaries(st.sampled_from(["name", "name_en", "note"]), st.sampled_from(["", "甲", "乙", "丙"])),
)


@pytest.mark.sqlite_only
@given(steps=st.lists(STEP, max_size=25), seed=st.integers(0, 2**16))
def test_any_order_of_arrival_gives_the_same_entries_and_history_replays_to_them(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[tuple[str, str, dict[str, str]]], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    store = Store(folder / "one.db", 1, bind=False)
    dictionary = Dictionary(store)
    for what, key, fields in steps:
        try:
            if what == "set":
                dictionary.set(BOX, "source", key, fields)
            else:
                (dictionary.retire if what == "retire" else dictionary.restore)(BOX, "source", key)
        except Refused:
            continue
    events = [event for _, event in store.read(0, 1000)]
    shown = dictionary.by_key("source")
    for key in ("a", "b", "phone"):
        stored = replay(store.history(subject_of("source", key)))
        if stored or key in KINDS["source"].shipped:
            assert entry_of(KINDS["source"], key, stored) == shown[key]
    before = tables(store)
    store.rebuild()
    assert tables(store) == before
    other = Store(folder / "two.db", 2, bind=False)
    random.Random(seed).shuffle(events)
    for event in events:
        other.take([event], via="hub")
    assert dict(Dictionary(other).by_key("source")) == dict(shown)


@given(
    fields=st.lists(
        st.dictionaries(st.sampled_from(["name", "note"]), st.text(max_size=3), min_size=1),
        min_size=1,
        max_size=6,
    ),
    seed=st.integers(0, 2**16),
)
def test_of_each_field_the_last_writer_decides(fields: list[dict[str, str]], seed: int) -> None:
    stamps = [Stamp(1), Stamp(2)]
    subject = subject_of("source", "x")
    events: list[Event] = []
    for n, said in enumerate(fields):
        stamp = stamps[n % 2]
        stamp.follow(events[-1].eid if events else b"\0" * 16)
        events.append(
            stamp.event(Fact("dictionary.set", {"entry_kind": "source", "key": "x", "fields": said}, subject))
        )
    expected: dict[str, object] = {}
    for said in fields:
        expected |= said
    stored = replay(sorted(events, key=lambda event: event.eid))
    assert isinstance(stored, Stored)
    assert stored.fields == expected


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_any_value_kept_is_written_so_that_it_reads_back_the_same(kind: str, data: st.DataObject) -> None:
    columns = KINDS[kind].columns
    column = data.draw(st.sampled_from(columns))
    raw = data.draw(
        st.one_of(
            st.text(max_size=40),
            st.integers(-5, 2000),
            st.booleans(),
            st.floats(allow_nan=False, width=32),
            st.lists(st.text(max_size=8), max_size=4),
            st.sampled_from(["complaint=15wd; repair=2h", "08:30", "2027-02-28", "9:05"]),
        )
    )
    try:
        kept = clean(column, raw)
    except Refused:
        return
    assert clean(column, as_text(column, kept)) == kept
    assert clean(column, kept) == kept
