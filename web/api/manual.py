"""The API for people: chapters made of the table, in the reader's language."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import msgspec
from flask_babel import lazy_gettext
from msgspec import UNSET

from web.api.endpoint import PREFIX, Endpoint
from web.shown import pick

TITLES = {
    "tickets": lazy_gettext("Tickets"),
    "recordings": lazy_gettext("Recordings"),
    "calls": lazy_gettext("Calls"),
    "people": lazy_gettext("People"),
    "customers": lazy_gettext("Customers"),
    "letters": lazy_gettext("Letters"),
    "me": lazy_gettext("The token itself"),
    "settings": lazy_gettext("Settings"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint as the page shows it."""

    name: str
    method: str
    path: str
    words: str
    scope: str
    roles: str
    takes: tuple[tuple[str, str], ...]
    """What may be asked or sent: name and form."""
    heads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """What begins with the same word."""

    name: str
    title: str
    rows: tuple[Row, ...]


def chapters(table: Sequence[Endpoint]) -> list[Chapter]:
    """Order the table by the first word of its paths."""
    found: dict[str, list[Row]] = {}
    for endpoint in table:
        first = endpoint.path.split("/")[1]
        first = {"ticket-sums": "tickets", "duplicates": "tickets", "promises": "tickets"}.get(first, first)
        found.setdefault(first if first in TITLES else "settings", []).append(_row(endpoint))
    return [Chapter(n, str(TITLES[n]), tuple(rows)) for n, rows in found.items()]


def _row(endpoint: Endpoint) -> Row:
    heads = ("If-Match",) * endpoint.stale + ("Idempotency-Key",) * endpoint.once
    forms = [form for form in (endpoint.query, endpoint.body) if form is not None]
    return Row(
        endpoint.name,
        endpoint.method,
        PREFIX + endpoint.path,
        pick((endpoint.zh, endpoint.en)),
        endpoint.scope,
        " ".join(sorted(endpoint.roles)),
        tuple(pair for form in forms for pair in _takes(form)),
        heads,
    )


def _takes(form: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    for field in msgspec.structs.fields(form):
        yield field.encode_name + ("" if field.required else "?"), _form(field.type)


def _form(kind: Any) -> str:
    """A type in a few letters."""
    if isinstance(kind, type):
        return {"Given": "{…}"}.get(kind.__name__, kind.__name__)
    parts = [part for part in get_args(kind) if part not in (type(UNSET), type(None), ...)]
    if str(get_origin(kind)) == "typing.Literal":
        return " | ".join(str(part) for part in parts)
    words = [_form(part) for part in parts if not isinstance(part, msgspec.Meta)]
    return " ".join(filter(None, words))[:400] + (" …" if get_origin(kind) in (list, tuple) else "")
