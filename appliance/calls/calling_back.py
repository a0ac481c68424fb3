"""Carrying callbacks out: who asked is noted, in turn an agent's phone rings and the number is called.

A thin shell around `appliance.calls.callbacks`: what it decides becomes facts of the call the
callback was asked in, and calls of ours that name this call.
"""

import re
from collections.abc import Callable, Iterable

from appliance.calls.acd import Acd
from appliance.calls.callbacks import POSTPONED_S, GaveUp, asked_in, name_of
from appliance.calls.conversation import Conversation
from appliance.calls.ledger import Ledger
from appliance.calls.past import Kept, Past
from appliance.calls.routing import CALLBACK, Waiting
from appliance.calls.wire import CallbackView
from appliance.events import Fact
from appliance.refused import Refused

NUMBER = re.compile(r"\+?[0-9]{3,20}")
KEPT = "kept"
REFUSED = "refused"
ANSWERS = {"twice": "twice", "full": "full"}
"""What the caller is told of a refusal; anything else is `REFUSED`."""

Dial = Callable[[str, str, bytes], str]
"""Ring an agent for a call to a number, asked for in a call; the name of the call that is made."""


class CallingBack:
    """The callbacks of one box."""

    def __init__(self, now: Callable[[], float], acd: Acd, ledger: Ledger) -> None:
        self._now = now
        self._acd = acd
        self._ledger = ledger
        self.dial: Dial
        self.may_call: Callable[[str], bool]
        """Whether the box calls this number back, for anybody may key one."""
        self.hotlines: frozenset[str] = frozenset()
        """Our own numbers, which are not called back."""
        self.queues: tuple[str, ...] = ()
        """The queues there are; callbacks of one that is gone are the first's."""

    def keep_place(self, talk: Conversation, number: str) -> str:
        """Keep a waiting caller's place for a number; ``kept``, or why not."""
        if not NUMBER.fullmatch(number) or number in self.hotlines or not self.may_call(number):
            return REFUSED
        try:
            kept = self._acd.keep_place(talk.name, number, self._now())
        except Refused as refused:
            return ANSWERS.get(refused.word, REFUSED)
        self._note(
            "callback.asked",
            kept,
            caller=kept.caller,
            place=kept.place,
            priority=kept.priority,
            area=kept.area,
            since_s=round(kept.since_s, 3),
        )
        return KEPT

    def turn(self, name: str, agent: str, number: str) -> None:
        """The turn has come and this agent is free: ring, then call the number."""
        callback = next(each for each in self._acd.callbacks.waiting() if each.call == name)
        try:
            made = self.dial(agent, number, asked_in(name))
        except Refused as refused:
            self._note("callback.postponed", callback, agent=agent, why=refused.word)
            self._acd.postpone(agent, self._now())
        else:
            self._note("callback.begun", callback, agent=agent, call=made)

    def answered(self, talk: Conversation, agent: str) -> None:
        """Whom an agent called picked up; nothing when it was for no callback."""
        callback = self._acd.reached(talk.name, agent, self._now())
        if callback is not None:
            waited_s = round(self._now() - callback.since_s, 1)
            self._note("callback.done", callback, agent=agent, call=talk.name, waited_s=waited_s)

    def over(self, talk: Conversation, agent: str) -> None:
        """A call of ours ended; `agent` is who waited for an answer, empty when the agent hung up first."""
        if not talk.call.callback_of:
            return
        why = talk.call.cause.name.lower() if talk.call.cause is not None else ""
        if not agent:
            put_off = self._acd.put_off(talk.name, self._now())
            if put_off is not None:
                self._note("callback.postponed", put_off, agent="", why="hung_up")
            return
        callback = self._acd.unreached(talk.name, why, self._now())
        if callback is not None:
            self._note("callback.failed", callback, agent=agent, call=talk.name, why=why)

    def gave_up(self, decision: GaveUp) -> None:
        """Nobody is called any more: a shift leader sees it on the board until somebody has seen to it."""
        self._note("callback.given_up", decision.callback, why=decision.why)

    def cancel(self, name: str, by: str, reason: str) -> None:
        """A shift leader takes one out, waiting or given up; Refused when it is neither."""
        cancelled = self._acd.cancel(name, self._now())
        self._note("callback.cancelled", cancelled, by=by, reason=reason)

    def resume(self, past: Past) -> None:
        """Take up what an earlier life of the process left."""
        soon_s = self._now() + POSTPONED_S
        left: dict[bool, list[Waiting]] = {True: [], False: []}
        for cid, kept in past.callbacks.items():
            queue = kept.queue if kept.queue in self.queues else next(iter(self.queues), kept.queue)
            left[kept.given_up].append(_waiting(cid, kept, queue, soon_s))
        self._acd.restore(left[False], left[True], self._now())
        for caller, (agent, at_s) in past.spoke.items():
            self._acd.spoke(caller, agent, at_s)

    def views(self, queue: str) -> tuple[CallbackView, ...]:
        """Every callback of a queue, those waiting first, in the order they are made."""
        callbacks = self._acd.callbacks
        states = (
            ("calling", callbacks.being_made()),
            ("waiting", callbacks.waiting()),
            ("given_up", callbacks.given_up()),
        )
        return tuple(_views(queue, states))

    def _note(self, kind: str, callback: Waiting, **facts: object) -> None:
        told = {"queue": callback.queue, "number": callback.number, "tries": callback.tries, **facts}
        self._ledger.note(Fact(kind, told, asked_in(callback.call)))


def _waiting(cid: str, kept: Kept, queue: str, not_before_s: float) -> Waiting:
    return Waiting(
        call=name_of(cid),
        queue=queue,
        since_s=kept.since_s,
        priority=kept.priority,
        caller=kept.caller,
        area=kept.area,
        kind=CALLBACK,
        number=kept.number,
        place=kept.place,
        asked_s=kept.asked_s,
        tries=kept.tries,
        offered=True,
        not_before_s=not_before_s,
    )


def _views(queue: str, states: Iterable[tuple[str, list[Waiting]]]) -> Iterable[CallbackView]:
    for state, callbacks in states:
        for each in callbacks:
            if each.queue == queue:
                yield CallbackView(
                    id=each.call,
                    number=each.number,
                    caller=each.caller,
                    state=state,
                    place=each.place,
                    since_s=each.since_s,
                    asked_s=each.asked_s,
                    tries=each.tries,
                    not_before_s=each.not_before_s,
                )
