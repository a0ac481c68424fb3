"""Which events concern which site: one table of families of kinds, and the rules of one ticket; no I/O.

Up, a site gives the hub what the hub is to have. Down, the hub gives a site what concerns it: events
of a subject (a ticket, a customer) where that subject does, settings wherever they are used.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from hashlib import blake2b

from appliance.causal import knew
from appliance.dictionary.authority import authority
from appliance.dictionary.entry import named_by
from appliance.events import EID_BYTES, Event

VERSION = 2
"""Of this table: streams begun by another one are offered anew, so that both sides hold what it says."""
LOST, GAINED = "interest.lost", "interest.gained"
SETTLED = "ticket.settled"
"""Somebody settled a conflict; its fact `lost` names the event that does not count."""
DISPATCHES = frozenset({"dispatch", "redispatch"})
MAX_SITE = 999


class Down(Enum):
    """To whom the hub gives an event."""

    NOBODY = auto()
    SUBJECT = auto()
    """The sites its subject concerns."""
    EVERYBODY = auto()
    ORIGIN = auto()
    """The site that began its subject."""
    NAMED = auto()
    """The site in its facts."""


@dataclass(frozen=True, slots=True)
class Family:
    """What becomes of the events of a family of kinds."""

    up: Callable[[Event], bool]
    down: Callable[[Event], Down]
    contested: bool = False
    """Two boxes may write of one subject: each event says what its box had heard."""
    small: bool = False
    """Few, and looked at one by one: what they say decides where they go."""


def _always(event: Event) -> bool:
    return True


def _never(event: Event) -> bool:
    return False


def _to(down: Down) -> Callable[[Event], Down]:
    return lambda event: down


def _word(event: Event) -> tuple[str, str]:
    """Kind of entry, and how far it travels; a malformed one stays where it is."""
    try:
        kind, key = named_by(event)
    except (KeyError, TypeError, ValueError):
        return "", "local"
    return kind, authority(kind, key)


def _entry_up(event: Event) -> bool:
    return _word(event)[1] == "shared"


def _entry_down(event: Event) -> Down:
    kind, word = _word(event)
    if kind == "person":
        return Down.SUBJECT
    return Down.NOBODY if word == "local" else Down.EVERYBODY


def _of_a_unit(event: Event) -> bool:
    """The centre's own seal is one of each box; those of units are known everywhere."""
    return bool(event.facts.get("owner"))


_MATTER = Family(_always, _to(Down.SUBJECT), contested=True)
_SOUND = Family(_always, _to(Down.ORIGIN))
FAMILIES: Mapping[str, Family] = {
    "ticket": _MATTER,
    "customer": _MATTER,
    "sample": Family(_always, _to(Down.SUBJECT)),
    "call": _SOUND,
    "callback": _SOUND,
    "recording": _SOUND,
    "message": _SOUND,
    "text": _SOUND,
    "dictionary": Family(_entry_up, _entry_down, contested=True, small=True),
    "workflow": Family(_always, _to(Down.EVERYBODY), small=True),
    "seal": Family(
        _of_a_unit, lambda event: Down.EVERYBODY if _of_a_unit(event) else Down.NOBODY, small=True
    ),
    "interest": Family(_never, _to(Down.NAMED), small=True),
}
"""What is in no family stays on its box: shifts of agents, lines, sessions, tokens, campaigns."""
_STAYS = Family(_never, _to(Down.NOBODY))
LARGE = tuple(name for name, family in FAMILIES.items() if not family.small)
SMALL = tuple(name for name, family in FAMILIES.items() if family.small)


@lru_cache(1024)
def family(kind: str) -> Family:
    """Return what becomes of a kind of event."""
    return FAMILIES.get(kind.split(".", 1)[0], _STAYS)


def goes_up(event: Event) -> bool:
    """Tell whether a site gives an event to the hub."""
    return family(event.kind).up(event)


def goes_down(event: Event) -> Down:
    """Tell to whom the hub gives an event."""
    return family(event.kind).down(event)


def with_above(above: Mapping[int, int], sites: Iterable[int]) -> set[int]:
    """Return sites with all that stand above them; a circle ends where it began."""
    found: set[int] = set()
    for site in sites:
        while site and site not in found:
            found.add(site)
            site = above.get(site, 0)
    return found


def given_to(event: Event) -> int | None:
    """Return the site of the unit that an event of a ticket gives work to; None when it gives none."""
    if event.kind not in ("ticket.moved", "ticket.strand") or b"unit_site" not in event.body:
        return None
    try:
        facts = event.facts
        gives = event.kind == "ticket.strand" or facts.get("move") in DISPATCHES
        site = facts.get("unit_site") if gives else None
    except (ValueError, AttributeError):
        return None
    return site if type(site) is int and 0 <= site <= MAX_SITE else None


def may_end(event: Event) -> bool:
    """Tell whether an event may end that its ticket concerns somebody."""
    if event.kind == SETTLED or (event.kind == "ticket.strand" and b'"ended":true' in event.body):
        return True
    return given_to(event) is not None


def of_ticket(events: Sequence[Event]) -> set[int]:
    """Return the sites a ticket concerns by itself, from its events in the total order.

    That is whoever wrote of it, for ever; the site of the unit it is dispatched to, until another
    dispatch by somebody who knew of that one, or until it is settled that it does not count; the
    sites of sub-orders and overlays not ended.
    """
    concerned = {event.site for event in events if event.site}
    dispatched: list[tuple[Event, int]] = []
    strands: dict[str, int] = {}
    for event in events:
        site = given_to(event)
        if event.kind == "ticket.moved" and site is not None:
            dispatched = [(by, to) for by, to in dispatched if not knew(event, by)]
            dispatched.append((event, site))
        elif event.kind == SETTLED:
            dispatched = [(by, to) for by, to in dispatched if by.eid.hex() != event.facts.get("lost")]
        elif event.kind == "ticket.strand" and may_end(event):
            facts = event.facts
            strand = str(facts.get("strand") or event.eid.hex())
            if site:
                strands[strand] = site
            if facts.get("ended"):
                strands.pop(strand, None)
    return (concerned | {site for _, site in dispatched} | set(strands.values())) - {0}


def word_subject(subject: bytes, site: int) -> bytes:
    """Return the subject of the words about whether something concerns a site."""
    return blake2b(subject + site.to_bytes(2, "big"), digest_size=EID_BYTES, person=b"interest").digest()


def is_lost(events: Iterable[Event], words: Sequence[Event], site: int) -> bool:
    """Tell whether a subject concerns a site no longer: the hub said so last, and it wrote nothing of it.

    `words` is what the hub said of the subject and the site, in the total order.
    """
    said = [word for word in words if word.kind in (LOST, GAINED)]
    return bool(said) and said[-1].kind == LOST and all(event.site != site for event in events)
