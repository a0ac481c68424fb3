"""What the reader sees of a ticket: all, or masked when it is confidential and no reason was given."""

from appliance.tickets import confidential
from appliance.tickets.ticket import Ticket
from web import access, veil
from web.context import box, me


def sees(ticket: Ticket) -> bool:
    """Tell whether the reader sees the citizen's name and numbers now."""
    return confidential.sees(box().store, me(), ticket)


def seen(ticket: Ticket) -> Ticket:
    """The ticket as the reader may see it on a page."""
    return veil.veiled(ticket if sees(ticket) else confidential.masked(ticket), veil.hidden_from(me()))


def hidden(ticket: Ticket) -> frozenset[str]:
    """The fields of a ticket the reader sees only in part, and so cannot change."""
    return veil.hidden_from(me()) | (frozenset() if sees(ticket) else frozenset(confidential.MASKED))


def words(text: str, ticket: Ticket) -> str:
    """A text without what the reader may not see of its ticket."""
    clear = text if sees(ticket) else confidential.hidden_in(text, ticket)
    return veil.veiled_words(clear, ticket, veil.hidden_from(me()))


def knows_citizen(ticket: Ticket) -> bool:
    """Tell whether the reader sees whose ticket it is."""
    return sees(ticket) and "phone" not in veil.hidden_from(me())


def seen_in_list(ticket: Ticket) -> Ticket:
    """The ticket as lists show it: whatever is confidential is masked, for everybody."""
    shown = confidential.masked(ticket) if ticket.confidential else ticket
    return veil.veiled(shown, veil.hidden_from(me()))


def may_unmask() -> bool:
    """Tell whether the reader may look, with a reason."""
    return confidential.may_unmask(me()) and access.allowed("alike.unmask", me().roles)
