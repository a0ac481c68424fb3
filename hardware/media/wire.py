"""What the call process and the media process say to each other: JSON lines on a Unix socket.

Every line is one struct below, tagged by ``do`` (to media) or ``saw`` (from media).
Lines of the box are named ``sip/3``, ``headset/8001``, ``gsm/0``; the media process
makes a matrix row for a name when it is first used. A new connection takes over, and its
first order is `Keep`, which says what goes on; without it media finishes open recordings and
silences every line, then starts afresh. Between two connections all sound goes on for 30 s.
"""

import msgspec

from hardware.line import RtpRoute


class Keep(msgspec.Struct, frozen=True, tag_field="do", tag="keep"):
    """These lines and recordings go on just as they are, everything else ends; `Kept` follows.

    A kept line keeps its voice, what it hears and what is played to it.
    """

    lines: list[str] = []
    recordings: list[str] = []


class Open(msgspec.Struct, frozen=True, tag_field="do", tag="open"):
    """The line's voice is there from now on; exactly one of rtp, pcm, token is set.

    An RTP line ``sip/N`` always receives on port ``rtp_base + 2 * N``. Opening an open line
    moves its voice (a re-INVITE): what it hears, plays and records goes on.
    """

    line: str
    rtp: RtpRoute | None = None
    pcm: str | None = None
    token: str | None = None


class Close(msgspec.Struct, frozen=True, tag_field="do", tag="close"):
    """The line has no voice any more: it hears nothing, is heard by nobody, plays and records nothing.

    No `Played` follows for what was played to it.
    """

    line: str


class Hear(msgspec.Struct, frozen=True, tag_field="do", tag="hear"):
    """From now on `line` hears these lines with these gains, and no others: one row of the matrix.

    Talk, hold, conference, listen, whisper and barge are all this one verb.
    """

    line: str
    of: dict[str, float]


class Play(msgspec.Struct, frozen=True, tag_field="do", tag="play"):
    """Play WAV files (8 kHz mono int16) or ``tone:ringback`` to the line, one after another.

    What is played round and round may begin inside: as if it had been played for `skip_s` already.
    """

    line: str
    id: str
    items: list[str]
    loop: bool = False
    skip_s: float = 0.0


class Stop(msgspec.Struct, frozen=True, tag_field="do", tag="stop"):
    """Stop what is being played to the line; `Played` with outcome ``stopped`` follows."""

    line: str


class Record(msgspec.Struct, frozen=True, tag_field="do", tag="record"):
    """Record what the line says (left) and hears (right) into a stereo WAV file."""

    line: str
    id: str
    path: str


class Mask(msgspec.Struct, frozen=True, tag_field="do", tag="mask"):
    """From now on a recording gets silence for both sides, as long as what is said; or sound again."""

    id: str
    on: bool


class Finish(msgspec.Struct, frozen=True, tag_field="do", tag="finish"):
    """End a recording; `Recorded` follows."""

    id: str


class Send(msgspec.Struct, frozen=True, tag_field="do", tag="send"):
    """Send keys to the far end, as RFC 4733 events where the line has them, else as tones."""

    line: str
    digits: str


Order = Keep | Open | Close | Hear | Play | Stop | Record | Mask | Finish | Send


class Kept(msgspec.Struct, frozen=True, tag_field="saw", tag="kept"):
    """Which of the lines and recordings that were to be kept go on.

    A browser's line does when its sound is connected. `gap_s` is how long no call process was there.
    """

    lines: list[str]
    recordings: list[str]
    gap_s: float


class Pressed(msgspec.Struct, frozen=True, tag_field="saw", tag="pressed"):
    """A key was heard, once, by RFC 4733 (``event``) or in band (``tone``)."""

    line: str
    key: str
    by: str


class Played(msgspec.Struct, frozen=True, tag_field="saw", tag="played"):
    """A `Play` ended: ``done``, ``stopped``, or ``missing`` when a file could not be read."""

    line: str
    id: str
    outcome: str


class Recorded(msgspec.Struct, frozen=True, tag_field="saw", tag="recorded"):
    """A recording is whole and durable on disk.

    `reason` is empty unless it ended early: ``disk full``, ``disk too slow``, ``too long``,
    ``cannot be written: ...``, or ``interrupted`` when the box or the media process stopped
    and the file was made good at the next start (told to whoever connects first). One that
    could not be told is kept for the next connection.
    """

    id: str
    path: str
    seconds: float
    reason: str = ""


class Browser(msgspec.Struct, frozen=True, tag_field="saw", tag="browser"):
    """A browser's sound connected or went away."""

    line: str
    up: bool


class Silent(msgspec.Struct, frozen=True, tag_field="saw", tag="silent"):
    """Nothing has come from an open line for this long: told at 5, 15, 30, 60 s and each minute after."""

    line: str
    seconds: float


class Beat(msgspec.Struct, frozen=True, tag_field="saw", tag="beat"):
    """Once a second: how the clock does. `late` counts ticks over 10 ms late since start."""

    ticks: int
    late: int
    worst_ms: float
    lines: int
    fifo: bool
    lost: int = 0
    """RTP packets concealed since start."""


class Trouble(msgspec.Struct, frozen=True, tag_field="saw", tag="trouble"):
    """Something failed that the rest goes on without; `line` is empty when it is the whole process."""

    line: str
    reason: str


Report = Kept | Pressed | Played | Recorded | Browser | Silent | Beat | Trouble
