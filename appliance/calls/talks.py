"""What every service does to a talk: who is in the room, on hold, sent elsewhere, and the fact of it."""

from appliance.calls.call import State
from appliance.calls.exchange import Exchange, Ongoing
from appliance.calls.legs import Leg, Purpose
from appliance.calls.room import Party, Role
from appliance.calls.seats import Seats
from appliance.calls.targets import Target
from appliance.events import Fact
from appliance.refused import Refused
from ivr.flow import Flow


class Talks:
    """Changes of the talks of one box; all of them settle what everybody hears."""

    def __init__(self, exchange: Exchange, seats: Seats) -> None:
        self._exchange = exchange
        self._seats = seats

    def in_talk(self, party: Ongoing) -> None:
        """Whatever is done in a talk, the caller is in it from now on, announced or not."""
        party.talk.cut_announcement()
        self._exchange.work(party)

    def hold(self, party: Ongoing) -> None:
        """Music for the caller."""
        if party.talk.call.state is State.TALKING:
            party.room.change(party.line.name, held=True)
            party.talk.hold(self._exchange.now())
            self.after(party)

    def unhold(self, party: Ongoing) -> None:
        """The caller is back in the talk; nobody is told yet."""
        if party.talk.call.state is State.HELD:
            party.room.change(party.line.name, held=False)
            party.talk.resume(self._exchange.now())

    def agent_apart(self, agent: str, apart: bool) -> None:
        """An agent speaks only with whom is asked, or with everybody again."""
        leg = self._seats.legs.of_agent(agent)
        party = self._exchange.party(leg.talk) if leg is not None else None
        if leg is not None and party is not None and party.room.party(leg.line.name) is not None:
            party.room.change(leg.line.name, apart=apart)

    def send(self, party: Ongoing, goal: Target) -> None:
        """Send the caller to a queue or a node: of the flow the call is in, else of the box's own."""
        for flow in (party.talk.run.flow, self._exchange.flow):
            if (node := node_of(flow, goal)) is not None:
                break
        else:
            raise Refused("bad_target")
        for line in [other.line for other in party.room.parties]:
            party.room.leave(line)
        self._exchange.settle(party)
        party.talk.sent(node, self._exchange.now(), flow)
        self._exchange.work(party)

    def hand_back(self, party: Ongoing) -> None:
        """Nobody took the caller over: back to the queue, or on in the flow when there was none."""
        try:
            self.send(party, Target("queue", party.talk.call.queue))
        except Refused:
            party.talk.agent_left(self._exchange.now())
            self._exchange.work(party)

    def trade_places(self, party: Ongoing, leg: Leg) -> None:
        """The caller's phone becomes the leg, and the leg's line the caller's; who hears whom stays."""
        mine, other = party.line, leg.line
        self._seats.legs.remove(leg)
        self._exchange.move(party, other)
        if (caller := party.room.party(mine.name)) is not None:
            party.room.leave(mine.name)
            party.room.join(Party(mine.name, Role.AGENT, caller.held, caller.muted, caller.apart))
        if party.room.party(other.name) is not None:
            party.room.change(other.name, role=Role.CALLER)
        self._seats.change_over(party.agent, leg.talk, leg.agent)
        party.agent, leg.agent = leg.agent, party.agent
        party.extension, leg.extension = leg.extension, party.extension
        party.rests, leg.rests = leg.rests, party.rests
        leg.line, leg.purpose, leg.who = mine, Purpose.DIAL, leg.agent or leg.extension
        leg.payer = None  # it is a phone of ours now
        self._seats.legs.add(leg)

    def after(self, party: Ongoing) -> None:
        """Let media, the conversation and everybody who watches know."""
        self._exchange.settle(party)
        self._exchange.work(party)
        self._exchange.show(party)

    def fact(self, party: Ongoing, kind: str, **facts: object) -> None:
        """Write a fact of the call."""
        self._exchange.note(Fact(kind, facts, party.talk.call.cid))


def node_of(flow: Flow, goal: Target) -> str | None:
    """The node of a flow that is a target: by its name, or the one of a queue; None when there is none."""
    if goal.kind == "queue":
        return next((n for n, row in flow.nodes.items() if row.params.get("queue") == goal.name), None)
    return goal.name if goal.name in flow.nodes else None
