"""Parameters: every value that steers the box, grouped by subject, in force at the next event."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from appliance.dictionary.entry import Change
from appliance.dictionary.parameters import PARAMETERS, SUBJECTS
from web import all_or_none, entry_form, shown
from web.context import box
from web.pages.settings import side

HISTORY_MAX = 30

pages = Blueprint("parameters", __name__, url_prefix="/settings/parameters")


@pages.get("")
def page() -> str:
    """Show all parameters with what is in force."""
    return _page({}, {})


@pages.post("")
def save() -> AnyResponse | tuple[str, int]:
    """Set those that were changed, all or none."""
    typed = {name: request.form.getlist(name)[-1][:200] for name in PARAMETERS if name in request.form}
    saved = all_or_none.save("parameter", {name: {"value": value} for name, value in typed.items()})
    if saved.fault:
        return _page(typed, saved.faults, saved.fault), 422
    flash(gettext("%(count)s parameters were changed. They count from now on.", count=saved.count), "good")
    return redirect(url_for("parameters.page"))


def _page(typed: Mapping[str, str], faults: Mapping[str, str], fault: str = "") -> str:
    in_force = {name: box().dictionary.parameter(name) for name in PARAMETERS}
    groups = [
        (subject, shown.pick(names), [row for row in PARAMETERS.values() if row.subject == subject])
        for subject, names in SUBJECTS.items()
    ]
    return render_template(
        "settings/parameters.html",
        side=side(),
        groups=[group for group in groups if group[2]],
        in_force=in_force,
        typed=typed,
        faults=faults,
        fault=fault,
        said=lambda row, value: entry_form.shown_value(row.column, value),
        changes=_changes(),
    )


def _changes() -> list[tuple[str, str, Change, str, str]]:
    """The last changes of any parameter, the newest first."""
    found = []
    for entry in box().dictionary.all("parameter"):
        if entry.changed and entry.key in PARAMETERS:
            row = PARAMETERS[entry.key]
            for change in box().dictionary.history("parameter", entry.key):
                old, new = (
                    entry_form.shown_value(row.column, v) for v in change.fields.get("value", ("", ""))
                )
                found.append((entry.key, shown.pick((row.zh, row.en)), change, old, new))
    return sorted(found, key=lambda one: one[2].eid, reverse=True)[:HISTORY_MAX]
