"""Forms of moves and steps: the fields a table asks for, as templates draw them, and what came back."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext

from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.fields import FIELDS, Field
from appliance.tickets.forms import Extra, extras_of
from appliance.tickets.process import Move
from appliance.tickets.ticket import Ticket
from web import shown
from web.context import box, me
from web.dictionary import categories, units
from web.maintained import words_of

NOT_BY_HAND = frozenset({"extra", "customer"})
"""Registered fields that no single input shows."""
CHOSEN_UNITS = frozenset({"unit", "units"})


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a form as the template draws it."""

    name: str
    title: str
    needed: bool
    value: str
    choices: list[tuple[str, str]] | None
    lines: bool
    limit: int
    type: str = "text"


def inputs(move: Move, ticket: Ticket, typed: Mapping[str, Any]) -> list[Input]:
    """Return the fields of a move's form, with what was typed before."""
    needed = {*move.needed}
    optional_reason = {"reason"} - needed - {*move.takes} if len(move.fields) > 1 else set()
    return [
        _input(name, name in needed, ticket, move, typed)
        for name in move.fields
        if name not in optional_reason
    ]


def typed_fields(known: Iterable[str] = FIELDS) -> dict[str, Any]:
    """Return what came with the form, of the fields known."""
    names = [name for name in known if name in request.form]
    return {
        name: request.form.getlist(name) if FIELDS[name].type == "units" else request.form[name]
        for name in names
    }


def edit_inputs(ticket: Ticket, typed: Mapping[str, Any], hidden: Iterable[str] = ()) -> list[Input]:
    """Return the fields of what was registered, with their values, but those hidden from the reader."""
    made = []
    extra = typed.get("extra") or {}
    values = {**{name: getattr(ticket, name) for name in REGISTERED_FIELDS}, **typed}
    for name in REGISTERED_FIELDS:
        field = FIELDS[name]
        if name in hidden or name in NOT_BY_HAND:
            continue
        value = values.get(name, "")
        choices = words_of(name) or field.choices
        words = shown.choices(choices) if choices else None
        if name == "category":
            words = [("", "—"), *((c["code"], c["path"]) for c in categories())]
        text = ("on" if value else "") if field.type == "flag" else str(value)
        made.append(
            Input(name, shown.field_title(name), False, text, words, field.lines, field.limit, field.type)
        )
    book = box().tickets.forms
    extras = book.extras()
    here = extras_of(ticket.kind, ticket.category, book.forms())
    known = {**dict.fromkeys(here, ""), **ticket.extras, **extra}
    named = [(name, extras[name], str(text)) for name, text in known.items() if name in extras]
    return made + [_extra_input(*row) for row in named]


def edited_fields() -> dict[str, Any]:
    """Return what came with the form of what was registered; a switch that is off comes as nothing."""
    names = set(request.form.getlist("has")) | {"confidential"}
    typed: dict[str, Any] = {
        name: request.form[name]
        for name in REGISTERED_FIELDS
        if name in request.form and FIELDS[name].type != "flag" and name not in NOT_BY_HAND
    }
    for name, field in FIELDS.items():
        if field.type == "flag" and name in REGISTERED_FIELDS and (name in names or name in request.form):
            typed[name] = name in request.form
    extras = box().tickets.forms.extras()
    extra = {name: request.form[f"extra.{name}"] for name in extras if f"extra.{name}" in request.form}
    return {**typed, **({"extra": extra} if extra else {})}


def _extra_input(name: str, field: Extra, text: str) -> Input:
    words = shown.choices(field.choices) if field.choices else None
    title = shown.pick((field.zh, field.en))
    return Input(f"extra.{name}", title, False, text, words, field.type == "lines", field.limit)


def _input(name: str, needed: bool, ticket: Ticket, move: Move, typed: Mapping[str, Any]) -> Input:
    field = FIELDS[name]
    given = typed.get(name, "")
    value = " ".join(given) if isinstance(given, list) else str(given)
    return Input(
        name,
        shown.field_title(name) if needed or name != "reason" else gettext("Remark (may stay empty)"),
        needed,
        value or _proposed(name, ticket),
        _choices(name, field, move),
        field.lines,
        field.limit,
        field.type,
    )


def _choices(name: str, field: Field, move: Move) -> list[tuple[str, str]] | None:
    if field.type in CHOSEN_UNITS:
        return [(unit["code"], unit["title"]) for unit in _units_for(move)]
    choices = words_of(name) or field.choices
    if choices is None:
        return None
    allowed = {
        word: names
        for word, names in choices.items()
        if name != "rating" or not move.ratings or word in move.ratings
    }
    return shown.choices(allowed)


def _units_for(move: Move) -> list[dict[str, str]]:
    """Units that may be chosen: whoever passes work on inside their unit is offered what is part of it."""
    person = me()
    if "own_third_level" not in move.guards or person.has("DP", "SYS"):
        return units()
    below = {entry.key for entry in box().dictionary.all("unit") if entry.text("parent") == person.unit}
    return [unit for unit in units() if person.unit and unit["code"] in below]


def passes_on(move: Move) -> bool:
    """Tell whether there is a unit the reader could pass work on to by a move; any other move is possible."""
    return "own_third_level" not in move.guards or bool(_units_for(move))


def _proposed(name: str, ticket: Ticket) -> str:
    """What stands in a field before anybody typed."""
    match name:
        case "unit":
            return _suggested_unit(ticket) if ticket.state == "ACCEPTED" else ticket.unit
        case "assisting":
            found = box().tickets.proposed(ticket) if ticket.state == "ACCEPTED" else None
            return " ".join(found.assisting) if found else ""
        case "answer":
            return ticket.answer or ticket.result
        case "result":
            return ticket.result
        case "planned":
            return time.strftime("%Y-%m-%d", time.localtime(ticket.planned_s)) if ticket.planned_s else ""
    return ""


def _suggested_unit(ticket: Ticket) -> str:
    """By the dispatch rules, else by the category; the unit it had when nobody knows another."""
    found = box().tickets.proposed(ticket)
    return found.unit if found else ticket.unit
