"""What follows from a move or a step, in the same transaction: one table each, by its name.

Effects are moves and steps themselves, so they are in the log, and on every page, like any other.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from msgspec.structs import replace

from appliance.people import BOX, Actor
from appliance.refused import Refused
from appliance.tickets.clocks import Clock, Reckoning
from appliance.tickets.dispatching import Suggestion
from appliance.tickets.due import clocks_of
from appliance.tickets.dues import Change
from appliance.tickets.extending import ExtensionRules, extend, order_earlier
from appliance.tickets.guards import Scene
from appliance.tickets.ticket import Ticket


class Deeds(Protocol):
    """What an effect may do."""

    def children(self, tid: bytes) -> Sequence[Ticket]:
        """The tickets merged into one."""

    def again(self, actor: Actor, tid: bytes, text: str = "", call: str = "", other: bytes = b"") -> object:
        """Count that the same matter was brought again."""

    def move(
        self,
        actor: Actor,
        tid: bytes,
        name: str,
        fields: Mapping[str, object],
        seen: bytes | None = None,
        rule: str | None = None,
    ) -> object:
        """Move a ticket; `rule` is the dispatch rule that chose its unit."""

    def act(
        self, actor: Actor, tid: bytes, which: str | bytes, step: str, fields: Mapping[str, object]
    ) -> object:
        """Make a step of a strand, or open one."""

    def reckon(self, actor: Actor, tid: bytes, why: str, change: Change) -> object:
        """Change the running clocks of a ticket."""

    def proposed(self, ticket: Ticket) -> Suggestion | None:
        """Propose the unit a ticket belongs to."""

    def tell(self, what: str, tid: bytes, unit: str, words: str = "") -> None:
        """Send the short message that goes with what happened (notices.py)."""


STOPPABLE = frozenset({"SENT", "SIGNED", "ON_SITE", "FORWARDED", "SUSPENDED"})
Effect = Callable[[Deeds, Scene], None]


def in_the_name_of(actor: Actor) -> Actor:
    """The box, doing what follows from somebody's step: their name, its rights."""
    return Actor(actor.number, actor.name, frozenset({"SYS"}))


def _send_suborders(deeds: Deeds, scene: Scene) -> None:
    box, task = in_the_name_of(scene.actor), scene.facts.get("task") or scene.ticket.title or scene.move.zh
    has_one = {strand.unit for strand in scene.strands if strand.kind == "suborder" and strand.open}
    for unit in scene.facts.get("assisting", ()):
        if unit not in has_one:
            deeds.act(box, scene.ticket.tid, "suborder", "create", {"unit": unit, "task": task})


def _stop_suborders(deeds: Deeds, scene: Scene) -> None:
    """Units are told to stop."""
    reason = scene.facts.get("reason") or scene.move.zh
    for strand in scene.strands:
        if strand.kind == "suborder" and strand.state in STOPPABLE:
            deeds.act(in_the_name_of(scene.actor), scene.ticket.tid, strand.sid, "waive", {"reason": reason})


def _supervise_second_round(deeds: Deeds, scene: Scene) -> None:
    if any(strand.kind == "supervision" and strand.open for strand in scene.strands):
        return
    given = {"level": "general", "opinion": scene.facts.get("reason") or scene.move.zh}
    deeds.act(in_the_name_of(scene.actor), scene.ticket.tid, "supervision", "issue", given)


def _end_suspension(deeds: Deeds, scene: Scene) -> None:
    for strand in scene.strands:
        if strand.kind == "suspension" and strand.state == "APPROVED":
            deeds.act(in_the_name_of(scene.actor), scene.ticket.tid, strand.sid, "end", {})


def _stop_beside(deeds: Deeds, scene: Scene) -> None:
    _stop_suborders(deeds, scene)
    _end_suspension(deeds, scene)


def _resume(deeds: Deeds, scene: Scene) -> None:
    """Ending a suspension takes the ticket up again; resuming the ticket has done so already."""
    if scene.ticket.state == "SUSPENDED":
        deeds.move(in_the_name_of(scene.actor), scene.ticket.tid, "resume", {})


def _suspend(deeds: Deeds, scene: Scene) -> None:
    assert scene.strand is not None
    given = {"planned": scene.strand.fields["planned"], "reason": scene.strand.fields["reason"]}
    deeds.move(scene.actor, scene.ticket.tid, "approve_suspend", given)


def _dispatch_designated(deeds: Deeds, scene: Scene) -> None:
    given = {"unit": scene.facts["unit"], "designated": True, "task": scene.facts["reason"]}
    deeds.move(scene.actor, scene.ticket.tid, "dispatch", given)


def _try_extension(deeds: Deeds, scene: Scene) -> None:
    """Who asks for too much is told at once, not when it is approved."""
    _extension(scene, int(scene.facts["days"]), scene.now_s)


def _extend(deeds: Deeds, scene: Scene) -> None:
    assert scene.strand is not None
    change = _extension(scene, int(scene.strand.fields["days"]), scene.strand.opened_s)
    deeds.reckon(scene.actor, scene.ticket.tid, "extension", change)


def _extension(scene: Scene, n: int, asked_s: float) -> Change:
    """More time for the unit within the rules, and as much for the case; raises Refused."""
    bounds = scene.bounds
    rules = ExtensionRules(bounds.extensions, bounds.extension_first_wd, bounds.extension_percent / 100)
    if unit := clocks_of(scene.ticket).unit:
        extend(unit, n, asked_s, scene.look.reckoning(), rules)

    def change(reckoning: Reckoning, clock: Clock, mine: bool) -> Clock:
        return reckoning.computed(replace(clock, extensions=(*clock.extensions, n)))

    return change


def _instruct(deeds: Deeds, scene: Scene) -> None:
    due_s = scene.facts.get("due")
    if due_s is None:
        return

    def earlier(reckoning: Reckoning, clock: Clock, mine: bool) -> Clock:
        return order_earlier(clock, float(due_s), scene.now_s, reckoning)

    deeds.reckon(scene.actor, scene.ticket.tid, "instruction", earlier)


def _count_on_master(deeds: Deeds, scene: Scene) -> None:
    master = bytes.fromhex(str(scene.facts["master"]))
    deeds.again(in_the_name_of(scene.actor), master, other=scene.ticket.tid)


def _tell_children(deeds: Deeds, scene: Scene) -> None:
    """Citizens whose tickets were merged into this one get its answer too."""
    for child in () if scene.ticket.confidential else deeds.children(scene.ticket.tid):
        if child.phone != scene.ticket.phone:
            deeds.tell("told", child.tid, "", str(scene.facts.get("answer") or scene.ticket.answer))


def _tell_accepted(deeds: Deeds, scene: Scene) -> None:
    """Once, when the case clock begins."""
    if scene.ticket.accepted_s is None:
        deeds.tell("accepted", scene.ticket.tid, str(scene.facts.get("unit", "")))


def _dispatch_by_rule(deeds: Deeds, scene: Scene) -> None:
    """Once it is accepted a rule may dispatch a ticket by itself; a unit that cannot be given it is left."""
    found = deeds.proposed(scene.ticket)
    if found is None or not found.automatic:
        return
    given = {"unit": found.unit, "assisting": list(found.assisting)}
    with suppress(Refused):
        deeds.move(BOX, scene.ticket.tid, "dispatch", given, rule=found.rule)


def _tell_unit(deeds: Deeds, scene: Scene) -> None:
    deeds.tell("dispatched", scene.ticket.tid, str(scene.facts["unit"]))


def _tell_citizen(deeds: Deeds, scene: Scene) -> None:
    deeds.tell("signed", scene.ticket.tid, scene.ticket.unit)


def _urge_as_set(deeds: Deeds, scene: Scene) -> None:
    """In the name of who set the time; where nobody can be urged any more the time has just come."""
    assert scene.strand is not None
    text = str(scene.strand.fields.get("text") or "请抓紧办理。")
    with suppress(Refused):
        deeds.act(in_the_name_of(scene.actor), scene.ticket.tid, "urge", "send", {"text": text})


def _tell_answered(deeds: Deeds, scene: Scene) -> None:
    """The answer, and the question how it was."""
    answer = str(scene.facts.get("answer") or scene.ticket.answer)
    deeds.tell("answered", scene.ticket.tid, scene.ticket.unit, answer)


def _tell_urged(deeds: Deeds, scene: Scene) -> None:
    unit = str(scene.facts.get("unit") or scene.ticket.unit)
    deeds.tell("urged", scene.ticket.tid, unit, str(scene.facts.get("text", "")))


OF_MOVES: Mapping[str, tuple[Effect, ...]] = {
    "dispatch": (_send_suborders, _tell_unit),
    "redispatch": (_tell_unit,),
    "pass": (_tell_answered, _tell_children),
    "check_pass": (_tell_answered, _tell_children),
    "sign": (_tell_citizen,),
    "withdraw": (_stop_beside,),
    "merge": (_count_on_master,),
    "pass_no_callback": (_tell_children,),
    "accept": (_tell_accepted, _dispatch_by_rule),
    "overrule": (_tell_accepted, _dispatch_by_rule),
    "verified_true": (_tell_accepted, _dispatch_by_rule),
    "second_dispatch": (_supervise_second_round,),
    "resume": (_end_suspension,),
}
OF_STEPS: Mapping[tuple[str, str], tuple[Effect, ...]] = {
    ("suborder", "create"): (_tell_unit,),
    ("urge", "send"): (_tell_urged,),
    ("reminder", "urge"): (_urge_as_set,),
    ("suspension", "approve"): (_suspend,),
    ("suspension", "end"): (_resume,),
    ("coordination", "designate"): (_dispatch_designated,),
    ("extension", "ask"): (_try_extension,),
    ("extension", "approve"): (_extend,),
    ("instruction", "write"): (_instruct,),
}
"""By kind and step."""
