"""A workflow being edited: one draft a name, saved row by row, shared by all administrators."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from appliance.people import Actor
from appliance.refused import Refused
from appliance.tickets.fields import FIELDS
from appliance.tickets.guards import GUARDS
from appliance.tickets.process import START, Move, Workflow
from appliance.tickets.soundness import ACTORS, CODE, MOVES_LIMIT, NAME, STEP, WORDS_LIMIT
from appliance.tickets.strands import KINDS as BESIDE
from appliance.tickets.workflow import BAD, GOOD, STATES
from appliance.tickets.workflows import Workflows

if TYPE_CHECKING:
    from appliance.store.store import Store

LISTS: Mapping[str, Sequence[str]] = {
    "who": tuple(ACTORS),
    "needs": tuple(FIELDS),
    "takes": tuple(FIELDS),
    "complete": tuple(FIELDS),
    "guards": tuple(GUARDS),
    "ratings": GOOD + BAD,
}
"""What may be chosen for each list of a move."""
FLAGS = ("reason", "final")
FIXED = ("name", "source", "target", "complete", "ratings", "final")
"""What of a step of a sub-order or overlay is not changed."""
DRAFTS_LIMIT = 50
_decode = msgspec.json.Decoder(tuple[Move, ...]).decode
_KEEP = (
    "INSERT INTO workflow_draft (name, based_on, kinds, body, saved_s, saved_by) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET based_on = excluded.based_on, kinds = excluded.kinds,"
    " body = excluded.body, saved_s = excluded.saved_s, saved_by = excluded.saved_by"
)
_COLUMNS = "SELECT name, based_on, kinds, body, saved_s, saved_by FROM workflow_draft"


@dataclass(frozen=True, slots=True)
class Draft:
    """A workflow as somebody left it."""

    name: str
    based_on: str
    """The version it was begun from."""
    kinds: tuple[str, ...]
    moves: tuple[Move, ...]
    saved_s: float
    saved_by: str

    def move(self, code: str) -> Move:
        """Return one of its moves; raises Refused."""
        for move in self.moves:
            if move.code == code:
                return move
        raise Refused("unknown_move", "There is no move %(code)s in this draft any more.", code=code[:20])


class Drafts:
    """The drafts of a store. Rows are saved one by one: who edit different moves do not hinder each other."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    def all(self) -> list[Draft]:
        """Return all drafts, the newest first."""
        return [_draft(row) for row in self._store.rows(f"{_COLUMNS} ORDER BY saved_s DESC")]

    def get(self, name: str) -> Draft:
        """Return a draft; raises Refused."""
        rows = self._store.rows(f"{_COLUMNS} WHERE name = ?", name)
        if not rows:
            raise Refused("unknown_draft", "This draft does not exist any more.")
        return _draft(rows[0])

    def begin(self, actor: Actor, name: str, based_on: Workflow, kinds: Iterable[str] = ()) -> Draft:
        """Begin a draft from a version; raises Refused when there is one of this name."""
        if not NAME.fullmatch(name):
            raise Refused("bad_name", "The name of a workflow has 1 to %(most)s letters and digits.", most=40)
        if name != based_on.name and (name in BESIDE or based_on.name in BESIDE):
            raise Refused(
                "bad_name",
                "A draft of %(version)s keeps its name; only one of tickets can have another.",
                version=based_on.id,
            )
        with self._store.transaction():
            drafts = self.all()
            if any(draft.name == name for draft in drafts):
                raise Refused(
                    "taken", "There is a draft of %(name)s already. Go on with that one.", name=name
                )
            if len(drafts) >= DRAFTS_LIMIT:
                raise Refused("too_many", "There are too many drafts. Publish or discard one first.")
            self._keep(actor, Draft(name, based_on.id, tuple(kinds), based_on.moves, 0, ""))
        return self.get(name)

    def set_move(self, actor: Actor, name: str, code: str, fields: Mapping[str, Any]) -> Draft:
        """Change a move: only what is given. Raises Refused for what cannot be kept."""

        def change(draft: Draft) -> Sequence[Move]:
            given = {key: value for key, value in fields.items() if name not in BESIDE or key not in FIXED}
            new = edited(draft.move(code), given)
            return [new if move.code == code else move for move in draft.moves]

        return self._change(actor, name, change)

    def add_move(self, actor: Actor, name: str, fields: Mapping[str, Any]) -> Draft:
        """Add a move behind the others of its source; raises Refused."""

        _may_grow(name)

        def change(draft: Draft) -> Sequence[Move]:
            code = str(fields.get("code", "")).strip() or free_code(draft.moves)
            if not CODE.fullmatch(code) or any(move.code == code for move in draft.moves):
                raise Refused("taken", "Another move has this code already. Give it one of its own.")
            if len(draft.moves) >= MOVES_LIMIT:
                raise Refused("too_many", "There are more than %(most)s moves.", most=MOVES_LIMIT)
            blank = Move(code, f"step_{code.lower().replace('-', '_')}", START, "", frozenset(), "", "")
            new = edited(blank, {key: value for key, value in fields.items() if key != "code"})
            if not new.source or not new.target:
                raise Refused("missing", "Choose where the move leads from and to.")
            at = max((n for n, move in enumerate(draft.moves) if move.source == new.source), default=-1)
            at = at if at >= 0 else len(draft.moves) - 1
            return [*draft.moves[: at + 1], new, *draft.moves[at + 1 :]]

        return self._change(actor, name, change)

    def remove_move(self, actor: Actor, name: str, code: str) -> Draft:
        """Take a move out; raises Refused."""
        _may_grow(name)
        return self._change(actor, name, lambda draft: [m for m in draft.moves if m is not draft.move(code)])

    def set_kinds(self, actor: Actor, name: str, kinds: Iterable[str]) -> Draft:
        """Say which kinds of tickets it shall serve."""
        with self._store.transaction():
            self._keep(actor, dataclasses.replace(self.get(name), kinds=tuple(dict.fromkeys(kinds))))
        return self.get(name)

    def drop(self, name: str) -> None:
        """Discard a draft."""
        with self._store.transaction():
            self._store.execute("DELETE FROM workflow_draft WHERE name = ?", name)

    def newer(self, draft: Draft) -> str:
        """Return the newest version of this name when the draft was not compared with it; else nothing."""
        named = [version.id for version in Workflows(self._store).versions() if version.name == draft.name]
        return named[-1] if named and named[-1] != draft.based_on else ""

    def compare(self, actor: Actor, name: str) -> Draft:
        """Take the newest version of this name as what the draft changes."""
        with self._store.transaction():
            draft = self.get(name)
            based_on = self.newer(draft) or draft.based_on
            self._keep(actor, dataclasses.replace(draft, based_on=based_on))
        return self.get(name)

    def publish(self, actor: Actor, name: str, reason: str) -> Workflow:
        """Publish a draft, which ends with it; raises Refused with what is wrong."""
        with self._store.transaction():
            draft = self.get(name)
            if newer := self.newer(draft):
                raise Refused(
                    "changed",
                    "%(version)s was published meanwhile. Compare this draft with it first.",
                    version=newer,
                )
            made = Workflows(self._store).publish(actor, name, draft.moves, draft.kinds, reason)
            self.drop(name)
        return made

    def _change(self, actor: Actor, name: str, change: Callable[[Draft], Sequence[Move]]) -> Draft:
        with self._store.transaction():
            draft = self.get(name)
            self._keep(actor, dataclasses.replace(draft, moves=tuple(change(draft))))
        return self.get(name)

    def _keep(self, actor: Actor, draft: Draft) -> None:
        body = msgspec.json.encode(draft.moves).decode()
        by = " ".join(filter(None, (actor.number, actor.name)))
        kinds = ",".join(draft.kinds)
        self._store.execute(_KEEP, draft.name, draft.based_on, kinds, body, self._now(), by)


def _may_grow(name: str) -> None:
    if name in BESIDE:
        raise Refused("fixed", "Steps of sub-orders and overlays are fixed; none is added or taken out.")


def edited(move: Move, fields: Mapping[str, Any]) -> Move:
    """Return the move with what was typed; raises Refused for words nobody knows."""
    changes: dict[str, Any] = {}
    for name in ("zh", "en"):
        if name in fields:
            changes[name] = _words(fields[name])
    if "name" in fields:
        step = str(fields["name"]).strip()
        if not STEP.fullmatch(step):
            raise Refused(
                "bad_name", "The name of a move, for programs, has 1 to 40 small letters, digits and _."
            )
        changes["name"] = step
    for name in ("source", "target"):
        if name in fields:
            changes[name] = _state(str(fields[name]), name)
    for name, known in LISTS.items():
        if name in fields:
            words = _chosen(fields[name], known)
            before = [word for word in getattr(move, name) if word in words]
            chosen = (*before, *(word for word in known if word in words and word not in before))
            changes[name] = frozenset(chosen) if name == "who" else chosen
    changes |= {name: bool(fields[name]) for name in FLAGS if name in fields}
    return dataclasses.replace(move, **changes)


def free_code(moves: Sequence[Move]) -> str:
    """Return a code no move has: X1, X2 and so on."""
    taken = {move.code for move in moves}
    return next(code for n in range(1, MOVES_LIMIT + 2) if (code := f"X{n}") not in taken)


def _words(value: object) -> str:
    text = " ".join("".join(char for char in str(value) if char.isprintable()).split())
    if len(text) > WORDS_LIMIT:
        raise Refused(
            "too_long",
            "%(field)s has %(length)s characters; shorten it to %(limit)s.",
            field="Name",
            length=len(text),
            limit=WORDS_LIMIT,
        )
    return text


def _state(name: str, which: str) -> str:
    if name in STATES or (name == START and which == "source"):
        return name
    raise Refused("bad_choice", "There is no state %(state)s.", state=name[:40])


def _chosen(value: object, known: Sequence[str]) -> set[str]:
    wanted = [value] if isinstance(value, str) else value if isinstance(value, Sequence) else ()
    words = {str(word) for word in wanted if word}
    if unknown := words - set(known):
        raise Refused("bad_choice", "Choose %(field)s from the list.", field=min(unknown)[:40])
    return words


def _draft(row: tuple[Any, ...]) -> Draft:
    name, based_on, kinds, body, saved_s, saved_by = row
    return Draft(name, based_on, tuple(filter(None, kinds.split(","))), _decode(body), saved_s, saved_by)
