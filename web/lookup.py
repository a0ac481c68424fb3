"""Calls and recordings looked up: conditions from what was asked, and pages found by key, not counted off.

Which table is gone through first is chosen by how rare the answer is, so that a page comes at once
from a hundred thousand calls whatever was asked.
"""

import datetime
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from appliance.store.engine import containing, holds
from web.context import box

ASKED = (
    *("number", "agent", "ticket", "queue", "outcome", "kind", "since", "until", "longer", "shorter"),
    *("before", "after"),
)
WORD_MAX = 80
DIGITS_FEW = 5
"""A number of fewer digits is looked for from the newest call on."""
FEW = 2000
"""Calls that are quicker put in order than looked for from the newest on."""
PAGE_ROWS = 50
OF_CALL = ("agent", "queue", "outcome")
LINKED = (
    "r.rid IN (SELECT rid FROM recording WHERE call IN ({})"
    " UNION SELECT rid FROM recording WHERE ticket IN (SELECT tid FROM ticket WHERE number = ?))"
)
_KEY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)_([0-9a-f]{32})")

Asked = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """What is listed, newest first."""

    name: str
    """r for recordings, c for calls."""
    at: str
    id: str


RECORDINGS = Table("r", "r.made_s", "r.rid")
CALLS = Table("c", "c.started_s", "c.cid")


@dataclass(frozen=True, slots=True)
class Page:
    """The ids of one page, newest first, and the keys of the pages beside it; empty when there is none."""

    ids: tuple[bytes, ...]
    newer: str = ""
    older: str = ""


def asked(given: MultiDict[str, str]) -> dict[str, str]:
    """What was asked for, each word short."""
    return {name: given.get(name, "").strip()[:WORD_MAX] for name in ASKED}


def filled(asked: Asked, *but: str) -> dict[str, str]:
    """Only what is not empty, and without some."""
    return {name: value for name, value in asked.items() if value and name not in but}


def page(table: Table, asked: Asked, rows: int = PAGE_ROWS) -> Page:
    """Find a page."""
    up = _key(asked["after"])
    beside = up or _key(asked["before"])
    found = _find(table, asked, "after" if up else "before" if beside else "", beside, rows + 1)
    more, found = len(found) > rows, found[:rows]
    if up:
        found.reverse()
    first, last = (_written(found[0]), _written(found[-1])) if found else ("", "")
    newer, older = (more, bool(found)) if up else (bool(beside) and bool(found), more)
    return Page(tuple(row[1] for row in found), first if newer else "", last if older else "")


def everything(table: Table, asked: Asked, most: int) -> list[bytes]:
    """All ids, oldest first, up to `most`; `before` is the only key that matters."""
    key = _key(asked["before"])
    return [rid for _, rid in reversed(_find(table, asked, "before" if key else "", key, most))]


def behind(at_s: float) -> str:
    """The key just behind all that was at this time, which is in whole milliseconds."""
    return _written((at_s + 0.0005, bytes(16)))


def _find(
    table: Table, asked: Asked, way: str, key: tuple[float, bytes] | None, most: int
) -> list[tuple[float, bytes]]:
    source, where, values = _conditions(table, asked)
    if key is not None:
        where += f" AND ({table.at}, {table.id}) {'>' if way == 'after' else '<'} (?, ?)"
        values += key
    order = "" if way == "after" else " DESC"
    sql = (
        f"SELECT {table.at}, {table.id} FROM {source} WHERE {where}"
        f" ORDER BY {table.at}{order}, {table.id}{order} LIMIT ?"
    )
    return [(at_s, bytes(found)) for at_s, found in box().store.rows(sql, *values, most)]


def _conditions(table: Table, asked: Asked) -> tuple[str, str, list[Any]]:
    """Where to look, the condition, and its values."""
    driver = _driver(asked)
    where, values = ["1 = 1"], list[Any]()
    if number := asked["number"]:
        alone = f"c.caller IN (SELECT caller FROM call WHERE {holds('caller')})"
        where.append(alone if driver == "number" else holds("c.caller"))
        values.append(containing(number))
    if asked["ticket"]:
        calls = "SELECT call FROM ticket WHERE number = ?"
        where.append(LINKED.format(calls) if table is RECORDINGS else f"c.cid IN ({calls})")
        values += [asked["ticket"]] * (2 if table is RECORDINGS else 1)
    aside = box().store.engine.aside
    for name in OF_CALL:
        if asked[name]:
            where.append(f"{'' if name == driver else aside}c.{name} = ?")
            values.append(asked[name])
    if table is RECORDINGS:
        where, values = _of_recording(asked, where, values)
    for name, sign, days in (("since", ">=", 0), ("until", "<", 1)):
        if (begin := _day(asked[name], days)) is not None:
            where.append(f"{table.at} {sign} ?")
            values.append(begin)
    of_call = any(asked[name] for name in ("number", "ticket", *OF_CALL))
    return _source(table, driver, of_call), " AND ".join(where), values


def _of_recording(asked: Asked, where: list[str], values: list[Any]) -> tuple[list[str], list[Any]]:
    if asked["kind"]:
        where.append("r.kind = ?")
        values.append(asked["kind"])
    for name, sign in (("longer", ">="), ("shorter", "<=")):
        if re.fullmatch(r"[0-9]{1,5}(\.[0-9])?", asked[name]):
            where.append(f"r.seconds {sign} ?")
            values.append(60 * float(asked[name]))
    return where, values


def _source(table: Table, driver: str, of_call: bool) -> str:
    """A CROSS JOIN is gone through from left to right."""
    if table is CALLS:
        return "call c"
    if driver == "ticket":
        return "recording r JOIN call c ON c.cid = r.call"
    if driver:
        return "call c CROSS JOIN recording r ON r.call = c.cid"
    return "recording r CROSS JOIN call c ON c.cid = r.call" if of_call else "recording r"


def _driver(asked: Asked) -> str:
    """What was asked that few calls answer to; empty when looking from the newest on finds a page sooner."""
    if asked["ticket"]:
        return "ticket"
    if len(asked["number"]) >= DIGITS_FEW:
        return "number"
    for name in OF_CALL:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM call WHERE {name} = ? LIMIT ?) AS found"
        if asked[name] and box().store.rows(sql, asked[name], FEW)[0][0] < FEW:
            return name
    return ""


def _day(text: str, days: int) -> float | None:
    """When a day begins here, `days` later; None when none is written."""
    try:
        wanted = datetime.date.fromisoformat(text) + datetime.timedelta(days=days)
        return time.mktime(wanted.timetuple())
    except (ValueError, OverflowError):
        return None


def _written(key: tuple[float, bytes]) -> str:
    return f"{key[0]:.9f}_{key[1].hex()}"


def _key(text: str) -> tuple[float, bytes] | None:
    found = _KEY.fullmatch(text)
    return (float(found[1]), bytes.fromhex(found[2])) if found else None
