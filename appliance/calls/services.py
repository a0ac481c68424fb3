"""What agents do in a talk: hold, transfer, consult, invite, play back, call out.

Every service is a change of who is in the room and who hears whom; what is asked for
and by whom is a fact of the call.
"""

from collections.abc import Sequence

from appliance.calls.call import TALK, State
from appliance.calls.directory import Directory
from appliance.calls.exchange import Exchange, Ongoing
from appliance.calls.joining import Joining
from appliance.calls.legs import WATCHING, Leg, Purpose
from appliance.calls.permits import Permits
from appliance.calls.ports import Phones
from appliance.calls.reaching import Reaching
from appliance.calls.seats import Seats
from appliance.calls.talks import Talks
from appliance.calls.targets import PHONES, Target, target
from appliance.events import Fact
from appliance.refused import Refused
from hardware.line import Cause
from ivr.flow import Flow, Node

RINGBACK = "tone:ringback"
RINGBACKS = 24
"""So often, 5 s each, an agent hears it ring at a callback: as long as it may ring."""
OUT_FLOW = Flow(name="out", language="zh", start="talk", nodes={"talk": Node("talk")})
"""An agent's own call: talk, and when the agent leaves, hang up."""


class Services:
    """The services of one box; all methods run in the event loop and raise Refused."""

    def __init__(
        self,
        exchange: Exchange,
        seats: Seats,
        phones: Phones,
        reaching: Reaching,
        talks: Talks,
        joining: Joining,
        permits: Permits,
        directory: Directory,
    ) -> None:
        self._exchange = exchange
        self._seats = seats
        self._phones = phones
        self._reaching = reaching
        self._talks = talks
        self._joining = joining
        self._permits = permits
        self._directory = directory

    # What an agent does with the caller

    def hold(self, agent: str) -> None:
        """Music for the caller."""
        party, _ = self.talk(agent)
        self._talks.hold(party)

    def resume(self, agent: str) -> None:
        """The caller is back in the talk."""
        party, _ = self.talk(agent)
        if party.talk.call.state is State.HELD:
            self._talks.unhold(party)
            self._talks.after(party)

    def mute(self, agent: str, on: bool) -> None:
        """The agent is not heard, or heard again."""
        party, leg = self.talk(agent)
        party.room.change(leg.line.name, muted=on)
        self._talks.after(party)

    def send_digits(self, agent: str, digits: str, line: str) -> None:
        """Send keys to the caller, or to a guest."""
        party, _ = self.talk(agent)
        name = line or party.line.name
        if party.room.party(name) is None or not digits or len(digits) > 32:
            raise Refused("bad_target")
        self._exchange.send_keys(name, digits)
        self._talks.fact(party, "call.keys_sent", by=agent, count=len(digits))

    def play_back(self, agent: str, path: str) -> None:
        """Play a recording to caller and agent, or stop it."""
        party, leg = self.talk(agent)
        found = self._exchange.tapes.find(path)
        if path and found is None:
            raise Refused("no_recording")
        self._exchange.speech.play([party.line.name, leg.line.name], found)
        self._talks.fact(party, "call.played_back", by=agent, path=path)

    # Who else comes in

    def transfer(self, agent: str, to: str) -> None:
        """Hand the caller over at once; the agent is free."""
        party, leg = self.talk(agent)
        self.hand_over(party, leg, target(to))

    def hand_over(self, party: Ongoing, leg: Leg, goal: Target) -> None:
        """Whoever is at this leg hands the caller over."""
        by = leg.agent or leg.extension
        self._talks.fact(party, "call.transferred", by=by, to=str(goal))
        if goal.kind in ("queue", "node"):
            self._talks.send(party, goal)
        else:
            self._call(party, goal, Purpose.TRANSFER, by)
            self._talks.hold(party)
        leg.line.hangup(Cause.NORMAL)

    def consult(self, agent: str, to: str) -> None:
        """Ask somebody while the caller hears music."""
        party, _ = self.talk(agent)
        self._call(party, target(to), Purpose.CONSULT, agent)
        self.hold(agent)
        self._talks.fact(party, "call.consulted", by=agent, to=to)
        self._exchange.show(party)

    def call_leader(self, agent: str) -> None:
        """Consult the shift leader on duty."""
        self.consult(agent, f"agent:{self._seats.leader(but=agent)}")

    def invite(self, agent: str, to: str) -> None:
        """Call somebody into the talk."""
        party, _ = self.talk(agent)
        self._call(party, target(to), Purpose.INVITE, agent)
        self._talks.fact(party, "call.invited", by=agent, to=to)
        self._exchange.show(party)

    def complete(self, agent: str) -> None:
        """The caller and whom was asked talk on; the agent leaves."""
        party, leg = self.talk(agent)
        asked = [other for other in self._asked(party) if other.by == agent]
        if not asked:
            raise Refused("no_call")
        party.room.leave(leg.line.name)
        for other in asked:
            party.room.change(other.line.name, apart=False)
        party.room.change(party.line.name, held=False)
        party.talk.passed(asked[0].agent, asked[0].who, self._exchange.now())
        self._talks.after(party)
        leg.line.hangup(Cause.NORMAL)

    def together(self, agent: str) -> None:
        """Everybody talks with everybody."""
        party, leg = self.talk(agent)
        for other in party.room.parties:
            party.room.change(other.line, apart=False)
        party.room.change(leg.line.name, apart=False)
        self._talks.unhold(party)
        self._talks.fact(party, "call.together", by=agent)
        self._talks.after(party)

    def drop(self, agent: str, line: str) -> None:
        """End somebody's part, or stop calling; then the talk is as before."""
        party, mine = self.talk(agent)
        leg = next((leg for leg in self._seats.legs.of(party.talk) if leg.line.name == line), None)
        if leg is None or leg is mine:
            raise Refused("bad_target")
        if leg.answered:
            leg.line.hangup(Cause.NORMAL)
        else:
            self._reaching.leg_dropped(leg)
            self._seats.call_off(leg)
            self._joining.not_joined(party, leg.purpose, leg.by, leg.who, "dropped")

    def dial(
        self, agent: str, number: str, then: Sequence[str] = (), pin: str = "", account: str = ""
    ) -> bytes:
        """Call somebody outside; the agent hears it ring. `then` are numbers tried when that one fails.

        Returns the call's id.
        """
        extension = self._seats.roster.at(agent)
        for each in (number, *then):
            if self._seats.roster.extension(each) is None:
                self._permits.allow(extension, each, pin, account)
        line = self._phones.line_out(number)
        if line is None:
            raise Refused("no_line")
        party = self._exchange.place(line, number, OUT_FLOW)
        party.next_numbers = list(then)
        try:
            self._seats.invite(party.talk, agent, Purpose.OUT, by=agent)
        except Refused:
            self._exchange.forget(party)
            raise
        self._talks.fact(
            party,
            "call.dialled",
            by=agent,
            extension=extension,
            to=f"tel:{number}",
            number_kind=self._permits.kind(number),
            account=account,
        )
        return party.talk.call.cid

    def call_back(self, agent: str, number: str, asked_in: bytes) -> str:
        """Ring an agent for a call that was asked for in an earlier one; the new call's name."""
        line = self._phones.line_out(number)
        if line is None:
            raise Refused("no_line")
        party = self._exchange.place(line, number, OUT_FLOW, asked_in.hex())
        try:
            self._seats.invite(party.talk, agent, Purpose.OUT)
        except Refused:
            self._exchange.forget(party)
            raise
        return party.talk.name

    def pick_up(self, agent: str, extension: str) -> None:
        """Take the call that rings at an extension, or in the own pick-up group."""
        mine = self._seats.roster.at(agent)
        leg = self.ringing(mine, extension)
        if leg is None:
            raise Refused("nothing_rings")
        new = self._seats.invite(leg.talk, agent, leg.purpose, leg.by, lifted=True)
        self.picked_up(leg, new)

    def ringing(self, extension: str, wanted: str) -> Leg | None:
        """The call that rings longest at a phone, or at any of the extension's pick-up group."""
        own = self._directory.extension(extension)
        for leg in self._seats.legs:
            there = self._directory.extension(leg.extension)
            if leg.answered or there is None or there.number == extension:
                continue
            same = own is not None and bool(own.pickup) and own.pickup == there.pickup
            if wanted == there.number or (not wanted and same):
                return leg
        return None

    def picked_up(self, leg: Leg, new: Leg) -> None:
        """A leg takes the call that another one rings for; phones of a queue are told by the queue."""
        facts = {"by": new.agent or new.extension, "from": leg.who}
        self._exchange.note(Fact("call.picked_up", facts, leg.talk.call.cid))
        if leg.purpose is not Purpose.QUEUE:
            self._reaching.instead(leg, new)
            self._seats.call_off(leg)

    def _call(self, party: Ongoing, goal: Target, purpose: Purpose, by: str) -> None:
        """Call somebody into the talk; Refused when that cannot be tried."""
        if goal.kind not in PHONES:
            raise Refused("bad_target")
        if goal.kind == "tel":
            self._permits.allow(self._seats.roster.at(by) or by, goal.name)
        self._reaching.start(party, [goal], purpose, by)

    def talk(self, agent: str) -> tuple[Ongoing, Leg]:
        """An agent's talk and the own part in it; Refused when there is none."""
        self._turn_round(agent)
        leg = self._seats.talking(agent)
        party = self._exchange.party(leg.talk)
        if party is None or party.talk.call.state not in TALK:
            raise Refused("no_call")
        self._talks.in_talk(party)
        return party, leg

    def _turn_round(self, agent: str) -> None:
        """An agent who began a call at the own phone is its caller: to do anything in it, be a leg."""
        talk = self._seats.calling(agent)
        party = self._exchange.party(talk) if talk is not None else None
        if talk is None or party is None or talk.call.state not in TALK:
            return
        others = [leg for leg in self._seats.legs.of(talk) if leg.answered and leg.purpose not in WATCHING]
        if others:
            self._talks.trade_places(party, others[0])

    def _asked(self, party: Ongoing) -> list[Leg]:
        """Who is being consulted."""
        asked = [leg for leg in self._seats.legs.of(party.talk) if leg.purpose is Purpose.CONSULT]
        if not any(leg.answered for leg in asked):
            raise Refused("no_call")
        return [leg for leg in asked if leg.answered]
