"""Due dates as facts: what a step makes of a ticket's two clocks, and how its row takes that over.

Pure. The case clock begins with acceptance and never begins anew but for another round; the unit's
clock begins with each dispatch and stops with the feedback. Events carry both as they stand then;
folding takes them over and needs no calendar.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from appliance.calendar.hours import local_day, midnight_s
from appliance.tickets.clocks import Clock, Limit, Reckoning
from appliance.tickets.limits import Limits
from appliance.tickets.workflow import STATES

NEW_ROUND = frozenset({"second_dispatch", "review_overturned", "recheck_overturned"})
"""Moves after which there is half of the limit once more."""
REOPENED = "accept"
"""Accepting what had been accepted before, because the citizen came back, is a new round too."""
UNIT_RUNS = frozenset({"DISPATCHED", "HANDLING", "RETURN_REVIEW"})
UNIT_STANDS = frozenset({"SUSPENDED"})
FOLLOWS = frozenset({"MERGED"})
"""Whose time is that of another ticket."""
NO_UNIT = frozenset({"ACCEPTED", "SELF_HANDLING", "TRANSFERRED"})
"""States in which no assignment is under way."""
NO_RESULT = UNIT_RUNS | UNIT_STANDS | NO_UNIT
"""States in which what is asked for in this round has not been done."""

Facts = Mapping[str, Any]


class Timed(Protocol):
    """What of a ticket its clocks depend on."""

    @property
    def state(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def urgency(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def accepted_s(self) -> float | None: ...
    @property
    def round(self) -> int: ...
    @property
    def case_clock(self) -> str: ...
    @property
    def unit_clock(self) -> str: ...
    @property
    def case_due_original_s(self) -> float | None: ...
    @property
    def state_s(self) -> float: ...
    @property
    def step_due_s(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Times:
    """What reckons for the case, and for its unit, which may close earlier."""

    case: Reckoning
    unit: Reckoning


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a ticket; one that never began is None."""

    case: Clock | None = None
    unit: Clock | None = None


_CLOCK = msgspec.json.Decoder(Clock)


def clocks_of(ticket: Timed) -> Clocks:
    """Read the clocks of a ticket; what a later version wrote and nobody here understands is none."""
    return Clocks(_read(ticket.case_clock), _read(ticket.unit_clock))


def after_move(
    times: Times, limits: Limits, ticket: Timed, move: str, target: str, now_s: float
) -> dict[str, Any]:
    """Return what a move says about due dates, for its event; raises BeyondCalendar."""
    before = clocks_of(ticket)
    limit = limits.for_handling(ticket.kind, ticket.urgency)
    case = _case_after(times.case, before.case, limit, move, target, now_s, ticket.accepted_s)
    unit = _unit_after(times.unit, before.unit, case, target, now_s)
    facts = changed(before, Clocks(case, unit))
    step = limits.for_state(target, ticket.urgency, ticket.source)
    reckoning = times.unit if target in UNIT_RUNS else times.case
    facts["step_s"] = reckoning.begin(step, now_s).due_s if step else None
    return facts


def after_edit(times: Times, limits: Limits, ticket: Timed, kind: str, urgency: str) -> dict[str, Any]:
    """Return what another kind or urgency makes of the due dates, for the event; empty: nothing."""
    before = clocks_of(ticket)
    limit = limits.for_handling(kind, urgency)
    if ticket.round:
        limit = times.case.second_round(limit)
    case, unit = _with_limit(times.case, before.case, limit), _with_limit(times.unit, before.unit, limit)
    return changed(before, Clocks(case, unit))


def after_calendar(times: Times, limits: Limits, ticket: Timed) -> dict[str, Any]:
    """Return what another calendar makes of the due dates of an open ticket; empty: nothing.

    What is done is not touched: no calendar makes it late.
    """
    facts = _after_calendar(times, ticket)
    step = limits.for_state(ticket.state, ticket.urgency, ticket.source)
    if ticket.step_due_s is not None and step is not None and step.unit in ("wd", "wh"):
        reckoning = times.unit if ticket.state in UNIT_RUNS else times.case
        step_s = reckoning.begin(step, ticket.state_s).due_s
        if step_s != ticket.step_due_s:
            facts |= {"step_s": step_s, "state": ticket.state}
    return facts


def _after_calendar(times: Times, ticket: Timed) -> dict[str, Any]:
    before = clocks_of(ticket)
    case, unit = (
        clock if clock is None or clock.stopped_s is not None else reckoning.computed(clock)
        for reckoning, clock in ((times.case, before.case), (times.unit, before.unit))
    )
    return changed(before, Clocks(case, unit))


def after_change(
    times: Times, ticket: Timed, change: Callable[[Reckoning, Clock, bool], Clock]
) -> dict[str, Any]:
    """Return what a change of the running clocks makes of the due dates; raises Refused, BeyondCalendar."""
    before = clocks_of(ticket)
    case, unit = (
        clock if clock is None or clock.stopped_s is not None else change(reckoning, clock, mine)
        for reckoning, clock, mine in ((times.case, before.case, False), (times.unit, before.unit, True))
    )
    return changed(before, Clocks(case, unit))


def before_case(
    reckoning: Reckoning, ticket: Timed, ahead_wd: int, from_s: float
) -> tuple[float, bool] | None:
    """Return the end of the day so many working days before the case is due, and whether it is provisional.

    It is never before the time it counts from; None while no case clock goes on.
    """
    case = clocks_of(ticket).case
    if case is None or not case.running:
        return None
    if case.unit != "wd" or ahead_wd < 1:
        return case.due_s, case.provisional
    day = reckoning.calendar.back(local_day(case.due_s - 0.001), ahead_wd + 1)
    due_s = min(case.due_s, max(from_s, midnight_s(day) + reckoning.hours.closing_s))
    return due_s, case.provisional


def taken_beside(ticket: Timed, due: Facts) -> dict[str, Any]:
    """The same for what was not said by a move: clocks that have been stopped meanwhile keep their dates."""
    said = (
        {**due}
        if STATES[ticket.state].clock != "stopped"
        else {k: v for k, v in due.items() if k == "step_s"}
    )
    if "state" in due and due["state"] != ticket.state:
        said.pop("step_s", None)
    return taken(ticket, said) if said else {}


def taken(ticket: Timed, due: Facts) -> dict[str, Any]:
    """Return the columns of a ticket's row that follow from what an event says about due dates."""
    changes: dict[str, Any] = {"step_due_s": _number(due["step_s"])} if "step_s" in due else {}
    if "case" not in due and "unit" not in due:
        return changes
    for name in ("case", "unit"):
        if name in due:
            changes[f"{name}_clock"] = msgspec.json.encode(due[name]).decode() if due[name] else ""
    case = _read(changes.get("case_clock", ticket.case_clock))
    unit = _read(changes.get("unit_clock", ticket.unit_clock))
    running = [clock for clock in (case, unit) if clock is not None and clock.running]
    if case is not None and case.paused:
        running = []
    changes |= {
        "case_due_s": case.due_s if case else None,
        "unit_due_s": unit.due_s if unit else None,
        "provisional": any(clock.provisional for clock in running),
        "paused_s": case.pauses[-1][0] if case and case.paused else None,
        "due_s": min((clock.due_s for clock in running), default=None),
        "warn_s": min((clock.warn_s for clock in running), default=None),
    }
    if case is not None and _first(ticket, case):
        changes["case_due_original_s"] = case.original_s
    return changes


def _case_after(
    reckoning: Reckoning,
    clock: Clock | None,
    limit: Limit,
    move: str,
    target: str,
    now_s: float,
    accepted_s: float | None,
) -> Clock | None:
    runs = STATES[target].clock
    again = clock is not None and (move in NEW_ROUND or move == REOPENED)
    if target in FOLLOWS:
        runs = "stopped"
    if runs == "running" and (clock is None or again):
        if again:
            return reckoning.begin(reckoning.second_round(limit), now_s)
        # A ticket of a version that knew no clocks has been running since its acceptance.
        return reckoning.begin(limit, now_s if accepted_s is None else accepted_s)
    if clock is None:
        return None
    match runs:
        case "running":
            return reckoning.resumed(clock, now_s)
        case "paused":
            return reckoning.paused(clock, now_s)
        case _:
            return reckoning.stopped(clock, now_s)


def _unit_after(
    reckoning: Reckoning, clock: Clock | None, case: Clock | None, target: str, now_s: float
) -> Clock | None:
    if target == "DISPATCHED" and case is not None:
        return reckoning.begin(Limit(case.n, case.unit), now_s)
    if clock is None or target in NO_UNIT:
        return None
    if target in UNIT_RUNS:
        return reckoning.resumed(clock, now_s)
    return (reckoning.paused if target in UNIT_STANDS else reckoning.stopped)(clock, now_s)


def _first(ticket: Timed, case: Clock) -> bool:
    """Tell whether this is still the clock the case began with, and not that of a later round."""
    before = _read(ticket.case_clock)
    if before is None or ticket.case_due_original_s is None:
        return ticket.case_due_original_s is None
    return case.start_s == before.start_s and before.original_s == ticket.case_due_original_s


def _with_limit(reckoning: Reckoning, clock: Clock | None, limit: Limit) -> Clock | None:
    if clock is None or clock.stopped_s is not None or (clock.n, clock.unit) == (limit.n, limit.unit):
        return clock
    kept = clock.extensions if clock.unit == limit.unit else ()
    original_s = reckoning.begin(limit, clock.start_s).due_s
    changed = replace(clock, n=limit.n, unit=limit.unit, extensions=kept, original_s=original_s)
    return reckoning.computed(changed)


def changed(before: Clocks, after: Clocks) -> dict[str, Any]:
    """Return the clocks that differ, as they stand in an event."""
    pairs = (("case", before.case, after.case), ("unit", before.unit, after.unit))
    return {name: msgspec.to_builtins(new) if new else None for name, old, new in pairs if old != new}


@lru_cache(256)
def _read(text: str) -> Clock | None:
    try:
        return _CLOCK.decode(text) if text else None
    except ValueError:
        return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
