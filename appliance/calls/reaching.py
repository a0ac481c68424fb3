"""Attempts to reach somebody for a talk, carried out: legs are called, spared, and joined.

`appliance.calls.directory` says who rings, `appliance.calls.reach` in which order; here are
the lines. What becomes of the talk is told to whoever asked, by the leg's purpose.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from appliance.calls import reach as ways
from appliance.calls.directory import Directory, Facts, Way
from appliance.calls.exchange import Exchange, Ongoing
from appliance.calls.legs import Leg, Purpose
from appliance.calls.permits import Permits
from appliance.calls.ports import Phones
from appliance.calls.reach import Reach
from appliance.calls.seats import Seats
from appliance.calls.targets import PHONES, Target
from appliance.refused import Refused

REASONS: Mapping[str, str] = {
    "agent_busy": "busy",
    "phone_busy": "busy",
    "user_busy": "busy",
    "no_user": "unreachable",
    "missed": "no_answer",
    "rejected": "declined",
    "barred": "barred",
    "needs_pin": "barred",
    "bad_pin": "barred",
    "pin_locked": "barred",
    "needs_account": "barred",
    "bad_account": "barred",
}
"""Words of refusals and causes, as an attempt understands them."""


@dataclass(eq=False, slots=True)
class Attempt:
    """Somebody is being reached for a talk."""

    party: Ongoing
    purpose: Purpose
    by: str
    reach: Reach
    who: str = ""
    """Whom was asked for."""
    then: Target | None = None
    """Where the caller goes when nobody is reached."""
    legs: dict[Target, Leg] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    rang: bool = False
    alarm: asyncio.TimerHandle | None = None


class Missing(Protocol):
    """Who is told that nobody was reached."""

    def missed(self, attempt: Attempt, why: str) -> None:
        """Nobody picked up."""


class Reaching:
    """All attempts of one box."""

    def __init__(
        self,
        exchange: Exchange,
        seats: Seats,
        phones: Phones,
        directory: Directory,
        facts: Facts,
        permits: Permits,
    ) -> None:
        self._exchange = exchange
        self._seats = seats
        self._phones = phones
        self._directory = directory
        self._facts = facts
        self._permits = permits
        self._attempts: dict[str, list[Attempt]] = {}
        """By the name of the talk."""
        self.missing: Missing

    def start(self, party: Ongoing, goals: Sequence[Target], purpose: Purpose, by: str) -> Attempt:
        """Begin to ring; Refused, and nothing was done, when no target can even be tried."""
        way = Way()
        for goal in goals:
            way += self._directory.way(goal, self._facts)
        if not way.stages and way.then is None:
            raise Refused("bad_target")
        attempt = Attempt(party, purpose, by, Reach(way.stages), goals[0].name, way.then)
        self._attempts.setdefault(party.talk.name, []).append(attempt)
        self._do(attempt, attempt.reach.begin(self._exchange.now()))
        if attempt.reach.over and not attempt.rang and attempt.refused and attempt.then is None:
            raise attempt.refused[0]
        return attempt

    def answered(self, leg: Leg) -> None:
        """Somebody who was rung picked up: all others stop ringing."""
        attempt, target = self._of(leg)
        if attempt is not None and target is not None:
            self._do(attempt, attempt.reach.answered(target))

    def failed(self, leg: Leg, why: str) -> bool:
        """Somebody who was rung did not come; False when nobody had been asked to ring."""
        attempt, target = self._of(leg)
        if attempt is None or target is None:
            return False
        del attempt.legs[target]
        self._do(attempt, attempt.reach.failed(target, REASONS.get(why, why), self._exchange.now()))
        return True

    def instead(self, leg: Leg, other: Leg) -> None:
        """Another leg takes the place of one that rings: its call was picked up elsewhere."""
        attempt, target = self._of(leg)
        if attempt is not None and target is not None:
            attempt.legs[target] = other

    def call_off(self, party: Ongoing, purpose: Purpose | None = None, why: str = "dropped") -> None:
        """Nobody is to be reached any more for a talk: for one purpose, or at all."""
        for attempt in list(self._attempts.get(party.talk.name, [])):
            if purpose in (None, attempt.purpose):
                self._do(attempt, attempt.reach.called_off(why))

    def leg_dropped(self, leg: Leg) -> None:
        """Somebody took back what one leg was ringing for."""
        attempt, _ = self._of(leg)
        if attempt is not None:
            self._do(attempt, attempt.reach.called_off("dropped"))

    def keyed(self, number: str) -> Target | None:
        """Whose number inside a caller keyed; None when it is nobody's."""
        return self._directory.inside(number)

    def _of(self, leg: Leg) -> tuple[Attempt | None, Target | None]:
        for attempt in self._attempts.get(leg.talk.name, []):
            for target, mine in attempt.legs.items():
                if mine is leg:
                    return attempt, target
        return None, None

    def _do(self, attempt: Attempt, todo: Sequence[ways.Do]) -> None:
        for do in todo:
            match do:
                case ways.Ring(target):
                    self._ring(attempt, target)
                case ways.Spare(target):
                    if (leg := attempt.legs.pop(target, None)) is not None:
                        self._seats.call_off(leg)
                case ways.Missed(why):
                    self._missed(attempt, why)
                case ways.Reached():
                    pass
        if attempt.reach.over:
            mine = self._attempts.get(attempt.party.talk.name, [])
            if attempt in mine:
                mine.remove(attempt)
            if not mine:
                self._attempts.pop(attempt.party.talk.name, None)
        self._wake(attempt)

    def _missed(self, attempt: Attempt, why: str) -> None:
        if attempt.rang or attempt.then is not None or not attempt.refused:
            self.missing.missed(attempt, why)

    def _ring(self, attempt: Attempt, target: Target) -> None:
        try:
            attempt.legs[target] = self._call(attempt, target)
            attempt.rang = True
        except Refused as refused:
            attempt.refused.append(refused)
            why = REASONS.get(refused.word, "unreachable")
            self._do(attempt, attempt.reach.failed(target, why, self._exchange.now()))

    def _call(self, attempt: Attempt, target: Target) -> Leg:
        talk, purpose, by = attempt.party.talk, attempt.purpose, attempt.by
        if target.kind not in PHONES:
            raise Refused("bad_target")
        if target.kind == "tel":
            line = self._phones.line_out(target.name)
            if line is None:
                raise Refused("no_line")
            leg = self._seats.call(talk, line, target.name, purpose, by, self._shown(attempt, target.name))
            leg.payer = self._payer(attempt, target)
            return leg
        agent = target.name if target.kind == "agent" else self._seats.roster.agent_at(target.name)
        if agent:
            return self._seats.invite(talk, agent, purpose, by)
        extension = self._seats.roster.extension(target.name)
        if extension is None or extension.kind == "browser":
            raise Refused("bad_target")
        if self._facts.in_call(target.name) and not extension.waiting:
            raise Refused("phone_busy")
        line = self._phones.line_to(target.name)
        if line is None:
            raise Refused("no_line")
        caller = talk.call.caller
        return self._seats.call(talk, line, target.name, purpose, by, caller, extension=target.name)

    def _payer(self, attempt: Attempt, target: Target) -> str | None:
        """Who was asked for pays when that leads outside, else who asked; None: the call is charged."""
        if attempt.who != target.name:
            return attempt.who
        if attempt.purpose is Purpose.DIAL and (attempt.party.extension or attempt.party.through):
            return None  # by `call.dialled`, here or at the site where it was dialled
        return self._seats.roster.at(attempt.by) or attempt.by

    def _shown(self, attempt: Attempt, number: str) -> str | None:
        """Whom somebody outside sees: a caller who only passes through us, else what the phone shows."""
        if attempt.party.through:
            return attempt.party.talk.call.caller or None
        return self._permits.shown(self._seats.roster.at(attempt.by) or attempt.by, number)

    def _wake(self, attempt: Attempt) -> None:
        if attempt.alarm is not None:
            attempt.alarm.cancel()
            attempt.alarm = None
        at = attempt.reach.timer()
        if at is not None:
            delay_s = max(0.0, at - self._exchange.now())
            attempt.alarm = asyncio.get_running_loop().call_later(delay_s, self._late, attempt)

    def _late(self, attempt: Attempt) -> None:
        self._do(attempt, attempt.reach.on_timer(self._exchange.now()))
