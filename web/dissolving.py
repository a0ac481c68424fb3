"""What hangs on a unit that is to be taken out of use, told before it is."""

from dataclasses import dataclass

from appliance.tickets.migrating import OPEN
from web.context import box


@dataclass(frozen=True, slots=True)
class Ties:
    """What a unit still has."""

    states: tuple[str, ...]
    """The states its open tickets stand in."""
    tickets: int
    orders: int
    """Open sub-orders and other orders beside the tickets of other units."""
    people: int


def ties_of(unit: str) -> Ties:
    """Count what is open at a unit, and who belongs to it."""
    store, marks = box().store, ", ".join("?" * len(OPEN))
    states = dict(
        store.rows(
            f"SELECT state, count(*) FROM ticket WHERE unit = ? AND state IN ({marks}) GROUP BY state",
            *(unit, *OPEN),
        )
    )
    ((orders,),) = store.rows(
        "SELECT count(*) FROM strand AS s JOIN ticket AS t ON t.tid = s.tid"
        " WHERE s.open = 1 AND (s.unit = ? OR s.third = ?) AND coalesce(t.unit, '') <> ?",
        *(unit, unit, unit),
    )
    people = [person for person in box().dictionary.all("person") if person.text("unit") == unit]
    return Ties(tuple(sorted(states)), sum(states.values()), orders, len(people))
