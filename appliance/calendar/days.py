"""Which days are worked: a table of years and of single days, and counting in working days.

Pure. A day is what the most specific source says: a person, then the official notice, then the
weekday. The day of receipt is never counted; whoever writes on a rest day has the first working
day as day one.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

Source = Literal["official", "estimated", "manual"]
FIRST_YEAR = 2004
LAST_YEAR = 2050
SATURDAY = 5
NAME_MAX = 40


class BeyondCalendar(ValueError):
    """A day outside the years the calendar knows anything about."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day, and who says so."""

    date: date
    work: bool
    name: str = ""
    """What is celebrated, or made up for, in Chinese."""
    source: Source = "official"
    version: str = ""


@dataclass(frozen=True, slots=True)
class Year:
    """Where a year's days come from, those that are as their weekday says too."""

    source: Source
    version: str = ""


class WorkCalendar:
    """Every day of the years from FIRST_YEAR to LAST_YEAR; never changes.

    `special` are the days that are not as their weekday says, or that somebody entered.
    """

    def __init__(self, years: Mapping[int, Year], special: Mapping[date, Day]) -> None:
        self._years = dict(years)
        self._special = dict(special)
        first, last = date(FIRST_YEAR, 1, 1).toordinal(), date(LAST_YEAR, 12, 31).toordinal()
        said = {day.toordinal(): entry.work for day, entry in special.items()}
        # An ordinal's weekday is (ordinal + 6) % 7: 1 January of the year 1 was a Monday.
        self._work = array("i", (n for n in range(first, last + 1) if said.get(n, (n + 6) % 7 < SATURDAY)))
        unsure = (n for n in range(first, last + 1) if self._unsure(date.fromordinal(n)))
        self._unsure_days = array("i", unsure)

    def day(self, day: date) -> Day:
        """Return what is known of a day; raises BeyondCalendar."""
        _within(day)
        if entry := self._special.get(day):
            return entry
        year = self.year(day.year)
        return Day(day, day.weekday() < SATURDAY, "", year.source, year.version)

    def year(self, year: int) -> Year:
        """Return where a year's days come from; a year nobody knows is estimated."""
        return self._years.get(year, Year("estimated"))

    def works(self, day: date) -> bool:
        """Tell whether a day is worked."""
        return self.day(day).work

    def due(self, received: date, n: int) -> date:
        """Return the n-th working day after the day of receipt; raises BeyondCalendar."""
        _within(received)
        if n < 1:
            raise ValueError(f"a limit of {n} working days")
        at = bisect_right(self._work, received.toordinal()) + n - 1
        if at >= len(self._work):
            raise BeyondCalendar(f"the calendar ends in {LAST_YEAR}")
        return date.fromordinal(self._work[at])

    def back(self, day: date, n: int) -> date:
        """Return the day from which, until the end of `day`, n working days are left."""
        at = bisect_right(self._work, day.toordinal()) - n
        return date.fromordinal(self._work[max(at, 0)])

    def count(self, after: date, until: date) -> int:
        """Count the working days after a day, up to and with another; 0 when it lies before."""
        low, high = (bisect_right(self._work, day.toordinal()) for day in (after, until))
        return max(0, high - low)

    def provisional(self, first: date, last: date) -> bool:
        """Tell whether any day from the first to the last is only estimated."""
        at = bisect_left(self._unsure_days, first.toordinal())
        return at < len(self._unsure_days) and self._unsure_days[at] <= last.toordinal()

    def days_of(self, year: int) -> list[Day]:
        """Return the days of a year that are not as their weekday says, or that somebody entered."""
        return [self._special[day] for day in sorted(self._special) if day.year == year]

    def _unsure(self, day: date) -> bool:
        entry = self._special.get(day)
        return (entry.source if entry else self.year(day.year).source) == "estimated"


def _within(day: date) -> None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BeyondCalendar(f"{day} is outside the calendar, which goes from {FIRST_YEAR} to {LAST_YEAR}")
