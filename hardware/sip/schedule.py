"""Many timers, one heap: who wants to be called when."""

import heapq
from collections.abc import Iterator
from typing import Protocol


class Timed(Protocol):
    """A machine that wants to be called at a time, or not at all (None)."""

    def timer(self) -> float | None: ...

    def on_timer(self, now: float) -> object: ...


class Schedule:
    """Things and the earliest time each may be due; one that has moved later is put back when it comes."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._armed: dict[Timed, float] = {}
        self._pushed = 0

    def arm(self, thing: Timed) -> None:
        """The thing's timer may have changed."""
        due = thing.timer()
        if due is not None and due < self._armed.get(thing, float("inf")):
            self._armed[thing] = due
            self._pushed += 1
            heapq.heappush(self._heap, (due, self._pushed, thing))

    def timer(self) -> float | None:
        """When `due` has something."""
        while self._heap:
            at, _, thing = self._heap[0]
            if self._armed.get(thing) == at:
                wanted = thing.timer()
                if wanted is not None and wanted <= at:
                    return at
                del self._armed[thing]
                heapq.heappop(self._heap)
                self.arm(thing)
            else:
                heapq.heappop(self._heap)
        return None

    def due(self, now: float) -> Iterator[Timed]:
        """Everything due; each is armed again after its turn."""
        while self._heap and self._heap[0][0] <= now:
            at, _, thing = heapq.heappop(self._heap)
            if self._armed.get(thing) != at:
                continue
            del self._armed[thing]
            wanted = thing.timer()
            if wanted is not None and wanted <= now:
                yield thing
            self.arm(thing)
