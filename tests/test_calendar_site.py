"""The calendar of a box: a year's notice read from a file whole or not at all, and days entered by hand."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.calendar.days import Day
from appliance.calendar.known import statutory
from appliance.calendar.reading import FAULTS_MAX, ROWS_MAX, SIZE_MAX, Reading, read
from appliance.calendar.site import SiteCalendar, digest, missing_year, written_day
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store

ADMINISTRATOR = Actor("9000", "系统管理员", frozenset({"AD"}))
AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
MADE_UP = ("2027-02-20", "2027-02-28", "2027-10-09")
"""Saturdays and a Sunday that an invented notice makes working days."""


def notice(year: int = 2027) -> list[dict[str, object]]:
    """An invented notice: the statutory days, and two more days off for the Spring Festival."""
    off = dict(statutory(year))
    off |= {date(2027, 2, 11): "春节", date(2027, 2, 12): "春节"} if year == 2027 else {}
    rows = [{"name": name, "date": day.isoformat(), "isOffDay": True} for day, name in sorted(off.items())]
    rows += [{"name": "春节", "date": day, "isOffDay": False} for day in MADE_UP if year == 2027]
    return rows


def as_json(rows: object, year: object = 2027) -> bytes:
    return json.dumps({"year": year, "papers": [], "days": rows}, ensure_ascii=False).encode()


def as_csv(rows: list[dict[str, object]]) -> bytes:
    lines = [f"{row['date']},{'休' if row['isOffDay'] else '班'},{row['name']}" for row in rows]
    return "\n".join(["日期,类型,名称", *lines]).encode("gb18030")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "box.db", 1, bind=False)
    with store.database.connection_context():
        yield store


@pytest.fixture
def site(store: Store) -> SiteCalendar:
    return SiteCalendar(store)


@pytest.mark.parametrize(
    "content", [as_json(notice()), as_csv(notice()), as_csv(notice()).replace(b",", b";")]
)
def test_a_notice_is_read_from_json_and_csv(content: bytes) -> None:
    reading = read(content, "国办发明电〔2026〕7号")
    assert (reading.year, reading.faults) == (2027, ())
    assert Day(date(2027, 2, 20), True, "春节", "official", "国办发明电〔2026〕7号") in reading.days


def test_every_wrong_row_is_told_with_its_line_and_what_to_do() -> None:
    rows = as_csv(notice()).decode("gb18030")
    rows += "\n2027-02-30,休,春节\n2027-06-30,?,半年\n2027-01-01,休,元旦"
    rows += "\n2051-01-01,休,元旦\n,班,\n2027-06-29,休,"
    reading = read((rows + "长" * 41).encode(), "x")
    last = rows.count("\n")
    assert [str(fault) for fault in reading.faults] == [
        f"row {last - 4}: “2027-02-30” is no date; write it like 2027-01-31.",
        f"row {last - 3}: “?” says neither work nor rest; write 班 or 休, work or rest.",
        f"row {last - 2}: 2027-01-01 is there twice.",
        f"row {last - 1}: 2051-01-01 is outside the calendar, which goes from 2004 to 2050.",
        f"row {last}: “” is no date; write it like 2027-01-31.",
        f"row {last + 1}: The name is longer than 40 characters.",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xff\xfe\x00", "no text"),
        (b"date,work\n2027-01-01,\x00", "no text"),
        (b"x" * (SIZE_MAX + 1), "larger than"),
        (b"[1, 2", "no JSON"),
        (b"[" * 5000, "no JSON"),
        (b'{"year": 2027}', "no list of days"),
        (as_json([]), "may not be out yet"),
        (b"date,work,name\n", "may not be out yet"),
        (b"when,what\n2027-01-01,rest", "first line must name"),
        (as_json([{}] * (ROWS_MAX + 1)), "more than 400 days"),
        (as_json([3, None]), "is no date"),
        (as_json(notice()[1:]), "2027-01-01 is not among the days off"),
        (as_json([*notice(), {"date": "2028-06-01", "isOffDay": True}]), "does not belong to the year 2027"),
        (as_json(notice(), 1999), "1999 is outside the calendar"),
        (as_json([{"date": "2027-01-01", "isOffDay": "yes"}]), "neither work nor rest"),
    ],
)
def test_a_file_that_is_no_calendar_is_refused_with_a_reason(content: bytes, told: str) -> None:
    reading = read(content, "x")
    assert reading.faults
    assert told in str(reading.faults[0])


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_file_is_read_or_refused(content: bytes) -> None:
    reading = read(content, "x")
    assert len(reading.faults) <= FAULTS_MAX
    assert reading.faults or reading.days


VALUES = st.none() | st.text() | st.integers() | st.booleans()


@given(st.lists(st.dictionaries(st.sampled_from(["date", "work", "name", "isOffDay"]), VALUES)))
def test_any_json_is_read_or_refused(rows: list[dict[str, object]]) -> None:
    reading = read(as_json(rows), "x")
    assert reading.faults or reading.days


def test_an_imported_year_is_official_and_moves_due_dates(site: SiteCalendar) -> None:
    before = site.calendar()
    assert before.due(date(2026, 12, 31), 30) == date(2027, 2, 18)
    changes = site.changes(read(as_json(notice()), "7号"))
    assert {new.date.isoformat() for _, new in changes} == {"2027-02-11", "2027-02-12", *MADE_UP}
    site.load(ADMINISTRATOR, read(as_json(notice()), "7号"))
    after = site.calendar()
    assert after.due(date(2026, 12, 31), 30) == date(2027, 2, 20)
    assert after.year(2027).version == "7号"
    assert not after.provisional(date(2026, 12, 31), date(2027, 12, 31))
    assert site.changes(read(as_json(notice()), "7号")) == []
    assert digest(before) != digest(after)


def test_a_second_notice_replaces_the_first_and_leaves_what_people_entered(site: SiteCalendar) -> None:
    site.load(ADMINISTRATOR, read(as_json(notice()), "7号"))
    flood = date(2027, 7, 15)
    site.enter(ADMINISTRATOR, flood, False, "防汛停工")
    site.enter(ADMINISTRATOR, date(2027, 2, 28), False, "")
    rows = [row for row in notice() if row["date"] != "2027-10-09"]
    site.load(ADMINISTRATOR, read(as_json(rows), "8号"))
    calendar = site.calendar()
    assert calendar.works(date(2027, 10, 9)) is False
    assert calendar.day(flood).source == "manual"
    assert calendar.works(date(2027, 2, 28)) is False
    assert calendar.day(date(2027, 2, 20)).version == "8号"


def test_a_day_entered_by_hand_can_be_taken_back(site: SiteCalendar) -> None:
    day = date(2026, 7, 15)
    site.enter(ADMINISTRATOR, day, False, "防汛停工")
    assert site.calendar().due(day - timedelta(days=1), 1) == date(2026, 7, 16)
    site.forget(ADMINISTRATOR, day)
    assert site.calendar().due(day - timedelta(days=1), 1) == day
    site.enter(ADMINISTRATOR, day, False, "又一次")
    assert site.calendar().works(day) is False


def test_a_file_with_faults_changes_nothing(site: SiteCalendar, store: Store) -> None:
    with pytest.raises(Refused, match="not imported"):
        site.load(ADMINISTRATOR, read(as_json(notice()[1:]), "x"))
    assert store.rows("SELECT count(*) FROM event")[0][0] == 0


def test_only_an_administrator_changes_the_calendar(site: SiteCalendar) -> None:
    with pytest.raises(Refused, match="role"):
        site.enter(AGENT, date(2026, 7, 15), False)
    with pytest.raises(Refused, match="role"):
        site.load(AGENT, read(as_json(notice()), "7号"))


@pytest.mark.parametrize("day", [date(2003, 1, 1), date(2051, 1, 1)])
def test_a_day_outside_the_calendar_is_refused(site: SiteCalendar, day: date) -> None:
    with pytest.raises(Refused, match="outside the calendar"):
        site.enter(ADMINISTRATOR, day, False)


def test_a_day_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Refused, match="2027-02-30 is no day"):
        written_day("2027-02-30")


def test_the_calendar_is_made_once_until_somebody_changes_it(site: SiteCalendar, store: Store) -> None:
    first = site.calendar()
    assert SiteCalendar(store).calendar() is first
    site.enter(ADMINISTRATOR, date(2026, 7, 15), False)
    assert site.calendar() is not first


def test_the_same_log_gives_the_same_calendar(site: SiteCalendar, store: Store) -> None:
    site.load(ADMINISTRATOR, read(as_json(notice()), "7号"))
    before = digest(site.calendar())
    store.rebuild()
    assert digest(SiteCalendar(store).calendar()) == before


def test_from_november_on_next_year_is_missed(site: SiteCalendar) -> None:
    calendar = site.calendar()
    assert missing_year(calendar, date(2026, 10, 31)) is None
    assert missing_year(calendar, date(2026, 11, 1)) == 2027
    assert missing_year(calendar, date(2026, 11, 1), from_day=20) is None
    assert missing_year(calendar, date(2026, 12, 5), from_day=20) == 2027
    site.load(ADMINISTRATOR, read(as_json(notice()), "7号"))
    assert missing_year(site.calendar(), date(2026, 12, 5)) is None


def test_a_reading_without_days_is_never_loaded(site: SiteCalendar) -> None:
    with pytest.raises(Refused):
        site.load(ADMINISTRATOR, Reading(2027, (), read(b"", "x").faults))
