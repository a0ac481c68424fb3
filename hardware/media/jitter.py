"""The jitter buffers of all RTP lines: packets of any length in, one frame of 160 samples a tick out.

Frames lie by the tick they are due in, the same place for all rows: a tick's sound is one slice.
What nearly always happens, a packet of one frame in its turn and a frame that is there when it is
due, happens to all lines at once: `put_all` and `take`. What is late, lost, of another length or
of another stream is dealt with row by row on the same arrays.
"""

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME
from hardware.media.g711 import PCMA, SILENCE, decode, encode
from hardware.media.rtp import VERSION, ahead

SLOTS = 16
"""Frames the buffer can hold ahead of play-out: 320 ms."""
SPAN = SLOTS * FRAME
RING = 2 * SLOTS
"""Frames there is room for; the one behind play-out is copied where one is lost."""
START = 2 * FRAME
"""Play-out delay at the start: 40 ms."""
MOST = 6 * FRAME
"""Longest play-out delay: 120 ms."""
LEAST = FRAME
"""What a calm stream comes down to: 20 ms, and up to a tick more for the far end's phase."""
ROOMY = LEAST + FRAME // 2
"""A lowest lead above this, for a whole watch, is delay nobody needs."""
CALM_TICKS = 100
"""Whose first packets all came evenly for 2 s has its delay shortened then, before any watch has ended."""
CALM = FRAME // 2
"""Leads that differ by no more than 10 ms are even."""
CALM_WATCHES = 8
"""So many watches, half a minute, after its delay became longer a row does not try a shorter one."""
TIGHT = FRAME // 2
"""A lead below this is nearly too late."""
WATCH_TICKS = 12 * SLOTS
"""A watch is 3.84 s long; each row's ends in another tick."""
LATE_TICKS = 8
"""When all that comes is too late for this long, the sender has set its time stamps back."""
WAIT_FRAMES = 2
"""Play-out waits at most this long for one late packet."""
REPEATS = 3
"""Frames that are filled with a fading copy of the last one; silence after that."""
FEW = 8
"""Rows that cost less one by one than all at once."""
EMPTY, PART, WHOLE = 0, 1, 2
"""How much of a frame has come."""

Rows = NDArray[np.intp]
Counts = NDArray[np.int64]
Words = NDArray[np.uint32]
Codes = NDArray[np.uint8]
_MASK = 0xFFFFFFFF
_USUAL = np.array([0xFF7F0000, 0, _MASK], np.uint32)
"""What of a header's three words must be as in the packet before: no marker, no number, no time stamp."""
_NO_KIND = 1 << 24
"""A version that no RTP has."""
_PLACES = np.arange(SLOTS + 1)
_OUT = np.linspace(1, 0, FRAME)


class Jitters:
    """Orders G.711 codes by time stamp and plays them out at the pace of the media clock.

    A packet's *lead* is how far its first sample lies ahead of play-out when it arrives.
    It begins with 40 ms; after 2 s a calm stream comes down to 20 ms. Packets that come too late make
    play-out wait a frame (up to 120 ms of delay). Once in a watch it also takes one frame more, before
    packets come too late, or one less, when the lead stays needlessly long: the frames on both sides are
    faded into each other, so that the drift between the far end's clock and ours cannot be heard.
    A jump of the time stamp or a new SSRC is believed when the next packet confirms it.

    `lost` counts, by row, frames filled with a copy in a hole of the stream and packets that came
    too late; `resyncs` the jumps; `concealed` is 0 where the frame last taken is as sent, n where it
    is the nth copy in place of what did not come.
    """

    def __init__(self, rows: int) -> None:
        self._tick = 0
        self._codes: Codes = np.zeros((RING, 0, FRAME), np.uint8)
        self._have: NDArray[np.bool_] = np.zeros((RING, 0, FRAME), np.bool_)
        """Which samples of a frame have come, where not all have."""
        self._holds: NDArray[np.uint8] = np.zeros((RING, 0), np.uint8)
        self._due: Words = np.zeros((0, 3), np.uint32)
        """By row, what the packet due now has for a header: kind (0 before the first), time stamp, source."""
        self._kinds: Words = np.zeros(0, np.uint32)
        self._open: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._quiet: Codes = np.zeros(0, np.uint8)
        self.lost: Counts = np.zeros(0, np.int64)
        self.resyncs, self.concealed, self._missed = self.lost, self.lost, self.lost
        self._lead, self._lowest, self._highest, self._highest_before = (self.lost,) * 4
        self._hold: dict[int, int] = {}
        """Frames that play-out waits for a late packet."""
        self._late: dict[int, int] = {}
        """Ticks in which what came was too late, without one in time between them."""
        self._came_late: set[int] = set()
        self._tight: set[int] = set()
        """Rows whose delay is to become longer."""
        self._unsure: dict[int, int] = {}
        """Frames that did not come, nobody knows yet whether they were lost."""
        self._nervous: dict[int, int] = {}
        """Watches for which a row that needed its delay keeps what it had at the start."""
        self._fresh: dict[int, int] = {}
        """Rows whose stream has just begun, and the tick in which that is past."""
        self._stray: dict[int, tuple[int, int]] = {}
        self.grow(rows)

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        more = rows - len(self.lost)
        self._codes = np.pad(self._codes, ((0, 0), (0, more), (0, 0)))
        self._have = np.pad(self._have, ((0, 0), (0, more), (0, 0)))
        self._holds = np.pad(self._holds, ((0, 0), (0, more)))
        self._due = np.pad(self._due, ((0, more), (0, 0)))
        self._kinds, self._open = np.pad(self._kinds, (0, more)), np.pad(self._open, (0, more))
        self._quiet = np.pad(self._quiet, (0, more))
        self.lost, self.resyncs, self.concealed, self._missed = (
            np.pad(counts, (0, more)) for counts in (self.lost, self.resyncs, self.concealed, self._missed)
        )
        self._lead, self._lowest, self._highest, self._highest_before = (
            np.pad(leads, (0, more))
            for leads in (self._lead, self._lowest, self._highest, self._highest_before)
        )

    def start(self, row: int, law: int = PCMA, together: bool = True) -> None:
        """A new call, or one whose law changed. `lost` goes on. If not `together` all comes by `put`."""
        self._holds[:, row] = EMPTY
        self._due[row], self._kinds[row] = 0, kind(law) if together else law << 16 | _NO_KIND
        self._open[row], self._quiet[row] = True, SILENCE[law]
        self.resyncs[row] = self.concealed[row] = 0
        self._missed[row] = REPEATS
        self._settle(row)
        self._stray.pop(row, None)

    def stop(self, row: int) -> None:
        """The call is over: what is taken for this row has no meaning."""
        self._open[row] = False
        self._due[row] = 0
        self._settle(row)

    def depth(self, row: int) -> int:
        """Samples between play-out and the end of the newest frame stored."""
        held = np.flatnonzero(self._holds[(self._tick + _PLACES) % RING, row])
        return (int(held[-1]) + 1) * FRAME if len(held) else 0

    def put_all(self, rows: Rows, words: Words, codes: Codes) -> Rows:
        """Store a packet of one frame for each of these (different) rows.

        `words` is the shortest header as (rows, 3) numbers, `codes` (rows, 160). The rows whose packet
        is not of this kind, of this stream and on its frame are returned: those were not stored.
        """
        words = words - self._due.take(rows, axis=0)
        lead = words[:, 1].view(np.int32).astype(np.int64)
        place, offset = np.divmod(lead, FRAME)
        words &= _USUAL
        words[:, 1] = place & -SLOTS | offset  # 0: whole, 0 <= place < SLOTS
        others = rows[:0]
        if np.count_nonzero(words):  # cheaper than any(), as everywhere in a tick
            unusual = words.any(axis=1)
            others, usual = rows[unusual], ~unusual
            rows, codes, lead, place = rows[usual], codes[usual], lead[usual], place[usual]
        place += self._tick
        place &= RING - 1
        self._codes[place, rows] = codes
        self._holds[place, rows] = WHOLE
        self._lead[rows] = lead
        np.minimum(self._lowest, self._lead, out=self._lowest)
        np.maximum(self._highest, self._lead, out=self._highest)
        if self._late or self._came_late:
            for row in rows.tolist():
                self._in_time(row)
        return others

    def put(self, row: int, stamp: int, ssrc: int, codes: Codes) -> None:
        """Store one packet of any length; duplicates and reordering cost nothing."""
        begun, due, source = self._due[row].tolist()
        size, lead = len(codes), ahead(stamp, due)
        same = begun and ssrc == source
        if not same or lead < 0 or lead + size > SPAN:
            lead = self._unusual(row, stamp, ssrc, lead, size, same)
            if lead + size <= 0:
                return
            if lead < 0:
                codes, size, lead = codes[-lead:], size + lead, 0
        else:
            self._in_time(row)
        self._lead[row] = lead
        self._lowest[row], self._highest[row] = min(self._lowest[row], lead), max(self._highest[row], lead)
        place, offset = divmod(lead, FRAME)
        self._spread(row, self._tick + place, offset, codes)

    def take(self) -> Codes:
        """The next frame of every row, (rows, 160), until the next packet; `concealed` tells of copies."""
        slot = self._tick % RING
        if self._hold or self._came_late:
            self._wait_for_late()
        if self._tight:
            self._stretch()
        holds = self._holds[slot]
        short = holds != WHOLE
        self._missed *= short
        if self._unsure:
            self._own_up(holds)
        self.concealed.fill(0)
        short &= self._open
        if short.any():
            self._conceal(np.flatnonzero(short), slot)
        holds.fill(EMPTY)
        self._tick += 1
        self._due[:, 1] += FRAME
        if self._fresh:
            self._come_down()
        for row in range(self._tick % WATCH_TICKS, len(holds), WATCH_TICKS):
            self._adjust(row)
        codes: Codes = self._codes[slot]
        return codes

    def _own_up(self, holds: NDArray[np.uint8]) -> None:
        """Frames that did not come were lost when the stream goes on, and not when it has ended."""
        for row in list(self._unsure):
            if holds[row] != EMPTY:
                self.lost[row] += self._unsure.pop(row)
            elif self._missed[row] == REPEATS:
                del self._unsure[row]

    def _conceal(self, rows: Rows, slot: int) -> None:
        """Fill the frames of these rows that have not, or not wholly, come; many are silent for long."""
        if len(rows) > FEW:
            silent = self._missed.take(rows) == REPEATS
            silent &= self._holds[slot].take(rows) == EMPTY
            self._codes[slot, rows[silent]] = self._quiet[rows[silent], None]
            rows = rows[~silent]
        for row in rows.tolist():
            self._fill(row, slot)

    def _fill(self, row: int, slot: int) -> None:
        missed = int(self._missed[row])
        # What was played last, be it a copy; -1 is the last slot.
        last = self._codes[slot - 1, row] if missed < REPEATS else self._quiet[row]
        if self._holds[slot, row] == PART:
            self.lost[row] += missed < REPEATS
            self._missed[row] = 0
            self._codes[slot, row] = np.where(self._have[slot, row], self._codes[slot, row], last)
            return
        self._codes[slot, row] = last
        if missed < REPEATS:
            self._missed[row] = self.concealed[row] = missed + 1
            if row not in self._hold:
                self._unsure[row] = self._unsure.get(row, 0) + 1
                if np.count_nonzero(self._holds[:, row]):
                    self.lost[row] += self._unsure.pop(row)

    def _wait_for_late(self) -> None:
        """Rows with a late packet play a copy once more, up to the limit of the delay."""
        for row in self._came_late:
            self._late[row] = self._late.get(row, 0) + 1
        self._came_late.clear()
        for row, frames in list(self._hold.items()):
            highest = max(self._highest[row], self._highest_before[row])
            if frames and highest + FRAME <= MOST:
                self._hold[row] = frames - 1
                self._highest[row] += FRAME
                self._nervous[row] = CALM_WATCHES
                self._shift(row, 1)
            else:
                del self._hold[row]

    def _adjust(self, row: int) -> None:
        """At the end of a watch give delay back that nobody needed, or ask for more where it nearly was."""
        lowest, highest = int(self._lowest[row]), int(self._highest[row])
        self._lowest[row], self._highest_before[row], self._highest[row] = SPAN, highest, 0
        if ROOMY < lowest < SPAN:
            if lowest <= START and self._nervous.get(row, 0):
                self._nervous[row] -= 1
                return
            self._shorten(row, 1 if lowest <= MOST else (lowest - START) // FRAME)
        elif lowest < TIGHT and highest + FRAME <= MOST:
            self._tight.add(row)

    def _come_down(self) -> None:
        """Streams that have been calm from their beginning need no more than the least delay."""
        for row, at in list(self._fresh.items()):
            if self._tick < at:
                continue
            del self._fresh[row]
            highest = max(self._highest[row], self._highest_before[row])
            lowest = min(self._lowest[row], self._lead[row])
            even = highest - lowest <= CALM and not self._missed[row] and self._nervous.get(row, 0) <= 1
            if even and lowest > ROOMY:
                self._nervous.pop(row, None)
                self._shorten(row, 1)

    def _shorten(self, row: int, frames: int) -> None:
        """Skip frames that are waiting; the one before and the one after are faded into each other."""
        due = self._tick % RING
        skipped, whole = self._codes[due, row].copy(), self._holds[due, row] == WHOLE
        self._shift(row, -frames)
        if whole and self._holds[due, row] == WHOLE:
            self._codes[due, row] = self._faded(row, skipped, self._codes[due, row])

    def _stretch(self) -> None:
        """Rows whose delay is nearly too short have one frame more, as soon as the next one is there."""
        due = self._tick % RING
        for row in [row for row in self._tight if self._holds[due, row] == WHOLE]:
            self._tight.discard(row)
            self._nervous[row] = CALM_WATCHES
            between = self._faded(row, self._codes[due, row], self._codes[due - 1, row])
            self._shift(row, 1)
            self._codes[due, row], self._holds[due, row] = between, WHOLE

    def _faded(self, row: int, first: Codes, last: Codes) -> Codes:
        """A frame that begins as the one and ends as the other."""
        law, pcm = int(self._kinds[row]) >> 16 & 0x7F, np.empty((2, FRAME), np.int16)
        decode(law, np.stack([first, last]), pcm)
        faded: Codes = np.empty(FRAME, np.uint8)
        encode(law, np.rint(pcm[0] * _OUT + pcm[1] * (1 - _OUT)).astype(np.int16), faded)
        return faded

    def _shift(self, row: int, frames: int) -> None:
        """Let a row's frames be due later; or, by a negative number, earlier: those before are skipped."""
        slots = (self._tick + np.arange(-SLOTS // 2, SLOTS + SLOTS // 2)) % RING
        codes, have = self._codes[slots, row], self._have[slots, row]
        holds = np.roll(self._holds[slots, row], frames)
        holds[: SLOTS // 2 + max(frames, 0)] = EMPTY
        holds[len(holds) + min(frames, 0) :] = EMPTY
        last = codes[SLOTS // 2 - 1].copy()
        self._codes[slots, row], self._have[slots, row] = np.roll(codes, frames, 0), np.roll(have, frames, 0)
        self._codes[(self._tick - 1) % RING, row] = last
        self._holds[slots, row] = holds
        self._due[row, 1] = (int(self._due[row, 1]) - frames * FRAME) & _MASK
        self._lead[row] += frames * FRAME

    def _unusual(self, row: int, stamp: int, ssrc: int, lead: int, size: int, same: bool | int) -> int:
        """The lead of a packet that is late or of another stream; far in the past when it is of no use."""
        of_no_use = -SPAN - size
        too_late = lead < 0 and self._late.get(row, 0) < LATE_TICKS
        if same and too_late and lead >= -SPAN and lead + size <= SPAN:
            self.lost[row] += 1
            self._hold[row] = min((-lead + FRAME - 1) // FRAME, WAIT_FRAMES)
            self._came_late.add(row)
            self._lowest[row] = min(self._lowest[row], lead)
            return lead
        return START if self._confirmed(row, stamp, ssrc, size) else of_no_use

    def _confirmed(self, row: int, stamp: int, ssrc: int, size: int) -> bool:
        """Whether to play out from this packet: the first ever, or the second that agrees on a jump."""
        if size > SPAN - START:
            return False
        first, stray = not self._due[row, 0], self._stray.get(row)
        agrees = stray is not None and stray[0] == ssrc and 0 < ahead(stamp, stray[1]) < MOST
        self._stray[row] = (ssrc, stamp)
        if not first and not agrees:
            return False
        del self._stray[row]
        self._holds[:, row] = EMPTY
        self.resyncs[row] += not first
        self._due[row] = (self._kinds[row], (stamp - START) & _MASK, ssrc)
        self._missed[row] = REPEATS
        self._settle(row)
        self._fresh[row] = self._tick + CALM_TICKS
        return True

    def _settle(self, row: int) -> None:
        """Nothing is known of the row's delay; the watch that has begun is too short to tell."""
        self._lead[row] = self._lowest[row] = self._highest[row] = self._highest_before[row] = START
        self._hold.pop(row, None)
        self._fresh.pop(row, None)
        self._tight.discard(row)
        self._nervous[row] = 1
        self._unsure.pop(row, None)
        self._in_time(row)

    def _in_time(self, row: int) -> None:
        self._late.pop(row, None)
        self._came_late.discard(row)

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


def kind(law: int) -> int:
    """What all of a call's sound has in the first word of its headers: version and payload type."""
    return VERSION << 24 | law << 16
