"""Calls that agents began at their own phones: there the caller's line is the agent's."""

from collections.abc import Callable

from appliance.calls.acd import Acd
from appliance.calls.conversation import Conversation


class OwnCalls:
    """Which agents call from their own phones, and what they were at before."""

    def __init__(self, acd: Acd, now: Callable[[], float]) -> None:
        self._acd = acd
        self._now = now
        self._talks: dict[str, Conversation] = {}

    def talk(self, agent: str) -> Conversation | None:
        """The talk in which an agent's phone is the caller's."""
        return self._talks.get(agent)

    def begin(self, agent: str, talk: Conversation) -> str:
        """An agent calls from the own phone; why the agent rested. Refused while in another call."""
        before = self._acd.agent(agent)
        self._acd.reserve(talk.name, agent, self._now())
        self._acd.accepted(talk.name, agent, self._now())
        self._talks[agent] = talk
        return before.reason if before.state == "paused" else ""

    def end(self, agent: str, rests: str) -> bool:
        """An agent's call from the own phone is over: the agent is as before. False when there was none."""
        if self._talks.pop(agent, None) is None:
            return False
        self._acd.cleared(agent, self._now())
        self._acd.go_back(agent, rests, self._now())
        return True

    def change_over(self, agent: str, talk: Conversation, other: str) -> None:
        """The caller's phone is not this agent's any more, but the other one's; both stay in the talk."""
        self._talks.pop(agent, None)
        if other:
            self._talks[other] = talk

    def stood(self, agent: str, talk: Conversation) -> None:
        """An earlier life's talk goes on, in which the caller's phone is this agent's."""
        self._talks[agent] = talk
