"""The jitter buffers of all RTP lines: packets of any length in, one frame of 160 samples a tick out.

What nearly always happens, a packet of one frame in its turn and a frame that is there when it is
due, happens to all lines at once: `put_all` and `take` work on arrays with an entry a row. What
is late, lost, of another length or of another stream is dealt with row by row on the same arrays.
"""

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME
from hardware.media.rtp import ahead

SLOTS = 16
"""Frames the buffer can hold ahead of play-out: 320 ms."""
SPAN = SLOTS * FRAME
RING = 2 * SLOTS
"""Frames there is room for; those behind play-out are copied where one is lost."""
START = 2 * FRAME
"""Play-out delay at the start: 40 ms."""
MOST = 6 * FRAME
"""Longest play-out delay: 120 ms."""
ROOMY = START + FRAME // 2
"""A lowest lead above this, for a whole watch, is delay nobody needs."""
WATCH_TICKS = 12 * SLOTS
"""A watch is 3.84 s long."""
LATE_TICKS = 8
"""When all that comes is too late for this long, the sender has set its time stamps back."""
WAIT_FRAMES = 2
"""Play-out waits at most this long for one late packet."""
REPEATS = 3
"""Frames that are filled with a fading copy of the last one; silence after that."""
NO_STREAM = -1
EMPTY, PART, WHOLE = 0, 1, 2
"""How much of a frame has come."""

Rows = NDArray[np.intp]
Counts = NDArray[np.int64]
Codes = NDArray[np.uint8]
_MASK = 0xFFFFFFFF
_HALF = 0x80000000
_COUNTS = 16


class Jitters:
    """Orders G.711 codes by time stamp and plays them out at the pace of the media clock.

    A packet's *lead* is how far its first sample lies ahead of play-out when it arrives.
    Packets that come too late make play-out wait a frame (up to 120 ms of delay); a
    lead that stays needlessly long makes it skip one: this also absorbs the drift
    between the far end's clock and ours. A jump of the time stamp or a new SSRC is
    believed when the next packet confirms it.

    `lost` counts, by row, frames filled with a copy in a hole of the stream and packets that came
    too late; `resyncs` the jumps; `concealed` is 0 where the frame last taken is as sent, n where it
    is the nth copy in place of what did not come.
    """

    lost: Counts
    resyncs: Counts
    concealed: Counts
    _ssrc: Counts
    _play: Counts
    _end: Counts
    _slot: Counts
    _last: Counts
    _missed: Counts
    _hold: Counts
    _lowest: Counts
    _highest: Counts
    _highest_before: Counts
    _watched: Counts
    _late_ticks: Counts
    _came_late: Counts

    def __init__(self, rows: int) -> None:
        self._codes: Codes = np.zeros((0, RING, FRAME), np.uint8)
        self._have: NDArray[np.bool_] = np.zeros((0, RING, FRAME), np.bool_)
        """Which samples of a frame have come, where not all have."""
        self._holds: NDArray[np.uint8] = np.zeros((0, RING), np.uint8)
        self._counts: Counts = np.zeros((_COUNTS, 0), np.int64)
        self._quiet: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._stray: dict[int, tuple[int, int]] = {}
        self.grow(rows)

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        before = len(self._codes)
        more = rows - before
        self._codes = np.pad(self._codes, ((0, more), (0, 0), (0, 0)))
        self._have = np.pad(self._have, ((0, more), (0, 0), (0, 0)))
        self._holds = np.pad(self._holds, ((0, more), (0, 0)))
        self._counts = np.pad(self._counts, ((0, 0), (0, more)))
        (
            self.lost,
            self.resyncs,
            self.concealed,
            self._ssrc,
            self._play,
            self._end,
            self._slot,
            self._last,
            self._missed,
            self._hold,
            self._lowest,
            self._highest,
            self._highest_before,
            self._watched,
            self._late_ticks,
            self._came_late,
        ) = self._counts
        self._quiet = np.pad(self._quiet, (0, more))
        for row in range(before, rows):
            self.start(row)

    def start(self, row: int, silence: int = 0xD5) -> None:
        """A new call, or one whose law changed; `silence` is the law's code for it. `lost` goes on."""
        self._counts[3:, row] = 0
        self._holds[row] = EMPTY
        self._ssrc[row], self._missed[row], self._lowest[row] = NO_STREAM, REPEATS, SPAN
        self._quiet[row] = silence
        self._stray.pop(row, None)

    def depth(self, row: int) -> int:
        """Samples between play-out and the newest sample stored."""
        return max(0, ahead(int(self._end[row]), int(self._play[row])))

    def put_all(self, rows: Rows, stamps: Counts, ssrcs: Counts, codes: Codes) -> None:
        """Store a packet of one frame for each of these (different) rows; `codes` is (rows, 160)."""
        lead = ((stamps - self._play[rows] + _HALF) & _MASK) - _HALF
        place, offset = np.divmod(lead, FRAME)
        usual = (ssrcs == self._ssrc[rows]) & (lead >= 0) & (place < SLOTS) & (offset == 0)
        if not usual.all():
            for at in np.flatnonzero(~usual).tolist():
                self.put(int(rows[at]), int(stamps[at]), int(ssrcs[at]), codes[at])
            rows, stamps, codes, lead, place = (each[usual] for each in (rows, stamps, codes, lead, place))
        slots = (self._slot[rows] + place) % RING
        self._codes[rows, slots] = codes
        self._holds[rows, slots] = WHOLE
        self._lowest[rows] = np.minimum(self._lowest[rows], lead)
        self._highest[rows] = np.maximum(self._highest[rows], lead)
        self._late_ticks[rows] = 0
        end, was = (stamps + FRAME) & _MASK, self._end[rows]
        self._end[rows] = np.where(((end - was) & _MASK) < _HALF, end, was)

    def put(self, row: int, stamp: int, ssrc: int, codes: Codes) -> None:
        """Store one packet of any length; duplicates and reordering cost nothing."""
        size, lead = len(codes), ahead(stamp, int(self._play[row]))
        if ssrc != self._ssrc[row] or lead < 0 or lead + size > SPAN:
            lead = self._unusual(row, stamp, ssrc, lead, size)
            if lead + size <= 0:
                return
            if lead < 0:
                codes, size, lead = codes[-lead:], size + lead, 0
        self._lowest[row] = min(self._lowest[row], lead)
        self._highest[row] = max(self._highest[row], lead)
        self._late_ticks[row] = 0
        place, offset = divmod(lead, FRAME)
        self._spread(row, int(self._slot[row]) + place, offset, codes)
        end = (int(self._play[row]) + lead + size) & _MASK
        if ahead(end, int(self._end[row])) > 0:
            self._end[row] = end

    def take(self, rows: Rows) -> Codes:
        """The next frame of each of these (different) rows, (rows, 160); `concealed` tells of copies."""
        slots = self._slot[rows]
        frames, waits = self._codes[rows, slots], self._hold[rows] > 0
        held = self._holds[rows, slots]
        whole = (held == WHOLE) & ~waits
        if whole.all():
            self._played(rows, slots)
            self._pass(rows, slots)
            return frames
        asleep = (held == EMPTY) & ~waits & (self._missed[rows] == REPEATS) & (self._came_late[rows] == 0)
        frames[asleep] = self._quiet[rows[asleep], None]
        self.concealed[rows[asleep]] = 0
        self._played(rows[whole], slots[whole])
        plain = whole | asleep
        self._pass(rows[plain], slots[plain])
        for at in np.flatnonzero(~plain).tolist():
            frames[at] = self._missing(int(rows[at]))
        return frames

    def _played(self, rows: Rows, slots: Counts) -> None:
        """The frames in these slots are played as they were sent."""
        self._last[rows] = slots
        self._missed[rows] = 0
        self.concealed[rows] = 0

    def _pass(self, rows: Rows, slots: Counts) -> None:
        """Play-out goes on to the next frame; at the end of a watch delay nobody needed is given back."""
        self._holds[rows, slots] = EMPTY
        self._slot[rows] = (slots + 1) % RING
        self._play[rows] = (self._play[rows] + FRAME) & _MASK
        watched = self._watched[rows] + 1
        self._watched[rows] = watched
        for row in rows[watched >= WATCH_TICKS].tolist():
            lowest = int(self._lowest[row])
            self._watched[row], self._lowest[row] = 0, SPAN
            self._highest_before[row], self._highest[row] = self._highest[row], 0
            if ROOMY < lowest < SPAN:
                for _ in range(1 if lowest <= MOST else (lowest - START) // FRAME):
                    self._skip(row)

    def _skip(self, row: int) -> None:
        self._pass(np.array([row]), self._slot[[row]])

    def _unusual(self, row: int, stamp: int, ssrc: int, lead: int, size: int) -> int:
        """The lead of a packet that is late or of another stream; far in the past when it is of no use."""
        of_no_use = -SPAN - size
        too_late = lead < 0 and self._late_ticks[row] < LATE_TICKS
        if ssrc == self._ssrc[row] and lead >= -SPAN and lead + size <= SPAN and (lead >= 0 or too_late):
            self.lost[row] += 1
            self._hold[row] = min((-lead + FRAME - 1) // FRAME, WAIT_FRAMES)
            self._came_late[row] = 1
            self._lowest[row] = min(self._lowest[row], lead)
            return lead
        return START if self._confirmed(row, stamp, ssrc, size) else of_no_use

    def _confirmed(self, row: int, stamp: int, ssrc: int, size: int) -> bool:
        """Whether to play out from this packet: the first ever, or the second that agrees on a jump."""
        if size > SPAN - START:
            return False
        first, stray = self._ssrc[row] == NO_STREAM, self._stray.get(row)
        agrees = stray is not None and stray[0] == ssrc and 0 < ahead(stamp, stray[1]) < MOST
        self._stray[row] = (ssrc, stamp)
        if not first and not agrees:
            return False
        self.resyncs[row] += not first
        del self._stray[row]
        self._ssrc[row] = ssrc
        self._play[row] = self._end[row] = (stamp - START) & _MASK
        self._holds[row] = EMPTY
        self._hold[row] = 0
        self._missed[row] = REPEATS
        self._watched[row], self._lowest[row] = 0, SPAN
        self._highest[row] = self._highest_before[row] = START
        self._late_ticks[row] = self._came_late[row] = 0
        return True

    def _spread(self, row: int, slot: int, offset: int, codes: Codes) -> None:
        """Lay samples over the frames they belong to."""
        while len(codes):
            piece, codes = codes[: FRAME - offset], codes[FRAME - offset :]
            at, inside = slot % RING, slice(offset, offset + len(piece))
            if len(piece) == FRAME:
                self._codes[row, at] = piece
                self._holds[row, at] = WHOLE
            elif self._holds[row, at] != WHOLE:
                if self._holds[row, at] == EMPTY:
                    self._have[row, at] = False
                self._codes[row, at, inside] = piece
                self._have[row, at, inside] = True
                self._holds[row, at] = WHOLE if self._have[row, at].all() else PART
            slot, offset = slot + 1, 0

    def _missing(self, row: int) -> Codes:
        """What to play when the frame is not whole, or play-out waits."""
        self._late_ticks[row] += self._came_late[row]
        self._came_late[row] = 0
        slot = int(self._slot[row])
        if self._hold[row]:
            if max(self._highest[row], self._highest_before[row]) + FRAME <= MOST:
                self._hold[row] -= 1
                self._highest[row] += FRAME
                return self._copy(row)
            self._hold[row] = 0  # the delay is at its limit: no more waiting
        held = int(self._holds[row, slot])
        codes: Codes = self._codes[row, slot]
        if held != WHOLE and (held == PART or self.depth(row)):
            self.lost[row] += self._missed[row] < REPEATS
        if held == PART:
            last = self._codes[row, self._last[row]] if self._missed[row] < REPEATS else self._quiet[row]
            codes[:] = np.where(self._have[row, slot], codes, last)
        if held == EMPTY:
            codes = self._copy(row)
        else:
            self._played(np.array([row]), np.array([slot]))
        self._skip(row)
        return codes

    def _copy(self, row: int) -> Codes:
        missed = int(self._missed[row])
        if missed == REPEATS:
            self.concealed[row] = 0
            return np.full(FRAME, self._quiet[row])
        self._missed[row] = self.concealed[row] = missed + 1
        last: Codes = self._codes[row, self._last[row]]
        return last
