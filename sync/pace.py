"""How fast files travel: a rate by the time of day, and a window that leaves the line free for events.

Events go over a connection of their own, but share the line. What of a file is on its way stands in
front of them in some queue, so it must be little: the window grows while pieces come as fast as on an
empty line and shrinks when they begin to wait for one another (the idea of TCP Vegas).
"""

from dataclasses import dataclass

BURST_S = 0.25
"""What was not used of a rate may be made up for so long; also the most that is on its way."""
WINDOW_FLOOR_BYTES = 32 * 1024
WINDOW_CEILING_BYTES = 1024 * 1024
PIECES: tuple[tuple[float, int], ...] = (
    (2_500_000.0, 64 * 1024),
    (500_000.0, 16 * 1024),
    (64_000.0, 8 * 1024),
    (0.0, 4 * 1024),
)
"""(bytes a second that come, piece to ask for): large ones cost less, small ones let others pass."""
FIRST_PIECE_BYTES = 16 * 1024
QUEUED_LOW, QUEUED_HIGH = 0.5, 1.2
"""How many pieces may wait in front of the line before the window shrinks."""
BASE_KEPT_S = 30.0
"""A shortest time to answer is believed for once or twice so long: lines change."""
MEASURE_S = 1.0
RTO_LEAST_S, RTO_MOST_S = 1.0, 30.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Kilobits a second of one site by day and by night; 0 is without limit. Hours are local."""

    day_kbit: int = 256
    night_kbit: int = 4096
    day_from_h: int = 8
    day_to_h: int = 20

    def bytes_s(self, hour: int, awaited: bool) -> float:
        """Bytes a second now; what somebody waits for goes at the faster of both rates."""
        day, night = (kbit * 125.0 for kbit in (self.day_kbit, self.night_kbit))
        if awaited:
            return max(day, night) if day and night else 0.0
        return day if self.day_from_h <= hour < self.day_to_h else night


class Bucket:
    """Bytes as they flow at a rate (bytes a second, 0 without limit); `now` is monotonic."""

    def __init__(self, rate: float = 0.0) -> None:
        self.rate = rate
        self._full_s = 0.0
        """When all that was spent has flowed off."""

    def due_s(self) -> float:
        """From when on something may be spent."""
        return self._full_s - BURST_S if self.rate else 0.0

    def spend(self, count: int, now: float) -> None:
        """Take so many bytes, which may be more than there are: the next wait for it."""
        if self.rate:
            self._full_s = max(self._full_s, now) + count / self.rate


class Window:
    """How many bytes may be on their way from one box, and in what pieces they are asked for."""

    def __init__(self) -> None:
        self.piece = FIRST_PIECE_BYTES
        self.answer_s = 0.0
        """How long an answer takes, smoothed; 0 while unknown."""
        self._pieces = 2.0
        self._quick = True
        """Grows fast until the first queue is seen."""
        self._bases = [float("inf"), float("inf")]
        self._base_since = 0.0
        self._measured_since: float | None = None
        self._measured = 0

    def most_bytes(self, rate: float) -> int:
        """What may be on its way at a rate (0 without limit)."""
        limit = max(WINDOW_FLOOR_BYTES, int(rate * BURST_S)) if rate else WINDOW_CEILING_BYTES
        return max(min(int(self._pieces) * self.piece, limit), min(self.piece, limit))

    def timeout_s(self) -> float:
        """How long an answer is waited for."""
        return min(max(RTO_LEAST_S, 4 * self.answer_s), RTO_MOST_S)

    def answered(self, sent_s: float, size: int, now: float) -> None:
        """A piece came that was asked for at `sent_s`."""
        took_s = max(now - sent_s, 1e-6)
        self.answer_s = took_s if not self.answer_s else 0.8 * self.answer_s + 0.2 * took_s
        self._measure(size, now)
        if size < self.piece:
            return
        if now > self._base_since + BASE_KEPT_S:
            self._bases, self._base_since = [self._bases[1], float("inf")], now
            self._look_anew()
        self._bases[1] = min(self._bases[1], took_s)
        queued = self._pieces * (1 - min(self._bases) / took_s)
        if queued < QUEUED_LOW:
            self._pieces += 1.0 if self._quick else 1 / self._pieces
        elif queued > QUEUED_HIGH:
            self._quick = False
            self._pieces = max(1.0, self._pieces - 1 / self._pieces)
        self._pieces = min(self._pieces, WINDOW_CEILING_BYTES / self.piece)

    def lost(self) -> None:
        """An answer did not come in time."""
        self._quick, self._pieces = False, max(1.0, self._pieces / 2)
        self._measured_since = None

    def idle(self) -> None:
        """Nothing is on its way: the pause that follows says nothing about the line."""
        self._measured_since = None

    def _measure(self, size: int, now: float) -> None:
        if self._measured_since is None:
            self._measured_since, self._measured = now, 0
            return
        self._measured += size
        if now < self._measured_since + MEASURE_S:
            return
        speed = self._measured / (now - self._measured_since)
        self._measured_since, self._measured = now, 0
        piece = next(size for least, size in PIECES if speed >= least)
        if piece != self.piece:
            self.piece = piece
            self._bases = [float("inf"), float("inf")]
            self._look_anew()

    def _look_anew(self) -> None:
        """Let what waits flow off: only an empty line tells how long an answer takes at least."""
        self._pieces, self._quick = 1.0, True
