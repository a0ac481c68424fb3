"""Putting open tickets on another version of the workflow: never by itself, and with a look before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.process import Workflow
from appliance.tickets.strands import KINDS as BESIDE
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import END, SHIPPED, STATES

BATCH = 200
"""So many tickets in one transaction: others can write in between."""
OPEN = tuple(state.name for state in STATES.values() if state.list != "closed")


@dataclass(frozen=True, slots=True)
class Report:
    """What was, or would be, put on another version, and what cannot be and why."""

    moved: Sequence[Ticket]
    stuck: Sequence[tuple[Ticket, Refused]]


def hinders(ticket: Ticket, target: Workflow, wanted: str) -> Refused | None:
    """Say why a ticket cannot be put on a version."""
    if target.id != wanted or target.name in BESIDE:
        return Refused("unknown_workflow", "There is no version %(version)s.", version=wanted[:60])
    if ticket.workflow == wanted:
        return Refused("same_workflow", "It runs on this version already.")
    if ticket.state == END:
        return Refused("archived", "It is archived; an archived ticket stays as it is.")
    if ticket.state not in target.states:
        return Refused(
            "no_such_state",
            "Ticket %(number)s stands in a state that version does not have; move it on first.",
            number=ticket.number,
        )
    return None


def open_on(store: Store, version: str, kinds: Iterable[str] = ()) -> list[Ticket]:
    """Return the tickets not yet closed that run on a version, oldest first; of some kinds, or all."""
    wanted = tuple(kinds)
    where = f"coalesce(workflow, '{SHIPPED.id}') = ? AND state IN ({', '.join('?' * len(OPEN))})"
    if wanted:
        where += f" AND kind IN ({', '.join('?' * len(wanted))})"
    return table.select(store, f"{where} ORDER BY created_s, tid", version, *OPEN, *wanted)


def counts(store: Store) -> dict[str, int]:
    """Count the tickets not yet closed by the version they run on."""
    marks = ", ".join("?" * len(OPEN))
    sql = (
        f"SELECT coalesce(workflow, '{SHIPPED.id}'), count(*) FROM ticket WHERE state IN ({marks}) GROUP BY 1"
    )
    return dict(store.rows(sql, *OPEN))


def preview(tickets: Iterable[Ticket], target: Workflow, wanted: str) -> Report:
    """Say what would come of it."""
    moved, stuck = [], []
    for ticket in tickets:
        refused = hinders(ticket, target, wanted)
        if refused is None:
            moved.append(ticket)
        else:
            stuck.append((ticket, refused))
    return Report(moved, stuck)


def carry_out(store: Store, actor: Actor, tickets: Sequence[Ticket], wanted: str, reason: str) -> Report:
    """Put every ticket on the version that can be; the others are told, and stay as they are."""
    from appliance.tickets.desk import TicketDesk

    desk = TicketDesk(store)
    moved: list[Ticket] = []
    stuck: list[tuple[Ticket, Refused]] = []
    for begin in range(0, len(tickets), BATCH):
        with store.transaction():
            for ticket in tickets[begin : begin + BATCH]:
                try:
                    moved.append(desk.migrate(actor, ticket.tid, wanted, reason))
                except Refused as refused:
                    if refused.word == "not_yours":
                        raise
                    stuck.append((ticket, refused))
    return Report(moved, stuck)
