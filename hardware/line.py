"""The contract of every line: verbs that never block, outcomes that arrive as Signals.

A *Line* carries at most one call; the media side of lines is a *Bank*
(`hardware.media.bank`). Signalling runs in the ``calls`` process, sound in the ``media``
process; a `Sound` signal tells the one where the other finds the voice.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

RATE_HZ = 8000
FRAME = 160
"""Samples in one frame: 20 ms at 8 kHz."""
TICK_S = FRAME / RATE_HZ


class Cause(IntEnum):
    """Why a call ended (ITU-T Q.850)."""

    UNALLOCATED = 1
    NO_ROUTE = 3
    NORMAL = 16
    BUSY = 17
    NO_USER = 18
    NO_ANSWER = 19
    REJECTED = 21
    OUT_OF_ORDER = 27
    INVALID_NUMBER = 28
    UNSPECIFIED = 31
    NO_CIRCUIT = 34
    NETWORK_OUT_OF_ORDER = 38
    TEMPORARY_FAILURE = 41
    CONGESTION = 42
    BARRED = 57
    INCOMPATIBLE = 88
    TIMER = 102
    PROTOCOL_ERROR = 111
    INTERWORKING = 127


@dataclass(frozen=True, slots=True)
class Traits:
    """What a kind of line can perceive; call handling asks these, never the class."""

    sees_answer: bool = True
    sees_caller: bool = True
    hears_digits: bool = True
    full_duplex: bool = True
    sends_text: bool = False
    hears_early: bool = False
    """Whether a caller can hear us before we answer: it is a `ProgressLine`."""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """How RTP is sealed (RFC 3711): keys are base64 of master key (16 bytes) and salt (14)."""

    suite: str
    """AES_CM_128_HMAC_SHA1_80 or AES_CM_128_HMAC_SHA1_32 (RFC 4568)."""
    send: str = field(repr=False)
    receive: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RtpRoute:
    """Voice as RTP: where to send it and how it is coded (RFC 3551, RFC 4733)."""

    ip: str
    port: int
    payload: int = 8
    """8 is PCMA, 0 is PCMU."""
    event: int | None = None
    """Payload type of telephone-event/8000, or None when the far end has none."""
    srtp: SrtpKeys | None = None
    """None is RTP in clear."""


@dataclass(frozen=True, slots=True)
class PcmPort:
    """Voice as raw S16LE mono 8 kHz on a character device, 320 bytes every 20 ms."""

    path: str


@dataclass(frozen=True, slots=True)
class BrowserToken:
    """Voice as int16 frames over a WebSocket that presents this token."""

    token: str


Route = RtpRoute | PcmPort | BrowserToken


@dataclass(frozen=True, slots=True)
class Up:
    """The line is ready for calls."""


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call comes in. Numbers as the network gave them; None when withheld."""

    caller: str | None
    called: str | None
    display: str = ""
    trunk: str = ""
    """The trunk it came by, by name; empty for a call from a phone or where lines have no trunks."""
    replaces: str = ""
    """Name of the line whose place this call is to take (RFC 3891), which rings at a phone of ours or
    talks with one. To follow, `answer` here, connect whoever was to talk there, and hang up there."""


@dataclass(frozen=True, slots=True)
class Alerting:
    """The far end of a call we dialled is ringing; `early` when it already sends sound."""

    early: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The far end picked up, or our own `answer` is complete."""


@dataclass(frozen=True, slots=True)
class Digit:
    """The far end pressed a key: 0-9 * # A-D."""

    key: str


@dataclass(frozen=True, slots=True)
class Sound:
    """Where the line's voice is from now on; None when it has none."""

    route: Route | None


@dataclass(frozen=True, slots=True)
class Held:
    """The far end put us on hold, or took us back; where its voice is meanwhile does not change."""

    on: bool


@dataclass(frozen=True, slots=True)
class Transfer:
    """A phone of ours asks for its call to be handed to `target`; `TransferLine.transferred` tells the end.

    With `replaces` (attended) the call on that line goes where this one is, and `target` need not be called.
    """

    target: str
    replaces: str | None = None
    """Name of the line that carries the phone's other call; it may still be ringing there."""


@dataclass(frozen=True, slots=True)
class Text:
    """A short message came in on this line; `sent_s` is the network's time stamp (Unix seconds)."""

    sender: str
    text: str
    sent_s: float
    key: str
    """What `taken` is called with once the text is durable, so that the device may forget it."""


@dataclass(frozen=True, slots=True)
class TextSent:
    """A short message given to `send_text` left the box, or did not: `reason` says why."""

    key: str
    ok: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cleared:
    """The call on this line is over; the line is free again."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Fault:
    """The line cannot carry calls for now: `reason` is a sentence for a technician."""

    reason: str


Signal = (
    Up | Ringing | Alerting | Answered | Digit | Sound | Held | Transfer | Text | TextSent | Cleared | Fault
)
Post = Callable[[Signal], None]


class Line(Protocol):
    """A port that carries at most one call. Verbs never block and never raise for what the world does."""

    name: str
    traits: Traits

    def open(self, post: Post) -> None:
        """Take the port into use; `Up` or `Fault` follows."""

    def dial(self, number: str, caller: str | None) -> None:
        """Call a number, showing `caller`; `Alerting`, `Answered` or `Cleared` follow."""

    def answer(self) -> None:
        """Pick up the ringing call; `Sound` and `Answered` follow."""

    def hangup(self, cause: Cause) -> None:
        """End or refuse the call; `Cleared` follows."""

    def send_digits(self, digits: str) -> None:
        """Send keys to the far end."""

    def close(self) -> None:
        """Give the port back; nothing is posted afterwards."""


class ProgressLine(Line, Protocol):
    """A line that can be heard before it is answered, for announcements that cost the caller nothing."""

    def progress(self) -> None:
        """Let the caller who rings hear us; `Sound` follows where the far end can."""


class TransferLine(Line, Protocol):
    """A line whose phone can ask for a `Transfer`."""

    def transferred(self, outcome: Alerting | Answered | Cleared) -> None:
        """Tell the phone how the transfer it asked for goes; `Answered` and `Cleared` are the end of it."""


class TextLine(Line, Protocol):
    """A line that also carries short messages."""

    def send_text(self, number: str, text: str, key: str) -> None:
        """Send a short message; `TextSent` with this key follows."""

    def taken(self, key: str) -> None:
        """The text with this key is durable here; the device may forget it."""
