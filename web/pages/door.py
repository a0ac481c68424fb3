"""The way in and out: signing in, the own password, the language, and the first page of each role."""

import urllib.parse

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.demo_data import DEMO_PASSWORD
from appliance.people import ROLES
from appliance.refused import Refused
from web import shown
from web.context import COOKIE, actor, box, may_open, me
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import LANGUAGES

LANGUAGE_S = 365 * 24 * 3600
COOKIE_S = 12 * 3600
FIRST_PAGES = ("desk.page", "tickets.page", "box.page", "calls.page")

pages = Blueprint("door", __name__)


@pages.get("/")
def home() -> Response:
    """Go to the first page of whoever is signed in."""
    first = next((page for page in FIRST_PAGES if may_open(page)), "door.password")
    return redirect(url_for(first))


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response | tuple[str, int] | str:
    """Ask for number and password."""
    goal = _inside(request.values.get("next", ""))
    if request.method == "GET":
        return redirect(goal) if actor() else _door(goal)
    number = request.form.get("number", "").strip()
    try:
        token = box().people.sign_in(number, request.form.get("password", ""), request.remote_addr or "")
    except Refused as refused:
        return _door(goal, number, shown.sentence(refused)), 403 if refused.word == "wrong" else 429
    response = redirect(goal)
    response.set_cookie(
        COOKIE, token, max_age=COOKIE_S, httponly=True, samesite="Lax", secure=request.is_secure
    )
    return response


@pages.post("/sign-out")
def sign_out() -> Response:
    """End the session."""
    token = request.cookies.get(COOKIE, "")
    if token:
        box().people.sign_out(token)
    response = redirect(url_for("door.sign_in"))
    response.delete_cookie(COOKIE)
    return response


@pages.route("/password", methods=["GET", "POST"])
def password() -> Response | tuple[str, int] | str:
    """Set an own password."""
    if request.method == "GET":
        return render_template("password.html", fault="")
    old, new, again = (request.form.get(name, "") for name in ("old", "new", "again"))
    if new != again:
        return render_template("password.html", fault=gettext("The two new passwords differ.")), 422
    try:
        box().people.set_password(me().number, old, new, keep=request.cookies.get(COOKIE, ""))
    except Refused as refused:
        return render_template("password.html", fault=shown.sentence(refused)), 422
    flash(gettext("Your password has been changed."), "good")
    return redirect(url_for("door.home"))


@pages.post("/language")
def choose_language() -> Response:
    """Remember the language chosen, in this browser and for this person."""
    wanted = request.form.get("language", "")
    response = redirect(_inside(request.form.get("next", "")))
    if wanted in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, wanted, max_age=LANGUAGE_S, samesite="Lax")
        person = actor()
        if person is not None:
            box().people.set_language(person.number, wanted[:2])
    return response


def _door(goal: str, number: str = "", fault: str = "") -> str:
    return render_template(
        "sign_in.html",
        goal=goal,
        number=number,
        fault=fault,
        demo_people=_demo_people(),
        demo_password=DEMO_PASSWORD,
    )


def _demo_people() -> list[dict[str, str]]:
    """Who may be tried out in a demonstration; on a box in service nobody is listed."""
    if not box().demo:
        return []
    rows = box().store.rows(
        "SELECT p.number, p.name, p.roles, coalesce(u.name, ''), coalesce(u.name_en, '') FROM person p"
        " LEFT JOIN unit u ON u.code = p.unit WHERE p.active = 1 ORDER BY p.number LIMIT 24"
    )
    return [
        {"number": number, "name": name, "does": _does(roles), "unit": shown.pick((unit, unit_en or unit))}
        for number, name, roles, unit, unit_en in rows
    ]


def _does(roles: str) -> str:
    return " · ".join(shown.pick(ROLES[role]) for role in roles.split(",") if role in ROLES)


def _inside(goal: str) -> str:
    """Return a path of this box to go to, never another site."""
    parts = urllib.parse.urlsplit(goal)
    inside = (
        goal.startswith("/") and not goal.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    )
    return goal.rstrip("?") or "/" if inside else url_for("door.home")
