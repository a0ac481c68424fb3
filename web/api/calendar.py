"""The working calendar over the API: a year's days, a day changed by hand, and a year's notice taken over."""

import datetime
from typing import Annotated

from flask_babel import gettext
from msgspec import Meta

from appliance.calendar.days import FIRST_YEAR, LAST_YEAR, NAME_MAX, Day
from appliance.calendar.kinds import VERSION_MAX
from appliance.calendar.reading import read
from appliance.calendar.site import SiteCalendar
from appliance.refused import Refused
from web.api.endpoint import Answer, Strict
from web.api.serving import invalid
from web.context import box, me

NOTICE_MAX = 200_000


class DayTold(Answer, frozen=True):
    """One day, and who says so: official, estimated or manual."""

    date: datetime.date
    work: bool
    name: str
    source: str


class YearTold(Answer, frozen=True):
    """A year of the working calendar."""

    year: int
    source: str
    version: str
    days: list[DayTold]


class YearAsked(Strict, frozen=True):
    """Which year; this one when it is left out."""

    year: Annotated[int, Meta(ge=FIRST_YEAR, le=LAST_YEAR)] | None = None


class DayWritten(Strict, frozen=True):
    """What a day is; null lets it be again what its year says."""

    work: bool | None
    name: Annotated[str, Meta(max_length=NAME_MAX)] = ""


class Notice(Strict, frozen=True):
    """A year's notice: JSON of the holiday-cn project, or CSV with date,work,name."""

    content: Annotated[str, Meta(min_length=1, max_length=NOTICE_MAX)]
    version: Annotated[str, Meta(max_length=VERSION_MAX)] = ""
    try_only: bool = False
    """Only tell which days would change."""


class Change(Answer, frozen=True):
    """A day before and after."""

    before: DayTold
    after: DayTold


class Taken(Answer, frozen=True):
    """What a notice changes."""

    changes: list[Change]
    taken: bool


def year(query: YearAsked) -> YearTold:
    """Tell a year."""
    return _year(query.year or datetime.date.today().year)


def write(day: str, body: DayWritten) -> YearTold:
    """Say what a day is; open tickets get their dates anew."""
    date = _date(day)
    site = SiteCalendar(box().store)
    if body.work is None:
        site.forget(me(), date)
    else:
        site.enter(me(), date, body.work, body.name)
    return _year(date.year)


def load(body: Notice) -> Taken:
    """Take a notice over, all of it or nothing."""
    site = SiteCalendar(box().store)
    reading = read(body.content.encode(), body.version or gettext("imported rows"))
    if reading.faults:
        fault = reading.faults[0]
        raise invalid("content", f"{fault}"[:200])
    changes = [Change(_told(before), _told(after)) for before, after in site.changes(reading)]
    if not body.try_only:
        site.load(me(), reading)
    return Taken(changes, not body.try_only)


def _year(number: int) -> YearTold:
    calendar = SiteCalendar(box().store).calendar()
    said = calendar.year(number)
    first = datetime.date(number, 1, 1)
    count = (datetime.date(number + 1, 1, 1) - first).days if number < datetime.MAXYEAR else 365
    days = [_told(calendar.day(first + datetime.timedelta(days=n))) for n in range(count)]
    return YearTold(number, said.source, said.version, days)


def _told(day: Day) -> DayTold:
    return DayTold(day.date, day.work, day.name, day.source)


def _date(text: str) -> datetime.date:
    try:
        found = datetime.date.fromisoformat(text)
    except ValueError:
        raise invalid("day", "YYYY-MM-DD") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Refused("beyond_calendar", "The calendar does not reach that far. Check the clock of the box.")
    return found
