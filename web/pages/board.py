"""The shift leader's board: agents, queues and lines as they are now, and coming into a talk."""

import time
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest

from appliance.events import Event
from web import orders, shown
from web.context import box, me
from web.directory import directory
from web.pages.desk import extensions

FACTS_ROWS = 20
FACTS_SPAN = 100_000
"""How many entries of the log are looked through for the last facts."""
KINDS = ("call.supervised", "call.released", "call.moved", "agent.forced", "callback.cancelled")

pages = Blueprint("board", __name__, url_prefix="/board")


@pages.get("")
def page() -> str:
    """Show the board; who only reads it gets no buttons."""
    return render_template(
        "board.html",
        leads=me().has("TL"),
        extensions=extensions() if me().has("TL") else [],
        my_extension=me().extension,
        pause_reasons=list(shown.PAUSES.items()),
        pause_titles={**shown.PAUSES, **shown.PAUSED_BY_OTHERS},
        queue_titles={q.name: q.title or q.name for q in box().configuration.queue},
        directory=directory(),
    )


@pages.post("/order")
def order() -> dict[str, Any]:
    """Carry out what a button of the board asks."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest
    return orders.carry_out(orders.made(orders.LEADER, me().number, body))


@pages.get("/facts")
def facts() -> dict[str, Any]:
    """Tell what shift leaders did last, and how many calls each agent took today."""
    names = dict(box().store.rows("SELECT number, name FROM person"))
    return {"facts": [_told(event, names) for event in _last()], "answered": _answered()}


def _last() -> list[Event]:
    marks = ",".join("?" * len(KINDS))
    rows = box().store.rows(
        "SELECT eid, subject, kind, ver, body FROM event"
        f" WHERE pos > (SELECT coalesce(max(pos), 0) FROM event) - ? AND kind IN ({marks})"
        " ORDER BY pos DESC LIMIT ?",
        *(FACTS_SPAN, *KINDS, FACTS_ROWS),
    )
    return [Event(bytes(e), bytes(s), kind, ver, bytes(body)) for e, s, kind, ver, body in rows]


def _told(event: Event, names: dict[str, str]) -> dict[str, Any]:
    given = event.facts
    word = {"call.supervised": "how", "agent.forced": "state"}.get(event.kind)
    agent = str(given.get("agent", ""))
    return {
        "at_s": event.at_s,
        "by": f"{given.get('by', '')} {names.get(str(given.get('by', '')), '')}".strip(),
        "did": str(shown.SUPERVISION[str(given.get(word, "")) if word else event.kind]),
        "agent": f"{agent} {names.get(agent, '')}".strip(),
        "text": str(given.get("reason") or given.get("to") or given.get("number") or ""),
    }


def _answered() -> dict[str, int]:
    midnight = time.mktime((*time.localtime()[:3], 0, 0, 0, 0, 0, -1))
    rows = box().store.rows(
        "SELECT agent, count(*) FROM call WHERE started_s >= ? AND answered_s >= ? AND agent <> ''"
        " GROUP BY agent",
        midnight - 3600,
        midnight,
    )
    return dict(rows)
