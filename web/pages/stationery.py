"""Stationery: the templates of letters, edited and tried before they are in force, and the seals."""

from collections.abc import Mapping

import msgspec
from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from appliance.actor import ROLES
from appliance.letters.document import FORMS, Document
from appliance.letters.fields import ASKED, PLACEHOLDERS
from appliance.letters.seals import CENTRE
from appliance.letters.shipped import shipped
from appliance.letters.template import AUDIENCES, FILLED, LIMITS, SEALS, Template, check, fill
from appliance.refused import Refused
from web import printing, shown
from web.context import box, me
from web.dictionary import unit_names, units

pages = Blueprint("stationery", __name__)
FLAGS = ("numbered",)


@pages.get("/letters/templates")
def templates() -> str:
    """List the templates."""
    shelf = box().letters.shelf
    rows = [(t, shelf.changed(t.key), shelf.in_use(t.key)) for t in shelf.everything().values()]
    return render_template("letter_templates.html", rows=rows, called=printing.called, said_by=_roles)


def _roles(codes: str) -> str:
    """Name the roles of a template."""
    return str(gettext(", ")).join(shown.pick(ROLES[code]) for code in codes.split() if code in ROLES)


@pages.get("/letters/templates/<key>")
def template(key: str) -> str:
    """Show a template to be edited, with its sheet beside it."""
    return _editor(box().letters.shelf.get(key[:40]))


@pages.post("/letters/templates/<key>")
def publish(key: str) -> AnyResponse | str | tuple[str, int]:
    """Show the sheet of what was typed, put it in force, or take the shipped template again."""
    shelf, do = box().letters.shelf, request.form.get("do", "")
    before = shelf.get(key[:40])
    typed = _typed(before)
    try:
        if do == "restore":
            shelf.restore(me(), before.key)
            flash(gettext("The shipped template is in force again."), "good")
            return redirect(url_for("stationery.template", key=before.key))
        if do in ("retire", "use"):
            shelf.use(me(), before.key, used=do == "use")
            return redirect(url_for("stationery.templates"))
        if do == "copy":
            flash(gettext("A copy was made. Give it a name of its own."), "good")
            return redirect(url_for("stationery.template", key=shelf.copy(me(), before.key)))
        if do == "publish":
            shelf.publish(me(), typed)
            flash(gettext("In force from the next letter on."), "good")
            return redirect(url_for("stationery.template", key=before.key))
        check(typed)
        if do == printing.PDF:
            return printing.printed(_sample(typed), printing.PDF, "preview")
    except Refused as refused:
        return _editor(typed, shown.sentence(refused)), 409 if refused.word == "changed" else 422
    return _editor(typed)


@pages.get("/letters/seals")
def seals() -> str:
    """Show the seals in force."""
    found = box().letters.seals.all()
    owners = [(CENTRE, box().letters.desk.centre), *((u["code"], u["title"]) for u in units())]
    return render_template("seals.html", owners=owners, found=found)


@pages.post("/letters/seals")
def put_seal() -> AnyResponse:
    """Put a seal in force, or take it back."""
    owner = request.form.get("owner", "")[:32]
    name = unit_names().get(owner, box().letters.desk.centre)
    if request.form.get("do") == "take_back":
        box().letters.seals.take_back(me(), owner)
        flash(gettext("The seal of %(name)s is no longer in force.", name=name), "good")
    else:
        image = request.files.get("image")
        box().letters.seals.put(me(), owner, image.read() if image else b"")
        flash(gettext("The seal of %(name)s is in force.", name=name), "good")
    return redirect(url_for("stationery.seals"))


@pages.get("/letters/seals/<digest>.png")
def seal_image(digest: str) -> Response:
    """Show the image of a seal."""
    data = box().letters.seals.image(digest[:64])
    if not data:
        raise NotFound
    return Response(data, mimetype="image/png")


def _editor(typed: Template, fault: str = "") -> str:
    """The page of a template; one with faults is shown without its sheet."""
    shelf = box().letters.shelf
    try:
        check(typed)
        sheet: Document | None = _sample(typed)
    except Refused:
        sheet = None
    return render_template(
        "letter_template.html",
        template=typed,
        name=printing.called(typed),
        fault=fault,
        document=sheet,
        placeholders=list(PLACEHOLDERS.items()),
        asked=ASKED,
        forms=FORMS,
        seals=SEALS,
        audiences=AUDIENCES,
        limits=LIMITS,
        history=shelf.history(typed.key),
        changed=shelf.changed(typed.key) and typed.key in shipped(),
        in_use=shelf.in_use(typed.key),
    )


def _typed(before: Template) -> Template:
    values: dict[str, str | bool] = {name: request.form.get(name, "")[:20_000] for name in LIMITS}
    values |= {name: request.form.get(name, "") for name in ("form", "sealed", "audience")}
    values |= {name: name in request.form for name in FLAGS}
    for name in FILLED:
        values[name] = str(values[name]).replace("\r\n", "\n").strip("\n")
    return msgspec.convert({"key": before.key, **values}, Template)


def _sample(template: Template) -> Document:
    """The sheet with every placeholder's name where its value will stand."""
    desk = box().letters.desk
    facts: Mapping[str, str] = {
        **{name: f"〔{place.zh}〕" for name, place in PLACEHOLDERS.items()},
        "centre": desk.centre,
        "hotline": desk.hotline,
        "letter_no": f"{box().letters.word}{template.series}〔2026〕1号",
        "today": "2026年1月1日",
    }
    return fill(template, facts, "", 0.0)
