"""Automatic call distribution (排队机): who is waiting, who is ready, who is offered what.

A pure machine: calls and agents come and go with `now`, `next_event` tells what it
decided, `timer` when it wants to be woken. A refusal is `Refused` with a word of
`appliance.calls.wire.REASONS`. How a call finds its agent (rules: `appliance.calls.routing`):

1. It joins a queue with its priority; one that finds too many waiting overflows.
2. Whenever anything changes the calls are gone through, higher priority first, then who came first.
3. For some time a call is only for the agent spoken with last, the own area, the highest level on duty.
4. Of those ready the fittest are first; among equals the queue's strategy names one, or rings all.
5. Who does not pick up is passed over, who waits too long overflows; nobody loses the place.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from time import localtime

from appliance.calls.callbacks import Callbacks, GaveUp
from appliance.calls.routing import CALLBACK, STRATEGIES, AgentState, Waiting, candidates
from appliance.calls.stand import Engaged
from appliance.calls.waiting import Overflow, WaitingCalls
from appliance.published import Agent, Area, Callback, Queue
from appliance.refused import Refused

__all__ = ["Acd", "AgentState", "Changed", "Decision", "GaveUp", "Offer", "OfferOver", "Overflow", "Waiting"]

MISSED = "missed"
DECLINED = "declined"
GONE = "gone"
SIGNED_IN = "signed_in"
WRAP_UP_MAX_S = 1800.0
"""A wrap-up is extended to so much in all."""
RESERVED_S = 30.0
"""How long an agent's phone rings for a call that comes past the queue."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Ring this agent for this call; with a `number` call that for the agent: a callback's turn."""

    call: str
    agent: str
    number: str = ""


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


Decision = Offer | OfferOver | Changed | Overflow | GaveUp


class Acd:
    """Waiting calls and agents' states of one box."""

    def __init__(self, queues: Iterable[Queue], agents: Iterable[Agent], areas: Iterable[Area] = ()) -> None:
        self._waiting = WaitingCalls()
        self.callbacks = Callbacks(self._waiting)
        self._agents: dict[str, AgentState] = {}
        self._events: deque[Decision] = deque()
        self._queues: Mapping[str, Queue] = {}
        self._serving: Mapping[str, Agent] = {}
        self._staff: Mapping[str, list[Agent]] = {}
        """Who serves which queue."""
        self._turn = 0
        self._day: tuple[int, ...] = ()
        self._seen_s = -inf
        """When the calls were last gone through."""
        self.define(queues, agents, areas)

    def define(
        self,
        queues: Iterable[Queue],
        agents: Iterable[Agent],
        areas: Iterable[Area] = (),
        callback: Callback | None = None,
    ) -> None:
        """Take a new list of queues, agents and areas; states and waiting calls stay."""
        if callback is not None:
            self.callbacks.define(callback)
        self._queues = {queue.name: queue for queue in queues}
        self._serving = {agent.number: agent for agent in agents}
        self._staff = {
            queue: [agent for agent in self._serving.values() if queue in agent.queues]
            for queue in self._queues
        }
        self._waiting.define(self._queues.values(), areas)
        for number in self._serving:
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
        """Return the calls waiting in a queue, in the order they are served."""
        return [waiting for waiting in self._waiting.in_order() if waiting.queue == queue]

    def position(self, call: str, queue: str = "", priority: int = 0) -> int:
        """Return a call's place, 1 is next; one that does not wait has the place it would get."""
        if call in self._waiting:
            return self._waiting.position(call)
        return self._waiting.next_position(queue, priority)

    def expect_s(self, call: str, queue: str = "", priority: int = 0) -> float | None:
        """Return how long a call is likely to wait from now; None when nothing is known yet.

        Its place, times the recent waits of its queue per place and agent, over the agents on duty.
        """
        queue = self._waiting[call].queue if call in self._waiting else queue
        return self._waiting.expect_s(queue, self.position(call, queue, priority), self._on_duty(queue))

    def free(self, queue: str) -> int:
        """Return how many agents could take a call of this queue at once."""
        states = [self._agents[agent.number] for agent in self._staff.get(queue, ())]
        return sum(state.state == "ready" and state.phone_up for state in states)

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
            self._withdraw(agent, DECLINED, now)
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
            self._withdraw(agent, DECLINED, now)
        self._set(number, "paused", now, reason=reason)
        self._distribute(now)

    def go_back(self, number: str, rests: str, now: float) -> None:
        """As before a call that leaves nothing to write down: on the break for this reason, or ready."""
        if rests:
            self.pause(number, rests, now)
        else:
            self.ready(number, now)

    def phone(self, number: str, up: bool, now: float) -> None:
        """The agent's phone is there, or gone; without it no call is offered."""
        agent = self.agent(number)
        if agent.phone_up != up:
            self._agents[number] = replace(agent, phone_up=up)
            self._events.append(Changed(self._agents[number]))
            self._distribute(now)

    def join(
        self, call: str, queue: str, now: float, priority: int = 0, caller: str = "", area: str = ""
    ) -> None:
        """A call begins to wait; joining again keeps its place.

        The caller's number says the agent spoken with last and, when none was keyed, the area.
        """
        if call not in self._waiting:
            self._waiting.join(call, queue, now, priority, caller, area, set(self._ringing()))
            self._distribute(now)

    def keep_place(self, call: str, number: str, now: float) -> Waiting:
        """A waiting caller is called back at `number` when the turn comes (`Callbacks.keep`)."""
        kept = self.callbacks.keep(call, number, now)
        self.leave(call, now)
        return kept

    def restore(self, callbacks: Iterable[Waiting], given_up: Iterable[Waiting], now: float) -> None:
        """Take up the callbacks an earlier life of the process left."""
        self.callbacks.restore(callbacks, given_up)
        self._events += self.callbacks.too_old(now)
        self._distribute(now)

    def spoke(self, caller: str, agent: str, at_s: float) -> None:
        """An agent spoke with a caller in an earlier life of the process."""
        self._waiting.spoke(caller, agent, at_s)

    def reached(self, call: str, number: str, now: float) -> Waiting | None:
        """Who was to be called back answered the call this agent made; None: it was for no callback."""
        callback = self.callbacks.reached(call)
        if callback is not None:
            self._waiting.spoke(callback.caller, number, now)
        return callback

    def unreached(self, call: str, why: str, now: float) -> Waiting | None:
        """The call made for a callback ended, and nobody had answered; how the callback stands."""
        callback = self.callbacks.unreached(call, now)
        if callback is not None:
            if self.callbacks.is_given_up(callback.call):
                self._events.append(GaveUp(callback, why))
            self._distribute(now)
        return callback

    def put_off(self, call: str, now: float) -> Waiting | None:
        """The agent hung up before anybody answered: later again, and it counts for nothing."""
        made = self.callbacks.of(call)
        if made is not None:
            self.callbacks.came_back(call, now)
            self._distribute(now)
        return made

    def cancel(self, name: str, now: float) -> Waiting:
        """A callback is not to be made, or was seen to (`Callbacks.cancel`)."""
        cancelled = self.callbacks.cancel(name)
        self._distribute(now)
        return cancelled

    def postpone(self, number: str, now: float) -> None:
        """The callback offered to this agent cannot be made now: later again; the agent is ready."""
        agent = self.agent(number)
        if self._callback_of(agent) is None:
            raise Refused("no_offer")
        self._release(agent, GONE, now)
        self._distribute(now)

    def reserve(self, call: str, number: str, now: float, offer_s: float = RESERVED_S) -> None:
        """Ring one agent for a call that comes past the queue; Refused while the agent is in another.

        What follows is as with an offer: `accepted`, `declined`, or the time runs out. An
        agent offered a callback is free for the call made for it, whose name this is.
        """
        agent = self._present(number)
        callback = self._callback_of(agent)
        if agent.state == "busy" or (agent.state == "offered" and callback is None):
            raise Refused("agent_busy")
        if not agent.phone_up:
            raise Refused("phone_down")
        if callback is not None:
            self.callbacks.making(callback.call, call)
            offer_s = self._waiting.settings(callback.queue).offer_s
            self._set(number, "offered", now, call=call, until=now + offer_s, queue=callback.queue)
            return
        back = agent.state if agent.state in ("ready", "paused") else "ready"
        self._set(number, "offered", now, call=call, until=now + offer_s)
        self._agents[number] = replace(self._agents[number], back=back, back_reason=agent.reason)

    def leave(self, call: str, now: float) -> None:
        """A call waits no longer: it hung up, or went another way."""
        self._waiting.drop(call)
        for agent in [a for a in self._agents.values() if a.call == call and a.state == "offered"]:
            self._release(agent, GONE, now)
        self._distribute(now)

    def accepted(self, call: str, number: str, now: float) -> None:
        """The offered agent picked up; other phones stop ringing for this call."""
        agent = self.agent(number)
        if agent.state != "offered" or agent.call != call:
            raise Refused("no_offer")
        taken = self._waiting.drop(call)
        if taken is not None:
            self._waiting.spoke(taken.caller, number, now)
        self._set(number, "busy", now, call=call, queue=taken.queue if taken else agent.queue)
        self._agents[number] = replace(self._agents[number], calls=agent.calls + 1, misses=0)
        others = [a for a in self._agents.values() if a.rings and a.call == call]
        for other in others:
            self._release(other, GONE, now)
        if others:
            self._distribute(now)

    def engaged(self, call: str) -> tuple[Engaged, ...]:
        """The agents in a talk, for `go_on`."""
        there = [agent for agent in self._agents.values() if agent.state == "busy" and agent.call == call]
        return tuple(Engaged(a.number, a.since_s, a.queue, a.next_pause) for a in there)

    def go_on(self, call: str, engaged: Iterable[Engaged]) -> None:
        """An earlier life's talk goes on: agents on duty have been in it since then."""
        for one in engaged:
            if one.agent in self._agents and self._agents[one.agent].state != "offline":
                self._set(one.agent, "busy", one.since_s, call=call, queue=one.queue)
                self._agents[one.agent] = replace(self._agents[one.agent], next_pause=one.next_pause)

    def moved(self, number: str, call: str) -> None:
        """The agent's call goes on in another."""
        agent = self.agent(number)
        if agent.state == "busy":
            self._agents[number] = replace(agent, call=call)
            self._events.append(Changed(self._agents[number]))

    def declined(self, number: str, now: float, why: str = DECLINED) -> None:
        """The offered agent did not take the call; the call keeps its place, the agent rests.

        An agent whose phone only rang is ready on until `Queue.pause_after` calls were missed in a row.
        """
        agent = self.agent(number)
        if agent.state != "offered":
            raise Refused("no_offer")
        self._withdraw(agent, why, now)
        if agent.back:
            self._set(number, agent.back, now, reason=agent.back_reason)
        else:
            misses = agent.misses + 1
            if why == MISSED and misses < self._waiting.settings(agent.queue).pause_after:
                self._set(number, "ready", now)
            else:
                self._set(number, "paused", now, reason=why)
            self._agents[number] = replace(self._agents[number], missed=agent.missed + 1, misses=misses)
            self._waiting.missed(agent.call, number)
        self._distribute(now)

    def cleared(self, number: str, now: float) -> None:
        """The agent's call is over: wrap-up begins, or the pause asked for meanwhile."""
        agent = self.agent(number)
        if agent.state != "busy":
            return
        if agent.next_pause:
            self._set(number, "paused", now, reason=agent.next_pause)
        else:
            until = now + self._wrap_up_s(agent)
            self._set(number, "wrap_up", now, call=agent.call, until=until, queue=agent.queue)
        self._distribute(now)

    def extend_wrap_up(self, number: str, now: float) -> None:
        """Give an agent as much time again after a call; Refused when not wrapping up, or at the limit."""
        agent = self._present(number)
        if agent.state != "wrap_up" or agent.until_s is None:
            raise Refused("no_call")
        until = agent.until_s + self._wrap_up_s(agent)
        if until - agent.since_s > WRAP_UP_MAX_S:
            raise Refused("no_call")
        self._agents[number] = replace(agent, until_s=until)
        self._events.append(Changed(self._agents[number]))

    def timer(self) -> float | None:
        """When `on_timer` wants to be called."""
        times = [agent.until_s for agent in self._agents.values() if agent.until_s is not None]
        if (waits := self._waiting.timer(self._seen_s)) is not None:
            times.append(waits)
        if (ends := self.callbacks.timer()) > self._seen_s and ends < inf:
            times.append(ends)
        return min(times, default=None)

    def on_timer(self, now: float) -> None:
        """Let offers, wrap-ups, patience and waits run out."""
        for agent in list(self._agents.values()):
            if agent.until_s is None or agent.until_s > now or self._agents[agent.number] is not agent:
                continue
            if agent.state == "offered":
                self.declined(agent.number, now, MISSED)
            else:
                self.ready(agent.number, now)
        self._events += self.callbacks.too_old(now)
        self._distribute(now)

    def next_event(self) -> Decision | None:
        """Return the next decision, or None."""
        return self._events.popleft() if self._events else None

    def _distribute(self, now: float) -> None:
        """Go through the calls until there is nothing to do at this moment."""
        self._seen_s = now
        if self._day != (day := localtime(now)[:3]):
            self._day = day
            for agent in self._agents.values():
                self._agents[agent.number] = replace(agent, calls=0, missed=0)
        self._offer_all(now)
        while gone := self._waiting.overflow(now, set(self._ringing())):
            self._events += gone
            self._offer_all(now)

    def _offer_all(self, now: float) -> None:
        ready = sum(agent.state == "ready" and agent.phone_up for agent in self._agents.values())
        if not ready:
            return
        ringing = self._ringing()
        for call in self._waiting.in_order():
            if not ready:
                return
            queue = self._waiting.settings(call.queue)
            phones = 1 if call.kind == CALLBACK else STRATEGIES[queue.strategy].phones
            if ringing[call.call] >= phones or now < call.not_before_s:
                continue
            served_by = [(self._agents[agent.number], agent) for agent in self._staff.get(queue.name, ())]
            for agent in candidates(call, queue, served_by, now)[: phones - ringing[call.call]]:
                self._offer(call, agent, queue, now)
                ready -= 1

    def _offer(self, call: Waiting, agent: AgentState, queue: Queue, now: float) -> None:
        self._waiting.offered(call.call, self._on_duty(queue.name), now)
        until = now + queue.offer_s
        self._set(agent.number, "offered", now, call=call.call, until=until, queue=queue.name)
        self._turn += 1
        self._agents[agent.number] = replace(self._agents[agent.number], turn=self._turn)
        self._events.append(Offer(call.call, agent.number, call.number))

    def _ringing(self) -> Counter[str]:
        """How many phones ring for which call of a queue."""
        return Counter(agent.call for agent in self._agents.values() if agent.rings)

    def _on_duty(self, queue: str) -> int:
        return sum(self._agents[agent.number].on_duty for agent in self._staff.get(queue, ()))

    def _queues_of(self, number: str) -> list[str]:
        agent = self._serving.get(number)
        return [queue for queue in agent.queues if queue in self._queues] if agent else []

    def _wrap_up_s(self, agent: AgentState) -> float:
        """What the queue allows that the agent's call came from."""
        queues = [agent.queue] if agent.queue in self._queues else self._queues_of(agent.number)
        return max((self._queues[queue].wrap_up_s for queue in queues), default=0.0)

    def _callback_of(self, agent: AgentState) -> Waiting | None:
        """The callback this agent is offered."""
        if agent.rings and agent.call in self._waiting and self._waiting[agent.call].kind == CALLBACK:
            return self._waiting[agent.call]
        return None

    def _release(self, agent: AgentState, why: str, now: float) -> None:
        """Stop ringing an agent who is not to blame: as before, and idle as long."""
        self._withdraw(agent, why, now)
        self._set(agent.number, agent.back or "ready", now, reason=agent.back_reason, keep_idle=True)

    def _present(self, number: str) -> AgentState:
        agent = self.agent(number)
        if agent.state == "offline":
            raise Refused("not_signed_in")
        return agent

    def _withdraw(self, agent: AgentState, why: str, now: float) -> None:
        self.callbacks.came_back(agent.call, now, missed_by="" if why == GONE else agent.number)
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
        queue: str = "",
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
            queue=queue,
        )
        self._events.append(Changed(self._agents[number]))
