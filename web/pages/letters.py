"""Letters and slips of tickets: written, previewed, issued with a number, printed again, and the register."""

import secrets
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from appliance.letters import register
from appliance.letters.fields import PLACEHOLDERS
from appliance.letters.template import Template, asked, needed
from appliance.refused import Refused
from appliance.tickets.ticket import Ticket
from web import printing, shown
from web.context import box, me
from web.printing import DOCX, PDF, TYPES
from web.shown import pick

pages = Blueprint("letters", __name__)


@pages.get("/letters")
def page() -> str:
    """Show the register, newest first."""
    text, template = request.args.get("text", "")[:100], request.args.get("template", "")[:40]
    at = request.args.get("page", "1")
    number = int(at) if at.isascii() and at.isdigit() and len(at) < 7 else 1
    return render_template(
        "letters.html",
        found=register.search(box().store, text, template, number),
        asked={"text": text, "template": template},
        templates=[(t.key, printing.called(t)) for t in box().letters.shelf.all().values() if t.numbered],
    )


@pages.get("/tickets/<number>/slips/<key>.<form>")
def slip(number: str, key: str, form: str) -> Response:
    """Print a slip as the facts are now."""
    ticket, template = _wanted(number, key)
    if form not in TYPES or template.numbered:
        raise NotFound
    return printing.printed(box().letters.draft(me(), ticket, template, {}), form)


@pages.get("/tickets/<number>/letters/<key>")
def compose(number: str, key: str) -> str:
    """Show the form of a letter with its sheet beside it."""
    ticket, template = _wanted(number, key)
    return _form(ticket, template, box().letters.suggested(me(), ticket, template))


@pages.post("/tickets/<number>/letters/<key>")
def written(number: str, key: str) -> AnyResponse | str | tuple[str, int]:
    """Show the sheet again with what was written, print a preview of it, or issue it."""
    ticket, template = _wanted(number, key)
    typed = {name: request.form.get(name, "") for name in asked(template)}
    do, once = request.form.get("do", ""), request.form.get("once", "")[:40]
    try:
        if do == "issue":
            letter = box().letters.issue(me(), ticket, key, typed, once)
            flash(gettext("Issued as %(number)s.", number=letter.number), "good")
            return redirect(url_for("letters.one", lid=letter.lid.hex()))
        document = box().letters.draft(me(), ticket, template, typed)
    except Refused as refused:
        return _form(ticket, template, typed, shown.sentence(refused), once), 422
    if do in (PDF, DOCX):
        return printing.printed(document, do, "preview")
    return _form(ticket, template, typed, once=once)


@pages.get("/letters/<lid>")
def one(lid: str) -> str:
    """Show a letter as it was issued."""
    letter, document = box().letters.opened(me(), _id(lid))
    unsealed = bool(document.seal) and not box().letters.seals.image(document.seal)
    return render_template("letter.html", letter=letter, document=document, unsealed=unsealed, fault="")


@pages.get("/letters/<lid>/print.<form>")
def file(lid: str, form: str) -> Response:
    """Print a letter again: what it says is what was issued."""
    if form not in TYPES:
        raise NotFound
    letter, document = box().letters.opened(me(), _id(lid))
    return printing.printed(document, form, "void" if letter.voided_s is not None else "")


@pages.post("/letters/<lid>/void")
def void(lid: str) -> AnyResponse:
    """Declare a letter void."""
    letter = box().letters.void(me(), _id(lid), request.form.get("reason", ""))
    flash(gettext("%(number)s is void.", number=letter.number), "good")
    return redirect(url_for("letters.one", lid=lid))


def _form(ticket: Ticket, template: Template, typed: dict[str, str], fault: str = "", once: str = "") -> str:
    office = box().letters
    kept = {name: text[: PLACEHOLDERS[name].limit] for name, text in typed.items()}
    return render_template(
        "letter_write.html",
        ticket=ticket,
        template=template,
        title=printing.called(template),
        inputs=[_input(name, typed.get(name, ""), name in needed(template)) for name in asked(template)],
        document=office.draft(me(), ticket, template, kept),
        once=once or secrets.token_urlsafe(12),
        fault=fault,
    )


def _input(name: str, value: str, must: bool) -> dict[str, Any]:
    """One field as part/input.html draws it."""
    place = PLACEHOLDERS[name]
    return {
        "name": name,
        "title": pick((place.zh, place.en)),
        "needed": must,
        "value": value,
        "choices": None,
        "lines": place.lines,
        "limit": place.limit,
    }


def _wanted(number: str, key: str) -> tuple[Ticket, Template]:
    ticket = box().tickets.find(number[:40])
    if ticket is None:
        raise Refused("unknown_ticket", "This ticket does not exist.")
    if not box().tickets.may_see(me(), ticket):
        raise Refused("other_unit", "This ticket belongs to another unit.")
    return ticket, box().letters.template(me(), ticket, key[:40])


def _id(lid: str) -> bytes:
    try:
        found = bytes.fromhex(lid)
    except ValueError:
        raise NotFound from None
    if len(found) != 16:
        raise NotFound
    return found
