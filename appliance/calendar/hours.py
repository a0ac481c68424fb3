"""Local days and hours as moments: midnights, the bands of a working day, the hour a unit closes.

Moments are whole milliseconds of Unix time, so that sums of pauses are exact.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from appliance.calendar.days import WorkCalendar

DAY_S = 86_400
BANDS_MAX = 6
_BAND = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_CLOCK = re.compile(r"(\d\d):(\d\d)", re.ASCII)

Band = tuple[int, int]
"""From, until: seconds of the day."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When work is done on a working day, and when a day ends for who has until its end."""

    bands: tuple[Band, ...] = ((8 * 3600 + 1800, 12 * 3600), (14 * 3600, 18 * 3600))
    closing_s: int = DAY_S
    """Second of the day; 24:00 is the end of the day."""


def bands(text: str) -> tuple[Band, ...]:
    """Read "08:30-12:00 14:00-18:00"; raises ValueError with what is wrong."""
    found: list[Band] = []
    for word in text.replace(",", " ").split():
        match = _BAND.fullmatch(word)
        if match is None:
            raise ValueError(f"{word} is no band like 08:30-12:00")
        begin, end = (int(match[n]) * 3600 + int(match[n + 1]) * 60 for n in (1, 3))
        if not (0 <= begin < end <= DAY_S) or any(int(match[n]) > 59 for n in (2, 4)):
            raise ValueError(f"{word} does not lie in one day")
        if found and begin < found[-1][1]:
            raise ValueError(f"{word} begins before the band in front of it ends")
        found.append((begin, end))
    if not 1 <= len(found) <= BANDS_MAX:
        raise ValueError(f"write 1 to {BANDS_MAX} bands")
    return tuple(found)


def closing_s(text: str) -> int:
    """Read "17:30" or "24:00" as the second of the day; raises ValueError."""
    match = _CLOCK.fullmatch(text)
    second = int(match[1]) * 3600 + int(match[2]) * 60 if match and int(match[2]) < 60 else 0
    if not 0 < second <= DAY_S:
        raise ValueError(f"{text} is no time like 17:30 or 24:00")
    return second


def local_day(at_s: float) -> date:
    """Return the local day of a moment."""
    return date.fromtimestamp(at_s)


def midnight_s(day: date) -> float:
    """Return when a local day begins."""
    return datetime(day.year, day.month, day.day).timestamp()


def written(due_s: float) -> str:
    """Write a due moment: midnight belongs to the day it ends, as 24:00."""
    day = local_day(due_s - 0.001)
    if due_s - midnight_s(day) >= DAY_S:
        return f"{day} 24:00"
    return datetime.fromtimestamp(due_s).strftime("%Y-%m-%d %H:%M")


def due_day(due_s: float) -> str:
    """Write the last day of a due moment: midnight belongs to the day it ends."""
    return local_day(due_s - 0.001).isoformat()


def windows(
    calendar: WorkCalendar, since_s: float, working: tuple[Band, ...] | None, after: date
) -> Iterator[tuple[int, int]]:
    """Give the spans that count, oldest first, from `since_s` on, in milliseconds.

    With bands those of working days; without them whole working days, from the day `after` on.
    Raises BeyondCalendar at the end of the calendar.
    """
    since = round(since_s * 1000)
    day = after
    while True:
        if calendar.works(day):
            begin = round(midnight_s(day) * 1000)
            for first, last in working if working is not None else ((0, DAY_S),):
                low, high = max(since, begin + first * 1000), begin + last * 1000
                if low < high:
                    yield low, high
        day += timedelta(days=1)
