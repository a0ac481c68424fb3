"""The incoming stream of a link: what fits onto what is held, committed in groups, then confirmed."""

from collections.abc import Sequence
from enum import Enum, auto

from appliance.events import Event
from appliance.store.outbox import chain
from sync.frames import Batch, WireEvent
from sync.streams import Standing, Streams

GROUP = 16
"""Batches committed together."""


class Verdict(Enum):
    """What a batch is to a stream."""

    FITS = auto()
    SEEN = auto()
    """All of it is here already."""
    GAP = auto()
    """Something before it is missing."""
    FORKED = auto()
    """It continues another list than the one held."""
    NEWER = auto()
    """It belongs to an epoch not agreed upon yet."""
    OLDER = auto()
    """It belongs to an epoch that is over."""


class Receiver:
    """Holds batches that fit until `commit`; what is durable is `seq` and `chain`, never more."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        standing = streams.standing()
        self.epoch, self.seq, self.chain = standing.in_epoch, standing.in_seq, standing.in_chain
        self._heard_seq, self._heard_chain = self.seq, self.chain
        self._waiting: list[list[Event]] = []

    def stand(self, standing: Standing) -> None:
        """Continue behind what is durable; what was only heard is forgotten."""
        self.epoch, self.seq, self.chain = standing.in_epoch, standing.in_seq, standing.in_chain
        self._forget()

    def take(self, batch: Batch) -> Verdict:
        """Judge a batch, and keep what is new in it for the next commit."""
        verdict = self.judge(batch)
        if verdict is Verdict.FITS and len(self._waiting) < GROUP:
            new = batch.events[max(0, self._heard_seq + 1 - batch.first) :]
            self._heard_seq = batch.first + len(batch.events) - 1
            self._heard_chain = _run(self._heard_chain, new)
            self._waiting.append([Event(*event) for event in new])
        return verdict

    def judge(self, batch: Batch) -> Verdict:
        """Say what a batch is to what has been heard so far."""
        if batch.epoch != self.epoch:
            return Verdict.NEWER if batch.epoch > self.epoch else Verdict.OLDER
        seen = self._heard_seq + 1 - batch.first
        if seen < 0:
            return Verdict.GAP
        if seen >= len(batch.events):
            return Verdict.SEEN
        return Verdict.FITS if _run(batch.prev, batch.events[:seen]) == self._heard_chain else Verdict.FORKED

    def commit(self) -> int:
        """Make everything heard durable in one transaction; how many events; raises Unwritable, Moved."""
        events = [event for batch in self._waiting for event in batch]
        seq, link = self._heard_seq, self._heard_chain
        self._forget()
        if events:
            self.streams.apply(events, self.epoch, self.seq, seq, link)
            self.seq, self.chain = seq, link
            self._forget()
        return len(events)

    def _forget(self) -> None:
        self._heard_seq, self._heard_chain = self.seq, self.chain
        self._waiting = []


def _run(link: bytes, events: Sequence[WireEvent]) -> bytes:
    for event in events:
        link = chain(link, event[0])
    return link
