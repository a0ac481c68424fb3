"""Dispatch rules on trial: which one would decide, why the others do not, how often each was followed."""

import time
from datetime import datetime

from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext
from msgspec.structs import replace

from appliance.refused import Refused
from appliance.tickets import table
from appliance.tickets.dispatch_rules import KIND, LAST, hits
from appliance.tickets.dispatching import FIELDS
from appliance.tickets.ticket import Ticket
from web import shown
from web.context import box
from web.dictionary import categories, unit_names
from web.pages.settings import side

_DISPATCHED_LAST = (
    "tid IN (SELECT tid FROM ticket_facet WHERE dispatched_s > 0 AND unit <> ''"
    " ORDER BY changed_s DESC LIMIT ?) ORDER BY changed_s DESC"
)

MISFITS = {
    "category": lazy_gettext("another category"),
    "area": lazy_gettext("another area"),
    "kind": lazy_gettext("another kind"),
    "source": lazy_gettext("another source"),
    "urgency": lazy_gettext("another urgency"),
    "time": lazy_gettext("another time of day"),
    "days": lazy_gettext("not on such a day"),
}
EVERY_TICKET = Ticket(b"", "", "ACCEPTED", "phone", 0, b"", b"", 0.0, 0.0, 0.0)
"""What is asked about is a ticket nobody has filed."""

pages = Blueprint("dispatching", __name__, url_prefix="/settings/dispatch")


@pages.get("")
def page() -> str:
    """Show the rules with their hits; with a question, what they answer."""
    desk, asked = box().tickets, {name: request.args.get(name, "")[:64] for name in (*FIELDS, "at")}
    fault, found, explained = "", None, {}
    if any(asked.values()):
        try:
            moment_s = _moment(asked["at"])
            ticket = replace(EVERY_TICKET, **{name: asked[name] for name in FIELDS if asked[name]})
            found = desk.rules.suggestion(ticket, moment_s)
            explained = {rule.key: why for rule, why in desk.rules.explained(ticket, moment_s)}
        except Refused as refused:
            fault = shown.sentence(refused)
    dictionary = box().dictionary
    last = table.select(box().store, _DISPATCHED_LAST, LAST) if "compare" in request.args else []
    return render_template(
        "settings/dispatch.html",
        side=side(),
        rules=dictionary.all(KIND),
        hits=hits(box().store),
        asked=asked,
        tried=any(asked.values()) and not fault,
        fault=fault,
        found=found,
        explained=explained,
        misfits=MISFITS,
        compared=desk.rules.compared(last) if last else None,
        unit_names=unit_names(),
        categories=categories(),
        choices={name: dictionary.all(kind) for name, kind in _LISTS.items()},
    )  # fmt: skip


_LISTS = {"area": "area", "kind": "ticket_kind", "source": "source", "urgency": "urgency"}


def _moment(text: str) -> float:
    if not text:
        return time.time()
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise Refused("bad_date", "Write the time like 2027-03-31T09:30.") from None
