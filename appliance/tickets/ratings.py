"""Ratings citizens give by short message: one digit, for the matter they were last asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.people import CITIZEN
from appliance.refused import Refused
from appliance.tickets import table
from appliance.tickets.fields import RATINGS
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import BAD

if TYPE_CHECKING:
    from appliance.store.store import Store
    from appliance.tickets.desk import TicketDesk

DIGITS = dict(zip("12345", RATINGS, strict=True))
"""1 is best, as the message that asks for it says."""
BY_TEXT = "短信评价"


def rated_by_text(store: Store, desk: TicketDesk, phone: str, text: str) -> Ticket | None:
    """Take a message as the rating it is; None when it is none, or nobody was asked."""
    rating = DIGITS.get(text.strip())
    if rating is None or not phone:
        return None
    waiting = table.select(
        store, "phone = ? AND state IN ('CALLBACK', 'CALLBACK_NA') ORDER BY state_s DESC LIMIT 1", phone
    )
    for ticket in waiting:
        move, fields = "satisfied", {"rating": rating}
        if ticket.state == "CALLBACK_NA":
            move = "rate_or_timeout"
        elif rating in BAD:
            move, fields["reason"] = "dissatisfied", BY_TEXT
        try:
            return desk.move(CITIZEN, ticket.tid, move, fields)
        except Refused:
            return None  # somebody was quicker
    return None
