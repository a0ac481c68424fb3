"""Seats: agents at extensions, their phones ringing, and the orders that come from their desks."""

from collections.abc import Callable, Iterable

from appliance.calls.acd import DECLINED, MISSED, Acd, AgentState, Changed, Offer, OfferOver
from appliance.calls.callbacks import GaveUp
from appliance.calls.calling_back import CallingBack
from appliance.calls.conversation import Conversation
from appliance.calls.exchange import Exchange
from appliance.calls.ledger import Ledger
from appliance.calls.legs import NO_WRAP_UP, Leg, Legs, Purpose
from appliance.calls.own_calls import OwnCalls
from appliance.calls.ports import Called
from appliance.calls.roster import Roster
from appliance.calls.seat_views import queue_views, seat_view
from appliance.calls.stand import Engaged
from appliance.calls.waiting import EXPECT_MAX_S, Overflow
from appliance.calls.wire import QueueView, Seat
from appliance.events import Fact
from appliance.published import Published, Queue
from appliance.refused import Refused
from hardware.browser import BrowserLine
from hardware.line import Alerting, Answered, Cause, Cleared, Line, Signal


class Seats:
    """Who sits where, who rings, who talks. All methods run in the event loop."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        exchange: Exchange,
        ledger: Ledger,
        roster: Roster,
        changed: Callable[[Seat], None],
        wake: Callable[[], None],
    ) -> None:
        self._now = now
        self._exchange = exchange
        self._ledger = ledger
        self.roster = roster
        self._changed = changed
        self._wake = wake
        self._queues: dict[str, Queue] = {}
        self._acd = Acd((), ())
        self._talks: dict[str, Conversation] = {}
        """Calls that wait or talk, by name."""
        self._own = OwnCalls(self._acd, now)
        self.callbacks = CallingBack(now, self._acd, ledger)
        self.callback_ring_s = 0.0
        self.legs = Legs()
        self.talks: Called
        self._ending: list[str] = []
        """Lines we hung up and that may be dialling anew before they say `Cleared`."""

    def define(self, published: Published) -> None:
        """Take the published agents, extensions and queues."""
        self.roster.define(published)
        self._queues = {queue.name: queue for queue in published.queues}
        self._acd.define(published.queues, published.agents, published.areas, published.callback)
        self.callbacks.hotlines = frozenset(published.numbers)
        self.callbacks.queues = tuple(self._queues)
        self.callback_ring_s = published.callback.ring_s

    def busy(self, queue: str) -> bool:
        """Whether nobody could take a call at once, or others wait already."""
        now = self._now()
        ahead = [call for call in self._acd.waiting(queue) if call.not_before_s <= now]
        return self._acd.free(queue) <= len(ahead)

    def position(self, call: str, queue: str, priority: int) -> int:
        """A call's place in a queue, or the one it would get."""
        return self._acd.position(call, queue, priority)

    def expect(self, call: str, queue: str, priority: int) -> float | None:
        """How many seconds a call is likely to wait from now; None when nobody knows."""
        expect_s = self._acd.expect_s(call, queue, priority)
        return expect_s if expect_s is not None and expect_s < EXPECT_MAX_S else None

    def survey(self, queue: str) -> bool:
        """Whether callers of a queue rate the talk when the agent has hung up."""
        return queue in self._queues and self._queues[queue].survey

    def music(self, queue: str) -> str:
        """What callers of a queue hear while they wait."""
        return self._queues[queue].music if queue in self._queues else ""

    def keep_place(self, talk: Conversation, number: str) -> str:
        """Have a waiting caller called back: ``kept``, or why not."""
        answer = self.callbacks.keep_place(talk, number)
        self._settle()
        return answer

    def cancel_callback(self, leader: str, callback: str, reason: str) -> None:
        """A shift leader takes a callback out."""
        if not self.roster.leads(leader):
            raise Refused("not_leader")
        self.callbacks.cancel(callback, leader, reason)
        self._settle()

    def join(self, talk: Conversation, queue: str, since_s: float | None = None) -> None:
        """A call begins to wait, or has waited since then."""
        self._talks[talk.name] = talk
        at_s = self._now() if since_s is None else since_s
        self._acd.join(talk.name, queue, at_s, talk.priority, talk.call.caller, talk.area)
        self._settle()

    def leave(self, talk: Conversation) -> None:
        """A call waits no longer."""
        self._talks.pop(talk.name, None)
        self._acd.leave(talk.name, self._now())
        self._settle()

    def caller_gone(self, talk: Conversation) -> None:
        """The caller hung up: everybody else is hung up too."""
        self.callbacks.over(talk, next((leg.agent for leg in self.legs.of(talk) if leg.answered), ""))
        for leg in self.legs.of(talk):
            if leg.answered:
                leg.line.hangup(Cause.NORMAL)
            else:
                self.call_off(leg)
        self._talks.pop(talk.name, None)

    def invite(
        self, talk: Conversation, agent: str, purpose: Purpose, by: str = "", lifted: bool = False
    ) -> Leg:
        """Ring an agent's phone for a talk, past the queue; Refused when the agent cannot take it.

        A browser phone whose own user asked for it (`by`, or `lifted`) picks up by itself.
        """
        extension = self.roster.at(agent)
        if not extension:
            raise Refused("not_signed_in" if self.roster.knows(agent) else "unknown_agent")
        line = self.roster.line_to(extension)
        if line is None or self.legs.taken(line.name):
            raise Refused("no_line")
        before = self._acd.agent(agent)
        self._acd.reserve(talk.name, agent, self._now())
        self._talks[talk.name] = talk
        rests = before.reason if before.state == "paused" else ""
        leg = self.legs.add(Leg(line, talk, purpose, agent, agent, by, rests=rests, extension=extension))
        self._settle()
        if purpose is Purpose.QUEUE:
            talk.offered(agent, self._now())
            self._work(talk)
        line.dial(extension, talk.call.caller or None)
        if (lifted or by == agent) and isinstance(line, BrowserLine):
            line.lifted()
        return leg

    def call(
        self,
        talk: Conversation,
        line: Line,
        number: str,
        purpose: Purpose,
        by: str,
        shown: str | None,
        extension: str = "",
    ) -> Leg:
        """Call somebody who is no agent into a talk: an `extension` of ours, or a number outside."""
        leg = self.legs.add(Leg(line, talk, purpose, "", number, by, extension=extension))
        line.dial(number, shown)
        return leg

    def sit(self, leg: Leg) -> None:
        """An agent's phone has become a leg without having been rung; Refused while in another call."""
        before = self._acd.agent(leg.agent)
        self._acd.reserve(leg.talk.name, leg.agent, self._now())
        leg.rests = before.reason if before.state == "paused" else ""
        self._talks[leg.talk.name] = leg.talk
        self._settle()

    def engage(self, agent: str, talk: Conversation) -> str:
        """An agent calls from the own phone; why the agent rested. Refused while in another call."""
        rests = self._own.begin(agent, talk)
        self._talks[talk.name] = talk
        self._settle()
        return rests

    def disengage(self, agent: str, rests: str) -> None:
        """An agent's call from the own phone is over: the agent is as before."""
        if self._own.end(agent, rests):
            self._settle()

    def change_over(self, agent: str, talk: Conversation, other: str) -> None:
        """The caller's phone is not this agent's any more, but the other one's; both stay in the talk."""
        self._own.change_over(agent, talk, other)

    def engaged(self, talk: Conversation) -> tuple[Engaged, ...]:
        """The agents in a talk, for `go_on`."""
        return self._acd.engaged(talk.name)

    def go_on(self, talk: Conversation, engaged: Iterable[Engaged], caller: str) -> None:
        """An earlier life's talk goes on: who was in it is; `caller` is the agent at the caller's phone."""
        self._talks[talk.name] = talk
        if caller:
            self._own.stood(caller, talk)
        self._acd.go_on(talk.name, engaged)
        self._settle()

    def in_talk(self, leg: Leg) -> None:
        """A leg is in another talk now."""
        self._talks[leg.talk.name] = leg.talk
        if leg.agent:
            self._acd.moved(leg.agent, leg.talk.name)

    def in_call(self, extension: str) -> bool:
        """Whether the phone is in a call, or rings for one."""
        return any(leg.extension == extension for leg in self.legs) or self._exchange.calls(extension)

    def calling(self, agent: str) -> Conversation | None:
        """The talk in which an agent's phone is the caller's."""
        return self._own.talk(agent)

    def call_off(self, leg: Leg) -> None:
        """Stop ringing somebody."""
        self.legs.remove(leg)
        leg.line.hangup(Cause.NO_ANSWER)
        if leg.agent and self._acd.agent(leg.agent).call == leg.talk.name:
            self._acd.leave(leg.talk.name, self._now())
            self._settle()

    def talking(self, agent: str) -> Leg:
        """The leg of an agent who is in a talk; Refused when there is none."""
        leg = self.legs.of_agent(agent)
        if leg is None or not leg.answered:
            raise Refused("no_call")
        return leg

    def called_back(self, talk: Conversation) -> None:
        """Whom an agent called outside picked up: a callback is over with that."""
        self.callbacks.answered(talk, next((leg.agent for leg in self.legs.of(talk) if leg.answered), ""))

    def leader(self, but: str) -> str:
        """A shift leader who could be called; Refused when none can."""
        for state in self._acd.agents():
            leads = self.roster.leads(state.number) and state.number != but and state.phone_up
            if leads and state.state in ("ready", "paused", "wrap_up"):
                return state.number
        raise Refused("no_leader")

    def sign_in(self, agent: str, extension: str) -> None:
        """Bind an agent to an extension."""
        self.roster.may_sit(agent, extension)
        if self._acd.agent(agent).state in ("busy", "offered") and self.roster.at(agent) != extension:
            raise Refused("talking")
        self.roster.sit(agent, extension)
        self._acd.sign_in(agent, self._now())
        self.phone_changed(extension)
        self._settle()

    def sign_out(self, agent: str) -> None:
        """Release the extension."""
        self._acd.sign_out(agent, self._now())
        self._settle()
        self.roster.rise(agent)

    def ready(self, agent: str) -> None:
        """Take calls."""
        self._acd.ready(agent, self._now())
        self._settle()

    def pause(self, agent: str, reason: str) -> None:
        """Take no calls."""
        self._acd.pause(agent, reason, self._now())
        self._settle()

    def extend_wrap_up(self, agent: str) -> None:
        """Once more as much time for what is to be written after a call."""
        self._acd.extend_wrap_up(agent, self._now())
        self._settle()

    def answer(self, agent: str) -> None:
        """Pick up at the browser."""
        leg = self.legs.of_agent(agent)
        if leg is None or not isinstance(leg.line, BrowserLine) or not leg.line.lifted():
            raise Refused("no_offer")

    def hang_up(self, agent: str) -> None:
        """End the agent's part, or give an offered call back."""
        leg = self.legs.of_agent(agent)
        own = self._own.talk(agent)
        party = self._exchange.party(own) if own is not None else None
        if leg is None and party is None:
            raise Refused("no_call")
        (leg or party).line.hangup(Cause.NORMAL)  # type: ignore[union-attr]  # one of them is there

    def phone_changed(self, extension: str) -> None:
        """A phone came or went."""
        if agent := self.roster.agent_at(extension):
            self._acd.phone(agent, self.roster.phone_up(extension), self._now())
        self._settle()

    def signal(self, line: Line, signal: Signal) -> bool:
        """A line says something; True when it is a leg of ours and was dealt with here."""
        if line.name in self._ending:
            if isinstance(signal, Cleared):
                self._ending.remove(line.name)
            return True
        leg = self.legs.on(line.name)
        if leg is None:
            return False
        if isinstance(signal, Answered):
            self._picked_up(leg)
        elif isinstance(signal, Alerting):
            self.talks.alerting(leg, signal.early)
        elif isinstance(signal, Cleared):
            self._laid_down(leg, signal.cause)
        return True

    def timer(self) -> float | None:
        """When `on_timer` wants to be called."""
        return self._acd.timer()

    def on_timer(self) -> None:
        """Let offers and wrap-ups run out."""
        self._acd.on_timer(self._now())
        self._settle()

    def seats(self) -> list[Seat]:
        """Every seat as it stands."""
        return [self.seat(state) for state in self._acd.agents()]

    def queues(self) -> list[QueueView]:
        """Every queue as it stands."""
        return queue_views(tuple(self._queues.values()), self._acd, self.callbacks)

    def seat(self, state: AgentState) -> Seat:
        """One agent's seat."""
        return seat_view(state, self.roster, self._talks)

    def _settle(self) -> None:
        """Carry out what the queue machine decided."""
        while decision := self._acd.next_event():
            match decision:
                case Offer(call, agent, number) if number:
                    self.callbacks.turn(call, agent, number)
                case GaveUp():
                    self.callbacks.gave_up(decision)
                case Offer(call, agent):
                    self._ring(self._talks[call], agent)
                case OfferOver(call, agent, why):
                    self._stop_ringing(agent, self._talks.get(call), why)
                case Overflow(call, _, to, why):
                    if (talk := self._talks.get(call)) is not None:
                        talk.overflowed(to, why, self._now())
                        self._work(talk)
                case Changed(state):
                    self._tell(state)
        self._wake()

    def _ring(self, talk: Conversation, agent: str) -> None:
        extension = self.roster.at(agent)
        line = self.roster.line_to(extension)
        if line is None or self.legs.taken(line.name):
            self._acd.declined(agent, self._now(), MISSED)
            return
        self.legs.add(Leg(line, talk, Purpose.QUEUE, agent, agent, extension=extension))
        talk.offered(agent, self._now())
        self._work(talk)
        line.dial(extension, talk.call.caller or None)

    def _stop_ringing(self, agent: str, talk: Conversation | None, why: str) -> None:
        for leg in self.legs:
            if leg.agent == agent:
                self.legs.remove(leg)
                self._ending.append(leg.line.name)
                leg.line.hangup(Cause.NO_ANSWER)
                if leg.purpose is not Purpose.QUEUE:
                    self.talks.failed(leg, why)
        if talk is not None:
            talk.returned(why, self._now(), agent)
            self._work(talk)

    def _picked_up(self, leg: Leg) -> None:
        leg.answered, leg.answered_s = True, self._now()
        if leg.agent:
            self._acd.accepted(leg.talk.name, leg.agent, self._now())
        if leg.purpose is Purpose.QUEUE:
            extension = self.roster.at(leg.agent)
            self._exchange.agent_answered(leg.talk, leg.agent, extension, leg.line.name)
        else:
            self.talks.joined(leg)
        self._settle()

    def _laid_down(self, leg: Leg, cause: Cause) -> None:
        self.legs.remove(leg)
        why = MISSED if cause is Cause.NO_ANSWER else DECLINED
        if leg.answered:
            if leg.agent:
                self._acd.cleared(leg.agent, self._now())
                self._after_watching(leg)
            self._exchange.left(leg.talk, leg.line.name)
            self.talks.ended(leg)
            if not self.legs.of(leg.talk):
                self._talks.pop(leg.talk.name, None)
        elif leg.agent and self._acd.agent(leg.agent).state == "offered":
            self._acd.declined(leg.agent, self._now(), why)
            if leg.purpose is not Purpose.QUEUE:
                self.talks.failed(leg, why)
        else:
            self.talks.failed(leg, cause.name.lower())
        self._settle()

    def _after_watching(self, leg: Leg) -> None:
        """Who only watched has nothing to wrap up; who took a call during a break goes back to it."""
        if leg.purpose in NO_WRAP_UP or (leg.purpose is Purpose.QUEUE and leg.rests):
            self._acd.go_back(leg.agent, leg.rests, self._now())

    def _work(self, talk: Conversation) -> None:
        party = self._exchange.party(talk)
        if party is not None:
            self._exchange.work(party)

    def _tell(self, state: AgentState) -> None:
        facts = {
            "agent": state.number,
            "state": state.state,
            "reason": state.reason,
            "extension": self.roster.at(state.number),
            "call": state.call,
        }
        self._ledger.note(Fact("agent.state", facts, b""))
        self._changed(self.seat(state))
