"""Tables of sub-orders and overlays that an administrator changes: states and steps stay as they are shipped.

What follows from a step rests on its name and on what it asks for; who makes it, what it asks for
besides, its conditions and names are the administrator's. The box itself goes by the tables shipped.
"""

from collections.abc import Iterator, Sequence

from appliance.tickets.process import Move, Workflow
from appliance.tickets.soundness import (
    ACTORS,
    LIST_LIMIT,
    LOOKED_AT,
    Fault,
    faults,
    odd_words,
    too_large,
)
from appliance.tickets.strands import KINDS
from appliance.tickets.workflow import SHIPPED, made
from appliance.words import N_

WHY_NEEDED = frozenset({("suspension", "ask"), ("coordination", "designate")})
"""Steps whose reason is the reason of the move that follows from them."""


def table_of(name: str, version: int, moves: Sequence[Move]) -> Workflow:
    """Return the workflow these moves make: of tickets, or of the kind of strand that has this name."""
    if name not in KINDS:
        return made(name, version, moves)
    shipped = KINDS[name].workflow
    return Workflow(name, version, shipped.states, tuple(moves), shipped.ends)


def shipped_of(name: str) -> Workflow:
    """Return the version shipped of a kind of strand; of any other name that of tickets."""
    return KINDS[name].workflow if name in KINDS else SHIPPED


def out_of_bounds(kind: str, moves: Sequence[Move]) -> list[Fault]:
    """Say what keeps a table of a kind of strand from being published."""
    from appliance.tickets.fields import FIELDS
    from appliance.tickets.guards import GUARDS

    if large := too_large(moves):
        return large
    shipped = {move.code: move for move in KINDS[kind].workflow.moves}
    found = faults(table_of(kind, 0, moves), GUARDS, FIELDS)
    for code, step in shipped.items():
        if [_fixed(move) for move in moves if move.code == code] != [_fixed(step)]:
            words = N_("It must stay as it is shipped: %(name)s, %(source)s to %(state)s.")
            values = {"name": step.name, "source": step.source or "-", "state": step.target}
            found.append(Fault(words, values, code))
    for move in moves:
        if move.code in shipped:
            found += [*odd_words(move), *_odd(kind, move, shipped[move.code])]
        else:
            found.append(
                Fault(N_("Steps of sub-orders and overlays are fixed: take it out."), code=move.code)
            )
    return found


def _fixed(move: Move) -> tuple[object, ...]:
    return (move.name, move.source, move.target, move.by_lead)


def _odd(kind: str, move: Move, shipped: Move) -> Iterator[Fault]:
    from appliance.tickets.bodies import REGISTERED_FIELDS

    for role in sorted(move.who - ACTORS.keys()):
        yield Fault(N_("There is no role %(name)s."), {"name": role}, move.code)
    if max(len(move.needs), len(move.takes), len(move.guards)) > LIST_LIMIT:
        yield Fault(N_("It asks for more than %(most)s things."), {"most": str(LIST_LIMIT)}, move.code)
    if move.complete or move.ratings or move.final:
        yield Fault(
            N_("What must be complete before, ratings and finality are for tickets only."), code=move.code
        )
    for name in (*move.needs, *move.takes):
        if name in REGISTERED_FIELDS:
            words = N_(
                '"%(name)s" is part of the registration of the ticket: a step beside it cannot ask for it.'
            )
            yield Fault(words, {"name": name}, move.code)
    asked = [*shipped.needs, *(LOOKED_AT[name] for name in move.guards if name in LOOKED_AT)]
    missing = [name for name in dict.fromkeys(asked) if name not in move.needs]
    if (kind, move.name) in WHY_NEEDED and "reason" not in move.needed:
        missing.append("reason")
    for name in missing:
        yield Fault(N_('It must ask for "%(name)s".'), {"name": name}, move.code)
