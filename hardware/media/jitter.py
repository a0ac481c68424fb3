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
"""How much of a frame has come; only `PART` has its lowest bit."""

Rows = NDArray[np.intp]
Counts = NDArray[np.int64]
Codes = NDArray[np.uint8]
_MASK = 0xFFFFFFFF
_HALF = 0x80000000

# The columns of what is counted for a row.
LOST, RESYNCS, SSRC, DEPTH, LOWEST, HIGHEST, HIGHEST_BEFORE, HOLD = range(8)
LATE, CAME_LATE, LAST, MISSED, CONCEALED, SLOT, PLAY, WATCHED = range(8, 16)
COLUMNS = 16
_STEP = np.array([1, FRAME, 1])
"""What a tick adds to SLOT, PLAY and WATCHED, and within what they stay."""
_WITHIN = np.array([RING - 1, _MASK, _MASK])


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

    def __init__(self, rows: int) -> None:
        self._codes: Codes = np.zeros((RING, 0, FRAME), np.uint8)
        self._have: NDArray[np.bool_] = np.zeros((RING, 0, FRAME), np.bool_)
        """Which samples of a frame have come, where not all have."""
        self._holds: NDArray[np.uint8] = np.zeros((RING, 0), np.uint8)
        self._counts: Counts = np.zeros((0, COLUMNS), np.int64)
        self._quiet: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._common = 0
        """A slot most rows are at. New ones begin there: then a tick's frames lie side by side in memory."""
        self._stray: dict[int, tuple[int, int]] = {}
        self.grow(rows)

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        before = len(self._counts)
        more = rows - before
        self._codes = np.pad(self._codes, ((0, 0), (0, more), (0, 0)))
        self._have = np.pad(self._have, ((0, 0), (0, more), (0, 0)))
        self._holds = np.pad(self._holds, ((0, 0), (0, more)))
        self._counts = np.pad(self._counts, ((0, more), (0, 0)))
        columns = self._counts.T
        self.lost, self.resyncs, self.concealed = columns[LOST], columns[RESYNCS], columns[CONCEALED]
        self._quiet = np.pad(self._quiet, (0, more))
        for row in range(before, rows):
            self.start(row)

    def start(self, row: int, silence: int = 0xD5) -> None:
        """A new call, or one whose law changed; `silence` is the law's code for it. `lost` goes on."""
        at = self._counts[row]
        at[SSRC:] = 0
        at[SSRC], at[MISSED], at[LOWEST] = NO_STREAM, REPEATS, SPAN
        at[SLOT] = self._common
        self._holds[:, row] = EMPTY
        self._quiet[row] = silence
        self._stray.pop(row, None)

    def depth(self, row: int) -> int:
        """Samples between play-out and the newest sample stored."""
        return int(self._counts[row, DEPTH])

    def put_all(self, rows: Rows, stamps: Counts, ssrcs: Counts, codes: Codes) -> None:
        """Store a packet of one frame for each of these (different) rows; `codes` is (rows, 160)."""
        at = self._counts.take(rows, axis=0)
        lead = _ahead(stamps, at[:, PLAY])
        place, offset = np.divmod(lead, FRAME)
        unusual = (
            (ssrcs ^ at[:, SSRC]) | offset | (place & -SLOTS)
        )  # 0: this stream, whole, 0 <= place < SLOTS
        if np.count_nonzero(unusual):
            usual = unusual == 0
            for other in np.flatnonzero(unusual).tolist():
                self.put(int(rows[other]), int(stamps[other]), int(ssrcs[other]), codes[other])
            rows, stamps, codes, at, lead, place = (
                each[usual] for each in (rows, stamps, codes, at, lead, place)
            )
        slots = (at[:, SLOT] + place) & (RING - 1)
        self._codes[slots, rows] = codes
        self._holds[slots, rows] = WHOLE
        np.minimum(at[:, LOWEST], lead, out=at[:, LOWEST])
        np.maximum(at[:, HIGHEST], lead, out=at[:, HIGHEST])
        np.maximum(at[:, DEPTH], lead + FRAME, out=at[:, DEPTH])
        at[:, LATE] = 0
        self._counts[rows] = at

    def put(self, row: int, stamp: int, ssrc: int, codes: Codes) -> None:
        """Store one packet of any length; duplicates and reordering cost nothing."""
        at = self._counts[row]
        size, lead = len(codes), ahead(stamp, int(at[PLAY]))
        if ssrc != at[SSRC] or lead < 0 or lead + size > SPAN:
            lead = self._unusual(row, stamp, ssrc, lead, size)
            if lead + size <= 0:
                return
            if lead < 0:
                codes, size, lead = codes[-lead:], size + lead, 0
        at[LOWEST], at[HIGHEST] = min(at[LOWEST], lead), max(at[HIGHEST], lead)
        at[LATE] = 0
        place, offset = divmod(lead, FRAME)
        self._spread(row, int(at[SLOT]) + place, offset, codes)
        at[DEPTH] = max(at[DEPTH], lead + size)

    def take(self, rows: Rows) -> Codes:
        """The next frame of each of these (different) rows, (rows, 160); `concealed` tells of copies."""
        at = self._counts.take(rows, axis=0)
        slots = at[:, SLOT].copy()
        self._common = int(slots[0])
        frames: Codes = self._codes[slots, rows]
        held = self._holds[slots, rows]
        special = at[:, HOLD] | at[:, CAME_LATE] | (held & PART)
        if np.count_nonzero(special):
            plain = special == 0
            for other in np.flatnonzero(special).tolist():
                frames[other] = self._take_one(int(rows[other]))
            frames[plain] = self._take_plain(rows[plain], at[plain], slots[plain], held[plain], frames[plain])
            return frames
        return self._take_plain(rows, at, slots, held, frames)

    def _take_plain(
        self, rows: Rows, at: Counts, slots: Counts, held: NDArray[np.uint8], frames: Codes
    ) -> Codes:
        """Rows whose frame is whole, or has not come at all."""
        if np.count_nonzero(held) == len(held):
            at[:, LAST] = slots
            at[:, MISSED : CONCEALED + 1] = 0
        else:
            came = held == WHOLE
            copied = ~came & (at[:, MISSED] < REPEATS)
            at[:, LOST] += copied & (at[:, DEPTH] > 0)
            frames[copied] = self._codes[at[copied, LAST], rows[copied]]
            silent = ~came & ~copied
            frames[silent] = self._quiet[rows[silent], None]
            at[:, MISSED] = np.where(came, 0, at[:, MISSED] + copied)
            at[:, CONCEALED] = np.where(copied, at[:, MISSED], 0)
            at[:, LAST] = np.where(came, slots, at[:, LAST])
        self._pass(rows, at, slots)
        return frames

    def _pass(self, rows: Rows, at: Counts, slots: Counts) -> None:
        """Play-out goes on to the next frame; at the end of a watch delay nobody needed is given back."""
        self._holds[slots, rows] = EMPTY
        at[:, SLOT:] += _STEP
        at[:, SLOT:] &= _WITHIN
        at[:, DEPTH] -= FRAME
        np.maximum(at[:, DEPTH], 0, out=at[:, DEPTH])
        self._counts[rows] = at
        for row in rows[at[:, WATCHED] >= WATCH_TICKS].tolist():
            self._give_back(row)

    def _give_back(self, row: int) -> None:
        at = self._counts[row]
        lowest = int(at[LOWEST])
        at[WATCHED], at[LOWEST] = 0, SPAN
        at[HIGHEST_BEFORE], at[HIGHEST] = at[HIGHEST], 0
        if ROOMY < lowest < SPAN:
            for _ in range(1 if lowest <= MOST else (lowest - START) // FRAME):
                self._skip(row)

    def _skip(self, row: int) -> None:
        at = self._counts[[row]]
        self._pass(np.array([row]), at, at[:, SLOT].copy())

    def _unusual(self, row: int, stamp: int, ssrc: int, lead: int, size: int) -> int:
        """The lead of a packet that is late or of another stream; far in the past when it is of no use."""
        at = self._counts[row]
        of_no_use = -SPAN - size
        too_late = lead < 0 and at[LATE] < LATE_TICKS
        if ssrc == at[SSRC] and lead >= -SPAN and lead + size <= SPAN and (lead >= 0 or too_late):
            at[LOST] += 1
            at[HOLD] = min((-lead + FRAME - 1) // FRAME, WAIT_FRAMES)
            at[CAME_LATE] = 1
            at[LOWEST] = min(at[LOWEST], lead)
            return lead
        return START if self._confirmed(row, stamp, ssrc, size) else of_no_use

    def _confirmed(self, row: int, stamp: int, ssrc: int, size: int) -> bool:
        """Whether to play out from this packet: the first ever, or the second that agrees on a jump."""
        if size > SPAN - START:
            return False
        at = self._counts[row]
        first, stray = at[SSRC] == NO_STREAM, self._stray.get(row)
        agrees = stray is not None and stray[0] == ssrc and 0 < ahead(stamp, stray[1]) < MOST
        self._stray[row] = (ssrc, stamp)
        if not first and not agrees:
            return False
        del self._stray[row]
        self._holds[:, row] = EMPTY
        at[RESYNCS] += not first
        at[SSRC], at[PLAY] = ssrc, (stamp - START) & _MASK
        at[DEPTH], at[MISSED] = 0, REPEATS
        at[LOWEST], at[HIGHEST], at[HIGHEST_BEFORE] = SPAN, START, START
        at[HOLD], at[WATCHED], at[LATE], at[CAME_LATE] = 0, 0, 0, 0
        return True

    def _spread(self, row: int, slot: int, offset: int, codes: Codes) -> None:
        """Lay samples over the frames they belong to."""
        while len(codes):
            piece, codes = codes[: FRAME - offset], codes[FRAME - offset :]
            place, inside = slot % RING, slice(offset, offset + len(piece))
            if len(piece) == FRAME:
                self._codes[place, row] = piece
                self._holds[place, row] = WHOLE
            elif self._holds[place, row] != WHOLE:
                if self._holds[place, row] == EMPTY:
                    self._have[place, row] = False
                self._codes[place, row, inside] = piece
                self._have[place, row, inside] = True
                self._holds[place, row] = WHOLE if self._have[place, row].all() else PART
            slot, offset = slot + 1, 0

    def _take_one(self, row: int) -> Codes:
        """The next frame of a row that waits for a late packet, or has only a part of it."""
        at = self._counts[row]
        at[LATE] += at[CAME_LATE]
        at[CAME_LATE] = 0
        if at[HOLD]:
            if max(at[HIGHEST], at[HIGHEST_BEFORE]) + FRAME <= MOST:
                at[HOLD] -= 1
                at[HIGHEST] += FRAME
                return self._copy(row)
            at[HOLD] = 0  # the delay is at its limit: no more waiting
        slot = int(at[SLOT])
        if self._holds[slot, row] == PART:
            at[LOST] += at[MISSED] < REPEATS
            last = self._codes[at[LAST], row] if at[MISSED] < REPEATS else self._quiet[row]
            self._codes[slot, row] = np.where(self._have[slot, row], self._codes[slot, row], last)
            self._holds[slot, row] = WHOLE
        frame: Codes = self.take(np.array([row]))[0]
        return frame

    def _copy(self, row: int) -> Codes:
        at = self._counts[row]
        if at[MISSED] == REPEATS:
            at[CONCEALED] = 0
            return np.full(FRAME, self._quiet[row])
        at[MISSED] += 1
        at[CONCEALED] = at[MISSED]
        last: Codes = self._codes[at[LAST], row]
        return last


def _ahead(stamps: Counts, of: Counts) -> Counts:
    """`rtp.ahead` of many."""
    return ((stamps - of + _HALF) & _MASK) - _HALF
