"""Conflicts: what two boxes did at once, both sides, and one click that settles it everywhere."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.refused import Refused
from web import shown
from web.conflict_views import KINDS_SHOWN, conflict_views, office
from web.context import me

pages = Blueprint("conflicts", __name__, url_prefix="/conflicts")


@pages.get("")
def page() -> str:
    """List what waits, the newest first."""
    return _page()


@pages.post("/<key>")
def settle(key: str) -> Response | tuple[str, int]:
    """Settle one: leave it, or do what the other side wanted."""
    try:
        office().settle(me(), key[:32], request.form.get("choice", "")[:8])
    except Refused as refused:
        return _page(shown.sentence(refused)), 403 if refused.word == "not_yours" else 409
    flash(gettext("Settled. It leaves the list on every box."), "good")
    return redirect(url_for("conflicts.page"))


def _page(fault: str = "") -> str:
    return render_template(
        "conflicts.html", views=conflict_views(), total=office().count(), kinds=KINDS_SHOWN, fault=fault
    )
