"""The same matter again, and what is confidential: found, counted, linked, looked at, blanked."""

import time
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import Meta

from appliance.tickets import alike, attachments, confidential, redaction, repeats
from appliance.tickets.alike_keys import matter_of
from appliance.tickets.duplicates import REASONS, Matter
from appliance.tickets.fields import FIELDS, OUTCOMES
from appliance.tickets.marks import REDACTABLE
from web import shown
from web.api import shapes, sight
from web.api.door import check_scope
from web.api.endpoint import Answer, Strict
from web.api.tickets import told
from web.context import box, me

if TYPE_CHECKING:
    Blankable: TypeAlias = str
    Outcome: TypeAlias = str
else:
    Blankable = Literal[REDACTABLE]
    Outcome = Literal[tuple(OUTCOMES)]
Reason = Annotated[str, Meta(min_length=1, max_length=FIELDS["reason"].limit)]
Text = Annotated[str, Meta(max_length=FIELDS["text"].limit)]


class MatterAsked(Strict, frozen=True):
    """A matter that may be there already."""

    phone: Annotated[str, Meta(max_length=32)] = ""
    area: Annotated[str, Meta(max_length=60)] = ""
    address: Annotated[str, Meta(max_length=200)] = ""
    title: Annotated[str, Meta(max_length=120)] = ""
    content: Annotated[str, Meta(max_length=4000)] = ""
    category: Annotated[str, Meta(max_length=32)] = ""


class Why(Answer, frozen=True):
    """A reason why two look alike, and its points."""

    kind: str
    title: str
    points: int


class Alike(Answer, frozen=True):
    """A ticket that may be the same matter; the score is the sum of the reasons."""

    score: int
    reasons: list[Why]
    ticket: shapes.Ticket


class Duplicates(Answer, frozen=True):
    """Tickets that may be the same matter, the likeliest first."""

    alike: list[Alike]


class Said(Strict, frozen=True):
    """What was said when the matter was brought again."""

    text: Text = ""


class Other(Strict, frozen=True):
    """Another ticket to link, or to take the link from."""

    ticket: Annotated[str, Meta(min_length=1, max_length=40)]
    off: bool = False


class Because(Strict, frozen=True):
    """Why somebody looks at what is confidential; it is written down."""

    reason: Reason


class Blank(Strict, frozen=True):
    """What is blanked for good in all that is shown, and why."""

    reason: Reason
    fields: Annotated[tuple[Blankable, ...], Meta(max_length=len(REDACTABLE))] = ()
    events: Annotated[tuple[shapes.Id, ...], Meta(max_length=redaction.EVENTS_MAX)] = ()


class Tried(Strict, frozen=True):
    """An attempt that did not reach the citizen."""

    outcome: Outcome
    text: Text = ""


def duplicates(body: MatterAsked) -> Duplicates:
    """Find tickets that may be this matter."""
    if body.phone:
        check_scope("citizens:read")
    matter = Matter(body.phone, body.area, body.address, body.title, body.content, body.category, time.time())
    return _alike(alike.find(box().store, matter))


def duplicates_of(number: str) -> Duplicates:
    """Find tickets that may be the same matter as this one."""
    ticket = sight.ticket(number)
    return _alike(alike.find(box().store, matter_of(ticket), without=ticket.tid))


def again(number: str, body: Said) -> shapes.Ticket:
    """Count that the matter was brought again."""
    return told(box().tickets.again(me(), sight.ticket(number).tid, body.text))


def link(number: str, body: Other) -> shapes.Ticket:
    """Link another ticket, or take the link back."""
    ticket, other = sight.ticket(number), sight.ticket(body.ticket)
    repeats.link(box().store, me(), ticket.tid, other.tid, off=body.off)
    return told(box().tickets.get(ticket.tid))


def unmask(number: str, body: Because) -> shapes.Ticket:
    """Look at what is confidential; it is written down, and lasts half an hour."""
    check_scope("citizens:read")
    ticket = sight.ticket(number)
    confidential.unmask(box().store, me(), ticket.tid, body.reason)
    return told(box().tickets.get(ticket.tid))


def redact(number: str, body: Blank) -> shapes.Ticket:
    """Blank personal data in all that is shown."""
    ticket = sight.ticket(number)
    events = [bytes.fromhex(event) for event in body.events]
    redaction.redact(box().store, me(), ticket.tid, dict.fromkeys(body.fields, ""), body.reason, events)
    attachments.erase(box().store, box().blobs, ticket.tid)
    return told(box().tickets.get(ticket.tid))


def visit(number: str, body: Tried) -> shapes.Ticket:
    """Write down an attempt to reach the citizen."""
    return told(box().tickets.visit(me(), sight.ticket(number).tid, body.outcome, body.text))


def _alike(found: list[alike.Alike]) -> Duplicates:
    return Duplicates(
        [
            Alike(
                one.likeness.score,
                [Why(r.kind, shown.pick(REASONS[r.kind]), r.points) for r in one.likeness.reasons],
                told(one.ticket),
            )
            for one in found
            if sight.may_see(one.ticket)
        ]
    )
