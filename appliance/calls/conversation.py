"""One caller's way: the call's states, the flow's run and the turn going on now, together.

Pure: the exchange tells it what happened and does what `take` returns.
"""

import re
from collections import deque
from collections.abc import Sequence

from appliance.calls import turn as turns
from appliance.calls.call import (
    TALK,
    Call,
    Connect,
    End,
    Enter,
    Hold,
    Join,
    Leave,
    Overflow,
    Pass,
    Resume,
    Return,
    Ring,
    Spare,
    State,
    Step,
)
from appliance.calls.doing import (
    Action,
    AnswerCaller,
    Bridge,
    ClearCaller,
    JoinQueue,
    LeaveQueue,
    Log,
    Progress,
    Secret,
)
from appliance.calls.stand import TalkStand
from appliance.calls.turn import (
    MUSIC,
    CallbackTurn,
    DialTurn,
    Do,
    EndMessage,
    Hush,
    Keyed,
    Loop,
    QueueTurn,
    Rated,
    Speak,
    TalkTurn,
    TicketTurn,
    Turn,
)
from appliance.calls.waits import Waits
from appliance.events import Fact
from hardware.line import Cause
from ivr.actions import Callback, Collect, Dial, Hangup, Queue, Say, Talk, TicketState
from ivr.flow import Flow, FlowRun

GONE = "gone"
"""Why a phone that rang does so no more: nobody's fault."""
AHEAD_MAX = 20
"""Keys pressed ahead of a menu that are kept."""
PRIORITY = "priority"
"""Variable of a flow: the priority of the call from its next queue on, a whole number."""
AREA = "area"
"""Variable of a flow: the area the caller chose, before that of the number."""
UNANSWERED = (Dial, Say, Hangup)
"""What a flow can do for a caller who is not picked up yet."""


class Conversation:
    """A call in its flow."""

    def __init__(self, call: Call, flow: Flow, waits: Waits) -> None:
        self.call = call
        self.run = FlowRun(flow, {"caller": call.caller, "called": call.called})
        self._waits = waits
        self._turn: Turn = Turn()
        self._queue: str | None = None
        self._joined_s = 0.0
        self._fresh = False
        self._overflowed = False
        """The flow is still to be told."""
        self._secret = False
        """The caller is keying in what nobody may hear."""
        self._ringing: list[str] = []
        """Agents whose phones ring for this call."""
        self._ahead: deque[str] = deque(maxlen=AHEAD_MAX)
        self._announce: Sequence[str] = ()
        self._announcing = False
        self._early = False
        """The flow runs, and the caller is not picked up yet."""
        self._rings_until_s: float | None = None
        self._out: list[Action] = []

    @property
    def priority(self) -> int:
        """What the flow gives the call in its next queue; 0 is the queue's own."""
        text = self.run.variables.get(PRIORITY, "")
        return int(text) if re.fullmatch(r"-?[0-9]{1,3}", text) else 0

    @property
    def area(self) -> str:
        """The area the caller chose in the flow; empty when none."""
        return self.run.variables.get(AREA, "")

    @property
    def stand(self) -> TalkStand | None:
        """How it stands, for `stood`; None while nobody has picked up yet."""
        if self._early:
            return None
        return TalkStand(
            self.run.place,
            self._joined_s,
            tuple(self._ringing) if self.call.state is State.OFFERED else (),
            tuple(self._announce),
            self._announcing,
            self._secret,
        )

    def stood(self, was: TalkStand) -> None:
        """It is as an earlier one was; KeyError when the flow has changed. Nothing is done yet."""
        if self.call.state not in TALK and not was.place.node:
            raise KeyError(was.place.node)
        self.run = FlowRun.at(self.run.flow, was.place)
        self._queue, self._joined_s = self.run.queue, was.joined_s
        self._ringing, self._announce = list(was.ringing), was.announce
        self._announcing, self._secret = was.announcing, was.secret
        self._turn = TalkTurn()

    def give_back(self, now: float) -> None:
        """No phone rings for it any more, and nobody is to blame."""
        for agent in list(self._ringing):
            self.returned(GONE, now, agent)

    def go_on(self, now: float) -> None:
        """Go on as it stood: a talk as it is, a turn of the flow from its beginning."""
        if self.call.state in TALK:
            self.cut_announcement()
        else:
            self._begin(now)

    @property
    def name(self) -> str:
        """The call's name in the queue and in media orders."""
        return self.call.cid.hex()

    def take(self) -> list[Action]:
        """Return what is to be done, in order, and forget it."""
        out, self._out = self._out, []
        return out

    def timer(self) -> float | None:
        """When `on_timer` wants to be called."""
        return self._turn.until_s if self._rings_until_s is None else self._rings_until_s

    def rings_for(self, seconds: float, now: float) -> None:
        """Whom we call has so long to pick up."""
        self._rings_until_s = now + seconds

    def ringing(self, direction: str = "in") -> None:
        """The call came in: pick it up. `direction` is in, or inside for a phone of ours."""
        self._out += [self._came(direction), AnswerCaller()]

    def early(self, direction: str, now: float) -> None:
        """The call came in: its flow begins before anybody picks up."""
        self._out += [self._came(direction), Progress()]
        self._early = True
        self._step(Enter(self.run.flow.name), now)
        self._begin(now)

    def refused(self, cause: Cause, now: float) -> None:
        """The call came in and is not picked up."""
        self.call.turned_away()
        self._out.append(self._came("in"))
        self._end(cause, now)
        self._out.append(ClearCaller(cause))

    def _came(self, direction: str) -> Log:
        facts = {"line": self.call.line, "caller": self.call.caller, "called": self.call.called}
        if direction != "in":
            facts["direction"] = direction
        return Log(Fact("call.ringing", facts, self.call.cid))

    def line_answered(self, now: float) -> None:
        """The caller's line is through: the flow begins, unless it has begun already."""
        if self.call.state is not State.RINGING:
            return
        self._step(Enter(self.run.flow.name), now)
        self._begin(now)

    def key(self, key: str, now: float) -> None:
        """The caller pressed a key."""
        if self.call.state in TALK or self.call.state is State.ENDED:
            return
        if isinstance(self._turn, turns.SayTurn):
            self._ahead.append(key)
        self._do(self._turn.key(key, now), now)

    def spoken(self, now: float) -> None:
        """What was to be spoken has been, or could not be."""
        if self._announcing:
            self._announcing = False
            self._out.append(Bridge())
            return
        self._do(self._turn.spoken(now), now)

    def store_answered(self, outcome: str, values: dict[str, str], now: float) -> None:
        """The store said how the ticket stands."""
        self._turn.answered(outcome, values)
        self._advance(now)

    def place_kept(self, outcome: str, now: float) -> None:
        """The queues said whether the caller is called back: ``kept``, or why not."""
        if outcome == "kept":
            self.call.callback_kept()
        self._turn.answered(outcome, {})
        self._advance(now)

    def on_timer(self, now: float) -> None:
        """The turn's time has come, or whom we call did not pick up in time."""
        if self._rings_until_s is not None:
            if now >= self._rings_until_s and self.call.state is State.DIALLING:
                self._rings_until_s = None
                self._out.append(ClearCaller(Cause.NO_ANSWER))
            return
        if self._turn.until_s is not None and now >= self._turn.until_s:
            self._do(self._turn.on_timer(now), now)

    def offered(self, agent: str, now: float) -> None:
        """An agent's phone rings for this call, perhaps besides others."""
        if self.call.state is not State.OFFERED:
            self._ringing = []
        self._ringing.append(agent)
        self._step(Ring(agent), now)

    def returned(self, why: str, now: float, agent: str = "") -> None:
        """The agent did not take it; no agent named: the one who was offered it last."""
        agent = agent or self.call.agent
        if self.call.state is not State.OFFERED or agent not in self._ringing:
            return
        self._ringing.remove(agent)
        self._step(Spare(agent, why) if self._ringing else Return(why, agent), now)

    def overflowed(self, to: str, why: str, now: float) -> None:
        """It waits in queue `to` now; when empty, the flow's queue node ends with ``overflow``."""
        if self.call.state is not State.QUEUED:
            return
        self._step(Overflow(to, why), now)
        if not to:
            self._overflowed = True
            if isinstance(self._turn, QueueTurn):
                self._turn.until_s = now

    def agent_answered(self, agent: str, extension: str, now: float) -> None:
        """An agent picked up: the caller is told who, then both are joined."""
        self._step(Connect(agent, extension), now)
        self._queue = None
        self._out.append(Hush())
        self._turn, self._announcing = TalkTurn(), True
        self.run.finish("answered")
        if self._announce:
            self._out.append(Speak(self._announce, {"agent": agent}))
        else:
            self.spoken(now)

    def cut_announcement(self) -> None:
        """Something else is done with the talk: both hear each other at once."""
        if self._announcing:
            self._announcing = False
            self._out += [Hush(), Bridge()]

    def agent_left(self, now: float) -> None:
        """The agent hung up, or its phone went away; the flow says what comes next."""
        if self.call.state is State.DIALLING:
            self._out.append(ClearCaller(Cause.NORMAL))
        if self.call.state not in TALK:
            return
        self._announcing = False
        self._step(Leave(), now)
        self._turn.end("rate" if self._waits.survey(self.call.queue) else "done")
        self._advance(now)

    def reached(self, agent: str, extension: str, now: float) -> None:
        """Somebody who was rung for the caller picked up."""
        if not isinstance(self._turn, DialTurn):
            return
        self._pick_up()
        self._step(Connect(agent, extension), now)
        self._turn = TalkTurn()
        self.run.finish("answered")
        self._out += [Hush(), Bridge()]

    def unreached(self, why: str, now: float) -> None:
        """Nobody who was rung for the caller picked up: busy, no_answer, unreachable or refused."""
        if isinstance(self._turn, DialTurn):
            self._out.append(Hush())
            self._turn.answered(why, {})
            self._advance(now)

    def out_connected(self, agent: str, extension: str, now: float) -> None:
        """Whom the agent called picked up."""
        self._turn, self._rings_until_s = TalkTurn(), None
        self._step(Connect(agent, extension), now)

    def out_entered(self, now: float) -> None:
        """Whom we called picked up, and is led through the flow."""
        self._step(Enter(self.run.flow.name), now)
        self._begin(now)

    def hold(self, now: float) -> None:
        """Music for the caller."""
        self._step(Hold(), now)
        self._out.append(Loop(MUSIC))

    def resume(self, now: float) -> None:
        """The caller is back."""
        self._step(Resume(), now)
        self._out.append(Hush())

    def passed(self, agent: str, to: str, now: float) -> None:
        """Another person answers for the caller from now on."""
        if self.call.state is State.HELD:
            self._out.append(Hush())
        self._step(Pass(agent, to), now)

    def sent(self, node: str, now: float, flow: Flow | None = None) -> None:
        """A person sent the caller to a node of this flow, or of another; KeyError when there is none."""
        if flow is not None and flow is not self.run.flow:
            self.run = FlowRun(flow, {"caller": self.call.caller, "called": self.call.called})
        self.run.jump(node)
        self._announcing = False
        self._out.append(Hush())
        if self.call.state is State.IN_FLOW:
            for do in self._turn.gone(now):
                self._keep(do)
        else:
            self._step(Leave(), now)
        self._turn = Turn()
        self._begin(now)

    def cleared(self, cause: Cause, now: float) -> None:
        """The caller is gone."""
        if self.call.state is State.ENDED:
            return
        for do in self._turn.gone(now):
            self._keep(do)
        self._end(cause, now)

    def _begin(self, now: float) -> None:
        """Begin the turn for the flow's current action, and those after it that end at once."""
        action = self.run.current()
        secret = isinstance(action, Collect) and action.secret
        if secret is not self._secret:
            self._secret = secret
            self._out.append(Secret(secret))
        self._place(now)
        if isinstance(action, Hangup):
            cause = Cause(action.cause) if action.cause in set(Cause) else Cause.UNSPECIFIED
            self._end(cause, now)
            self._out.append(ClearCaller(cause))
            return
        if not isinstance(action, UNANSWERED):
            self._pick_up()
        self._turn = self._turn_for(action)
        if not isinstance(self._turn, turns.SayTurn) and not self._turn.wants_keys():
            self._ahead.clear()
        self._do(self._turn.begin(now), now)
        if self._ahead and self._turn.wants_keys() and self._turn.outcome is None:
            self._do(self._turn.key(self._ahead.popleft(), now), now)

    def _turn_for(self, action: object) -> Turn:
        if isinstance(action, TicketState):
            return TicketTurn(action, self.run.variables.get(action.number, ""))
        if isinstance(action, Callback):
            return CallbackTurn(action, self.run.variables.get(action.number, ""))
        if isinstance(action, Queue):
            queue, self._announce = action.queue, action.announce
            fresh, self._fresh = self._fresh, False
            return QueueTurn(
                action,
                lambda: self._waits.busy(queue),
                lambda: self._waits.position(self.name, queue, self.priority),
                self._joined_s,
                fresh,
                self._overflow_told,
                lambda: self._waits.expect(self.name, queue, self.priority),
            )
        if isinstance(action, Dial):
            return DialTurn(action, self.run.variables.get(action.number, ""))
        if isinstance(action, Talk):
            return TalkTurn()
        return turns.SIMPLE[type(action)](action)  # type: ignore[index]  # every other action is in the table

    def _do(self, dos: list[Do], now: float) -> None:
        for do in dos:
            self._keep(do)
        self._advance(now)

    def _keep(self, do: Do) -> None:
        if isinstance(do, EndMessage) and do.keep:
            self.call.message_left()
        if isinstance(do, Rated):
            self._out.append(Log(self.call.rated(do.key, do.value, do.of)))
        else:
            self._out.append(do)

    def _advance(self, now: float) -> None:
        if self._turn.outcome is not None and self.call.state is not State.ENDED:
            (outcome, values), turn = self._turn.outcome, self._turn
            self._turn = Turn()
            self._keyed(turn.keyed(outcome, values))
            self.run.finish(outcome, **values)
            self._begin(now)

    def _pick_up(self) -> None:
        if self._early:
            self._early = False
            self._out.append(AnswerCaller())

    def _keyed(self, keyed: Keyed | None) -> None:
        """Write down what the caller keyed in, but of a secret only how long it was."""
        if keyed is not None and keyed.keys:
            keys = "" if keyed.secret else keyed.keys
            facts = {"node": self.run.node, "keys": keys, "count": len(keyed.keys)}
            self._out.append(Log(Fact("call.keyed", facts, self.call.cid)))

    def _place(self, now: float) -> None:
        """Join or leave the queue as the flow now stands."""
        if self.run.queue == self._queue:
            return
        if self._queue is not None:
            self._out.append(LeaveQueue())
            if self.call.state in (State.QUEUED, State.OFFERED):
                self._step(Leave(), now)
        self._queue = self.run.queue
        if self._queue is not None:
            self._joined_s, self._fresh, self._overflowed = now, True, False
            self._step(Join(self._queue), now)
            self._out.append(JoinQueue(self._queue))

    def _overflow_told(self) -> bool:
        """Whether the flow is to be told that the queue overflows; once."""
        told, self._overflowed = self._overflowed, False
        return told

    def _end(self, cause: Cause, now: float) -> None:
        if self._queue is not None:
            self._out.append(LeaveQueue())
            self._queue = None
        self._turn, self._announcing, self._rings_until_s = Turn(), False, None
        self._step(End(cause), now)

    def _step(self, step: Step, now: float) -> None:
        self._out += [Log(fact) for fact in self.call.take(step, now)]
