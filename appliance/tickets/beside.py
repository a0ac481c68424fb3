"""Steps beside the main line: opening sub-orders and overlays, and moving them on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.tickets import strand_table
from appliance.tickets.carrying import Facts, carried
from appliance.tickets.effects import OF_STEPS
from appliance.tickets.fields import checked
from appliance.tickets.guards import refusal
from appliance.tickets.process import START, Move, Workflow
from appliance.tickets.rights import changed, may_step, not_now, not_yours, other_unit, role_of, signed
from appliance.tickets.strands import COLUMNS, EVENT, KINDS, Kind, Strand
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import END

if TYPE_CHECKING:
    from appliance.store.store import Store
    from appliance.tickets.desk import TicketDesk

DATED = ("due", "ahead", "provisional", "warn")
"""What a step may say about when it is due."""


class Beside:
    """The strands of the tickets of one desk."""

    def __init__(self, store: Store, desk: TicketDesk) -> None:
        self._store = store
        self._desk = desk

    def act(
        self,
        actor: Actor,
        tid: bytes,
        which: str | bytes,
        step: str,
        fields: Mapping[str, object] | None = None,
        seen: bytes | None = None,
    ) -> Strand:
        """Make a step of a strand, or open one: `which` is its id, or the name of one of KINDS.

        `seen` is the strand's last_eid the page showed: "changed" when somebody was quicker.
        """
        words = self._desk.maintained.offered
        given = {key: checked(key, value, words) for key, value in (fields or {}).items()}
        with self._store.transaction():
            ticket = self._desk.get(tid)
            strand = None if isinstance(which, str) else self._strand(ticket, which)
            kind = KINDS.get(which if isinstance(which, str) else strand.kind if strand else "")
            if kind is None:
                raise not_now(known=False)
            table = self._table(kind, strand)
            rules = (
                kind.workflow if actor.has("SYS") else table
            )  # what follows from a move is not asked for more
            move = self._possible(actor, ticket, kind, rules, strand, step, seen)
            facts = self._desk.resolved(carried(move, given, lambda field: None))
            if kind.name == "suborder" and strand is None:
                facts |= self._sub_order_due(ticket, facts)
            scene = self._desk.scene(actor, ticket, move, facts, strand)
            if refused := refusal(scene):
                raise refused
            (event,) = self._store.record(Fact(EVENT, _written(kind, table, strand, move, facts, actor), tid))
            for effect in OF_STEPS.get((kind.name, step), ()):
                effect(self._desk, scene)
            found = strand_table.load(self._store, strand.sid if strand else event.eid)
            assert found is not None
            return found

    def openings(self, actor: Actor, ticket: Ticket) -> list[tuple[Kind, Move]]:
        """Return the strands this person may open now."""
        tables = self._desk.workflows.newest_beside()
        busy = {strand.kind for strand in strand_table.of_ticket(self._store, ticket.tid) if strand.open}
        return [
            (kind, move)
            for kind in KINDS.values()
            for move in tables[kind.name].moves
            if move.source == START
            and ticket.state in kind.opens_in
            and not (kind.once and kind.name in busy)
            and self._desk.rights.makes(actor, move.name, move.who, kind.name)
            and may_step(actor, ticket, None, move)
        ]

    def steps(self, actor: Actor, ticket: Ticket, strand: Strand) -> list[Move]:
        """Return the steps of a strand this person may make now."""
        if ticket.state == END:
            return []
        table = self._desk.workflows.beside(strand.kind, strand.workflow)
        moves = table.moves_for(strand.state, actor.roles)
        makes = self._desk.rights.makes
        return [
            move
            for move in moves
            if may_step(actor, ticket, strand, move) and makes(actor, move.name, move.who, strand.kind)
        ]

    def _possible(
        self,
        actor: Actor,
        ticket: Ticket,
        kind: Kind,
        table: Workflow,
        strand: Strand | None,
        step: str,
        seen: bytes | None,
    ) -> Move:
        """The step that was asked for, if this person may make it now."""
        if strand is not None and seen is not None and seen < strand.state_eid:
            raise changed()
        move = table.steps.get((strand.state if strand else START, step))
        if move is None:
            raise not_now(step in table.named)
        if not self._desk.rights.makes(actor, move.name, move.who, kind.name):
            raise not_yours()
        if not may_step(actor, ticket, strand, move):
            raise other_unit()
        if ticket.state == END or (strand is None and ticket.state not in kind.opens_in):
            raise not_now(known=True)
        if strand is None and kind.once and self._is_open(ticket, kind):
            raise Refused("open_already", "There is one open already; finish that one first.")
        return move

    def _table(self, kind: Kind, strand: Strand | None) -> Workflow:
        """The table in force: a strand goes on by the one it began with."""
        workflows = self._desk.workflows
        return (
            workflows.beside(kind.name, strand.workflow) if strand else workflows.newest_beside()[kind.name]
        )

    def _sub_order_due(self, ticket: Ticket, facts: Facts) -> Facts:
        """A sub-order for which nobody said when is due some days before its case."""
        if isinstance(given := facts.get("due"), float):
            return {"warn": self._desk.dues.warn_s(given)}
        return self._desk.dues.for_sub_order(ticket, self._desk.bounds.ahead_wd)

    def _is_open(self, ticket: Ticket, kind: Kind) -> bool:
        strands = strand_table.of_ticket(self._store, ticket.tid)
        return any(strand.open and strand.kind == kind.name for strand in strands)

    def _strand(self, ticket: Ticket, sid: bytes) -> Strand:
        strand = strand_table.load(self._store, sid)
        if strand is None or strand.tid != ticket.tid:
            raise Refused("unknown_strand", "This ticket has no such sub-order or overlay.")
        return strand


def _written(
    kind: Kind, table: Workflow, strand: Strand | None, move: Move, facts: Facts, actor: Actor
) -> dict[str, object]:
    """The body of a step's event."""
    columns = {name: facts[name] for name in (*COLUMNS, *DATED, "reason") if name in facts}
    fields = {name: value for name, value in facts.items() if name not in columns}
    body: dict[str, object] = {"kind": kind.name, "step": move.name, "from": move.source, "to": move.target}
    body |= {**columns, "role": role_of(actor, move), **signed(actor)}
    if strand is not None:
        body["strand"] = strand.sid.hex()
    elif table.version:
        body["workflow"] = table.id
    if "at" in facts:
        body["due"] = facts["at"]
    if fields:
        body["fields"] = fields
    if move.target in kind.workflow.ends:
        body["ended"] = True
    return body
