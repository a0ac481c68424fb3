"""Ratings citizens give by themselves: a digit in a short message, a key in a call, a page behind a link."""

from __future__ import annotations

from base64 import b32decode, b32encode
from hashlib import blake2b
from typing import TYPE_CHECKING

from appliance.events import Event
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
BY_TEXT, BY_KEY, BY_PAGE = "短信评价", "按键评价", "网页评价"
ASKED = ("CALLBACK", "CALLBACK_NA")
"""States in which the citizen is asked; the first answer, by whatever way, is the one of its round."""
_PLACE_BYTES, _PROOF_BYTES = 8, 5
CODE_LETTERS = 21
_NOTED = "SELECT eid, subject, kind, ver, body FROM event WHERE eid > ? AND kind = 'ticket.noted'"
"""A call made for a ticket is noted there after it began."""


def rated_by_text(store: Store, desk: TicketDesk, phone: str, text: str) -> Ticket | None:
    """Take a message as the rating it is; None when it is none, or nobody was asked."""
    rating = DIGITS.get(text.strip())
    if rating is None or not phone:
        return None
    waiting = table.select(
        store, "phone = ? AND state IN ('CALLBACK', 'CALLBACK_NA') ORDER BY state_s DESC LIMIT 1", phone
    )
    return _first(desk, waiting, rating, BY_TEXT)


def rated_by_key(store: Store, desk: TicketDesk, rated: Event) -> Ticket | None:
    """Take a key pressed in a call (call.rated) as the rating of the ticket the call was made for, if any."""
    value, of = int(rated.facts["value"]), int(rated.facts["of"])
    if of != len(RATINGS) or not 1 <= value <= of:
        return None
    noted = [Event(*row) for row in store.rows(_NOTED, rated.subject)]
    tids = {event.subject for event in noted if event.facts.get("call") == rated.subject.hex()}
    tickets = [ticket for tid in sorted(tids) if (ticket := desk.find(tid))]
    return _first(desk, tickets, list(RATINGS)[of - value], BY_KEY)


def rate(desk: TicketDesk, ticket: Ticket, rating: str, how: str, **more: object) -> Ticket:
    """Close a ticket, or have it looked at again, as its citizen rates it; raises Refused."""
    fields: dict[str, object] = {"rating": rating}
    move = "satisfied"
    if ticket.state == "CALLBACK_NA":
        move = "rate_or_timeout"
    elif rating in BAD:
        move, fields = "dissatisfied", {**fields, **more, "reason": str(more.get("reason") or how)}
    return desk.move(CITIZEN, ticket.tid, move, fields, seen=ticket.last_eid)


def code_of(ticket: Ticket) -> str:
    """The code by which a citizen rates a ticket in its present round, on every box that has the ticket.

    It cannot be guessed from outside: it rests on the 48 random bits of the ticket's id.
    """
    code = ticket.tid[:_PLACE_BYTES] + _proof(ticket)
    return b32encode(code).decode().rstrip("=")


def coded(store: Store, code: str) -> Ticket | None:
    """The ticket a code is for; None when it is for none, or for a round that is over."""
    try:
        found = b32decode(code.upper() + "=" * (-CODE_LETTERS % 8))
    except ValueError:
        return None
    place, proof = found[:_PLACE_BYTES], found[_PLACE_BYTES:]
    near = table.select(store, "tid >= ? AND tid <= ?", place, place + b"\xff" * 8)
    return next((ticket for ticket in near if _proof(ticket) == proof), None)


def _proof(ticket: Ticket) -> bytes:
    told = ticket.tid + ticket.round.to_bytes(4, "big")
    return blake2b(told, digest_size=_PROOF_BYTES, person=b"rating").digest()


def _first(desk: TicketDesk, tickets: list[Ticket], rating: str, how: str) -> Ticket | None:
    for ticket in tickets:
        if ticket.state in ASKED:
            try:
                return rate(desk, ticket, rating, how)
            except Refused:
                return None  # somebody was quicker
    return None
