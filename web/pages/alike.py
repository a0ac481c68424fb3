"""Steps that have to do with other tickets and with personal data: repeated, linked, unmasked, blanked."""

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.refused import Refused
from appliance.tickets import attachments, confidential, redaction, repeats
from appliance.tickets.marks import REDACTABLE
from appliance.tickets.ticket import Ticket
from web.context import box, me
from web.pages.tickets import again, ticket_by_number

pages = Blueprint("alike", __name__, url_prefix="/tickets")


@pages.post("/<number>/repeat")
def repeat(number: str) -> Response | tuple[str, int]:
    """Count that this ticket's matter was brought again."""
    ticket = ticket_by_number(number)
    text = request.form.get("text", "")
    try:
        box().tickets.again(me(), ticket.tid, text)
    except Refused as refused:
        return again(ticket, refused, "repeat", {"text": text})
    flash(gettext("Counted: the matter was brought again. The unit is urged."), "good")
    return _back(ticket)


@pages.post("/<number>/link")
def link(number: str) -> Response | tuple[str, int]:
    """Link another ticket, or take the link back."""
    ticket = ticket_by_number(number)
    typed = request.form.get("other", "")
    try:
        other = ticket_by_number(typed)
        repeats.link(box().store, me(), ticket.tid, other.tid, off="off" in request.form)
    except Refused as refused:
        return again(ticket, refused, "link", {"other": typed})
    return _back(ticket)


@pages.post("/<number>/unmask")
def unmask(number: str) -> Response | tuple[str, int]:
    """Look at what is confidential, with a reason; that is written down."""
    ticket = ticket_by_number(number)
    reason = request.form.get("reason", "")
    try:
        confidential.unmask(box().store, me(), ticket.tid, reason)
    except Refused as refused:
        return again(ticket, refused, "unmask", {"reason": reason})
    return _back(ticket)


@pages.post("/<number>/redact")
def redact(number: str) -> Response | tuple[str, int]:
    """Blank personal data in everything that is shown; the trace stays."""
    ticket = ticket_by_number(number)
    reason = request.form.get("reason", "")
    names = [name for name in request.form.getlist("field") if name in REDACTABLE]
    try:
        redaction.redact(box().store, me(), ticket.tid, dict.fromkeys(names, ""), reason, _events())
        attachments.erase(box().store, box().blobs, ticket.tid)
    except Refused as refused:
        return again(ticket, refused, "redact", {"reason": reason})
    flash(gettext("Blanked. Who did it and why stays in the story."), "good")
    return _back(ticket)


def _events() -> list[bytes]:
    try:
        return [bytes.fromhex(eid) for eid in request.form.getlist("event")[: redaction.EVENTS_MAX]]
    except ValueError:
        return []


def _back(ticket: Ticket) -> Response:
    return redirect(url_for("tickets.one", number=ticket.number))
