"""How the parts of a call stand, as data: what is noted for a later life of the call process."""

import msgspec

from ivr.flow import Place


class CallStand(msgspec.Struct, frozen=True):
    """How a call stands."""

    cid: str
    line: str
    caller: str
    called: str
    rule: str
    outgoing: bool
    state: str
    since_s: float
    started_s: float
    queue: str
    queued_s: float
    agent: str
    outcome: str
    callback_of: str
    spoke_with: str
    ratings: int


class TalkStand(msgspec.Struct, frozen=True):
    """How a conversation stands besides its call."""

    place: Place
    joined_s: float
    ringing: tuple[str, ...]
    """Agents whose phones ring."""
    announce: tuple[str, ...]
    announcing: bool
    secret: bool


class TapeStand(msgspec.Struct, frozen=True):
    """How a tape stands."""

    id: str
    nth: int
    agent: str
    asked: bool
    kept: bool
    rolling: bool | None
    why: tuple[str, ...]
    private_by: str
    private_until_s: float
    secret_until_s: float


class TapesStand(msgspec.Struct, frozen=True):
    """How all that is recorded of a call stands."""

    tape: TapeStand | None
    began_s: float
    """Unix time at which the recording that runs was begun."""
    messages: int
    """How many messages were begun."""


class Engaged(msgspec.Struct, frozen=True):
    """An agent in a talk."""

    agent: str
    since_s: float
    queue: str
    next_pause: str
