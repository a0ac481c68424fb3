"""The matrix of rights: which role opens which pages, makes which moves and sees which fields."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from appliance.dictionary.entry import Change
from appliance.dictionary.rights_table import RIGHTS, SUBJECTS
from appliance.people import ROLES
from web import all_or_none, shown
from web.context import box
from web.pages.settings import side

HISTORY_MAX = 30

pages = Blueprint("rights", __name__, url_prefix="/settings/rights")


@pages.get("")
def page() -> str:
    """Show the matrix in force."""
    return _page()


@pages.post("")
def save() -> AnyResponse | tuple[str, int]:
    """Set the rows that were changed, all or none; `row` names those the page showed."""
    rows = [name for name in request.form.getlist("row") if name in RIGHTS]
    ticked = {name: [role for role in request.form.getlist(name) if role in ROLES] for name in rows}
    wanted = {
        name: {"roles": [role for role in ROLES if role in {*roles, *RIGHTS[name].least}]}
        for name, roles in ticked.items()
    }
    saved = all_or_none.save("right", wanted)
    if saved.fault:
        return _page(ticked, saved.faults, saved.fault), 422
    flash(
        gettext("%(count)s rights were changed. They count from the next click on.", count=saved.count),
        "good",
    )
    return redirect(url_for("rights.page"))


def _page(
    ticked: Mapping[str, list[str]] | None = None, faults: Mapping[str, str] | None = None, fault: str = ""
) -> str:
    rights = box().rights
    in_force = {name: frozenset((ticked or {}).get(name, rights.roles(name))) for name in RIGHTS}
    groups = [
        (shown.pick(names), [right for right in RIGHTS.values() if right.name.startswith(f"{subject}.")])
        for subject, names in SUBJECTS.items()
    ]
    return render_template(
        "settings/rights.html",
        side=side(),
        groups=groups,
        roles=[(role, shown.pick(names)) for role, names in ROLES.items()],
        in_force=in_force,
        faults=faults or {},
        fault=fault,
        changes=_changes(),
        said=lambda roles: " ".join(roles) if isinstance(roles, list) else "",
    )


def _changes() -> list[tuple[str, Change]]:
    """The last changes of any right, the newest first."""
    found = [
        (shown.pick((RIGHTS[entry.key].zh, RIGHTS[entry.key].en)), change)
        for entry in box().dictionary.all("right")
        if entry.changed and entry.key in RIGHTS
        for change in box().dictionary.history("right", entry.key)
    ]
    return sorted(found, key=lambda one: one[1].eid, reverse=True)[:HISTORY_MAX]
