"""Files of a ticket over the API; the bytes come in Base64, for JSON holds no others."""

from typing import Annotated

from flask import Response
from msgspec import Meta

from appliance.refused import Refused
from appliance.tickets import attachments
from appliance.tickets.attachments import BYTES_MOST, NAME_MAX
from appliance.tickets.fields import FIELDS
from appliance.tickets.file_kinds import BY_TYPE
from appliance.tickets.ticket import Ticket
from web import attaching
from web.api import shapes, sight
from web.api.endpoint import Answer, Sound, Strict
from web.context import box

FILE = Sound(tuple(BY_TYPE))


class FileBrought(Strict, frozen=True):
    """A file to be added: its kind is told by its content."""

    name: Annotated[str, Meta(min_length=1, max_length=2 * NAME_MAX)]
    data: Annotated[bytes, Meta(min_length=1, max_length=BYTES_MOST)]
    """Base64."""
    note: Annotated[str, Meta(max_length=FIELDS["text"].limit)] = ""


class TicketFile(Answer, frozen=True):
    """What is known of a file; its bytes are at /tickets/{number}/files/{id}."""

    id: shapes.Id
    name: str
    kind: str
    """Its media type."""
    size: int
    sha256: str
    site: int
    """Where it was added."""
    at: shapes.At
    by: str
    note: str


class TicketFiles(Answer, frozen=True):
    """The files of a ticket, oldest first."""

    files: list[TicketFile]


def all_of(number: str) -> TicketFiles:
    """List the files of a ticket."""
    ticket = _ticket(number)
    found = attachments.of_ticket(box().store, ticket.tid)
    return TicketFiles(
        [
            TicketFile(
                *(one.aid.hex(), one.name, one.kind, one.size, one.sha256, one.site),
                *(shapes.sure(one.at_s), one.by, one.note),
            )
            for one in found
        ]
    )


def attach(number: str, body: FileBrought) -> TicketFiles:
    """Add a file; the same one added again stays one."""
    ticket = sight.ticket(number)
    attaching.add(ticket, body.name, body.data, body.note)
    return all_of(number) if sight.may_see_citizen(ticket) else TicketFiles([])


def one(number: str, file: str) -> Response:
    """Give the bytes of a file; one at another box is fetched first, and refused meanwhile."""
    ticket = _ticket(number)
    try:
        found = attachments.one(box().store, ticket.tid, bytes.fromhex(file))
    except ValueError:
        raise Refused("unknown_file", "This ticket has no such file.") from None
    return attaching.given(found, inline=False)


def _ticket(number: str) -> Ticket:
    """A ticket of which the asker may see whose it is, for files show that too."""
    ticket = sight.ticket(number)
    if not sight.may_see_citizen(ticket):
        raise Refused("other_unit", "This file belongs to a ticket whose citizen you may not see.")
    return ticket
