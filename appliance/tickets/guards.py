"""Conditions of moves and steps, each a pure question about the scene; the tables name them.

A guard returns nothing when the move may be made, or the Refused that says what to do instead.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from appliance.people import Actor
from appliance.refused import Refused
from appliance.tickets.clocks import Reckoning
from appliance.tickets.process import Move
from appliance.tickets.strands import Strand
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import STATES

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an administrator may set: how often, and how long."""

    asks: int = 2
    """How often a citizen is asked for more."""
    rounds: int = 2
    """How many second dispatches a case may have."""
    extensions: int = 2
    extension_first_wd: int = 10
    extension_percent: int = 100
    """All extensions together, as a share of the original limit."""
    unmerge_wd: int = 5
    return_wd: int = 1
    """Within how many working days of the dispatch a unit may return it."""
    returns: int = 1
    """How often a unit may ask to return one assignment."""
    appeal_wd: int = 3
    attempts: int = 3
    """How often a citizen is called before nobody calls any more."""
    attempt_days: int = 2
    """Over so many days."""
    reopen_days: int = 15
    review_days: int = 30
    long_days: int = 30
    """A suspension beyond this is a leader's to approve."""
    ahead_wd: int = 1
    """So many working days before the case its sub-orders are due."""


class Look(Protocol):
    """What guards may look up besides the ticket itself."""

    def working_days(self, since_s: float, until_s: float) -> int:
        """Working days that began after the day of `since_s`, up to the day of `until_s`."""

    def reckoning(self) -> Reckoning:
        """The calendar and hours in force."""

    def unit_in_service(self, unit: str) -> bool:
        """Whether there is such a unit, and it was not dissolved."""

    def parent(self, unit: str) -> str:
        """The unit this one is part of; empty when it stands alone."""

    def ticket(self, tid: str) -> Ticket | None:
        """A ticket by its id, hex."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All a guard may look at."""

    ticket: Ticket
    strands: Sequence[Strand]
    strand: Strand | None
    """The one a step is made in; none for moves of the ticket and steps that open one."""
    move: Move
    actor: Actor
    facts: Mapping[str, Any]
    """What comes along, checked."""
    now_s: float
    bounds: Bounds
    look: Look


Guard = Callable[[Scene], Refused | None]


def _asks_left(scene: Scene) -> Refused | None:
    most = scene.bounds.asks
    if scene.ticket.asked < most:
        return None
    return Refused(
        "too_often", "The citizen was asked %(most)s times already; decide with what is known.", most=most
    )


def _another_person(scene: Scene) -> Refused | None:
    before = scene.strand.moved_by if scene.strand else scene.ticket.moved_by
    if scene.actor.number == "" or scene.actor.number != before:
        return None
    return Refused("same_person", "Somebody else must decide this: you made the step before.")


def _not_the_handler(scene: Scene) -> Refused | None:
    if scene.actor.number == "" or scene.actor.number != scene.ticket.handled_by:
        return None
    return Refused("same_person", "Who handled the case may not review it. Leave it to somebody else.")


def _master_open(scene: Scene) -> Refused | None:
    master = scene.look.ticket(str(scene.facts["master"]))
    if master is None:
        return Refused("unknown_ticket", "This ticket does not exist.")
    if master.tid == scene.ticket.tid:
        return Refused("same_ticket", "A ticket cannot be merged into itself.")
    if master.state == "MERGED":
        return Refused(
            "merged_itself",
            "Ticket %(number)s is merged itself; choose its main ticket.",
            number=master.number,
        )
    if STATES[master.state].list == "closed" or master.state == "DRAFT":
        return Refused(
            "not_open", "Ticket %(number)s is not open; nothing can be merged into it.", number=master.number
        )
    return None


def _unmerge_in_time(scene: Scene) -> Refused | None:
    return _within_wd(scene, scene.ticket.state_s, scene.bounds.unmerge_wd)


def _return_in_time(scene: Scene) -> Refused | None:
    return _within_wd(scene, scene.ticket.dispatched_s, scene.bounds.return_wd)


def _appeal_in_time(scene: Scene) -> Refused | None:
    return _within_wd(scene, scene.ticket.state_s, scene.bounds.appeal_wd)


def _within_wd(scene: Scene, since_s: float | None, most: int) -> Refused | None:
    if since_s is None or scene.look.working_days(since_s, scene.now_s) <= most:
        return None
    return Refused("too_late", "This was possible for %(days)s working days only.", days=most)


def _reopen_in_time(scene: Scene) -> Refused | None:
    return _within_days(scene, scene.ticket.closed_s, scene.bounds.reopen_days)


def _review_in_time(scene: Scene) -> Refused | None:
    return _within_days(scene, scene.ticket.answered_s or scene.ticket.closed_s, scene.bounds.review_days)


def _recheck_in_time(scene: Scene) -> Refused | None:
    return _within_days(scene, scene.ticket.state_s, scene.bounds.review_days)


def _within_days(scene: Scene, since_s: float | None, most: int) -> Refused | None:
    if since_s is None or scene.now_s - since_s <= most * DAY_S:
        return None
    return Refused("too_late", "This was possible for %(days)s days only.", days=most)


def _unit_in_service(scene: Scene) -> Refused | None:
    for unit in (scene.facts.get("unit"), *scene.facts.get("assisting", ())):
        if unit and not scene.look.unit_in_service(str(unit)):
            return Refused(
                "no_such_unit", "The unit %(unit)s does not exist any more; choose another one.", unit=unit
            )
    if scene.facts.get("unit") in scene.facts.get("assisting", ()):
        return _lead_assists()
    return None


def _lead_assists() -> Refused:
    return Refused(
        "lead_assists", "The leading unit cannot assist itself; take it out of the assisting ones."
    )


def _designator(scene: Scene) -> Refused | None:
    if not scene.facts.get("designated") or scene.actor.has("LD", "DP"):
        return None
    return Refused("not_yours", "Your role does not allow this step.")


def _another_unit(scene: Scene) -> Refused | None:
    if scene.facts.get("unit") != scene.ticket.unit:
        return None
    return Refused("same_unit", "The ticket is with this unit already; choose another one.")


def _not_the_lead(scene: Scene) -> Refused | None:
    unit = scene.facts.get("unit")
    if unit == scene.ticket.unit:
        return _lead_assists()
    if any(s.open and s.kind == "suborder" and s.unit == unit for s in scene.strands):
        return Refused("sent_already", "This unit has a sub-order of this ticket already.")
    return None


def _own_third_level(scene: Scene) -> Refused | None:
    """A unit may give work only to a unit that is part of it."""
    below = scene.facts.get("third") or scene.facts.get("unit")
    if scene.actor.has("DP", "SYS") or scene.look.parent(str(below)) == scene.actor.unit:
        return None
    return Refused("not_your_part", "You can pass work on only inside your own unit.")


def _not_designated(scene: Scene) -> Refused | None:
    if not scene.ticket.designated:
        return None
    return Refused("designated", "Your unit was designated for this ticket; it cannot be returned.")


def _returns_left(scene: Scene) -> Refused | None:
    if scene.ticket.returned < scene.bounds.returns:
        return None
    return Refused(
        "too_often", "You asked to return it %(count)s times already.", count=scene.ticket.returned
    )


def _orders_done(scene: Scene) -> Refused | None:
    missing = [s for s in scene.strands if s.kind == "suborder" and s.open and not s.optional]
    if not missing:
        return None
    return Refused(
        "orders_open",
        "Sub-orders of these units are not done yet: %(units)s. Wait for them, or have them waived.",
        units=", ".join(s.unit for s in missing),
    )


def _planned_ahead(scene: Scene) -> Refused | None:
    if float(scene.facts["planned"]) > scene.now_s:
        return None
    return Refused("in_the_past", "The planned date lies in the past; choose a later one.")


def _due_ahead(scene: Scene) -> Refused | None:
    due = scene.facts.get("due")
    if due is None or float(due) > scene.now_s:
        return None
    return Refused("in_the_past", "The due date lies in the past; choose a later one.")


def _at_ahead(scene: Scene) -> Refused | None:
    if float(scene.facts["at"]) > scene.now_s:
        return None
    return Refused("in_the_past", "The time lies in the past; choose a later one.")


def _leader_for_long(scene: Scene) -> Refused | None:
    asked: Any = scene.strand.fields.get("planned") if scene.strand else None
    planned = scene.facts.get("planned") or asked
    most = scene.bounds.long_days
    if planned is None or float(planned) - scene.now_s <= most * DAY_S or scene.actor.has("LD"):
        return None
    return Refused(
        "leader_only", "A suspension of more than %(days)s days is a leader's to approve.", days=most
    )


def _handled_by_unit(scene: Scene) -> Refused | None:
    if scene.ticket.handled in ("unit", ""):
        return None
    return Refused("not_theirs", "No unit handled this ticket; have it reworked where it was handled.")


def _handled_here(scene: Scene) -> Refused | None:
    if scene.ticket.handled in ("centre", "outside"):
        return None
    return Refused("not_ours", "The centre did not handle this ticket; send it back to the unit.")


def _tried_enough(scene: Scene) -> Refused | None:
    """Who left no number cannot be reached; others are called several times, not all on one day."""
    most, days = scene.bounds.attempts, scene.bounds.attempt_days
    ticket = scene.ticket
    if not ticket.phone:
        return None
    waited = scene.now_s - ticket.state_s >= (days - 1) * DAY_S
    if ticket.visits >= most and waited:
        return None
    return Refused(
        "try_again",
        "Try to reach the citizen %(most)s times on %(days)s days first; it was tried %(count)s times.",
        most=most,
        days=days,
        count=ticket.visits,
    )


def _rounds_left(scene: Scene) -> Refused | None:
    most = scene.bounds.rounds
    if scene.ticket.round < most:
        return None
    return Refused(
        "too_often",
        "There were %(most)s second dispatches; close it as reasonably handled or pass it on for review.",
        most=most,
    )


def _object_once(scene: Scene) -> Refused | None:
    if not scene.ticket.objections:
        return None
    return Refused("too_often", "The citizen has objected once already; that decision stands.")


def _extensions(scene: Scene) -> list[Strand]:
    return [s for s in scene.strands if s.kind == "extension" and s.state == "APPROVED"]


def _extensions_left(scene: Scene) -> Refused | None:
    most = scene.bounds.extensions
    if len(_extensions(scene)) < most:
        return None
    return Refused("too_often", "This ticket was extended %(most)s times already.", most=most)


def _first_extension(scene: Scene) -> Refused | None:
    if not _extensions(scene):
        return None
    return Refused("leader_only", "A second extension is a leader's to approve; put it before the leader.")


def _before_due(scene: Scene) -> Refused | None:
    due_s = getattr(scene.ticket, "unit_due_s", None)
    if due_s is None or scene.now_s <= due_s:
        return None
    return Refused("too_late", "The ticket is overdue; more time can be asked for only before that.")


GUARDS: Mapping[str, Guard] = {
    "asks_left": _asks_left,
    "another_person": _another_person,
    "not_the_handler": _not_the_handler,
    "master_open": _master_open,
    "unmerge_in_time": _unmerge_in_time,
    "return_in_time": _return_in_time,
    "appeal_in_time": _appeal_in_time,
    "reopen_in_time": _reopen_in_time,
    "review_in_time": _review_in_time,
    "recheck_in_time": _recheck_in_time,
    "unit_in_service": _unit_in_service,
    "designator": _designator,
    "another_unit": _another_unit,
    "not_the_lead": _not_the_lead,
    "own_third_level": _own_third_level,
    "not_designated": _not_designated,
    "returns_left": _returns_left,
    "orders_done": _orders_done,
    "planned_ahead": _planned_ahead,
    "due_ahead": _due_ahead,
    "at_ahead": _at_ahead,
    "leader_for_long": _leader_for_long,
    "handled_by_unit": _handled_by_unit,
    "handled_here": _handled_here,
    "rounds_left": _rounds_left,
    "tried_enough": _tried_enough,
    "object_once": _object_once,
    "extensions_left": _extensions_left,
    "first_extension": _first_extension,
    "before_due": _before_due,
}
"""Every condition by its name."""
STANDING = ("not_designated", "handled_by_unit", "handled_here")
"""Those that look at the ticket alone: nothing typed and no time changes them while it is in its state."""


def refusal(scene: Scene, names: Sequence[str] | None = None) -> Refused | None:
    """Return why a move may not be made now; None when all its conditions, or those of these names, hold."""
    for name in scene.move.guards:
        if names is not None and name not in names:
            continue
        guard = GUARDS.get(name)
        refused = guard(scene) if guard else None
        if refused is not None:
            return refused
    return None
