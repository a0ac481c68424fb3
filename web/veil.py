"""What the matrix of rights keeps from somebody on a ticket: names, numbers, addresses are shown in part."""

from msgspec.structs import replace

from appliance.people import Actor
from appliance.tickets.confidential import hidden_name, hidden_number
from appliance.tickets.ticket import Ticket
from web.context import box

NAMES = frozenset({"citizen", "behalf"})
NUMBERS = frozenset({"phone", "identity"})
SHOWN_OF_AN_ADDRESS = 3


def hidden_from(person: Actor) -> frozenset[str]:
    """Return the fields of tickets that somebody sees only in part."""
    return box().rights.hidden(person)


def veiled(ticket: Ticket, hidden: frozenset[str]) -> Ticket:
    """Return the ticket as it is shown to whom these fields are hidden from."""
    return (
        replace(ticket, **{name: _part(name, getattr(ticket, name)) for name in hidden}) if hidden else ticket
    )


def veiled_words(text: str, ticket: Ticket, hidden: frozenset[str]) -> str:
    """Return a text without what is hidden of its ticket."""
    words = {str(getattr(ticket, name)): _part(name, getattr(ticket, name)) for name in hidden}
    for word in sorted(filter(None, words), key=len, reverse=True):
        text = text.replace(word, words[word])
    return text


def _part(name: str, value: str) -> str:
    if name in NAMES:
        return hidden_name(value)
    if name in NUMBERS:
        return hidden_number(value)
    return f"{value[:SHOWN_OF_AN_ADDRESS]}***" if value else ""
