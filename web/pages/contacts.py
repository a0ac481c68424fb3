"""The address book: units with their numbers and duty times, people to reach, by one search."""

from typing import Any

from flask import Blueprint, render_template, request

from appliance.dictionary.entry import Entry
from appliance.dictionary.tree import walk
from web import entry_form, shown
from web.context import box, may_open, me
from web.directory import numbers_of
from web.pages.settings import side

ROWS_MAX = 400
SEARCH_MAX = 60

pages = Blueprint("contacts", __name__, url_prefix="/contacts")


@pages.get("")
def page() -> str:
    """List contacts and units; `q` searches in names, posts and numbers."""
    words = request.args.get("q", "")[:SEARCH_MAX].lower().split()
    dictionary = box().dictionary
    contacts = [entry for entry in dictionary.all("contact") if entry_form.found_in(entry, words)]
    tree = [(e, d) for e, d in walk(dictionary.by_key("unit")) if not e.retired]
    units = [(entry, depth) for entry, depth in tree if entry_form.found_in(entry, words)]
    return render_template(
        "settings/contacts.html",
        side=side() if may_open("settings.page") else [],
        contacts=sorted(contacts, key=lambda entry: (not entry.fields["leader"], entry.place))[:ROWS_MAX],
        units=[(_row(entry), 0 if words else depth) for entry, depth in units[:ROWS_MAX]],
        unit_name=_unit_name,
        numbers=numbers_of,
        q=" ".join(words),
        dials=me().has("AG", "TL") and may_open("desk.order"),
    )


def _row(unit: Entry) -> dict[str, Any]:
    return {
        "entry": unit,
        "numbers": [*numbers_of(unit.text("phone")), *numbers_of(unit.text("duty_phone"))],
        "title": shown.pick(unit.names),
    }


def _unit_name(code: str) -> str:
    names = box().dictionary.names("unit")
    return shown.pick(names[code]) if code in names else code
