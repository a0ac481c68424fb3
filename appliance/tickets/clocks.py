"""Clocks of a ticket: how long somebody has, what stood still meanwhile, and what colour that is.

Pure. A clock is facts only: when it began, its limit, its pauses, extensions and an earlier date
ordered by a leader. The due date follows from these, whatever order they came in; it is written
beside them into the event, so that no later calendar changes what was said then.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import msgspec
from msgspec.structs import replace

from appliance.calendar.days import WorkCalendar
from appliance.calendar.hours import Hours, local_day, midnight_s, windows

Unit = Literal["wd", "wh", "days", "hours", "minutes"]
"""Working days, hours within working bands, and three that run day and night."""
Colour = Literal["green", "yellow", "red", "grey"]
WORST_FIRST: tuple[Colour, ...] = ("red", "yellow", "green", "grey")
WHOLE_DAYS: frozenset[Unit] = frozenset({"wd", "days"})
MS: dict[Unit, int] = {
    "wd": 86_400_000,
    "wh": 3_600_000,
    "days": 86_400_000,
    "hours": 3_600_000,
    "minutes": 60_000,
}
MOST: dict[Unit, int] = {"wd": 1000, "wh": 8000, "days": 2000, "hours": 20_000, "minutes": 60_000}
"""The longest limit that may be set."""
FOREVER = 1 << 60
USUAL = Hours()


class Limit(msgspec.Struct, frozen=True):
    """How long something may take."""

    n: int
    unit: Unit = "wd"

    def __str__(self) -> str:
        return f"{self.n} {self.unit}"


class Clock(msgspec.Struct, frozen=True, omit_defaults=True):
    """One clock of a ticket, as it stands in an event. Times are Unix seconds."""

    start_s: float
    n: int
    unit: Unit = "wd"
    pauses: tuple[tuple[float, float | None], ...] = ()
    """Spans that do not count; the end of one that still lasts is None."""
    extensions: tuple[int, ...] = ()
    """Granted on top, in the unit of the limit."""
    ordered_s: float | None = None
    """An earlier date set by a leader."""
    stopped_s: float | None = None
    """When what it measures was done; it may go on again."""
    due_s: float = 0.0
    original_s: float = 0.0
    """Due when it began, before anything was extended or stood still."""
    warn_s: float = 0.0
    """From when on it is yellow."""
    provisional: bool = False
    """The due date lies behind days that are only estimated."""

    @property
    def paused(self) -> bool:
        """Whether it stands still, to go on."""
        return bool(self.pauses) and self.pauses[-1][1] is None

    @property
    def running(self) -> bool:
        """Whether time goes by."""
        return not self.paused and self.stopped_s is None

    @property
    def total(self) -> int:
        """The limit with its extensions."""
        return self.n + sum(self.extensions)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a limit, or how long it is over."""

    overdue: bool
    days: int | None
    """Whole working days (or days) after today; None where the limit counts hours."""
    seconds: float
    """Until the due moment, or since it, by the wall clock."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Computes with clocks: a calendar, hours of work, and from what share of the limit on it is yellow."""

    calendar: WorkCalendar
    hours: Hours = USUAL
    yellow_share: float = 0.2
    yellow_least: int = 1
    """Working days, where the limit is in days."""
    round_share: float = 0.5
    """Of the original limit, for a second round."""
    round_least: int = 2
    """Working days of a second round at least, where the limit is in days."""

    def begin(self, limit: Limit, at_s: float) -> Clock:
        """Start a clock."""
        clock = self.computed(Clock(at_s, limit.n, limit.unit))
        return replace(clock, original_s=clock.due_s)

    def computed(self, clock: Clock) -> Clock:
        """Return a clock with the due date that follows from its facts; raises BeyondCalendar."""
        due_s = self._due_s(clock)
        if clock.ordered_s is not None:
            due_s = min(due_s, max(clock.ordered_s, clock.start_s))
        first = local_day(clock.start_s)
        unsure = clock.unit in ("wd", "wh") and self.calendar.provisional(first, _last_day(due_s))
        return replace(clock, due_s=due_s, warn_s=self._warn_s(clock, due_s), provisional=unsure)

    def paused(self, clock: Clock, at_s: float) -> Clock:
        """Let a clock stand still; its due date is not known before it goes on."""
        if clock.paused or clock.stopped_s is not None:
            return clock
        return replace(clock, pauses=(*clock.pauses, (max(at_s, clock.start_s), None)))

    def resumed(self, clock: Clock, at_s: float) -> Clock:
        """Let it go on, with what was left when it was paused or stopped."""
        if clock.stopped_s is not None:
            span = (clock.stopped_s, max(at_s, clock.stopped_s))
            clock = replace(clock, stopped_s=None, pauses=(*clock.pauses, span))
        elif clock.paused:
            since_s = clock.pauses[-1][0]
            clock = replace(clock, pauses=(*clock.pauses[:-1], (since_s, max(at_s, since_s))))
        else:
            return clock
        return self.computed(clock)

    def stopped(self, clock: Clock, at_s: float) -> Clock:
        """Stop it: what it measures is done."""
        if clock.stopped_s is not None:
            return clock
        if clock.paused:
            clock = self.resumed(clock, at_s)
        return replace(clock, stopped_s=max(at_s, clock.start_s))

    def left(self, clock: Clock, now_s: float) -> Left:
        """Tell how much is left; of one that stands still, what was left when it was paused."""
        if clock.stopped_s is not None:
            now_s = clock.stopped_s
        elif clock.paused:
            now_s = clock.pauses[-1][0]
        overdue = now_s > clock.due_s
        days = None
        if clock.unit in WHOLE_DAYS:
            today, last = local_day(now_s), _last_day(clock.due_s)
            after, until = (last, today) if overdue else (today, last)
            days = self.calendar.count(after, until) if clock.unit == "wd" else max(0, (until - after).days)
        return Left(overdue, days, abs(clock.due_s - now_s))

    def second_round(self, limit: Limit) -> Limit:
        """Return the limit of a second dispatch: a share of the original, some days at least."""
        share = math.ceil(round(self.round_share * limit.n, 3))
        return Limit(max(self.round_least if limit.unit in WHOLE_DAYS else 1, share), limit.unit)

    def _due_s(self, clock: Clock) -> float:
        pauses = _merged(clock.pauses)
        start = local_day(clock.start_s)
        if clock.unit == "wd" and not pauses:
            return self._closing_s(self.calendar.due(start, clock.total))
        end = _advance(_counted(self._spans(clock, start), pauses), clock.total * MS[clock.unit])
        return self._closing_s(_last_day(end / 1000)) if clock.unit in WHOLE_DAYS else end / 1000

    def _spans(self, clock: Clock, start: date) -> Iterator[tuple[int, int]]:
        match clock.unit:
            case "wd":
                return windows(self.calendar, 0, None, start + timedelta(days=1))
            case "wh":
                return windows(self.calendar, clock.start_s, self.hours.bands, start)
            case "days":
                return iter([(round(midnight_s(start + timedelta(days=1)) * 1000), FOREVER)])
            case _:
                return iter([(round(clock.start_s * 1000), FOREVER)])

    def _warn_s(self, clock: Clock, due_s: float) -> float:
        """Yellow when what is left is at most one day or a share of the limit, whichever is more."""
        warn_s = due_s - self.yellow_share * (due_s - clock.start_s)
        if clock.unit in WHOLE_DAYS:
            # Thousandths: 0.2 * 5 is a little more than 1 in binary.
            n = max(self.yellow_least, math.ceil(round(self.yellow_share * clock.total, 3)))
            last = _last_day(due_s)
            first = self.calendar.back(last, n) if clock.unit == "wd" else last - timedelta(days=n - 1)
            warn_s = midnight_s(first)
        elif clock.unit == "wh" and due_s > clock.start_s:
            used = round(clock.total * MS["wh"] * (1 - self.yellow_share))
            spans = self._spans(clock, local_day(clock.start_s))
            warn_s = _advance(_counted(spans, _merged(clock.pauses)), used) / 1000
        return min(max(warn_s, clock.start_s), due_s)

    def _closing_s(self, day: date) -> float:
        return midnight_s(day) + self.hours.closing_s


def colour(clock: Clock, now_s: float) -> Colour:
    """Say how a clock stands: grey when it stands still; one that was stopped keeps its colour."""
    if clock.stopped_s is not None:
        return "red" if clock.stopped_s > clock.due_s else "green"
    if clock.paused:
        return "grey"
    return "red" if now_s > clock.due_s else "yellow" if now_s >= clock.warn_s else "green"


def worst(colours: Iterable[Colour]) -> Colour:
    """A case shows the worst of its own clock and those of its open sub-orders."""
    return min(colours, key=WORST_FIRST.index, default="grey")


def _last_day(due_s: float) -> date:
    """The day a due moment closes: midnight is the end of the day before."""
    return local_day(due_s - 0.001)


def _merged(pauses: Iterable[tuple[float, float | None]]) -> list[tuple[int, int]]:
    """Pauses that are over, in milliseconds, sorted and without overlaps."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted((round(a * 1000), round(b * 1000)) for a, b in pauses if b is not None):
        if end <= begin:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def _counted(spans: Iterable[tuple[int, int]], pauses: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Take the pauses out of the spans that count."""
    at = 0
    for begin, end in spans:
        while at < len(pauses) and pauses[at][1] <= begin:
            at += 1
        look = at
        while look < len(pauses) and pauses[look][0] < end:
            if begin < pauses[look][0]:
                yield begin, pauses[look][0]
            begin = max(begin, pauses[look][1])
            look += 1
        if begin < end:
            yield begin, end


def _advance(spans: Iterable[tuple[int, int]], need: int) -> int:
    """Return the moment at which so much of the spans has gone by."""
    for begin, end in spans:
        if need <= end - begin:
            return begin + need
        need -= end - begin
    raise AssertionError("spans that count never end")
