"""Answers promised for later: the list of whom to call back, sorted by the time that was promised."""

import re
import time
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance import deferrals
from appliance.calls import wire
from appliance.deferrals import Promise
from appliance.refused import Refused
from web import orders, shown
from web.context import box, me, wants_json

ROWS_MAX = 300
DEFAULT_AHEAD_S = 2 * 3600.0
ID = re.compile(r"[0-9a-f]{32}")

pages = Blueprint("deferrals", __name__, url_prefix="/later")


@pages.get("")
def page() -> str:
    """List what was promised, the most pressing first; `show` = mine, open or settled."""
    show = request.args.get("show", "open")
    prefill = {name: request.args.get(name, "")[:64] for name in ("number", "call", "ticket", "citizen")}
    return _page(show, prefill)


@pages.post("")
def add() -> Response | tuple[str, int] | dict[str, Any]:
    """Put a promise on the list."""
    form = request.form
    typed = {
        name: form.get(name, "")[:400] for name in ("number", "topic", "citizen", "call", "ticket", "at")
    }
    try:
        promise = Promise(
            orders.plain_number(typed["number"]),
            typed["topic"],
            _time(typed["at"]),
            typed["citizen"],
            _call(typed["call"]),
            _ticket(typed["ticket"]),
        )
        deferrals.make(box().store, me().number, promise, time.time())
    except Refused as refused:
        if wants_json():
            raise
        return _page("open", typed, shown.sentence(refused)), 422
    if wants_json():
        return {"ok": True}
    flash(gettext("It is on the list of answers for later."), "good")
    return redirect(url_for("deferrals.page"))


@pages.post("/<did>/call")
def call(did: str) -> dict[str, Any]:
    """Call whom the answer was promised to, from my phone."""
    rows = []
    if ID.fullmatch(did):
        sql = "SELECT number FROM deferral WHERE did = ? AND state = 'open'"
        rows = box().store.rows(sql, bytes.fromhex(did))
    if not rows:
        raise Refused("changed", "This is not on the list any more. Somebody else has settled it.")
    done = orders.carry_out(wire.Dial(me().number, rows[0][0]))
    deferrals.called(box().store, did, me().number)
    return done


@pages.post("/<did>/settle")
def settle(did: str) -> Response:
    """Note how the call back ended."""
    form = request.form
    outcome = form.get("outcome", "")
    again_s = _time(form.get("at", "")) if outcome == "again" else None
    remark = form.get("remark", "")
    deferrals.settle(box().store, did, me().number, outcome, remark, again_s, time.time())
    flash(gettext("Saved."), "good")
    return redirect(url_for("deferrals.page"))


def _page(show: str, typed: dict[str, str], fault: str = "") -> str:
    state = "d.state <> 'open'" if show == "settled" else "d.state = 'open'"
    whose, values = ("", []) if show != "mine" else (" AND d.made_by = ?", [me().number])
    order = "d.last_s DESC" if show == "settled" else "d.promised_s"
    names = (
        *("did", "number", "citizen", "topic", "state", "promised_s", "made_s", "made_by", "maker", "tries"),
        *("last_by", "last_s", "remark", "call", "ticket"),
    )
    rows = box().store.rows(
        "SELECT d.did, d.number, d.citizen, d.topic, d.state, d.promised_s, d.made_s, d.made_by, p.name,"
        " d.tries, d.last_by, d.last_s, d.remark, d.call, t.number"
        " FROM deferral d LEFT JOIN person p ON p.number = d.made_by LEFT JOIN ticket t ON t.tid = d.ticket"
        f" WHERE {state}{whose} ORDER BY {order} LIMIT ?",
        *(*values, ROWS_MAX),
    )
    now = time.time()
    typed = {"at": _local(now + DEFAULT_AHEAD_S), **{name: value for name, value in typed.items() if value}}
    return render_template(
        "later.html",
        rows=[dict(zip(names, row, strict=True)) for row in rows],
        show=show,
        typed=typed,
        fault=fault,
        now_s=now,
        again=_local(now + DEFAULT_AHEAD_S),
        states=shown.DEFERRAL_STATES,
    )


def _local(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M", time.localtime(at_s))


def _time(text: str) -> float:
    """A local time as browsers send it, 2026-12-01T15:30; raises Refused."""
    try:
        return datetime.fromisoformat(text[:16]).timestamp()
    except (ValueError, OverflowError, OSError):
        raise Refused("bad_time", "The time must lie ahead, within a year.") from None


def _call(cid: str) -> bytes:
    return bytes.fromhex(cid) if ID.fullmatch(cid) else b""


def _ticket(number: str) -> bytes:
    """The ticket of this number, if I may see it; raises Refused for one that is not there."""
    if not number.strip():
        return b""
    ticket = box().tickets.find(number.strip()[:40])
    if ticket is None or not box().tickets.may_see(me(), ticket):
        raise Refused("unknown_ticket", "This ticket does not exist.")
    return ticket.tid
