"""The desk where tickets are worked on: registering, editing, moving, steps beside; refusals are Refused."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.rights import Rights
from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import number as numbers
from appliance.tickets import repeats, strand_table, table
from appliance.tickets.beside import Beside
from appliance.tickets.carrying import Facts, carried, missing
from appliance.tickets.dispatch_rules import DispatchRules
from appliance.tickets.dispatching import Suggestion
from appliance.tickets.dues import Change, Dues
from appliance.tickets.edits import changes
from appliance.tickets.effects import OF_MOVES, in_the_name_of
from appliance.tickets.facets import EVERY
from appliance.tickets.fields import FIELDS, checked
from appliance.tickets.finder import PAGE_ROWS, ROWS_MAX, Finder
from appliance.tickets.finding import CLOCKS, Query
from appliance.tickets.form_book import FormBook
from appliance.tickets.forms import registered
from appliance.tickets.guards import Bounds, Scene, refusal
from appliance.tickets.maintained import Maintained
from appliance.tickets.migrating import hinders
from appliance.tickets.notices import tell
from appliance.tickets.process import START, Move
from appliance.tickets.rights import (
    CENTRE_ROLES,
    UNIT_ROLES,
    UNIT_SEES,
    brought,
    changed,
    may_move,
    not_now,
    not_yours,
    other_unit,
    owns,
    role_of,
    signed,
)
from appliance.tickets.scenery import StoreLook, bounds_of
from appliance.tickets.strands import KINDS, Strand
from appliance.tickets.ticket import REGISTERED_FIELDS, Ticket
from appliance.tickets.timeline import Step, calls_of, steps_of
from appliance.tickets.workflow import CREATION, LISTS, STATES, states_in
from appliance.tickets.workflows import Workflows

FORM_MAX = 64
CHILDREN_MAX = 500
URGED = "市民再次反映同一事项。"
EARLY = frozenset({"DRAFT", "REGISTERED", "NEED_INFO", "VERIFYING"})
"""Before it is accepted a ticket of another kind goes over to the workflow of that kind."""
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


class TicketDesk:
    """Tickets of one store; `now` (Unix seconds) dates new ticket numbers; `tells`: people get notices."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time, tells: bool = True) -> None:
        self._tells = tells
        self._store = store
        self._now = now
        self.finder = Finder(store)
        self.dictionary = Dictionary(store)
        self.maintained = Maintained(self.dictionary)
        self.forms = FormBook(self.dictionary)
        self.rights = Rights(self.dictionary)
        self.workflows = Workflows(store)
        self.beside = Beside(store, self)
        self.dues = Dues(store, now)
        self._look = StoreLook(store, self.dues)
        self.rules = DispatchRules(self.dictionary, self.dues)

    def create(
        self,
        actor: Actor,
        source: str,
        fields: Mapping[str, object],
        call: bytes | None = None,
        message: bytes | None = None,
        form: str = "",
    ) -> Ticket:
        """Register a ticket: DRAFT for source phone (C01), REGISTERED for any other of SOURCES (C02).

        `call` and `message` are the event ids of the call or short message it came by. Fields are
        those of REGISTERED_FIELDS; empty ones may be left out. The same `form` sent again gives the
        ticket it made, and makes no other.
        """
        if not self.maintained.source(source):
            raise Refused("bad_choice", "Choose %(field)s from the list.", field="Source")
        clean = registered(fields, self.maintained.offered, self.forms.extras())
        workflow = self.workflows.current(str(clean.get("kind", "")))
        role = role_of(actor, workflow.steps[START, CREATION[source == "phone"].name])
        facts = {"source": source, "role": role, "fields": clean, "workflow": workflow.id, **signed(actor)}
        if call:
            facts["call"] = call.hex()
        if message:
            facts["message"] = message.hex()
        if form:
            facts["form"] = form[:FORM_MAX]
        facts |= self.dues.for_creation(source, clean)
        with self._store.transaction():
            made = self.by_form(form[:FORM_MAX]) if form else None
            if made is not None:
                return made
            number = numbers.new_number(self._store.site, self._now(), self._newest)
            (event,) = self._store.record(Fact("ticket.created", {"number": number, **facts}))
        return self.get(event.eid)

    def edit(
        self, actor: Actor, tid: bytes, fields: Mapping[str, object], seen: bytes | None = None
    ) -> Ticket:
        """Change registered fields; only what differs is written. Refused when state or role forbid it."""
        clean = registered(fields, self.maintained.known, self.forms.extras())
        with self._store.transaction():
            self._edit(actor, self.get(tid), clean, seen)
        return self.get(tid)

    def move(
        self,
        actor: Actor,
        tid: bytes,
        name: str,
        fields: Mapping[str, object] | None = None,
        seen: bytes | None = None,
    ) -> Ticket:
        """Make a move of the workflow table; registered fields that come along are edited first.

        `seen` is the ticket's last_eid the page showed: when somebody else has moved the
        ticket since, the move is refused with "changed".
        """
        given = {key: checked(key, value, self.maintained.known) for key, value in (fields or {}).items()}
        with self._store.transaction():
            ticket = self.get(tid)
            move = self._allowed(actor, ticket, name, seen)
            edits = {key: value for key, value in given.items() if key in REGISTERED_FIELDS}
            if edits:
                ticket = self._edit(actor, ticket, edits, seen)
            rest = {key: value for key, value in given.items() if key not in edits}
            self.maintained.check(rest)
            carries = self.resolved(carried(move, rest, lambda field: getattr(ticket, field)))
            scene = self.scene(actor, ticket, move, carries)
            if refused := refusal(scene):
                raise refused
            facts = self._written(actor, ticket, move, seen)
            facts |= self.dues.for_move(ticket, move.name, move.target, str(carries.get("unit", ticket.unit)))
            if move.name == "dispatch" and (rule := self._followed(ticket, carries)):
                facts["rule"] = rule
            self._store.record(Fact("ticket.moved", {**carries, **facts}, tid))
            for effect in OF_MOVES.get(move.name, ()):
                effect(self, scene)
            return self._followed_by(actor, ticket)

    def act(
        self,
        actor: Actor,
        tid: bytes,
        which: str | bytes,
        step: str,
        fields: Mapping[str, object] | None = None,
        seen: bytes | None = None,
    ) -> Strand:
        """Make a step of a sub-order or overlay, or open one (beside.py)."""
        return self.beside.act(actor, tid, which, step, fields, seen)

    def strands(self, tid: bytes) -> list[Strand]:
        """Return a ticket's sub-orders and overlays, oldest first."""
        return strand_table.of_ticket(self._store, tid)

    def migrate(self, actor: Actor, tid: bytes, workflow: str, reason: str = "") -> Ticket:
        """Put an open ticket on another version of the workflow; raises Refused."""
        if not actor.has("AD"):
            raise not_yours()
        with self._store.transaction():
            ticket = self.get(tid)
            if refused := hinders(ticket, self.workflows.of(workflow), workflow):
                raise refused
            facts = {"workflow": workflow, "reason": str(checked("reason", reason)), **signed(actor)}
            self._store.record(Fact("ticket.migrated", facts, tid))
        return self.get(tid)

    def again(self, actor: Actor, tid: bytes, text: str = "", call: str = "", other: bytes = b"") -> Ticket:
        """Count that the same matter was brought again, by a call or another ticket; units are urged."""
        with self._store.transaction():
            ticket = repeats.repeat(self._store, actor, tid, text, call, other)
            if ticket.state in KINDS["urge"].opens_in:
                box = in_the_name_of(actor)
                self.act(box, tid, "urge", "send", {"text": text or URGED})
        return self.get(tid)

    def note(self, actor: Actor, tid: bytes, text: str, call: str = "") -> Ticket:
        """Add a remark to the timeline; `call` is the id (hex) of a call made for this ticket."""
        words = checked("text", text)
        if not words:
            raise Refused("missing", "Fill in %(field)s.", field="Note")
        if not self.may_see(actor, self.get(tid)):
            raise other_unit()
        said = {"text": words, **({"call": call} if call else {})}
        self._store.record(Fact("ticket.noted", {**said, **signed(actor)}, tid))
        return self.get(tid)

    def visit(self, actor: Actor, tid: bytes, outcome: str, text: str = "", call: str = "") -> Ticket:
        """Write down an attempt to reach the citizen of a ticket that waits for its callback."""
        said = {"outcome": checked("outcome", outcome), "text": checked("text", text)}
        if not said["outcome"]:
            raise missing("outcome")
        with self._store.transaction():
            ticket = self.get(tid)
            if not actor.has("CB", "AG", "TL", "SYS"):
                raise not_yours()
            if ticket.state != "CALLBACK":
                raise not_now(known=True)
            if call:
                said["call"] = call
            self._store.record(Fact("ticket.visited", {**said, **signed(actor)}, tid))
        return self.get(tid)

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

    def buttons(self, actor: Actor, ticket: Ticket) -> list[Move]:
        """Return the moves this person may make now, in the order of the table."""
        moves = self.workflows.of(ticket.workflow, ticket.state).moves_for(ticket.state, actor.roles)
        makes = self.rights.makes
        return [m for m in moves if may_move(actor, ticket, m) and makes(actor, m.name, m.who)]

    def hopeless(self, actor: Actor, ticket: Ticket) -> bool:
        """Tell whether a citizen was tried often enough for somebody to give up now."""
        move = self.workflows.of(ticket.workflow, ticket.state).steps.get((ticket.state, "unreachable"))
        if move is None or not actor.has(*move.who):
            return False
        return refusal(self.scene(actor, ticket, move, {})) is None

    def may_edit(self, actor: Actor, ticket: Ticket) -> bool:
        """Tell whether this person may change the registered fields now."""
        return actor.has(*STATES[ticket.state].editors) and owns(actor, ticket)

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

    def _edit(self, actor: Actor, ticket: Ticket, clean: Mapping[str, object], seen: bytes | None) -> Ticket:
        changed = changes(self._store, ticket, clean, seen)
        if not changed:
            return ticket
        self.maintained.check(changed)
        if not self.may_edit(actor, ticket):
            raise Refused(
                "frozen", "In this state you may not change what was registered; add a note instead."
            )
        facts = {"fields": changed, "seen": (seen or ticket.last_eid).hex(), **signed(actor)}
        if "kind" in changed and ticket.state in EARLY:
            of_kind = self.workflows.current(str(changed["kind"]))
            if ticket.state in of_kind.states:
                facts["workflow"] = of_kind.id
        facts |= self.dues.for_edit(ticket, changed)
        self._store.record(Fact("ticket.edited", facts, ticket.tid))
        return self._followed_by(actor, ticket)

    def _written(self, actor: Actor, ticket: Ticket, move: Move, seen: bytes | None) -> dict[str, object]:
        """What the event of a move says besides what the move carries."""
        facts: dict[str, object] = {"move": move.name, "from": ticket.state, "to": move.target}
        facts |= {"role": role_of(actor, move), "seen": (seen or ticket.last_eid).hex(), **signed(actor)}
        if also := self.workflows.of(ticket.workflow, ticket.state).elsewhere(move):
            facts["also"] = also
        if move.final:
            facts["final"] = True
        return facts

    def _allowed(self, actor: Actor, ticket: Ticket, name: str, seen: bytes | None) -> Move:
        workflow = self.workflows.of(ticket.workflow, ticket.state)
        move = workflow.steps.get((ticket.state, name))
        if seen is not None and seen < ticket.state_eid:
            raise changed()
        if move is None:
            raise not_now(name in workflow.named)
        if not self.rights.makes(actor, name, move.who):
            raise not_yours()
        if not may_move(actor, ticket, move):
            raise other_unit()
        return move

    def scene(
        self, actor: Actor, ticket: Ticket, move: Move, facts: Facts, strand: Strand | None = None
    ) -> Scene:
        """All that conditions and effects of a move may look at."""
        strands = self.strands(ticket.tid)
        return Scene(ticket, strands, strand, move, actor, facts, self._now(), self.bounds, self._look)

    def resolved(self, facts: Facts) -> Facts:
        """Write ids where people gave numbers, and the site that works for a unit; raises Refused."""
        if "master" in facts:
            master = self.find(str(facts["master"]))
            if master is None:
                raise Refused("unknown_ticket", "This ticket does not exist.")
            facts["master"] = master.tid.hex()
        for name in ("unit", "third", "suggested"):
            if name in facts and not self._look.unit_in_service(str(facts[name])):
                raise Refused("unknown_unit", "Choose %(field)s from the list.", field=FIELDS[name].en)
        if "unit" in facts:
            facts["unit_site"] = self._look.unit_site(str(facts["unit"]))
        return facts

    def reckon(self, actor: Actor, tid: bytes, why: str, change: Change) -> Ticket:
        """Change the running clocks of a ticket, as an extension or an instruction does; raises Refused."""
        with self._store.transaction():
            ticket = self.get(tid)
            if facts := self.dues.for_change(ticket, change):
                self._store.record(Fact("ticket.due", {**facts, "why": why, **signed(actor)}, tid))
            return self._followed_by(actor, ticket, why)

    def _followed_by(self, actor: Actor, before: Ticket, why: str = "case") -> Ticket:
        """The ticket as it is now; where its case is due at another time its sub-orders follow."""
        ticket = self.get(before.tid)
        if before.case_due_s is not None and before.case_due_s != ticket.case_due_s:
            self.dues.follow([ticket.tid], why, actor)
        return ticket

    def _followed(self, ticket: Ticket, facts: Facts) -> str:
        """The rule whose unit was chosen."""
        proposed = self.rules.suggestion(ticket, self._now())
        return proposed.rule if proposed and proposed.unit == facts.get("unit") else ""

    def proposed(self, ticket: Ticket) -> Suggestion | None:
        """Propose the unit a ticket belongs to."""
        return self.rules.suggestion(ticket, self._now())

    def tell(self, what: str, tid: bytes, unit: str, words: str = "") -> None:
        """Send the short message that goes with what happened (notices.py)."""
        if self._tells:
            tell(self._store, self.dictionary, what, self.get(tid), unit, self._now(), words)

    @property
    def bounds(self) -> Bounds:
        """What an administrator set."""
        return self.dictionary.following(bounds_of)

    def _newest(self, head: str) -> str:
        rows = self._store.rows(
            "SELECT max(number) FROM ticket WHERE number > ? AND number < ? AND length(number) = ?"
            " AND number NOT GLOB '*[^0-9]*' AND site = ?",
            *(head, head + ":", numbers.DIGITS, self._store.site),
        )
        return str(rows[0][0] or "")


def _flat(states: Sequence[str]) -> tuple[str, ...]:
    """States, with those of a list in the place of its name."""
    return tuple(state for name in states for state in (states_in(name) if name in LISTS else (name,)))
