"""The same matter again: counted on the ticket that is there, or the two tickets are linked."""

from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.bodies import body_of
from appliance.tickets.fields import checked
from appliance.tickets.marks import Linked
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import STATES

REPEATERS = frozenset({"AG", "TL", "DP", "CB", "SYS"})


def repeat(
    store: Store, actor: Actor, tid: bytes, text: str = "", call: str = "", other: bytes = b""
) -> Ticket:
    """Count that a matter was brought again, by a call or by another ticket; raises Refused."""
    _may(actor)
    words = str(checked("text", text))
    with store.transaction():
        ticket = _get(store, tid)
        if STATES[ticket.state].list == "closed" if ticket.state in STATES else False:
            raise Refused(
                "not_now", "This ticket is closed. Reopen it, or register a new one and link the two."
            )
        facts: dict[str, object] = {"text": words, "by": actor.number, "name": actor.name}
        if call:
            facts["call"] = call
        if other:
            if other == tid:
                raise Refused("same_ticket", "This is the same ticket. Choose another one.")
            facts["ticket"] = _get(store, other).tid.hex()
        store.record(Fact("ticket.repeated", facts, tid))
        ticket = _get(store, tid)
    return ticket


def link(store: Store, actor: Actor, tid: bytes, other: bytes, off: bool = False) -> None:
    """Link two tickets, seen from both, or take that back."""
    _may(actor)
    if other == tid:
        raise Refused("same_ticket", "This is the same ticket. Choose another one.")
    with store.transaction():
        one, two = _get(store, tid), _get(store, other)
        by = {"by": actor.number, "name": actor.name, **({"off": True} if off else {})}
        store.record(
            Fact("ticket.linked", {"ticket": two.tid.hex(), "number": two.number, **by}, one.tid),
            Fact("ticket.linked", {"ticket": one.tid.hex(), "number": one.number, **by}, two.tid),
        )


def linked(store: Store, tid: bytes) -> list[Ticket]:
    """The tickets linked with one, oldest link first."""
    there: dict[str, None] = {}
    for event in store.history(tid):
        if event.kind != "ticket.linked":
            continue
        try:
            body = body_of(event)
        except ValueError:
            continue
        assert isinstance(body, Linked)
        there.pop(body.ticket, None)
        if not body.off:
            there[body.ticket] = None
    found = (table.load(store, _bytes(other)) for other in there)
    return [ticket for ticket in found if ticket is not None]


def _get(store: Store, tid: bytes) -> Ticket:
    ticket = table.load(store, tid)
    if ticket is None:
        raise Refused("unknown_ticket", "This ticket does not exist.")
    return ticket


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _may(actor: Actor) -> None:
    if not actor.has(*REPEATERS):
        raise Refused("not_yours", "Your role does not allow this step.")
