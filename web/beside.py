"""What stands beside a ticket on its page: its sub-orders and overlays, with the steps one may make."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from appliance.calendar.hours import due_day
from appliance.people import Actor
from appliance.tickets.fields import FIELDS
from appliance.tickets.rights import CENTRE_ROLES
from appliance.tickets.strands import KINDS, Strand
from appliance.tickets.ticket import Ticket
from web import shown
from web.context import box
from web.dictionary import unit_names
from web.maintained import named_in
from web.move_form import Input, inputs, passes_on

HIDDEN = frozenset({"unit", "due", "optional"})
"""Fields that are shown apart from the others."""


@dataclass(frozen=True, slots=True)
class Step:
    """One button of a strand: the form it opens, or none."""

    name: str
    title: str
    form: str
    inputs: list[Input]
    opened: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One strand as the page shows it."""

    strand: Strand
    title: str
    state: str
    colour: str
    unit: str
    facts: list[tuple[str, str]]
    steps: list[Step]


def cards(person: Actor, ticket: Ticket, opened: str, typed: dict[str, Any]) -> list[Card]:
    """Return the strands the reader may see, open ones first, the newest on top."""
    strands = [s for s in box().tickets.strands(ticket.tid) if sees(person, ticket, s) and s.kind in KINDS]
    strands.sort(key=lambda s: (not s.open, -s.opened_s))
    return [_card(person, ticket, strand, opened, typed) for strand in strands]


def openings(person: Actor, ticket: Ticket, opened: str, typed: dict[str, Any]) -> list[tuple[str, Step]]:
    """Return what the reader may open beside the ticket: kind and its form."""
    return [
        (kind.name, _step(move, f"open-{kind.name}", ticket, opened, typed, shown.pick((move.zh, move.en))))
        for kind, move in box().tickets.beside.openings(person, ticket)
        if passes_on(move)
    ]


def sees(person: Actor, ticket: Ticket, strand: Strand) -> bool:
    """Whether somebody may see a strand: the centre and the leading unit all, other units their own."""
    if person.has(*CENTRE_ROLES) or person.unit == ticket.unit:
        return True
    return person.unit != "" and person.unit in (strand.unit, strand.third)


def _card(person: Actor, ticket: Ticket, strand: Strand, opened: str, typed: dict[str, Any]) -> Card:
    kind = KINDS[strand.kind]
    state = kind.workflow.states[strand.state]
    steps = [
        _step(move, f"{strand.sid.hex()}-{move.name}", ticket, opened, typed, shown.pick((move.zh, move.en)))
        for move in box().tickets.beside.steps(person, ticket, strand)
        if passes_on(move)
    ]
    colour = "" if not strand.open else "bad" if kind.red else "blue"
    names = unit_names()
    facts = [
        (shown.field_title(name), value_shown(name, value))
        for name, value in strand.fields.items()
        if name in FIELDS and name not in HIDDEN and value
    ]
    if strand.third:
        facts.append((shown.field_title("third"), names.get(strand.third, strand.third)))
    return Card(
        strand,
        shown.pick((kind.zh, kind.en)),
        shown.pick((state.zh, state.en)),
        colour,
        names.get(strand.unit, strand.unit),
        facts,
        steps,
    )


def _step(move: Any, form: str, ticket: Ticket, opened: str, typed: dict[str, Any], title: str) -> Step:
    blank = _without_proposals(ticket)
    asked = inputs(move, blank, typed if opened == form else {})
    if "not_the_lead" in move.guards:
        asked = [_without(field, ticket.unit) if field.name == "unit" else field for field in asked]
    return Step(move.name, title, form, asked, opened == form)


def _without(field: Input, word: str) -> Input:
    """The field without a choice that would be refused."""
    return dataclasses.replace(field, choices=[choice for choice in field.choices or [] if choice[0] != word])


def _without_proposals(ticket: Ticket) -> Ticket:
    """Results and units of the ticket are no proposal for what goes on beside it."""
    return replace(ticket, unit="", result="", answer="", category="")


def value_shown(name: str, value: Any) -> str:
    """Write the value of a ticket's field for people: names instead of codes."""
    field = FIELDS[name]
    names = named_in(name, str(value)) or (field.choices or {}).get(str(value))
    if names:
        return str(shown.pick(names))
    if field.type == "instant" and isinstance(value, int | float):
        return shown.when(float(value))
    if field.type == "date" and isinstance(value, int | float):
        return due_day(float(value))
    if field.type == "unit":
        return unit_names().get(str(value), str(value))
    if field.type == "days" and isinstance(value, int | float):
        return f"{value:.0f}"
    return str(value)
