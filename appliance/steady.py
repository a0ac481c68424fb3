"""A clock that shows Unix time yet never jumps: what timers and states are measured with."""

import time
from collections.abc import Callable


class SteadyClock:
    """Wall time at the start plus monotonic time since; a wall clock set meanwhile moves no timer."""

    def __init__(
        self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._offset = wall() - monotonic()

    def now(self) -> float:
        """Unix seconds."""
        return self._offset + self._monotonic()
