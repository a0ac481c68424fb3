"""The dispatch rules of a box: read from the dictionary, asked for a ticket, counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.calendar.hours import local_day
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Entry
from appliance.dictionary.tree import line
from appliance.tickets.dispatching import FIELDS, Matter, Rule, Suggestion, misfit, suggested
from appliance.tickets.dues import Dues
from appliance.tickets.ticket import Ticket

if TYPE_CHECKING:
    from appliance.store.store import Store

KIND = "dispatch_rule"
LAST = 500
"""So many dispatches people made are compared with the rules."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What people chose in the last dispatches, and what the rules would have."""

    tickets: int
    same: int
    other: Sequence[tuple[Ticket, str]]
    """Where the rules say another unit, and which."""
    unknown: int
    """For which they know none."""


class DispatchRules:
    """The rules in force."""

    def __init__(self, dictionary: Dictionary, dues: Dues) -> None:
        self._dictionary = dictionary
        self._dues = dues

    def rules(self) -> Sequence[Rule]:
        """Return the rules in their order; those for a unit that was dissolved are left out."""
        return self._dictionary.following(_rules)

    def matter(self, ticket: Ticket) -> Matter:
        """Return what rules look at of a ticket."""
        return Matter(
            self._above("category", ticket.category),
            self._above("area", ticket.area),
            *(ticket.kind, ticket.source, ticket.urgency),
        )

    def suggestion(self, ticket: Ticket, now_s: float) -> Suggestion | None:
        """Propose a unit for a ticket; None when nobody knows one in service."""
        own_units = self._dictionary.following(_own_units)
        found = suggested(self.rules(), self.matter(ticket), *self._moment(now_s), own_units)
        if found is None:
            return None
        entry = self._dictionary.get("unit", found.unit)
        return None if entry is not None and entry.retired else found

    def explained(self, ticket: Ticket, now_s: float) -> list[tuple[Rule, str]]:
        """Return every rule with why it does not fit a ticket; empty where it does."""
        matter, moment = self.matter(ticket), self._moment(now_s)
        return [(rule, misfit(rule, matter, *moment)) for rule in self.rules()]

    def compared(self, tickets: Sequence[Ticket]) -> Compared:
        """Compare what people chose with what the rules in force would propose."""
        same, unknown, other = 0, 0, []
        for ticket in tickets:
            found = self.suggestion(ticket, ticket.dispatched_s or ticket.state_s)
            if found is None:
                unknown += 1
            elif found.unit == ticket.unit:
                same += 1
            else:
                other.append((ticket, found.unit))
        return Compared(len(tickets), same, other, unknown)

    def _moment(self, now_s: float) -> tuple[datetime, bool]:
        return datetime.fromtimestamp(now_s), self._dues.reckoning().calendar.works(local_day(now_s))

    def _above(self, kind: str, key: str) -> tuple[str, ...]:
        """A key with all that stand above it, itself first; areas may be told by their name."""
        entries = self._dictionary.by_key(kind)
        if key not in entries:
            key = self._dictionary.following(_named)[kind].get(key, key)
        if key not in entries:
            return (key,) if key else ()
        return tuple(entry.key for entry in reversed(line(entries, key)))


def hits(store: Store) -> Mapping[str, int]:
    """Count the tickets at units by the rule that was followed."""
    rows = store.rows("SELECT rule, count(*) FROM ticket WHERE rule > '' GROUP BY rule")
    return dict(rows)


def _rules(dictionary: Dictionary) -> Sequence[Rule]:
    units = dictionary.by_key("unit")
    found = []
    for entry in dictionary.all(KIND):
        unit = units.get(entry.text("unit"))
        if unit is not None and not unit.retired and not entry.fields["off"]:
            found.append(_rule(entry))
    return found


def _own_units(dictionary: Dictionary) -> Mapping[str, str]:
    return {entry.key: entry.text("unit") for entry in dictionary.all("category")}


def _named(dictionary: Dictionary) -> Mapping[str, Mapping[str, str]]:
    """Keys of areas and categories by their names; of several with one name the first."""
    kinds = ("category", "area")
    return {
        kind: {entry.names[0]: entry.key for entry in reversed([*dictionary.by_key(kind).values()])}
        for kind in kinds
    }


def _rule(entry: Entry) -> Rule:
    wanted = {name: frozenset(entry.words(name)) for name in FIELDS}
    return Rule(
        entry.key,
        entry.text("unit"),
        tuple(entry.words("assisting")),
        bool(entry.fields["automatic"]),
        **wanted,
        since=entry.text("since"),
        until=entry.text("until"),
        days=entry.text("days"),
    )
