"""What a workflow is: states, and the moves allowed between them (what makes one sound: soundness.py).

Tickets, sub-orders and overlays all run on tables of this form. The tables are data: those shipped
stand in `workflow.py` and `strands.py`, those an administrator publishes are kept as events.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

START = ""
"""The source of the moves that begin something."""


@dataclass(frozen=True, slots=True)
class State:
    """One state, with its names and what the citizen is told."""

    name: str
    zh: str
    en: str
    citizen_zh: str = ""
    """Empty: the citizen is not told that the ticket exists."""
    citizen_en: str = ""
    list: str = ""
    """The working list (one of LISTS) the ticket stands in."""
    clock: str = "running"
    """The case clock: none, intake, running, paused or stopped."""
    editors: frozenset[str] = frozenset()
    """Roles that may change what was registered; empty freezes it."""


@dataclass(frozen=True, slots=True)
class Move:
    """One allowed step: `name` from `source` to `target` by one of the roles `who`."""

    code: str
    name: str
    source: str
    target: str
    who: frozenset[str]
    zh: str
    en: str
    needs: tuple[str, ...] = ()
    """Fields that must come with the move."""
    takes: tuple[str, ...] = ()
    """Fields that may come with it."""
    complete: tuple[str, ...] = ()
    """What the ticket must have by then."""
    reason: bool = False
    """A reason must be given."""
    ratings: tuple[str, ...] = ()
    """The ratings this move may carry."""
    final: bool = False
    """The centre's word: it holds whatever a branch did meanwhile without having seen it."""
    guards: tuple[str, ...] = ()
    """Conditions that must hold besides, by their names in guards.py."""
    by_lead: bool = False
    """Of a sub-order: units may do it when they lead the case, not when it is theirs."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field the move may carry, the needed ones first."""
        reason = () if "reason" in self.needs + self.takes else ("reason",)
        return self.needs + self.takes + reason

    @property
    def needed(self) -> tuple[str, ...]:
        """Every field that must come, the reason too where one must be given."""
        return (*self.needs, *(("reason",) if self.reason and "reason" not in self.needs else ()))


@dataclass(frozen=True)
class Workflow:
    """A whole table under a name and a version; version 0 is the one shipped."""

    name: str
    version: int
    states: Mapping[str, State]
    moves: tuple[Move, ...]
    ends: frozenset[str]
    """Every state must be able to reach one of these."""

    @property
    def id(self) -> str:
        """How events name it."""
        return f"{self.name}@{self.version}"

    @cached_property
    def steps(self) -> Mapping[tuple[str, str], Move]:
        """Moves by their source and name."""
        return {(move.source, move.name): move for move in self.moves}

    @cached_property
    def named(self) -> Mapping[str, Sequence[Move]]:
        """Moves by their name."""
        return {
            name: [move for move in self.moves if move.name == name]
            for name in dict.fromkeys(move.name for move in self.moves)
        }

    def moves_for(self, state: str, roles: Iterable[str]) -> list[Move]:
        """Return the moves somebody with these roles may make from a state, in the order of the table."""
        mine = frozenset(roles)
        return [move for move in self.moves if move.source == state != START and move.who & mine]

    def elsewhere(self, move: Move) -> dict[str, str]:
        """Return where else the same move leads for the same people: source and target."""
        return {
            other.source: other.target
            for other in self.named[move.name]
            if other.source not in (move.source, START) and other.who == move.who
        }


def diagram(workflow: Workflow, language: str = "zh") -> str:
    """Draw the table as Graphviz dot text."""
    chinese = language.startswith("zh")
    lines = [
        "digraph workflow {",
        "  rankdir=LR; node [shape=box, style=rounded];",
        '  start [shape=point, label=""];',
    ]
    lines += [f'  {s.name} [label="{s.zh if chinese else s.en}"];' for s in workflow.states.values()]
    for move in workflow.moves:
        who = " ".join(sorted(move.who))
        words = move.zh if chinese else move.en
        lines.append(f'  {move.source or "start"} -> {move.target} [label="{move.code} {words}\\n{who}"];')
    return "\n".join([*lines, "}", ""])
