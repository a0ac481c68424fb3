"""The intake desk for every source: one form, messages nobody has entered yet, and what is beside them."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from werkzeug.exceptions import BadRequest

from appliance.refused import Refused
from appliance.tickets.ticket import Ticket
from web import drafts, intake_form, shown
from web.context import box, me
from web.maintained import SOURCES

pages = Blueprint("intake", __name__, url_prefix="/intake")


@pages.get("")
def page() -> str:
    """Show the form and what waits to be entered."""
    waiting = box().intake.entries()
    opened = request.args.get("entry", "")
    return render_template(
        "intake.html",
        waiting=[_waiting(ticket) for ticket in waiting],
        opened=next((t.tid.hex() for t in waiting if t.number == opened), ""),
        **intake_form.words(),
    )


@pages.get("/waiting")
def waiting() -> dict[str, Any]:
    """List what waits to be entered, the oldest first."""
    return {"waiting": [_waiting(ticket) for ticket in box().intake.entries()]}


@pages.post("/beside")
def beside() -> dict[str, Any]:
    """Tell what stands beside a form as it is now: fields, script, texts, duplicates, answers, customers."""
    return intake_form.beside(_json())


@pages.post("/file")
def file() -> tuple[dict[str, Any], int] | dict[str, Any]:
    """Make the form a ticket: registered, dispatched, or answered and closed; all or nothing."""
    return intake_form.filed(_json())


@pages.post("/repeat")
def repeat() -> dict[str, Any]:
    """Count on a ticket that its matter was brought again by this form, instead of a new ticket."""
    typed = _json()
    ticket = box().tickets.find(str(typed.get("number") or "")[:40])
    if ticket is None or not box().tickets.may_see(me(), ticket):
        raise Refused("unknown_ticket", "This ticket does not exist.")
    filing = intake_form.filing(typed)
    said = "\n".join(
        str(filing.fields.get(name) or "")[:1900] for name in ("title", "content") if filing.fields.get(name)
    )
    call = filing.call.hex() if filing.call else ""
    with box().store.transaction():
        counted = box().tickets.again(me(), ticket.tid, said, call, filing.entry)
        if filing.entry:
            box().tickets.move(me(), filing.entry, "merge", {"master": ticket.number}, seen=filing.seen)
            counted = box().tickets.get(ticket.tid)
    return {"number": counted.number, "repeats": counted.repeats, **intake_form.brief(counted)}


def _waiting(ticket: Ticket) -> dict[str, Any]:
    store = box().store
    sounds = (
        store.rows(
            "SELECT rid, seconds FROM recording WHERE call = ? AND removed_s IS NULL ORDER BY made_s LIMIT 5",
            ticket.call,
        )
        if ticket.call
        else []
    )
    return {
        "tid": ticket.tid.hex(),
        "seen": ticket.last_eid.hex(),
        "number": ticket.number,
        "source": ticket.source,
        "source_title": shown.one_of(ticket.source, SOURCES),
        "phone": "" if ticket.confidential else ticket.phone,
        "title": ticket.title,
        "content": ticket.content,
        "created_s": ticket.created_s,
        "writer": drafts.writer(f"ticket:entry:{ticket.tid.hex()}", me().number),
        "sounds": [
            {"url": url_for("recordings.sound", rid=bytes(rid).hex()), "seconds": seconds}
            for rid, seconds in sounds
        ],
    }


def _json() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest
    return body
