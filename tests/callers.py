"""Callers in virtual time: what happens to a conversation, and all that it asks for."""

from collections.abc import Sequence
from typing import Any

from appliance.calls import doing
from appliance.calls import turn as turns
from appliance.calls.call import Call, State
from appliance.calls.conversation import Conversation
from appliance.publish import SHIPPED_FLOW
from hardware.line import Cause
from ivr.flow import Flow, load

FLOW = load(SHIPPED_FLOW)
CID = bytes(16)


class Asked:
    """The queues, which answer as the caller's story wants it."""

    def __init__(self, caller: "Caller") -> None:
        self.caller = caller

    def busy(self, queue: str) -> bool:
        return self.caller.busy

    def position(self, call: str, queue: str, priority: int) -> int:
        return self.caller.place

    def expect(self, call: str, queue: str, priority: int) -> float | None:
        return self.caller.expect_s

    def survey(self, queue: str) -> bool:
        return self.caller.survey


class Caller:
    """A caller on a line, and all that the conversation asked for."""

    def __init__(self, busy: bool = False, number: str = "13800138000", flow: Flow = FLOW) -> None:
        self.now = 1000.0
        self.busy = busy
        self.place = 1
        self.expect_s: float | None = None
        self.survey = False
        call = Call(CID, "sip/0", number, "12345", self.now)
        self.talk = Conversation(call, flow, Asked(self))
        self.done: list[doing.Action] = []
        self.talk.ringing()

    def enters(self) -> "Caller":
        """The line is answered."""
        self.talk.line_answered(self.now)
        return self

    def keys(self, keys: str) -> "Caller":
        for key in keys:
            self.talk.key(key, self.now)
        return self

    def listens(self, times: int = 1) -> "Caller":
        """What is being spoken ends."""
        for _ in range(times):
            self.talk.spoken(self.now)
        return self

    def waits(self, seconds: float) -> "Caller":
        """Time passes; timers fire when they are due. What is spoken meanwhile never ends."""
        until = self.now + seconds
        while (at := self.talk.timer()) is not None and at <= until:
            self.now = max(self.now, at)
            self.talk.on_timer(self.now)
        self.now = until
        return self

    def rung_at(self, agent: str = "1001") -> "Caller":
        self.talk.offered(agent, self.now)
        return self

    def joined(self, agent: str = "1001") -> "Caller":
        """An agent is offered the call and picks up."""
        self.rung_at(agent)
        self.talk.agent_answered(agent, "8001", self.now)
        return self

    def hangs_up(self, cause: Cause = Cause.NORMAL) -> "Caller":
        self.talk.cleared(cause, self.now)
        return self

    @property
    def state(self) -> State:
        return self.talk.call.state

    def asked(self) -> list[doing.Action]:
        """Everything asked for so far."""
        self.done += self.talk.take()
        return self.done

    def asked_for(self, kind: type) -> list[Any]:
        return [do for do in self.asked() if isinstance(do, kind)]

    def hears(self) -> Sequence[str]:
        """The phrases spoken last."""
        return self.asked_for(turns.Speak)[-1].prompts  # type: ignore[no-any-return]  # by kind

    def log(self) -> list[str]:
        return [do.fact.kind for do in self.asked_for(doing.Log)]

    def outcome(self) -> object:
        (ended,) = [do.fact for do in self.asked_for(doing.Log) if do.fact.kind == "call.ended"]
        return ended.facts["outcome"]


def queued(busy: bool = False, number: str = "13800138000") -> Caller:
    """A caller who pressed 1 and heard "connecting", and when all are busy how long it takes."""
    caller = Caller(busy, number).enters().listens().keys("1")
    assert caller.hears() == ("queue.connecting",)
    caller.listens()
    return caller.listens() if busy else caller
