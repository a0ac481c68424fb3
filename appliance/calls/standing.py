"""What is noted of every call that could go on if the call process died now, and of that death itself."""

import msgspec

from appliance.calls.call import TALK, State
from appliance.calls.exchange import Ongoing
from appliance.calls.legs import Leg, Purpose
from appliance.calls.room import Party
from appliance.calls.roster import BROWSER
from appliance.calls.stand import CallStand, Engaged, TalkStand, TapesStand
from hardware.browser import BrowserLine
from hardware.line import Line
from ivr.flow import Flow

GOES_ON = frozenset({State.IN_FLOW, State.QUEUED, State.OFFERED, *TALK})
CARRIERS = ("sip/", BROWSER, "citizen/")
"""Lines whose calls outlive the call process: their far ends do not notice its death."""


class LegStand(msgspec.Struct, frozen=True):
    """A line in a talk besides the caller's."""

    line: str
    purpose: Purpose
    agent: str
    who: str
    by: str
    rests: str
    extension: str


class Stands(msgspec.Struct, frozen=True, tag_field="is", tag="stands"):
    """One call as it stands."""

    call: CallStand
    flow: str
    own_flow: Flow | None
    """The flow itself, when it is none of the published ones."""
    talk: TalkStand
    tape: TapesStand
    legs: tuple[LegStand, ...]
    room: tuple[Party, ...]
    engaged: tuple[Engaged, ...]
    tokens: dict[str, str]
    """Of lines that are browsers: what their sound was let in by."""
    recorded: bool
    trunk: str
    extension: str
    agent: str
    rests: str
    through: bool
    next_numbers: tuple[str, ...]

    @property
    def key(self) -> str:
        """What it is about."""
        return self.call.cid

    @property
    def lines(self) -> tuple[str, ...]:
        """Every line in the call, the caller's first."""
        return (self.call.line, *(leg.line for leg in self.legs))


class Gone(msgspec.Struct, frozen=True, tag_field="is", tag="gone"):
    """The call with this id is over, or could not go on."""

    cid: str

    @property
    def key(self) -> str:
        """What it is about."""
        return self.cid


class Trial(msgspec.Struct, frozen=True, tag_field="is", tag="trial"):
    """Calls were taken up a moment ago; `on` until it is sure that they do not kill the process."""

    on: bool

    @property
    def key(self) -> str:
        """What it is about."""
        return "trial"


Note = Stands | Gone | Trial


def ends(note: Note) -> bool:
    """Whether nothing is left to be remembered."""
    return isinstance(note, Gone) or (isinstance(note, Trial) and not note.on)


def leg_stand(leg: Leg) -> LegStand:
    """How a leg stands."""
    return LegStand(leg.line.name, leg.purpose, leg.agent, leg.who, leg.by, leg.rests, leg.extension)


def stands(
    party: Ongoing,
    legs: list[Leg],
    engaged: tuple[Engaged, ...],
    tape: TapesStand,
    published: bool,
) -> Stands | None:
    """How a call stands; None for one that could not go on. `published`: its flow is found by name."""
    call, talk, flow = party.talk.call, party.talk.stand, party.talk.run.flow
    there = [leg for leg in legs if leg.answered] if call.state in TALK else []
    lines: list[Line] = [party.line, *(leg.line for leg in there)]
    if call.state not in GOES_ON or talk is None:
        return None
    if call.outgoing and call.state not in TALK:
        return None  # a campaign's, which counts it as lost and calls again
    if not all(line.name.startswith(CARRIERS) for line in lines):
        return None
    names = {line.name for line in lines}
    return Stands(
        call=call.stand,
        flow=flow.name,
        own_flow=None if published else flow,
        talk=talk,
        tape=tape,
        legs=tuple(leg_stand(leg) for leg in there),
        room=tuple(p for p in party.room.parties if p.line in names) if call.state in TALK else (),
        engaged=engaged,
        tokens={line.name: line.token for line in lines if isinstance(line, BrowserLine)},
        recorded=party.recorded,
        trunk=party.trunk,
        extension=party.extension,
        agent=party.agent,
        rests=party.rests,
        through=party.through,
        next_numbers=tuple(party.next_numbers),
    )
