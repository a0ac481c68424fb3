"""Seats: agents at extensions, their phones ringing, and the orders that come from their desks."""

from collections.abc import Callable, Mapping
from typing import Protocol

from appliance.calls.acd import DECLINED, MISSED, Acd, AgentState, Changed, Offer, OfferOver
from appliance.calls.conversation import Conversation
from appliance.calls.exchange import Exchange
from appliance.calls.ledger import Ledger
from appliance.calls.wire import QueueView, Seat
from appliance.events import Fact
from appliance.published import Agent, Extension, Published, Queue
from appliance.refused import Refused
from hardware.browser import BrowserLine
from hardware.line import Answered, Cause, Cleared, Line, Signal

BROWSER = "headset/"
"""Prefix of a browser extension's line name."""


class Phones(Protocol):
    """Where a desk phone's line is had from."""

    def line_to(self, extension: str) -> Line | None:
        """A free line to call this SIP extension by; None when all are taken."""

    def registered(self, extension: str) -> bool:
        """Whether the phone is there."""


class Seats:
    """Who sits where, who rings, who talks. All methods run in the event loop."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        exchange: Exchange,
        ledger: Ledger,
        phones: Phones,
        browsers: Mapping[str, BrowserLine],
        changed: Callable[[Seat], None],
        wake: Callable[[], None],
    ) -> None:
        self._now = now
        self._exchange = exchange
        self._ledger = ledger
        self._phones = phones
        self._browsers = browsers
        self._changed = changed
        self._wake = wake
        self._agents: dict[str, Agent] = {}
        self._extensions: dict[str, Extension] = {}
        self._queues: dict[str, Queue] = {}
        self._acd = Acd((), ())
        self._at: dict[str, str] = {}
        """Agent to extension, for those signed in."""
        self._talks: dict[str, Conversation] = {}
        """Calls that wait or talk, by name."""
        self._legs: dict[str, tuple[str, Conversation, Line]] = {}
        """Lines to agents' phones: line name to (agent, call, line)."""

    def define(self, published: Published) -> None:
        """Take the published agents, extensions and queues."""
        self._agents = {agent.number: agent for agent in published.agents}
        self._extensions = {extension.number: extension for extension in published.extensions}
        self._queues = {queue.name: queue for queue in published.queues}
        self._acd.define(published.queues, published.agents)

    def busy(self, queue: str) -> bool:
        """Whether nobody could take a call at once, or others wait already."""
        return self._acd.free(queue) <= len(self._acd.waiting(queue))

    def position(self, call: str) -> int:
        """A call's place, or the one it would get."""
        talk = self._talks.get(call)
        if talk is None:
            return len(self._acd.waiting(next(iter(self._queues), ""))) + 1
        return self._acd.position(call)

    def join(self, talk: Conversation, queue: str) -> None:
        """A call begins to wait."""
        self._talks[talk.name] = talk
        self._acd.join(talk.name, queue, self._now())
        self._settle()

    def leave(self, talk: Conversation) -> None:
        """A call waits no longer."""
        self._talks.pop(talk.name, None)
        self._acd.leave(talk.name, self._now())
        self._settle()

    def caller_gone(self, talk: Conversation) -> None:
        """The caller hung up: the agent's phone is hung up too."""
        for _, held, line in list(self._legs.values()):
            if held is talk:
                line.hangup(Cause.NORMAL)
        self._talks.pop(talk.name, None)

    def sign_in(self, agent: str, extension: str) -> None:
        """Bind an agent to an extension."""
        if agent not in self._agents:
            raise Refused("unknown_agent")
        if extension not in self._extensions:
            raise Refused("unknown_extension")
        taken = next((a for a, e in self._at.items() if e == extension and a != agent), "")
        if taken:
            raise Refused("extension_taken")
        if self._acd.agent(agent).state in ("busy", "offered") and self._at.get(agent) != extension:
            raise Refused("talking")
        self._at[agent] = extension
        self._acd.sign_in(agent, self._now())
        self.phone_changed(extension)
        self._settle()

    def sign_out(self, agent: str) -> None:
        """Release the extension."""
        self._acd.sign_out(agent, self._now())
        self._settle()
        self._at.pop(agent, None)

    def ready(self, agent: str) -> None:
        """Take calls."""
        self._acd.ready(agent, self._now())
        self._settle()

    def pause(self, agent: str, reason: str) -> None:
        """Take no calls."""
        self._acd.pause(agent, reason, self._now())
        self._settle()

    def answer(self, agent: str) -> None:
        """Pick up at the browser."""
        for holder, _, line in list(self._legs.values()):
            if holder == agent and isinstance(line, BrowserLine) and line.lifted():
                return
        raise Refused("no_offer")

    def hang_up(self, agent: str) -> None:
        """End the agent's call, or give an offered one back."""
        for holder, _, line in list(self._legs.values()):
            if holder == agent:
                line.hangup(Cause.NORMAL)
                return
        raise Refused("no_call")

    def phone_changed(self, extension: str) -> None:
        """A phone came or went."""
        for agent, at in self._at.items():
            if at == extension:
                self._acd.phone(agent, self._phone_up(extension), self._now())
        self._settle()

    def signal(self, line: Line, signal: Signal) -> bool:
        """A line says something; True when it is an agent's phone and was dealt with here."""
        leg = self._legs.get(line.name)
        if leg is None:
            return False
        agent, talk, _ = leg
        if isinstance(signal, Answered):
            self._picked_up(agent, talk, line)
        elif isinstance(signal, Cleared):
            self._laid_down(agent, talk, line, signal.cause)
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
        views = []
        for queue in self._queues.values():
            waiting = self._acd.waiting(queue.name)
            longest = waiting[0].since_s if waiting else 0.0
            ready = self._acd.free(queue.name)
            views.append(QueueView(queue.name, queue.title or queue.name, len(waiting), longest, ready))
        return views

    def seat(self, state: AgentState) -> Seat:
        """One agent's seat."""
        talk = self._talks.get(state.call) if state.state in ("offered", "busy") else None
        agent = self._agents.get(state.number)
        return Seat(
            agent=state.number,
            name=agent.name if agent else "",
            extension=self._at.get(state.number, ""),
            state=state.state,
            since_s=state.since_s,
            reason=state.reason or state.next_pause,
            phone="up" if state.phone_up else "down",
            until_s=state.until_s or 0.0,
            call=talk.call.view() if talk else None,
        )

    def _settle(self) -> None:
        """Carry out what the queue machine decided."""
        while decision := self._acd.next_event():
            match decision:
                case Offer(call, agent):
                    self._ring(self._talks[call], agent)
                case OfferOver(call, agent, why):
                    self._stop_ringing(agent, self._talks.get(call), why)
                case Changed(state):
                    self._tell(state)
        self._wake()

    def _ring(self, talk: Conversation, agent: str) -> None:
        extension = self._at[agent]
        line = self._line_to(extension)
        if line is None or line.name in self._legs:
            self._acd.declined(agent, self._now(), MISSED)
            return
        self._legs[line.name] = (agent, talk, line)
        talk.offered(agent, self._now())
        self._work(talk)
        line.dial(extension, talk.call.caller or None)

    def _stop_ringing(self, agent: str, talk: Conversation | None, why: str) -> None:
        for name, (holder, _, line) in list(self._legs.items()):
            if holder == agent:
                del self._legs[name]
                line.hangup(Cause.NO_ANSWER)
        if talk is not None:
            talk.returned(why, self._now())
            self._work(talk)

    def _picked_up(self, agent: str, talk: Conversation, line: Line) -> None:
        self._acd.accepted(talk.name, agent, self._now())
        self._exchange.agent_answered(talk, agent, self._at.get(agent, ""), line.name)
        self._settle()

    def _laid_down(self, agent: str, talk: Conversation, line: Line, cause: Cause) -> None:
        del self._legs[line.name]
        state = self._acd.agent(agent).state
        if state == "offered":
            self._acd.declined(agent, self._now(), MISSED if cause is Cause.NO_ANSWER else DECLINED)
        elif state == "busy":
            self._acd.cleared(agent, self._now())
            self._talks.pop(talk.name, None)
            self._exchange.left(talk, line.name)
        self._settle()

    def _line_to(self, extension: str) -> Line | None:
        kind = self._extensions[extension].kind
        return self._browsers.get(extension) if kind == "browser" else self._phones.line_to(extension)

    def _phone_up(self, extension: str) -> bool:
        browser = self._browsers.get(extension)
        return browser.sounding if browser else self._phones.registered(extension)

    def _work(self, talk: Conversation) -> None:
        party = self._exchange.party(talk)
        if party is not None:
            self._exchange.work(party)

    def _tell(self, state: AgentState) -> None:
        facts = {
            "agent": state.number,
            "state": state.state,
            "reason": state.reason,
            "extension": self._at.get(state.number, ""),
        }
        self._ledger.note(Fact("agent.state", facts, b""))
        self._changed(self.seat(state))
