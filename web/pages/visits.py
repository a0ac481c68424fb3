"""Return visits (回访): whom to ask whether it was done, attempts, ratings, and the monthly sample."""

import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.calls import wire
from appliance.refused import Refused
from appliance.tickets import samples, table
from appliance.tickets.fields import OUTCOMES, RATINGS, YES_NO
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import BAD
from web import access, orders, seat, shown, sight
from web.context import box, me
from web.dictionary import unit_names
from web.move_form import Input, inputs

PAGE_ROWS = 40

pages = Blueprint("visits", __name__, url_prefix="/visits")


@pages.get("")
def page() -> str:
    """List whom to ask, who waits longest first."""
    return _waiting()


def _waiting(fault: str = "") -> str:
    after = request.args.get("after", "")
    since = float(after) if after.replace(".", "", 1).isdigit() else 0.0
    waiting = table.select(
        box().store,
        "state = 'CALLBACK' AND state_s >= ? ORDER BY state_s, tid LIMIT ?",
        *(since, PAGE_ROWS + 1),
    )
    return _page(waiting, fault)


@pages.post("/<number>")
def tried(number: str) -> Response | tuple[str, int]:
    """Write down an attempt that reached nobody."""
    ticket = _ticket(number)
    try:
        box().tickets.visit(me(), ticket.tid, request.form.get("outcome", ""), request.form.get("text", ""))
    except Refused as refused:
        return _page([ticket], shown.sentence(refused)), 422
    flash(gettext("It is written down. The citizen stays on the list."), "good")
    return redirect(url_for("visits.page"))


@pages.post("/seat")
def sit() -> Response | tuple[str, int]:
    """Sit down at a desk phone to call from it; without one, get up."""
    extension, sid = request.form.get("extension", ""), request.form.get("sid", "")
    sits = extension in seat.phones()
    try:
        orders.carry_out(wire.SignIn(me().number, extension) if sits else wire.SignOut(me().number))
        seat.known(sits)
    except Refused as refused:
        fault = shown.sentence(refused)
        return _samples(fault, sid) if sid else _waiting(fault), 422
    return redirect(url_for("visits.sampled", sid=sid) if sid else url_for("visits.page"))


@pages.post("/<number>/rating")
def rated(number: str) -> Response | tuple[str, int]:
    """Write down what the citizen said; whoever is dissatisfied has a reason."""
    ticket = _ticket(number)
    form = request.form
    bad = form.get("rating", "") in BAD
    names = ("rating", "contacted", "solved") + (("why", "compensation", "reason") if bad else ("closing",))
    typed = {name: form[name] for name in names if form.get(name)}
    try:
        moved = box().tickets.move(me(), ticket.tid, "dissatisfied" if bad else "satisfied", typed)
    except Refused as refused:
        return _page([ticket], shown.sentence(refused), typed | {"reason": form.get("reason", "")}), 422
    flash(gettext("Done. The ticket is now: %(state)s.", state=shown.state_title(moved.state)), "good")
    return redirect(url_for("visits.page"))


@pages.post("/<number>/unreachable")
def given_up(number: str) -> Response | tuple[str, int]:
    """Close a case whose citizen cannot be reached after all attempts."""
    ticket = _ticket(number)
    try:
        box().tickets.move(me(), ticket.tid, "unreachable", {"reason": gettext("Could not be reached.")})
    except Refused as refused:
        return _page([ticket], shown.sentence(refused)), 422
    flash(gettext("It is closed: the citizen could not be reached."), "good")
    return redirect(url_for("visits.page"))


@pages.get("/samples")
def sampled() -> str:
    """Show the monthly samples, and the cases of one."""
    return _samples(sid=request.args.get("sid", ""))


@pages.post("/samples")
def draw() -> Response | tuple[str, int]:
    """Draw a month's sample."""
    count = request.form.get("per_unit", "")
    try:
        samples.take(
            box().store, me(), request.form.get("month", "").strip(), int(count) if count.isdigit() else 0
        )
    except Refused as refused:
        return _samples(shown.sentence(refused)), 422
    return redirect(url_for("visits.sampled"))


@pages.post("/samples/<sid>/<number>")
def asked(sid: str, number: str) -> Response | tuple[str, int]:
    """Write down what the citizen of a drawn case said."""
    ticket = _ticket(number)
    form = request.form
    try:
        samples.told(
            *(box().store, me(), _id(sid), ticket.tid),
            *(form.get("outcome", ""), form.get("contacted", ""), form.get("text", "")),
        )
    except Refused as refused:
        return _samples(shown.sentence(refused), sid, ticket.tid), 422
    return redirect(url_for("visits.sampled", sid=sid, _anchor=ticket.number))


def _page(waiting: list[Ticket], fault: str = "", typed: dict[str, Any] | None = None) -> str:
    person = me()
    return render_template(
        "visits.html",
        rows=[(sight.seen(ticket), _asks(ticket, typed or {})) for ticket in waiting[:PAGE_ROWS]],
        older=waiting[PAGE_ROWS].state_s if len(waiting) > PAGE_ROWS else None,
        fault=fault,
        typed=typed or {},
        ratings=shown.choices(RATINGS),
        outcomes=shown.choices(OUTCOMES),
        bad=BAD,
        unit_names=unit_names(),
        **_seat(),
        may_rate=person.has("CB"),
        gives_up=box().tickets.hopeless(person, waiting[:PAGE_ROWS]),
    )


def _seat() -> dict[str, Any]:
    """What the reader calls citizens with."""
    may_call = seat.may_call()
    return {
        "may_call": may_call,
        "may_sit": access.allowed("visits.sit", me().roles),
        "seat": seat.mine() if may_call else None,
        "phones": seat.phones() if may_call else [],
        "calls_up": box().calls.up,
    }


def _asks(ticket: Ticket, typed: dict[str, Any]) -> list[Input]:
    """What a citizen is asked, by the workflow the ticket runs on."""
    steps = box().tickets.workflows.of(ticket.workflow, ticket.state).steps
    move = steps.get((ticket.state, "dissatisfied"))
    return inputs(move, ticket, typed) if move else []


def _samples(fault: str = "", sid: str = "", typed_at: bytes = b"") -> str:
    made = samples.samples(box().store)
    chosen = next((s for s in made if s.sid.hex() == sid), made[0] if made else None)
    return render_template(
        "samples.html",
        made=made,
        chosen=chosen,
        cases=_cases(chosen) if chosen else [],
        **_seat(),
        fault=fault,
        typed_at=typed_at,
        typed=request.form,
        month=request.form.get("month") or _last_month(),
        last_month=_last_month(),
        per_unit=request.form.get("per_unit") or box().dictionary.whole("sample_per_unit"),
        answers=shown.choices({**RATINGS, **OUTCOMES}),
        names={**RATINGS, **OUTCOMES},
        yes_no=shown.choices(YES_NO),
        unit_names=unit_names(),
    )


def _cases(sample: samples.Sample) -> list[tuple[samples.Drawn, Ticket]]:
    """The cases of a sample, with their tickets as the reader may see them."""
    drawn = samples.cases(box().store, sample.sid)
    tickets = table.select(box().store, "tid IN (SELECT tid FROM sample_case WHERE sid = ?)", sample.sid)
    seen = {ticket.tid: sight.seen(ticket) for ticket in tickets}
    return [(case, seen[case.tid]) for case in drawn]


def _last_month() -> str:
    """The month a sample is drawn of as a rule."""
    first = datetime.date.today().replace(day=1)
    return f"{first - datetime.timedelta(days=1):%Y-%m}"


def _ticket(number: str) -> Ticket:
    ticket = box().tickets.find(number[:40])
    if ticket is None:
        raise Refused("unknown_ticket", "This ticket does not exist.")
    return ticket


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
