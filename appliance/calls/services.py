"""What people do in a talk: hold, transfer, consult, invite, play back, call out, supervise.

Every service is a change of who is in the room and who hears whom; what is asked for
and by whom is a fact of the call.
"""

import contextlib

from appliance.calls.call import TALK, State
from appliance.calls.conversation import Conversation
from appliance.calls.exchange import Exchange, Ongoing
from appliance.calls.legs import WATCHING, Leg, Purpose, Target, target
from appliance.calls.room import Party, Role
from appliance.calls.seats import Phones, Seats
from appliance.events import Fact
from appliance.refused import Refused
from hardware.line import Answered, Cause, Cleared, Line, TransferLine
from ivr.flow import Flow, Node

RINGBACK = "tone:ringback"
OUT_FLOW = Flow(name="out", language="zh", start="talk", nodes={"talk": Node("talk")})
"""An agent's own call: talk, and when the agent leaves, hang up."""


class Services:
    """The services of one box; all methods run in the event loop and raise Refused."""

    def __init__(self, exchange: Exchange, seats: Seats, phones: Phones) -> None:
        self._exchange = exchange
        self._seats = seats
        self._phones = phones

    # What an agent does with the caller

    def hold(self, agent: str) -> None:
        """Music for the caller."""
        party, _ = self._talk(agent)
        if party.talk.call.state is State.TALKING:
            party.room.change(party.line.name, held=True)
            party.talk.hold(self._exchange.now())
            self._after(party)

    def resume(self, agent: str) -> None:
        """The caller is back in the talk."""
        party, _ = self._talk(agent)
        if party.talk.call.state is State.HELD:
            self._unhold(party)
            self._after(party)

    def mute(self, agent: str, on: bool) -> None:
        """The agent is not heard, or heard again."""
        party, leg = self._talk(agent)
        party.room.change(leg.line.name, muted=on)
        self._after(party)

    def send_digits(self, agent: str, digits: str, line: str) -> None:
        """Send keys to the caller, or to a guest."""
        party, _ = self._talk(agent)
        name = line or party.line.name
        if party.room.party(name) is None or not digits or len(digits) > 32:
            raise Refused("bad_target")
        self._exchange.send_keys(name, digits)

    def play_back(self, agent: str, path: str) -> None:
        """Play a recording to caller and agent, or stop it."""
        party, leg = self._talk(agent)
        found = self._exchange.tapes.find(path)
        if path and found is None:
            raise Refused("no_recording")
        self._exchange.speech.play([party.line.name, leg.line.name], found)
        self._fact(party, "call.played_back", by=agent, path=path)

    # Who else comes in

    def transfer(self, agent: str, to: str) -> None:
        """Hand the caller over at once; the agent is free."""
        party, leg = self._talk(agent)
        goal = target(to)
        self._fact(party, "call.transferred", by=agent, to=to)
        if goal.kind in ("queue", "node"):
            self._send(party, goal)
        else:
            self._call(party, goal, Purpose.TRANSFER, agent)
            if party.talk.call.state is State.TALKING:
                party.room.change(party.line.name, held=True)
                party.talk.hold(self._exchange.now())
                self._after(party)
        leg.line.hangup(Cause.NORMAL)

    def consult(self, agent: str, to: str) -> None:
        """Ask somebody while the caller hears music."""
        party, _ = self._talk(agent)
        self._call(party, target(to), Purpose.CONSULT, agent)
        self.hold(agent)
        self._fact(party, "call.consulted", by=agent, to=to)
        self._exchange.show(party)

    def call_leader(self, agent: str) -> None:
        """Consult the shift leader on duty."""
        self.consult(agent, f"agent:{self._seats.leader(but=agent)}")

    def invite(self, agent: str, to: str) -> None:
        """Call somebody into the talk."""
        party, _ = self._talk(agent)
        self._call(party, target(to), Purpose.INVITE, agent)
        self._fact(party, "call.invited", by=agent, to=to)
        self._exchange.show(party)

    def complete(self, agent: str) -> None:
        """The caller and whom was asked talk on; the agent leaves."""
        party, leg = self._talk(agent)
        asked = [other for other in self._asked(party) if other.by == agent]
        if not asked:
            raise Refused("no_call")
        party.room.leave(leg.line.name)
        for other in asked:
            party.room.change(other.line.name, apart=False)
        party.room.change(party.line.name, held=False)
        party.talk.passed(asked[0].agent, asked[0].who, self._exchange.now())
        self._after(party)
        leg.line.hangup(Cause.NORMAL)

    def together(self, agent: str) -> None:
        """Everybody talks with everybody."""
        party, leg = self._talk(agent)
        for other in party.room.parties:
            party.room.change(other.line, apart=False)
        party.room.change(leg.line.name, apart=False)
        self._unhold(party)
        self._after(party)

    def drop(self, agent: str, line: str) -> None:
        """End somebody's part, or stop calling; then the talk is as before."""
        party, mine = self._talk(agent)
        leg = next((leg for leg in self._seats.legs.of(party.talk) if leg.line.name == line), None)
        if leg is None or leg is mine:
            raise Refused("bad_target")
        if leg.answered:
            leg.line.hangup(Cause.NORMAL)
        else:
            self._seats.call_off(leg)
            self.failed(leg, "dropped")

    def dial(self, agent: str, number: str) -> None:
        """Call somebody outside; the agent hears it ring."""
        line = self._phones.line_out()
        if line is None:
            raise Refused("no_line")
        party = self._exchange.place(line, number, OUT_FLOW)
        try:
            self._seats.invite(party.talk, agent, Purpose.OUT, by=agent)
        except Refused:
            self._exchange.forget(party)
            raise

    # What a desk phone asks for by itself

    def phone_held(self, line: Line, on: bool) -> None:
        """An agent pressed the phone's own hold key: the caller hears music."""
        leg = self._seats.legs.on(line.name)
        if leg is not None and leg.agent and leg.answered:
            with contextlib.suppress(Refused):
                (self.hold if on else self.resume)(leg.agent)

    def phone_transfers(self, line: TransferLine, to: str) -> None:
        """An agent pressed the phone's own transfer key: as if done at the desk."""
        leg = self._seats.legs.on(line.name)
        kind = "ext" if self._seats.extension(to) else "tel"
        try:
            self.transfer(leg.agent if leg else "", f"{kind}:{to}")
        except Refused:
            line.transferred(Cleared(Cause.REJECTED))
        else:
            line.transferred(Answered())

    # What a shift leader does

    def supervise(self, leader: str, agent: str, how: str) -> None:
        """Go into an agent's talk, or change how one is in it."""
        self._must_lead(leader)
        purpose = Purpose(how) if how in WATCHING else None
        if purpose is None:
            raise Refused("bad_target")
        party, _ = self._talk(agent)
        self._fact(party, "call.supervised", by=leader, agent=agent, how=how)
        mine = self._seats.legs.of_agent(leader)
        if mine is None:
            self._seats.invite(party.talk, leader, purpose, by=leader)
        elif mine.talk is party.talk and mine.answered:
            mine.purpose = purpose
            self._enter(party, mine)
        else:
            raise Refused("talking")

    def release(self, leader: str, cid: str, reason: str) -> None:
        """End a call."""
        self._must_lead(leader)
        party = self._exchange.find(cid)
        if party is None:
            raise Refused("no_call")
        self._fact(party, "call.released", by=leader, reason=reason[:200])
        party.line.hangup(Cause.NORMAL)

    def force(self, leader: str, agent: str, state: str) -> None:
        """Make an agent ready, paused or offline."""
        self._must_lead(leader)
        forced = {
            "ready": self._seats.ready,
            "paused": lambda number: self._seats.pause(number, "leader"),
            "offline": self._seats.sign_out,
        }
        if state not in forced:
            raise Refused("bad_target")
        forced[state](agent)
        self._exchange.note(Fact("agent.forced", {"agent": agent, "state": state, "by": leader}, b""))

    def move_call(self, leader: str, cid: str, to: str) -> None:
        """Put a waiting call elsewhere."""
        self._must_lead(leader)
        party = self._exchange.find(cid)
        if party is None or party.talk.call.state not in (State.QUEUED, State.IN_FLOW):
            raise Refused("no_call")
        goal = target(to)
        if goal.kind not in ("queue", "node"):
            raise Refused("bad_target")
        self._fact(party, "call.moved", by=leader, to=to)
        self._send(party, goal)

    # What becomes of those who were called

    def joined(self, leg: Leg) -> None:
        """Who was called picked up."""
        party = self._exchange.party(leg.talk)
        if party is None:
            leg.line.hangup(Cause.NORMAL)
            return
        if leg.purpose is Purpose.OUT:
            self._dial_now(party, leg)
            return
        if leg.purpose in WATCHING:
            self._enter(party, leg)
            return
        role = Role.AGENT if leg.agent else Role.GUEST
        apart = leg.purpose is Purpose.CONSULT
        party.room.join(Party(leg.line.name, role, apart=apart))
        if apart:
            self._agent_apart(party, leg.by, True)
        elif leg.purpose is Purpose.TRANSFER:
            party.room.change(party.line.name, held=False)
            party.talk.passed(leg.agent, leg.who, self._exchange.now())
        self._after(party)

    def failed(self, leg: Leg, why: str) -> None:
        """Who was called did not come."""
        party = self._exchange.party(leg.talk)
        if party is None:
            return
        self._fact(party, "call.not_joined", who=leg.who, why=why, by=leg.by)
        if leg.purpose is Purpose.OUT:
            self._exchange.forget(party)
        elif leg.purpose is Purpose.CONSULT:
            self._agent_apart(party, leg.by, False)
            self._unhold(party)
            self._after(party)
        elif leg.purpose is Purpose.TRANSFER:
            self._send(party, Target("queue", party.talk.call.queue))
        else:
            self._exchange.show(party)

    def ended(self, leg: Leg) -> None:
        """Who was asked hung up: the agent is with the caller again."""
        party = self._exchange.party(leg.talk)
        if leg.purpose is not Purpose.CONSULT or party is None or party.talk.call.state is not State.HELD:
            return
        asking = self._seats.legs.of_agent(leg.by)
        if asking is not None and asking.talk is leg.talk:
            self._agent_apart(party, leg.by, False)
            self._unhold(party)
            self._after(party)

    def out_answered(self, talk: Conversation) -> None:
        """Whom an agent called outside picked up."""
        party = self._exchange.party(talk)
        legs = [leg for leg in self._seats.legs.of(talk) if leg.purpose is Purpose.OUT]
        if party is None or not legs:
            talk.agent_left(self._exchange.now())
            return
        self._exchange.speech.hush(legs[0].line.name)
        talk.out_connected(legs[0].agent, self._seats.at(legs[0].agent), self._exchange.now())
        self._exchange.settle(party)

    def out_alerting(self, talk: Conversation, early: bool) -> None:
        """It rings there: the agent hears it, by the network's own tone or by ours."""
        for leg in self._seats.legs.of(talk):
            if leg.purpose is Purpose.OUT and not early:
                self._exchange.speech.loop(leg.line.name, RINGBACK)

    def _dial_now(self, party: Ongoing, leg: Leg) -> None:
        party.room.join(Party(leg.line.name, Role.AGENT))
        party.room.join(Party(party.line.name, Role.CALLER))
        self._exchange.settle(party)
        self._exchange.show(party)
        party.line.dial(party.talk.call.caller, self._seats.shown)

    def _enter(self, party: Ongoing, leg: Leg) -> None:
        """A shift leader comes in, or changes role."""
        party.room.join(Party(leg.line.name, WATCHING[leg.purpose]))
        if leg.purpose is Purpose.TAKE_OVER:
            others = [other for other in self._seats.legs.of(party.talk) if other.agent and other is not leg]
            party.talk.passed(leg.agent, leg.agent, self._exchange.now())
            party.room.change(party.line.name, held=False)
            for other in others:
                party.room.leave(other.line.name)
                other.line.hangup(Cause.NORMAL)
        self._after(party)

    def _call(self, party: Ongoing, goal: Target, purpose: Purpose, by: str) -> None:
        """Call somebody into the talk; Refused when that cannot be tried."""
        agent = goal.name if goal.kind == "agent" else ""
        if goal.kind == "ext":
            agent = self._seats.agent_at(goal.name)
            extension = self._seats.extension(goal.name)
            if extension is None or (not agent and extension.kind == "browser"):
                raise Refused("bad_target")
        if agent:
            self._seats.invite(party.talk, agent, purpose, by)
            return
        if goal.kind not in ("ext", "tel"):
            raise Refused("bad_target")
        line = self._phones.line_to(goal.name) if goal.kind == "ext" else self._phones.line_out()
        if line is None:
            raise Refused("no_line")
        self._seats.call(party.talk, line, goal.name, purpose, by)

    def _send(self, party: Ongoing, goal: Target) -> None:
        """Send the caller to a queue or a node of the flow."""
        flow = party.talk.run.flow
        node = goal.name
        if goal.kind == "queue":
            queues = (n for n, row in flow.nodes.items() if row.params.get("queue") == goal.name)
            node = next(queues, "")
        if node not in flow.nodes:
            raise Refused("bad_target")
        for line in [other.line for other in party.room.parties]:
            party.room.leave(line)
        self._exchange.settle(party)
        party.talk.sent(node, self._exchange.now())
        self._exchange.work(party)

    def _talk(self, agent: str) -> tuple[Ongoing, Leg]:
        leg = self._seats.talking(agent)
        party = self._exchange.party(leg.talk)
        if party is None or party.talk.call.state not in TALK:
            raise Refused("no_call")
        return party, leg

    def _asked(self, party: Ongoing) -> list[Leg]:
        """Who is being consulted."""
        asked = [leg for leg in self._seats.legs.of(party.talk) if leg.purpose is Purpose.CONSULT]
        if not any(leg.answered for leg in asked):
            raise Refused("no_call")
        return [leg for leg in asked if leg.answered]

    def _agent_apart(self, party: Ongoing, agent: str, apart: bool) -> None:
        leg = self._seats.legs.of_agent(agent)
        if leg is not None and party.room.party(leg.line.name) is not None:
            party.room.change(leg.line.name, apart=apart)

    def _unhold(self, party: Ongoing) -> None:
        if party.talk.call.state is State.HELD:
            party.room.change(party.line.name, held=False)
            party.talk.resume(self._exchange.now())

    def _after(self, party: Ongoing) -> None:
        self._exchange.settle(party)
        self._exchange.work(party)
        self._exchange.show(party)

    def _fact(self, party: Ongoing, kind: str, **facts: object) -> None:
        self._exchange.note(Fact(kind, facts, party.talk.call.cid))

    def _must_lead(self, leader: str) -> None:
        if not self._seats.leads(leader):
            raise Refused("not_leader")
