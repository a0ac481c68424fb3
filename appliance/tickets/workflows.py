"""Published versions of the workflow: which one a ticket runs on, and the bounds a new one must keep.

States are fixed: lists, clocks, sync and measures rest on them. Moves, who makes them, what they ask
for, their conditions and names are the administrator's, per kind of ticket. A version once published
never changes; open tickets finish on theirs, or are put on another by an explicit step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from appliance.events import Event, Fact
from appliance.people import ROLES, Actor
from appliance.refused import Refused
from appliance.tickets.process import START, Move, Workflow, faults
from appliance.tickets.workflow import CREATION, END, SHIPPED, STATES

if TYPE_CHECKING:
    from appliance.store.store import Store

PUBLISHED = "workflow.published"
ACTORS = frozenset({*ROLES, "C", "SYS", "HB"})
NAME_LIMIT = 40
WORDS_LIMIT = 60
MOVES_LIMIT = 300
_INSERT = (
    "INSERT INTO workflow (name, version, kinds, body, published_s, published_by, reason, eid)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name, version) DO UPDATE SET kinds = excluded.kinds,"
    " body = excluded.body, published_s = excluded.published_s, published_by = excluded.published_by,"
    " reason = excluded.reason, eid = excluded.eid WHERE excluded.eid < workflow.eid"
)
"""Should two boxes have given one number, the earlier event has it, on every box."""
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

    @property
    def id(self) -> str:
        """How events name it."""
        return f"{self.name}@{self.version}"


class Workflows:
    """The versions a store holds. Versions never change, so what was read once is kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, Workflow] = {SHIPPED.id: SHIPPED}

    def of(self, pinned: str) -> Workflow:
        """Return the version a ticket names; the shipped one while this box does not have it yet."""
        found = self._read.get(pinned)
        if found is None:
            name, _, version = pinned.partition("@")
            number = int(version) if version.isdigit() else -1
            rows = self._store.rows("SELECT body FROM workflow WHERE name = ? AND version = ?", name, number)
            if not rows:
                return SHIPPED
            found = self._read[pinned] = made(name, number, _moves.decode(rows[0][0]))
        return found

    def current(self, kind: str) -> Workflow:
        """Return the version on which a new ticket of this kind begins."""
        published = self.versions()
        named = [version for version in published if kind and kind in version.kinds]
        general = [version for version in published if not version.kinds]
        for chosen in (named or general)[-1:]:
            return self.of(chosen.id)
        return SHIPPED

    def versions(self) -> Sequence[Version]:
        """Return all versions, in the order they were published."""
        rows = self._store.rows(
            "SELECT name, version, kinds, published_s, published_by, reason FROM workflow ORDER BY eid"
        )
        return [
            Version(name, version, tuple(filter(None, kinds.split(","))), at_s, by, reason)
            for name, version, kinds, at_s, by, reason in rows
        ]

    def publish(
        self, actor: Actor, name: str, moves: Sequence[Move], kinds: Iterable[str] = (), reason: str = ""
    ) -> Workflow:
        """Publish a version; raises Refused("bad_workflow") with what is wrong with it."""
        if not actor.has("AD"):
            raise Refused("not_yours", "Your role does not allow this step.")
        wrong = out_of_bounds(name, moves)
        if wrong:
            raise Refused(
                "bad_workflow", "This workflow cannot be published: %(faults)s", faults="; ".join(wrong[:20])
            )
        with self._store.transaction():
            known = [version.version for version in self.versions() if version.name == name]
            number = max(known, default=0) + 1
            facts = {
                "name": name,
                "version": number,
                "kinds": sorted(kinds),
                "moves": msgspec.to_builtins(tuple(moves)),
                "reason": reason[:1000],
                "by": actor.number,
                "by_name": actor.name,
            }
            self._store.record(Fact(PUBLISHED, facts, b""))
        return self.of(f"{name}@{number}")


def made(name: str, version: int, moves: Sequence[Move]) -> Workflow:
    """Return the workflow these moves make; its states are those they touch."""
    used = {end for move in moves for end in (move.source, move.target)}
    states = {state.name: state for state in STATES.values() if state.name in used}
    return Workflow(name, version, states, tuple(moves), frozenset({END}))


def out_of_bounds(name: str, moves: Sequence[Move]) -> list[str]:
    """Say what keeps a table from being published."""
    from appliance.tickets.fields import FIELDS
    from appliance.tickets.guards import GUARDS

    found = []
    if not name or len(name) > NAME_LIMIT or not name.replace("-", "").replace("_", "").isalnum():
        found.append(f"a name has 1 to {NAME_LIMIT} letters and digits")
    if len(moves) > MOVES_LIMIT:
        found.append(f"more than {MOVES_LIMIT} moves")
    unknown = sorted({end for move in moves for end in (move.source, move.target)} - {*STATES, START})
    found += [f"state {state!r} is unknown" for state in unknown]
    found += faults(made(name, 0, moves), GUARDS, FIELDS)
    for begin in CREATION.values():
        if not any(
            (move.source, move.name, move.target) == (START, begin.name, begin.target) for move in moves
        ):
            found.append(f"{begin.code}: {begin.name} must stay")
    codes = [move.code for move in moves]
    for move in moves:
        found += _odd(move)
        if codes.count(move.code) > 1 and move.code not in " ".join(found):
            found.append(f"{move.code} stands there twice")
    return list(dict.fromkeys(found))


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


def _odd(move: Move) -> list[str]:
    odd = [f"{move.code}: role {role!r} is unknown" for role in sorted(move.who - ACTORS)]
    if not (0 < len(move.zh) <= WORDS_LIMIT and 0 < len(move.en) <= WORDS_LIMIT):
        odd.append(f"{move.code}: give it a Chinese and an English name of at most {WORDS_LIMIT} characters")
    if not (0 < len(move.code) <= 8 and 0 < len(move.name) <= WORDS_LIMIT):
        odd.append(f"{move.code}: code or name is missing or too long")
    return odd
