"""Letters and slips of a ticket over the API: listed, printed, issued, declared void."""

from typing import Annotated, Literal

import msgspec
from flask import Response
from msgspec import Meta
from werkzeug.exceptions import NotFound

from appliance.letters.register import Letter
from appliance.letters.template import Template as Sheet
from appliance.tickets.ticket import Ticket
from web import printing
from web.api import shapes, sight
from web.api.door import check_scope
from web.api.endpoint import Answer, Sound, Strict
from web.context import box, me
from web.printing import TYPES

SHEET = Sound(tuple(TYPES.values()))
REASON_MAX = 200
Text = Annotated[str, Meta(max_length=4000)]
Key = Annotated[str, Meta(min_length=1, max_length=40)]


class LetterTold(Answer, frozen=True):
    """A letter issued."""

    id: str
    number: str
    ticket: str
    template: str
    called: str
    title: str
    recipient: str
    sha256: str
    issued_at: shapes.At
    by: str
    void_at: shapes.At | None
    void_why: str


class Template(Answer, frozen=True):
    """A sheet that may be printed or issued."""

    template: str
    title: str
    numbered: bool
    """It is a letter: issued under a number; others are slips, printed as things are."""
    fields: dict[str, str]
    """What its clerk is asked, with what is known already."""


class Letters(Answer, frozen=True):
    """The letters of a ticket, and the sheets there are for it."""

    letters: list[LetterTold]
    templates: list[Template]


class Issue(Strict, frozen=True):
    """A letter to issue: its template, and what its clerk is asked."""

    template: Key
    fields: dict[Key, Text] = msgspec.field(default_factory=dict)


class Void(Strict, frozen=True):
    """Why a letter is void."""

    reason: Annotated[str, Meta(min_length=1, max_length=REASON_MAX)]


Form = Literal["pdf", "docx"]


def of_ticket(number: str) -> Letters:
    """Tell the letters of a ticket."""
    ticket = sight.ticket(number)
    return Letters(
        [_told(letter) for letter in box().letters.of_ticket(me(), ticket)],
        [
            Template(sheet.key, printing.called(sheet), sheet.numbered, _asked(ticket, sheet))
            for sheet in box().letters.menu(me(), ticket)
        ],
    )


def issue(number: str, body: Issue) -> LetterTold:
    """Issue a letter."""
    return _told(box().letters.issue(me(), sight.ticket(number), body.template, body.fields))


def slip(number: str, template: str, form: str) -> Response:
    """Print a slip as things are now; it names the citizen."""
    check_scope("citizens:read")
    ticket = sight.ticket(number)
    sheet = box().letters.template(me(), ticket, template)
    if form not in TYPES or sheet.numbered:
        raise NotFound
    return printing.printed(box().letters.draft(me(), ticket, sheet, {}), form)


def sheet(letter: str, form: str) -> Response:
    """Print a letter as it was issued; it names the citizen."""
    check_scope("citizens:read")
    if form not in TYPES:
        raise NotFound
    found, document = box().letters.opened(me(), _id(letter))
    return printing.printed(document, form, "void" if found.voided_s is not None else "")


def void(letter: str, body: Void) -> LetterTold:
    """Declare a letter void."""
    return _told(box().letters.void(me(), _id(letter), body.reason))


def _asked(ticket: Ticket, sheet: Sheet) -> dict[str, str]:
    known = box().letters.suggested(me(), ticket, sheet)
    return known if sight.knows_citizens() else dict.fromkeys(known, "")


def _id(text: str) -> bytes:
    if not shapes.ID.fullmatch(text):
        raise NotFound
    return bytes.fromhex(text)


def _told(letter: Letter) -> LetterTold:
    return LetterTold(
        letter.lid.hex(),
        letter.number,
        letter.ticket_number,
        letter.template,
        letter.called,
        letter.title,
        letter.recipient,
        letter.sha256,
        shapes.sure(letter.at_s),
        letter.by,
        shapes.at(letter.voided_s),
        letter.voided_why,
    )
