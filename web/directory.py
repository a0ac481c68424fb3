"""Who and what an agent can reach from the desk, and a shift leader can move a caller to."""

import re
from typing import Any, Final

import msgspec
from flask_babel import lazy_gettext

from appliance import published
from appliance.dictionary.entry import Entry
from appliance.published import Published
from web.context import box
from web.shown import pick

NODES = {
    "survey": lazy_gettext("Satisfaction survey"),
    "satisfaction": lazy_gettext("Satisfaction survey"),
    "main": lazy_gettext("Main menu"),
    "self": lazy_gettext("Self-service"),
    "message": lazy_gettext("Leave a message"),
}
"""Nodes of a flow people send callers to, when the flow has them."""
AFTER_TALK = ("survey", "satisfaction")
"""Those an agent ends a talk with."""

NUMBER: Final = re.compile(r"(\+?[0-9][0-9-]{2,23})(?:\*([0-9*#]{1,16}))?\s*(.{0,40})")


def handed_over() -> Published | None:
    """Return what the call process works from; None while nothing readable was published."""
    try:
        return published.read(box().places.published)
    except published.Unreadable:
        return None


def directory() -> dict[str, Any]:
    """Return queues, nodes, desk phones and the numbers of units, each with the target that reaches it."""
    found = handed_over()
    names = _nodes(found) if found else []
    return {
        "queues": [{"to": f"queue:{q.name}", "title": q.title or q.name} for q in box().configuration.queue],
        "nodes": [{"to": f"node:{name}", "title": str(NODES[name])} for name in names],
        "after_talk": [f"node:{name}" for name in names if name in AFTER_TALK],
        "phones": [e.number for e in found.extensions if e.kind == "sip"] if found else [],
        "units": _units(),
    }


def people_names(numbers: list[str]) -> list[dict[str, str]]:
    """Return staff numbers with names, in the order asked for."""
    names = dict(box().store.rows("SELECT number, name FROM person"))
    return [{"number": number, "name": names.get(number, "")} for number in numbers]


def _nodes(found: Published) -> list[str]:
    nodes = msgspec.json.decode(found.flow).get("nodes", {})
    return [name for name in NODES if name in nodes]


def _units() -> list[dict[str, str]]:
    """Every number of every unit and of the address book; `keys` are pressed after it is answered."""
    dictionary = box().dictionary
    units = [
        {"code": unit.key, "title": pick(unit.names), **number}
        for unit in dictionary.all("unit")
        for number in (*numbers_of(unit.text("phone")), *numbers_of(unit.text("duty_phone")))
    ]
    contacts = [
        {"code": contact.text("unit"), "title": _called(contact), **number}
        for contact in dictionary.all("contact")
        for number in (*numbers_of(contact.text("phone")), *numbers_of(contact.text("mobile")))
    ]
    return units + contacts


def _called(contact: Entry) -> str:
    post = contact.text("post")
    return f"{pick(contact.names)} {post}" if post else pick(contact.names)


def numbers_of(phones: str) -> list[dict[str, str]]:
    """Read the numbers of a unit, `0571-1234; 0571-5678*201 night desk`: number, extension, what for."""
    found = (NUMBER.match(part.strip()) for part in re.split("[;；]", phones))
    return [{"phone": m[1], "keys": m[2] or "", "note": m[3].strip()} for m in found if m]
