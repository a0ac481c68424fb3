"""Due dates for the desk: the calendar, hours and limits of this box put to the pure rules of due.py."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from appliance.calendar.days import BeyondCalendar
from appliance.calendar.known import plain_calendar
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import due
from appliance.tickets.clocks import Clock, Reckoning
from appliance.tickets.limits import DEFAULT, PRESETS, Limits
from appliance.tickets.ticket import Ticket

Change = Callable[[Reckoning, Clock, bool], Clock]
"""Changes one clock; the flag tells whether it is the unit's."""


class Dues:
    """What is due when, by what is in force on this box now."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    def reckoning(self) -> Reckoning:
        """Return the calendar and hours in force."""
        return Reckoning(plain_calendar())

    def limits(self) -> Limits:
        """Return the limits in force."""
        return PRESETS[DEFAULT]

    def for_move(self, ticket: Ticket, move: str, target: str) -> dict[str, Any]:
        """Return what belongs into the event of a move."""
        return self._facts(
            lambda: due.after_move(self.reckoning(), self.limits(), ticket, move, target, self._now())
        )

    def for_edit(self, ticket: Ticket, changed: Mapping[str, object]) -> dict[str, Any]:
        """Return what belongs into the event of an edit: another kind or urgency has another limit."""
        if not ticket.case_clock or changed.keys().isdisjoint({"kind", "urgency"}):
            return {}
        kind, urgency = (str(changed.get(name, getattr(ticket, name))) for name in ("kind", "urgency"))
        return self._facts(lambda: due.after_edit(self.reckoning(), self.limits(), ticket, kind, urgency))

    def for_change(self, ticket: Ticket, change: Change) -> dict[str, Any]:
        """Return what belongs into an event that changes the running clocks of a ticket; raises Refused."""
        return self._facts(lambda: due.after_change(self.reckoning(), ticket, change))

    def sub_order_s(self, ticket: Ticket, ahead_wd: int) -> float | None:
        """Return when a sub-order is due: so many working days before its case; None without a case clock."""
        return self._date(lambda: due.before_case(self.reckoning(), ticket, ahead_wd, self._now()))

    def _date(self, reckon: Callable[[], float | None]) -> float | None:
        try:
            return reckon()
        except BeyondCalendar:
            return None

    def _facts(self, reckon: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            facts = reckon()
        except BeyondCalendar:
            raise Refused(
                "beyond_calendar", "The calendar does not reach that far. Check the clock of the box."
            ) from None
        return {"due": facts} if facts else {}
