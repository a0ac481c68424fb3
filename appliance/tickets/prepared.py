"""Tickets folded and made ready to be written: pure work, which another process can do meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import astuple

from appliance.events import Event
from appliance.tickets import alike_keys, facets
from appliance.tickets.bodies import body_of
from appliance.tickets.ticket import Ticket, fold

Told = tuple[bytes, bytes, str, int, bytes]
"""An event as it travels: id, subject, kind, version, body."""
Aside = tuple[bytes, str]
"""An event that cannot be folded, and why."""


class Prepared(NamedTuple):
    """A ticket with all rows that are written of it; its place, and other units' parts, come later."""

    tid: bytes
    values: tuple[Any, ...]
    row: tuple[Any, ...]
    text: tuple[str, str, str]
    alike: alike_keys.Kept

    @property
    def ticket(self) -> Ticket:
        """The ticket itself."""
        return Ticket(*self.values)


def prepare(tickets: Sequence[Ticket]) -> list[Prepared]:
    """Make tickets ready."""
    found = zip(tickets, facets.texts(tickets), alike_keys.kept_under(tickets), strict=True)
    return [
        Prepared(ticket.tid, astuple(ticket), facets.row(ticket, 0, ""), text, alike)
        for ticket, text, alike in found
    ]


def folded(histories: Sequence[Sequence[Told]]) -> tuple[list[Prepared | None], list[Aside]]:
    """Fold the events of some tickets, each ticket's in order; None where there is no ticket."""
    aside: list[Aside] = []
    tickets = [_folded(history, aside) for history in histories]
    ready = iter(prepare([ticket for ticket in tickets if ticket is not None]))
    return [None if ticket is None else next(ready) for ticket in tickets], aside


def _folded(history: Sequence[Told], aside: list[Aside]) -> Ticket | None:
    ticket: Ticket | None = None
    for told in history:
        event = Event(*told)
        try:
            ticket = fold(ticket, event)
        except ValueError as error:
            if ticket is not None or _malformed(event):
                aside.append((event.eid, repr(error)))
    return ticket


def _malformed(event: Event) -> bool:
    try:
        body_of(event)
    except ValueError:
        return True
    return False
