"""Sheets on their way to the printer: PDF and DOCX as answers, and what the ticket page offers to print."""

import logging
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response

from appliance.letters.document import Document
from appliance.letters.docx import docx
from appliance.letters.pdf import NoFont, NotMade, pdf
from appliance.letters.suggestions import WANTED
from appliance.letters.template import Template
from appliance.refused import Refused
from appliance.tickets.ticket import Ticket
from web import access
from web.context import box, me
from web.shown import pick

PDF, DOCX = "pdf", "docx"
TYPES = {
    PDF: "application/pdf",
    DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_NOT_NAMES = re.compile(r"[^\w\u4e00-\u9fff〔〕-]+")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Printable:
    """One line of the print menu."""

    key: str
    title: str
    numbered: bool
    wanted: bool
    """It belongs to the present state of the ticket."""


def printed(document: Document, form: str, mark: str = "") -> Response:
    """Answer with the sheet; a PDF opens in the browser, a DOCX is saved."""
    seal = box().letters.seals.image(document.seal) if document.seal else b""
    if form == DOCX:
        # In a file anybody can edit the seal would be a stamp for other letters.
        data = docx(document, seal if me().has(*access.SEALERS) else b"", mark)
    else:
        try:
            data = pdf(document, seal, mark, [box().places.fonts])
        except NoFont as error:
            _log.error("%s", error)
            raise Refused(
                "not_made",
                "This box has no Chinese font. Have the package fonts-noto-cjk installed,"
                " or put fonts into its folder fonts.",
            ) from None
        except NotMade as error:
            _log.error("no PDF: %s", error)
            raise Refused(
                "not_made", "The sheet could not be printed. Take it as DOCX, and tell your technician."
            ) from None
    answer = Response(data, mimetype=TYPES[form])
    way = "attachment" if form == DOCX else "inline"
    answer.headers["Content-Disposition"] = f"{way}; filename*=UTF-8''{_file_name(document, form)}"
    return answer


def menu(ticket: Ticket) -> list[Printable]:
    """Return what this person may print of a ticket, first what its state wants."""
    wanted = WANTED.get(ticket.state, ())
    found = [
        Printable(t.key, called(t), t.numbered, t.key in wanted) for t in box().letters.menu(me(), ticket)
    ]
    return sorted(found, key=lambda one: not one.wanted)


def letters_of(ticket: Ticket) -> Sequence[Any]:
    """Return the letters of a ticket this person may read."""
    return box().letters.of_ticket(me(), ticket)


def called(template: Template) -> str:
    """Return a template's name in the reader's language."""
    return pick((template.name, template.name_en or template.name))


def _file_name(document: Document, form: str) -> str:
    name = _NOT_NAMES.sub("", document.number or document.title)[:60] or "sheet"
    return urllib.parse.quote(f"{name}.{form}")
