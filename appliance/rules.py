"""The rules of admission as an administrator writes them: days, and callers who are not let in.

Bands are written as they are published (`published.Band`).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import msgspec

from appliance.calls import admission
from appliance.published import Band

DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
BLACKLIST_MAX = 5000

Fault = tuple[list[str], str]
"""The keys that lead to what cannot work, and why."""


class BlacklistSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Callers who are not let in."""

    pattern: str
    """A number, with * for any digits and ? for any one; or withheld."""
    until: str = ""
    """The last day, "2026-12-31", or the minute it ends, "2026-12-31 18:00"; empty: for ever."""
    action: str = "refuse"
    """refuse, or prompt."""
    why: str = ""


class DaySetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days that are not what their weekday says."""

    date: str
    """"2026-10-01"."""
    kind: str
    """workday, restday or holiday."""
    days: int = 1
    """How many in a row."""


def dates(day: DaySetting) -> list[date]:
    """Return every date a setting names; raises ValueError or OverflowError."""
    if not re.fullmatch(DATE, day.date, re.ASCII):
        raise ValueError(day.date)
    first = date.fromisoformat(day.date)
    return [first + timedelta(days=n) for n in range(day.days)]


def until_s(until: str) -> float:
    """Return when an entry ends, in Unix seconds by the local clock; 0 is never. Raises ValueError."""
    if not until:
        return 0.0
    if re.fullmatch(DATE, until, re.ASCII):
        return (datetime.fromisoformat(until) + timedelta(days=1)).timestamp()
    return minute(until)


def minute(text: str) -> float:
    """Return the Unix time of "2026-12-31 18:00" by the local clock; raises ValueError."""
    if not re.fullmatch(DATE + r" [0-9]{2}:[0-9]{2}", text, re.ASCII):
        raise ValueError(text)
    return datetime.fromisoformat(text).timestamp()


def faults(
    bands: Sequence[Band],
    blacklist: Sequence[BlacklistSetting],
    days: Sequence[DaySetting],
    hotlines: set[str],
) -> Iterator[tuple[int, list[str], str]]:
    """Name what cannot work: which table of its kind, the keys that lead there, and why."""
    names = [band.name for band in bands]
    if len(blacklist) > BLACKLIST_MAX:
        yield BLACKLIST_MAX, ["blacklist"], f"more than {BLACKLIST_MAX} entries"
    for found in (
        [_band_faults(band, names, hotlines) for band in bands],
        [_blacklist_faults(entry) for entry in blacklist],
        [_day_faults(day) for day in days],
    ):
        yield from ((nth, keys, fault) for nth, one in enumerate(found) for keys, fault in one)


def _band_faults(band: Band, names: list[str], hotlines: set[str]) -> list[Fault]:
    found: list[Fault] = []
    if names.count(band.name) > 1 or not 0 < len(band.name) <= 60:
        found.append((["band", "name"], f'band name "{band.name}" is used twice, empty or too long'))
    if not band.flow:
        found.append((["band", "flow"], "flow is empty"))
    if unknown := [day for day in band.days if day not in admission.DAYS]:
        found.append((["band", "days"], f'"{unknown[0]}" is none of {", ".join(admission.DAYS)}'))
    for key, clock in (("from", band.start), ("to", band.end)):
        try:
            admission.minutes(clock)
        except ValueError as error:
            found.append((["band", key], str(error)))
    if band.start == band.end or band.start == "24:00":
        found.append((["band", "from"], "the whole day is from 00:00 to 24:00"))
    if unknown := [number for number in band.numbers if number not in hotlines]:
        found.append((["band", "numbers"], f"{unknown[0]} is no hotline number"))
    return found


def _blacklist_faults(entry: BlacklistSetting) -> list[Fault]:
    found: list[Fault] = []
    pattern = entry.pattern
    if pattern != admission.WITHHELD and not re.fullmatch(r"\+?(?=[*?]*[0-9])[0-9*?]{1,32}", pattern):
        found.append((["blacklist", "pattern"], f'"{pattern}" is no number like 138*, nor withheld'))
    if entry.action not in ("refuse", "prompt"):
        found.append((["blacklist", "action"], f'action "{entry.action}" is neither "refuse" nor "prompt"'))
    try:
        until_s(entry.until)
    except (ValueError, OverflowError, OSError):
        found.append((["blacklist", "until"], f'"{entry.until}" is no date like 2026-12-31'))
    return found


def _day_faults(day: DaySetting) -> list[Fault]:
    if day.kind not in admission.KINDS:
        return [(["day", "kind"], f'kind "{day.kind}" is none of {", ".join(admission.KINDS)}')]
    if not 1 <= day.days <= 31:
        return [(["day", "days"], f"days is {day.days}; between 1 and 31 are possible")]
    try:
        dates(day)
    except (ValueError, OverflowError):
        return [(["day", "date"], f'"{day.date}" is no date like 2026-10-01')]
    return []
