"""The districts of the own city: those of the dictionary with their other names, and those in use."""

import threading
import time
from collections.abc import Mapping

from appliance.dictionary.dictionary import Dictionary
from appliance.store.store import Store
from appliance.tickets.address import district_in

FRESH_S = 300.0
"""So long the names in use are not looked up again."""
NEWEST = 5000
"""Names in use are those of so many newest tickets."""
_USED = (
    "SELECT area FROM (SELECT area FROM ticket ORDER BY tid DESC LIMIT ?) AS newest"
    " WHERE area <> '' GROUP BY area ORDER BY count(*) DESC LIMIT 60"
)


class Districts:
    """Names of districts; safe for threads."""

    def __init__(self, store: Store, dictionary: Dictionary) -> None:
        self._store = store
        self._dictionary = dictionary
        self._lock = threading.Lock()
        self._used: tuple[float, tuple[str, ...]] = (float("-inf"), ())

    def names(self) -> list[str]:
        """All names to choose from: the dictionary's first, then others in use."""
        return list(dict.fromkeys([*self._aliases().values(), *self._in_use()]))

    def of(self, text: str) -> str:
        """The district an address lies in, by its longest name; empty when it names none."""
        aliases = {name: name for name in self._in_use()} | dict(self._aliases())
        found = district_in(text, aliases)
        return aliases.get(found, found)

    def _aliases(self) -> Mapping[str, str]:
        """Every name of a district of the dictionary, and the one it is written by."""
        found: dict[str, str] = {}
        for entry in self._dictionary.all("area"):
            name = entry.names[0]
            found |= {other: name for other in (name, *entry.words("aliases")) if other}
        return found

    def _in_use(self) -> tuple[str, ...]:
        with self._lock:
            at, names = self._used
            if time.monotonic() - at > FRESH_S:
                names = tuple(str(area) for (area,) in self._store.rows(_USED, NEWEST))
                self._used = time.monotonic(), names
        return names
