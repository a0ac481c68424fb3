"""Moves the box makes by itself when a ticket has stood in a state for long enough.

Only the site that registered a ticket does so: two boxes must not make the same move.
"""

from dataclasses import dataclass

from appliance.people import BOX
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk

DAY_S = 86_400.0
BATCH = 100


@dataclass(frozen=True, slots=True)
class Timer:
    """After so long in `state` the box makes `move`."""

    state: str
    move: str
    after_s: float


TIMERS = (
    Timer("CALLBACK_NA", "rate_or_timeout", DAY_S),
    Timer("CLOSED", "archive", 30 * DAY_S),
    Timer("REJECTED", "archive", 30 * DAY_S),
    Timer("WITHDRAWN", "archive", 30 * DAY_S),
)
"""Nobody rated within a day; nobody asked for more within the time in which it can be reopened."""


def run_timers(store: Store, now_s: float) -> int:
    """Make the moves that are due, a batch of each at most; return how many were made."""
    desk, made = TicketDesk(store), 0
    for timer in TIMERS:
        due = store.rows(
            "SELECT tid, last_eid FROM ticket WHERE state = ? AND state_s <= ? AND site = ?"
            " ORDER BY state_s LIMIT ?",
            *(timer.state, now_s - timer.after_s, store.site, BATCH),
        )
        for tid, seen in due:
            try:
                desk.move(BOX, bytes(tid), timer.move, seen=bytes(seen))
            except Refused:
                continue  # a person was quicker
            made += 1
    return made
