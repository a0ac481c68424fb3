"""What people are writing: kept as they type, handed on with the call, seen by whom it concerns."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from werkzeug.exceptions import BadRequest

from appliance.calls import wire
from appliance.refused import Refused
from web import shown
from web.context import box
from web.dictionary import category_names, unit_names
from web.maintained import KINDS, URGENCIES

DRAFT_LIMIT = 64 * 1024
DRAFTS_LIMIT = 40
KEPT_S = 30 * 24 * 3600.0
FORM = re.compile(r"ticket:(?:new|entry)(:[0-9a-zA-Z/_.-]{1,64})?")
WRITTEN = ("kind", "category", "area", "address", "title", "content", "answer")
"""What makes a draft worth listing: name and phone come with the call."""
SHOWN = (
    *("citizen", "phone", "kind", "urgency", "category", "unit"),
    *("area", "address", "title", "content", "answer"),
)
"""Fields in the order the form has them."""
LIST = "SELECT form, body, saved_s FROM draft WHERE owner = ? ORDER BY saved_s DESC LIMIT ?"
KEEP = (
    "INSERT INTO draft (owner, form, body, saved_s) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (owner, form) DO UPDATE SET body = excluded.body, saved_s = excluded.saved_s"
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody is writing."""

    owner: str
    form: str
    values: Mapping[str, Any]
    saved_s: float

    @property
    def written(self) -> bool:
        """Whether there is more in it than came with the call."""
        return any(self.values.get(name) for name in WRITTEN)


def of(owner: str) -> list[Draft]:
    """What somebody is writing, newest first."""
    rows = box().store.rows(LIST, owner, DRAFTS_LIMIT)
    return [Draft(owner, form, json.loads(body), saved_s) for form, body, saved_s in rows]


def one(owner: str, form: str) -> Mapping[str, Any] | None:
    """A draft of mine, or the one that came with a call that is mine now; None when there is none."""
    named(form)
    mine = _read("owner = ? AND form = ?", owner, form)
    if mine is not None and mine.written:
        return mine.values
    if _call(form, owner):
        others = _read("form = ? AND owner <> ?", form, owner)
        if others is not None and others.written:
            _hand_over(others, owner)
            return others.values
    return mine.values if mine is not None else None


def of_call(cid: str, reader: str) -> Draft | None:
    """What somebody else writes about a call."""
    return _read("form = ? AND owner <> ?", f"ticket:new:{cid}", reader)


def writer(form: str, reader: str) -> str:
    """Who else is writing in a form: the name, or empty."""
    rows = box().store.rows(
        "SELECT p.name FROM draft d JOIN person p ON p.number = d.owner WHERE d.form = ? AND d.owner <> ?"
        " ORDER BY d.saved_s DESC LIMIT 1",
        *(named(form), reader),
    )
    return str(rows[0][0]) if rows else ""


def keep(owner: str, form: str, values: Mapping[str, Any]) -> None:
    """Keep what is being written."""
    body = json.dumps({name: value for name, value in values.items() if isinstance(value, str | bool)})
    if len(body) > DRAFT_LIMIT:
        raise Refused("too_long", "The draft is too long.")
    with box().store.transaction():
        box().store.execute(KEEP, owner, named(form), body, time.time())
        box().store.execute("DELETE FROM draft WHERE saved_s < ?", time.time() - KEPT_S)
    tell(form, owner)


def drop(owner: str, form: str) -> None:
    """Forget a draft."""
    with box().store.transaction():
        box().store.execute("DELETE FROM draft WHERE owner = ? AND form = ?", owner, named(form))
    tell(form, owner)


def tell(form: str, owner: str, before: str = "") -> None:
    """Say that a draft changed, or whose it is now."""
    box().live.tell("draft", {"form": form, "owner": owner, "before": before})


def named(form: str) -> str:
    """Return the name of a form; BadRequest when it is none."""
    if not FORM.fullmatch(form):
        raise BadRequest
    return form


def read_out(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the fields that are filled in, named and worded as people read them."""
    rows = [
        {"name": name, "title": shown.field_title(name), "text": _worded(name, str(values[name]))}
        for name in SHOWN
        if values.get(name)
    ]
    if values.get("confidential"):
        rows.insert(
            0,
            {"name": "confidential", "title": shown.field_title("confidential"), "text": str(gettext("yes"))},
        )
    return rows


def _worded(name: str, value: str) -> str:
    match name:
        case "kind":
            return shown.one_of(value, KINDS)
        case "urgency":
            return shown.one_of(value, URGENCIES)
        case "category":
            return category_names().get(value, value)
        case "unit":
            return unit_names().get(value, value)
    return value


def _hand_over(draft: Draft, to: str) -> None:
    with box().store.transaction():
        box().store.execute("DELETE FROM draft WHERE owner = ? AND form = ?", to, draft.form)
        box().store.execute(
            "UPDATE draft SET owner = ? WHERE owner = ? AND form = ?", to, draft.owner, draft.form
        )
    tell(draft.form, to, draft.owner)


def _call(form: str, agent: str) -> wire.CallView | None:
    """The call a form belongs to, when this agent answers for it now."""
    cid = form.rpartition(":")[2]
    return next((c for c in box().calls.board.calls if c.cid == cid and c.agent == agent), None)


def _read(where: str, *values: str) -> Draft | None:
    rows = box().store.rows(
        f"SELECT owner, form, body, saved_s FROM draft WHERE {where} ORDER BY saved_s DESC LIMIT 1", *values
    )
    return Draft(rows[0][0], rows[0][1], json.loads(rows[0][2]), rows[0][3]) if rows else None
