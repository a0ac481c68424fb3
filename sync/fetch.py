"""One file on its way here: what of it is written, what is asked for, and what was lost on the way."""

from collections.abc import Iterator
from dataclasses import dataclass

DURABLE_EVERY_BYTES = 1024 * 1024
"""After so much the disk is waited for, and how far it is noted: more is never fetched twice."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file this box wants; `since_s` orders those of one rank, sizes are bytes."""

    sha: bytes
    size: int
    site: int
    """Where it is to be had."""
    rank: int
    since_s: float
    have: int = 0
    """So much of it is here, durably."""
    failures: int = 0
    """How often it came whole and was not what its hash says."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A piece that was asked for."""

    length: int
    sent_s: float


class Fetch:
    """How far one file has come."""

    def __init__(self, want: Wanted) -> None:
        self.want = want
        self.have = want.have
        """Written without a gap."""
        self.durable = want.have
        self.asked: dict[int, Asked] = {}
        self._next = want.have
        self._again: dict[int, int] = {}
        self._landed: dict[int, int] = {}

    @property
    def whole(self) -> bool:
        """Whether every byte is written."""
        return self.have == self.want.size

    @property
    def on_the_way(self) -> int:
        """Bytes asked for and not yet here."""
        return sum(piece.length for piece in self.asked.values())

    @property
    def left(self) -> bool:
        """Whether there is a piece that is not asked for."""
        return bool(self._again) or self._next < self.want.size

    def ask(self, most: int, now: float) -> tuple[int, int] | None:
        """Offset and length of the piece to ask for next: what was lost first; None when all is asked for."""
        if self._again:
            offset = min(self._again)
            length = self._again.pop(offset)
        elif self._next < self.want.size:
            offset, length = self._next, min(most, self.want.size - self._next)
            self._next += length
        else:
            return None
        self.asked[offset] = Asked(length, now)
        return offset, length

    def came(self, offset: int, length: int) -> Asked | None:
        """A piece came; return how it was asked for, None when it is not wanted (any more)."""
        asked = self.asked.get(offset)
        if asked is None and self._again.get(offset) == length:
            del self._again[offset]
            asked = Asked(length, float("nan"))
        elif asked is None or asked.length != length:
            return None
        else:
            del self.asked[offset]
        self._landed[offset] = length
        while self.have in self._landed:
            self.have += self._landed.pop(self.have)
        return asked

    def late(self, wait_s: float, now: float) -> int:
        """Give up what was waited for so long; return how many pieces that is."""
        return self._give_up([at for at, piece in self.asked.items() if piece.sent_s + wait_s <= now])

    def recall(self) -> None:
        """Wait for nothing any more: the connection is gone, or another file goes first."""
        self._give_up(list(self.asked))

    def _give_up(self, offsets: list[int]) -> int:
        for offset in offsets:
            self._again[offset] = self.asked.pop(offset).length
        return len(offsets)

    def to_settle(self) -> bool:
        """Whether enough is written to make it durable."""
        return self.have - self.durable >= DURABLE_EVERY_BYTES or (self.whole and self.durable < self.have)

    def times(self) -> Iterator[float]:
        """When each piece on its way was asked for."""
        return (piece.sent_s for piece in self.asked.values())
