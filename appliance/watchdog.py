"""A process that must get on with its work, or end: who started it starts it again.

The watch is C and needs no Python to run, so a turn that never ends, a lock that never comes and a
call that never returns are all found. systemd has a watch of its own besides, for a
process that was stopped as a whole.
"""

import faulthandler
import sys
import time
from typing import Final

from hardware.init import tell_init

BEAT_S: Final = 2.0
"""How often the watch is set anew at most: each time costs a thread."""


class Watchdog:
    """Ends the process, with all its stacks on stderr, when no beat comes for `limit_s`."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._beat_s = 0.0
        self._arm()

    def ready(self) -> None:
        """Say that the process does its work from now on."""
        tell_init("READY=1")

    def beat(self) -> None:
        """Say that the work goes on; call it every turn."""
        if time.monotonic() > self._beat_s + min(BEAT_S, self._limit_s / 4):
            self._arm()
            tell_init("WATCHDOG=1")

    def stop(self) -> None:
        """Watch no more."""
        faulthandler.cancel_dump_traceback_later()
        tell_init("STOPPING=1")

    def _arm(self) -> None:
        self._beat_s = time.monotonic()
        faulthandler.dump_traceback_later(self._limit_s, exit=True, file=sys.stderr)
