"""What becomes of those who are called into talks: they join, ring, or do not come."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from appliance.calls.call import State
from appliance.calls.conversation import Conversation
from appliance.calls.exchange import Exchange, Ongoing
from appliance.calls.legs import WATCHING, Leg, Purpose
from appliance.calls.permits import Permits
from appliance.calls.ports import Phones
from appliance.calls.reaching import REASONS, Attempt, Reaching
from appliance.calls.room import Party, Role
from appliance.calls.seats import Seats
from appliance.calls.talks import Talks
from appliance.calls.targets import Target, target
from appliance.events import Fact
from appliance.refused import Refused
from hardware.line import Cause

RINGBACK = "tone:ringback"
RINGBACKS = 24
"""So often, 5 s each, an agent hears it ring at a callback: as long as it may ring."""
OUTCOMES: Mapping[str, str] = {
    "busy": "busy",
    "declined": "busy",
    "no_answer": "no_answer",
    "barred": "refused",
}
"""Why nobody was reached, as a flow's dial knows it; anything else is ``unreachable``."""
TRY_NEXT = frozenset(
    {Cause.BUSY, Cause.NO_ANSWER, Cause.NO_USER, Cause.UNALLOCATED, Cause.REJECTED, Cause.TIMER}
)
"""After these an agent's call goes on to the citizen's next number."""


class Joining:
    """Tells talks of everybody who is called into them; all methods run in the event loop."""

    def __init__(
        self,
        exchange: Exchange,
        seats: Seats,
        phones: Phones,
        reaching: Reaching,
        talks: Talks,
        permits: Permits,
    ) -> None:
        self._exchange = exchange
        self._seats = seats
        self._phones = phones
        self._reaching = reaching
        self._talks = talks
        self._permits = permits
        reaching.missing = self

    def joined(self, leg: Leg) -> None:
        """Who was called picked up."""
        party = self._exchange.party(leg.talk)
        if party is None:
            leg.line.hangup(Cause.NORMAL)
            return
        self._reaching.answered(leg)
        self._talks.in_talk(party)
        if leg.purpose is Purpose.OUT:
            self._dial_now(party, leg)
            return
        if leg.purpose in WATCHING:
            self.enter(party, leg)
            return
        if leg.purpose in (Purpose.CONSULT, Purpose.INVITE):
            self._talks.fact(party, "call.joined", who=leg.who, by=leg.by)
        role = Role.AGENT if leg.agent else Role.GUEST
        apart = leg.purpose is Purpose.CONSULT
        party.room.join(Party(leg.line.name, role, apart=apart))
        if apart:
            self._talks.agent_apart(leg.by, True)
        elif leg.purpose is Purpose.TRANSFER:
            party.room.change(party.line.name, held=False)
            party.talk.passed(leg.agent, leg.who, self._exchange.now())
        elif leg.purpose is Purpose.DIAL:
            party.talk.reached(leg.agent, leg.extension or leg.who, self._exchange.now())
        self._talks.after(party)

    def failed(self, leg: Leg, why: str) -> None:
        """Who was called did not come; others may still be tried."""
        party = self._exchange.party(leg.talk)
        if party is not None and party.room.party(leg.line.name) is not None:
            party.room.leave(leg.line.name)  # it was heard before it was answered
            self._exchange.settle(party)
        if self._reaching.failed(leg, why):
            return
        if party is not None:
            self.not_joined(party, leg.purpose, leg.by, leg.who, why)

    def missed(self, attempt: Attempt, why: str) -> None:
        """Nobody of those who were tried came."""
        party = attempt.party
        if self._exchange.party(party.talk) is not party:
            return
        if attempt.purpose is Purpose.DIAL:
            self._undialled(party, attempt.then, why)
            return
        if attempt.purpose is Purpose.TRANSFER and attempt.then is not None:
            self._talks.fact(party, "call.not_joined", who=attempt.who, why=why, by=attempt.by)
            self._talks.send(party, attempt.then)
        else:
            self.not_joined(party, attempt.purpose, attempt.by, attempt.who, why)

    def alerting(self, leg: Leg, early: bool) -> None:
        """It rings at somebody's the caller wants to speak with; what is heard already, the caller hears."""
        party = self._exchange.party(leg.talk)
        if early and party is not None and leg.purpose is Purpose.DIAL:
            self._exchange.speech.hush(party.line.name)
            party.room.join(Party(party.line.name, Role.CALLER))
            party.room.join(Party(leg.line.name, Role.GUEST))
            self._exchange.settle(party)

    def ended(self, leg: Leg) -> None:
        """Who was asked hung up: the agent is with the caller again."""
        self._charge(leg)
        party = self._exchange.party(leg.talk)
        if leg.purpose is not Purpose.CONSULT or party is None or party.talk.call.state is not State.HELD:
            return
        asking = self._seats.legs.of_agent(leg.by)
        if asking is not None and asking.talk is leg.talk:
            self._talks.agent_apart(leg.by, False)
            self._talks.unhold(party)
            self._talks.after(party)

    def _charge(self, leg: Leg) -> None:
        """Somebody outside was in a talk whom nobody dialled: by a forward or a group, asked or invited."""
        if leg.payer is None:
            return
        facts = {
            "who": leg.who,
            "number_kind": self._permits.kind(leg.who),
            "extension": leg.payer,
            "agent": leg.by if self._seats.roster.at(leg.by) else "",
            "seconds": round(self._exchange.now() - leg.answered_s, 1),
        }
        self._exchange.note(Fact("call.guest_left", facts, leg.talk.call.cid))

    def out_answered(self, talk: Conversation) -> None:
        """Whom an agent called outside picked up."""
        self._seats.called_back(talk)
        party = self._exchange.party(talk)
        legs = [leg for leg in self._seats.legs.of(talk) if leg.purpose is Purpose.OUT]
        if party is None or not legs:
            talk.agent_left(self._exchange.now())
            return
        self._exchange.speech.hush(legs[0].line.name)
        talk.out_connected(legs[0].agent, self._seats.roster.at(legs[0].agent), self._exchange.now())
        self._exchange.settle(party)

    def out_alerting(self, talk: Conversation, early: bool) -> None:
        """It rings there: the agent hears it, by the network's own tone or by ours."""
        for leg in self._seats.legs.of(talk):
            if leg.purpose is Purpose.OUT and not early and not talk.call.callback_of:
                self._exchange.speech.loop(leg.line.name, RINGBACK)

    def out_failed(self, talk: Conversation, cause: Cause) -> bool:
        """Who was called outside did not pick up: the next number is tried."""
        party = self._exchange.party(talk)
        legs = [leg for leg in self._seats.legs.of(talk) if leg.purpose is Purpose.OUT and leg.answered]
        if party is None or not legs or not party.next_numbers or cause not in TRY_NEXT:
            return False
        line = self._phones.line_out(party.next_numbers[0])
        if line is None:
            return False
        tried, number = party.talk.call.caller, party.next_numbers.pop(0)
        kind = self._permits.kind(number)
        self._talks.fact(party, "call.tried", number=tried, cause=int(cause), next=number, number_kind=kind)
        party.talk.call.caller = number
        self._exchange.move(party, line)
        self._exchange.settle(party)
        self._exchange.speech.hush(legs[0].line.name)
        line.dial(number, self._permits.shown(legs[0].extension, number))
        self._exchange.show(party)
        return True

    def call_targets(self, talk: Conversation, to: Sequence[str], keyed: str) -> None:
        """Ring somebody for the caller, for the flow says so."""
        party = self._exchange.party(talk)
        if party is None:
            return
        goals = [target(text) for text in to]
        if keyed:
            found = self._reaching.keyed(keyed)
            goals = [found, *goals] if found else goals
        try:
            if not goals:
                raise Refused("barred")
            for goal in goals:
                self._permit(party, goal)
            self._reaching.start(party, goals, Purpose.DIAL, party.agent or party.extension)
        except Refused as refused:
            # Later, so that what else the conversation asked for now is done first.
            why = REASONS.get(refused.word, "unreachable")
            asyncio.get_running_loop().call_soon(self._undialled, party, None, why)

    def _permit(self, party: Ongoing, goal: Target) -> None:
        """A phone of ours may not call everybody; a flow may call whom it names."""
        if goal.kind != "tel" or not party.extension:
            return
        keyed = party.talk.run.variables
        account = keyed.get("account", "")
        kind = self._permits.allow(party.extension, goal.name, keyed.get("pin", ""), account)
        self._talks.fact(
            party,
            "call.dialled",
            by=party.agent or party.extension,
            extension=party.extension,
            to=str(goal),
            number_kind=kind,
            account=account,
        )

    def stop_calling(self, talk: Conversation) -> None:
        """Whoever rings for the caller is not wanted any more."""
        if (party := self._exchange.party(talk)) is not None:
            self._reaching.call_off(party, Purpose.DIAL)

    def caller_gone(self, talk: Conversation) -> None:
        """The caller hung up: nobody is to be reached any more."""
        party = self._exchange.party(talk)
        if party is None:
            return
        self._reaching.call_off(party)
        self._seats.disengage(party.agent, party.rests)

    def _dial_now(self, party: Ongoing, leg: Leg) -> None:
        party.room.join(Party(leg.line.name, Role.AGENT))
        party.room.join(Party(party.line.name, Role.CALLER))
        self._exchange.settle(party)
        self._exchange.show(party)
        number = party.talk.call.caller
        if party.talk.call.callback_of:
            self._tell_whom(party, leg)
        party.line.dial(number, self._permits.shown(leg.extension, number))

    def _tell_whom(self, party: Ongoing, leg: Leg) -> None:
        """Say at the phone, which may be all the agent has, that this is a callback; then it rings."""
        words, told = ("callback.agent",), {"number": party.talk.call.caller}
        ringing = (RINGBACK,) * RINGBACKS
        self._exchange.speech.speak(leg.line.name, words, told, ringing, self._exchange.flow.language)
        party.talk.rings_for(self._seats.callback_ring_s, self._exchange.now())
        self._exchange.work(party)

    def _undialled(self, party: Ongoing, then: Target | None, why: str) -> None:
        now = self._exchange.now()
        if then is not None:
            with contextlib.suppress(Refused):
                self._talks.send(party, then)
                return
        party.talk.unreached(OUTCOMES.get(why, "unreachable"), now)
        self._exchange.work(party)

    def not_joined(self, party: Ongoing, purpose: Purpose, by: str, who: str, why: str) -> None:
        """Nobody came: the talk is as it was before, as far as it can be."""
        self._talks.fact(party, "call.not_joined", who=who, why=why, by=by)
        if purpose is Purpose.OUT:
            self._exchange.forget(party)
        elif purpose is Purpose.CONSULT:
            self._talks.agent_apart(by, False)
            self._talks.unhold(party)
            self._talks.after(party)
        elif purpose is Purpose.TRANSFER:
            self._talks.hand_back(party)
        else:
            self._exchange.show(party)

    def enter(self, party: Ongoing, leg: Leg) -> None:
        """A shift leader comes in, or changes role."""
        party.room.join(Party(leg.line.name, WATCHING[leg.purpose]))
        if leg.purpose is Purpose.TAKE_OVER:
            others = [other for other in self._seats.legs.of(party.talk) if other.agent and other is not leg]
            party.talk.passed(leg.agent, leg.agent, self._exchange.now())
            party.room.change(party.line.name, held=False)
            for other in others:
                party.room.leave(other.line.name)
                other.line.hangup(Cause.NORMAL)
        self._talks.after(party)
