"""Who may take a waiting call, and who of them first: the rules of distribution, without any state.

A preference (the agent spoken with last, the caller's area, the level) both limits and
ranks: until the queue's patience is over only the best on duty may take the call, later
the best come first. Among equals the queue's strategy decides.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf

from appliance.published import Agent, Area, Queue

CALL = "call"
CALLBACK = "callback"
RING_MAX = 20
"""How many phones ring for one call, at most."""
ON_DUTY = frozenset({"ready", "offered", "busy", "wrap_up"})
"""Who takes calls now or soon: worth waiting for."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call in a queue, or a caller who hung up and is called back in turn."""

    call: str
    queue: str
    since_s: float
    priority: int = 0
    caller: str = ""
    area: str = ""
    last_agent: str = ""
    """Whom the caller spoke with lately."""
    kind: str = CALL
    number: str = ""
    """For a callback: whom to call."""
    place: int = 1
    """The place it had on joining; of a callback, on asking for it."""
    asked_s: float = 0.0
    """For a callback: when it was asked for."""
    tries: int = 0
    """For a callback: how often nobody was reached."""
    offered: bool = False
    """Whether an agent's phone ever rang for it."""
    missed_by: frozenset[str] = frozenset()
    overflows_s: float = inf
    """When it overflows, unless it is offered then."""
    overflows_by: str = ""
    """time, or length."""
    not_before_s: float = 0.0
    nth: int = 0
    """Grows from call to call."""
    been: tuple[str, ...] = ()
    """Queues it has overflowed from."""

    @property
    def order(self) -> tuple[int, float, int]:
        """Sorts who is served first: the higher priority, then who came first."""
        return -self.priority, self.since_s, self.nth


@dataclass(frozen=True, slots=True)
class AgentState:
    """An agent now: offline, ready, offered, busy, wrap_up, or paused with a reason."""

    number: str
    state: str = "offline"
    since_s: float = 0.0
    reason: str = ""
    call: str = ""
    until_s: float | None = None
    """When the offer or the wrap-up runs out."""
    idle_since_s: float = 0.0
    phone_up: bool = False
    next_pause: str = ""
    """A pause asked for while talking; begins when the call is over."""
    back: str = ""
    """Where a reserved agent goes back to when nothing comes of it."""
    back_reason: str = ""
    queue: str = ""
    """The queue its call came from."""
    calls: int = 0
    """Calls taken today."""
    missed: int = 0
    """Offers missed or declined today."""
    misses: int = 0
    """Offers missed in a row."""
    turn: int = 0
    """Grows with every offer made on the box: who has the lowest was offered a call longest ago."""

    @property
    def rings(self) -> bool:
        """Whether the phone rings for a call of a queue."""
        return self.state == "offered" and not self.back

    @property
    def on_duty(self) -> bool:
        """Whether this agent takes calls now or soon."""
        return self.phone_up and self.state in ON_DUTY


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a queue chooses among agents equally fit: lowest `order` first, `phones` at once."""

    order: Callable[[AgentState], float]
    phones: int = 1


STRATEGIES: Mapping[str, Strategy] = {
    "longest_idle": Strategy(lambda agent: agent.idle_since_s),
    "fewest_calls": Strategy(lambda agent: agent.calls),
    "round_robin": Strategy(lambda agent: agent.turn),
    "ring_all": Strategy(lambda agent: agent.idle_since_s, phones=RING_MAX),
}


@dataclass(frozen=True, slots=True)
class Preference:
    """Who is better for a call (higher), and how long it waits for the best on duty."""

    score: Callable[[Agent, Waiting], int]
    patience_s: Callable[[Queue], float]


PREFERENCES = (
    Preference(
        lambda agent, call: agent.number == call.last_agent,
        lambda queue: queue.last_agent_wait_s if queue.last_agent_h else 0.0,
    ),
    Preference(
        lambda agent, call: not call.area or not agent.areas or call.area in agent.areas,
        lambda queue: queue.area_wait_s,
    ),
    Preference(lambda agent, call: agent.levels.get(call.queue, 1), lambda queue: queue.level_wait_s),
)
"""In order of weight."""


def scores(agent: Agent, call: Waiting) -> tuple[int, ...]:
    """How fit an agent is for a call; more is better."""
    return tuple(int(preference.score(agent, call)) for preference in PREFERENCES)


def patience_ends(call: Waiting, queue: Queue) -> list[float]:
    """The times from which a call is content with one more kind of agent."""
    return [call.since_s + p.patience_s(queue) for p in PREFERENCES if p.patience_s(queue) > 0]


def candidates(
    call: Waiting, queue: Queue, served_by: Iterable[tuple[AgentState, Agent]], now: float
) -> list[AgentState]:
    """Return whose phones may ring for a call now, those to ring first in front.

    `served_by` are all agents of the queue. Who missed this call comes after everybody else,
    however fit, or a good agent who is not at the desk would keep the call from all others. When
    several phones may ring at once, only agents are named who are as fit as the best who has not
    missed the call, of those ready or ringing for it already.
    """
    there = [(state, agent) for state, agent in served_by if state.on_duty]
    for preference in PREFERENCES:
        if there and now < call.since_s + preference.patience_s(queue):
            best = max(preference.score(agent, call) for _, agent in there)
            there = [pair for pair in there if preference.score(pair[1], call) == best]
    strategy = STRATEGIES[queue.strategy]
    found = [
        ((state.number in call.missed_by, *(-score for score in scores(agent, call))), state)
        for state, agent in there
        if state.state == "ready" or (state.rings and state.call == call.call)
    ]
    if strategy.phones > 1 and found:
        fittest = min(fitness for fitness, _ in found)[1:]
        found = [(fitness, state) for fitness, state in found if fitness[1:] <= fittest]
    found.sort(key=lambda f: (f[0], strategy.order(f[1]), f[1].number))
    return [state for _, state in found if state.state == "ready"]


def area_of(caller: str, areas: Iterable[Area]) -> str:
    """The area a caller's number belongs to: the one with the longest prefix; empty when none has."""
    matching = [(len(p), area.name) for area in areas for p in area.prefixes if caller.startswith(p)]
    return max(matching)[1] if matching else ""
