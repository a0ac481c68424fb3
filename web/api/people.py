"""Whoever asks, and the people of the box, over the API."""

import secrets
from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.people import CODE_ALPHABET, PASSWORD_MAX, PASSWORD_MIN, ROLES
from appliance.refused import Refused
from web.api import shapes
from web.api.door import bearer
from web.api.endpoint import Answer, Strict
from web.context import box, me
from web.staffing import tell_calls

_COLUMNS = "number, name, roles, unit, extension, language, active, must_change"
Number = Annotated[str, Meta(pattern="^[0-9A-Za-z]{1,16}$")]


class Me(Answer, frozen=True):
    """Who asks, and how far the token reaches."""

    number: str
    name: str
    roles: list[str]
    unit: str
    token: str | None
    """Name of the token; null when a session asks."""
    scopes: list[str]
    expires_at: shapes.At | None


class Person(Answer, frozen=True):
    """Somebody who signs in."""

    number: str
    name: str
    roles: list[str]
    unit: str
    extension: str
    language: str
    active: bool
    must_change: bool
    """The password is a one-time one still."""


class People(Answer, frozen=True):
    """Everybody who has or had a sign-in."""

    people: list[Person]


class NewPerson(Strict, frozen=True):
    """Somebody new, with a one-time password."""

    number: Number
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    roles: Annotated[tuple[Literal[tuple(ROLES)], ...], Meta(min_length=1)]  # type: ignore[valid-type]
    password: Annotated[str, Meta(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX)]
    unit: Annotated[str, Meta(max_length=32)] = ""
    extension: Annotated[str, Meta(max_length=16, pattern="^[0-9]*$")] = ""


class Access(Strict, frozen=True):
    """Whether somebody may sign in."""

    active: bool


class Code(Answer, frozen=True):
    """A one-time password, told this once."""

    number: str
    password: str


def asker() -> Me:
    """Tell who asks."""
    asks, person = bearer(), me()
    return Me(
        person.number,
        person.name,
        sorted(person.roles),
        person.unit,
        asks.token.name if asks else None,
        sorted(asks.token.scopes) if asks else [],
        shapes.at(asks.token.expires_s) if asks else None,
    )


def everybody() -> People:
    """Tell everybody."""
    rows = box().store.rows(f"SELECT {_COLUMNS} FROM person ORDER BY number")
    return People([_person(row) for row in rows])


def one(number: str) -> Person:
    """Tell one person."""
    rows = box().store.rows(f"SELECT {_COLUMNS} FROM person WHERE number = ?", number)
    if not rows:
        raise Refused("unknown_person", "Nobody has the number %(number)s.", number=number)
    return _person(rows[0])


def create(body: NewPerson) -> Person:
    """Add somebody."""
    if body.unit and not box().store.rows("SELECT 1 FROM unit WHERE code = ?", body.unit):
        raise Refused("unknown_unit", "Choose %(field)s from the list.", field="Unit")
    box().people.create_person(
        body.number, body.name, body.password, body.roles, body.unit, body.extension, by=_by()
    )
    tell_calls()
    return one(body.number)


def set_active(number: str, body: Access) -> Person:
    """Let somebody sign in, or no longer; nobody shuts the own door."""
    if number == me().number and not body.active:
        raise Refused("own_door", "You cannot end your own access; somebody else must.")
    box().people.set_active(number, body.active, by=_by())
    tell_calls()
    return one(number)


def reset_password(number: str) -> Code:
    """Give somebody a new one-time password."""
    raw = "".join(secrets.choice(CODE_ALPHABET) for _ in range(12))
    code = "-".join((raw[:4], raw[4:8], raw[8:]))
    box().people.reset_password(number, code, by=_by())
    return Code(number, code)


def _by() -> str:
    asks = bearer()
    return f"{me().number} api.{asks.token.name}" if asks else me().number


def _person(row: Any) -> Person:
    number, name, roles, unit, extension, language, active, must_change = row
    held = [role for role in roles.split(",") if role]
    return Person(number, name, held, unit, extension, language, bool(active), bool(must_change))
