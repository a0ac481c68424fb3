"""Events on their way to webhooks: at least once, in order for each ticket, tried for three days.

A server that does not answer, or fails, is left alone for growing pauses, and all behind waits in order.
What a server refuses holds up only what comes later of the same ticket.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.events import EID_BYTES, Event
from appliance.outside import hooks
from appliance.outside.hooks import Hook, Hooks, Place
from appliance.outside.post import Unreachable, post
from appliance.outside.telling import headers, message, wanted
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import redaction, table
from appliance.tickets.ticket import Ticket

PAUSES_S = (5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0)
"""After the first, second … failure in a row; the last one stays."""
GIVEN_UP_S = 3 * 86_400.0
LOOKED_AT_ONCE = 500
LOGGED = 100
"""So many deliveries of a webhook that are done stay to be looked at."""
DEAD_MAX = 10_000
BUSY = frozenset({408, 425, 429})
"""Answers of a server that wants to be asked later, like every 5xx."""
_NEXT = (
    "SELECT did, eid, subject, tries, made_s FROM delivery d"
    " WHERE hook = ? AND state = 'waiting' AND due_s <= ?"
    " AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.hook = d.hook AND e.state = 'waiting'"
    " AND e.subject = d.subject AND e.did < d.did) ORDER BY did LIMIT 1"
)
Post = Callable[[Place, Mapping[str, str], bytes], int]


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be tried now; `tries` counts this one too."""

    did: int
    event: Event
    tries: int
    made_s: float


class Deliverer:
    """Looks what is to be told, and tells it, one after the other."""

    def __init__(
        self, store: Store, allowed: tuple[str, ...], now: Callable[[], float] = time.time, send: Post = post
    ) -> None:
        self._store = store
        self._hooks = Hooks(store, allowed, now)
        self._now = now
        self._send = send

    def step(self) -> int:
        """Do a little for every webhook; return how much was done, 0 when it is time to wait."""
        return sum(self._look(hook) + self._tell(hook) for hook in self._hooks.all() if hook.active)

    def _look(self, hook: Hook) -> int:
        """Go on in the log and put down what is to be told."""
        read = self._store.read(hook.pos, LOOKED_AT_ONCE)
        if not read:
            return 0
        now_s = self._now()
        with self._store.transaction():
            for _, event in read:
                if event.kind in hook.kinds and wanted(hook, event, self._ticket(event)):
                    hooks.put(self._store, hook.name, event, now_s)
            self._store.execute(
                "UPDATE webhook SET pos = ? WHERE name = ? AND pos = ?", read[-1][0], hook.name, hook.pos
            )
        return len(read)

    def _tell(self, hook: Hook) -> int:
        due = self._due(hook) if hook.away_s <= self._now() else None
        if due is None:
            return 0
        try:
            place = self._hooks.place(hook.url)
        except Refused:
            self._away(hook, due, "this host is not allowed any more")
            return 0
        body = message(hook, due.event, self._ticket(due.event))
        secret = hooks.secret_of(self._store, hook.name)
        at_s = int(self._now())
        try:
            status = self._send(place, headers(hook, due.event, secret, due.did, due.tries, at_s, body), body)
        except Unreachable as error:
            self._away(hook, due, str(error))
            return 1
        if 200 <= status < 300:
            self._done(hook, due, status)
        elif status >= 500 or status in BUSY:
            self._away(hook, due, f"HTTP {status}", status)
        else:
            self._refused(hook, due, status)
        return 1

    def _due(self, hook: Hook) -> Due | None:
        rows = self._store.rows(_NEXT, hook.name, self._now())
        if not rows:
            return None
        did, eid, _, tries, made_s = rows[0]
        event = self._event(bytes(eid))
        return Due(did, event, tries + 1, made_s)

    def _done(self, hook: Hook, due: Due, status: int) -> None:
        with self._store.transaction():
            self._mark(due, "done", status, "", self._now())
            self._store.execute(
                "UPDATE webhook SET fails = 0, away_s = 0, reason = '' WHERE name = ?", hook.name
            )
            self._store.execute(
                "DELETE FROM delivery WHERE hook = ? AND state = 'done' AND did <="
                " (SELECT did FROM delivery WHERE hook = ? ORDER BY did DESC LIMIT 1 OFFSET ?)",
                *(hook.name, hook.name, LOGGED),
            )

    def _refused(self, hook: Hook, due: Due, status: int) -> None:
        """Its server does not want this one: later ones of the ticket wait, all others go on."""
        now_s = self._now()
        over = now_s - due.made_s > GIVEN_UP_S
        pause = PAUSES_S[min(due.tries, len(PAUSES_S)) - 1]
        with self._store.transaction():
            self._mark(due, "dead" if over else "waiting", status, f"HTTP {status}", now_s + pause)
            self._store.execute("UPDATE webhook SET fails = 0, reason = '' WHERE name = ?", hook.name)
            self._bury(hook)

    def _away(self, hook: Hook, due: Due, reason: str, status: int | None = None) -> None:
        """Nobody is there: the webhook waits as a whole; what is older than three days is given up."""
        now_s = self._now()
        pause = PAUSES_S[min(hook.fails, len(PAUSES_S) - 1)]
        with self._store.transaction():
            self._mark(due, "waiting", status, reason, now_s)
            self._store.execute(
                "UPDATE webhook SET fails = fails + 1, away_s = ?, reason = ? WHERE name = ?",
                *(now_s + pause, reason[:200], hook.name),
            )
            self._store.execute(
                "UPDATE delivery SET state = 'dead' WHERE hook = ? AND state = 'waiting' AND made_s < ?",
                *(hook.name, now_s - GIVEN_UP_S),
            )
            self._bury(hook)

    def _mark(self, due: Due, state: str, status: int | None, reason: str, due_s: float) -> None:
        self._store.execute(
            "UPDATE delivery SET state = ?, tries = ?, status = ?, reason = ?, tried_s = ?, due_s = ?"
            " WHERE did = ? AND state = 'waiting'",
            *(state, due.tries, status, reason[:200], self._now(), due_s, due.did),
        )

    def _bury(self, hook: Hook) -> None:
        """Of those given up the oldest go when there are too many."""
        self._store.execute(
            "DELETE FROM delivery WHERE hook = ? AND state = 'dead' AND did <= (SELECT did FROM delivery"
            " WHERE hook = ? AND state = 'dead' ORDER BY did DESC LIMIT 1 OFFSET ?)",
            *(hook.name, hook.name, DEAD_MAX),
        )

    def _event(self, eid: bytes) -> Event:
        rows = self._store.rows("SELECT eid, subject, kind, ver, body FROM event WHERE eid = ?", eid)
        found, subject, kind, ver, body = rows[0]
        event = Event(bytes(found), bytes(subject), kind, ver, bytes(body))
        if not kind.startswith("ticket."):
            return event
        story = redaction.readable(self._store.history(event.subject))
        return next(readable for readable in story if readable.eid == eid)

    def _ticket(self, event: Event) -> Ticket | None:
        if not event.kind.startswith("ticket.") or len(event.subject) != EID_BYTES:
            return None
        return table.load(self._store, event.subject)
