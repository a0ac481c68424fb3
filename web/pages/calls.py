"""Calls and recordings: looked up by number, day, agent and ticket, listened to, held, and exported."""

import datetime
import re
import threading
import time
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, send_file, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from appliance.recordings import holds, package, waveform
from appliance.recordings.verification import inside
from appliance.refused import Refused
from web import access
from web.context import box, me

PAGE_ROWS = 50
ID = re.compile(r"[0-9a-f]{32}")
ASKED = ("number", "agent", "since", "until", "outcome", "kind", "ticket", "page")
OF_CALL = ("number", "agent", "outcome", "ticket")
"""What is asked of a recording's call, not of the recording."""
DIGITS_FEW = 5
EXPORTS_AT_ONCE = 2

pages = Blueprint("calls", __name__)
_exporting = threading.BoundedSemaphore(EXPORTS_AT_ONCE)
"""An export keeps one thread of the pages busy as long as it lasts."""


@pages.get("/calls")
def page() -> str:
    """List calls, newest first."""
    asked = _asked()
    where, values = _where(asked, "c.started_s", ("outcome",))
    sql = (
        "SELECT c.cid, c.started_s, c.caller, c.called, c.queue, c.agent, p.name, c.outcome,"
        " c.queued_s, c.answered_s, c.ended_s,"
        " (SELECT rid FROM recording r WHERE r.call = c.cid ORDER BY made_s LIMIT 1),"
        " (SELECT number FROM ticket t WHERE t.call = c.cid ORDER BY tid LIMIT 1)"
        f" FROM call c LEFT JOIN person p ON p.number = c.agent WHERE {where}"
        " ORDER BY c.started_s DESC LIMIT ? OFFSET ?"
    )
    rows, page = _page(sql, values, asked)
    titles = {q.name: q.title or q.name for q in box().configuration.queue}
    return render_template(
        "calls.html", rows=rows, asked=asked, page=page, link=_link, rec=_address, titles=titles
    )


@pages.get("/recordings")
def recordings() -> str:
    """List recordings, newest first."""
    asked = _asked()
    where, values = _where(asked, "r.made_s", ("kind", "outcome"))
    # The rows are chosen first, with as few tables as the question needs, and only those are filled in.
    join = "CROSS JOIN" if _broad(asked) else "JOIN"
    joined = f"{join} call c ON c.cid = r.call" if any(asked[name] for name in OF_CALL) else ""
    sql = (
        "SELECT r.rid, r.made_s, r.kind, r.seconds, r.sha256, r.site, c.caller, c.agent, p.name, c.outcome,"
        " (SELECT number FROM ticket t WHERE t.call = r.call ORDER BY tid LIMIT 1) AS ticket,"
        " r.held, r.held_by, r.archived_s, r.removed_s, r.removed_why"
        f" FROM (SELECT r.rid AS found FROM recording r {joined} WHERE {where}"
        " ORDER BY r.made_s DESC LIMIT ? OFFSET ?) JOIN recording r ON r.rid = found"
        " LEFT JOIN call c ON c.cid = r.call LEFT JOIN person p ON p.number = c.agent"
        " ORDER BY r.made_s DESC"
    )
    rows, page = _page(sql, values, asked)
    return render_template(
        "recordings.html",
        rows=rows,
        asked=asked,
        page=page,
        link=_link,
        rec=_address,
        may_hold=me().has(*access.KEEPERS),
        today=time.strftime("%Y-%m-%d"),
    )


@pages.get("/recordings/<rid>.wav")
def sound(rid: str) -> Response:
    """Play a recording, whole or the range asked for; a unit hears only what belongs to its tickets."""
    file, _ = _heard(rid)
    return send_file(file, mimetype="audio/wav", conditional=True, max_age=0, download_name=file.name)


@pages.get("/recordings/<rid>/wave")
def wave(rid: str) -> Response:
    """Tell the picture of a recording: loudness of both sides from 0 to 255, and what happened when."""
    file, (call, made_s, seconds) = _heard(rid)
    try:
        left, right = waveform.peaks(file)
    except (OSError, ValueError):
        raise NotFound from None
    found = waveform.marks(box().store.history(call), made_s - seconds, seconds)
    return jsonify(
        seconds=seconds,
        left=list(left),
        right=list(right),
        marks=[{"at_s": mark.at_s, "what": mark.what, "who": mark.who} for mark in found],
    )


@pages.post("/recordings/<rid>/hold")
def hold(rid: str) -> AnyResponse:
    """Put a recording under legal hold, or release it."""
    reason = request.form.get("reason", "")
    if request.form.get("do") == "release":
        holds.release(box().store, rid, me().number, reason)
        flash(gettext("The hold is released."), "good")
    else:
        holds.hold(box().store, rid, me().number, reason)
        flash(gettext("The recording is under hold: it is neither removed nor changed."), "good")
    return redirect(url_for("calls.recordings", **_asked(request.form, filled=True)))  # type: ignore[arg-type]  # names are query words


@pages.post("/recordings/export")
def export() -> Response:
    """Send a day as a ZIP, piece by piece."""
    if not _exporting.acquire(blocking=False):
        raise Refused("changed", "Other exports are going on. Try again when they have ended.")
    try:
        order = package.order(
            box().store, box().places.recordings, request.form.get("day", "")[:10], me().number
        )
        answer = Response(order.pieces(), mimetype="application/zip")
    except BaseException:
        _exporting.release()
        raise
    answer.call_on_close(_exporting.release)
    answer.headers["Content-Disposition"] = f'attachment; filename="{order.name}"'
    return answer


def _heard(rid: str) -> tuple[Path, tuple[bytes, float, float]]:
    """The file somebody may hear, and call, time and length of the recording; raises Refused, NotFound."""
    if not ID.fullmatch(rid):
        raise NotFound
    rows = box().store.rows(
        "SELECT path, site, call, made_s, seconds, removed_s FROM recording WHERE rid = ?", bytes.fromhex(rid)
    )
    if not rows:
        raise NotFound
    path, site, call, made_s, seconds, removed_s = rows[0]
    if not me().has(*access.LISTENERS):
        _check_unit(bytes(call))
    if removed_s is not None:
        day = time.strftime("%Y-%m-%d", time.localtime(removed_s))
        raise Refused(
            "unknown_ticket", "This recording was removed on %(day)s, as the rules for keeping say.", day=day
        )
    file = inside(box().places.recordings, path)
    if file is None or not file.is_file():
        raise Refused(
            "unknown_ticket", "This recording is not on this box; it is kept at site %(site)s.", site=site
        )
    return file, (bytes(call), made_s, seconds)


def _check_unit(call: bytes) -> None:
    tickets = box().tickets
    if not any(tickets.may_see(me(), t) and not t.confidential for t in tickets.by_call(call)):
        raise Refused("other_unit", "This recording belongs to another unit's ticket, or is confidential.")


def _asked(given: MultiDict[str, str] | None = None, filled: bool = False) -> dict[str, str]:
    given = request.args if given is None else given
    asked = {name: given.get(name, "").strip()[:40] for name in ASKED}
    return {name: value for name, value in asked.items() if value} if filled else asked


def _where(asked: dict[str, str], at: str, exact: tuple[str, ...]) -> tuple[str, list[object]]:
    """The condition for what was asked; long numbers are looked for in the index of callers."""
    where, values = ["1"], list[object]()
    if asked["number"]:
        like = "caller LIKE ? ESCAPE '\\'"
        few = _broad(asked) or asked["agent"]
        where.append(f"c.{like}" if few else f"c.caller IN (SELECT caller FROM call WHERE {like})")
        plain = asked["number"].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values.append(f"%{plain}%")
    if asked["agent"]:
        where.append("c.agent = ?")
        values.append(asked["agent"])
    if asked["ticket"]:
        where.append("c.cid IN (SELECT call FROM ticket WHERE number = ?)")
        values.append(asked["ticket"])
    for name in exact:
        if asked[name]:
            where.append(f"{'r' if name == 'kind' else 'c'}.{name} = ?")
            values.append(asked[name])
    for name, sign, days in (("since", ">=", 0), ("until", "<", 1)):
        begin = _day(asked[name], days)
        if begin is not None:
            where.append(f"{at} {sign} ?")
            values.append(begin)
    return " AND ".join(where), values


def _broad(asked: dict[str, str]) -> bool:
    """Whether so few digits were asked for that looking from the newest on finds a page sooner."""
    return 0 < len(asked["number"]) < DIGITS_FEW and not asked["agent"] and not asked["ticket"]


def _day(text: str, days: int) -> float | None:
    """Return when a day begins here, `days` later; None when none is written."""
    try:
        wanted = datetime.date.fromisoformat(text) + datetime.timedelta(days=days)
        return time.mktime(wanted.timetuple())
    except (ValueError, OverflowError):
        return None


def _page(sql: str, values: list[object], asked: dict[str, str]) -> tuple[list[Any], dict[str, int]]:
    text = asked["page"]
    page = int(text) if text.isascii() and text.isdigit() and len(text) < 6 and int(text) > 0 else 1
    rows = box().store.rows(sql, *values, PAGE_ROWS + 1, (page - 1) * PAGE_ROWS)
    return rows[:PAGE_ROWS], {"now": page, "more": int(len(rows) > PAGE_ROWS)}


def _link(page: int) -> str:
    asked = {**request.args.to_dict(), "page": page}
    return url_for(request.endpoint or "calls.page", **asked)  # type: ignore[arg-type]  # names are query words


def _address(rid: Any) -> str:
    return url_for("calls.sound", rid=bytes(rid).hex())
