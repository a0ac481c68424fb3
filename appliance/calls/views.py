"""What pages see of calls, seats, queues and lines: the parts of the board (`appliance.calls.wire`)."""

import msgspec


class PartyView(msgspec.Struct, frozen=True):
    """Somebody in a talk, or being called into it."""

    line: str
    role: str
    """caller, agent, guest, listener, coach; or ringing while being called."""
    who: str
    """A telephone number, or an agent's number."""
    held: bool = False
    muted: bool = False
    apart: bool = False
    """In the other half of a consultation."""


class CallView(msgspec.Struct, frozen=True):
    """A call as an agent or a shift leader sees it. Times are Unix seconds."""

    cid: str
    line: str
    caller: str
    called: str
    state: str
    """ringing, in_flow, queued, offered, talking, ended."""
    since_s: float
    started_s: float
    queue: str = ""
    agent: str = ""
    queued_s: float = 0.0
    outgoing: bool = False
    parties: tuple[PartyView, ...] = ()
    recording: str = ""
    """on, rolling, private (silence is recorded), off; empty before the answer."""
    may_record: bool = False
    """The agent may begin, end, or keep the recording."""
    may_hide: bool = False
    """The agent may have silence recorded."""
    private_until_s: float = 0.0
    """When the silence ends by itself."""
    callback_of: str = ""
    """The call in which the caller asked to be called back; empty when this is no callback."""


class Seat(msgspec.Struct, frozen=True):
    """An agent at an extension."""

    agent: str
    name: str
    extension: str
    state: str
    """offline, ready, offered, busy, wrap_up, paused."""
    since_s: float
    reason: str = ""
    phone: str = "down"
    """up when the extension's phone is there (browser connected, or SIP registered)."""
    until_s: float = 0.0
    """When an offer or a wrap-up runs out; 0 when nothing does."""
    call: CallView | None = None


class ExtensionView(msgspec.Struct, frozen=True):
    """A phone of ours, for directories."""

    number: str
    name: str
    state: str
    """idle, in_call, or away."""
    agent: str = ""
    """Who is signed in there."""
    forwards: dict[str, str] = {}
    """Where its calls go, by when."""
    origins: dict[str, tuple[str, str]] = {}
    """Where each was set (settings, phone or page), and by whom."""


class CallbackView(msgspec.Struct, frozen=True):
    """A caller who hung up and is to be called back."""

    id: str
    number: str
    caller: str
    """Who asked."""
    state: str
    """waiting, calling, or given_up: nobody was reached."""
    place: int
    """The place in the queue it was promised."""
    since_s: float
    """When the caller began to wait."""
    asked_s: float
    tries: int = 0
    not_before_s: float = 0.0


class QueueView(msgspec.Struct, frozen=True):
    """A queue at a glance."""

    name: str
    title: str
    waiting: int
    """Callers on the line; who is called back is in `callbacks`."""
    longest_since_s: float = 0.0
    ready: int = 0
    callbacks: tuple[CallbackView, ...] = ()


class LineView(msgspec.Struct, frozen=True):
    """A line at a glance: down, idle, busy."""

    name: str
    state: str
    reason: str = ""
    caller: str = ""


class MediaView(msgspec.Struct, frozen=True):
    """How the clock does."""

    up: bool = False
    ticks: int = 0
    late: int = 0
    worst_ms: float = 0.0
    fifo: bool = False
    lost: int = 0


class Sentence(msgspec.Struct, frozen=True):
    """A sentence for people: an English gettext msgid with %(name)s places, and what fills them."""

    text: str
    values: dict[str, str] = {}


class Board(msgspec.Struct, frozen=True):
    """The whole picture. Idle SIP lines are counted, not listed."""

    seats: list[Seat]
    calls: list[CallView]
    queues: list[QueueView]
    lines: list[LineView]
    idle_lines: int
    media: MediaView
    warnings: list[Sentence] = []
    """What a person must read: disk full, port taken, prompt missing."""
