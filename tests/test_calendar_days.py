"""The working calendar: what is counted, what is only estimated, and what a slow reading of it says."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.calendar.days import FIRST_YEAR, LAST_YEAR, BeyondCalendar, Day, WorkCalendar, Year
from appliance.calendar.known import MOVING, known, plain_calendar, statutory

CALENDAR = plain_calendar()
VECTORS = {
    "2026-02-13": ("2026-02-14", "2026-02-27", "2026-03-12", "2026-04-02"),
    "2026-02-14": ("2026-02-24", "2026-02-28", "2026-03-13", "2026-04-03"),
    "2026-04-30": ("2026-05-06", "2026-05-11", "2026-05-25", "2026-06-15"),
    "2026-09-19": ("2026-09-20", "2026-09-24", "2026-10-15", "2026-11-05"),
    "2026-09-30": ("2026-10-08", "2026-10-13", "2026-10-27", "2026-11-17"),
    "2026-10-01": ("2026-10-08", "2026-10-13", "2026-10-27", "2026-11-17"),
    "2026-11-23": ("2026-11-24", "2026-11-30", "2026-12-14", "2027-01-05*"),
    "2026-12-31": ("2027-01-04*", "2027-01-08*", "2027-01-22*", "2027-02-18*"),
}
"""Received, and the 1st, 5th, 15th and 30th working day; * is an estimate."""
DAYS = st.dates(date(FIRST_YEAR, 1, 1), date(LAST_YEAR - 1, 6, 30))


@pytest.mark.parametrize("received", VECTORS)
def test_deadlines_are_those_of_the_calendar_on_the_wall(received: str) -> None:
    first = date.fromisoformat(received)
    found = [CALENDAR.due(first, n) for n in (1, 5, 15, 30)]
    told = tuple(f"{day}{'*' * CALENDAR.provisional(first, day)}" for day in found)
    assert told == VECTORS[received]


def slow_due(calendar: WorkCalendar, received: date, n: int) -> date:
    """Another reading of the same rule: tick off one day after the other."""
    day = received
    while n:
        day += timedelta(days=1)
        n -= calendar.day(day).work
    return day


@given(DAYS, st.integers(1, 60))
def test_a_deadline_is_a_working_day_and_what_ticking_off_days_gives(received: date, n: int) -> None:
    due = CALENDAR.due(received, n)
    assert CALENDAR.works(due)
    assert due == slow_due(CALENDAR, received, n)
    assert CALENDAR.count(received, due) == n
    assert CALENDAR.back(due, n) > received


@given(DAYS, st.integers(1, 60), st.integers(0, 20), st.integers(0, 20))
def test_more_days_or_a_later_start_never_end_earlier(received: date, n: int, more: int, later: int) -> None:
    due = CALENDAR.due(received, n)
    assert CALENDAR.due(received, n + more) >= due
    assert CALENDAR.due(received + timedelta(days=later), n) >= due


@given(DAYS, st.integers(0, 90))
def test_a_span_is_provisional_when_one_day_of_it_is_estimated(first: date, length: int) -> None:
    days = [first + timedelta(days=n) for n in range(length + 1)]
    slow = any(CALENDAR.day(day).source == "estimated" for day in days)
    assert CALENDAR.provisional(first, days[-1]) == slow


def test_the_years_of_the_package_are_official_and_those_behind_it_estimated() -> None:
    years, _ = known()
    assert {years[year].source for year in range(2004, 2027)} == {"official"}
    assert {years[year].source for year in range(2027, LAST_YEAR + 1)} == {"estimated"}
    assert "chinesecalendar" in CALENDAR.year(2026).version


def test_a_made_up_workday_and_a_holiday_have_their_name() -> None:
    assert CALENDAR.day(date(2026, 9, 20)) == Day(
        date(2026, 9, 20), True, "国庆节", "official", CALENDAR.year(2026).version
    )
    assert CALENDAR.day(date(2026, 2, 17)).name == "春节"
    assert CALENDAR.day(date(2026, 11, 28)).name == ""


def test_next_year_is_estimated_from_the_law() -> None:
    rest = [f"{day:%m-%d}" for day, name in statutory(2027) if name in ("春节", "劳动节")]
    assert rest == [
        *("02-05", "02-06", "02-07", "02-08", "02-09", "02-10"),
        *("05-01", "05-02", "05-03", "05-04"),
    ]


def test_a_festival_within_another_gives_one_more_day() -> None:
    """As in 2020, when both began on 1 October."""
    assert [f"{day:%m-%d}" for day, _ in statutory(2028) if day.month == 10] == [
        *("10-01", "10-02", "10-03", "10-04", "10-05"),
    ]


@pytest.mark.parametrize("year", MOVING)
def test_every_estimated_year_has_its_thirteen_days_of_rest_on_working_days_or_made_up(year: int) -> None:
    rest = [day for day, _ in statutory(year)]
    on_weekdays = [day for day in rest if day.weekday() < 5]
    assert len(on_weekdays) == 13
    assert {day.year for day in rest} == {year}


def test_what_a_person_entered_stands_above_all() -> None:
    years, special = known()
    flood = date(2026, 7, 15)
    calendar = WorkCalendar(years, {**special, flood: Day(flood, False, "防汛停工", "manual")})
    assert calendar.due(date(2026, 7, 14), 1) == date(2026, 7, 16)
    assert calendar.day(flood).source == "manual"


def test_a_day_somebody_entered_into_an_estimated_year_is_sure_and_its_neighbours_are_not() -> None:
    years, special = known()
    day = date(2027, 3, 10)
    calendar = WorkCalendar(years, {**special, day: Day(day, True, "", "manual")})
    assert not calendar.provisional(day, day)
    assert calendar.provisional(day, day + timedelta(days=1))


def test_a_year_nobody_knows_is_estimated_by_its_weekdays() -> None:
    empty = WorkCalendar({2026: Year("official", "x")}, {})
    assert empty.day(date(2030, 1, 1)).source == "estimated"
    assert empty.works(date(2030, 1, 1))


def test_nothing_is_said_about_days_beyond_the_calendar() -> None:
    with pytest.raises(BeyondCalendar):
        CALENDAR.due(date(LAST_YEAR, 12, 20), 30)
    with pytest.raises(BeyondCalendar):
        CALENDAR.due(date(2003, 12, 31), 1)
    with pytest.raises(BeyondCalendar):
        CALENDAR.day(date(LAST_YEAR + 1, 1, 1))
    with pytest.raises(ValueError, match="0 working days"):
        CALENDAR.due(date(2026, 1, 1), 0)
