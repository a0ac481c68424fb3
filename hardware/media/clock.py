"""The media clock: ticks on absolute deadlines, and how late they were."""

import os
import time
from collections.abc import Callable

from hardware.line import TICK_S

LATE_S = 0.010
MOST_DUE = 25
"""After a stall longer than this many ticks the missed ones are given up: nobody wants to hear them."""

Now = Callable[[], float]
Sleep = Callable[[float], None]


class MediaClock:
    """Ticks of 20 ms counted from the first `wait`; a late tick never moves the next deadline.

    `ticks` counts what `wait` gave out, `late` the waits that came over 10 ms after their
    deadline, `skipped` the ticks given up after a stall, `worst_s` the worst lateness.
    """

    def __init__(self, now: Now = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self.ticks = 0
        self.late = 0
        self.skipped = 0
        self.worst_s = 0.0
        self._now = now
        self._sleep = sleep
        self._deadline = now() + TICK_S

    def wait(self) -> int:
        """Sleep until the next deadline; the number of ticks now due, 1 unless the process stalled."""
        early_s = self._deadline - self._now()
        if early_s > 0:
            self._sleep(early_s)
        late_s = max(0.0, self._now() - self._deadline)
        if late_s > self.worst_s:
            self.worst_s = late_s
        if late_s > LATE_S:
            self.late += 1
        due = 1 + int(late_s / TICK_S)
        self._deadline += due * TICK_S
        if due > MOST_DUE:
            self.skipped += due - MOST_DUE
            due = MOST_DUE
        self.ticks += due
        return due

    def spare_s(self) -> float:
        """Time left until the next deadline; negative when it has passed."""
        return self._deadline - self._now()


def real_time(priority: int = 20) -> bool:
    """Put the calling thread, and threads it starts later, under SCHED_FIFO; False where not allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:
        return False
    return True
