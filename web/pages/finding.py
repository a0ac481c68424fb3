"""What is done with a list of tickets: kept as a view, summed up, taken away as a table."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

from flask import Blueprint, flash, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from appliance.events import Fact
from appliance.refused import Refused
from appliance.tickets import exporting
from appliance.tickets.facets import GROUPED
from appliance.tickets.ticket import Ticket
from web import views
from web.context import box, me
from web.finding_form import Asked, asked_for
from web.finding_words import named, title_of, value_title
from web.sight import seen_in_list
from web.ticket_columns import columns

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PIECE = 1 << 16
SUMS_MOST = 2000
"""Lines of a table of sums."""

pages = Blueprint("finding", __name__, url_prefix="/tickets")


@pages.post("/views")
def save_view() -> Response:
    """Keep the conditions of a list under a name."""
    asked = _asked()
    name = " ".join(request.form.get("name", "").split())
    if not name:
        raise Refused("missing", "Fill in %(field)s.", field="Name")
    views.save(me(), name, asked.words() or "list=all", request.form.get("group", ""))
    flash(gettext("The view %(name)s is saved.", name=name), "good")
    return redirect(asked.address())


@pages.post("/views/<key>/remove")
def remove_view(key: str) -> Response:
    """Take a view out of use."""
    views.remove(me(), key)
    flash(gettext("The view is removed."), "good")
    return redirect(url_for("tickets.page"))


@pages.get("/sums")
def sums() -> str:
    """Sum up what is found, by one thing or by two with sub-totals."""
    asked = asked_for(request.args, me()).meant()
    by = [name for name in (request.args.get("by", "unit"), request.args.get("then", "")) if name in GROUPED]
    by = list(dict.fromkeys(by)) or ["unit"]
    found = box().tickets.finder.sums(asked.query, by)
    table = _table(found, by)
    return render_template(
        "ticket_sums.html",
        asked=asked,
        by=by,
        total=sum(found.values()),
        table=table[:SUMS_MOST],
        cut=len(table) > SUMS_MOST,
        titles={name: title_of(name) for name in GROUPED},
        conditions=named(asked),
    )


@pages.post("/export")
def export() -> Response:
    """Take what is found away as a table; who did so, of what and how much, is kept for ever."""
    person, asked = me(), _asked()
    form = "csv" if request.form.get("form") == "csv" else "xlsx"
    total, more = box().tickets.finder.count(asked.query, exporting.EXPORTED)
    if more:
        raise Refused(
            "too_many",
            "More than %(most)s tickets are found. Narrow it, for example to a month, and take that away.",
            most=exporting.EXPORTED,
        )
    facts = {"form": form, "tickets": total, "conditions": asked.words()}
    box().store.record(Fact(exporting.EVENT, {**facts, "by": person.number, "name": person.name}, b""))
    name = time.strftime("tickets-%Y%m%d-%H%M%S")
    body = _csv(asked) if form == "csv" else _xlsx(asked)
    answer = Response(stream_with_context(body), mimetype=CSV_TYPE if form == "csv" else XLSX_TYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _csv(asked: Asked) -> Iterator[bytes]:
    made = exporting.as_csv(exporting.rows(_found(asked), columns()))
    first = next(made)
    return _pieces(first, made)


def _pieces(first: str, rest: Iterator[str]) -> Iterator[bytes]:
    yield first.encode()
    for piece in rest:
        yield piece.encode()


def _xlsx(asked: Asked) -> Iterator[bytes]:
    """Write the workbook into a folder of its own, and read it from there."""
    shown_columns = columns()
    folder = tempfile.TemporaryDirectory(prefix="hotline-export-")
    path = Path(folder.name) / "tickets.xlsx"
    table = exporting.rows(_found(asked), shown_columns)
    exporting.as_xlsx(table, shown_columns, path, gettext("Tickets"))
    return _file(path, folder)


def _file(path: Path, folder: "tempfile.TemporaryDirectory[str]") -> Iterator[bytes]:
    with folder, path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _found(asked: Asked) -> Iterator[list[Ticket]]:
    """All that is found, as lists show it to this reader."""
    for batch in box().tickets.finder.each(asked.query, exporting.EXPORTED):
        yield [seen_in_list(ticket) for ticket in batch]


def _asked() -> Asked:
    """What the list was asked for from which a form was sent; raises Refused."""
    pairs = parse_qsl(request.form.get("conditions", "")[:4000], max_num_fields=200)
    return asked_for(MultiDict(pairs or [("list", "all")]), me()).meant()


def _table(found: dict[tuple[object, ...], int], by: list[str]) -> list[tuple[str, str, int]]:
    """Lines of the table: name of the group, name within it (empty for a sub-total), tickets."""
    groups: dict[object, dict[object, int]] = {}
    for values, count in found.items():
        groups.setdefault(values[0], {})[values[-1]] = count
    lines: list[tuple[str, str, int]] = []
    for group, inner in sorted(groups.items(), key=lambda item: -sum(item[1].values())):
        title = value_title(by[0], group)
        if len(by) > 1:
            lines += [
                (title, value_title(by[1], word), count)
                for word, count in sorted(inner.items(), key=lambda item: -item[1])
            ]
        lines.append((title, "", sum(inner.values())))
    return lines
