"""Who may do what with a ticket: by role, and for units by being the one concerned."""

from appliance.people import Actor
from appliance.refused import Refused
from appliance.tickets.process import Move
from appliance.tickets.strands import Strand
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import STATES

CENTRE_ROLES = frozenset({"AG", "TL", "DP", "CB", "SV", "LD", "AD", "IN", "SYS"})
UNIT_ROLES = frozenset({"U2", "UL", "U3"})
UNIT_SEES = tuple(state for state in STATES if STATES[state].list not in ("intake", "undispatched"))
"""A unit sees a ticket from its dispatch on."""


def role_of(actor: Actor, move: Move) -> str:
    """The role somebody acts in: the first of those held that the move allows; raises Refused."""
    roles = sorted(actor.roles & move.who)
    if not roles:
        raise not_yours()
    return roles[0]


def owns(actor: Actor, ticket: Ticket) -> bool:
    """Who only works for a unit touches only tickets of that unit."""
    return (
        actor.has(*CENTRE_ROLES)
        or not actor.has(*UNIT_ROLES)
        or (actor.unit != "" and actor.unit == ticket.unit)
    )


def brought(actor: Actor, ticket: Ticket) -> bool:
    """Whether a system outside brought a ticket, or was given it under its name."""
    if not actor.number or not actor.has("C", "HB"):
        return False
    return ticket.created_by == actor.number or (actor.has("HB") and ticket.outside == actor.name != "")


def may_move(actor: Actor, ticket: Ticket, move: Move) -> bool:
    """Whether a move is this person's: the centre's by role, a unit's when it leads the ticket."""
    return bool(actor.roles & move.who - UNIT_ROLES) or (actor.unit != "" and actor.unit == ticket.unit)


def may_step(actor: Actor, ticket: Ticket, strand: Strand | None, move: Move) -> bool:
    """The same for a step of a strand: a unit must be the one it is addressed to, or works on it."""
    if strand is None or move.by_lead:
        return may_move(actor, ticket, move)
    if actor.roles & move.who - UNIT_ROLES:
        return True
    return actor.unit != "" and actor.unit in (strand.unit or ticket.unit, strand.third)


def signed(actor: Actor) -> dict[str, str]:
    """Who did it, as events say it."""
    return {"by": actor.number, "name": actor.name}


def not_yours() -> Refused:
    """The refusal of somebody whose role does not allow it."""
    return Refused("not_yours", "Your role does not allow this step.")


def other_unit() -> Refused:
    """The refusal of somebody of another unit."""
    return Refused("other_unit", "This ticket belongs to another unit.")


def changed() -> Refused:
    """The refusal of who looked at a page somebody else has made stale."""
    return Refused("changed", "Somebody else has moved this ticket meanwhile. Look at it again.")


def not_now(known: bool) -> Refused:
    """The refusal of a move the present state does not have."""
    word = "not_now" if known else "unknown_move"
    return Refused(word, "This step is not possible in the present state.")
