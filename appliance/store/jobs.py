"""Jobs: work the store process does once, with growing pauses when it fails; they live in the database.

A job is made in the transaction of what asks for it, so neither exists without the other.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from appliance.events import Fact
from appliance.store.store import Store

PAUSES_S = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
"""How long to wait after the first, second … failure; after the last one the job has failed."""
CONFIRM_S = 600.0
"""How long an outcome that arrives later is waited for before the work is done again."""
TOGETHER_MOST = 20
"""Jobs done in one transaction."""
KEPT_S = 30 * 86_400.0
"""How long what is done stays to be looked at."""


BEGUN = "begun"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work; `tries` counts this one too."""

    jid: int
    kind: str
    key: str
    body: Mapping[str, Any]
    tries: int


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done; the facts are recorded with it."""

    facts: Sequence[Fact] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """It did not work now, and may later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Handed:
    """Somebody else does it now; `settle` brings the outcome."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never work."""

    reason: str


Outcome = Done | Again | Handed | Failed
Work = Callable[[Job], Outcome]
GiveUp = Callable[[Job, str], Sequence[Fact]]
"""What is recorded when a job has failed for good."""


def put(store: Store, kind: str, body: Mapping[str, Any], due_s: float, key: str = "") -> None:
    """Add a job; call inside the transaction of what asks for it."""
    store.execute(
        "INSERT INTO job (kind, key, body, due_s, tries, state, reason)"
        " VALUES (?, ?, ?, ?, 0, 'waiting', '')",
        *(kind, key, json.dumps(body, ensure_ascii=False), due_s),
    )


def settle(store: Store, kind: str, key: str, ok: bool, reason: str, now_s: float) -> None:
    """Take the outcome of a handed job; call inside the transaction that brings it."""
    rows = store.rows(
        "SELECT jid, tries FROM job WHERE key = ? AND kind = ? AND state = 'waiting'", key, kind
    )
    for jid, tries in rows:
        if ok:
            _mark(store, jid, "done", "", now_s)
        else:
            _put_off(store, jid, tries, reason, now_s)


class Runner:
    """Does what is due, one job after the other."""

    def __init__(
        self,
        store: Store,
        works: Mapping[str, Work],
        give_up: Mapping[str, GiveUp] | None = None,
        now: Callable[[], float] = time.time,
        together: Set[str] = frozenset(),
    ) -> None:
        """`together` are kinds of which many are done in one transaction: doing one twice must do no harm."""
        self._store = store
        self._works = works
        self._together = together
        self._give_up = give_up or {}
        self._now = now

    def run_due(self, limit: int = 50) -> int:
        """Do up to `limit` jobs that are due; return how many were tried."""
        rows = self._store.rows(
            "SELECT jid, kind, key, body, tries FROM job WHERE state = 'waiting' AND due_s <= ?"
            " ORDER BY due_s, jid LIMIT ?",
            *(self._now(), limit),
        )
        due = [
            Job(int(jid), str(kind), str(key), json.loads(body), int(tries) + 1)
            for jid, kind, key, body, tries in rows
        ]
        # What was tried before may be what killed us: it must not take others with it again and again.
        many = [job for job in due if job.kind in self._together and job.tries == 1]
        for at in range(0, len(many), TOGETHER_MOST):
            self._run(*many[at : at + TOGETHER_MOST])
        for job in due:
            if job not in many:
                self._run(job)
        return len(rows)

    def resume(self) -> int:
        """After a start: what was begun and not ended is due at once; return how many."""
        with self._store.transaction():
            return self._store.execute(
                "UPDATE job SET due_s = ? WHERE state = 'waiting' AND reason = ?", self._now(), BEGUN
            )

    def forget(self) -> int:
        """Delete jobs done long ago; return how many."""
        with self._store.transaction():
            long_ago = self._now() - KEPT_S
            return self._store.execute("DELETE FROM job WHERE state = 'done' AND due_s < ?", long_ago)

    def _run(self, *jobs: Job) -> None:
        """Count the try first: a job that kills the process must not be tried for ever."""
        with self._store.transaction():
            for job in jobs:
                self._store.execute(
                    "UPDATE job SET tries = ?, due_s = ?, reason = ? WHERE jid = ?",
                    *(job.tries, self._now() + CONFIRM_S, BEGUN, job.jid),
                )
        outcomes = [self._outcome(job) for job in jobs]
        with self._store.transaction():
            for job, outcome in zip(jobs, outcomes, strict=True):
                if self._store.rows("SELECT 1 FROM job WHERE jid = ? AND state = 'waiting'", job.jid):
                    self._take(job, outcome, self._now())

    def _outcome(self, job: Job) -> Outcome:
        if job.tries > len(PAUSES_S) + 1:
            return Failed("no outcome ever came")
        work = self._works.get(job.kind)
        return work(job) if work else Failed(f"nobody knows how to do {job.kind}")

    def _take(self, job: Job, outcome: Outcome, now_s: float) -> None:
        match outcome:
            case Done(facts):
                _mark(self._store, job.jid, "done", "", now_s)
                self._store.record(*facts)
            case Handed():
                self._store.execute(
                    "UPDATE job SET reason = 'handed over' WHERE jid = ? AND reason = ?", job.jid, BEGUN
                )
            case Again(reason) if job.tries <= len(PAUSES_S):
                _put_off(self._store, job.jid, job.tries, reason, now_s)
            case Again(reason) | Failed(reason):
                _mark(self._store, job.jid, "failed", reason, now_s)
                give_up = self._give_up.get(job.kind)
                self._store.record(*(give_up(job, reason) if give_up else ()))


def _mark(store: Store, jid: int, state: str, reason: str, now_s: float) -> None:
    store.execute("UPDATE job SET state = ?, reason = ?, due_s = ? WHERE jid = ?", state, reason, now_s, jid)


def _put_off(store: Store, jid: int, tries: int, reason: str, now_s: float) -> None:
    """Try again after the pause that belongs to so many tries; after the last the job has failed."""
    if tries > len(PAUSES_S):
        _mark(store, jid, "failed", reason, now_s)
        return
    due_s = now_s + PAUSES_S[max(tries, 1) - 1]
    store.execute("UPDATE job SET due_s = ?, reason = ? WHERE jid = ?", due_s, reason or "failed", jid)
