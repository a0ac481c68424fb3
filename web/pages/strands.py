"""Sub-orders and overlays: opened and moved on from the ticket's page, and listed over all tickets."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.refused import Refused
from appliance.tickets import strand_table
from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.fields import FIELDS
from appliance.tickets.strands import KINDS, Strand
from appliance.tickets.ticket import Ticket
from web import shown
from web.context import box, me
from web.dictionary import unit_names
from web.finding_form import only_unit
from web.move_form import typed_fields
from web.pages.tickets import again, ticket_by_number

PAGE_ROWS = 50
BESIDE = [name for name in FIELDS if name not in REGISTERED_FIELDS]
"""What may come with a step; `kind` in these forms is the kind of strand, not of matter."""

pages = Blueprint("strands", __name__)


@pages.get("/strands")
def page() -> str:
    """List the open sub-orders and overlays that concern me."""
    unit = only_unit(me())
    kind = request.args.get("kind", "")
    before = request.args.get("before", "")
    counts = strand_table.counts(box().store, unit)
    chosen = kind if kind in KINDS else next((name for name in KINDS if counts.get(name)), "suborder")
    found = strand_table.listed(box().store, chosen, unit, float(before or "inf"), PAGE_ROWS + 1)
    rows = [_row(strand, ticket) for strand, ticket in found[:PAGE_ROWS]]
    return render_template(
        "strands.html",
        kinds=[(k.name, shown.pick((k.zh, k.en)), counts.get(k.name, 0)) for k in KINDS.values()],
        chosen=chosen,
        rows=rows,
        older=found[PAGE_ROWS - 1][0].opened_s if len(found) > PAGE_ROWS else None,
        unit_names=unit_names(),
    )


@pages.post("/tickets/<number>/strands")
def opened(number: str) -> Response | tuple[str, int]:
    """Open a sub-order or overlay."""
    ticket = ticket_by_number(number)
    kind, step = request.form.get("kind", ""), request.form.get("step", "")
    return _act(ticket, kind, step, f"open-{kind}")


@pages.post("/tickets/<number>/strands/<sid>")
def stepped(number: str, sid: str) -> Response | tuple[str, int]:
    """Make a step of one."""
    ticket = ticket_by_number(number)
    try:
        which = bytes.fromhex(sid)
    except ValueError:
        which = b""
    step = request.form.get("step", "")
    return _act(ticket, which, step, f"{sid}-{step}")


def _act(ticket: Ticket, which: str | bytes, step: str, form: str) -> Response | tuple[str, int]:
    typed = typed_fields(BESIDE)
    try:
        strand = box().tickets.act(me(), ticket.tid, which, step, typed, _seen())
    except Refused as refused:
        return again(ticket, refused, form, typed)
    words = KINDS[strand.kind]
    state = words.workflow.states[strand.state]
    flash(
        gettext(
            "Done. %(kind)s: %(state)s.",
            kind=shown.pick((words.zh, words.en)),
            state=shown.pick((state.zh, state.en)),
        ),
        "good",
    )
    return redirect(url_for("tickets.one", number=ticket.number) + "#beside")


def _row(strand: Strand, ticket: Ticket) -> dict[str, Any]:
    state = KINDS[strand.kind].workflow.states[strand.state]
    return {"strand": strand, "ticket": ticket, "state": shown.pick((state.zh, state.en))}


def _seen() -> bytes | None:
    try:
        return bytes.fromhex(request.form.get("strand_seen", "")) or None
    except ValueError:
        return None
