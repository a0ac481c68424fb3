"""Who and what an agent can reach from the desk, and a shift leader can move a caller to."""

from typing import Any

import msgspec
from flask_babel import lazy_gettext

from appliance import published
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


def _nodes(found: Published) -> list[str]:
    nodes = msgspec.json.decode(found.flow).get("nodes", {})
    return [name for name in NODES if name in nodes]


def _units() -> list[dict[str, str]]:
    rows = box().store.rows("SELECT name, name_en, phone FROM unit WHERE phone <> '' ORDER BY code")
    return [{"title": pick((zh, en or zh)), "phone": phone} for zh, en, phone in rows]
