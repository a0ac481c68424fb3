"""The shift leader's board: agents, queues and lines as they are now, and coming into a talk."""

import re
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest

from appliance.events import Event, Fact
from appliance.refused import Refused
from web import drafts, orders, shown
from web.context import box, me
from web.directory import directory, people_names
from web.pages.desk import extensions

FACTS_ROWS = 20
FACTS_SPAN = 100_000
"""How many entries of the log are looked through for the last facts."""
KINDS = (
    *("call.supervised", "call.released", "call.moved", "call.taken"),
    *("agent.forced", "agent.watched", "callback.cancelled"),
)
TICKET = re.compile(r"/tickets/([0-9]+)$")

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
    """Tell what shift leaders did last, and the day so far: calls by quarter hours and by agents."""
    names = dict(box().store.rows("SELECT number, name FROM person"))
    return {"facts": [_told(event, names) for event in _last()], "today": box().today.centre()}


@pages.get("/screen/<agent>")
def screen(agent: str) -> dict[str, Any]:
    """Show the page an agent has in front and what is written there; begins a look, or goes on with it.

    Each look is an event. The agent is told while it lasts, unless `web.tell_watched` is off.
    """
    here, (person,) = box(), people_names([agent])
    if here.calls.seat(agent) is None:
        raise Refused("not_signed_in", str(shown.CALL_REASONS["not_signed_in"]))
    if here.screens.look(me().number, agent):
        here.store.record(Fact("agent.watched", {"agent": agent, "by": me().number}, b""))
    if here.configuration.web.tell_watched:
        here.live.tell("watched", {"agent": agent, "by": me().number, "name": me().name})
    open_now, written = here.screens.of(agent), next(iter(drafts.of(agent)), None)
    return {
        **person,
        "page": {"path": open_now.path, "title": open_now.title, "since_s": open_now.since_s}
        if open_now
        else None,
        "ticket": _number_in(open_now.path) if open_now else "",
        "form": written.form if written else "",
        "fields": drafts.read_out(written.values) if written and written.written else [],
        "saved_s": written.saved_s if written else 0,
        "told": here.configuration.web.tell_watched,
    }


@pages.delete("/screen/<agent>")
def screen_left(agent: str) -> dict[str, Any]:
    """End a look."""
    return {"ended": box().screens.end(me().number, agent)}


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


def _number_in(path: str) -> str:
    """The ticket a page shows; empty when it shows none."""
    found = TICKET.match(path)
    return found[1] if found else ""
