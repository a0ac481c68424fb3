"""What a phone of ours does by itself: it calls, keys codes, picks up, holds, transfers (话机自主操作).

Also who is called directly from outside, past the hotline's flow, and what is passed on.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence

from appliance.calls import dialplan, keypad
from appliance.calls.directory import Directory, Forwarding
from appliance.calls.exchange import Exchange, Ongoing
from appliance.calls.legs import Leg, Purpose
from appliance.calls.numbers import SITE, Permit
from appliance.calls.permits import Permits
from appliance.calls.reaching import Reaching
from appliance.calls.room import Party, Role
from appliance.calls.seats import Seats
from appliance.calls.services import Services
from appliance.calls.talks import Talks
from appliance.calls.targets import Target
from appliance.events import Fact
from appliance.refused import Refused
from hardware.line import Answered, Cause, Cleared, Line, Ringing, Transfer, TransferLine
from ivr.flow import Flow, Node

PHONE = "phone"
"""Where a forward was set that was keyed."""
FORWARD_SET, FORWARD_OFF, BARRED = "forward.set", "forward.off", "dial.barred"
PHRASES = frozenset({*keypad.PHRASES, FORWARD_SET, FORWARD_OFF, BARRED, "dial.pin", "dial.account"})
"""What phones of ours hear."""


class DeskPhones:
    """The phones of one box; all methods run in the event loop."""

    def __init__(
        self,
        exchange: Exchange,
        seats: Seats,
        services: Services,
        talks: Talks,
        reaching: Reaching,
        directory: Directory,
        plan: dialplan.Plan,
        permits: Permits,
        through: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._exchange = exchange
        self._seats = seats
        self._services = services
        self._talks = talks
        self._reaching = reaching
        self._directory = directory
        self._plan = plan
        self._permits = permits
        self._through = through
        """Trunk to the kinds of numbers its calls may go on to."""
        self.forwarded: Callable[[str, Sequence[str], Forwarding], None]

    # It calls

    def rings(self, line: Line, ringing: Ringing) -> None:
        """A phone of ours dialled something that is no hotline number, or somebody calls past the flow."""
        called = ringing.called or ""
        if ringing.trunk or self._directory.extension(ringing.caller or "") is None:
            self._from_outside(line, ringing)
            return
        extension = ringing.caller or ""
        if (done := self._keyed(extension, called)) is not None:
            self._tell(line, ringing, *done)
            return
        match self._plan.read(called, extension):
            case dialplan.Inside(to):
                self._dial(line, ringing, to)
            case dialplan.Outside(number, _, permit) if permit.allowed:
                self._dial(line, ringing, Target("tel", number), permit)
            case dialplan.Outside():
                self._tell(line, ringing, BARRED, cause=Cause.BARRED)
            case dialplan.PickUp(wanted):
                self._pick_up(line, extension, wanted)
            case dialplan.Forwarded(when, to):
                self._forward(extension, when, to)
                self._tell(line, ringing, FORWARD_SET if to else FORWARD_OFF)
            case dialplan.Unknown():
                line.hangup(Cause.UNALLOCATED)

    def _from_outside(self, line: Line, ringing: Ringing) -> None:
        called = ringing.called or ""
        if (goal := self._directory.outside(called)) is not None:
            self._dial(line, ringing, goal, direction="in")
            return
        kinds = self._through.get(ringing.trunk, ())
        if SITE in kinds and (inside := self._directory.inside(called)) is not None:
            self._dial(line, ringing, inside, direction="in")
            return
        try:
            self._permits.through(kinds, called)
        except Refused:
            line.hangup(Cause.UNALLOCATED)
            return
        self._dial(line, ringing, Target("tel", called), direction="through")

    def _dial(
        self,
        line: Line,
        ringing: Ringing,
        to: Target,
        permit: Permit = Permit(True),  # noqa: B008  # it is frozen
        direction: str = "inside",
    ) -> None:
        extension = "" if ringing.trunk else ringing.caller or ""
        flow = dial_flow(to, permit, self._exchange.flow.language)
        agent = self._seats.roster.agent_at(extension) if extension else ""
        party = self._exchange.begin(line, ringing, flow, recorded=direction == "in" or to.kind == "tel")
        party.extension, party.through = extension, direction == "through"
        if agent:
            with contextlib.suppress(Refused):  # the phone's second call: the agent is in the first
                party.rests = self._seats.engage(agent, party.talk)
                party.agent = agent
                party.recorded = True
        party.talk.early(direction, self._exchange.now())
        self._exchange.work(party)

    def _tell(self, line: Line, ringing: Ringing, phrase: str, agent: str = "", cause: int = 16) -> None:
        flow = keypad.answer(phrase, self._exchange.flow.language, cause)
        party = self._exchange.begin(line, ringing, flow)
        party.extension = ringing.caller or ""
        party.talk.run.variables["agent"] = agent
        party.talk.ringing(direction="inside")
        self._exchange.work(party)

    def _keyed(self, extension: str, dialled: str) -> tuple[str, str] | None:
        """Do what a code of the shift says; the phrase to speak and the agent, or None: it is no code."""
        order = keypad.keyed(dialled)
        if order is None:
            return None
        agent = order.agent or self._seats.roster.agent_at(extension)
        do: Mapping[str, Callable[[], None]] = {
            "sign_in": lambda: self._seats.sign_in(agent, extension),
            "sign_out": lambda: self._seats.sign_out(agent),
            "ready": lambda: self._seats.ready(agent),
            "pause": lambda: self._seats.pause(agent, order.reason),
            "extend": lambda: self._seats.extend_wrap_up(agent),
        }
        try:
            do[order.do]()
        except Refused:
            return keypad.REFUSED, agent
        return keypad.SAID[order.do], agent

    def _forward(self, extension: str, when: tuple[str, ...], to: str) -> None:
        self.forwarded(extension, when, Forwarding(to, PHONE, extension))

    # It picks up what rings elsewhere

    def replaces(self, line: Line, ringing: Ringing) -> None:
        """A busy-lamp key: the phone takes the call that rings, or talks, at another one (RFC 3891)."""
        leg = self._seats.legs.on(ringing.replaces)
        extension = ringing.caller or ""
        if leg is None or self._directory.extension(extension) is None:
            line.hangup(Cause.REJECTED)
        elif leg.answered:
            self._take_over(line, extension, leg)
        else:
            self._take(line, extension, leg)

    def _pick_up(self, line: Line, extension: str, wanted: str) -> None:
        leg = self._services.ringing(extension, wanted)
        if leg is None:
            line.hangup(Cause.NO_USER)
        else:
            self._take(line, extension, leg)

    def _take(self, line: Line, extension: str, leg: Leg) -> None:
        agent = self._seats.roster.agent_at(extension)
        if leg.purpose is Purpose.QUEUE and not agent:
            line.hangup(Cause.REJECTED)
            return
        mine = Leg(line, leg.talk, leg.purpose, agent, agent or extension, leg.by, extension=extension)
        if agent:
            try:
                self._seats.sit(mine)
            except Refused:
                line.hangup(Cause.REJECTED)
                return
        self._seats.legs.add(mine)
        self._services.picked_up(leg, mine)
        line.answer()

    def _take_over(self, line: Line, extension: str, leg: Leg) -> None:
        """The phone goes into a talk in the place of another one."""
        agent = self._seats.roster.agent_at(extension)
        mine = Leg(
            line, leg.talk, Purpose.TRANSFER, agent, agent or extension, leg.agent, extension=extension
        )
        try:
            if agent:
                self._seats.sit(mine)
        except Refused:
            line.hangup(Cause.REJECTED)
            return
        self._seats.legs.add(mine)
        facts = {"by": agent or extension, "from": leg.who}
        self._exchange.note(Fact("call.taken_over", facts, leg.talk.call.cid))
        line.answer()
        leg.line.hangup(Cause.NORMAL)

    # Its hold and transfer keys

    def held(self, line: Line, on: bool) -> None:
        """The phone's own hold key: whoever is at the other end hears music."""
        with contextlib.suppress(Refused):
            party, leg = self._own(line)
            if on:
                self._talks.hold(party)
            elif party.room.party(party.line.name) is not None and leg.answered:
                self._talks.unhold(party)
                self._talks.after(party)

    def transfers(self, line: TransferLine, asked: Transfer) -> None:
        """The phone's own transfer key: blind, or to whom its other call is with."""
        try:
            if asked.replaces is not None:
                self._join_calls(line, asked.replaces)
            else:
                party, leg = self._own(line)
                found = self._directory.as_target(asked.target)
                if found is None:
                    raise Refused("bad_target")
                self._services.hand_over(party, leg, found)
        except Refused:
            line.transferred(Cleared(Cause.REJECTED))
        else:
            line.transferred(Answered())

    def _own(self, line: Line) -> tuple[Ongoing, Leg]:
        """The talk on a phone's line, with the phone as a leg of it; Refused when there is none."""
        leg = self._seats.legs.on(line.name)
        if leg is None:
            caller = self._exchange.on(line.name)
            others = self._seats.legs.of(caller.talk) if caller is not None else []
            spoken = [other for other in others if other.answered]
            if caller is None or not spoken:
                raise Refused("no_call")
            leg = spoken[0]
            self._talks.trade_places(caller, leg)
        party = self._exchange.party(leg.talk)
        if party is None or not leg.answered:
            raise Refused("no_call")
        self._talks.in_talk(party)
        return party, leg

    def _join_calls(self, line: Line, other: str) -> None:
        """Attended transfer: the far ends of a phone's two calls talk on, the phone leaves both."""
        other_leg = self._seats.legs.on(other)
        other_caller = self._exchange.on(other)
        other_line = other_leg.line if other_leg else other_caller.line if other_caller else None
        if other_line is None:
            raise Refused("no_call")
        kept, mine = self._own(line)
        given, second = self._own(other_line)
        if kept is given:
            raise Refused("bad_target")
        if kept.extension and not given.extension:  # a citizen's call goes on under its own name
            kept, mine, given, second = given, second, kept, mine
        agent, extension = given.agent, given.extension
        who = agent or extension or given.talk.call.caller
        self._exchange.note(Fact("call.merged", {"into": kept.talk.name, "who": who}, given.talk.call.cid))
        for guest in self._seats.legs.of(given.talk):
            if guest is not second:
                self._enter(kept, guest)
        self._seats.change_over(agent, given.talk, "")
        self._exchange.part(given)
        leg = Leg(given.line, kept.talk, Purpose.TRANSFER, agent, who, mine.agent, given.rests, extension)
        leg.answered = True
        self._seats.legs.add(leg)
        self._enter(kept, leg)
        kept.room.change(kept.line.name, held=False)
        kept.talk.passed(agent, who, self._exchange.now())
        self._talks.after(kept)
        for done in (mine, second):
            done.line.hangup(Cause.NORMAL)

    def _enter(self, party: Ongoing, leg: Leg) -> None:
        leg.talk = party.talk
        self._seats.in_talk(leg)
        party.room.join(Party(leg.line.name, Role.AGENT if leg.agent else Role.GUEST))


def dial_flow(to: Target, permit: Permit, language: str) -> Flow:
    """What happens to a phone that dialled: PIN and account code where they are needed, then it rings."""
    asks = [name for name, wanted in (("pin", permit.pin), ("account", permit.account)) if wanted]
    steps = [*asks, "dial"]
    nodes = {
        name: Node(
            "collect",
            {
                "prompts": [f"dial.{name}"],
                "store": name,
                "digits_min": 1,
                "digits_max": 16,
                "tries": 2,
                "secret": name == "pin",
            },
            {"ok": steps[nth + 1], "timeout": "refused"},
        )
        for nth, name in enumerate(asks)
    }
    ends = {"busy": 17, "no_answer": 19, "unreachable": 18, "gone": 57}
    nodes |= {name: Node("hangup", {"cause": cause}) for name, cause in ends.items()}
    nodes["refused"] = Node("say", {"prompts": [BARRED]}, {"done": "gone"})
    why = {name: name for name in ("busy", "no_answer", "unreachable", "refused")}
    nodes["dial"] = Node("dial", {"to": [str(to)]}, why)
    return Flow(name="dialled", language=language, start=steps[0], nodes=nodes)
