"""What people enter about days, as kinds of dictionary entries."""

from datetime import date

from appliance.calendar.days import FIRST_YEAR, LAST_YEAR, NAME_MAX
from appliance.dictionary.kind import Choices, Column, Kind, Wish
from appliance.refused import Refused

DAY, YEAR = "calendar_day", "calendar_year"
SOURCES: Choices = {"official": ("官方通知", "Official notice"), "manual": ("手工", "By hand")}
VERSION_MAX = 80


def _day(wish: Wish) -> None:
    key = wish.after.key
    try:
        day = date.fromisoformat(key)
    except ValueError:
        raise Refused("bad_day", "%(day)s is no day; write it like 2027-01-31.", day=key) from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise beyond(key)


def _year(wish: Wish) -> None:
    if not FIRST_YEAR <= int(wish.after.key) <= LAST_YEAR:
        raise beyond(wish.after.key)


def beyond(what: str) -> Refused:
    """The refusal of a day outside the calendar."""
    return Refused(
        "beyond_calendar",
        "%(day)s is outside the calendar, which goes from %(first)s to %(last)s.",
        day=what,
        first=FIRST_YEAR,
        last=LAST_YEAR,
    )


DAYS = Kind(
    DAY,
    "日历中的日子",
    "Days of the calendar",
    "parameters",
    (
        Column("work", "上班", "Worked", "flag"),
        Column("name", "名称", "Name", limit=NAME_MAX),
        Column("source", "依据", "Source", "choice", choices=SOURCES, default="official"),
        Column("version", "版本", "Version", limit=VERSION_MAX),
    ),
    ordered=False,
    check=_day,
    key_pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    hidden=True,
)
YEARS = Kind(
    YEAR,
    "已导入的年度日历",
    "Imported years of the calendar",
    "parameters",
    (Column("version", "版本", "Version", limit=VERSION_MAX, required=True),),
    ordered=False,
    check=_year,
    key_pattern=r"[0-9]{4}",
    hidden=True,
)
