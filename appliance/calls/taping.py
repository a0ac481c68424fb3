"""What an agent asks of a talk's recording: to begin or end it, to keep it, to leave out what is private."""

from appliance.calls.exchange import Exchange, Ongoing
from appliance.calls.seats import Seats
from appliance.refused import Refused


class Taping:
    """Orders about recordings; all raise Refused."""

    def __init__(self, exchange: Exchange, seats: Seats) -> None:
        self._exchange = exchange
        self._seats = seats

    def record(self, agent: str, on: bool) -> None:
        """Record from now on, or no longer; a rolling recording is kept."""
        party = self._own(agent)
        self._exchange.tapes.ask(party.talk.name, on, agent)
        self._exchange.show(party)

    def hide(self, agent: str, on: bool) -> None:
        """Record silence from now on, or sound again."""
        party = self._own(agent)
        self._exchange.tapes.hide(party.talk.name, on, agent)
        self._exchange.show(party)

    def _own(self, agent: str) -> Ongoing:
        """The talk in which this agent answers for the caller."""
        party = self._exchange.party(self._seats.talking(agent).talk)
        if party is None or party.talk.call.agent != agent or not self._exchange.tapes.tape(party.talk.name):
            raise Refused("no_call")
        return party
