"""The outgoing stream of a link: what is on its way, what must be sent again, what is confirmed."""

from collections import deque
from dataclasses import dataclass

from sync.frames import BATCH_EVENTS, Ack, Batch, fit
from sync.streams import Streams

WINDOW = 8
"""Batches on their way without an ACK."""
RTO_S, RTO_MAX_S = 5.0, 60.0


class UnknownPlace(Exception):
    """The other side confirmed something this stream does not hold."""


@dataclass(frozen=True, slots=True)
class _Flight:
    last: int
    sent_s: float
    fresh: bool
    """Never sent before: its ACK measures the way."""


class Sender:
    """Go-back-N: a window of batches on their way; after a timeout again all that is behind the last ACK."""

    def __init__(
        self, streams: Streams, now: float, batch_events: int = BATCH_EVENTS, window: int = WINDOW
    ) -> None:
        self.streams = streams
        self.window = window
        self.batch_events = batch_events
        self.epoch = 0
        self.top = 0
        """The last place there is."""
        self.acked = 0
        self.rto_s = RTO_S
        self._next = 1
        self._sent = 0
        """The highest place ever sent."""
        self._flights: deque[_Flight] = deque()
        self._credit = window
        self._smooth_s = 0.0
        self._progress_s = now
        self._rewound_to = -1

    def stand(self, epoch: int, top: int, acked: int, now: float) -> None:
        """Continue behind what the other side is known to have."""
        if epoch != self.epoch:
            self._sent = 0
        self.epoch, self.top, self.acked = epoch, top, acked
        self._credit = self.window
        self.rto_s = max(RTO_S, 4 * self._smooth_s)
        self._rewound_to = -1
        self.rewind(now)

    def rewind(self, now: float) -> None:
        """Send again everything that is not confirmed."""
        self._next = self.acked + 1
        self._flights.clear()
        self._progress_s = now

    def frames(self, src: int, session: int, to: int, now: float) -> list[bytes]:
        """The batches that may leave now, as frames."""
        frames: list[bytes] = []
        while self._next <= self.top and len(self._flights) < min(self.window, self._credit):
            part = self.streams.slice(self._next - 1, self.batch_events)
            data, count = fit(Batch(src, session, to, self.epoch, self._next, part.prev, 1, part.events))
            if not self._flights:
                self._progress_s = now
            last = self._next + count - 1
            self._flights.append(_Flight(last, now, fresh=self._next > self._sent))
            self._sent = max(self._sent, last)
            self._next = last + 1
            frames.append(data)
        return frames

    def take(self, ack: Ack, now: float) -> tuple[bool, float | None]:
        """Hear an ACK: whether it brought progress, and how long the way was; raises UnknownPlace."""
        if ack.epoch != self.epoch or ack.seq < self.acked:
            return False, None
        if ack.seq > self.top or not self.same(self.streams.chain(ack.seq), ack.chain):
            raise UnknownPlace
        self._credit = min(ack.credit, self.window)
        progress, rtt_s = ack.seq > self.acked, None
        if progress:
            self.acked = ack.seq
            self._next = max(self._next, ack.seq + 1)
            self._progress_s = now
            self._rewound_to = -1
            rtt_s = self._land(ack.seq, now)
            self.rto_s = max(RTO_S, 4 * self._smooth_s)
        if ack.gap and self._rewound_to != self.acked:
            self.rewind(now)
            self._rewound_to = self.acked
        return progress, rtt_s

    def same(self, ours: bytes | None, theirs: bytes) -> bool:
        """Whether both sides mean the same list of events up to a place."""
        return ours == theirs

    def timer(self) -> float | None:
        """When patience with the unconfirmed ends."""
        waits = self._flights or (self._credit == 0 and self._next <= self.top)
        return self._progress_s + self.rto_s if waits else None

    def overdue(self, now: float) -> bool:
        """When the timer is up: begin again behind the last ACK, twice as patient; whether that happened."""
        due = self.timer()
        if due is None or now < due:
            return False
        self.rto_s = min(self.rto_s * 2, RTO_MAX_S)
        self._credit = max(self._credit, 1)
        self._rewound_to = -1
        self.rewind(now)
        return True

    def _land(self, seq: int, now: float) -> float | None:
        rtt_s = None
        while self._flights and self._flights[0].last <= seq:
            flight = self._flights.popleft()
            if flight.fresh:
                rtt_s = now - flight.sent_s
        if rtt_s is not None:
            self._smooth_s = 0.875 * self._smooth_s + 0.125 * rtt_s if self._smooth_s else rtt_s
        return rtt_s
