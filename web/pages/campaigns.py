"""Voice notifications: a list of people is called and told something, watched live, and its results kept."""

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Response, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as AnyResponse

from appliance.calls import wire
from appliance.campaigns import creation, lists, sounds
from appliance.campaigns import plan as plans
from appliance.campaigns.campaign import MOVES, RESULTS
from appliance.campaigns.lists import Sheet
from appliance.campaigns.plan import Plan
from appliance.events import Fact
from appliance.publish import admission
from appliance.refused import Refused
from appliance.store.engine import containing, holds
from ivr import sound as prompts
from web import campaign_form, orders, shown
from web.context import box, me
from web.link import Away

UPLOAD_MAX = sounds.UPLOAD_MAX + lists.BYTES_MAX
PAGE_ROWS = 100
FAULTS_SHOWN = 200
LIST_ROWS = 200
TEXT_KEPT = 400_000
"""Letters of an uploaded list that are shown again when a row of it is wrong."""
WAITING, CALLING = "waiting", "calling"
"""What a number is before it has a result."""

pages = Blueprint("campaigns", __name__, url_prefix="/campaigns")


@pages.get("")
def page() -> str:
    """List campaigns, newest first."""
    rows = box().store.rows(
        "SELECT cid, name, state, why, total, created_by, created_s, ended_s,"
        " (SELECT count(*) FROM campaign_number n WHERE n.cid = c.cid AND n.result <> '')"
        " FROM campaign c ORDER BY created_s DESC LIMIT ?",
        LIST_ROWS,
    )
    return render_template("campaigns.html", rows=rows, words=shown)


@pages.get("/new")
def new() -> str:
    """Show the form of a new campaign."""
    return _form(campaign_form.empty())


@pages.post("")
def create() -> AnyResponse | tuple[str, int]:
    """Make a campaign, and start it when that was asked; when anything is wrong nothing is made."""
    typed = campaign_form.typed()
    try:
        plan = campaign_form.plan()
        text = campaign_form.list_text()
        typed["list"] = text[:TEXT_KEPT]
        sheet = campaign_form.sheet(text)
        if sheet.faults:
            return _form(typed, sheet), 422
        message, source = campaign_form.message()
        cid = creation.create(box().store, box().places, me().number, plan, sheet.numbers, message, source)
    except Refused as refused:
        return _form(typed, fault=shown.sentence(refused)), 422
    made = gettext("The notification is made, with %(count)s numbers.", count=len(sheet.numbers))
    if sheet.merged:
        made += " " + gettext("%(count)s numbers were there again and are called once.", count=sheet.merged)
    flash(made, "good")
    if request.form.get("then") == "start":
        _start(cid)
    return redirect(url_for("campaigns.one", cid=cid))


@pages.post("/sound")
def listen() -> dict[str, Any]:
    """Make the message and keep it for its maker to listen to first."""
    message, _ = campaign_form.message()
    prompts.write(_draft(), message)
    address = url_for("campaigns.draft", made=int(time.time() * 1000))
    return {"url": address, "seconds": round(sounds.seconds(message), 1)}


@pages.get("/draft.wav")
def draft() -> Response:
    """Play the message I made last."""
    if not _draft().is_file():
        raise NotFound
    return send_file(_draft(), mimetype="audio/wav", conditional=True, max_age=0)


@pages.get("/<cid>")
def one(cid: str) -> str:
    """Show how a campaign does and what became of every number."""
    campaign = _campaign(cid)
    asked = {name: request.args.get(name, "").strip()[:40] for name in ("result", "number", "page")}
    where, values = _where(cid, asked["result"], asked["number"])
    number = int(asked["page"]) if re.fullmatch(r"[1-9][0-9]{0,4}", asked["page"]) else 1
    rows = box().store.rows(
        "SELECT number, note, attempts, calling, outcome, result, seconds, at_s FROM campaign_number"
        f" WHERE {where} ORDER BY place LIMIT ? OFFSET ?",
        *(*values, PAGE_ROWS + 1, (number - 1) * PAGE_ROWS),
    )
    return render_template(
        "campaign.html",
        campaign=campaign,
        counts=_counts(cid),
        calling=_calling(cid),
        closed=campaign["state"] == "running" and not _is_open(campaign["plan"]),
        rows=rows[:PAGE_ROWS],
        asked=asked,
        page={"now": number, "more": int(len(rows) > PAGE_ROWS)},
        link=lambda page: url_for("campaigns.one", cid=cid, **{**asked, "page": page}),
        words=shown,
        moves=[what for state, what in MOVES if state == campaign["state"]],
        results=RESULTS,
    )


@pages.post("/<cid>/order")
def order(cid: str) -> AnyResponse:
    """Start, pause, resume or stop a campaign."""
    _campaign(cid)
    what = request.form.get("do", "")
    if what not in {word for _, word in MOVES}:
        raise BadRequest
    orders.carry_out(wire.Campaign(me().number, cid, what))
    return redirect(url_for("campaigns.one", cid=cid))


@pages.get("/<cid>/sound.wav")
def sound(cid: str) -> Response:
    """Play a campaign's message."""
    path = sounds.path_of(box().places, cid, _campaign(cid)["plan"]["language"])
    if not path.is_file():
        raise NotFound
    return send_file(path, mimetype="audio/wav", conditional=True, max_age=0)


@pages.get("/<cid>/results.csv")
def export(cid: str) -> Response:
    """Send the results as CSV that spreadsheets open; the story of the campaign says who took them."""
    campaign = _campaign(cid)
    box().store.record(Fact("campaign.exported", {"by": me().number}, bytes.fromhex(cid)))
    rows = box().store.rows(
        "SELECT number, note, attempts, calling, outcome, result, seconds, at_s FROM campaign_number"
        " WHERE cid = ? ORDER BY place",
        bytes.fromhex(cid),
    )
    head = [
        gettext("Phone"),
        gettext("Note"),
        gettext("Tries"),
        gettext("Result"),
        gettext("Seconds heard"),
        gettext("Last called"),
    ]
    titles = {word: str(title) for word, title in shown.CAMPAIGN_RESULTS.items()}
    titles |= {WAITING: gettext("Still to call")}
    answer = Response(_lines(head, rows, titles), mimetype="text/csv")
    name = f"campaign-{time.strftime('%Y%m%d', time.localtime(campaign['created_s']))}-{cid[:8]}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _start(cid: str) -> None:
    """Start what has just been made; when that cannot be, it is there to be started later."""
    try:
        orders.carry_out(wire.Campaign(me().number, cid, "start"))
    except Refused as refused:
        flash(shown.sentence(refused), "bad")
    except Away:
        flash(gettext("It could not be started: the call process is away. Start it in a moment."), "bad")


def _lines(head: list[str], rows: list[Any], titles: dict[str, str]) -> Iterator[str]:
    yield "\ufeff" + _line(head)
    for number, note, attempts, _, _, result, seconds, at_s in rows:
        title = titles.get(result or WAITING, result)
        # A cell that a spreadsheet would take for a formula is made a text.
        safe = f"'{note}" if note[:1] in "=+-@\t" and note else note
        heard = f"{seconds:g}" if seconds else ""
        yield _line([number, safe, str(attempts), title, heard, shown.when(at_s) if at_s else ""])


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _form(typed: dict[str, str], sheet: Sheet | None = None, fault: str = "") -> str:
    rules = box().configuration.campaign
    return render_template(
        "campaign_new.html",
        typed=typed,
        faults=sheet.faults[:FAULTS_SHOWN] if sheet else (),
        fault_count=len(sheet.faults) if sheet else 0,
        fault=fault,
        words=shown,
        earlier=campaign_form.earlier(),
        messages=campaign_form.messages(),
        rules=rules,
        limits=plans.LIMITS,
        text_max=sounds.TEXT_MAX,
    )


def _campaign(cid: str) -> dict[str, Any]:
    if not plans.ID.fullmatch(cid):
        raise NotFound
    rows = box().store.rows(
        "SELECT name, state, why, plan, source, story, total, created_by, created_s, started_s, ended_s"
        " FROM campaign WHERE cid = ?",
        bytes.fromhex(cid),
    )
    if not rows:
        raise NotFound
    names = ("name", "state", "why", "plan", "source", "story", "total", "created_by", "created_s")
    found = dict(zip((*names, "started_s", "ended_s"), rows[0], strict=True))
    found |= {name: json.loads(found[name]) for name in ("plan", "source", "story")}
    return {"cid": cid, **found}


def _calling(cid: str) -> int:
    sql = "SELECT count(*) FROM campaign_number WHERE cid = ? AND result = '' AND calling = 1"
    return int(box().store.rows(sql, bytes.fromhex(cid))[0][0])


def _is_open(plan: dict[str, Any]) -> bool:
    """Whether a campaign may call at this hour."""
    days = admission(box().configuration).days
    return plans.is_open(msgspec.convert(plan, Plan), days, time.time())


def _counts(cid: str) -> dict[str, int]:
    rows = box().store.rows(
        "SELECT result, count(*) FROM campaign_number WHERE cid = ? GROUP BY result", bytes.fromhex(cid)
    )
    return dict(rows)


def _where(cid: str, result: str, number: str) -> tuple[str, list[object]]:
    where, values = ["cid = ?"], list[object]([bytes.fromhex(cid)])
    if result in (WAITING, CALLING):
        where.append("result = '' AND calling = ?")
        values.append(int(result == CALLING))
    elif result:
        where.append("result = ?")
        values.append(result)
    if number:
        where.append(holds("number"))
        values.append(containing(number))
    return " AND ".join(where), values


def _draft() -> Path:
    return box().places.campaigns / f"draft-{me().number.encode().hex()}.wav"
