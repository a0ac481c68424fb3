"""The desk where tickets are worked on: registering, editing, moving, steps beside; refusals are Refused."""

import time
from collections.abc import Callable, Mapping, Sequence

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.rights import Rights
from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import number as numbers
from appliance.tickets import repeats, strand_table
from appliance.tickets.beside import Beside
from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.carrying import Facts, carried, missing
from appliance.tickets.dispatch_rules import DispatchRules
from appliance.tickets.dispatching import Suggestion
from appliance.tickets.dues import Change, Dues
from appliance.tickets.edits import changes
from appliance.tickets.effects import OF_MOVES, in_the_name_of
from appliance.tickets.fields import FIELDS, checked
from appliance.tickets.form_book import FormBook
from appliance.tickets.forms import registered
from appliance.tickets.guards import STANDING, Bounds, Scene, refusal
from appliance.tickets.lookup import Lookup
from appliance.tickets.maintained import Maintained
from appliance.tickets.migrating import hinders
from appliance.tickets.notices import tell
from appliance.tickets.process import START, Move
from appliance.tickets.rights import (
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
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import CREATION, STATES
from appliance.tickets.workflows import Workflows

FORM_MAX = 64
URGED = "市民再次反映同一事项。"
EARLY = frozenset({"DRAFT", "REGISTERED", "NEED_INFO", "VERIFYING"})
"""Before it is accepted a ticket of another kind goes over to the workflow of that kind."""


class TicketDesk(Lookup):
    """Tickets of one store; `now` (Unix seconds) dates new ticket numbers; `tells`: people get notices."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time, tells: bool = True) -> None:
        super().__init__(store, now)
        self._tells = tells
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
            return self._edit(actor, self.get(tid), clean, seen)

    def move(
        self,
        actor: Actor,
        tid: bytes,
        name: str,
        fields: Mapping[str, object] | None = None,
        seen: bytes | None = None,
        rule: str | None = None,
    ) -> Ticket:
        """Make a move of the workflow table; registered fields that come along are edited first.

        `seen` is the ticket's last_eid the page showed: when somebody else has moved the
        ticket since, the move is refused with "changed". `rule` is the dispatch rule that chose the
        unit; None: the one that would have, if any.
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
            if move.name == "dispatch":
                rule = self._followed(ticket, carries) if rule is None else rule
                facts |= {"rule": rule} if rule else {}
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
        said = {"text": words, **({"call": call} if call else {})}
        with self._store.transaction():
            if not self.may_see(actor, self.get(tid)):
                raise other_unit()
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

    def buttons(self, actor: Actor, ticket: Ticket) -> list[Move]:
        """Return the moves this person may make now, in the order of the table.

        What a ticket cannot allow in its state is not among them, like the return of a designated one.
        """
        moves = self.workflows.of(ticket.workflow, ticket.state).moves_for(ticket.state, actor.roles)
        makes = self.rights.makes
        mine = [m for m in moves if may_move(actor, ticket, m) and makes(actor, m.name, m.who)]
        return [m for m in mine if not self._never(actor, ticket, m)]

    def _never(self, actor: Actor, ticket: Ticket, move: Move) -> bool:
        """Tell whether a ticket cannot allow a move in its state; most moves ask nothing of the kind."""
        looked_at = any(name in STANDING for name in move.guards)
        return looked_at and refusal(self._scene(actor, ticket, move, {}, ()), STANDING) is not None

    def hopeless(self, actor: Actor, tickets: Sequence[Ticket]) -> set[bytes]:
        """Return those whose citizen was tried often enough for somebody to give up now."""
        strands = strand_table.of_tickets(self._store, [ticket.tid for ticket in tickets])
        found = set()
        for ticket in tickets:
            move = self.workflows.of(ticket.workflow, ticket.state).steps.get((ticket.state, "unreachable"))
            if move is not None and actor.has(*move.who):
                scene = self._scene(actor, ticket, move, {}, strands[ticket.tid])
                found |= set() if refusal(scene) else {ticket.tid}
        return found

    def may_edit(self, actor: Actor, ticket: Ticket) -> bool:
        """Tell whether this person may change the registered fields now."""
        return actor.has(*STATES[ticket.state].editors) and owns(actor, ticket)

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
        return self._scene(actor, ticket, move, facts, self.strands(ticket.tid), strand)

    def _scene(
        self,
        actor: Actor,
        ticket: Ticket,
        move: Move,
        facts: Facts,
        strands: Sequence[Strand],
        strand: Strand | None = None,
    ) -> Scene:
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
            f" AND {self._store.engine.only_digits.format('number')} AND site = ?",
            *(head, head + ":", numbers.DIGITS, self._store.site),
        )
        return str(rows[0][0] or "")
