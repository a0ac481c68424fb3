"""People: who works with the box, their roles, unit and groups; a unit's leader sees the own unit only."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from appliance.dictionary.entry import Entry
from appliance.dictionary.kind import Value
from appliance.dictionary.kinds import KINDS
from appliance.dictionary.staff import UNIT_ROLES
from appliance.dictionary.values import empty
from appliance.people import CODE_ALPHABET, ROLES
from appliance.refused import Refused
from web import entry_form, shown
from web.context import box, may_open, me
from web.pages.settings import seen, side
from web.staffing import tell_calls

ROWS_MAX = 500
HISTORY_MAX = 50
SEARCH_MAX = 60

pages = Blueprint("people", __name__, url_prefix="/people")
PERSON = KINDS["person"]


@pages.get("")
def page() -> str:
    """List people; `q` searches, `role` and `unit` narrow, `retired` shows who left too."""
    words = request.args.get("q", "")[:SEARCH_MAX].lower().split()
    role, unit = request.args.get("role", "")[:4], request.args.get("unit", "")[:64]
    retired = request.args.get("retired") == "yes"
    rows = [
        entry
        for entry in box().dictionary.all("person", retired=retired)
        if _mine(entry)
        and entry_form.found_in(entry, words)
        and role in ("", *entry.words("roles"))
        and unit in ("", entry.text("unit"))
    ]
    locked = box().store.rows("SELECT number, secret = '', must_change, locked_until_s FROM person")
    return render_template(
        "settings/people.html",
        side=_side(),
        rows=rows[:ROWS_MAX],
        total=len(rows),
        roles=[(word, shown.pick(names)) for word, names in ROLES.items() if _gives(word)],
        role_names=lambda entry: [shown.pick(ROLES[word]) for word in entry.words("roles") if word in ROLES],
        said=lambda entry, name: entry_form.cell(
            entry, next(column for column in PERSON.columns if column.name == name)
        ),
        units=entry_form.options(_column("unit"), "") if me().has("AD") else [],
        doors={number: "none" if none else "first" if must else "" for number, none, must, _ in locked},
        q=" ".join(words),
        role=role,
        unit=unit,
        retired=retired,
    )


@pages.get("/new")
def fresh() -> str:
    """Show the empty form of a new person."""
    values: dict[str, Value] = {column.name: empty(column) for column in PERSON.columns}
    if not me().has("AD"):
        values |= {"unit": me().unit, "roles": ["U2"]}
    return _form("", values)


@pages.post("/new")
def make() -> AnyResponse | str | tuple[str, int]:
    """Add somebody, with a one-time password that is shown once."""
    number = request.form.get("key", "").strip()[:32]
    values = _typed()
    code = _code()
    try:
        with box().store.transaction():
            box().dictionary.add(me(), "person", number, values)
            box().people.reset_password(number, code, by=me().number)
    except Refused as refused:
        return _form(number, values, shown.sentence(refused), fresh=True), _status(refused)
    tell_calls()
    return _form(number, {}, code=code)


@pages.get("/of/<number>")
def one(number: str) -> str:
    """Show somebody to be edited, with their history."""
    return _form(_person(number).key, {})


@pages.post("/of/<number>")
def save(number: str) -> AnyResponse | tuple[str, int]:
    """Change somebody."""
    _person(number)
    values = _typed()
    try:
        box().dictionary.set(me(), "person", number, values, seen=seen())
    except Refused as refused:
        return _form(number, values, shown.sentence(refused)), _status(refused)
    tell_calls()
    flash(gettext("Saved. It counts from now on."), "good")
    return redirect(url_for("people.one", number=number))


@pages.post("/of/<number>/active")
def activate(number: str) -> AnyResponse | tuple[str, int]:
    """Let somebody sign in no longer, or again; their sessions end."""
    _person(number)
    stays = request.form.get("active") == "yes"
    act = box().dictionary.restore if stays else box().dictionary.retire
    try:
        act(me(), "person", number)
    except Refused as refused:
        return _form(number, {}, shown.sentence(refused)), _status(refused)
    tell_calls()
    said = (
        gettext("May sign in again.") if stays else gettext("Can sign in no more; all sessions have ended.")
    )
    flash(said, "good")
    return redirect(url_for("people.one", number=number))


@pages.post("/of/<number>/password")
def reset(number: str) -> str | tuple[str, int]:
    """Give somebody a new one-time password, which is shown once."""
    person = _person(number)
    if not me().has("AD") and not set(person.words("roles")) <= UNIT_ROLES:
        raise Refused("not_yours", "A unit gives only roles of units.")
    code = _code()
    box().people.reset_password(number, code, by=me().number)
    return _form(number, {}, code=code)


def _typed() -> dict[str, Value]:
    values = entry_form.typed(request.form, PERSON.columns)
    if not me().has("AD"):
        values["unit"] = me().unit
    return values


def _person(number: str) -> Entry:
    found = box().dictionary.get("person", number)
    if found is None:
        raise NotFound
    if not _mine(found):
        raise Refused("not_yours", "You look after the people of your own unit only.")
    return found


def _mine(person: Entry) -> bool:
    return me().has("AD") or (bool(me().unit) and person.text("unit") == me().unit)


def _gives(role: str) -> bool:
    return me().has("AD") or role in UNIT_ROLES


def _code() -> str:
    raw = "".join(secrets.choice(CODE_ALPHABET) for _ in range(12))
    return "-".join((raw[:4], raw[4:8], raw[8:]))


def _column(name: str) -> Any:
    return next(column for column in PERSON.columns if column.name == name)


def _side() -> list[Any]:
    return side() if may_open("settings.page") else []


def _status(refused: Refused) -> int:
    return 409 if refused.word == "changed" else 403 if refused.word == "not_yours" else 422


def _form(
    number: str, values: Mapping[str, Value], fault: str = "", code: str = "", fresh: bool = False
) -> str:
    found = box().dictionary.get("person", number) if number and not fresh else None
    complete: dict[str, Any] = {column.name: empty(column) for column in PERSON.columns}
    complete |= found.fields if found else {}
    doors = box().store.rows("SELECT secret = '', must_change FROM person WHERE number = ?", number)
    return render_template(
        "settings/person.html",
        side=_side(),
        kind=PERSON,
        key=number,
        entry=found,
        values={**complete, **values},
        fault=fault,
        code=code,
        door=doors[0] if doors and found else None,
        roles=[(word, shown.pick(names), 0) for word, names in ROLES.items() if _gives(word)],
        units=entry_form.options(_column("unit"), complete["unit"]) if me().has("AD") else [],
        unit_name=entry_form.shown_value(_column("unit"), complete["unit"] or me().unit),
        groups=entry_form.options(_column("groups"), complete["groups"]),
        history=entry_form.story(PERSON, number, box().dictionary.history("person", number), HISTORY_MAX)
        if found
        else [],
    )
