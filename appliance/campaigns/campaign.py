"""A campaign as a pure machine: facts and `now` in, whom to call and what to write down out.

Its state is the fold of its events (`apply`), so that another life of the call process goes on
where this one ended. Times are Unix seconds of the wall clock: hours of the day are meant.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from appliance.campaigns.plan import Plan, is_open, is_past
from appliance.refused import Refused

REACHED = frozenset({"heard", "part", "confirmed"})
"""The message was heard, whole or in part: such a number is never called again."""
FINAL = REACHED | {"refused", "wrong_number", "do_not_call", "barred"}
RETRIED = frozenset({"busy", "no_answer", "unreachable"})
INTERRUPTED = "interrupted"
"""The call process ended before anybody picked up: that was no try."""
NOT_CALLED = "not_called"
RESULTS = (
    "confirmed",
    "heard",
    "part",
    "busy",
    "no_answer",
    "refused",
    "wrong_number",
    "unreachable",
    "barred",
    "do_not_call",
    NOT_CALLED,
)
"""How it can end for a number, in the order they are shown."""
INTERRUPTED_WAIT_S = 30.0
SKIPS_AT_ONCE = 200
"""Numbers passed over in one look; the rest wait for the next, so that no look takes long."""
DEAD_STREAK = 20
"""So many unreachable numbers in a row are our own fault: the campaign pauses."""


class State(StrEnum):
    """Where a campaign stands."""

    NEW = "new"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    """Nobody more is called; calls go on to their end."""
    OVER = "over"


MOVES: Mapping[tuple[State, str], str] = {
    (State.NEW, "start"): "campaign.started",
    (State.RUNNING, "pause"): "campaign.paused",
    (State.PAUSED, "resume"): "campaign.resumed",
    (State.NEW, "stop"): "campaign.stopped",
    (State.RUNNING, "stop"): "campaign.stopped",
    (State.PAUSED, "stop"): "campaign.stopped",
}
"""What a person may do when, and the event it leaves."""
LEADS_TO: Mapping[str, State] = {
    "campaign.started": State.RUNNING,
    "campaign.resumed": State.RUNNING,
    "campaign.paused": State.PAUSED,
    "campaign.stopped": State.STOPPING,
    "campaign.ended": State.OVER,
}


@dataclass(frozen=True, slots=True)
class Log:
    """Write a fact of this campaign to the journal."""

    kind: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dial:
    """Call this number now; `called` or `not_dialled` follows at once."""

    number: str


Do = Log | Dial


@dataclass(slots=True)
class Number:
    """How it stands with one number."""

    tries: int = 0
    again_s: float | None = None
    """When it is called again."""
    call: str = ""
    """The call under way."""
    answered: bool = False
    outcome: str = ""
    """Of the last try."""
    result: str = ""
    """How it ended for this number; empty while it has not."""


class Campaign:
    """One campaign. What it logs must be given back to `apply` when it is read again, in the same order."""

    def __init__(self, plan: Plan, numbers: Sequence[str], days: Mapping[str, str] | None = None) -> None:
        self.plan = plan
        self.state = State.NEW
        self.why = ""
        """Why it is paused or over."""
        self._days = days or {}
        self._order = tuple(numbers)
        self._numbers = {number: Number() for number in numbers}
        self._next = 0
        """The first of `_order` that was never tried."""
        self._again: list[tuple[float, str]] = []
        self._calling: set[str] = set()
        self._results: Counter[str] = Counter()
        self._streak = 0

    @property
    def calling(self) -> int:
        """Calls under way."""
        return len(self._calling)

    @property
    def total(self) -> int:
        """How many numbers there are."""
        return len(self._order)

    @property
    def results(self) -> Mapping[str, int]:
        """How many numbers ended how."""
        return self._results

    def number(self, number: str) -> Number:
        """How it stands with one number; KeyError when it is none of ours."""
        return self._numbers[number]

    def move(self, what: str, by: str) -> list[Log]:
        """A person starts, pauses, resumes or stops it; raises Refused when that cannot be now."""
        kind = MOVES.get((self.state, what))
        if kind is None:
            raise Refused("not_now")
        return [self._log(kind, by=by), *self._over()]

    def act(self, now: float, free: int, kept_from: Callable[[str], str]) -> list[Do]:
        """Whom to call now. `free` lines are idle; `kept_from` says why a number may not be called."""
        if self.state is not State.RUNNING:
            return []
        if is_past(self.plan, now):
            return [self._log("campaign.stopped", by="", why="last_day"), *self._over()]
        if not is_open(self.plan, self._days, now):
            return []
        todo: list[Do] = []
        room = min(self.plan.lines - self.calling, free - self.plan.keep_free)
        skips = 0
        while room > 0 and skips < SKIPS_AT_ONCE and (number := self._pick(now)) is not None:
            if why := kept_from(number):
                skips += 1
                todo.append(self._tried(number, why, 0.0, now))
            else:
                room -= 1
                self._calling.add(number)
                todo.append(Dial(number))
        return [*todo, *self._over()]

    def called(self, number: str, call: str) -> Log:
        """It is being dialled, as this call."""
        return self._log("campaign.called", number=number, call=call, attempt=self._numbers[number].tries + 1)

    def not_dialled(self, number: str, now: float) -> None:
        """There was no line after all: it is called a little later."""
        self._calling.discard(number)
        heapq.heappush(self._again, (now + 1.0, number))
        self._numbers[number].again_s = now + 1.0

    def answered(self, number: str) -> Log:
        """Somebody picked up."""
        return self._log("campaign.answered", number=number, call=self._numbers[number].call)

    def ended(self, number: str, outcome: str, seconds: float, now: float) -> list[Log]:
        """The call is over."""
        logs = [self._tried(number, outcome, seconds, now)]
        if self._streak >= DEAD_STREAK and self.state is State.RUNNING:
            logs.append(self._log("campaign.paused", by="", why="unreachable"))
        return [*logs, *self._over()]

    def recover(self, now: float) -> list[Log]:
        """Another life begins: calls that were under way are over."""
        logs = []
        for number in sorted(self._calling):
            outcome = "part" if self._numbers[number].answered else INTERRUPTED
            logs.append(self._tried(number, outcome, 0.0, now))
        return [*logs, *self._over()]

    def apply(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Take in one of its events; what it does not know changes nothing."""
        if (state := LEADS_TO.get(kind)) is not None and self.state is not State.OVER:
            self.state, self.why = state, str(facts.get("why", ""))
            self._streak = 0
            if state is State.OVER:
                self._finish()
        number = self._numbers.get(str(facts.get("number", "")))
        if number is None:
            return
        if kind == "campaign.called":
            number.call, number.answered, number.again_s = str(facts["call"]), False, None
            number.tries += 1
            self._calling.add(str(facts["number"]))
        elif kind == "campaign.answered":
            number.answered = True
        elif kind == "campaign.tried":
            self._apply_tried(number, facts)

    def _apply_tried(self, number: Number, facts: Mapping[str, Any]) -> None:
        name, outcome = str(facts["number"]), str(facts["outcome"])
        self._calling.discard(name)
        number.call, number.answered = "", False
        if outcome == INTERRUPTED:
            number.tries -= 1
        else:
            number.outcome = outcome
        self._streak = self._streak + 1 if outcome == "unreachable" else 0
        number.again_s = None
        if facts["result"]:
            self._set_result(number, str(facts["result"]))
        else:
            number.again_s = float(facts["again_s"])
            heapq.heappush(self._again, (number.again_s, name))

    def _pick(self, now: float) -> str | None:
        """The number whose turn it is: who was to be called again goes before who never was."""
        while self._again and self._again[0][0] <= now:
            at, name = heapq.heappop(self._again)
            number = self._numbers[name]
            if number.again_s == at and not number.result and name not in self._calling:
                number.again_s = None
                return name
        while self._next < len(self._order):
            name = self._order[self._next]
            self._next += 1
            number = self._numbers[name]
            if not (number.tries or number.result or name in self._calling or number.again_s is not None):
                return name
        return None

    def _tried(self, name: str, outcome: str, seconds: float, now: float) -> Log:
        number = self._numbers[name]
        result, again_s = "", 0.0
        if outcome in FINAL:
            result = outcome
        elif outcome == INTERRUPTED:
            again_s = now + INTERRUPTED_WAIT_S
        elif number.tries >= self.plan.tries:
            result = outcome
        else:
            again_s = now + (self.plan.busy_wait_s if outcome == "busy" else self.plan.no_answer_wait_s)
        return self._log(
            "campaign.tried",
            number=name,
            call=number.call,
            attempt=number.tries,
            outcome=outcome,
            seconds=round(seconds, 1),
            result=result,
            again_s=round(again_s, 1),
        )

    def _over(self) -> list[Log]:
        """It is over when every number has a result, or when it was stopped and the last call ended."""
        if self._calling or self.state is State.OVER:
            return []
        if self.state is State.STOPPING:
            return [self._log("campaign.ended", why=self.why or "stopped")]
        if self.state is not State.NEW and sum(self._results.values()) == self.total:
            return [self._log("campaign.ended", why="done")]
        return []

    def _finish(self) -> None:
        """Whoever was not reached by now never is."""
        for number in self._numbers.values():
            if not number.result:
                self._set_result(number, number.outcome or NOT_CALLED)

    def _set_result(self, number: Number, result: str) -> None:
        if number.result:
            self._results[number.result] -= 1
        number.result = result
        self._results[result] += 1

    def _log(self, kind: str, **facts: Any) -> Log:
        log = Log(kind, facts)
        self.apply(kind, facts)
        return log
