"""Tickets found, listed, counted and read; nothing is written here."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import number as numbers
from appliance.tickets import strand_table, table
from appliance.tickets.facets import EVERY
from appliance.tickets.fields import checked
from appliance.tickets.finder import PAGE_ROWS, ROWS_MAX, Finder
from appliance.tickets.finding import CLOCKS, Query
from appliance.tickets.rights import CENTRE_ROLES, UNIT_ROLES, UNIT_SEES, brought, owns
from appliance.tickets.strands import Strand
from appliance.tickets.ticket import Ticket
from appliance.tickets.timeline import Step, calls_of, steps_of
from appliance.tickets.workflow import LISTS, STATES, states_in

CHILDREN_MAX = 500
COUNTED_EXACTLY = 1_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list of tickets, newest first."""

    tickets: Sequence[Ticket]
    total: int
    page: int
    """From 1."""
    pages: int


@dataclass(frozen=True, slots=True)
class CitizenView:
    """All a citizen is told by number alone."""

    number: str
    state_zh: str
    state_en: str
    unit_zh: str
    unit_en: str
    updated_s: float


class Lookup:
    """Reads the tickets of one store; `now` (Unix seconds) tells what is overdue."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self.finder = Finder(store)

    def get(self, tid: bytes) -> Ticket:
        """Return a ticket; raises Refused("unknown_ticket")."""
        ticket = table.load(self._store, tid)
        if ticket is None:
            raise Refused("unknown_ticket", "This ticket does not exist.")
        return ticket

    def find(self, which: str | bytes) -> Ticket | None:
        """Find a ticket by its id, or by its number however it is typed."""
        if isinstance(which, bytes):
            return table.load(self._store, which)
        typed = numbers.typed(which)
        found = table.select(self._store, "number = ? ORDER BY tid LIMIT 1", typed) if typed else []
        return found[0] if found else None

    def lists(
        self,
        states: Sequence[str] = (),
        unit: str = "",
        text: str = "",
        page: int = 1,
        rows: int = PAGE_ROWS,
        conflicts: bool = False,
        due: str = "",
    ) -> Page:
        """List tickets, newest first; every argument left empty does not narrow.

        `states` are states, or names of the six lists. `text` is looked for in number, title,
        content, address, citizen, phone, result and answer. `conflicts` keeps those where a move
        lost a race. `due` is one of CLOCKS: those come with the most urgent first.
        """
        query = Query(
            text=text,
            state=_flat(states),
            concerned=(unit,) if unit else (),
            conflicts=conflicts,
        )
        if due in CLOCKS:
            query = replace(query, clock=due, now_s=self._now(), sort="due", ascending=True)
        rows = max(1, min(rows, ROWS_MAX))
        total, _ = self.finder.count(query)
        pages = max(1, -(-total // rows))
        page = max(1, min(page, pages))
        return Page(self.finder.page(query, page, rows), total, page, pages)

    def counts(self, unit: str = "") -> dict[str, int]:
        """Count tickets in each state, and in each of the six lists under the name of the list."""
        found = dict.fromkeys((*STATES, *LISTS), 0)
        sql = "SELECT state, tickets FROM ticket_count WHERE unit = ?"
        for state, count in self._store.rows(sql, unit or EVERY):
            found[state] = count
            if state in STATES:
                found[STATES[state].list] += count
        return found

    def due_counts(self, unit: str = "") -> dict[str, int]:
        """Count the tickets that are overdue, and those due soon."""
        return {
            name: self.finder.count(
                Query(clock=name, now_s=self._now(), concerned=(unit,) if unit else ()), COUNTED_EXACTLY
            )[0]
            for name in ("overdue", "soon")
        }

    def by_phone(self, phone: str, limit: int = 10) -> list[Ticket]:
        """Return the newest tickets of a caller, for the screen pop; an empty phone has none."""
        plain = str(checked("phone", phone)) if phone else ""
        if not plain:
            return []
        return table.select(self._store, "phone = ? ORDER BY created_s DESC, tid DESC LIMIT ?", plain, limit)

    def children(self, tid: bytes) -> list[Ticket]:
        """Return the tickets that are merged into one."""
        where = "master = ? AND state = 'MERGED' ORDER BY tid LIMIT ?"
        return table.select(self._store, where, tid.hex(), CHILDREN_MAX)

    def by_form(self, form: str) -> Ticket | None:
        """Return the ticket a form made; None when it has made none."""
        found = table.select(self._store, "form = ? ORDER BY tid LIMIT 1", form)
        return found[0] if found else None

    def by_call(self, call: bytes) -> list[Ticket]:
        """Return the tickets registered from a call."""
        return table.select(self._store, "call = ? ORDER BY tid", call)

    def calls_of(self, ticket: Ticket) -> list[bytes]:
        """Return the call a ticket came by, and those made for it, oldest first."""
        return calls_of(self._store, ticket)

    def timeline(self, tid: bytes) -> list[Step]:
        """Tell the ticket's story, oldest first, with its call and recordings."""
        return steps_of(self._store, tid)

    def strands(self, tid: bytes) -> list[Strand]:
        """Return a ticket's sub-orders and overlays, oldest first."""
        return strand_table.of_ticket(self._store, tid)

    def may_see(self, actor: Actor, ticket: Ticket) -> bool:
        """Tell whether this person may open the ticket: the centre all, a unit its own from dispatch on."""
        if actor.has(*CENTRE_ROLES):
            return True
        if brought(actor, ticket):
            return True
        if not actor.has(*UNIT_ROLES) or ticket.state not in UNIT_SEES:
            return False
        return owns(actor, ticket) or strand_table.concerns(self._store, ticket.tid, actor.unit)

    def state_for_citizen(self, number: str) -> CitizenView | None:
        """Tell where a ticket stands, by its number; None when there is nothing to tell."""
        typed = numbers.typed(number)
        ticket = self.find(typed) if numbers.valid(typed) else None
        if ticket is None or not STATES[ticket.state].citizen_zh:
            return None
        number, updated_s = ticket.number, ticket.changed_s
        if ticket.state == "MERGED" and (master := self.find(bytes.fromhex(ticket.master))) is not None:
            ticket, updated_s = master, max(updated_s, master.changed_s)
        state = STATES[ticket.state]
        unit = ticket.unit if ticket.state in UNIT_SEES else ""
        rows = self._store.rows("SELECT name, name_en FROM unit WHERE code = ?", unit) if unit else []
        zh, en = rows[0] if rows else ("", "")
        return CitizenView(number, state.citizen_zh, state.citizen_en, zh, en or zh, updated_s)


def _flat(states: Sequence[str]) -> tuple[str, ...]:
    """States, with those of a list in the place of its name."""
    return tuple(state for name in states for state in (states_in(name) if name in LISTS else (name,)))
