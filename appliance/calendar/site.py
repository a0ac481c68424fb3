"""The calendar of a box: what it knows by itself, under what its people imported and entered."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import cast
from weakref import WeakKeyDictionary

from appliance.calendar.days import FIRST_YEAR, LAST_YEAR, Day, Source, WorkCalendar, Year
from appliance.calendar.kinds import DAY, YEAR
from appliance.calendar.known import known, plain_calendar
from appliance.calendar.reading import Reading
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.draft import Draft
from appliance.dictionary.entry import Entry
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store import jobs
from appliance.store.store import Store

Entries = Mapping[str, Entry]
RECKON = "reckon"
"""The job that brings open tickets up to a changed calendar."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A calendar and what it was made of."""

    days: Entries
    years: Entries
    calendar: WorkCalendar


_MADE: WeakKeyDictionary[Store, _Made] = WeakKeyDictionary()


class SiteCalendar:
    """Reads and changes the calendar of a store; cheap to make."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dictionary = Dictionary(store)

    def calendar(self) -> WorkCalendar:
        """Return the calendar in force; made anew only when the dictionary changed."""
        days, years = self._dictionary.by_key(DAY), self._dictionary.by_key(YEAR)
        made = _MADE.get(self._store)
        if made is None or made.days is not days or made.years is not years:
            same = made is not None and (made.days, made.years) == (days, years)
            calendar = made.calendar if made is not None and same else _calendar(days, years)
            made = _MADE[self._store] = _Made(days, years, calendar)
        return made.calendar

    def enter(self, actor: Actor, day: date, work: bool, name: str = "") -> None:
        """Say what one day is; raises Refused."""
        fields = {"work": work, "name": name, "source": "manual", "version": ""}

        def wish(draft: Draft) -> None:
            draft.set(DAY, day.isoformat(), fields)
            draft.restore(DAY, day.isoformat())

        self._write(actor, wish)

    def forget(self, actor: Actor, day: date) -> None:
        """Let a day be again what its year says; raises Refused."""
        self._write(actor, lambda draft: draft.retire(DAY, day.isoformat()))

    def load(self, actor: Actor, reading: Reading) -> int:
        """Take over a year's notice, all or nothing; return how many days it changed. Raises Refused.

        Days somebody entered by hand stay as they are.
        """
        if reading.faults:
            raise Refused("bad_calendar", "The calendar was not imported: correct the file and try again.")
        version = reading.days[0].version

        def wish(draft: Draft) -> None:
            draft.set(YEAR, str(reading.year), {"version": version})
            draft.restore(YEAR, str(reading.year))
            given = {day.date.isoformat(): day for day in reading.days}
            for entry in self._imported(reading.year):
                if entry.key not in given:
                    draft.retire(DAY, entry.key)
            for key, day in given.items():
                there = draft.get(DAY, key)
                if there is not None and not there.retired and there.text("source") == "manual":
                    continue
                fields = {"work": day.work, "name": day.name, "source": "official", "version": version}
                draft.set(DAY, key, fields)
                draft.restore(DAY, key)

        return self._write(actor, wish)

    def changes(self, reading: Reading) -> Sequence[tuple[Day, Day]]:
        """Return the days a notice would change: how they are, and how they would be."""
        now = self.calendar()
        days, years = dict(self._dictionary.by_key(DAY)), dict(self._dictionary.by_key(YEAR))
        for entry in self._imported(reading.year):
            del days[entry.key]
        fresh = _calendar(days, years, reading)
        first, last = date(reading.year, 1, 1).toordinal(), date(reading.year, 12, 31).toordinal()
        inside = {date.fromordinal(n) for n in range(first, last + 1)} | {day.date for day in reading.days}
        pairs = ((now.day(day), fresh.day(day)) for day in sorted(inside))
        return [(old, new) for old, new in pairs if (old.work, old.name) != (new.work, new.name)]

    def _write(self, actor: Actor, wish: Callable[[Draft], object]) -> int:
        """Change the dictionary, and have open tickets reckoned anew if anything changed."""
        with self._store.transaction():
            written = self._dictionary.write(actor, wish)
            if written:
                order_reckoning(self._store, time.time())
        return written

    def _imported(self, year: int) -> list[Entry]:
        """The days of a year that came with a notice."""
        return [
            entry
            for entry in self._dictionary.all(DAY)
            if entry.key.startswith(f"{year}-") and entry.text("source") == "official"
        ]


def order_reckoning(store: Store, now_s: float) -> None:
    """Have open tickets reckoned anew; call inside a transaction. One order that waits is enough."""
    if not store.rows("SELECT 1 FROM job WHERE kind = ? AND state = 'waiting' AND tries = 0 LIMIT 1", RECKON):
        jobs.put(store, RECKON, {}, now_s)


def missing_year(calendar: WorkCalendar, today: date, from_day: int = 1) -> int | None:
    """Return next year when it is only estimated and November has come; else None."""
    late = (today.month, today.day) >= (11, from_day)
    return today.year + 1 if late and calendar.year(today.year + 1).source == "estimated" else None


def digest(calendar: WorkCalendar) -> str:
    """Return what tells one calendar from every other one."""
    found = blake2b(digest_size=16)
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        found.update(repr((year, calendar.year(year), calendar.days_of(year))).encode())
    return found.hexdigest()


def _calendar(days: Entries, years: Entries, reading: Reading | None = None) -> WorkCalendar:
    if not days and not years and reading is None:
        return plain_calendar()
    sure, special = known()
    imported = {int(entry.key): Year("official", entry.text("version")) for entry in _used(years)}
    if reading is not None:
        imported[reading.year] = Year("official", reading.days[0].version)
    entered = {day.date: day for day in map(_day, _used(days))}
    if reading is not None:
        entered = {**{day.date: day for day in reading.days}, **_manual(entered)}
    kept = {day: entry for day, entry in special.items() if day.year not in imported}
    return WorkCalendar({**sure, **imported}, {**kept, **entered})


def _used(entries: Entries) -> list[Entry]:
    return [entry for entry in entries.values() if not entry.retired]


def _manual(days: Mapping[date, Day]) -> Mapping[date, Day]:
    return {day: entry for day, entry in days.items() if entry.source == "manual"}


def _day(entry: Entry) -> Day:
    source = cast("Source", entry.text("source") or "manual")
    work = bool(entry.fields["work"])
    return Day(date.fromisoformat(entry.key), work, entry.text("name"), source, entry.text("version"))


def written_day(text: str) -> date:
    """Read a day as people write it; raises Refused."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused("bad_day", "%(day)s is no day; write it like 2027-01-31.", day=text[:20]) from None
