"""Files of a ticket: added on its page, looked at and taken away; one that is at another box is fetched."""

from flask import Blueprint, Response, flash, jsonify, redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from appliance.refused import Refused
from appliance.tickets import attachments
from appliance.tickets.attachments import Attached
from web import attaching, elsewhere, sight
from web.context import box, wants_json
from web.elsewhere import Standing
from web.pages.tickets import again, ticket_by_number

pages = Blueprint("files", __name__, url_prefix="/tickets")


@pages.post("/<number>/files")
def add(number: str) -> AnyResponse | tuple[str, int]:
    """Add files to a ticket."""
    ticket = ticket_by_number(number)
    note = request.form.get("text", "")
    try:
        added = attaching.keep(ticket, request.files.getlist("file"), note)
        if not added:
            raise Refused("missing", "Choose a file that is not empty.")
    except Refused as refused:
        if wants_json():
            raise
        return again(ticket, refused, "attach", {"text": note})
    if wants_json():
        return jsonify(added=added)
    flash(gettext("%(count)s files added.", count=added), "good")
    return redirect(url_for("tickets.one", number=ticket.number) + "#files")


@pages.get("/<number>/files/<aid>")
def one(number: str, aid: str) -> Response:
    """Give a file: images to look at, all else to be saved."""
    return attaching.given(_file(number, aid), inline="download" not in request.args)


@pages.get("/<number>/files/<aid>/way")
def way(number: str, aid: str) -> Response:
    """Tell whether a file that was asked for is here by now, and how far it has come."""
    file = _file(number, aid)
    here = box().blobs.has(file.sha256)
    standing = Standing(True, 100, "") if here else elsewhere.standing(elsewhere.of_file(file))
    return jsonify(here=standing.here, percent=standing.percent, sentence=standing.sentence)


def _file(number: str, aid: str) -> Attached:
    """A file the reader may open; raises Refused, NotFound."""
    ticket = ticket_by_number(number)
    try:
        file = attachments.one(box().store, ticket.tid, bytes.fromhex(aid))
    except ValueError:
        raise NotFound from None
    if not sight.sees(ticket):
        raise Refused("other_unit", "This file belongs to a confidential ticket.")
    return file
