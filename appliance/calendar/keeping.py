"""Due dates kept true to the calendar: the store process reckons anew what is open, and misses next year."""

import time
from collections.abc import Callable
from datetime import date

from appliance.calendar.site import digest, missing_year, order_reckoning
from appliance.dictionary.dictionary import Dictionary
from appliance.store.jobs import Again, Done, Job, Outcome
from appliance.store.store import Store
from appliance.tickets.dues import Dues
from appliance.words import N_

RECKONED = "calendar.reckoned"
"""The setting that holds the digest of the calendar by which all open tickets stand."""
MISSING = N_(
    "Next year's holidays are not loaded: due dates behind New Year are provisional."
    " Import them in Settings, Work calendar."
)


class CalendarKeeper:
    """Looks now and then whether the calendar is another one, and does the job that follows."""

    def __init__(
        self,
        store: Store,
        alarm: Callable[[str], None],
        stopping: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._alarm = alarm
        self._stopping = stopping
        self._now = now
        self._dues = Dues(store, now)

    def look(self) -> None:
        """Raise or end the alarm, and order what a changed calendar makes necessary."""
        calendar = self._dues.in_force.calendar
        from_day = Dictionary(self._store).whole("calendar_alarm_day")
        year = missing_year(calendar, date.fromtimestamp(self._now()), from_day)
        self._alarm(f"{MISSING}\t{year}" if year else "")
        reckoned, now = self._reckoned(), digest(calendar)
        if reckoned != now:
            with self._store.transaction():
                if reckoned:
                    order_reckoning(self._store, self._now())
                else:
                    self._remember(now)  # a box that begins: nothing stands by another calendar

    def reckon(self, job: Job) -> Outcome:
        """Reckon all open tickets anew, some at a time; begun again it finds what is left to do."""
        calendar = self._dues.in_force.calendar
        after, more = b"", True
        while more:
            if self._stopping():
                return Again("the process is ending")
            _, after = self._dues.reckon_anew(after)
            more = bool(after)
        with self._store.transaction():
            self._remember(digest(calendar))
        self.look()
        return Done()

    def _remember(self, calendar: str) -> None:
        self._store.execute(
            "INSERT INTO setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            *(RECKONED, calendar),
        )

    def _reckoned(self) -> str:
        rows = self._store.rows("SELECT value FROM setting WHERE name = ?", RECKONED)
        return str(rows[0][0]) if rows else ""
