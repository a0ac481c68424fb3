"""The jitter buffer of one line: packets of any length in, one frame of 160 samples a tick out."""

from hardware.line import FRAME
from hardware.media.rtp import ahead

SPAN = 16 * FRAME
"""Samples the buffer can hold ahead of play-out: 320 ms."""
START = 2 * FRAME
"""Play-out delay at the start: 40 ms."""
MOST = 6 * FRAME
"""Longest play-out delay: 120 ms."""
ROOMY = START + FRAME // 2
"""A lowest lead above this, for a whole watch, is delay nobody needs."""
WATCH_TICKS = 200
WAIT_FRAMES = 2
"""Play-out waits at most this long for one late packet."""
REPEATS = 3
"""Frames that are filled with a fading copy of the last one; silence after that."""

_ABSENT = bytes(FRAME)
_PRESENT = bytes([1]) * SPAN


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
        self._quiet = bytes([silence]) * FRAME
        self._last: bytes | bytearray = self._quiet
        self._codes = bytearray(SPAN)
        self._have = bytearray(SPAN)
        self._ssrc = -1
        self._play = 0
        self._at = 0
        self._depth = 0
        self._missed = REPEATS
        self._hold = 0
        self._lowest = SPAN
        self._highest = self._highest_before = 0
        self._watched = 0
        self._stray: tuple[int, int] | None = None

    @property
    def depth(self) -> int:
        """Samples between play-out and the newest sample stored."""
        return self._depth

    def put(self, stamp: int, ssrc: int, codes: bytes | bytearray | memoryview) -> None:
        """Store one packet's samples; duplicates and reordering cost nothing."""
        size = len(codes)
        lead = ((stamp - self._play + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        if ssrc != self._ssrc or lead + size > SPAN or lead < -SPAN:
            if not self._confirmed(stamp, ssrc, size):
                return
            lead = START
        if lead < self._lowest:
            self._lowest = lead
        if lead > self._highest:
            self._highest = lead
        if lead < 0:
            self._late(lead)
            if lead + size <= 0:
                return
            codes, size, lead = codes[-lead:], size + lead, 0
        start = (self._at + lead) % SPAN
        end = start + size
        if end <= SPAN:
            self._codes[start:end] = codes
            self._have[start:end] = _PRESENT[:size]
        else:
            first = SPAN - start
            self._codes[start:], self._codes[: end - SPAN] = codes[:first], codes[first:]
            self._have[start:], self._have[: end - SPAN] = _PRESENT[:first], _PRESENT[: end - SPAN]
        if lead + size > self._depth:
            self._depth = lead + size

    def take(self, into: memoryview | bytearray) -> int:
        """Fill `into` with the next 160 codes; 0 when they are as sent, n for the nth concealed frame."""
        at = self._at
        if self._hold:
            self._hold -= 1
            if max(self._highest, self._highest_before) + FRAME <= MOST:
                self._highest += FRAME
                return self._conceal(into)
        if self._have.find(0, at, at + FRAME) < 0:
            self._last = self._codes[at : at + FRAME]
            into[:] = self._last
            self._missed = 0
            missed = 0
        elif self._have.find(1, at, at + FRAME) < 0:
            if self._depth:
                self.lost += self._missed < REPEATS
            missed = self._conceal(into)
        else:
            missed = self._patch(into, at)
        self._advance(1)
        self._watched += 1
        if self._watched == WATCH_TICKS:
            self._watch()
        return missed

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
        self._play = (stamp - START) & 0xFFFFFFFF
        self._have[:] = bytes(SPAN)
        self._depth = 0
        self._hold = 0
        self._missed = REPEATS
        self._watched, self._lowest = 0, SPAN
        self._highest = self._highest_before = START
        return True

    def _late(self, lead: int) -> None:
        self.lost += 1
        self._hold = min((-lead + FRAME - 1) // FRAME, WAIT_FRAMES)

    def _watch(self) -> None:
        lowest = self._lowest
        self._watched, self._lowest = 0, SPAN
        self._highest_before, self._highest = self._highest, 0
        if ROOMY < lowest < SPAN:
            self._advance(1 if lowest <= MOST else (lowest - START) // FRAME)

    def _advance(self, frames: int) -> None:
        for _ in range(frames):
            self._have[self._at : self._at + FRAME] = _ABSENT
            self._at = (self._at + FRAME) % SPAN
        step = frames * FRAME
        self._play = (self._play + step) & 0xFFFFFFFF
        self._depth = self._depth - step if self._depth > step else 0

    def _conceal(self, into: memoryview | bytearray) -> int:
        if self._missed >= REPEATS:
            into[:] = self._quiet
            return 0
        self._missed += 1
        into[:] = self._last
        return self._missed

    def _patch(self, into: memoryview | bytearray, at: int) -> int:
        """A frame that is there in part: its holes are filled from the last one."""
        have, codes = self._have, self._codes
        last = self._last if self._missed < REPEATS else self._quiet
        self.lost += self._missed < REPEATS
        whole = bytes(codes[at + i] if have[at + i] else last[i] for i in range(FRAME))
        into[:] = whole
        self._last = whole
        self._missed = 0
        return 0
