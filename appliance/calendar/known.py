"""What a box knows by itself: the official days of the past, and an estimate of the years to come.

Official days are the data of the package chinesecalendar, nothing else of it: its own counting
begins with day zero on a rest day. Years behind its last one are estimated from the law (State
Council orders 795 and 514): the statutory days, and for each that falls on a weekend the next
working day. Which days are swapped around them nobody knows before the yearly notice.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version

from appliance.calendar.days import LAST_YEAR, NAME_MAX, SATURDAY, Day, WorkCalendar, Year

PACKAGE = "chinesecalendar"
ESTIMATE = "statutory"
FESTIVALS: Mapping[str, str] = {
    "元旦": "New Year",
    "春节": "Spring Festival",
    "清明": "Qingming",
    "劳动节": "Labour Day",
    "端午": "Dragon Boat",
    "中秋": "Mid-Autumn",
    "国庆节": "National Day",
}
"""Names in the log, and in English."""
MOVING: Mapping[int, tuple[str, str, str, str]] = {
    2027: ("02-06", "04-05", "06-09", "09-15"),
    2028: ("01-26", "04-04", "05-28", "10-03"),
    2029: ("02-13", "04-04", "06-16", "09-22"),
    2030: ("02-03", "04-05", "06-05", "09-12"),
    2031: ("01-23", "04-05", "06-24", "10-01"),
    2032: ("02-11", "04-04", "06-12", "09-19"),
    2033: ("01-31", "04-04", "06-01", "09-08"),
    2034: ("02-19", "04-05", "06-20", "09-27"),
    2035: ("02-08", "04-05", "06-10", "09-16"),
    2036: ("01-28", "04-04", "05-30", "10-04"),
    2037: ("02-15", "04-04", "06-18", "09-24"),
    2038: ("02-04", "04-05", "06-07", "09-13"),
    2039: ("01-24", "04-05", "05-27", "10-02"),
    2040: ("02-12", "04-04", "06-14", "09-20"),
    2041: ("02-01", "04-04", "06-03", "09-10"),
    2042: ("01-22", "04-04", "06-22", "09-28"),
    2043: ("02-10", "04-05", "06-11", "09-17"),
    2044: ("01-30", "04-04", "05-31", "10-05"),
    2045: ("02-17", "04-04", "06-19", "09-25"),
    2046: ("02-06", "04-04", "06-08", "09-15"),
    2047: ("01-26", "04-05", "05-29", "10-04"),
    2048: ("02-14", "04-04", "06-15", "09-22"),
    2049: ("02-02", "04-04", "06-04", "09-11"),
    2050: ("01-23", "04-04", "06-23", "09-30"),
}
"""First day of the lunar year, Qingming, fifth of the fifth, fifteenth of the eighth lunar month."""


@cache
def known() -> tuple[Mapping[int, Year], Mapping[date, Day]]:
    """Return the years and the special days a box knows before anybody entered any; read once."""
    years, special = _official()
    for year in range(max(years) + 1, LAST_YEAR + 1):
        years[year] = Year("estimated", ESTIMATE)
        special |= {day: Day(day, False, name, "estimated", ESTIMATE) for day, name in statutory(year)}
    return years, special


@cache
def plain_calendar() -> WorkCalendar:
    """Return the calendar of a box on which nobody entered anything."""
    return WorkCalendar(*known())


def statutory(year: int) -> Sequence[tuple[date, str]]:
    """Return a year's statutory rest days, and the working days given for those on a weekend."""
    spring, qingming, dragon, autumn = (date.fromisoformat(f"{year}-{day}") for day in MOVING[year])
    blocks = (
        ("元旦", [date(year, 1, 1)]),
        ("春节", [spring + timedelta(days=n) for n in range(-1, 3)]),
        ("清明", [qingming]),
        ("劳动节", [date(year, 5, 1), date(year, 5, 2)]),
        ("端午", [dragon]),
        ("中秋", [autumn]),
        ("国庆节", [date(year, 10, n) for n in (1, 2, 3)]),
    )
    found: dict[date, str] = {}
    owed: list[tuple[date, str]] = []
    for name, days in blocks:
        for day in days:
            if day in found or day.weekday() >= SATURDAY:
                owed.append((days[-1], name))
            found.setdefault(day, name)
    for last, name in owed:
        day = last + timedelta(days=1)
        while day in found or day.weekday() >= SATURDAY:
            day += timedelta(days=1)
        found[day] = name
    return sorted(found.items())


def _official() -> tuple[dict[int, Year], dict[date, Day]]:
    """Load the package only here: it takes 1.5 MB, which calls and media do not pay."""
    from chinese_calendar.constants import Holiday, holidays, workdays

    since = f"{PACKAGE} {version(PACKAGE)}"
    names = {festival.value: str(festival.chinese)[:NAME_MAX] for festival in Holiday}
    special = {
        day: Day(day, work, names[name], "official", since)
        for work, table in ((False, holidays), (True, workdays))
        for day, name in table.items()
    }
    return {year: Year("official", since) for year in sorted({day.year for day in special})}, special
