"""What is confidential on a ticket: who sees it, how it looks to others; every look is written down."""

import re
import time
from typing import Final

from msgspec.structs import replace

from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.fields import FIELDS, checked
from appliance.tickets.ticket import Ticket

UNMASKED: Final = "ticket.unmasked"
MASKED: Final = ("citizen", "phone", "home", "identity", "behalf")
"""Who brought it. Where the matter is stays to be seen: it has to be handled there."""
UNMASKERS: Final = frozenset({"AG", "TL", "DP", "CB", "SV", "LD", "AD"})


def _titles(name: str) -> tuple[str, str]:
    return FIELDS[name].zh, FIELDS[name].en


OPEN_S: Final = 30 * 60.0
"""So long a look lasts; the next one needs a reason again."""
_TOLD = tuple(f"{title}{mark}" for name in MASKED for title in _titles(name) for mark in ("：", ": "))
"""How lines of the story begin that tell what is masked."""
_NAME = re.compile(r"[\u4e00-\u9fff]{2,}")


def may_unmask(actor: Actor) -> bool:
    """Tell whether somebody may look at what is confidential, with a reason."""
    return actor.has(*UNMASKERS)


def unmask(store: Store, actor: Actor, tid: bytes, reason: str) -> None:
    """Write down that somebody looks, and why; raises Refused."""
    if not may_unmask(actor):
        raise Refused("not_yours", "Your role does not allow this step.")
    facts = {"reason": reason_of(reason), "by": actor.number, "name": actor.name}
    store.record(Fact(UNMASKED, facts, tid))


def reason_of(text: str) -> str:
    """Return why somebody looks, as it is kept; raises Refused when nothing is said."""
    words = str(checked("reason", text))
    if not words:
        raise Refused("missing", "Fill in %(field)s.", field="Reason")
    return words


def sees(store: Store, actor: Actor, ticket: Ticket, now_s: float | None = None) -> bool:
    """Tell whether somebody sees a ticket unmasked: it is not confidential, or their look still lasts."""
    if not ticket.confidential:
        return True
    return may_unmask(actor) and looked(store, ticket.tid, UNMASKED, actor, now_s)


def looked(store: Store, subject: bytes, kind: str, actor: Actor, now_s: float | None = None) -> bool:
    """Tell whether somebody's look at a ticket or a customer still lasts."""
    since = (time.time() if now_s is None else now_s) - OPEN_S
    looks = store.rows(
        "SELECT eid, body FROM event WHERE subject = ? AND kind = ? ORDER BY eid DESC LIMIT 50", subject, kind
    )
    return any(
        int.from_bytes(bytes(eid)[:6], "big") / 1000 >= since
        and f'"by":"{actor.number}"'.encode() in bytes(body)
        for eid, body in looks
    )


def masked(ticket: Ticket) -> Ticket:
    """The ticket as others see it."""
    return replace(
        ticket,
        citizen=hidden_name(ticket.citizen),
        phone=hidden_number(ticket.phone),
        identity=hidden_number(ticket.identity),
        home=f"{ticket.home[:3]}***" if ticket.home else "",
        behalf=hidden_name(ticket.behalf),
    )


def hidden_name(name: str) -> str:
    """A Chinese name by its first character, any other by its first letter."""
    return f"{name[:1]}{'*' * min(len(name) - 1, 2) if _NAME.fullmatch(name) else '***'}" if name else ""


def hidden_number(number: str) -> str:
    """A number without its middle: 138****5678."""
    if len(number) > 8:
        return f"{number[:3]}****{number[-4:]}"
    return f"{number[:1]}***{number[-1:]}" if number else ""


def hidden_in(text: str, ticket: Ticket) -> str:
    """A step's words without the names and numbers that are masked, as they are now and as they were."""
    lines = [line for line in text.split("\n") if not line.startswith(_TOLD)]
    text = "\n".join(lines)
    mask = masked(ticket)
    hidden = {getattr(ticket, name): getattr(mask, name) for name in MASKED if getattr(ticket, name)}
    for word in sorted(hidden, key=len, reverse=True):
        text = text.replace(word, hidden[word])
    return text
