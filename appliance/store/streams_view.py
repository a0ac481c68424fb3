"""How the streams to other boxes fare, read from the store alone; for pages and the command."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from appliance.network.register import shut_out
from appliance.store.condition import Condition, read
from appliance.store.store import Store
from appliance.words import N_

STALE_S = 180.0
"""The sync process writes at least once a minute while a peer is heard."""
NOT_RUNNING = N_("The sync process of this box does not run.")
SHUT_OUT = N_(
    "Its certificate was revoked or has ended: nothing of it is taken. It comes back by a fresh code."
)


@dataclass(frozen=True, slots=True)
class StreamView:
    """The streams with one peer."""

    name: str
    site: int
    state: str
    """never, away, connected, parked."""
    reason: str
    """Why it is not as it should be: a sentence, a gettext msgid; empty when all is well."""
    backlog: int
    """Events that wait to be confirmed."""
    oldest_s: float
    """How long the first of them has waited; 0 when none does."""
    received: int
    """Events that came in since the peer's stream last began anew."""
    seen_s: float
    """Last heard, Unix seconds to within a minute; 0 is never."""
    clock_s: float
    """How far the peer's clock is ahead of ours."""
    restarts: int
    """How often everything had to be offered again."""
    since_s: float = 0.0
    """When it came into this state, Unix seconds; 0 is unknown."""
    waiting: int = 0
    """Events that wait at the peer for us, as it last said."""
    condition: Condition | None = None
    """How its box was when last heard."""

    @property
    def connected(self) -> bool:
        """Whether events flow now."""
        return self.state == "connected"


_VIEW = (
    "SELECT name, site, state, reason, CASE WHEN out_seq > acked THEN out_seq - acked ELSE 0 END,"
    " in_seq, seen_s, clock_s, restarts, since_s, waiting, report,"
    " (SELECT eid FROM outgoing WHERE peer = name AND seq > acked ORDER BY seq LIMIT 1)"
    " FROM peer ORDER BY site"
)


def streams(store: Store, now_s: float) -> list[StreamView]:
    """Return the streams of this box by site number; `now_s` is Unix time."""
    out = shut_out(store, now_s)
    return [_view(row, now_s, row[1] in out) for row in store.rows(_VIEW)]


def quarantined(store: Store) -> int:
    """How many events are kept but could not be folded or sent."""
    return int(store.rows("SELECT count(*) FROM quarantine")[0][0])


def _view(row: Sequence[Any], now_s: float, is_out: bool) -> StreamView:
    *kept, since_s, waiting, report, oldest = row
    waited_s = now_s - int.from_bytes(bytes(oldest)[:6], "big") / 1000 if oldest else 0.0
    name, site, state, reason, backlog, received, seen_s, clock_s, restarts = kept
    if state == "connected" and now_s > seen_s + STALE_S:
        state, reason, since_s = "away", NOT_RUNNING, seen_s
    if is_out:
        state, reason = "away", SHUT_OUT
    return StreamView(
        *(name, site, state, reason, backlog, max(0.0, waited_s), received, seen_s, clock_s, restarts),
        since_s=since_s or 0.0,
        waiting=waiting or 0,
        condition=read(report) if report else None,
    )
