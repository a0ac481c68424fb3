"""Reading the list of conflicts, and settling one: by leaving what stands, or by doing what does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from appliance.actor import Actor
from appliance.conflicts.clash import ENTRY_SETTLED, EXTRA, KEEP, TAKE, Clash, Side
from appliance.conflicts.table import clashes
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import named_by
from appliance.dictionary.kinds import KINDS
from appliance.events import Event, Fact
from appliance.interest import DISPATCHES, SETTLED
from appliance.refused import Refused
from appliance.tickets import redaction
from appliance.tickets.bodies import Moved, body_of
from appliance.tickets.desk import TicketDesk
from appliance.tickets.process import Move
from appliance.tickets.rights import not_yours, signed
from appliance.tickets.ticket import Ticket

if TYPE_CHECKING:
    from appliance.store.store import Store

SETTLERS = frozenset({"TL", "DP", "AD"})
"""Who settles what is about tickets; a setting, whoever may change it."""
LISTED = 200
TAKEN = "两处同时办理，按另一方办理"
"""The reason given with a move that is made after all, when its author gave none."""
RECALL = "recall"
"""Takes a ticket back from a unit that has not signed for it, so that it can be dispatched anew."""
_SEEN_HERE = "(kind = 'entry' OR EXISTS (SELECT 1 FROM ticket AS t WHERE t.tid = conflict.subject))"
_COUNT = f"SELECT count(*) FROM conflict WHERE {_SEEN_HERE}"
_LIST = f"SELECT subject, key FROM conflict WHERE {_SEEN_HERE} ORDER BY at_s DESC, key LIMIT ?"


class ConflictOffice:
    """The conflicts of a box; every box lists the same of what it has."""

    def __init__(self, store: Store, desk: TicketDesk) -> None:
        self._store = store
        self._desk = desk

    def count(self) -> int:
        """How many wait for somebody."""
        return int(self._store.rows(_COUNT)[0][0])

    def listed(self, limit: int = LISTED) -> list[Clash]:
        """Return those that wait, the newest first, without what was redacted."""
        rows = [(bytes(subject), key) for subject, key in self._store.rows(_LIST, limit)]
        found: dict[str, Clash] = {}
        for subject in dict.fromkeys(subject for subject, _ in rows):
            found |= {clash.key: clash for clash in self._open(subject)}
        return [found[key] for _, key in rows if key in found]

    def ticket(self, clash: Clash) -> Ticket | None:
        """The ticket a conflict is about; None when it is about a setting."""
        return None if clash.kind == "entry" else self._desk.find(clash.subject)

    def may_settle(self, actor: Actor, clash: Clash) -> bool:
        """Tell whether somebody may settle a conflict."""
        if clash.kind != "entry":
            return actor.has(*SETTLERS)
        kind, _ = named_by(clash.lost.event)
        return kind in KINDS and actor.has(*KINDS[kind].editors)

    def settle(self, actor: Actor, key: str, choice: str) -> Clash:
        """Leave it as it is (`keep`), or do what the other side wanted (`take`); raises Refused.

        The first to settle it wins; the second is told that it is off the list.
        """
        if choice not in (KEEP, TAKE):
            raise Refused("bad_choice", "Choose %(field)s from the list.", field="Choice")
        with self._store.transaction():
            clash = self._find(key)
            if not self.may_settle(actor, clash):
                raise not_yours()
            if choice == TAKE:
                self._take(actor, clash)
            facts: dict[str, Any] = {"conflict": key, "choice": choice, "what": clash.what}
            facts |= {"lost": clash.lost.event.eid.hex(), **signed(actor)}
            kind = SETTLED
            if clash.kind == "entry":
                kind = ENTRY_SETTLED
                facts |= dict(zip(("entry_kind", "key"), named_by(clash.lost.event), strict=True))
            self._store.record(Fact(kind, facts, clash.subject))
        return clash

    def _find(self, key: str) -> Clash:
        for (subject,) in self._store.rows("SELECT subject FROM conflict WHERE key = ?", key):
            for clash in self._open(bytes(subject)):
                if clash.key == key:
                    return clash
        raise Refused("changed", "This is not on the list any more. Somebody else has settled it.")

    def _open(self, subject: bytes) -> list[Clash]:
        """The conflicts of a subject that nobody has settled, as they may be shown."""
        events = self._store.history(subject)
        found = [clash for clash in clashes(events) if clash.settled is None]
        shown = {event.eid: event for event in redaction.readable(events)} if found else {}
        return [
            replace(
                clash,
                stands=_shown(clash.stands, clash.what, shown),
                lost=_shown(clash.lost, clash.what, shown),
            )
            for clash in found
        ]

    def _take(self, actor: Actor, clash: Clash) -> None:
        lost = clash.lost
        if clash.kind == "entry":
            kind, key = named_by(lost.event)
            Dictionary(self._store).set(actor, kind, key, {clash.what: lost.value})
        elif clash.kind == "field":
            name = clash.what
            extra = name.startswith(EXTRA)
            fields = {"extra": {name.removeprefix(EXTRA): lost.value}} if extra else {name: lost.value}
            self._desk.edit(actor, clash.subject, fields)
        elif clash.kind == "late":
            raise Refused("frozen", "The ticket is archived. What was written late stays in its story.")
        else:
            self._move(actor, clash)

    def _move(self, actor: Actor, clash: Clash) -> None:
        """Make a move that came too late now; a dispatch by whatever dispatches from the present state."""
        body = body_of(clash.lost.event)
        assert isinstance(body, Moved)
        ticket = self._desk.get(clash.subject)
        names = [body.move]
        if clash.kind == "dispatch":
            if self._step(ticket, RECALL):
                ticket = self._desk.move(actor, ticket.tid, RECALL, {"reason": body.reason or TAKEN})
            names += sorted(DISPATCHES - {body.move})
        moves = [move for name in names if (move := self._step(ticket, name))]
        if not moves:
            raise Refused(
                "not_now", "This step cannot be made from where the ticket is now; make it on its page."
            )
        given = {name: value for name in moves[0].fields if (value := getattr(body, name, None))}
        if "reason" in moves[0].fields:
            given["reason"] = body.reason or TAKEN
        if body.master and (master := self._desk.find(bytes.fromhex(body.master))):
            given["master"] = master.number
        self._desk.move(actor, ticket.tid, moves[0].name, given, seen=ticket.last_eid)

    def _step(self, ticket: Ticket, name: str) -> Move | None:
        return self._desk.workflows.of(ticket.workflow, ticket.state).steps.get((ticket.state, name))


def _shown(side: Side, what: str, shown: Mapping[bytes, Event]) -> Side:
    """A side as it may be read; the value of a blanked field is what stands instead."""
    event = shown[side.event.eid]
    fields = event.facts.get("fields", {})
    if event is side.event or not fields:
        return replace(side, event=event)
    known = fields.get("extra", {}) if what.startswith(EXTRA) else fields
    return Side(event, known.get(what.removeprefix(EXTRA), side.value))
