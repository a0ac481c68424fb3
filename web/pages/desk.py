"""The agent's desk: the shift, orders to the call process, the caller's history, drafts and filing."""

import re
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import BadRequest

from appliance.calls import wire
from appliance.refused import Refused
from appliance.tickets.fields import phone_as_kept
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import STATES
from web import drafts, intake_form, orders, shown
from web.attention import attention
from web.context import box, me
from web.customer import customer_numbers
from web.dictionary import unit_names
from web.directory import directory, handed_over, people_names
from web.hearing import may_hear
from web.maintained import KINDS
from web.pages.calls import CONFIDENTIAL
from web.pages.lookup import told_origin

CALL_ID = re.compile(r"(?:[0-9a-f]{2}){4,16}")
KEYS = (
    *("F2", "F3", "Alt+Q", "Alt+H", "F4", "F6", "F7", "F8", "F9", "F10", "Esc"),
    *("Alt+P", "Alt+R", "Ctrl+S", "Ctrl+Enter", "Alt+D", "↓ ↑ Enter", "F1 / ?"),
)
HISTORY_ROWS = 12

pages = Blueprint("desk", __name__, url_prefix="/desk")


@pages.get("")
def page() -> str:
    """Show the desk."""
    return render_template(
        "desk.html",
        extensions=extensions(),
        my_extension=me().extension,
        pause_reasons=list(shown.PAUSES.items()),
        **intake_form.words(),
        keys=list(zip(KEYS, _key_meanings(), strict=True)),
        directory=directory(),
        attention=attention(me()),
        queue_titles={q.name: q.title or q.name for q in box().configuration.queue},
    )


@pages.post("/shift")
def shift() -> dict[str, Any]:
    """Begin a shift at an extension, or end it when none is named."""
    extension = _text("extension")
    order = wire.SignIn(me().number, extension) if extension else wire.SignOut(me().number)
    return orders.carry_out(order)


@pages.post("/order")
def order() -> dict[str, Any]:
    """Carry out what a button of the phone asks."""
    return orders.carry_out(orders.made(orders.AGENT, me().number, _json()))


@pages.post("/sound")
def sound() -> dict[str, Any]:
    """Give the token with which this browser brings its sound to the extension of the shift."""
    seat = box().calls.seat(me().number)
    if seat is None:
        raise Refused("not_signed_in", str(shown.CALL_REASONS["not_signed_in"]))
    return orders.carry_out(wire.SoundToken(seat.extension))


@pages.get("/caller/<phone>")
def caller(phone: str) -> dict[str, Any]:
    """Tell what the box knows about a caller: tickets, calls and their recordings."""
    plain = phone_as_kept(phone)
    tickets = box().tickets.by_phone(plain, HISTORY_ROWS)
    name = next((t.citizen for t in tickets if t.citizen and not t.confidential), "")
    area = next((ticket.area for ticket in tickets if ticket.area), "")
    return {
        "tickets": [_past(ticket) for ticket in tickets],
        "calls": _calls_of(phone[:32]),
        "citizen": name,
        "area": area,
        "origin": told_origin(plain),
        "numbers": customer_numbers(plain),
    }


@pages.get("/today")
def today() -> dict[str, Any]:
    """Tell what I did today: calls in and out, and how long I talked, wrapped up and rested."""
    return box().today.agent(me().number)


@pages.get("/talk")
def talk() -> dict[str, Any]:
    """Tell what a colleague writes, or has registered, about the call that rings at me or that I am in."""
    seat = box().calls.seat(me().number)
    cid = seat.call.cid if seat is not None and seat.call is not None else ""
    if not CALL_ID.fullmatch(cid):
        return {"call": "", "writer": None, "fields": [], "ticket": None}
    found = drafts.of_call(cid, me().number)
    tickets = box().tickets.by_call(bytes.fromhex(cid))
    return {
        "call": cid,
        "writer": people_names([found.owner])[0] if found and found.written else None,
        "fields": drafts.read_out(found.values) if found and found.written else [],
        "ticket": _past(tickets[-1]) if tickets else None,
    }


@pages.get("/drafts")
def my_drafts() -> dict[str, Any]:
    """List what I was writing, newest first."""
    written = [draft for draft in drafts.of(me().number) if draft.written]
    rows = [
        {"form": d.form, "title": d.values.get("title", ""), "phone": d.values.get("phone", "")}
        for d in written
    ]
    return {"drafts": rows}


@pages.get("/drafts/<form>")
def draft(form: str) -> dict[str, Any]:
    """Give one draft, or the one that came with a call handed to me; null when there is none."""
    return {"draft": drafts.one(me().number, form)}


@pages.put("/drafts/<form>")
def save_draft(form: str) -> dict[str, Any]:
    """Keep what is being written."""
    drafts.keep(me().number, form, _json())
    return {"saved": True}


@pages.delete("/drafts/<form>")
def drop_draft(form: str) -> dict[str, Any]:
    """Forget a draft."""
    drafts.drop(me().number, form)
    return {"dropped": True}


@pages.post("/file")
def file() -> tuple[dict[str, Any], int] | dict[str, Any]:
    """Make the form a ticket: registered, dispatched, or answered and closed; all or nothing."""
    return intake_form.filed(_json())


def extensions() -> list[dict[str, str]]:
    """List the phones a shift can begin at, one's own first."""
    found = handed_over()
    mine = me().extension
    first = sorted(found.extensions if found else (), key=lambda e: (e.number != mine, e.number))
    return [{"number": e.number, "kind": e.kind} for e in first if e.kind != "citizen"]


def _past(ticket: Ticket) -> dict[str, Any]:
    return {
        "number": ticket.number,
        "title": ticket.title,
        "state": shown.state_title(ticket.state),
        "colour": shown.state_colour(ticket.state),
        "open": ticket.state in STATES and STATES[ticket.state].list != "closed",
        "kind": shown.one_of(ticket.kind, KINDS),
        "unit": unit_names().get(ticket.unit, ticket.unit),
        "created_s": ticket.created_s,
        "url": url_for("tickets.one", number=ticket.number),
    }


def _calls_of(phone: str) -> list[dict[str, Any]]:
    if not phone:
        return []
    rows = box().store.rows(
        "SELECT c.direction, c.started_s, c.answered_s, c.ended_s, c.outcome, c.agent,"
        " (SELECT rid FROM recording r WHERE r.call = c.cid AND r.removed_s IS NULL"
        f" ORDER BY r.seconds DESC LIMIT 1), {CONFIDENTIAL}"
        " FROM call c WHERE c.caller = ? ORDER BY c.started_s DESC LIMIT ?",
        phone,
        HISTORY_ROWS,
    )
    return [
        {
            "started_s": started_s,
            "answered_s": answered_s,
            "ended_s": ended_s,
            "outcome": str(shown.OUTCOMES.get(outcome, outcome)),
            "agent": agent,
            "outgoing": direction in ("out", "notice"),
            "recording": url_for("recordings.sound", rid=bytes(rid).hex()) if rid and heard else None,
            "rid": bytes(rid).hex() if rid and heard else "",
        }
        for direction, started_s, answered_s, ended_s, outcome, agent, rid, confidential in rows
        for heard in (may_hear(me(), bool(confidential), agent),)
    ]


def _key_meanings() -> tuple[str, ...]:
    return (
        gettext("Answer the ringing call"),
        gettext("Dial list of units and phones; arrows and Enter choose"),
        gettext("Look up a number"),
        gettext("Caller history"),
        gettext("Ready for calls; ends wrap-up or break. In a call: hold, take back"),
        gettext("Mute or unmute my microphone"),
        gettext("Transfer; while consulting: complete the transfer"),
        gettext("Break: choose a reason. In a call: consult, and together with all"),
        gettext("Call the shift leader; while consulting: cancel"),
        gettext("Hang up"),
        gettext("Close the panel"),
        gettext("Private: silence is recorded; again: recorded again"),
        gettext("Record, or keep the recording, where the rules leave it to you"),
        gettext("Register the ticket"),
        gettext("Accept and dispatch the ticket"),
        gettext("Answered on the line, close"),
        gettext("Choose a category"),
        gettext("Show these keys"),
    )


def _json() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest
    return body


def _text(name: str) -> str:
    value = _json().get(name, "")
    return value[:64] if isinstance(value, str) else ""
