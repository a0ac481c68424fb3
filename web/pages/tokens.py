"""Tokens of other programs: made and taken back by administrators; each is shown once."""

import time
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from appliance.outside.tokens import DAYS_MAX, SCOPES, SYSTEM_ROLES, Tokens
from appliance.refused import Refused
from web import shown
from web.context import box, me
from web.dictionary import units

STATES = {
    "good": ("good", lazy_gettext("in force")),
    "expired": ("warn", lazy_gettext("expired")),
    "revoked": ("", lazy_gettext("revoked")),
}
DAYS = (30, 90, 365, 1095)
TEXTS = ("name", "title", "owner", "person", "unit", "networks")

pages = Blueprint("tokens", __name__, url_prefix="/settings/tokens")


@pages.get("")
def page() -> str:
    """Show all tokens, and the form of a new one."""
    return _page({"owner": "system", "days": "365", "roles": ["C"], "scopes": []})


@pages.post("")
def create() -> str | tuple[str, int]:
    """Make a token and show it, this once; what was typed comes back when it is refused."""
    form = request.form
    typed: dict[str, Any] = {name: form.get(name, "").strip() for name in TEXTS}
    typed |= {"days": form.get("days", ""), "roles": form.getlist("roles"), "scopes": form.getlist("scopes")}
    of_person = typed["owner"] == "person"
    try:
        secret = Tokens(box().store).create(
            me(),
            typed["name"],
            typed["title"],
            typed["scopes"],
            person=typed["person"] if of_person else "",
            roles=() if of_person else typed["roles"],
            unit="" if of_person else typed["unit"],
            days=int(typed["days"]) if typed["days"].isascii() and typed["days"].isdigit() else 0,
            networks=typed["networks"].replace(",", " ").split(),
        )
    except Refused as refused:
        return _page(typed, fault=shown.sentence(refused)), 422
    return _page({"owner": "system", "days": "365", "roles": ["C"], "scopes": []}, secret, typed["name"])


@pages.post("/<name>/revoke")
def revoke(name: str) -> Response:
    """Take a token back."""
    Tokens(box().store).revoke(me(), name)
    flash(gettext("The token is revoked. Whoever uses it is refused from now on."), "good")
    return redirect(url_for("tokens.page"))


def _page(typed: dict[str, Any], secret: str = "", made: str = "", fault: str = "") -> str:
    now_s = time.time()
    return render_template(
        "tokens.html",
        tokens=[(token, *STATES[token.state(now_s)]) for token in Tokens(box().store).all()],
        typed=typed,
        secret=secret,
        made=made,
        fault=fault,
        scopes=[(name, shown.pick(names)) for name, names in SCOPES.items()],
        roles=[(name, shown.pick(names)) for name, names in SYSTEM_ROLES.items()],
        units=units(),
        people=box().store.rows("SELECT number, name FROM person WHERE active = 1 ORDER BY number"),
        days=DAYS,
        days_max=DAYS_MAX,
    )
