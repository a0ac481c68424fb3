"""Reading a year's days off and made-up workdays from a file: all of it, or a list of what is wrong.

Pure. Two forms: the JSON of holiday-cn (`{"year": 2027, "days": [{"name", "date", "isOffDay"}]}`),
and CSV with the columns date, work and name, under Chinese or English headings.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from appliance.calendar.days import FIRST_YEAR, LAST_YEAR, NAME_MAX, Day
from appliance.words import N_

SIZE_MAX = 64 * 1024
ROWS_MAX = 400
FAULTS_MAX = 50
ALWAYS_REST = ("01-01", "05-01", "10-01", "10-02", "10-03")
"""Days of rest in every year: a file without them is not a whole year."""
HEADINGS: Mapping[str, str] = {
    "date": "date",
    "day": "date",
    "日期": "date",
    "work": "work",
    "type": "work",
    "类型": "work",
    "上班": "work",
    "是否上班": "work",
    "name": "name",
    "名称": "name",
    "节日": "name",
}
WORK: Mapping[str, bool] = {
    **dict.fromkeys(("1", "work", "yes", "true", "班", "上班", "工作日", "补班", "是"), True),
    **dict.fromkeys(
        ("0", "rest", "off", "no", "false", "休", "休息", "休息日", "放假", "节假日", "否"), False
    ),
}


Row = tuple[int, Mapping[str, Any]]
"""Where it stands in the file, and what is in it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row; row 0 is the file as a whole."""

    row: int
    sentence: str
    """A gettext msgid."""
    values: Mapping[str, object]

    def __str__(self) -> str:
        said = self.sentence % self.values if self.values else self.sentence
        return f"row {self.row}: {said}" if self.row else said


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was understood; with faults nothing of it may be used."""

    year: int
    days: Sequence[Day]
    faults: Sequence[Fault]


def read(content: bytes, version: str) -> Reading:
    """Read a file; `version` is what its days will say they come from."""
    faults: list[Fault] = []
    year, rows = 0, list[Row]()
    try:
        year, rows = _rows(content)
    except _Unreadable as error:
        faults.append(Fault(0, error.sentence, error.values))
    days: dict[date, Day] = {}
    for number, row in rows:
        found = _day(number, row, version)
        if isinstance(found, Day) and found.date in days:
            found = Fault(number, N_("%(day)s is there twice."), {"day": found.date.isoformat()})
        if isinstance(found, Fault):
            faults.append(found)
        else:
            days[found.date] = found
    if not faults:
        year = year or _commonest(days)
        faults += _whole(year, days, dict(_numbered(rows)))
    return Reading(year, tuple(days[day] for day in sorted(days)), tuple(faults[:FAULTS_MAX]))


class _Unreadable(Exception):
    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.values = values


def _rows(content: bytes) -> tuple[int, list[Row]]:
    if len(content) > SIZE_MAX:
        raise _Unreadable(
            N_("The file is larger than %(most)s kB: this is no calendar."), most=SIZE_MAX // 1024
        )
    text = _text(content)
    if not text.strip():
        raise _Unreadable(N_("The file is empty."))
    if text.lstrip()[0] in "{[":
        year, rows = _json(text)
    else:
        year, rows = 0, list(_csv(text))
    if not rows:
        raise _Unreadable(N_("The file has no days: the notice for this year may not be out yet."))
    if len(rows) > ROWS_MAX:
        raise _Unreadable(N_("The file has more than %(most)s days: give one year at a time."), most=ROWS_MAX)
    return year, rows


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _Unreadable(N_("The file is no text: save it as CSV or JSON in UTF-8."))


def _json(text: str) -> tuple[int, list[Row]]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        raise _Unreadable(N_("This is no JSON.")) from None
    listed = found.get("days") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise _Unreadable(N_("The JSON has no list of days."))
    year = found.get("year") if isinstance(found, dict) else None
    rows: list[Row] = [(number, row if isinstance(row, dict) else {}) for number, row in enumerate(listed, 1)]
    return (year if isinstance(year, int) and not isinstance(year, bool) else 0), rows


def _csv(text: str) -> Iterator[Row]:
    if "\0" in text:
        raise _Unreadable(N_("The file is no text: save it as CSV or JSON in UTF-8."))
    lines = csv.reader(io.StringIO(text), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    try:
        head = [HEADINGS.get(cell.strip().lower(), "") for cell in next(lines)]
        if not {"date", "work"} <= set(head):
            raise _Unreadable(N_("The first line must name the columns: date, work, name."))
        for number, cells in enumerate(lines, 2):
            if any(cell.strip() for cell in cells):
                yield number, {name: cell for name, cell in zip(head, cells, strict=False) if name}
    except csv.Error:
        raise _Unreadable(N_("The file cannot be read as CSV.")) from None


def _day(number: int, row: Mapping[str, Any], version: str) -> Day | Fault:
    text = str(row.get("date", "")).strip().replace("/", "-").replace(".", "-")
    parts = text.split("-")
    try:
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
            raise ValueError(text)
        day = date(*(int(part) for part in parts))
    except ValueError:
        return Fault(number, N_("“%(text)s” is no date; write it like 2027-01-31."), {"text": text[:20]})
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        values = {"day": day.isoformat(), "first": FIRST_YEAR, "last": LAST_YEAR}
        return Fault(
            number, N_("%(day)s is outside the calendar, which goes from %(first)s to %(last)s."), values
        )
    work = _work(row)
    if work is None:
        text = str(row.get("work", row.get("isOffDay", ""))).strip()[:20]
        return Fault(
            number, N_("“%(text)s” says neither work nor rest; write 班 or 休, work or rest."), {"text": text}
        )
    name = " ".join(str(row.get("name", "")).split())
    if len(name) > NAME_MAX or not name.isprintable():
        return Fault(number, N_("The name is longer than %(most)s characters."), {"most": NAME_MAX})
    return Day(day, work, name, "official", version)


def _work(row: Mapping[str, Any]) -> bool | None:
    off = row.get("isOffDay")
    if isinstance(off, bool):
        return not off
    return WORK.get(str(row.get("work", "")).strip().lower())


def _commonest(days: Mapping[date, Day]) -> int:
    years = [day.year for day in days]
    return max(sorted(set(years)), key=years.count)


def _numbered(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Rows by their place among the days; only asked when every row is a day."""
    return ((place, number) for place, (number, _) in enumerate(rows))


def _whole(year: int, days: Mapping[date, Day], numbers: Mapping[int, int]) -> Iterator[Fault]:
    """A year's file may say something of the days beside the year, and must know its fixed holidays."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        values: dict[str, object] = {"day": year, "first": FIRST_YEAR, "last": LAST_YEAR}
        yield Fault(0, N_("%(day)s is outside the calendar, which goes from %(first)s to %(last)s."), values)
        return
    for place, day in enumerate(days):
        if not date(year - 1, 12, 1) <= day <= date(year + 1, 1, 31):
            values = {"day": day.isoformat(), "year": year}
            yield Fault(numbers[place], N_("%(day)s does not belong to the year %(year)s."), values)
    for text in ALWAYS_REST:
        day = date.fromisoformat(f"{year}-{text}")
        entry = days.get(day)
        if entry is None or entry.work:
            yield Fault(
                0,
                N_("%(day)s is not among the days off: this is not the whole year."),
                {"day": day.isoformat()},
            )
