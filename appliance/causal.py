"""Who knew of what: an event says up to where its box had heard the other boxes of the same matter.

A box writes in order and is heard in order, so the newest event known of each site says it all.
Two events neither of whose writers knew of the other are concurrent, whatever their clocks say.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from appliance.events import Event

HEARD = "heard"
"""The fact: site (decimal) to the beginning of its newest event known (clock and counter, hex)."""
CLOCK_BYTES = 8
Item = TypeVar("Item")


def heard(eids: Iterable[bytes], site: int) -> Mapping[str, str]:
    """Return what a box of this site has heard of the others, of one subject's event ids."""
    newest: dict[int, bytes] = {}
    for eid in eids:
        writer = int.from_bytes(eid[8:10], "big")
        if writer != site:
            newest[writer] = max(newest.get(writer, b""), eid[:CLOCK_BYTES])
    return {str(writer): clock.hex() for writer, clock in sorted(newest.items())}


def knew(later: Event, earlier: Event) -> bool:
    """Tell whether the writer of one event knew of another of the same subject.

    Older versions wrote only the last event the page showed (`seen`), or nothing: then it is believed.
    """
    if later.site == earlier.site:
        return later.eid >= earlier.eid
    facts = later.facts
    said = facts.get(HEARD)
    if isinstance(said, dict):
        return str(said.get(str(earlier.site), "")) >= earlier.eid[:CLOCK_BYTES].hex()
    seen = facts.get("seen")
    return seen >= earlier.eid.hex() if isinstance(seen, str) and seen else True


def concurrent(one: Event, other: Event) -> bool:
    """Tell whether two events of one subject were written without knowing of each other."""
    earlier, later = sorted((one, other), key=lambda event: event.eid)
    if earlier.site == later.site or knew(later, earlier):
        return False
    return HEARD not in earlier.facts or not knew(earlier, later)


class AddWins(Generic[Item]):
    """A list two boxes change at once: what was added is in it until somebody who knew that takes it out.

    Changes are told in the total order of their events.
    """

    def __init__(self) -> None:
        self._there: list[tuple[Item, Event]] = []

    def change(self, event: Event, added: Iterable[Item], takes: Callable[[Item], bool]) -> None:
        """Take out what an event says, as far as it knew of it, and put in what it adds."""
        self._there = [(item, by) for item, by in self._there if not (takes(item) and knew(event, by))]
        self._there += [(item, event) for item in added]

    def clear(self) -> None:
        """Take out everything, whoever knew of it."""
        self._there = []

    @property
    def items(self) -> list[Item]:
        """What is in it, once each, in the order it came."""
        return list(dict.fromkeys(item for item, _ in self._there))
