"""What comes along with a move or a step: checked, completed, and refused where something is missing."""

from collections.abc import Callable, Mapping

from appliance.refused import Refused
from appliance.tickets.fields import FIELDS, Value
from appliance.tickets.process import Move

Facts = dict[str, Value]


def carried(move: Move, given: Mapping[str, Value], have: Callable[[str], object]) -> Facts:
    """Return what a move carries of what was given; raises Refused for what is missing or does not belong.

    `have` says what the ticket has by now.
    """
    wanted = {*move.fields}
    for name, value in given.items():
        if name not in wanted and value:
            raise Refused("unknown_field", "The field %(field)s does not exist.", field=name)
    facts = {name: value for name, value in given.items() if value and name in wanted}
    for name in move.needed:
        if name not in facts:
            raise missing(name)
    for name in move.complete:
        if not have(name):
            raise missing(name)
    if move.ratings and "rating" in facts and facts["rating"] not in move.ratings:
        raise Refused("bad_choice", "Choose %(field)s from the list.", field=FIELDS["rating"].en)
    return facts


def missing(name: str) -> Refused:
    """The refusal of a form in which a field is empty."""
    return Refused("missing", "Fill in %(field)s.", field=FIELDS[name].en)
