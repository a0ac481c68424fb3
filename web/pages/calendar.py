"""The working calendar: a year on one page, days changed by hand, a notice imported after a preview."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from appliance.calendar.days import FIRST_YEAR, LAST_YEAR, NAME_MAX, SATURDAY, Day, WorkCalendar
from appliance.calendar.kinds import DAY, VERSION_MAX, YEAR
from appliance.calendar.known import FESTIVALS
from appliance.calendar.reading import SIZE_MAX, Fault, Reading, read
from appliance.calendar.site import SiteCalendar, missing_year, written_day
from appliance.refused import Refused
from web import shown
from web.context import box, me
from web.language import is_chinese
from web.pages import settings

MONTHS = (
    *(("1月", "January"), ("2月", "February"), ("3月", "March"), ("4月", "April"), ("5月", "May")),
    *(("6月", "June"), ("7月", "July"), ("8月", "August"), ("9月", "September"), ("10月", "October")),
    *(("11月", "November"), ("12月", "December")),
)
WEEKDAYS = (
    *(("一", "Mo"), ("二", "Tu"), ("三", "We"), ("四", "Th"), ("五", "Fr"), ("六", "Sa"), ("日", "Su")),
)
SOURCES: Mapping[str, object] = {
    "official": lazy_gettext("Official notice"),
    "estimated": lazy_gettext("Estimated from the law"),
    "manual": lazy_gettext("Entered by hand"),
}
EDITOR = "AD"
RETIRED = lazy_gettext("as the year says")
HISTORY_MAX = 10

pages = Blueprint("calendar", __name__, url_prefix="/settings/calendar")


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the grid."""

    date: date
    kind: str
    """rest, weekend, made_up or work."""
    source: str
    title: str
    sign: str
    """休 or 班, where a day is not as its weekday says."""


@pages.get("")
def page() -> str:
    """Show a year."""
    return _show(_year(request.args.get("year", "")), request.args.get("day", ""))


@pages.post("/day")
def day() -> Response | tuple[str, int]:
    """Say what a day is, or let it be again what its year says."""
    form = request.form
    text = form.get("day", "")[:20]
    site = SiteCalendar(box().store)
    try:
        chosen = written_day(text)
        if form.get("do") == "forget":
            site.forget(me(), chosen)
        else:
            site.enter(me(), chosen, form.get("work") == "work", form.get("name", "")[: NAME_MAX * 4])
    except Refused as refused:
        return _show(_year(text[:4]), text, fault=shown.sentence(refused)), 422
    flash(gettext("Saved. Due dates of open tickets follow within a minute."), "good")
    return redirect(url_for("calendar.page", year=chosen.year, day=chosen.isoformat()) + "#day")


@pages.post("/preview")
def preview() -> str | tuple[str, int]:
    """Read a notice and show what it would change."""
    reading, content = _given()
    year = reading.year if FIRST_YEAR <= reading.year <= LAST_YEAR else _year("")
    found = _show(year, reading=reading, content=content)
    return (found, 422) if reading.faults else found


@pages.post("/import")
def load() -> Response | tuple[str, int]:
    """Take a notice over that was looked at."""
    reading, content = _given()
    if reading.faults:
        return _show(_year(""), reading=reading, content=content), 422
    try:
        SiteCalendar(box().store).load(me(), reading)
    except Refused as refused:
        return _show(reading.year, reading=reading, content=content, fault=shown.sentence(refused)), 422
    flash(
        gettext(
            "The year %(year)s is imported. Due dates of open tickets follow within a minute.",
            year=reading.year,
        ),
        "good",
    )
    return redirect(url_for("calendar.page", year=reading.year))


def _given() -> tuple[Reading, str]:
    """What was sent: a file, or rows that were pasted."""
    file = request.files.get("file")
    content = file.read(SIZE_MAX + 1) if file else b""
    notice = " ".join(request.form.get("notice", "").split())[:VERSION_MAX]
    name = (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1] if file else ""
    if not content:
        content = request.form.get("rows", "").encode()
    reading = read(content, notice or name[:VERSION_MAX] or str(gettext("imported rows")))
    try:
        return reading, content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return reading, content.decode("gb18030", "replace")


def _show(
    year: int, chosen: str = "", reading: Reading | None = None, content: str = "", fault: str = ""
) -> str:
    site = SiteCalendar(box().store)
    calendar = site.calendar()
    said = calendar.year(year)
    picked = _picked(calendar, chosen)
    good = reading is not None and not reading.faults
    return render_template(
        "calendar.html",
        side=settings.side(),
        year=year,
        said=said,
        sources=SOURCES,
        first_year=FIRST_YEAR,
        last_year=LAST_YEAR,
        months=[(shown.pick(name), _weeks(calendar, year, n)) for n, name in enumerate(MONTHS, 1)],
        weekdays=[shown.pick(name) for name in WEEKDAYS],
        worked=calendar.count(date(year - 1, 12, 31), date(year, 12, 31)),
        length=(date(year + 1, 1, 1) - date(year, 1, 1)).days,
        missing=missing_year(calendar, date.today()),
        provisional=box().tickets.lists(due="provisional", rows=1).total,
        may_edit=me().has(EDITOR),
        picked=picked,
        picked_cell=_cell(picked) if picked else None,
        changes_of_day=_history(DAY, picked.date.isoformat()) if picked else [],
        imports=_history(YEAR, str(year)),
        manual=picked is not None and picked.source == "manual",
        reading=reading,
        content=content,
        notice=reading.days[0].version if good and reading else request.form.get("notice", "")[:VERSION_MAX],
        changes=[(_cell(old), _cell(new)) for old, new in site.changes(reading)] if good and reading else [],
        faults=[(found.row, _sentence(found)) for found in reading.faults] if reading else [],
        fault=fault,
        name_max=NAME_MAX,
        notice_max=VERSION_MAX,
        weekday=lambda day: shown.pick(WEEKDAYS[day.weekday()]),
        festival=_festival,
    )


def _history(kind: str, key: str) -> list[tuple[float, str, str]]:
    """Who changed an entry when and how, newest first."""
    found, work = [], False
    for change in box().dictionary.history(kind, key):
        values = {name: after for name, (_, after) in change.fields.items()}
        work = bool(values.get("work", work))
        how = gettext("worked") if work else gettext("day off")
        said = [
            str(RETIRED) if change.what == "retired" else str(how) if kind == DAY else "",
            *(str(values.get(name) or "") for name in ("name", "version")),
        ]
        found.append((change.at_s, f"{change.by} {change.name}".strip(), " · ".join(filter(None, said))))
    return found[::-1][:HISTORY_MAX]


def _weeks(calendar: WorkCalendar, year: int, month: int) -> list[list[Cell | None]]:
    """The days of a month in rows from Monday to Sunday."""
    cells: list[Cell | None] = [None] * date(year, month, 1).weekday()
    day = date(year, month, 1)
    while day.month == month:
        cells.append(_cell(calendar.day(day)))
        day += timedelta(days=1)
    cells += [None] * (-len(cells) % 7)
    return [cells[at : at + 7] for at in range(0, len(cells), 7)]


def _cell(day: Day) -> Cell:
    weekend = day.date.weekday() >= SATURDAY
    kind = (
        ("made_up" if weekend else "work") if day.work else "weekend" if weekend and not day.name else "rest"
    )
    words = gettext("worked") if day.work else gettext("day off")
    title = " · ".join(
        filter(None, (day.date.isoformat(), str(words), _festival(day.name), str(SOURCES[day.source])))
    )
    sign = {"rest": ("休", "off"), "made_up": ("班", "work")}.get(kind, ("", ""))
    return Cell(day.date, kind, day.source, title, shown.pick(sign))


def _festival(name: str) -> str:
    return name if is_chinese() else FESTIVALS.get(name, name)


def _picked(calendar: WorkCalendar, chosen: str) -> Day | None:
    try:
        return calendar.day(date.fromisoformat(chosen)) if chosen else None
    except ValueError:
        return None


def _sentence(fault: Fault) -> str:
    return str(gettext(fault.sentence, **fault.values)) if fault.values else str(gettext(fault.sentence))


def _year(text: str) -> int:
    year = int(text) if text.isascii() and text.isdigit() and len(text) == 4 else date.today().year
    return min(max(year, FIRST_YEAR), LAST_YEAR)
