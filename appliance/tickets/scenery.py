"""What the guards look up: units, tickets and days of the box, and what its administrator set."""

from appliance.calendar.hours import local_day
from appliance.dictionary.dictionary import Dictionary
from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.clocks import Reckoning
from appliance.tickets.dues import Dues
from appliance.tickets.guards import Bounds
from appliance.tickets.ticket import Ticket


class StoreLook:
    """Units, tickets and days of one box."""

    def __init__(self, store: Store, dues: Dues) -> None:
        self._store = store
        self._dictionary = Dictionary(store)
        self._dues = dues

    def reckoning(self) -> Reckoning:
        """The calendar and hours in force."""
        return self._dues.reckoning()

    def working_days(self, since_s: float, until_s: float) -> int:
        """Working days that began after the day of `since_s`, up to the day of `until_s`."""
        return self.reckoning().calendar.count(local_day(since_s), local_day(until_s))

    def unit_in_service(self, unit: str) -> bool:
        """Whether there is such a unit, and it was not dissolved."""
        return any(not retired for _, retired in self._unit(unit))

    def unit_site(self, unit: str) -> int:
        """The site that works for a unit; 0 when nobody knows it."""
        return next((int(site) for site, _ in self._unit(unit)), 0)

    def parent(self, unit: str) -> str:
        """The unit this one is part of; empty when it stands alone."""
        entry = self._dictionary.get("unit", unit)
        return entry.text("parent") if entry else ""

    def ticket(self, tid: str) -> Ticket | None:
        """A ticket by its id, hex."""
        return table.load(self._store, bytes.fromhex(tid))

    def _unit(self, unit: str) -> list[tuple[int, bool | None]]:
        sql = "SELECT site, retired FROM unit WHERE code = ?"
        return self._store.once(("unit", unit), lambda: self._store.rows(sql, unit))


def bounds_of(dictionary: Dictionary) -> Bounds:
    """What an administrator set, as the guards read it."""
    found = dictionary.by_key("parameter")

    def whole(name: str) -> int:
        value = found[name].fields["value"]
        assert isinstance(value, int), f"parameter {name} is no whole number"
        return value

    return Bounds(
        asks=whole("info_times"),
        rounds=whole("rounds_max"),
        extensions=whole("extension_times"),
        extension_first_wd=whole("extension_first_wd"),
        extension_percent=whole("extension_percent"),
        unmerge_wd=whole("unmerge_wd"),
        return_wd=whole("return_wd"),
        returns=whole("return_times"),
        attempts=whole("callback_attempts"),
        attempt_days=whole("callback_days"),
        appeal_wd=whole("appeal_wd"),
        reopen_days=whole("reopen_days"),
        review_days=whole("review_apply_days"),
        long_days=whole("suspend_leader_days"),
        ahead_wd=whole("sub_order_ahead_wd"),
    )
