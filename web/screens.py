"""Which page each agent has open, and which shift leader looks at it: known only while it lasts."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

PATH = re.compile(r"/[\w./%-]{0,199}")
TITLE_MAX = 120
PEOPLE_MAX = 2000
LOOK_LASTS_S = 10.0
"""A look that is not renewed for so long has ended; the next one is a new look."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The page somebody has in front."""

    path: str
    title: str
    since_s: float


class Screens:
    """Safe for threads; `now` gives Unix seconds."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._screens: dict[str, Screen] = {}
        self._looks: dict[tuple[str, str], float] = {}

    def shows(self, person: str, path: str, title: str) -> bool:
        """Somebody has this page in front now; False when it is not to be believed."""
        if not PATH.fullmatch(path):
            return False
        with self._lock:
            if len(self._screens) >= PEOPLE_MAX and person not in self._screens:
                return False
            self._screens[person] = Screen(path, title[:TITLE_MAX], self._now())
        return True

    def of(self, person: str) -> Screen | None:
        """What somebody has in front; None when it was never told."""
        return self._screens.get(person)

    def look(self, leader: str, agent: str) -> bool:
        """A shift leader looks at an agent's screen; True when this look has just begun."""
        with self._lock:
            now = self._now()
            self._looks = {pair: at_s for pair, at_s in self._looks.items() if now - at_s < LOOK_LASTS_S}
            begins = (leader, agent) not in self._looks
            self._looks[leader, agent] = now
        return begins

    def end(self, leader: str, agent: str) -> bool:
        """The leader looks away; False when that was known."""
        with self._lock:
            return self._looks.pop((leader, agent), None) is not None
