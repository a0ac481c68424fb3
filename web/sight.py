"""What the reader sees of a ticket: all, or masked when it is confidential and no reason was given."""

from appliance.tickets import confidential
from appliance.tickets.ticket import Ticket
from web import access
from web.context import box, me


def sees(ticket: Ticket) -> bool:
    """Tell whether the reader sees the citizen's name and numbers now."""
    return confidential.sees(box().store, me(), ticket)


def seen(ticket: Ticket) -> Ticket:
    """The ticket as the reader may see it on a page."""
    return ticket if sees(ticket) else confidential.masked(ticket)


def seen_in_list(ticket: Ticket) -> Ticket:
    """The ticket as lists show it: whatever is confidential is masked, for everybody."""
    return confidential.masked(ticket) if ticket.confidential else ticket


def may_unmask() -> bool:
    """Tell whether the reader may look, with a reason."""
    return confidential.may_unmask(me()) and access.allowed("alike.unmask", me().roles)
