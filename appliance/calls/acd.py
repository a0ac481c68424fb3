"""Automatic call distribution (排队机): who is waiting, who is ready, who is offered what.

A pure machine: calls and agents come and go with `now`, `next_event` tells what it
decided, `timer` when it wants to be woken. Within a queue the call that came first is
offered to the agent who has been idle longest. A refusal is `Refused` with a word of
`appliance.calls.wire.REASONS`.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from appliance.published import Agent, Queue
from appliance.refused import Refused

MISSED = "missed"
DECLINED = "declined"
SIGNED_IN = "signed_in"
RESERVED_S = 30.0
"""How long an agent's phone rings for a call that comes past the queue."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call in a queue."""

    call: str
    queue: str
    since_s: float


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


@dataclass(frozen=True, slots=True)
class Offer:
    """Ring this agent for this call."""

    call: str
    agent: str


@dataclass(frozen=True, slots=True)
class OfferOver:
    """Stop ringing: the agent did not take the call (missed, declined), or the call is gone."""

    call: str
    agent: str
    why: str


@dataclass(frozen=True, slots=True)
class Changed:
    """An agent's state is another now."""

    agent: AgentState


Decision = Offer | OfferOver | Changed


class Acd:
    """Waiting calls and agents' states of one box."""

    def __init__(self, queues: Iterable[Queue], agents: Iterable[Agent]) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._agents: dict[str, AgentState] = {}
        self._events: deque[Decision] = deque()
        self._queues: Mapping[str, Queue] = {}
        self._serves: Mapping[str, tuple[str, ...]] = {}
        self.define(queues, agents)

    def define(self, queues: Iterable[Queue], agents: Iterable[Agent]) -> None:
        """Take a new list of queues and agents; states and waiting calls stay."""
        self._queues = {queue.name: queue for queue in queues}
        self._serves = {agent.number: agent.queues for agent in agents}
        for number in self._serves:
            self._agents.setdefault(number, AgentState(number))

    def agent(self, number: str) -> AgentState:
        """Return an agent's state; Refused when there is no such agent."""
        try:
            return self._agents[number]
        except KeyError:
            raise Refused("unknown_agent") from None

    def agents(self) -> list[AgentState]:
        """Return every agent's state."""
        return list(self._agents.values())

    def waiting(self, queue: str) -> list[Waiting]:
        """Return the calls waiting in a queue, first come first."""
        return sorted((w for w in self._waiting.values() if w.queue == queue), key=lambda w: w.since_s)

    def position(self, call: str) -> int:
        """Return a waiting call's place, 1 is next."""
        mine = self._waiting[call]
        return 1 + sum(w.since_s < mine.since_s for w in self.waiting(mine.queue))

    def free(self, queue: str) -> int:
        """Return how many agents could take a call of this queue at once."""
        return sum(self._eligible(agent, queue) for agent in self._agents.values())

    def sign_in(self, number: str, now: float) -> None:
        """Begin a shift, not yet ready."""
        if self.agent(number).state == "offline":
            self._set(number, "paused", now, reason=SIGNED_IN)

    def sign_out(self, number: str, now: float) -> None:
        """End a shift; refused while talking, an offered call goes back."""
        agent = self._present(number)
        if agent.state == "busy":
            raise Refused("talking")
        if agent.state == "offered":
            self._withdraw(agent, DECLINED)
        self._set(number, "offline", now)
        self._distribute(now)

    def ready(self, number: str, now: float) -> None:
        """Take calls from now on; while talking it cancels a pause asked for."""
        agent = self._present(number)
        if agent.state == "busy":
            self._agents[number] = replace(agent, next_pause="")
        elif agent.state != "ready" and agent.state != "offered":
            self._set(number, "ready", now)
            self._distribute(now)

    def pause(self, number: str, reason: str, now: float) -> None:
        """Take no calls; while talking it begins when the call is over."""
        agent = self._present(number)
        if agent.state == "busy":
            self._agents[number] = replace(agent, next_pause=reason)
            self._events.append(Changed(self._agents[number]))
            return
        if agent.state == "offered":
            self._withdraw(agent, DECLINED)
        self._set(number, "paused", now, reason=reason)
        self._distribute(now)

    def phone(self, number: str, up: bool, now: float) -> None:
        """The agent's phone is there, or gone; without it no call is offered."""
        agent = self.agent(number)
        if agent.phone_up != up:
            self._agents[number] = replace(agent, phone_up=up)
            self._events.append(Changed(self._agents[number]))
            self._distribute(now)

    def join(self, call: str, queue: str, now: float) -> None:
        """A call begins to wait; joining again keeps its place."""
        if call not in self._waiting:
            self._waiting[call] = Waiting(call, queue, now)
            self._distribute(now)

    def reserve(self, call: str, number: str, now: float, offer_s: float = RESERVED_S) -> None:
        """Ring one agent for a call that comes past the queue; Refused while the agent is in another.

        What follows is as with an offer: `accepted`, `declined`, or the time runs out.
        """
        agent = self._present(number)
        if agent.state in ("busy", "offered"):
            raise Refused("agent_busy")
        if not agent.phone_up:
            raise Refused("phone_down")
        back = agent.state if agent.state in ("ready", "paused") else "ready"
        self._set(number, "offered", now, call=call, until=now + offer_s)
        self._agents[number] = replace(self._agents[number], back=back, back_reason=agent.reason)

    def leave(self, call: str, now: float) -> None:
        """A call waits no longer: it hung up, or went another way."""
        self._waiting.pop(call, None)
        for agent in self._holding(call, "offered"):
            self._withdraw(agent, "gone")
            self._set(agent.number, agent.back or "ready", now, reason=agent.back_reason, keep_idle=True)
        self._distribute(now)

    def accepted(self, call: str, number: str, now: float) -> None:
        """The offered agent picked up."""
        agent = self.agent(number)
        if agent.state != "offered" or agent.call != call:
            raise Refused("no_offer")
        self._waiting.pop(call, None)
        self._set(number, "busy", now, call=call)

    def declined(self, number: str, now: float, why: str = DECLINED) -> None:
        """The offered agent did not take the call; the agent rests, the call keeps its place."""
        agent = self.agent(number)
        if agent.state != "offered":
            raise Refused("no_offer")
        self._withdraw(agent, why)
        if agent.back:
            self._set(number, agent.back, now, reason=agent.back_reason)
        else:
            self._set(number, "paused", now, reason=why)
        self._distribute(now)

    def cleared(self, number: str, now: float) -> None:
        """The agent's call is over: wrap-up begins, or the pause asked for meanwhile."""
        agent = self.agent(number)
        if agent.state != "busy":
            return
        if agent.next_pause:
            self._set(number, "paused", now, reason=agent.next_pause)
        else:
            wrap_up_s = max((self._queues[q].wrap_up_s for q in self._queues_of(number)), default=0.0)
            self._set(number, "wrap_up", now, call=agent.call, until=now + wrap_up_s)

    def timer(self) -> float | None:
        """When `on_timer` wants to be called."""
        return min((a.until_s for a in self._agents.values() if a.until_s is not None), default=None)

    def on_timer(self, now: float) -> None:
        """Let offers and wrap-ups run out."""
        for agent in list(self._agents.values()):
            if agent.until_s is None or agent.until_s > now:
                continue
            if agent.state == "offered":
                self.declined(agent.number, now, MISSED)
            else:
                self.ready(agent.number, now)

    def next_event(self) -> Decision | None:
        """Return the next decision, or None."""
        return self._events.popleft() if self._events else None

    def _distribute(self, now: float) -> None:
        for waiting in sorted(self._waiting.values(), key=lambda w: w.since_s):
            if self._holding(waiting.call, "offered"):
                continue
            ready = [a for a in self._agents.values() if self._eligible(a, waiting.queue)]
            if ready:
                chosen = min(ready, key=lambda a: (a.idle_since_s, a.number))
                queue = self._queues[waiting.queue]
                self._set(chosen.number, "offered", now, call=waiting.call, until=now + queue.offer_s)
                self._events.append(Offer(waiting.call, chosen.number))

    def _eligible(self, agent: AgentState, queue: str) -> bool:
        return agent.state == "ready" and agent.phone_up and queue in self._queues_of(agent.number)

    def _queues_of(self, number: str) -> list[str]:
        return [queue for queue in self._serves.get(number, ()) if queue in self._queues]

    def _holding(self, call: str, state: str) -> list[AgentState]:
        return [a for a in self._agents.values() if a.call == call and a.state == state]

    def _present(self, number: str) -> AgentState:
        agent = self.agent(number)
        if agent.state == "offline":
            raise Refused("not_signed_in")
        return agent

    def _withdraw(self, agent: AgentState, why: str) -> None:
        self._events.append(OfferOver(agent.call, agent.number, why))

    def _set(
        self,
        number: str,
        state: str,
        now: float,
        reason: str = "",
        call: str = "",
        until: float | None = None,
        keep_idle: bool = False,
    ) -> None:
        before = self._agents[number]
        idle_s = before.idle_since_s if state != "ready" or keep_idle else now
        self._agents[number] = replace(
            before,
            state=state,
            since_s=now,
            reason=reason,
            call=call,
            until_s=until,
            idle_since_s=idle_s,
            next_pause="",
            back="",
            back_reason="",
        )
        self._events.append(Changed(self._agents[number]))
