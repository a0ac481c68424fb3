"""Entries of the dictionary in forms and tables: what was typed, and what is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from appliance.dictionary.entry import Change, Entry
from appliance.dictionary.kind import Column, Kind, Value
from appliance.dictionary.tree import walk
from appliance.dictionary.values import as_text
from web.context import box
from web.shown import pick

CELL_LIMIT = 80
COLUMNS_LISTED = 5
_WORTH_LISTING = (
    "text",
    "int",
    "number",
    "flag",
    "choice",
    "choices",
    "entry",
    "entries",
    "time",
    "site",
    "limits",
)


def typed(form: MultiDict[str, str], columns: Sequence[Column]) -> dict[str, Value]:
    """Return what a form says of these columns; a column that is not in the form is not spoken of."""
    found: dict[str, Value] = {}
    for column in columns:
        name = column.name
        if column.type == "limits":
            spans = {key.partition(":")[2]: form[key].strip() for key in form if key.startswith(f"{name}:")}
            if spans:
                found[name] = {key: span for key, span in spans.items() if span}
        elif name in form:
            values = form.getlist(name)
            if column.type in ("choices", "entries"):
                found[name] = [value for value in values if value]
            else:
                found[name] = values[-1]
    return found


def shown_value(column: Column, value: Value) -> str:
    """Write a value for people: names instead of codes."""
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if column.type in ("choice", "choices") and column.choices:
        words = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return "、".join(
            pick(column.choices[word]) if word in column.choices else str(word) for word in words
        )
    if column.refers and value:
        names = box().dictionary.names(column.refers)
        if isinstance(value, dict):
            return "; ".join(f"{_name(names, key)} {span}" for key, span in value.items())
        keys = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return "、".join(_name(names, str(key)) for key in keys)
    return as_text(column, value)


def listed(kind: Kind, entries: Sequence[Entry]) -> list[Column]:
    """Return the columns worth a place in the table: those that say something, a few of them."""
    columns = [
        column
        for column in kind.columns
        if column.type in _WORTH_LISTING
        and column.name not in ("name", "name_en", "parent")
        and any(entry.fields.get(column.name) not in ("", None, [], {}, False) for entry in entries)
    ]
    return columns[:COLUMNS_LISTED]


def cell(entry: Entry, column: Column) -> str:
    """Return what stands in a cell of the table."""
    value = entry.fields.get(column.name)
    text = "" if value is False else shown_value(column, value)
    return text if len(text) <= CELL_LIMIT else f"{text[:CELL_LIMIT]}…"


def options(column: Column, value: Value, own: str = "") -> list[tuple[str, str, int]]:
    """Return what may be chosen: key, name, depth in the tree; what is chosen already stays."""
    if column.choices:
        return [(word, pick(names), 0) for word, names in column.choices.items()]
    chosen = {value} if isinstance(value, str) else set(value) if isinstance(value, list) else set()
    tree = walk(box().dictionary.by_key(column.refers))
    return [
        (entry.key, pick(entry.names), depth)
        for entry, depth in tree
        if (not entry.retired or entry.key in chosen) and not (own and entry.key == own)
    ]


def found_in(entry: Entry, words: Sequence[str]) -> bool:
    """Tell whether an entry has all these words in its key, names or texts."""
    said = " ".join((entry.key, *(str(value) for value in entry.fields.values() if value))).lower()
    return all(word in said for word in words)


def story(kind: Kind, key: str, changes: Sequence[Change], limit: int) -> list[dict[str, Any]]:
    """Return an entry's history for people, the newest first."""
    columns = {column.name: column for column in kind.columns_for(key)}
    return [
        {
            "at_s": change.at_s,
            "by": change.by,
            "name": change.name,
            "site": change.site,
            "what": change.what,
            "fields": [
                (_title(columns, name), _said(columns, name, old), _said(columns, name, new))
                for name, (old, new) in change.fields.items()
                if _said(columns, name, old) != _said(columns, name, new)
            ],
        }
        for change in reversed(changes[-limit:])
    ]


def _title(columns: Mapping[str, Column], name: str) -> str:
    return pick((columns[name].zh, columns[name].en)) if name in columns else gettext("Place in the list")


def _said(columns: Mapping[str, Column], name: str, value: Value) -> str:
    return shown_value(columns[name], value) if name in columns else str(value)


def _name(names: Mapping[str, tuple[str, str]], key: str) -> str:
    return pick(names[key]) if key in names else key
