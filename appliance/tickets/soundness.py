"""What makes a workflow sound: no dead end, nothing unknown, nothing that could not be carried out.

A fault says where it is and what to do about it; `hotline workflow check`, the page that edits a
workflow and the refusal to publish one all say the same.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from appliance.people import ROLES
from appliance.tickets.process import START, Move, Workflow
from appliance.tickets.workflow import BAD, CREATION, END, GOOD, made
from appliance.words import N_

ACTORS: Mapping[str, tuple[str, str]] = {
    **ROLES,
    "C": ("市民", "Citizen"),
    "SYS": ("系统", "The box"),
    "HB": ("上级或外部平台", "Hub or platform outside"),
}
"""Everybody who may make a move: Chinese and English name."""
NAME_LIMIT = 40
WORDS_LIMIT = 60
MOVES_LIMIT = 300
LIST_LIMIT = 20
SIZE_LIMIT = 50_000
"""As JSON: one event carries the whole table, and must fit where events go."""
CODE = re.compile(r"[A-Za-z0-9_-]{1,8}")
STEP = re.compile(r"[a-z][a-z0-9_]{0,39}")
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{NAME_LIMIT - 1}}}")
INTO: Mapping[str, str] = {
    "MERGED": "master",
    "DISPATCHED": "unit",
    "SUSPENDED": "planned",
    "TRANSFERRED": "outside",
}
"""What must be said on the way into a state, for the state means nothing without it."""
LOOKED_AT: Mapping[str, str] = {"master_open": "master", "planned_ahead": "planned", "at_ahead": "at"}
"""The field a condition looks at."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a table; `words` is an English sentence with %(name)s places."""

    words: str
    values: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    """The move it is about; empty: the whole."""

    def __str__(self) -> str:
        said = self.words % self.values if self.values else self.words
        return f"{self.code}: {said}" if self.code else said


def faults(workflow: Workflow, guards: Iterable[str] = (), fields: Iterable[str] = ()) -> list[Fault]:
    """Say what is wrong with any table: dead ends, what is never reached, unknown words, two targets of one action.

    `guards` and `fields` are the words known; when left out they are not looked at.
    """  # noqa: E501
    known_guards, known_fields = frozenset(guards), frozenset(fields)
    found: list[Fault] = []
    seen: dict[tuple[str, str], Move] = {}
    for move in workflow.moves:
        ends = filter(None, (move.source, move.target))
        found += [_unknown_state(end, move.code) for end in ends if end not in workflow.states]
        if not move.target:
            found.append(Fault(N_("It leads nowhere. Say to which state."), code=move.code))
        if not move.who:
            found.append(Fault(N_("Nobody may make this move. Choose one role at least."), code=move.code))
        first = seen.setdefault((move.source, move.name), move)
        if first is not move:
            found.append(_twice(move, first))
        if known_guards:
            found += _unknown(move, N_("There is no condition %(name)s."), move.guards, known_guards)
        if known_fields:
            words = N_("There is no field %(name)s.")
            found += _unknown(move, words, (*move.fields, *move.complete), known_fields)
    return found + _unreachable(workflow)


def out_of_bounds(name: str, moves: Sequence[Move]) -> list[Fault]:
    """Say what keeps a table of tickets, or of the kind of strand of this name, from being published."""
    from appliance.tickets import beside_tables
    from appliance.tickets.fields import FIELDS
    from appliance.tickets.guards import GUARDS
    from appliance.tickets.strands import KINDS

    if name in KINDS:
        return beside_tables.out_of_bounds(name, moves)
    found = []
    if not NAME.fullmatch(name):
        found.append(
            Fault(
                N_("The name of a workflow has 1 to %(most)s letters and digits."), {"most": str(NAME_LIMIT)}
            )
        )
    found += too_large(moves)
    if len(moves) > MOVES_LIMIT:
        return found
    found += faults(made(name, 0, moves), GUARDS, FIELDS)
    for begin in CREATION.values():
        ways = {(move.source, move.name, move.target) for move in moves}
        if (START, begin.name, begin.target) not in ways:
            words = N_("%(name)s to %(state)s must stay: tickets begin with it.")
            found.append(Fault(words, {"name": begin.name, "state": begin.target}))
    codes = [move.code for move in moves]
    found += [
        Fault(N_("Another move has this code already. Give it one of its own."), code=code)
        for code in dict.fromkeys(codes)
        if codes.count(code) > 1
    ]
    for move in moves:
        found += [fault for rule in _RULES for fault in rule(move)]
    return found


def too_large(moves: Sequence[Move]) -> list[Fault]:
    """Say that a table has too many moves, or is too long for one event."""
    if len(moves) > MOVES_LIMIT:
        return [Fault(N_("There are more than %(most)s moves."), {"most": str(MOVES_LIMIT)})]
    if (over := len(msgspec.json.encode(tuple(moves))) - SIZE_LIMIT) > 0:
        words = N_("It is too large by %(over)s characters. Take out moves, or shorten their names.")
        return [Fault(words, {"over": str(over)})]
    return []


def odd_words(move: Move) -> Iterator[Fault]:
    """Say what is wrong with the names of a move."""
    if not CODE.fullmatch(move.code):
        yield Fault(N_("A code has 1 to 8 letters and digits."), code=move.code[:20])
    if not STEP.fullmatch(move.name):
        yield Fault(
            N_("The name of a move, for programs, has 1 to 40 small letters, digits and _."), code=move.code
        )
    if not (0 < len(move.zh) <= WORDS_LIMIT and 0 < len(move.en) <= WORDS_LIMIT):
        words = N_("Give it a Chinese and an English name of at most %(most)s characters.")
        yield Fault(words, {"most": str(WORDS_LIMIT)}, move.code)


def _odd_lead(move: Move) -> Iterator[Fault]:
    if move.by_lead:
        yield Fault(N_("`by_lead` is for sub-orders only."), code=move.code)


def _odd_people(move: Move) -> Iterator[Fault]:
    for role in sorted(move.who - ACTORS.keys()):
        yield Fault(N_("There is no role %(name)s."), {"name": role}, move.code)


def _odd_states(move: Move) -> Iterator[Fault]:
    if move.source == START and move.name not in {begin.name for begin in CREATION.values()}:
        yield Fault(N_("Tickets begin by call or by channel only. Let it begin in a state."), code=move.code)


def _odd_fields(move: Move) -> Iterator[Fault]:
    from appliance.tickets.bodies import REGISTERED_FIELDS

    if max(len(move.needs), len(move.takes), len(move.complete), len(move.guards)) > LIST_LIMIT:
        yield Fault(N_("It asks for more than %(most)s things."), {"most": str(LIST_LIMIT)}, move.code)
    for name in (*move.needs, *move.takes):
        if name in REGISTERED_FIELDS:
            words = N_('"%(name)s" is part of the registration: ask for it as what must be complete.')
            yield Fault(words, {"name": name}, move.code)
    for name in move.complete:
        if name not in (*REGISTERED_FIELDS, "unit", "result", "answer"):
            words = N_('"%(name)s" cannot be complete beforehand: ask for it with the move.')
            yield Fault(words, {"name": name}, move.code)
    asked = [INTO[move.target]] if move.target in INTO else []
    asked += [LOOKED_AT[name] for name in move.guards if name in LOOKED_AT]
    for name in dict.fromkeys(asked):
        if name not in move.needs:
            yield Fault(N_('It must ask for "%(name)s".'), {"name": name}, move.code)


def _odd_ratings(move: Move) -> Iterator[Fault]:
    for rating in move.ratings:
        if rating not in GOOD + BAD:
            yield Fault(N_("There is no rating %(name)s."), {"name": rating}, move.code)
    if move.ratings and "rating" not in move.fields:
        yield Fault(N_('It must ask for "%(name)s".'), {"name": "rating"}, move.code)


_RULES: Sequence[Callable[[Move], Iterable[Fault]]] = (
    odd_words,
    _odd_lead,
    _odd_people,
    _odd_states,
    _odd_fields,
    _odd_ratings,
)


def _unknown_state(name: str, code: str) -> Fault:
    return Fault(N_("There is no state %(state)s."), {"state": name}, code)


def _twice(move: Move, first: Move) -> Fault:
    values = {"name": move.name, "state": move.source or "-", "other": first.code}
    return Fault(N_("%(name)s from %(state)s is %(other)s already. Give it another name."), values, move.code)


def _unknown(move: Move, words: str, used: Iterable[str], known: frozenset[str]) -> list[Fault]:
    return [Fault(words, {"name": name}, move.code) for name in used if name not in known]


def _unreachable(workflow: Workflow) -> list[Fault]:
    reached = closure(workflow.moves, {START})
    ending = closure(workflow.moves, workflow.ends, forward=False)
    never = N_("State %(state)s is never reached. Let a move lead there, or take out those that begin there.")
    stuck = N_("State %(state)s never reaches %(ends)s. Let a move lead on from there.")
    ends = " / ".join(sorted(workflow.ends or {END}))
    found = [Fault(never, {"state": name}) for name in workflow.states if name not in reached]
    return found + [
        Fault(stuck, {"state": name, "ends": ends}) for name in workflow.states if name not in ending
    ]


def closure(table: Sequence[Move], begin: Iterable[str], forward: bool = True) -> set[str]:
    """Return all states that can be reached from some; backwards, all that reach them."""
    found = set(begin)
    while True:
        step = {
            move.target if forward else move.source
            for move in table
            if (move.source if forward else move.target) in found
        }
        if step <= found:
            return found
        found |= step
