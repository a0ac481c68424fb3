"""What the guards look up, read from the store."""

from datetime import date, datetime, timedelta

from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.ticket import Ticket

SATURDAY = 5


class StoreLook:
    """Units, tickets and days of one box."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def working_days(self, since_s: float, until_s: float) -> int:
        """Working days that began after the day of `since_s`, up to the day of `until_s`."""
        day, last = _day(since_s), _day(until_s)
        count = 0
        while day < last:
            day += timedelta(days=1)
            count += day.weekday() < SATURDAY
        return count

    def unit_in_service(self, unit: str) -> bool:
        """Whether there is such a unit, and it was not dissolved."""
        return bool(self._store.rows("SELECT 1 FROM unit WHERE code = ?", unit))

    def unit_site(self, unit: str) -> int:
        """The site that works for a unit; 0 when nobody knows it."""
        rows = self._store.rows("SELECT site FROM unit WHERE code = ?", unit)
        return int(rows[0][0]) if rows else 0

    def parent(self, unit: str) -> str:
        """The unit this one is part of; empty when it stands alone."""
        return unit.rpartition(".")[0]

    def ticket(self, tid: str) -> Ticket | None:
        """A ticket by its id, hex."""
        return table.load(self._store, bytes.fromhex(tid))


def _day(at_s: float) -> date:
    return datetime.fromtimestamp(at_s).date()
