"""The matrix of rights: which role opens which pages, makes which moves and sees which fields."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from appliance.dictionary.draft import Draft
from appliance.dictionary.entry import Change
from appliance.dictionary.rights_table import RIGHTS, SUBJECTS
from appliance.people import ROLES
from appliance.refused import Refused
from web import shown
from web.context import box, me
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
    faults: dict[str, str] = {}

    def wish(draft: Draft) -> None:
        for name, roles in ticked.items():
            wanted = [role for role in ROLES if role in {*roles, *RIGHTS[name].least}]
            try:
                draft.set("right", name, {"roles": wanted})
            except Refused as refused:
                faults[name] = shown.sentence(refused)
        if faults:
            raise Refused("bad_rights", "Nothing was changed. Correct what is marked.")

    try:
        count = box().dictionary.write(me(), wish)
    except Refused as refused:
        return _page(ticked, faults, shown.sentence(refused)), 422
    flash(gettext("%(count)s rights were changed. They count from the next click on.", count=count), "good")
    return redirect(url_for("rights.page"))


def _page(
    ticked: dict[str, list[str]] | None = None, faults: dict[str, str] | None = None, fault: str = ""
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
