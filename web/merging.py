"""What a ticket could be merged into: likely the same matter, or open for the same citizen."""

from typing import Any

from flask_babel import gettext

from appliance.tickets import alike
from appliance.tickets.alike_keys import matter_of
from appliance.tickets.duplicates import REASONS
from appliance.tickets.ticket import Ticket
from web import intake_form, shown, sight
from web.context import box, me

SHOWN = 6


def candidates(ticket: Ticket) -> list[dict[str, Any]]:
    """Return open tickets to pick from, the likeliest first, each with why it is shown."""
    store, desk = box().store, box().tickets
    found = {
        one.ticket.tid: (one.ticket, _why(one))
        for one in alike.find(store, matter_of(ticket), ticket.tid, SHOWN)
        if alike.takes_in(one.ticket)
    }
    if sight.sees(ticket):
        for other in alike.of_citizen(store, ticket, SHOWN):
            found.setdefault(other.tid, (other, gettext("same citizen")))
    return [
        {**intake_form.brief(sight.seen_in_list(other)), "why": why}
        for other, why in found.values()
        if desk.may_see(me(), other)
    ][:SHOWN]


def _why(one: alike.Alike) -> str:
    reasons = [str(shown.pick(REASONS[reason.kind])) for reason in one.likeness.reasons]
    return f"{one.likeness.score} · {gettext(', ').join(reasons)}"
