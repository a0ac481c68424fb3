"""The jitter buffer of one line: packets of any length in, one frame of 160 samples a tick out."""

from hardware.line import FRAME
from hardware.media.rtp import ahead

SLOTS = 16
"""Frames the buffer can hold ahead of play-out: 320 ms."""
SPAN = SLOTS * FRAME
START = 2 * FRAME
"""Play-out delay at the start: 40 ms."""
MOST = 6 * FRAME
"""Longest play-out delay: 120 ms."""
ROOMY = START + FRAME // 2
"""A lowest lead above this, for a whole watch, is delay nobody needs."""
WATCH_ROUNDS = 12
"""A watch is so many times round the slots: 3.84 s."""
LATE_TICKS = 8
"""When all that comes is too late for this long, the sender has set its time stamps back."""
WAIT_FRAMES = 2
"""Play-out waits at most this long for one late packet."""
REPEATS = 3
"""Frames that are filled with a fading copy of the last one; silence after that."""


class _Part:
    """A frame of which only some samples have come, because packets are not 20 ms long."""

    __slots__ = ("codes", "have", "missing")

    def __init__(self) -> None:
        self.codes = bytearray(FRAME)
        self.have = bytearray(FRAME)
        self.missing = FRAME

    def put(self, start: int, codes: bytes | bytearray | memoryview) -> None:
        end = start + len(codes)
        self.codes[start:end] = codes
        self.have[start:end] = b"\1" * len(codes)
        self.missing = self.have.count(0)

    def patched(self, last: bytes) -> bytes:
        """The whole frame, its holes filled from the last one."""
        return bytes(
            code if here else was for code, here, was in zip(self.codes, self.have, last, strict=True)
        )


class Jitter:
    """Orders G.711 codes by time stamp and plays them out at the pace of the media clock.

    A packet's *lead* is how far its first sample lies ahead of play-out when it arrives.
    Packets that come too late make play-out wait a frame (up to 120 ms of delay); a
    lead that stays needlessly long makes it skip one: this also absorbs the drift
    between the far end's clock and ours. A jump of the time stamp or a new SSRC is
    believed when the next packet confirms it.
    """

    def __init__(self, silence: int = 0xD5) -> None:
        self.lost = 0
        """Frames filled with a copy in a hole of the stream, and packets that came too late."""
        self.resyncs = 0
        self.concealed = 0
        """0 when the frame last taken is as sent, n when it is the nth copy in place of what did not come."""
        self._quiet = bytes([silence]) * FRAME
        self._last = self._quiet
        self._slots: list[bytes | _Part | None] = [None] * SLOTS
        self._slot = 0
        self._ssrc = -1
        self._play = 0
        self._end = 0
        self._missed = REPEATS
        self._hold = 0
        self._lowest = SPAN
        self._highest = self._highest_before = 0
        self._rounds = 0
        self._late_ticks = 0
        self._came_late = False
        self._stray: tuple[int, int] | None = None

    @property
    def depth(self) -> int:
        """Samples between play-out and the newest sample stored."""
        return max(0, ahead(self._end, self._play))

    def put(self, stamp: int, ssrc: int, codes: bytes | bytearray | memoryview) -> None:
        """Store one packet's samples; duplicates and reordering cost nothing."""
        size = len(codes)
        lead = ((stamp - self._play + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        if ssrc != self._ssrc or lead < 0 or lead + size > SPAN:
            lead = self._unusual(stamp, ssrc, lead, size)
            if lead + size <= 0:
                return
            if lead < 0:
                codes, size, lead = codes[-lead:], size + lead, 0
        if lead < self._lowest:
            self._lowest = lead
        if lead > self._highest:
            self._highest = lead
        self._late_ticks = 0
        ahead_by, offset = divmod(lead, FRAME)
        if not offset and size == FRAME:
            self._slots[(self._slot + ahead_by) % SLOTS] = bytes(codes)
        else:
            self._spread(self._slot + ahead_by, offset, codes)
        end = stamp + size if lead else self._play + size
        if ((end - self._end) & 0xFFFFFFFF) < 0x80000000:
            self._end = end & 0xFFFFFFFF

    def take(self) -> bytes:
        """The next 160 codes; `concealed` says whether they are as sent."""
        slot = self._slot
        frame = self._slots[slot]
        if self._hold or type(frame) is not bytes:
            return self._missing(frame)
        self._last = frame
        self._missed = self.concealed = 0
        self._slots[slot] = None
        self._play = (self._play + FRAME) & 0xFFFFFFFF
        if slot < SLOTS - 1:
            self._slot = slot + 1
        else:
            self._slot = 0
            self._round()
        return frame

    def _unusual(self, stamp: int, ssrc: int, lead: int, size: int) -> int:
        """The lead of a packet that is late or of another stream; far in the past when it is of no use."""
        of_no_use = -SPAN - size
        too_late = lead < 0 and self._late_ticks < LATE_TICKS
        if ssrc == self._ssrc and lead >= -SPAN and lead + size <= SPAN and (lead >= 0 or too_late):
            self.lost += 1
            self._hold = min((-lead + FRAME - 1) // FRAME, WAIT_FRAMES)
            self._came_late = True
            self._lowest = min(self._lowest, lead)
            return lead
        return START if self._confirmed(stamp, ssrc, size) else of_no_use

    def _confirmed(self, stamp: int, ssrc: int, size: int) -> bool:
        """Whether to play out from this packet: the first ever, or the second that agrees on a jump."""
        if size > SPAN - START:
            return False
        first = self._ssrc < 0
        agrees = (
            self._stray is not None and self._stray[0] == ssrc and 0 < ahead(stamp, self._stray[1]) < MOST
        )
        self._stray = (ssrc, stamp)
        if not first and not agrees:
            return False
        self.resyncs += not first
        self._stray = None
        self._ssrc = ssrc
        self._play = self._end = (stamp - START) & 0xFFFFFFFF
        self._slots = [None] * SLOTS
        self._hold = 0
        self._missed = REPEATS
        self._rounds, self._lowest = 0, SPAN
        self._highest = self._highest_before = START
        self._late_ticks, self._came_late = 0, False
        return True

    def _spread(self, slot: int, offset: int, codes: bytes | bytearray | memoryview) -> None:
        """Lay samples over the frames they belong to."""
        while len(codes):
            piece, codes = codes[: FRAME - offset], codes[FRAME - offset :]
            held = self._slots[slot % SLOTS]
            if type(held) is not bytes:
                part = held if isinstance(held, _Part) else _Part()
                part.put(offset, piece)
                self._slots[slot % SLOTS] = part if part.missing else bytes(part.codes)
            slot, offset = slot + 1, 0

    def _missing(self, frame: bytes | _Part | None) -> bytes:
        """What to play when the frame is not whole, or play-out waits."""
        self._late_ticks += self._came_late
        self._came_late = False
        if self._hold:
            if max(self._highest, self._highest_before) + FRAME <= MOST:
                self._hold -= 1
                self._highest += FRAME
                return self._copy()
            self._hold = 0  # the delay is at its limit: no more waiting
            if type(frame) is bytes:
                return self.take()
        if isinstance(frame, _Part):
            self.lost += self._missed < REPEATS
            whole = frame.patched(self._last if self._missed < REPEATS else self._quiet)
            self._last, self._missed, self.concealed = whole, 0, 0
        else:
            if self.depth:
                self.lost += self._missed < REPEATS
            whole = self._copy()
        self._skip(1)
        return whole

    def _copy(self) -> bytes:
        if self._missed >= REPEATS:
            self.concealed = 0
            return self._quiet
        self._missed += 1
        self.concealed = self._missed
        return self._last

    def _skip(self, frames: int) -> None:
        for _ in range(frames):
            self._slots[self._slot] = None
            self._slot += 1
            self._play = (self._play + FRAME) & 0xFFFFFFFF
            if self._slot == SLOTS:
                self._slot = 0
                self._round()

    def _round(self) -> None:
        """Once round the slots; at the end of a watch, give back delay that nobody needed."""
        self._rounds += 1
        if self._rounds < WATCH_ROUNDS:
            return
        lowest = self._lowest
        self._rounds, self._lowest = 0, SPAN
        self._highest_before, self._highest = self._highest, 0
        if ROOMY < lowest < SPAN:
            self._skip(1 if lowest <= MOST else (lowest - START) // FRAME)
