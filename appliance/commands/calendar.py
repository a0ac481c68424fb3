"""`hotline calendar`: what days are worked, what is missing, and by when something is due."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from appliance.calendar.days import BeyondCalendar, Day, WorkCalendar
from appliance.calendar.known import plain_calendar
from appliance.calendar.reading import SIZE_MAX, read
from appliance.calendar.site import SiteCalendar, missing_year, written_day
from appliance.configuration import load
from appliance.people import BOX
from appliance.places import places
from appliance.refused import Refused
from appliance.store.opening import open_if_any
from appliance.store.store import Store

ACTIONS: Mapping[str, int] = {"show": 1, "check": 0, "import": 1, "due": 2}
"""How many words each takes."""


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("action", choices=tuple(ACTIONS), help="show YEAR, check, import FILE, or due DATE N")
    parser.add_argument("words", nargs="*", help="the year, the file, or the day of receipt and working days")
    parser.add_argument(
        "--notice", default="", help="import: what the days come from, as people will read it"
    )
    parser.add_argument("--dry-run", action="store_true", help="import: only say what would change")
    parser.add_argument("--json", action="store_true", help="show, due: print JSON")


def run(options: argparse.Namespace) -> int:
    """Do it."""
    if len(options.words) != ACTIONS[options.action]:
        print("hotline: say show YEAR, check, import FILE, or due DATE N", file=sys.stderr)
        return 2
    try:
        match options.action:
            case "show":
                return _show(_calendar(options), options)
            case "due":
                return _due(_calendar(options), options)
            case "check":
                return check(_calendar(options), date.fromtimestamp(time.time()))
            case _:
                return _import(options)
    except (Refused, BeyondCalendar) as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 1


def _store(options: argparse.Namespace) -> Store | None:
    where = places(options.data)
    return open_if_any(where, load(where))


def _calendar(options: argparse.Namespace) -> WorkCalendar:
    """The box's calendar; without a box what every box begins with."""
    store = _store(options)
    return SiteCalendar(store).calendar() if store else plain_calendar()


def _show(calendar: WorkCalendar, options: argparse.Namespace) -> int:
    if not (options.words[0].isascii() and options.words[0].isdigit()):
        print("hotline: write the year with four digits", file=sys.stderr)
        return 2
    year = int(options.words[0])
    calendar.day(date(max(1, min(year, 9999)), 1, 1))
    said, days = calendar.year(year), calendar.days_of(year)
    worked = calendar.count(date(year - 1, 12, 31), date(year, 12, 31))
    if options.json:
        facts = {"year": year, "source": said.source, "version": said.version, "worked": worked}
        print(json.dumps({**facts, "days": [_facts(day) for day in days]}, ensure_ascii=False))
        return 0
    print(f"{year}: {worked} working days, {said.source} ({said.version})")
    for day in days:
        print(f"{day.date} {day.date:%a}  {'work' if day.work else 'rest'}  {day.source:<9}  {day.name}")
    return 0


def _facts(day: Day) -> dict[str, object]:
    return {
        "date": day.date.isoformat(),
        "work": day.work,
        "name": day.name,
        "source": day.source,
        "version": day.version,
    }


def _due(calendar: WorkCalendar, options: argparse.Namespace) -> int:
    text, n = options.words
    if not (n.isascii() and n.isdigit() and 0 < int(n[:6]) <= 1000):
        print("hotline: write a number of working days from 1 to 1000", file=sys.stderr)
        return 2
    received = written_day(text)
    due = calendar.due(received, int(n))
    provisional = calendar.provisional(received, due)
    if options.json:
        print(json.dumps({"due": due.isoformat(), "provisional": provisional}))
    else:
        print(f"{due}{' (provisional)' if provisional else ''}")
    return 0


def check(calendar: WorkCalendar, today: date) -> int:
    """Say where this year's and next year's days come from; 1 when next year's are missed by now."""
    for year in (today.year, today.year + 1):
        said = calendar.year(year)
        print(f"{year}: {said.source} ({said.version})")
    missing = missing_year(calendar, today)
    if missing:
        print(f"The holidays of {missing} are not loaded. Import them: hotline calendar import FILE")
    return 1 if missing else 0


def _import(options: argparse.Namespace) -> int:
    file = Path(options.words[0])
    try:
        with file.open("rb") as opened:
            content = opened.read(SIZE_MAX + 1)
    except OSError as error:
        print(f"hotline: {file}: {error.strerror}", file=sys.stderr)
        return 2
    store = _store(options)
    if store is None:
        print("hotline: there is no box here. Start one with: hotline run", file=sys.stderr)
        return 2
    reading = read(content, (options.notice or file.name)[:80])
    if reading.faults:
        print("\n".join(map(str, reading.faults)), file=sys.stderr)
        print("Nothing was imported.", file=sys.stderr)
        return 1
    site = SiteCalendar(store)
    changes = site.changes(reading)
    _told(changes)
    if not options.dry_run:
        site.load(BOX, reading)
        print(f"{reading.year} imported: {len(reading.days)} days.")
    return 0


def _told(changes: Sequence[tuple[Day, Day]]) -> None:
    for old, new in changes:
        words = ("work" if old.work else "rest", "work" if new.work else "rest")
        how = words[1] if words[0] == words[1] else f"{words[0]} → {words[1]}"
        print(f"{new.date} {new.date:%a}  {how}  {new.name}")
