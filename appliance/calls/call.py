"""A call as a table of states: which step is possible when, and what it leaves in the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from appliance.calls.stand import CallStand
from appliance.calls.wire import CallView, PartyView
from appliance.events import Fact
from hardware.line import Cause


class State(StrEnum):
    """Where a call stands."""

    RINGING = "ringing"
    DIALLING = "dialling"
    """We call; the other end has not answered."""
    IN_FLOW = "in_flow"
    QUEUED = "queued"
    OFFERED = "offered"
    TALKING = "talking"
    HELD = "held"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Enter:
    """The box answered, or whom a campaign called did; the flow speaks."""

    flow: str = ""


@dataclass(frozen=True, slots=True)
class Join:
    """The caller begins to wait in a queue."""

    queue: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The caller goes another way: leaves the queue, or the agent left the caller."""


@dataclass(frozen=True, slots=True)
class Ring:
    """An agent's phone rings for this call, or one more does."""

    agent: str


@dataclass(frozen=True, slots=True)
class Spare:
    """One of several phones rings no more; the others ring on."""

    agent: str
    why: str


@dataclass(frozen=True, slots=True)
class Return:
    """The agent, or the last of them, did not take it; the caller waits on."""

    why: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Overflow:
    """The caller waits in another queue now, or the flow is to say what comes next."""

    to: str
    why: str


@dataclass(frozen=True, slots=True)
class Connect:
    """The agent, or somebody else who was rung, picked up; both hear each other."""

    agent: str
    extension: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The caller hears music for a while."""


@dataclass(frozen=True, slots=True)
class Resume:
    """The caller is back in the talk."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Another person answers for the caller now; the call goes on."""

    agent: str
    to: str


@dataclass(frozen=True, slots=True)
class End:
    """The call is over."""

    cause: Cause


Step = Enter | Join | Leave | Ring | Spare | Return | Overflow | Connect | Hold | Resume | Pass | End

STEPS: Mapping[tuple[State, type[Step]], State] = {
    (State.RINGING, Enter): State.IN_FLOW,
    (State.RINGING, End): State.ENDED,
    (State.DIALLING, Enter): State.IN_FLOW,
    (State.DIALLING, Connect): State.TALKING,
    (State.DIALLING, End): State.ENDED,
    (State.IN_FLOW, Join): State.QUEUED,
    (State.IN_FLOW, Connect): State.TALKING,
    (State.IN_FLOW, End): State.ENDED,
    (State.QUEUED, Leave): State.IN_FLOW,
    (State.QUEUED, Ring): State.OFFERED,
    (State.QUEUED, Overflow): State.QUEUED,
    (State.QUEUED, Connect): State.TALKING,
    (State.QUEUED, End): State.ENDED,
    (State.OFFERED, Ring): State.OFFERED,
    (State.OFFERED, Spare): State.OFFERED,
    (State.OFFERED, Return): State.QUEUED,
    (State.OFFERED, Leave): State.IN_FLOW,
    (State.OFFERED, Connect): State.TALKING,
    (State.OFFERED, End): State.ENDED,
    (State.TALKING, Hold): State.HELD,
    (State.HELD, Resume): State.TALKING,
    (State.TALKING, Pass): State.TALKING,
    (State.HELD, Pass): State.TALKING,
    (State.TALKING, Leave): State.IN_FLOW,
    (State.HELD, Leave): State.IN_FLOW,
    (State.HELD, End): State.ENDED,
    (State.TALKING, End): State.ENDED,
}


TALK = frozenset({State.TALKING, State.HELD})
"""The caller is with a person."""


class IllegalStep(Exception):
    """The table has no such step; nothing was changed."""


class Call:
    """One caller's call from the first ring to the end. Pure: `take` a step, get the facts to log."""

    def __init__(
        self,
        cid: bytes,
        line: str,
        caller: str,
        called: str,
        now: float,
        outgoing: bool = False,
        rule: str = "",
        callback_of: str = "",
    ) -> None:
        self.cid = cid
        self.line = line
        self.caller = caller
        self.called = called
        self.outgoing = outgoing
        self.rule = rule
        """The rule of admission that was applied; empty when none was."""
        self.callback_of = callback_of
        """The call in which the caller asked to be called back, hexadecimal."""
        self.state = State.DIALLING if outgoing else State.RINGING
        self.since_s = self.started_s = now
        self.queue = ""
        self.queued_s = 0.0
        self.agent = ""
        self.spoke_with = ""
        """The agent who talked with the caller last."""
        self.cause: Cause | None = None
        """Why it ended."""
        self._ratings = 0
        self._outcome = "no_answer" if outgoing else "self_service"

    @property
    def stand(self) -> CallStand:
        """How it stands, for `standing`."""
        return CallStand(
            self.cid.hex(),
            self.line,
            self.caller,
            self.called,
            self.rule,
            self.outgoing,
            self.state.value,
            self.since_s,
            self.started_s,
            self.queue,
            self.queued_s,
            self.agent,
            self._outcome,
            self.callback_of,
            self.spoke_with,
            self._ratings,
        )

    @classmethod
    def standing(cls, was: CallStand) -> "Call":
        """The call that stood like this."""
        cid = bytes.fromhex(was.cid)
        call = cls(
            cid,
            was.line,
            was.caller,
            was.called,
            was.started_s,
            was.outgoing,
            was.rule,
            was.callback_of,
        )
        call.spoke_with, call._ratings = was.spoke_with, was.ratings
        call.state, call.since_s = State(was.state), was.since_s
        call.queue, call.queued_s, call.agent, call._outcome = was.queue, was.queued_s, was.agent, was.outcome
        return call

    def take(self, step: Step, now: float) -> list[Fact]:
        """Take a step; raises IllegalStep when it is not possible now."""
        try:
            target = STEPS[self.state, type(step)]
        except KeyError:
            raise IllegalStep(f"{type(step).__name__} while {self.state}") from None
        facts = self._hold_over(step, now) + self._note(step, now)
        self.state, self.since_s = target, now
        return facts

    def message_left(self) -> None:
        """The caller left a message: that is how this call ends, unless an agent spoke with it."""
        if self._outcome != "answered":
            self._outcome = "message"

    def callback_kept(self) -> None:
        """The caller is called back: whoever hangs up now has not given up."""
        if self._outcome != "answered":
            self._outcome = "callback"

    def rated(self, key: str, value: int, of: int) -> Fact:
        """The caller rated the talk with whoever spoke last; `round` counts the ratings of this call."""
        self._ratings += 1
        facts = {"key": key, "value": value, "of": of, "round": self._ratings}
        return self._fact("call.rated", agent=self.spoke_with, queue=self.queue, **facts)

    def turned_away(self) -> None:
        """The caller is on the blacklist, whether picked up to be told so or not."""
        self._outcome = "refused"

    def view(self, parties: tuple[PartyView, ...] = ()) -> CallView:
        """Return what agents and shift leaders see."""
        return CallView(
            cid=self.cid.hex(),
            line=self.line,
            caller=self.caller,
            called=self.called,
            state=self.state.value,
            since_s=self.since_s,
            started_s=self.started_s,
            queue=self.queue,
            agent=self.agent,
            queued_s=self.queued_s,
            outgoing=self.outgoing,
            parties=parties,
            callback_of=self.callback_of,
        )

    def _note(self, step: Step, now: float) -> list[Fact]:
        match step:
            case Enter(flow):
                if self.outgoing:
                    self._outcome = "notified"
                return [self._fact("call.entered", flow=flow, rule=self.rule)]
            case Join(queue):
                self.queue, self.queued_s = queue, now
                if self._outcome == "self_service":
                    self._outcome = "abandoned"
                return [self._fact("call.queued", queue=queue)]
            case Leave():
                left = self.agent if self.state in TALK else ""
                self.agent = ""
                if self._outcome == "abandoned":
                    self._outcome = "self_service"
                return [self._fact("call.left", queue=self.queue, agent=left)]
            case Ring(agent):
                self.agent = agent
                return [self._fact("call.offered", agent=agent)]
            case Spare(agent, why):
                return [self._fact("call.returned", agent=agent, why=why)]
            case Return(why, agent):
                returned, self.agent = agent or self.agent, ""
                return [self._fact("call.returned", agent=returned, why=why)]
            case Overflow(to, why):
                overflowed = self._fact("call.overflowed", queue=self.queue, to=to, why=why)
                self.queue = to or self.queue
                return [overflowed]
            case Connect(agent, extension):
                self.agent, self.spoke_with, self._outcome = agent, agent, "answered"
                queue = self.queue if self.state is State.OFFERED else ""
                wait_s = round(now - (self.queued_s if queue else self.started_s), 1)
                facts = {"agent": agent, "extension": extension, "queue": queue, "wait_s": wait_s}
                return [self._fact("call.answered", **facts)]
            case Hold():
                return [self._fact("call.held", agent=self.agent)]
            case Resume():
                return []
            case Pass(agent, to):
                passed = self._fact("call.passed", agent=self.agent, to=to, next=agent)
                self.agent, self.spoke_with = agent, agent or self.spoke_with
                return [passed]
            case End(cause):
                self.cause = cause
                more: dict[str, object] = {"rule": self.rule} if self._outcome == "refused" else {}
                if self._outcome == "abandoned":
                    wait_s = round(now - self.queued_s, 1)
                    more = {"queue": self.queue, "wait_s": wait_s, "ringing": self.agent}
                return [self._fact("call.ended", outcome=self._outcome, cause=int(cause), **more)]

    def _hold_over(self, step: Step, now: float) -> list[Fact]:
        """Whatever ends a hold says how long it was."""
        if self.state is not State.HELD:
            return []
        return [self._fact("call.resumed", agent=self.agent, held_s=round(now - self.since_s, 1))]

    def _fact(self, kind: str, **facts: object) -> Fact:
        return Fact(kind, facts, self.cid)
