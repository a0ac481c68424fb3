"""Webhooks: to whom the box tells what happens, what became of it, and sending again what was given up."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from appliance.outside.delivering import LOGGED
from appliance.outside.hooks import KINDS, TESTED, Hook, Hooks
from appliance.refused import Refused
from appliance.tickets.fields import KINDS as TICKET_KINDS
from appliance.tickets.workflow import STATES
from web import shown
from web.context import box, me
from web.dictionary import units

DELIVERY_STATES = {
    "waiting": ("warn", lazy_gettext("on its way")),
    "done": ("good", lazy_gettext("delivered")),
    "dead": ("bad", lazy_gettext("given up")),
}
LISTS = ("kinds", "units", "ticket_kinds", "states")
DEAD_SHOWN = 100

pages = Blueprint("webhooks", __name__, url_prefix="/settings/webhooks")


@pages.get("")
def page() -> str:
    """Show all webhooks, and the form of a new one."""
    return _page({"kinds": ["ticket.created", "ticket.moved"]})


@pages.post("")
def create() -> str | tuple[str, int]:
    """Make a webhook and show its secret, this once; what was typed comes back when it is refused."""
    form = request.form
    typed: dict[str, Any] = {name: form.get(name, "").strip() for name in ("name", "url")}
    typed |= {name: form.getlist(name) for name in LISTS}
    typed["personal"] = "personal" in form
    try:
        secret = _hooks().create(
            me(),
            typed["name"],
            typed["url"],
            typed["kinds"],
            units=typed["units"],
            ticket_kinds=typed["ticket_kinds"],
            states=typed["states"],
            personal=typed["personal"],
        )
    except Refused as refused:
        return _page(typed, fault=shown.sentence(refused)), 422
    return _page({"kinds": ["ticket.created", "ticket.moved"]}, secret, typed["name"])


@pages.get("/<name>")
def one(name: str) -> str:
    """Show what became of the last deliveries, and all that were given up."""
    hook = _hooks().get(name)
    columns = "did, eid, kind, state, tries, made_s, tried_s, due_s, status, reason, subject"
    rows = box().store.rows(
        f"SELECT {columns} FROM delivery WHERE hook = ? ORDER BY did DESC LIMIT ?", name, LOGGED
    )
    dead = box().store.rows(
        f"SELECT {columns} FROM delivery WHERE hook = ? AND state = 'dead' ORDER BY did DESC LIMIT ?",
        *(name, DEAD_SHOWN),
    )
    there = {row[0] for row in rows}
    return render_template(
        "webhook.html",
        hook=hook,
        status=_status(hook),
        rows=[*rows, *(row for row in dead if row[0] not in there)],
        counts=_counts().get(name, {}),
        states=DELIVERY_STATES,
        kinds=_kinds(),
        numbers=_numbers([row[10] for row in (*rows, *dead)]),
    )


@pages.post("/<name>")
def order(name: str) -> Response:
    """Pause, go on, try, send again or remove."""
    hooks, do = _hooks(), request.form.get("do", "")
    if do in ("pause", "resume"):
        hooks.set_active(me(), name, do == "resume")
        flash(gettext("Saved."), "good")
    elif do == "test":
        hooks.test(me(), name)
        flash(gettext("A test is on its way; look at the list in a moment."), "good")
    elif do == "again":
        did = request.form.get("did", "")
        count = hooks.send_again(me(), name, int(did) if did.isascii() and did.isdigit() else None)
        flash(gettext("%(count)s are sent again.", count=count), "good")
    elif do == "remove":
        hooks.remove(me(), name)
        flash(gettext("The webhook is removed."), "good")
        return redirect(url_for("webhooks.page"))
    return redirect(url_for("webhooks.one", name=name))


def _page(typed: dict[str, Any], secret: str = "", made: str = "", fault: str = "") -> str:
    hooks = _hooks().all()
    return render_template(
        "webhooks.html",
        hooks=[(hook, *_status(hook)) for hook in hooks],
        counts=_counts(),
        typed=typed,
        secret=secret,
        made=made,
        fault=fault,
        allowed=box().configuration.api.webhooks,
        kinds=[(name, title) for name, title in _kinds().items() if name != TESTED],
        units=units(),
        ticket_kinds=shown.choices(TICKET_KINDS),
        states=[(state.name, shown.pick((state.zh, state.en))) for state in STATES.values()],
    )


def _hooks() -> Hooks:
    return Hooks(box().store, box().configuration.api.webhooks)


def _kinds() -> dict[str, str]:
    told = {name: shown.pick(names) for name, names in KINDS.items()}
    return {**told, TESTED: gettext("A test")}


def _status(hook: Hook) -> tuple[str, str]:
    if not hook.active:
        return "", gettext("paused")
    if hook.fails:
        return "bad", gettext("does not answer: %(reason)s", reason=hook.reason)
    return "good", gettext("in order")


def _counts() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for hook, state, count in box().store.rows("SELECT hook, state, count(*) FROM delivery GROUP BY 1, 2"):
        found.setdefault(hook, {})[state] = count
    return found


def _numbers(subjects: list[bytes]) -> dict[bytes, str]:
    """Numbers of the tickets told about."""
    marks = ", ".join("?" * len(subjects))
    return dict(box().store.rows(f"SELECT tid, number FROM ticket WHERE tid IN ({marks})", *subjects))
