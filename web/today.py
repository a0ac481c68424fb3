"""Today's figures of the box, read on from the log whenever somebody asks: none counts twice."""

import threading
import time
from collections.abc import Callable
from typing import Any

from appliance.day import AgentDay, Day
from appliance.store.store import Store

BEFORE_S = 16 * 3600.0
"""So long before midnight a shift may have begun that still goes on."""
BATCH = 1000
LOOK_S = 0.5
"""Within this time all who ask are told the same."""


class Today:
    """The day that goes on now, folded from the log; safe for threads."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store, self._now = store, now
        self._lock = threading.Lock()
        self._day = Day(0.0)
        self._after = 0
        self._looked_s = 0.0

    def agent(self, number: str) -> dict[str, Any]:
        """What one agent did today."""
        with self._lock:
            day = self._look()
            found = day.agents.get(number, AgentDay())
            spent = {state: round(s, 1) for state, s in day.spent_s(number, self._now()).items()}
        return {
            "calls_in": found.calls_in,
            "calls_out": found.calls_out,
            "spent_s": spent,
            "shift_since_s": found.shift_since_s,
        }

    def centre(self) -> dict[str, Any]:
        """What the centre did today: calls by quarter hours, and each agent's calls and shift."""
        with self._lock:
            day = self._look()
            return {
                "midnight_s": day.midnight_s,
                "quarters": [[q.came, q.answered, q.abandoned, q.out, q.failed] for q in day.quarters],
                "answered": {number: agent.calls_in for number, agent in day.agents.items()},
                "shifts": {number: agent.shift_since_s for number, agent in day.agents.items()},
            }

    def _look(self) -> Day:
        now = self._now()
        midnight_s = time.mktime((*time.localtime(now)[:3], 0, 0, 0, 0, 0, -1))
        if midnight_s != self._day.midnight_s:
            self._day, self._after = Day(midnight_s), self._begin(midnight_s - BEFORE_S)
        elif 0 <= now - self._looked_s < LOOK_S:
            return self._day
        self._looked_s = now
        while batch := self._store.read(self._after, BATCH):
            self._after = batch[-1][0]
            for _, event in batch:
                if event.site == self._store.site:
                    self._day.take(event)
        return self._day

    def _begin(self, at_s: float) -> int:
        """The place in the log behind which everything since then stands."""
        eid = int(at_s * 1000).to_bytes(6, "big")
        rows = self._store.rows("SELECT coalesce(min(pos), 0) FROM event WHERE eid >= ?", eid)
        return max(0, int(rows[0][0]) - 1) if rows[0][0] else self._last()

    def _last(self) -> int:
        return int(self._store.rows("SELECT coalesce(max(pos), 0) FROM event")[0][0])
