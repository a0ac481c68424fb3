"""What whoever asks may see: tickets by role, unit and authorship, citizens by scope."""

from appliance.people import Actor
from appliance.refused import Refused
from appliance.tickets import confidential, fulltext
from appliance.tickets.facets import KEYS
from appliance.tickets.rights import brought
from appliance.tickets.strands import Strand
from appliance.tickets.ticket import Ticket
from web import access, beside
from web.api.door import bearer
from web.context import box, me
from web.veil import hidden_from

_GIVEN = "SELECT tid FROM ticket WHERE outside = ?"


def outside(person: Actor) -> bool:
    """Tell whether a system asks that is neither of the centre nor of a unit."""
    return not person.has(*access.CASEWORK)


def ticket(number: str) -> Ticket:
    """Find a ticket by number or id, if whoever asks may see it; raises Refused."""
    found = box().tickets.find(number) or (by_id(number) if len(number) == 32 else None)
    if found is None:
        raise Refused("unknown_ticket", "This ticket does not exist.")
    if not may_see(found):
        raise Refused("other_unit", "This ticket belongs to another unit.")
    return found


def by_id(text: str) -> Ticket | None:
    """Find a ticket by its id in hexadecimal."""
    try:
        return box().tickets.find(bytes.fromhex(text))
    except ValueError:
        return None


def may_see(found: Ticket) -> bool:
    """Tell whether whoever asks may see a ticket; a system outside what it brought or was given."""
    person = me()
    if not outside(person):
        return box().tickets.may_see(person, found)
    return brought(person, found)


def sees(found: Ticket, strand: Strand) -> bool:
    """Tell whether whoever asks may see a strand; a system outside what it opened itself."""
    person = me()
    return strand.opened_by == person.number if outside(person) else beside.sees(person, found, strand)


def channel() -> bool:
    """Tell whether a channel of citizens asks: it is not told what was written inside."""
    return outside(me()) and not me().has("HB")


def narrowed() -> tuple[str, list[object]]:
    """What a system outside may see, as a condition of SQL."""
    person = me()
    by = fulltext.match_keys(KEYS["agent"], (person.number,)).match
    brought_by, values = box().store.engine.text.tids(by)
    if person.has("HB"):
        return f"tid IN ({brought_by} UNION {_GIVEN})", [*values, person.name]
    return f"tid IN ({brought_by})", values


def knows_citizens() -> bool:
    """Tell whether whoever asks may know citizens at all: a session yes, a token with the scope."""
    asks = bearer()
    return asks is None or asks.may("citizens:read")


def may_see_citizen(found: Ticket) -> bool:
    """Tell whether whoever asks may know whose ticket it is: as on the pages, by token with the scope."""
    if "phone" in hidden_from(me()):
        return False
    return knows_citizens() and (brought(me(), found) or confidential.sees(box().store, me(), found))
