"""Recordings: looked up, listened to, held, and taken away; who heard which is seen here too."""

import re
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, send_file, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from appliance.recordings import by_hand, holds, package, selection, waveform
from appliance.recordings.archive import is_mp3
from appliance.refused import Refused
from web import access, hearing, lookup, taped
from web.context import box, may_open, me
from web.pages.calls import CONFIDENTIAL, address, link, queue_titles
from web.shown import masked

ID = re.compile(r"[0-9a-f]{32}")
EXPORTS_AT_ONCE = 2
PARTS_MB = (0, 7, 15, 36, 650, 4400)
"""How large a part of an export may be: what a mail takes once it is coded, a CD, a DVD."""
_ROWS = (
    "SELECT r.rid, r.made_s, r.kind, r.seconds, r.sha256, r.site, r.held, r.held_by, r.archived_s,"
    " r.removed_s, r.removed_why, coalesce(r.rolling, 0), r.reason, coalesce(c.caller, ''),"
    " coalesce(c.agent, ''), coalesce(p.name, ''), coalesce(c.queue, ''), coalesce(c.outcome, ''),"
    " coalesce(c.direction, ''),"
    " coalesce((SELECT number FROM ticket t WHERE t.call = r.call ORDER BY tid LIMIT 1), ''),"
    " coalesce((SELECT number FROM ticket t WHERE t.tid = r.ticket), ''), coalesce(r.note, ''),"
    f" {CONFIDENTIAL} OR EXISTS (SELECT 1 FROM ticket t WHERE t.tid = r.ticket AND t.confidential = 1)"
    " FROM recording r LEFT JOIN call c ON c.cid = r.call"
    " LEFT JOIN person p ON p.number = c.agent WHERE r.rid IN ({marks})"
    " ORDER BY r.made_s DESC, r.rid DESC"
)

pages = Blueprint("recordings", __name__)
_exporting = threading.BoundedSemaphore(EXPORTS_AT_ONCE)
"""An export keeps one thread of the pages busy as long as it lasts."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One recording as the list shows it."""

    rid: str
    made_s: float
    kind: str
    seconds: float
    sha256: str
    site: int
    held: str | None
    held_by: str | None
    archived_s: float | None
    removed_s: float | None
    removed_why: str | None
    rolling: bool
    reason: str
    caller: str
    agent: str
    name: str
    queue: str
    outcome: str
    direction: str
    ticket: str
    linked: str
    """The number of a ticket it was linked to by hand."""
    note: str
    heard: bool
    """Whether this person may hear it."""


@pages.get("/recordings")
def page() -> str:
    """List recordings, newest first."""
    asked = lookup.asked(request.args)
    found = lookup.page(lookup.RECORDINGS, asked)
    rows = box().store.rows(_ROWS.format(marks=", ".join("?" * len(found.ids))), *found.ids)
    return render_template(
        "recordings.html",
        rows=[_listed(row) for row in rows],
        asked=asked,
        kept=lookup.filled(asked, "before", "after"),
        page=found,
        link=link,
        rec=address,
        titles=queue_titles(),
        may_hold=me().has(*access.KEEPERS),
        may_remove=may_open("recordings.remove"),
        may_look=may_open("recordings.history"),
        today=time.strftime("%Y-%m-%d"),
        rules=taped.rules(box().configuration),
        parts=PARTS_MB,
    )


@pages.get("/recordings/<rid>.wav")
def sound(rid: str) -> Response:
    """Play a recording, whole or the range asked for; a unit hears only what belongs to its tickets."""
    download = "download" in request.args
    file = hearing.recording(_id(rid), hearing.DOWNLOAD if download else hearing.LISTEN)
    kind = "audio/mpeg" if is_mp3(file) else "audio/wav"
    name = file.name if file.suffix else f"{rid}.{'mp3' if is_mp3(file) else 'wav'}"
    return send_file(
        file, mimetype=kind, conditional=True, max_age=0, as_attachment=download, download_name=name
    )


@pages.get("/recordings/<rid>/way")
def way(rid: str) -> Response:
    """Tell whether a recording that was asked for is here by now, and how far it has come."""
    standing = hearing.standing(_id(rid))
    return jsonify(here=standing.here, percent=standing.percent, sentence=standing.sentence)


@pages.get("/recordings/<rid>/wave")
def wave(rid: str) -> Response:
    """Tell the picture of a recording: loudness of both sides from 0 to 255, and what happened when."""
    file, call = hearing.allowed(_id(rid))
    made_s, began_s, seconds = box().store.rows(
        "SELECT made_s, began_s, seconds FROM recording WHERE rid = ?", _id(rid)
    )[0]
    try:
        left, right = waveform.peaks(file)
    except (OSError, ValueError):
        raise NotFound from None
    found = waveform.marks(box().store.history(call), began_s or made_s - seconds, seconds)
    return jsonify(
        seconds=seconds,
        left=list(left),
        right=list(right),
        marks=[{"at_s": mark.at_s, "to_s": mark.to_s, "what": mark.what, "who": mark.who} for mark in found],
    )


@pages.get("/recordings/<rid>/history")
def history(rid: str) -> Response:
    """Tell what became of a recording, and who heard it when."""
    rows = box().store.rows("SELECT call FROM recording WHERE rid = ?", _id(rid))
    if not rows:
        raise NotFound
    return jsonify(steps=taped.steps(box().store.history(bytes(rows[0][0])), rid))


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
    return _back()


@pages.post("/recordings/<rid>/keep")
def keep(rid: str) -> AnyResponse:
    """Keep a rolling recording for as long as others."""
    by_hand.keep(box().store, rid, me().number)
    flash(gettext("The recording is kept for as long as others."), "good")
    return _back()


@pages.post("/recordings/<rid>/note")
def note(rid: str) -> AnyResponse:
    """Say something about a recording that one may hear."""
    hearing.permitted(_id(rid))
    by_hand.note(box().store, rid, me().number, request.form.get("text", ""))
    return _back()


@pages.post("/recordings/<rid>/link")
def link_ticket(rid: str) -> AnyResponse:
    """Link a recording that one may hear to a ticket, or take the link back."""
    hearing.permitted(_id(rid))
    by_hand.link(box().store, box().tickets, rid, me().number, request.form.get("to", ""))
    return _back()


@pages.post("/recordings/<rid>/remove")
def remove(rid: str) -> AnyResponse:
    """Remove a recording before its time."""
    by_hand.remove(box().store, rid, me().number, request.form.get("reason", ""))
    flash(gettext("The recording is removed; its line in the list stays."), "good")
    return _back()


@pages.post("/recordings/export")
def export() -> Response | str:
    """Send what was searched for as a ZIP, piece by piece; or list the parts it is split into."""
    form = request.form
    asked, most = lookup.asked(form), form.get("most_mb", "")
    most_mb = int(most) if most in map(str, PARTS_MB) else 0
    if day := form.get("day", "")[:10]:
        title, rids = selection.of_day(box().store, day)
    else:
        title, rids, asked = _searched(asked)
    parts = package.plan(box().store, hearing.sounds(), title, rids, most_mb * 1_000_000)
    nth = form.get("part", "1" if len(parts) == 1 else "")
    if not nth:
        again = {**lookup.filled(asked), "day": day, "most_mb": str(most_mb)}
        return render_template("export.html", parts=parts, again=again, title=title)
    if not (nth.isascii() and nth.isdigit() and 0 < int(nth) <= len(parts)):
        raise NotFound
    return _send(parts[int(nth) - 1])


def _searched(asked: dict[str, str]) -> tuple[str, list[bytes], dict[str, str]]:
    """What an export of a search holds; asked for again, it holds nothing newer."""
    rids = lookup.everything(lookup.RECORDINGS, asked, selection.MOST)
    rows = selection.rows_of(box().store, rids[-1:])
    if not rows:
        raise Refused("nothing", "There are no recordings like this.")
    newest_s = float(rows[0][1])
    title = time.strftime("%Y-%m-%d-%H%M%S", time.localtime(newest_s))
    return title, rids, {**asked, "before": lookup.behind(newest_s)}


def _send(order: package.Order) -> Response:
    if not _exporting.acquire(blocking=False):
        raise Refused("changed", "Other exports are going on. Try again when they have ended.")
    try:
        package.begun(box().store, order, me().number)
        answer = Response(order.pieces(), mimetype="application/zip")
    except BaseException:
        _exporting.release()
        raise
    answer.call_on_close(_exporting.release)
    answer.headers["Content-Disposition"] = f'attachment; filename="{order.name}"'
    return answer


def _listed(row: Any) -> Listed:
    """A row as this person may see it: of a confidential ticket's call neither number nor sound."""
    rid, *seen, confidential = row
    listed = Listed(bytes(rid).hex(), *[*seen, True])
    if hearing.may_hear(me(), bool(confidential), listed.agent):
        return listed
    return replace(listed, caller=masked(listed.caller), heard=False)


def _back() -> AnyResponse:
    asked = lookup.filled(lookup.asked(request.form))
    return redirect(url_for("recordings.page", **asked))  # type: ignore[arg-type]  # names are query words


def _id(rid: str) -> bytes:
    if not ID.fullmatch(rid):
        raise NotFound
    return bytes.fromhex(rid)
