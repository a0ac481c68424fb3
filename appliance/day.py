"""One day of a box, folded from its log: what each agent did, and its calls by quarter hours.

A pure fold: events of any kind go in as they arrived, figures come out. States that began
before midnight count from midnight on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.events import Event

QUARTER_S = 900.0
QUARTERS = 96
COUNTED = ("busy", "wrap_up", "paused", "ready")
"""States of an agent whose time is added up; being rung is neither work nor rest."""


@dataclass(slots=True)
class AgentDay:
    """What an agent did today. Times are seconds."""

    calls_in: int = 0
    calls_out: int = 0
    spent_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0.0))
    """Time in a state, without the one going on."""
    state: str = "offline"
    since_s: float = 0.0
    """When the present state began, as Unix seconds."""
    shift_since_s: float = 0.0
    """When the shift began; 0 when off shift."""


@dataclass(slots=True)
class Quarter:
    """The calls that began in one quarter of an hour."""

    came: int = 0
    answered: int = 0
    abandoned: int = 0
    out: int = 0
    failed: int = 0
    """Lost by a fault of ours, or a line that went down."""


class Day:
    """The figures of the day that began at `midnight_s` (Unix seconds)."""

    def __init__(self, midnight_s: float) -> None:
        self.midnight_s = midnight_s
        self.agents: dict[str, AgentDay] = {}
        self.quarters = [Quarter() for _ in range(QUARTERS)]
        self._calls: dict[bytes, tuple[Quarter, bool]] = {}
        """Calls of the day that have not ended: their quarter, and whether they go out."""

    def take(self, event: Event) -> None:
        """Fold one event; what cannot be read changes nothing."""
        match event.kind:
            case "call.ringing":
                self._began(event, event.facts)
            case "call.answered":
                self._answered(event, event.facts)
            case "call.passed" if (to := str(event.facts.get("next", ""))) and event.at_s >= self.midnight_s:
                self.agents.setdefault(to, AgentDay()).calls_in += 1
            case "call.ended":
                self._ended(event, event.facts)
            case "agent.state":
                self._agent(event.at_s, event.facts)
            case "line.state" if event.facts.get("state") == "down":
                if (quarter := self._quarter(event.at_s)) is not None:
                    quarter.failed += 1

    def spent_s(self, agent: str, now: float) -> dict[str, float]:
        """Time an agent spent in each state, the present one included."""
        day = self.agents.get(agent, AgentDay())
        spent = dict(day.spent_s)
        if day.state in spent:
            spent[day.state] += max(0.0, now - max(day.since_s, self.midnight_s))
        return spent

    def _began(self, event: Event, facts: Mapping[str, object]) -> None:
        quarter = self._quarter(event.at_s)
        out = facts.get("direction") == "out"
        if quarter is None:
            return
        if out:
            quarter.out += 1
        else:
            quarter.came += 1
        self._calls[event.subject] = quarter, out

    def _answered(self, event: Event, facts: Mapping[str, object]) -> None:
        quarter, out = self._calls.get(event.subject, (None, False))
        if quarter is None and event.at_s < self.midnight_s:
            return
        agent = self.agents.setdefault(str(facts.get("agent", "")), AgentDay())
        if out:
            agent.calls_out += 1
        else:
            agent.calls_in += 1
            if quarter is not None:
                quarter.answered += 1

    def _ended(self, event: Event, facts: Mapping[str, object]) -> None:
        quarter, out = self._calls.pop(event.subject, (None, False))
        if quarter is None:
            return
        if facts.get("outcome") == "lost":
            quarter.failed += 1
        elif facts.get("outcome") == "abandoned" and not out:
            quarter.abandoned += 1

    def _agent(self, at_s: float, facts: Mapping[str, object]) -> None:
        agent = self.agents.setdefault(str(facts.get("agent", "")), AgentDay())
        state = str(facts.get("state", ""))
        if state == agent.state:
            return
        if agent.state in agent.spent_s:
            agent.spent_s[agent.state] += max(0.0, at_s - max(agent.since_s, self.midnight_s))
        if agent.state == "offline":
            agent.shift_since_s = at_s
        elif state == "offline":
            agent.shift_since_s = 0.0
        agent.state, agent.since_s = state, at_s

    def _quarter(self, at_s: float) -> Quarter | None:
        index = int((at_s - self.midnight_s) // QUARTER_S)
        return self.quarters[index] if 0 <= index < QUARTERS else None
