"""Giving pieces of files to who asks: as asked, each far box in its turn, within the box's own cap."""

from collections import OrderedDict

from sync.blob_frames import Ask
from sync.pace import Bucket

WAITING_MOST = 64
"""Pieces one far box may wait for; it asks again for what is forgotten."""


class Giver:
    """What is still to be given, without file, socket or clock; `now` is monotonic."""

    def __init__(self, rate: float = 0.0) -> None:
        self._bucket = Bucket(rate)
        """`rate`: bytes a second this box sends at most, to all together; 0 without limit."""
        self._waiting: OrderedDict[int, OrderedDict[tuple[bytes, int], Ask]] = OrderedDict()

    def asked(self, far: int, ask: Ask) -> None:
        """Somebody asks; asked twice it is given once."""
        mine = self._waiting.setdefault(far, OrderedDict())
        mine[ask.sha, ask.offset] = ask
        if len(mine) > WAITING_MOST:
            mine.popitem(last=False)

    def forget(self) -> None:
        """The connection broke: whoever still waits asks again."""
        self._waiting.clear()

    def outgoing(self, now: float) -> list[tuple[int, Ask]]:
        """What is to be given now, and to whom."""
        given: list[tuple[int, Ask]] = []
        while self._waiting and self._bucket.due_s() <= now:
            far, mine = self._waiting.popitem(last=False)
            _, ask = mine.popitem(last=False)
            if mine:
                self._waiting[far] = mine
            self._bucket.spend(ask.length, now)
            given.append((far, ask))
        return given

    def timer(self) -> float | None:
        """When `outgoing` must be called at the latest."""
        return self._bucket.due_s() if self._waiting else None
