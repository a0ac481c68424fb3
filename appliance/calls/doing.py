"""What a conversation asks to be done: what its turns ask for (`appliance.calls.turn`), and these."""

from dataclasses import dataclass

from appliance.calls.turn import Do
from appliance.events import Fact
from hardware.line import Cause


@dataclass(frozen=True, slots=True)
class Log:
    """Write a fact of this call to the journal."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class AnswerCaller:
    """Pick up the caller's line."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Let the caller hear us without picking up: what rings elsewhere costs nothing yet."""


@dataclass(frozen=True, slots=True)
class ClearCaller:
    """Hang up the caller's line."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class JoinQueue:
    """The call begins to wait."""

    queue: str


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """The call waits no longer."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Caller and agent hear each other from now on."""


@dataclass(frozen=True, slots=True)
class Secret:
    """The caller begins, or ends, keying in what nobody may hear later."""

    on: bool


Action = Do | Log | AnswerCaller | Progress | ClearCaller | JoinQueue | LeaveQueue | Bridge | Secret
