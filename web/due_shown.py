"""Due dates as people read them: date, colour with a word, and what is left in working time."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext, lazy_gettext

from appliance.calendar.hours import written
from appliance.tickets.clocks import Clock, Colour, Left, Limit, Reckoning, colour, worst
from appliance.tickets.due import clocks_of
from appliance.tickets.strand_table import suborders_due
from appliance.tickets.strands import DAY_S, Strand
from appliance.tickets.ticket import Ticket
from web.context import box

COLOURS = {"green": "good", "yellow": "warn", "red": "bad", "grey": ""}
TITLES = {
    "green": lazy_gettext("In time"),
    "yellow": lazy_gettext("Due soon"),
    "red": lazy_gettext("Overdue"),
    "grey": lazy_gettext("On hold"),
}
DONE = {"green": lazy_gettext("Done in time"), "red": lazy_gettext("Done late")}
SUBORDERS = {
    "green": lazy_gettext("Sub-order in time"),
    "yellow": lazy_gettext("Sub-order due soon"),
    "red": lazy_gettext("Sub-order overdue"),
}
CHOICES = {
    "overdue": lazy_gettext("Overdue"),
    "soon": lazy_gettext("Due soon"),
    "running": lazy_gettext("With a limit, most urgent first"),
    "paused": lazy_gettext("On hold"),
    "provisional": lazy_gettext("Provisional date"),
}
"""What a list of tickets may be narrowed to."""
Counted = Mapping[str, tuple[object, object]]
"""Words for one and for several of a unit."""
LEFT: Counted = {
    "wd": (lazy_gettext("1 working day left"), lazy_gettext("%(num)s working days left")),
    "days": (lazy_gettext("1 day left"), lazy_gettext("%(num)s days left")),
    "hours": ("", lazy_gettext("%(num)s h left")),
}
OVER: Counted = {
    "wd": (lazy_gettext("over by 1 working day"), lazy_gettext("over by %(num)s working days")),
    "days": (lazy_gettext("over by 1 day"), lazy_gettext("over by %(num)s days")),
    "hours": ("", lazy_gettext("over by %(num)s h")),
}
LIMITS: Counted = {
    "wd": (lazy_gettext("limit 1 working day"), lazy_gettext("limit %(num)s working days")),
    "wh": (lazy_gettext("limit 1 working hour"), lazy_gettext("limit %(num)s working hours")),
    "days": (lazy_gettext("limit 1 day"), lazy_gettext("limit %(num)s days")),
    "hours": (lazy_gettext("limit 1 hour"), lazy_gettext("limit %(num)s hours")),
    "minutes": (lazy_gettext("limit 1 minute"), lazy_gettext("limit %(num)s minutes")),
}
LENGTHS: Counted = {
    "wd": (lazy_gettext("1 working day"), lazy_gettext("%(num)s working days")),
    "wh": (lazy_gettext("1 working hour"), lazy_gettext("%(num)s working hours")),
    "days": (lazy_gettext("1 day"), lazy_gettext("%(num)s days")),
    "hours": (lazy_gettext("1 hour"), lazy_gettext("%(num)s hours")),
    "minutes": (lazy_gettext("1 minute"), lazy_gettext("%(num)s minutes")),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """How a clock stands, in words."""

    word: Colour
    """green, yellow, red or grey."""
    colour: str
    """Of the mark, as the style sheet names it."""
    title: str
    date: str
    left: str
    provisional: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One clock of a ticket on its page."""

    key: str
    name: str
    mark: Mark
    limit: str
    original: str
    """The first due date, where it is another one now."""


def marks(tickets: Sequence[Ticket], unit: str | None = None) -> Mapping[bytes, Mark | None]:
    """Return how tickets stand, for lists: the worst of their clocks and of their open sub-orders.

    For a unit that does not lead a ticket it is its own sub-order alone.
    """
    store = box().store
    leading = [ticket.tid for ticket in tickets if unit is None or ticket.unit == unit]
    beside = [ticket.tid for ticket in tickets if ticket.tid not in set(leading)]
    suborders = {**suborders_due(store, leading), **suborders_due(store, beside, unit or "")}
    shown = {}
    for ticket in tickets:
        case, suborder = mark(ticket), suborders.get(ticket.tid)
        if case is not None and suborder is not None and case.word != "grey":
            case = _worse(case if ticket.tid in leading else None, suborder)
        elif ticket.tid in beside:
            case = None
        shown[ticket.tid] = case
    return shown


def _worse(own: Mark | None, suborder: Strand) -> Mark | None:
    assert suborder.due_s is not None, "only those with a date are asked for"
    warn_s = suborder.due_s - DAY_S if suborder.warn_s is None else suborder.warn_s
    clock = Clock(warn_s, 1, due_s=suborder.due_s, warn_s=warn_s)
    now_s = time.time()
    word = colour(clock, now_s)
    if own is not None and (word == "green" or worst((own.word, word)) == own.word):
        return own
    left = left_title(_reckoning().left(clock, now_s), clock.unit)
    title, date = str(SUBORDERS[word]), written(suborder.due_s)
    return Mark(word, COLOURS[word], title, date, left, suborder.provisional)


def mark(ticket: Ticket) -> Mark | None:
    """Return the worst clock of a ticket; None when none is under way."""
    clocks = clocks_of(ticket)
    if clocks.case is not None and clocks.case.paused:
        return _mark(clocks.case)
    running = [clock for clock in (clocks.case, clocks.unit) if clock is not None and clock.running]
    return _mark(min(running, key=lambda clock: clock.due_s)) if running else None


def clocks(ticket: Ticket) -> list[Shown]:
    """Return the clocks of a ticket for its page."""
    found = clocks_of(ticket)
    named = (("case", gettext("Case due"), found.case), ("unit", gettext("Unit due"), found.unit))
    steps = [_step(ticket.step_due_s)] if ticket.step_due_s and ticket.closed_s is None else []
    return [_shown(key, name, clock) for key, name, clock in named if clock is not None] + steps


def _step(due_s: float) -> Shown:
    """By when the ticket is to leave its state."""
    word: Colour = "red" if time.time() > due_s else "green"
    mark = Mark(word, COLOURS[word], str(TITLES[word]), written(due_s), "", False)
    return Shown("step", str(gettext("Next step by")), mark, "", "")


def _shown(key: str, name: str, clock: Clock) -> Shown:
    original = written(clock.original_s) if clock.original_s != clock.due_s else ""
    return Shown(key, name, _mark(clock), limit_title(clock.total, clock.unit), original)


def _mark(clock: Clock) -> Mark:
    now_s = time.time()
    word = colour(clock, now_s)
    if clock.stopped_s is not None:
        return Mark(word, COLOURS[word], str(DONE[word]), written(clock.due_s), "", False)
    left = left_title(_reckoning().left(clock, now_s), clock.unit)
    return Mark(word, COLOURS[word], str(TITLES[word]), written(clock.due_s), left, clock.provisional)


def left_title(left: Left, unit: str) -> str:
    """Say what is left, or how long it is over."""
    if left.days is None or (left.overdue and not left.days):
        minutes = int(left.seconds // 60)
        words = OVER["hours"] if left.overdue else LEFT["hours"]
        return str(words[1]) % {"num": f"{minutes // 60}:{minutes % 60:02d}"}
    if not left.overdue and not left.days:
        return str(gettext("ends today"))
    return _counted(OVER if left.overdue else LEFT, unit, left.days)


def limit_title(n: int, unit: str) -> str:
    """Write a limit."""
    return _counted(LIMITS, unit, n)


def limit_words(limit: Limit) -> str:
    """Write a limit by itself."""
    return _counted(LENGTHS, limit.unit, limit.n)


def _counted(table: Counted, unit: str, n: int) -> str:
    one, many = table[unit]
    return str(one) if n == 1 else str(many) % {"num": n}


def _reckoning() -> Reckoning:
    return box().tickets.dues.reckoning()
