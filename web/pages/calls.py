"""Calls and recordings: looked up by number, day and agent, and listened to."""

import datetime
import re
import time
from typing import Any

from flask import Blueprint, Response, render_template, request, send_file, url_for
from werkzeug.exceptions import NotFound

from appliance.refused import Refused
from web import access
from web.context import box, me

PAGE_ROWS = 50
ID = re.compile(r"[0-9a-f]{32}")

pages = Blueprint("calls", __name__)


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
    where, values = _where(asked, "r.made_s", ("kind",))
    sql = (
        "SELECT r.rid, r.made_s, r.kind, r.seconds, r.size, r.sha256, r.site, c.caller, c.agent, p.name,"
        " (SELECT number FROM ticket t WHERE t.call = r.call ORDER BY tid LIMIT 1), r.reason"
        " FROM recording r LEFT JOIN call c ON c.cid = r.call LEFT JOIN person p ON p.number = c.agent"
        f" WHERE {where} ORDER BY r.made_s DESC LIMIT ? OFFSET ?"
    )
    rows, page = _page(sql, values, asked)
    return render_template("recordings.html", rows=rows, asked=asked, page=page, link=_link, rec=_address)


@pages.get("/recordings/<rid>.wav")
def sound(rid: str) -> Response:
    """Play a recording, whole or the range asked for; a unit hears only what belongs to its tickets."""
    if not ID.fullmatch(rid):
        raise NotFound
    rows = box().store.rows("SELECT path, site, call FROM recording WHERE rid = ?", bytes.fromhex(rid))
    if not rows:
        raise NotFound
    path, site, call = rows[0]
    person = me()
    if not person.has(*access.LISTENERS):
        _check_unit(bytes(call))
    folder = box().places.recordings.resolve()
    file = (folder / path).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise Refused(
            "unknown_ticket", "This recording is not on this box; it is kept at site %(site)s.", site=site
        )
    return send_file(file, mimetype="audio/wav", conditional=True, max_age=0, download_name=file.name)


def _check_unit(call: bytes) -> None:
    tickets = box().tickets
    if not any(tickets.may_see(me(), t) and not t.confidential for t in tickets.by_call(call)):
        raise Refused("other_unit", "This recording belongs to another unit's ticket, or is confidential.")


def _asked() -> dict[str, str]:
    names = ("number", "agent", "since", "until", "outcome", "kind", "page")
    return {name: request.args.get(name, "").strip()[:40] for name in names}


def _where(asked: dict[str, str], at: str, exact: tuple[str, ...]) -> tuple[str, list[object]]:
    where, values = ["1"], list[object]()
    if asked["number"]:
        where.append("c.caller LIKE ? ESCAPE '\\'")
        plain = asked["number"].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values.append(f"%{plain}%")
    if asked["agent"]:
        where.append("c.agent = ?")
        values.append(asked["agent"])
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
