"""Some tickets of a box, folded into a file of their own by a process of its own (tickets/parts.py)."""

import gc
from pathlib import Path

from appliance.events import Event
from appliance.store.engine import Engine
from appliance.store.found import TicketCount, TicketFacet
from appliance.store.sqlite import Sqlite
from appliance.store.store import Store
from appliance.store.stream_tables import Quarantine
from appliance.tickets import rebuilding, strand_table, strands
from appliance.tickets.parts import Order
from appliance.tickets.schema import Likeness
from appliance.tickets.ticket_tables import Strand, Ticket

TABLES = (Ticket, TicketFacet, TicketCount, Strand, Likeness, Quarantine)
PRAGMAS = {"main.journal_mode": "memory", "main.synchronous": "off", "main.cache_size": -64_000}
"""Should it be cut off, all is folded anew. The log has its own."""

_STRANDS = (
    "SELECT eid, subject, kind, ver, body FROM event"
    " WHERE subject > ? AND subject <= ? AND kind IN (?, ?) ORDER BY pos"
)


class Part(Store):
    """A store without a log of its own: that of the box is read, under the same name."""

    def __init__(self, file: Path, log: Path, site: int) -> None:
        self._log = log
        super().__init__(file, site, bind=False)

    def _opened(self, place: Path | str) -> Engine:
        return Sqlite(Path(place), PRAGMAS, {"log": self._log})

    def _make_tables(self) -> None:
        with self.transaction():
            self.engine.make(TABLES)
            self.engine.text.make(self)

    def fold_strands(self, after: bytes, until: bytes) -> None:
        """Fold what decides who is concerned by tickets; the rest of it does not matter here."""
        rows = self.rows(_STRANDS, after, until, strands.EVENT, strands.DUE)
        events = [Event(bytes(e), bytes(s), k, v, bytes(b)) for e, s, k, v, b in rows]
        self._fold(events, strand_table.project)


def fold(order: Order) -> Path:
    """Fold what was ordered, and return the file, closed.

    Nothing here goes in circles, so the process, which ends soon, need not look for any.
    """
    gc.disable()
    part = Part(order.file, order.log, order.site)
    with part.transaction():
        part.fold_strands(order.after, order.until)
    with part.transaction():
        rebuilding.without_indexes(part)
        rebuilding.write(part, order.after, order.until)
    part.engine.close()
    return order.file
