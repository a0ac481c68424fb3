"""Published versions of the workflow: which one a ticket runs on, and the bounds a new one must keep.

States are fixed: lists, clocks, sync and measures rest on them. Moves, who makes them, what they ask
for, their conditions and names are the administrator's, per kind of ticket. A version once published
never changes; open tickets finish on theirs, or are put on another by an explicit step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from appliance.events import Event, Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.tickets.beside_tables import shipped_of, table_of
from appliance.tickets.process import Move, Workflow
from appliance.tickets.soundness import out_of_bounds
from appliance.tickets.strands import KINDS as BESIDE
from appliance.tickets.workflow import SHIPPED

if TYPE_CHECKING:
    from appliance.store.store import Store

PUBLISHED = "workflow.published"
KINDS_LIMIT = 40
CENTRE = 0
_INSERT = (
    "INSERT INTO workflow (name, version, kinds, body, published_s, published_by, reason, eid)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name, version) DO UPDATE SET kinds = excluded.kinds,"
    " body = excluded.body, published_s = excluded.published_s, published_by = excluded.published_by,"
    " reason = excluded.reason, eid = excluded.eid WHERE excluded.eid < workflow.eid"
)
"""Should two boxes have given one number, the earlier event has it, on every box."""
KIND = re.compile(r"[0-9A-Za-z_.-]{1,32}")
_moves = msgspec.json.Decoder(tuple[Move, ...])


@dataclass(frozen=True, slots=True)
class Version:
    """A published version, as lists show it."""

    name: str
    version: int
    kinds: tuple[str, ...]
    published_s: float
    published_by: str
    reason: str
    site: int
    """Where it was published; 0 is the hub."""

    @property
    def id(self) -> str:
        """How events name it."""
        return f"{self.name}@{self.version}"


class Workflows:
    """The versions a store holds. Versions never change, so what was read once is kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, Workflow] = {SHIPPED.id: SHIPPED}

    def of(self, pinned: str, state: str = "") -> Workflow:
        """Return the version a ticket names; the shipped one while this box does not have it yet.

        The same when a race has led a ticket into a `state` its version does not have: nobody is stuck.
        """
        found = self._of(pinned)
        if state and found.name in BESIDE:
            return SHIPPED
        return found if state in ("", *found.states) else SHIPPED

    def _of(self, pinned: str) -> Workflow:
        found = self._read.get(pinned)
        if found is None:
            name, _, version = pinned.partition("@")
            number = int(version) if version.isdigit() else -1
            rows = self._store.rows("SELECT body FROM workflow WHERE name = ? AND version = ?", name, number)
            if not rows:
                return shipped_of(name)
            found = self._read[pinned] = table_of(name, number, _moves.decode(rows[0][0]))
        return found

    def current(self, kind: str) -> Workflow:
        """Return the version on which a new ticket of this kind begins.

        That is the hub's where it has published any, else this box's own; other sites' never.
        """
        published = [version for version in self.versions() if version.name not in BESIDE]
        published = [version for version in published if version.site in (CENTRE, self._store.site)]
        if any(version.site == CENTRE for version in published):
            published = [version for version in published if version.site == CENTRE]
        named = [version for version in published if kind and kind in version.kinds]
        general = [version for version in published if not version.kinds]
        for chosen in (named or general)[-1:]:
            return self.of(chosen.id)
        return SHIPPED

    def beside(self, kind: str, pinned: str) -> Workflow:
        """Return the version a strand of this kind began with; the one shipped while it is not here yet."""
        found = self._of(pinned) if pinned else shipped_of(kind)
        return found if found.name == kind else shipped_of(kind)

    def newest_beside(self) -> Mapping[str, Workflow]:
        """Return the version on which a new strand of each kind begins."""
        newest = {version.name: version.id for version in self.versions() if version.name in BESIDE}
        return {kind: self.beside(kind, newest.get(kind, "")) for kind in BESIDE}

    def versions(self) -> Sequence[Version]:
        """Return all versions, in the order they were published."""
        rows = self._store.rows(
            "SELECT name, version, kinds, published_s, published_by, reason, eid FROM workflow ORDER BY eid"
        )
        return [
            Version(
                *(name, version, tuple(filter(None, kinds.split(","))), at_s, by, reason),
                site=int.from_bytes(eid[8:10], "big"),
            )
            for name, version, kinds, at_s, by, reason, eid in rows
        ]

    def publish(
        self, actor: Actor, name: str, moves: Sequence[Move], kinds: Iterable[str] = (), reason: str = ""
    ) -> Workflow:
        """Publish a version; raises Refused("bad_workflow") with what is wrong with it."""
        if not actor.has("AD"):
            raise Refused("not_yours", "Your role does not allow this step.")
        if self._store.site != CENTRE and self._store.linked:
            raise Refused("central", "Workflows are published at the centre, for all sites.")
        wrong = out_of_bounds(name, moves)
        if wrong:
            raise Refused(
                "bad_workflow",
                "This workflow cannot be published: %(faults)s",
                faults="; ".join(str(fault) for fault in wrong[:20]),
            )
        if not reason.strip():
            raise Refused("missing", "Fill in %(field)s.", field="Reason")
        served = sorted(set(kinds)) if name not in BESIDE else []
        if len(served) > KINDS_LIMIT or not all(KIND.fullmatch(kind) for kind in served):
            raise Refused("bad_choice", "Choose %(field)s from the list.", field="Kind")
        with self._store.transaction():
            known = [version.version for version in self.versions() if version.name == name]
            number = max(known, default=0) + 1
            facts = {
                "name": name,
                "version": number,
                "kinds": served,
                "moves": msgspec.to_builtins(tuple(moves)),
                "reason": reason.strip()[:1000],
                "by": actor.number,
                "by_name": actor.name,
            }
            self._store.record(Fact(PUBLISHED, facts, b""))
        return self.of(f"{name}@{number}")


def project(store: Store, event: Event) -> None:
    """Bring the table of versions up to date."""
    facts: Any = event.facts
    body = msgspec.json.encode(facts["moves"])
    _moves.decode(body)
    store.execute(
        _INSERT,
        *(facts["name"], facts["version"], ",".join(facts["kinds"]), body.decode(), event.at_s),
        *(facts.get("by", ""), facts.get("reason", ""), event.eid),
    )
