"""Settings: every list people maintain, its entries, and what was ever changed in them."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from appliance.dictionary.entry import Entry
from appliance.dictionary.files import exported
from appliance.dictionary.kind import Kind, Value
from appliance.dictionary.kinds import KINDS, SUBJECTS
from appliance.dictionary.tree import line, walk
from appliance.dictionary.values import empty
from appliance.refused import Refused
from web import entry_form, shown
from web.context import box, may_open, me
from web.dissolving import Ties, ties_of

ROWS_MAX = 1000
HISTORY_MAX = 50
SEARCH_MAX = 60

pages = Blueprint("settings", __name__, url_prefix="/settings")


@pages.get("")
def page() -> str:
    """Show all lists under their headings."""
    return render_template("settings/page.html", side=side(), count=_count)


@pages.get("/list/<kind>")
def entries(kind: str) -> str:
    """List the entries of a kind, as a tree where they stand in one; `q` searches, `retired` shows all."""
    table = _kind(kind)
    words = request.args.get("q", "")[:SEARCH_MAX].lower().split()
    retired = request.args.get("retired") == "yes"
    by_key = box().dictionary.by_key(kind)
    rows = walk(by_key) if table.tree else [(entry, 0) for entry in by_key.values()]
    rows = [(entry, depth) for entry, depth in rows if retired or not entry.retired]
    if words:
        rows = [(entry, 0) for entry, _ in rows if entry_form.found_in(entry, words)]
    return render_template(
        "settings/entries.html",
        side=side(),
        kind=table,
        rows=rows[:ROWS_MAX],
        total=len(rows),
        columns=entry_form.listed(table, [entry for entry, _ in rows]),
        cell=entry_form.cell,
        above=lambda entry: line(by_key, entry.key)[:-1] if words and table.tree else (),
        parents={entry.text("parent") for entry, _ in rows} if table.tree and not words else set(),
        q=" ".join(words),
        retired=retired,
        retired_count=sum(entry.retired for entry in by_key.values()),
    )


@pages.get("/new/<kind>")
def fresh(kind: str) -> str:
    """Show the empty form of a new entry; `parent` puts it below another."""
    table = _kind(kind)
    _open_list(table)
    values: dict[str, Value] = {column.name: empty(column) for column in table.columns}
    if table.tree:
        values["parent"] = request.args.get("parent", "")[:64]
    return _form(table, "", values)


@pages.post("/new/<kind>")
def make(kind: str) -> AnyResponse | tuple[str, int]:
    """Make an entry."""
    table = _kind(kind)
    _open_list(table)
    key = request.form.get("key", "").strip()[:64]
    values = entry_form.typed(request.form, table.columns)
    if table.ordered and request.form.get("place", "").strip():
        values["place"] = request.form["place"]
    try:
        box().dictionary.add(me(), kind, key, values)
    except Refused as refused:
        return _form(table, key, values, shown.sentence(refused), fresh=True), _status(refused)
    flash(gettext("Saved. It counts from now on."), "good")
    return redirect(url_for("settings.entries", kind=kind))


@pages.get("/entry/<kind>/<key>")
def entry(kind: str, key: str) -> str:
    """Show an entry to be edited, with its history."""
    table = _kind(kind)
    found = _entry(kind, key)
    return _form(table, key, {**found.fields, "place": found.place})


@pages.post("/entry/<kind>/<key>")
def save(kind: str, key: str) -> AnyResponse | tuple[str, int]:
    """Change an entry."""
    table = _kind(kind)
    _entry(kind, key)
    values = entry_form.typed(request.form, table.columns_for(key))
    if table.ordered and "place" in request.form:
        values["place"] = request.form["place"]
    try:
        box().dictionary.set(me(), kind, key, values, seen=seen())
    except Refused as refused:
        return _form(table, key, values, shown.sentence(refused)), _status(refused)
    flash(gettext("Saved. It counts from now on."), "good")
    return redirect(url_for("settings.entry", kind=kind, key=key))


@pages.post("/entry/<kind>/<key>/retire")
def retire(kind: str, key: str) -> str | AnyResponse | tuple[str, int]:
    """Take an entry out of use; of a unit, which may name its successor, what it still has is told first."""
    successor = request.form.get("successor", "")[:64]
    if kind == "unit" and request.form.get("sure") != "1":
        return _leaving(_kind(kind), _entry(kind, key).key, successor)
    said = gettext("It can be chosen no more; what used it still shows its name.")
    return _act(kind, key, lambda: box().dictionary.retire(me(), kind, key, successor), said)


@pages.post("/entry/<kind>/<key>/restore")
def restore(kind: str, key: str) -> AnyResponse | tuple[str, int]:
    """Take an entry into use again."""
    said = gettext("It is in use again.")
    return _act(kind, key, lambda: box().dictionary.restore(me(), kind, key), said)


@pages.get("/files/<kind>.csv")
def export(kind: str) -> Response:
    """Hand a list out as a file."""
    _kind(kind)
    headers = {"Content-Disposition": f'attachment; filename="{kind}.csv"'}
    return Response(exported(box().dictionary, kind), mimetype="text/csv", headers=headers)


def side() -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Return the headings with the pages under each that the reader opens: address, title, whether there."""
    here = request.view_args.get("kind", "") if request.view_args else ""
    found = []
    for subject, names in SUBJECTS.items():
        rows = [
            (url_for("settings.entries", kind=kind.name), shown.pick((kind.zh, kind.en)), kind.name == here)
            for kind in KINDS.values()
            if kind.subject == subject and not kind.hidden and me().has(*kind.editors)
        ]
        rows += [
            (url_for(endpoint), str(title), (request.endpoint or "").split(".")[0] == endpoint.split(".")[0])
            for endpoint, title in _OWN_PAGES.get(subject, ())
            if may_open(endpoint)
        ]
        if rows:
            found.append((shown.pick(names), rows))
    return found


def seen() -> bytes | None:
    """Return which state of the entry the page showed."""
    text = request.form.get("seen", "")
    try:
        return bytes.fromhex(text[:64]) if "seen" in request.form else None
    except ValueError:
        return None


def _leaving(kind: Kind, key: str, successor: str) -> AnyResponse | str | tuple[str, int]:
    """Ask again before a unit goes out of use; say at once when it cannot."""
    chosen: dict[str, Value] = {"successor": successor}
    try:
        box().dictionary.draft(me()).retire(kind.name, key, successor)
    except Refused as refused:
        return _form(kind, key, chosen, shown.sentence(refused)), _status(refused)
    return _form(kind, key, chosen, leaving=ties_of(key))


def _act(kind: str, key: str, act: Callable[[], Entry], said: str) -> AnyResponse | tuple[str, int]:
    table = _kind(kind)
    _entry(kind, key)
    try:
        act()
    except Refused as refused:
        return _form(table, key, {}, shown.sentence(refused)), _status(refused)
    flash(said, "good")
    return redirect(url_for("settings.entry", kind=kind, key=key))


def _kind(name: str) -> Kind:
    found = KINDS.get(name)
    if found is None or found.hidden:
        raise NotFound
    if not me().has(*found.editors):
        raise Refused("not_yours", "Your role does not change this list.")
    return found


def _open_list(kind: Kind) -> None:
    if kind.closed:
        raise Refused("closed", "This list is fixed; nothing can be added to it or taken from it.")


def _entry(kind: str, key: str) -> Entry:
    found = box().dictionary.get(kind, key)
    if found is None:
        raise NotFound
    return found


def _count(kind: str) -> int:
    return len(box().dictionary.all(kind))


def _status(refused: Refused) -> int:
    return 409 if refused.word == "changed" else 403 if refused.word == "not_yours" else 422


def _form(
    kind: Kind,
    key: str,
    values: Mapping[str, Value],
    fault: str = "",
    fresh: bool = False,
    leaving: Ties | None = None,
) -> str:
    found = box().dictionary.get(kind.name, key) if key and not fresh else None
    columns = kind.columns_for(key)
    complete: dict[str, Any] = {column.name: empty(column) for column in columns}
    complete |= found.fields if found else {}
    return render_template(
        "settings/entry.html",
        side=side(),
        kind=kind,
        key=key,
        entry=found,
        columns=columns,
        values={**complete, "place": found.place if found else "", **values},
        fault=fault,
        leaving=leaving,
        options=entry_form.options,
        limits=box().dictionary.all,
        history=entry_form.story(kind, key, box().dictionary.history(kind.name, key), HISTORY_MAX)
        if found
        else [],
        path=line(box().dictionary.by_key(kind.name), key)[:-1] if found and kind.tree else (),
    )


_OWN_PAGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "units": (
        ("contacts.page", lazy_gettext("Address book")),
        ("dispatching.page", lazy_gettext("Try the dispatch rules")),
    ),
    "people": (("people.page", lazy_gettext("People")), ("rights.page", lazy_gettext("Rights"))),
    "parameters": (
        ("parameters.page", lazy_gettext("Parameters")),
        ("workflow.page", lazy_gettext("Workflow")),
        ("calendar.page", lazy_gettext("Work calendar")),
        ("limits.page", lazy_gettext("Limits")),
        ("stationery.templates", lazy_gettext("Templates of letters and slips")),
        ("exchange.page", lazy_gettext("Import and export")),
        ("tokens.page", lazy_gettext("Interfaces")),
    ),
}
"""Pages of their own under the headings."""
