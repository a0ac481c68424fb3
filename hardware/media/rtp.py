"""RTP packets (RFC 3550) and the keys carried in them (RFC 4733): bytes in, bytes out, no sockets."""

from collections import deque
from struct import Struct
from typing import NamedTuple

from hardware.line import FRAME

HEADER = Struct(">BBHII")
EVENT = Struct(">BBH")
VERSION = 0x80
MARKER = 0x80
KEYS = "0123456789*#ABCD"
"""Event codes 0 to 15 of RFC 4733 §3.2, in order."""

PRESS_FRAMES = 5
GAP_FRAMES = 3
END_REPEATS = 3
MOST_QUEUED = 64
WRONG_STAMPS = 10
"""Time stamps in a row that do not go with the packets' numbers, before none is believed."""
MERGE_TICKS = 13
"""A tone this soon after an event of the same key, or the reverse, is the same press.

150 ms, and the play-out delay an in-band tone has behind the event that announced it.
"""


class Packet(NamedTuple):
    """An RTP header; the payload is `buffer[start:end]`."""

    payload: int
    marker: bool
    seq: int
    stamp: int
    ssrc: int
    start: int
    end: int


def parse(buffer: bytes | bytearray | memoryview, size: int) -> Packet | None:
    """Read a header, past CSRCs, extension and padding (RFC 3550 §5.1); None if it is no RTP."""
    if size < 12:
        return None
    first, second, seq, stamp, ssrc = HEADER.unpack_from(buffer)
    if first & 0xC0 != VERSION:
        return None
    start, end = 12 + 4 * (first & 0x0F), size
    if first & 0x10:
        if start + 4 > end:
            return None
        start += 4 + 4 * int.from_bytes(buffer[start + 2 : start + 4], "big")
    if first & 0x20:
        end -= buffer[end - 1]
    if start > end:
        return None
    return Packet(second & 0x7F, bool(second & MARKER), seq, stamp, ssrc, start, end)


def build(payload: int, seq: int, stamp: int, ssrc: int, data: bytes, marker: bool = False) -> bytes:
    """One packet without CSRCs, extension or padding."""
    second = payload | (MARKER if marker else 0)
    return HEADER.pack(VERSION, second, seq & 0xFFFF, stamp & 0xFFFFFFFF, ssrc) + data


def ahead(stamp: int, of: int) -> int:
    """How far a 32-bit time stamp lies ahead of another, negative when behind."""
    return ((stamp - of + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Stamps:
    """The time stamps of one line that seem wrong, put right by the numbers of its packets.

    It sees packets that were not where they were due. When their time stamps again and again do
    not go with their numbers, those of the whole stream are not believed any more.
    """

    def __init__(self) -> None:
        self.believed = True
        self._wrong = 0
        self._last: tuple[int, int, int] | None = None
        """Source, number and time stamp of the packet before."""

    def right(self, packet: Packet, samples: int) -> int:
        """The time stamp of a packet with so many samples."""
        if self._last is None or packet.ssrc != self._last[0]:
            self.believed, self._wrong = True, 0
            self._last = packet.ssrc, packet.seq, packet.stamp
            return packet.stamp
        _, seq, stamp = self._last
        step = ((packet.seq - seq + 0x8000) & 0xFFFF) - 0x8000
        expected = (stamp + step * samples) & 0xFFFFFFFF
        found = packet.stamp if self.believed else expected
        if step > 0:
            self._wrong = self._wrong + 1 if packet.stamp != expected else 0
            self._last = packet.ssrc, packet.seq, found
            self.believed = self.believed and self._wrong < WRONG_STAMPS
        return found


class Presses:
    """Keys of one line, each press told once, whether it came as events, as a tone or as both."""

    def __init__(self) -> None:
        self._stamp: int | None = None
        self._duration = 0
        self._code = -1
        self._key = ""
        self._by = ""
        self._until = 0

    @property
    def by_events(self) -> bool:
        """Whether a key has come as an event: then all do, and tones are only what leaks of them."""
        return self._stamp is not None

    def event(self, stamp: int, data: bytes | bytearray | memoryview, tick: int) -> str | None:
        """The key of a telephone-event payload, when it begins a press (RFC 4733 §2.3)."""
        if len(data) < 4:
            return None
        code, _, duration = EVENT.unpack_from(data)
        if code >= len(KEYS):
            return None
        if self._stamp is not None:
            step = ahead(stamp, self._stamp)
            if step < 0 and step > -8000:
                return None
            if step == 0 or (code == self._code and 0 < step <= self._duration):
                # An update, an end (sent three times), or the next segment of a long press (§2.5.1.3).
                self._stamp, self._duration = stamp, duration
                self._until = tick + MERGE_TICKS
                return None
        self._stamp, self._duration, self._code = stamp, duration, code
        return self._press(KEYS[code], "event", tick)

    def tone(self, key: str, tick: int) -> str | None:
        """The key of a tone heard in band, unless the line has already told of this press."""
        return self._press(key, "tone", tick)

    def _press(self, key: str, by: str, tick: int) -> str | None:
        same = key == self._key and by != self._by and tick <= self._until
        # Once both were seen the events say what is a new press: their time stamps know, tones do not.
        self._key, self._by = key, "event" if same else by
        self._until = tick + MERGE_TICKS
        return None if same else key


class EventSender:
    """Keys to send as telephone-events: a packet a tick while a key is held, audio between keys."""

    def __init__(self) -> None:
        self._keys: deque[int] = deque(maxlen=MOST_QUEUED)
        self._at = 0

    @property
    def busy(self) -> bool:
        """Whether keys wait or are being sent."""
        return bool(self._keys)

    def send(self, digits: str) -> None:
        """Queue keys; what is no key is left out."""
        self._keys.extend(KEYS.index(key) for key in digits.upper() if key in KEYS)

    def next(self) -> tuple[bytes, int] | None:
        """This tick's payload and how many samples ago its key went down; None while audio flows.

        The first packet of a key (0 samples ago) carries the marker bit (RFC 4733 §2.5.1.1).
        """
        if not self._keys:
            return None
        at, self._at = self._at, self._at + 1
        if at < PRESS_FRAMES + END_REPEATS - 1:
            held = min(at + 1, PRESS_FRAMES) * FRAME
            end = 0x80 if at >= PRESS_FRAMES - 1 else 0
            return EVENT.pack(self._keys[0], end | 10, held), at * FRAME
        if self._at >= PRESS_FRAMES + END_REPEATS - 1 + GAP_FRAMES:
            self._keys.popleft()
            self._at = 0
        return None
