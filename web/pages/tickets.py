"""Tickets: the working lists, one ticket with its story, and every step of the workflow as a button."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.calls import wire
from appliance.casefile.binding import bound_of
from appliance.refused import Refused
from appliance.tickets import attachments
from appliance.tickets.exporting import EXPORTED
from appliance.tickets.fields import FIELDS
from appliance.tickets.finder import Found
from appliance.tickets.finding import FLAGS
from appliance.tickets.messages import NUMBER, TEXT
from appliance.tickets.rights import UNIT_SEES
from appliance.tickets.ticket import Ticket
from appliance.tickets.timeline import DUE, PAPER, WHY, Step
from appliance.tickets.workflow import LISTS, STATES, states_in
from web import (
    access,
    attaching,
    beside,
    due_shown,
    elsewhere,
    merging,
    orders,
    printing,
    seat,
    shown,
    sight,
    views,
)
from web.context import box, may_open, me
from web.customer import customer_numbers
from web.dictionary import categories, category_names, unit_names
from web.finding_form import TIMES, asked_for, only_unit, to_do
from web.finding_words import choices, further, title_of
from web.hearing import may_hear
from web.move_form import edit_inputs, edited_fields, inputs, typed_fields
from web.ticket_beside import context, states_of_masters

LEAST = ("sign", "accept", "dispatch", "submit_result", "pass", "satisfied", "reply", "resume", "submit")
"""Steps that carry a ticket on: their buttons come first and are filled."""
BACKWARD = frozenset(
    {"refuse", "request_return", "withdraw", "discard", "rework", "rework_self", "dissatisfied", "recall"}
)
DUE_EN, WHY_EN = dict(DUE.values()), dict(WHY.values())

pages = Blueprint("tickets", __name__, url_prefix="/tickets")


@pages.get("")
def page() -> str | tuple[str, int]:
    """Show a working list, or what was searched for; a day that is none is told, and nothing is found."""
    person, desk = me(), box().tickets
    unit = only_unit(person)
    asked = asked_for(request.args, person)
    found = Found([], 0, False)
    if not asked.faults:
        found = desk.finder.find(asked.query, request.args.get("at", "")[:60])
    found = replace(found, tickets=[sight.seen_in_list(ticket) for ticket in found.tickets])
    counts = desk.counts(unit or "") | desk.due_counts(unit or "")
    doing = to_do(person)
    counts["to_do"] = sum(counts[state] for state in doing)
    counts["all"] = sum(counts[state] for state in (UNIT_SEES if unit is not None else STATES))
    shown_page = render_template(
        "tickets.html",
        found=found,
        asked=asked,
        faults={name: shown.sentence(refused) for name, refused in asked.faults.items()},
        further=further(asked),
        flags=FLAGS,
        title_of=title_of,
        counts=counts,
        lists=[("to_do", gettext("To do"))] * bool(doing)
        + [(name, shown.list_title(name)) for name in _lists(unit)],
        choices=choices(),
        times=TIMES,
        unit_names=unit_names(),
        category_names=category_names(),
        may_see_phone=lambda ticket: not ticket.confidential,
        masters=states_of_masters({ticket.tid: ticket for ticket in found.tickets}),
        unit=unit,
        may_batch=may_open("batch.page"),
        views=views.of(person),
        groups=views.groups_of(person),
        may_export=access.allowed("finding.export", person.roles),
        export_most=EXPORTED,
        due_choices=due_shown.CHOICES,
        due_marks=due_shown.marks(found.tickets, unit),
    )
    return (shown_page, 422) if asked.faults else shown_page


@pages.get("/<number>")
def one(number: str) -> str:
    """Show one ticket."""
    return _show(ticket_by_number(number))


@pages.post("/<number>/move")
def move(number: str) -> Response | tuple[str, int]:
    """Make a step; when it is refused the page comes back as it now is, with what was typed."""
    ticket = ticket_by_number(number)
    name = request.form.get("move", "")
    typed = typed_fields()
    try:
        attaching.keep(ticket, request.files.getlist("file"))
        moved = box().tickets.move(me(), ticket.tid, name, typed, seen=_seen())
    except Refused as refused:
        return again(ticket, refused, name, typed)
    flash(gettext("Done. The ticket is now: %(state)s.", state=shown.state_title(moved.state)), "good")
    if not box().tickets.may_see(me(), moved):
        return redirect(url_for("tickets.page"))
    return redirect(url_for("tickets.one", number=moved.number))


@pages.post("/<number>/edit")
def edit(number: str) -> Response | tuple[str, int]:
    """Change what was registered."""
    ticket = ticket_by_number(number)
    changes = edited_fields()
    hidden = sight.hidden(ticket)
    changes = {name: value for name, value in changes.items() if name not in hidden}
    try:
        box().tickets.edit(me(), ticket.tid, changes, seen=_seen())
    except Refused as refused:
        return again(ticket, refused, "edit", changes)
    flash(gettext("Saved."), "good")
    return redirect(url_for("tickets.one", number=ticket.number))


@pages.post("/<number>/note")
def note(number: str) -> Response | tuple[str, int]:
    """Add a remark to the story."""
    ticket = ticket_by_number(number)
    text = request.form.get("text", "")
    try:
        box().tickets.note(me(), ticket.tid, text)
    except Refused as refused:
        return again(ticket, refused, "note", {"text": text})
    return redirect(url_for("tickets.one", number=ticket.number) + "#story")


@pages.post("/<number>/call")
def call(number: str) -> dict[str, Any]:
    """Call the ticket's citizen from my phone, one known number after another, and tell it in the story."""
    ticket = ticket_by_number(number)
    numbers = customer_numbers(ticket.phone, ticket.call)
    if not numbers:
        raise Refused("bad_number", str(shown.CALL_REASONS["bad_number"]))
    done = orders.carry_out(wire.Dial(me().number, numbers[0], tuple(numbers[1:])))
    box().tickets.note(me(), ticket.tid, gettext("Called the citizen."), str(done.get("cid", "")))
    return done


def ticket_by_number(number: str) -> Ticket:
    """Return a ticket the reader may see; raises Refused."""
    ticket = box().tickets.find(number[:40])
    if ticket is None:
        raise Refused("unknown_ticket", "This ticket does not exist.")
    if not box().tickets.may_see(me(), ticket):
        raise Refused("other_unit", "This ticket belongs to another unit.")
    return ticket


def _show(ticket: Ticket, fault: str = "", opened: str = "", typed: dict[str, Any] | None = None) -> str:
    person, desk = me(), box().tickets
    buttons = sorted(desk.buttons(person, ticket), key=lambda m: (m.name not in LEAST, m.name in BACKWARD))
    typed = typed or {}
    sources = _sources(ticket)
    beside_cards = beside.cards(person, ticket, opened, typed)
    seen_beside = {card.strand.sid.hex() for card in beside_cards}
    files = attachments.of_ticket(box().store, ticket.tid) if sight.sees(ticket) else []
    return render_template(
        "ticket.html",
        ticket=sight.seen(ticket),
        state=STATES[ticket.state],
        buttons=[
            (m, shown.pick((m.zh, m.en)), inputs(m, ticket, typed if opened == m.name else {}))
            for m in buttons
        ],
        main=next((m.name for m in buttons if m.name in LEAST), ""),
        backward=BACKWARD,
        merge_into=merging.candidates(ticket) if any(m.name == "merge" for m in buttons) else [],
        may_edit=desk.may_edit(person, ticket),
        edit=edit_inputs(ticket, typed if opened == "edit" else {}, sight.hidden(ticket)),
        typed=typed,
        fault=fault,
        opened=opened,
        steps=[
            (step, sight.words(step_words(step), ticket))
            for step in reversed(desk.timeline(ticket.tid))
            if (step.what not in ("talk", PAPER) or only_unit(person) is None)
            and (not step.beside or step.ref in seen_beside)
        ],
        beside=beside_cards,
        openings=beside.openings(person, ticket, opened, typed),
        recordings=sources["recordings"],
        message=sources["message"],
        call=sources["call"],
        unit_names=unit_names(),
        category=category_names().get(ticket.category, ticket.category),
        categories=categories() if desk.may_edit(person, ticket) else [],
        **context(ticket, typed),
        may_call=may_open("tickets.call") and (person.has(*access.AGENTS) or seat.mine() is not None),
        masked=shown.masked,
        due=due_shown.clocks(ticket),
        printables=printing.menu(ticket),
        letters=printing.letters_of(ticket),
        bound=bound_of(box().store, ticket.tid),
        files=files,
        coming={file.aid: words for file in files if file.is_image and (words := elsewhere.coming(file))},
        file_most=attachments.BYTES_MOST // 1024**2,
    )


def again(ticket: Ticket, refused: Refused, opened: str, typed: dict[str, Any]) -> tuple[str, int]:
    """Show the ticket as it is now with the form that was refused, and all that was typed in it."""
    fresh = box().tickets.find(ticket.tid) or ticket
    status = (
        409
        if refused.word in ("changed", "not_now")
        else 403
        if refused.word in ("not_yours", "other_unit")
        else 422
    )
    return _show(fresh, shown.sentence(refused), opened, typed), status


def _sources(ticket: Ticket) -> dict[str, Any]:
    """What the ticket came from: the call with its recordings, or the short message."""
    store = box().store
    call = None
    calls = box().tickets.calls_of(ticket)
    marks = ",".join("?" * len(calls))
    rows = store.rows(
        "SELECT r.rid, r.kind, r.seconds, r.made_s, coalesce(c.agent, '') FROM recording r"
        f" LEFT JOIN call c ON c.cid = r.call WHERE (r.call IN ({marks}) OR r.ticket = ?)"
        " AND r.removed_s IS NULL ORDER BY r.made_s",
        *(*calls, ticket.tid),
    )
    recordings = [
        {"url": url_for("recordings.sound", rid=bytes(r).hex()), "kind": kind, "seconds": s, "made_s": at}
        for r, kind, s, at, agent in rows
        if may_hear(me(), ticket.confidential, agent)
    ]
    if ticket.call:
        found = store.rows(
            "SELECT caller, agent, started_s, answered_s, ended_s, outcome FROM call WHERE cid = ?",
            ticket.call,
        )
        call = found[0] if found else None
    messages = store.rows(
        f"SELECT {NUMBER}, {TEXT}, at_s FROM short_message WHERE ticket = ? AND direction = 'in'"
        " ORDER BY at_s LIMIT 1",
        ticket.tid,
    )
    return {"recordings": recordings, "call": call, "message": messages[0] if messages else None}


def step_words(step: Step) -> str:
    """Write a step's details in the reader's language."""
    if step.what in ("call", "recording"):
        return " ".join(str(shown.OUTCOMES.get(word, word)) for word in step.text.split(" "))
    text = "\n".join(_unit_named(line) for line in step.text.split("\n"))
    return text if shown.pick(("zh", "en")) == "zh" else _english(text)


def _unit_named(line: str) -> str:
    """Write a unit's name where the log has its code."""
    label, mark, code = line.partition("：")
    return f"{label}{mark}{unit_names().get(code, code)}" if label == FIELDS["unit"].zh else line


def _english(text: str) -> str:
    return "\n".join(_english_line(line) for line in text.split("\n"))


def _english_line(line: str) -> str:
    label, mark, value = line.partition("：")
    field = next((field for field in FIELDS.values() if field.zh == label), None)
    if not mark or field is None:
        return f"{DUE_EN[label]}: {WHY_EN.get(value, value)}" if mark and label in DUE_EN else line
    words = dict((field.choices or {}).values())
    return f"{field.en}: {words.get(value, value)}"


def _lists(unit: str | None) -> tuple[str, ...]:
    return tuple(
        name for name in LISTS if unit is None or any(state in UNIT_SEES for state in states_in(name))
    )


def _seen() -> bytes | None:
    try:
        return bytes.fromhex(request.form.get("seen", "")) or None
    except ValueError:
        return None
