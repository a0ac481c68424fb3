"""How often somebody may ask: a bucket for each that fills slowly and is emptied by asking."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

KNOWN_MAX = 10_000


class Rate:
    """Lets each key ask `per_minute` times a minute, in bursts of as many; safe for threads."""

    def __init__(self, per_minute: float, now: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_minute / 60
        self._most = max(1.0, per_minute)
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, key: str) -> float:
        """Take one from the bucket and return 0, or how long to wait until there is one again."""
        now = self._now()
        with self._lock:
            left, at = self._left.get(key, (self._most, now))
            left = min(self._most, left + (now - at) * self._per_s)
            waits = 0.0 if left >= 1 else (1 - left) / self._per_s
            self._left[key] = (left if waits else left - 1, now)
            self._left.move_to_end(key)
            while len(self._left) > KNOWN_MAX:
                self._left.popitem(last=False)
        return waits

    def empty(self, key: str) -> bool:
        """Tell whether nothing is left, without taking any."""
        now = self._now()
        with self._lock:
            left, at = self._left.get(key, (self._most, now))
        return min(self._most, left + (now - at) * self._per_s) < 1
