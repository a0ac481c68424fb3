"""Calls: looked up by number, day, agent, queue and outcome."""

from typing import Any

from flask import Blueprint, render_template, request, url_for

from appliance.tickets.fields import RATINGS
from web import lookup
from web.context import box, me
from web.hearing import may_hear
from web.shown import masked, pick

CONFIDENTIAL = "EXISTS (SELECT 1 FROM ticket t WHERE t.call = c.cid AND t.confidential = 1)"
_ROWS = (
    "SELECT c.cid, c.started_s, c.caller, c.called, c.queue, c.agent, p.name, c.outcome,"
    " c.queued_s, c.answered_s, c.ended_s,"
    " (SELECT rid FROM recording r WHERE r.call = c.cid AND r.removed_s IS NULL ORDER BY made_s LIMIT 1),"
    " (SELECT number FROM ticket t WHERE t.call = c.cid ORDER BY tid LIMIT 1),"
    f" c.rating, c.callback_of, {CONFIDENTIAL}"
    " FROM call c LEFT JOIN person p ON p.number = c.agent WHERE c.cid IN ({marks})"
    " ORDER BY c.started_s DESC, c.cid DESC"
)

pages = Blueprint("calls", __name__)


@pages.get("/calls")
def page() -> str:
    """List calls, newest first."""
    asked = lookup.asked(request.args)
    found = lookup.page(lookup.CALLS, asked)
    rows = box().store.rows(_ROWS.format(marks=", ".join("?" * len(found.ids))), *found.ids)
    return render_template(
        "calls.html",
        rows=[_seen(row) for row in rows],
        asked=asked,
        page=found,
        link=link,
        rec=address,
        titles=queue_titles(),
        ratings={5 - n: pick(names) for n, names in enumerate(RATINGS.values())},
    )


def link(**keys: str) -> str:
    """The address of another page of this list."""
    kept = lookup.filled(lookup.asked(request.args), "before", "after")
    return url_for(request.endpoint or "calls.page", **kept, **keys)  # type: ignore[arg-type]  # names are query words


def address(rid: Any, **how: str) -> str:
    """Where a recording is heard."""
    return url_for("recordings.sound", rid=bytes(rid).hex(), **how)  # type: ignore[arg-type]  # names are query words


def queue_titles() -> dict[str, str]:
    """What queues are called."""
    return {queue.name: queue.title or queue.name for queue in box().configuration.queue}


def _seen(row: Any) -> list[Any]:
    """A row as this person may see it: of a confidential ticket's call neither number nor sound."""
    seen: list[Any] = list(row[:-1])
    confidential = row[-1]
    if not may_hear(me(), bool(confidential), seen[5]):
        seen[2], seen[11] = masked(seen[2]), None
    return seen
