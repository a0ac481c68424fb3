"""Due dates for the desk: the calendar, hours and limits in force put to the pure rules of due.py."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from appliance.calendar.days import BeyondCalendar
from appliance.calendar.hours import local_day, midnight_s
from appliance.events import Fact
from appliance.people import BOX, Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import due, strand_table, table
from appliance.tickets.clocks import Clock, Reckoning
from appliance.tickets.due import Times
from appliance.tickets.in_force import InForce, in_force
from appliance.tickets.strands import DAY_S, DUE, Strand
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import CREATION

Change = Callable[[Reckoning, Clock, bool], Clock]
"""Changes one clock; the flag tells whether it is the unit's."""
OPEN = (
    "site = ? AND tid > ? AND closed_s IS NULL"
    " AND (due_s IS NOT NULL OR paused_s IS NOT NULL OR step_due_s IS NOT NULL)"
)


class Dues:
    """What is due when, by what is in force on this box now."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    @property
    def in_force(self) -> InForce:
        """The rules of time in force."""
        return in_force(self._store)

    def reckoning(self, unit: str = "") -> Reckoning:
        """Return what reckons now, for a unit or for the centre."""
        return self.in_force.reckoning_of(unit)

    def for_creation(self, source: str, fields: Mapping[str, object]) -> dict[str, Any]:
        """Return by when what came by a channel is to be accepted, for the event of its creation."""
        rules = self.in_force
        state = CREATION[source == "phone"].target
        limit = rules.limits.for_state(state, str(fields.get("urgency", "")), source)
        try:
            return {"step_due_s": rules.reckoning.begin(limit, self._now()).due_s} if limit else {}
        except BeyondCalendar:
            return {}  # what a citizen sends is taken, whatever the box thinks the year is

    def for_move(self, ticket: Ticket, move: str, target: str, unit: str) -> dict[str, Any]:
        """Return what belongs into the event of a move to `target`; `unit` is the one it is then with."""
        rules = self.in_force
        limits = rules.limits_of(ticket.category)
        return _facts(lambda: due.after_move(_times(rules, unit), limits, ticket, move, target, self._now()))

    def for_edit(self, ticket: Ticket, changed: Mapping[str, object]) -> dict[str, Any]:
        """Return what belongs into the event of an edit: another kind or urgency has another limit."""
        if not ticket.case_clock or changed.keys().isdisjoint({"kind", "urgency", "category"}):
            return {}
        wanted = replace(ticket, **changed)
        rules = self.in_force
        limits = rules.limits_of(wanted.category)
        return _facts(
            lambda: due.after_edit(_times(rules, ticket.unit), limits, ticket, wanted.kind, wanted.urgency)
        )

    def for_change(self, ticket: Ticket, change: Change) -> dict[str, Any]:
        """Return what belongs into an event that changes the running clocks of a ticket; raises Refused."""
        rules = self.in_force
        return _facts(lambda: due.after_change(_times(rules, ticket.unit), ticket, change))

    def for_sub_order(self, ticket: Ticket, ahead_wd: int) -> dict[str, Any]:
        """Return when a sub-order is due, for its event: so many working days before its case."""
        try:
            found = due.before_case(self.reckoning(), ticket, ahead_wd, self._now())
        except BeyondCalendar:
            found = None
        if found is None:
            return {}
        due_s, provisional = found
        facts = {"due": due_s, "warn": self.warn_s(due_s), "ahead": ahead_wd}
        return {**facts, **({"provisional": True} if provisional else {})}

    def warn_s(self, due_s: float) -> float:
        """Return from when on a sub-order is due soon: the last working day it may be done on."""
        try:
            last = self.reckoning().calendar.back(local_day(due_s - 0.001), 1)
        except BeyondCalendar:
            return due_s - DAY_S
        return min(due_s, midnight_s(last))

    def follow(self, tids: Sequence[bytes], why: str, by: Actor) -> None:
        """Give sub-orders that follow their cases new due dates, as the cases stand now; in a transaction."""
        facts = []
        for strand in strand_table.following(self._store, tids):
            ticket = table.load(self._store, strand.tid)
            if ticket is not None and (dated := self._followed(ticket, strand)):
                signed = {"why": why, "by": by.number, "name": by.name}
                facts.append(Fact(DUE, {"strand": strand.sid.hex(), **dated, **signed}, strand.tid))
        if facts:
            self._store.record(*facts)

    def _followed(self, ticket: Ticket, strand: Strand) -> dict[str, Any]:
        """What is due otherwise than the row of a sub-order says; nothing: all as it was."""
        try:
            found = due.before_case(self.reckoning(), ticket, strand.ahead_wd or 0, strand.opened_s)
        except BeyondCalendar:
            found = None
        if found is None or found == (strand.due_s, strand.provisional):
            return {}
        return {"due": found[0], "provisional": found[1], "warn": self.warn_s(found[0])}

    def reckon_anew(self, after: bytes = b"", limit: int = 200) -> tuple[int, bytes]:
        """Bring open tickets of this site, with their sub-orders, up to a changed calendar, behind `after`.

        Return how many tickets were changed, and the last ticket looked at; empty when there are no more.
        """
        rules = self.in_force
        with self._store.transaction():
            tickets = table.select(
                self._store, f"{OPEN} ORDER BY tid LIMIT ?", self._store.site, after, limit
            )
            facts = []
            for ticket in tickets:
                try:
                    found = due.after_calendar(
                        _times(rules, ticket.unit), rules.limits_of(ticket.category), ticket
                    )
                except BeyondCalendar:
                    continue
                if found:
                    body = {"due": found, "why": "calendar", "by": BOX.number, "name": BOX.name}
                    facts.append(Fact("ticket.due", body, ticket.tid))
            self._store.record(*facts)
            self.follow([ticket.tid for ticket in tickets], "calendar", BOX)
        return len(facts), tickets[-1].tid if len(tickets) == limit else b""


def _times(rules: InForce, unit: str) -> Times:
    return Times(rules.reckoning, rules.reckoning_of(unit))


def _facts(reckon: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        facts = reckon()
    except BeyondCalendar:
        raise Refused(
            "beyond_calendar", "The calendar does not reach that far. Check the clock of the box."
        ) from None
    return {"due": facts} if facts else {}
