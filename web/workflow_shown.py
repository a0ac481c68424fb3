"""A workflow as its page shows it: rows by state, faults and changes in the reader's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, lazy_gettext

from appliance.tickets.conditions import CONDITIONS
from appliance.tickets.fields import FIELDS, RATINGS
from appliance.tickets.process import START, Move, Workflow
from appliance.tickets.soundness import ACTORS, Fault
from appliance.tickets.strands import KINDS
from appliance.tickets.workflow import STATES
from appliance.tickets.workflow_changes import Change
from appliance.tickets.workflow_draft import LISTS
from web import shown

ASPECTS: Mapping[str, Any] = {
    "source": lazy_gettext("From state"),
    "target": lazy_gettext("To state"),
    "who": lazy_gettext("Who"),
    "zh": lazy_gettext("Chinese name"),
    "en": lazy_gettext("English name"),
    "name": lazy_gettext("Name for programs"),
    "needs": lazy_gettext("Must be filled in"),
    "takes": lazy_gettext("May be filled in"),
    "complete": lazy_gettext("Must be complete before"),
    "reason": lazy_gettext("A reason must be given"),
    "guards": lazy_gettext("Conditions"),
    "ratings": lazy_gettext("Ratings it may carry"),
    "final": lazy_gettext("Holds whatever a branch did meanwhile"),
}
"""What a move consists of, as people read it."""


@dataclass(frozen=True, slots=True)
class Group:
    """The moves out of one state."""

    state: str
    title: str
    moves: Sequence[Move]


def groups(workflow: Workflow) -> list[Group]:
    """Return the moves by the state they lead out of, in the order of the states."""
    found = []
    for state in (START, *(KINDS[workflow.name].workflow.states if workflow.name in KINDS else STATES)):
        rows = [move for move in workflow.moves if move.source == state]
        if rows:
            title = state_title(state, workflow) if state else str(gettext("Beginning"))
            found.append(Group(state, title, rows))
    return found


def state_title(name: str, workflow: Workflow) -> str:
    """The name of a state of this workflow."""
    found = workflow.states.get(name)
    return shown.pick((found.zh, found.en)) if found else shown.state_title(name)


def title(move: Move) -> str:
    """The name of a move."""
    return shown.pick((move.zh, move.en)) or move.name


def role(code: str) -> str:
    """The name of somebody who may make a move."""
    return shown.one_of(code, ACTORS)


def word(list_name: str, value: str) -> str:
    """The name of a word that stands in one of the lists of a move."""
    if list_name == "who":
        return role(value)
    if list_name == "guards":
        return shown.one_of(value, CONDITIONS)
    return shown.one_of(value, RATINGS) if list_name == "ratings" else shown.field_title(value)


def options(list_name: str) -> list[tuple[str, str]]:
    """What may be chosen for a list, with its names."""
    return [(value, word(list_name, value)) for value in LISTS[list_name] if value in _offered(list_name)]


def said(fault: Fault, workflow: Workflow) -> str:
    """A fault in the reader's language, states and fields by their names."""
    values = {name: _named(name, value, workflow) for name, value in fault.values.items()}
    return str(gettext(fault.words, **values)) if values else str(gettext(fault.words))


def faults(found: Sequence[Fault], workflow: Workflow) -> list[dict[str, str]]:
    """All faults, each with the move it is about."""
    return [{"code": fault.code, "text": said(fault, workflow)} for fault in found]


def changed(change: Change) -> list[tuple[str, str, str]]:
    """What differs: aspect, before and after."""
    assert change.before is not None
    assert change.after is not None
    return [
        (str(ASPECTS[name]), _aspect(change.before, name), _aspect(change.after, name))
        for name in change.aspects
    ]


def _aspect(move: Move, name: str) -> str:
    value = getattr(move, name)
    if name in ("source", "target"):
        return shown.state_title(value) if value else str(gettext("Beginning"))
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if name in LISTS:
        words = [word(name, part) for part in (sorted(value) if name == "who" else value)]
        return ", ".join(words) or "—"
    return str(value) or "—"


def _named(name: str, value: str, workflow: Workflow) -> str:
    if name in ("state", "source", "ends"):
        return " / ".join(state_title(part, workflow) for part in value.split(" / "))
    if name != "name":
        return value
    return shown.field_title(value) if value in FIELDS else value


def _offered(list_name: str) -> set[str]:
    """Only what a move can sensibly ask for is offered; what stands there already stays a choice."""
    from appliance.tickets.bodies import REGISTERED_FIELDS

    everything = set(LISTS[list_name])
    if list_name == "needs":
        return everything - REGISTERED_FIELDS.keys() - {"reason"}
    if list_name == "takes":
        return everything - REGISTERED_FIELDS.keys()
    if list_name == "complete":
        return everything & {*REGISTERED_FIELDS, "unit", "result", "answer"}
    return everything
