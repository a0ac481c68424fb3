"""What a shift leader does to talks: listen, whisper, barge, take over, release, force, move, take."""

from appliance.calls.call import State
from appliance.calls.exchange import Exchange
from appliance.calls.joining import Joining
from appliance.calls.legs import WATCHING, Purpose
from appliance.calls.seats import Seats
from appliance.calls.services import Services
from appliance.calls.talks import Talks
from appliance.calls.targets import target
from appliance.events import Fact
from appliance.refused import Refused
from hardware.line import Cause


class Supervision:
    """A shift leader's orders; all methods run in the event loop and raise Refused."""

    def __init__(
        self, exchange: Exchange, seats: Seats, talks: Talks, joining: Joining, services: Services
    ) -> None:
        self._exchange = exchange
        self._seats = seats
        self._talks = talks
        self._joining = joining
        self._services = services

    def supervise(self, leader: str, agent: str, how: str) -> None:
        """Go into an agent's talk, or change how one is in it."""
        self._must_lead(leader)
        purpose = Purpose(how) if how in WATCHING else None
        if purpose is None:
            raise Refused("bad_target")
        party, _ = self._services.talk(agent)
        self._talks.fact(party, "call.supervised", by=leader, agent=agent, how=how)
        mine = self._seats.legs.of_agent(leader)
        if mine is None:
            self._seats.invite(party.talk, leader, purpose, by=leader)
        elif mine.talk is party.talk and mine.answered:
            mine.purpose = purpose
            self._joining.enter(party, mine)
        else:
            raise Refused("talking")

    def take(self, leader: str, cid: str) -> None:
        """Take a waiting or ringing call oneself (代答)."""
        self._must_lead(leader)
        party = self._exchange.find(cid)
        if party is None or party.talk.call.state not in (State.QUEUED, State.OFFERED):
            raise Refused("no_call")
        self._seats.invite(party.talk, leader, Purpose.QUEUE, by=leader)
        self._talks.fact(party, "call.taken", by=leader)

    def release(self, leader: str, cid: str, reason: str) -> None:
        """End a call."""
        self._must_lead(leader)
        party = self._exchange.find(cid)
        if party is None:
            raise Refused("no_call")
        self._talks.fact(party, "call.released", by=leader, reason=reason[:200])
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
        """Put a waiting call elsewhere, or offer it to an agent at once."""
        self._must_lead(leader)
        party = self._exchange.find(cid)
        if party is None or party.talk.call.state not in (State.QUEUED, State.IN_FLOW):
            raise Refused("no_call")
        goal = target(to)
        if goal.kind == "agent" and party.talk.call.state is State.QUEUED:
            self._seats.invite(party.talk, goal.name, Purpose.QUEUE, by=leader)
            self._talks.fact(party, "call.moved", by=leader, to=to)
            return
        if goal.kind not in ("queue", "node"):
            raise Refused("bad_target")
        self._talks.fact(party, "call.moved", by=leader, to=to)
        self._talks.send(party, goal)

    def _must_lead(self, leader: str) -> None:
        if not self._seats.roster.leads(leader):
            raise Refused("not_leader")
