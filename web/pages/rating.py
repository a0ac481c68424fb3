"""The page where citizens say how their matter was handled, behind the link they were sent."""

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.refused import Refused
from appliance.tickets import ratings
from appliance.tickets.fields import FIELDS, RATINGS, SOLVED, YES_NO
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import BAD
from web import maintained, shown
from web.api.door import client_address
from web.api.rate import Rate
from web.context import box

A_MINUTE = 30
"""Pages of one address."""
ASKED = ("rating", "contacted", "solved")
ASKED_WHY = ("why", "reason")

pages = Blueprint("rating", __name__, url_prefix="/rate")


@pages.before_request
def not_too_often() -> None:
    """Nobody tries codes one after another."""
    rate: Rate = current_app.extensions.setdefault("rating", Rate(A_MINUTE))
    if rate.wait_s(client_address()):
        abort(429)


@pages.get("/<code>")
def page(code: str) -> tuple[str, int]:
    """Ask how it was, or say that it was told."""
    return _page(ratings.coded(box().store, code))


@pages.post("/<code>")
def rated(code: str) -> Response | tuple[str, int]:
    """Take the one answer of this round."""
    ticket = ratings.coded(box().store, code)
    if ticket is None or ticket.state not in ratings.ASKED:
        return _page(ticket)
    bad = request.form.get("rating", "") in BAD
    names = ASKED + (ASKED_WHY if bad else ())
    typed = {name: said for name in names if (said := request.form.get(name, "").strip())}
    if typed.get("rating") not in RATINGS:
        return _page(ticket, gettext("Choose how satisfied you are."), typed)
    more = {name: said for name, said in typed.items() if name != "rating"}
    try:
        ratings.rate(box().tickets, ticket, typed["rating"], ratings.BY_PAGE, **more)
    except Refused as refused:
        return _page(box().tickets.get(ticket.tid), shown.sentence(refused), typed)
    return redirect(url_for("rating.page", code=code), 303)


def _page(ticket: Ticket | None, fault: str = "", typed: dict[str, str] | None = None) -> tuple[str, int]:
    asked = ticket is not None and ticket.state in ratings.ASKED
    text = render_template(
        "rate.html",
        ticket=ticket,
        asked=asked,
        fault=fault,
        typed=typed or {},
        ratings=shown.choices(RATINGS),
        said=shown.choices({ticket.rating: RATINGS[ticket.rating]}) if ticket and ticket.rating else [],
        questions=[
            ("contacted", shown.choices(YES_NO)),
            ("solved", shown.choices(SOLVED)),
        ],
        whys=shown.choices(maintained.words_of("why") or {}),
        bad=BAD,
        most=FIELDS["reason"].limit,
    )
    return text, 404 if ticket is None else 422 if fault else 200
