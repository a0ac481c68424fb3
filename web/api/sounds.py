"""Calls and recordings over the API, with the rights and the log of the pages."""

import datetime
from typing import Annotated, Any, Literal

from flask import Response, send_file
from msgspec import Meta
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from appliance.recordings import by_hand, holds, mp3
from web import hearing, lookup, shown, taped
from web.api import shapes, sight
from web.api.door import bearer, lacks
from web.api.endpoint import Answer, Strict
from web.context import box, me
from web.pages.calls import CONFIDENTIAL

_CALLS = (
    "SELECT c.cid, c.started_s, c.direction, c.line, c.caller, c.called, c.queue, c.agent, c.outcome,"
    f" c.cause, c.queued_s, c.answered_s, c.ended_s, c.rating, {CONFIDENTIAL}"
    " FROM call c WHERE c.cid IN ({marks}) ORDER BY c.started_s DESC, c.cid DESC"
)
_RECORDINGS = (
    "SELECT r.rid, r.call, r.kind, r.seconds, r.size, r.sha256, r.site, r.made_s, r.held, r.archived_s,"
    " r.removed_s, coalesce(r.rolling, 0), coalesce(r.note, ''), coalesce(c.agent, ''),"
    f" {CONFIDENTIAL} OR EXISTS (SELECT 1 FROM ticket t WHERE t.tid = r.ticket AND t.confidential = 1)"
    " FROM recording r LEFT JOIN call c ON c.cid = r.call WHERE r.rid IN ({marks})"
    " ORDER BY r.made_s DESC, r.rid DESC"
)
_TICKETS = "SELECT number FROM ticket WHERE call = ? ORDER BY tid LIMIT 20"
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class CallSearch(Strict, frozen=True):
    """What calls are wanted."""

    number: shapes.Word = ""
    agent: shapes.Word = ""
    queue: shapes.Word = ""
    outcome: shapes.Word = ""
    ticket: shapes.Word = ""
    since: datetime.date | None = None
    until: datetime.date | None = None
    rows: shapes.Rows = 50
    after: shapes.Cursor = ""


class RecordingSearch(Strict, frozen=True):
    """What recordings are wanted."""

    number: shapes.Word = ""
    agent: shapes.Word = ""
    queue: shapes.Word = ""
    outcome: shapes.Word = ""
    ticket: shapes.Word = ""
    kind: Literal["", "call", "message"] = ""
    since: datetime.date | None = None
    until: datetime.date | None = None
    rows: shapes.Rows = 50
    after: shapes.Cursor = ""


class Call(Answer, frozen=True):
    """A call."""

    id: str
    started_at: shapes.At
    direction: str
    line: str
    caller: str
    called: str
    queue: str
    agent: str
    outcome: str
    cause: int | None
    queued_at: shapes.At | None
    answered_at: shapes.At | None
    ended_at: shapes.At | None
    rating: int | None
    tickets: list[str]


class Calls(Answer, frozen=True):
    """A page of calls, newest first."""

    calls: list[Call]
    next: str | None


class Recording(Answer, frozen=True):
    """What is known of a recording; its sound is at /recordings/{id}/sound."""

    id: str
    call: str
    kind: str
    seconds: float
    size: int
    sha256: str
    site: int
    made_at: shapes.At
    held: str | None
    archived_at: shapes.At | None
    removed_at: shapes.At | None
    rolling: bool
    note: str
    agent: str
    may_hear: bool


class Recordings(Answer, frozen=True):
    """A page of recordings, newest first."""

    recordings: list[Recording]
    next: str | None


class Past(Answer, frozen=True):
    """One line of what became of a recording."""

    at: str
    what: str
    who: str
    why: str


class History(Answer, frozen=True):
    """What became of a recording, and who heard it."""

    steps: list[Past]


class Hold(Strict, frozen=True):
    """A legal hold, or its end."""

    do: Literal["hold", "release"]
    reason: Annotated[str, Meta(min_length=1, max_length=holds.REASON_MAX)]


class Words(Strict, frozen=True):
    """What is said about a recording; nothing takes it back."""

    text: Annotated[str, Meta(max_length=by_hand.NOTE_MAX)]


class Linked(Strict, frozen=True):
    """The ticket it belongs to besides that of its call; empty takes the link back."""

    ticket: Annotated[str, Meta(max_length=40)]


class Reason(Strict, frozen=True):
    """Why."""

    reason: Annotated[str, Meta(min_length=1, max_length=holds.REASON_MAX)]


def calls(query: CallSearch) -> Calls:
    """Find calls."""
    page = lookup.page(lookup.CALLS, _asked(query), query.rows)
    rows = box().store.rows(_CALLS.format(marks=", ".join("?" * len(page.ids))), *page.ids)
    return Calls([_call(row) for row in rows], page.older or None)


def call(call: str) -> Call:
    """Tell one call."""
    rows = box().store.rows(_CALLS.format(marks="?"), _id(call))
    if not rows:
        raise NotFound
    return _call(rows[0])


def recordings(query: RecordingSearch) -> Recordings:
    """Find recordings."""
    page = lookup.page(lookup.RECORDINGS, _asked(query), query.rows)
    rows = box().store.rows(_RECORDINGS.format(marks=", ".join("?" * len(page.ids))), *page.ids)
    return Recordings([_recording(row) for row in rows], page.older or None)


def recording(recording: str) -> Recording:
    """Tell one recording."""
    rows = box().store.rows(_RECORDINGS.format(marks="?"), _id(recording))
    if not rows:
        raise NotFound
    return _recording(rows[0])


def sound(recording: str) -> Response:
    """Give the sound; it is written down as a download."""
    file = hearing.recording(_id(recording), hearing.DOWNLOAD)
    kind = mp3_kind if file.name.endswith(mp3.SUFFIX) else wav_kind
    return send_file(file, mimetype=kind, conditional=True, max_age=0)


def history(recording: str) -> History:
    """Tell what became of a recording."""
    rows = box().store.rows("SELECT call FROM recording WHERE rid = ?", _id(recording))
    if not rows:
        raise NotFound
    steps = taped.steps(box().store.history(bytes(rows[0][0])), recording)
    return History([Past(**{name: str(text) for name, text in step.items()}) for step in steps])


def hold(recording: str, body: Hold) -> Recording:
    """Put a recording under legal hold, or release it."""
    do = holds.hold if body.do == "hold" else holds.release
    do(box().store, _hex(recording), _by(), body.reason)
    return _again(recording)


def keep(recording: str) -> Recording:
    """Keep a rolling recording for as long as others."""
    by_hand.keep(box().store, _hex(recording), _by())
    return _again(recording)


def note(recording: str, body: Words) -> Recording:
    """Say something about a recording that one may hear."""
    hearing.allowed(_id(recording))
    by_hand.note(box().store, recording, _by(), body.text)
    return _again(recording)


def link(recording: str, body: Linked) -> Recording:
    """Link a recording that one may hear to a ticket."""
    hearing.allowed(_id(recording))
    by_hand.link(box().store, box().tickets, recording, _by(), body.ticket)
    return _again(recording)


def remove(recording: str, body: Reason) -> Recording:
    """Remove a recording before its time."""
    by_hand.remove(box().store, _hex(recording), _by(), body.reason)
    return _again(recording)


_again = recording
wav_kind = "audio/wav"
mp3_kind = "audio/mpeg"


def _by() -> str:
    """Who did it, for the log: a person with the token it was done by."""
    asks = bearer()
    return f"{me().number} api.{asks.token.name}" if asks and asks.token.person else me().number


def _asked(query: CallSearch | RecordingSearch) -> dict[str, str]:
    if query.number and not sight.knows_citizens():
        raise lacks("citizens:read")
    given = {name: str(getattr(query, name) or "") for name in query.__struct_fields__ if name != "rows"}
    given["before"] = given.pop("after")
    return lookup.asked(MultiDict(given))


def _call(row: Any) -> Call:
    cid, started_s, way, line, caller, called, queue, agent, outcome, cause, *rest = row
    queued_s, answered_s, ended_s, rating, confidential = rest
    clear = sight.knows_citizens() and hearing.may_hear(me(), bool(confidential), agent)
    inwards = way == "in"
    return Call(
        bytes(cid).hex(),
        shapes.sure(started_s),
        way,
        line,
        caller if clear or not inwards else shown.masked(caller),
        called if clear or inwards else shown.masked(called),
        queue,
        agent,
        outcome,
        cause,
        shapes.at(queued_s),
        shapes.at(answered_s),
        shapes.at(ended_s),
        rating,
        [number for (number,) in box().store.rows(_TICKETS, cid)],
    )


def _recording(row: Any) -> Recording:
    rid, call, kind, seconds, size, sha256, site, made_s, held, archived_s, removed_s, *rest = row
    rolling, note, agent, confidential = rest
    heard = hearing.may_hear(me(), bool(confidential), agent) and removed_s is None
    return Recording(
        bytes(rid).hex(),
        bytes(call).hex(),
        kind,
        seconds,
        size,
        sha256,
        site,
        shapes.sure(made_s),
        held,
        shapes.at(archived_s),
        shapes.at(removed_s),
        bool(rolling),
        note,
        agent,
        heard,
    )


def _hex(text: str) -> str:
    if not shapes.ID.fullmatch(text):
        raise NotFound
    return text


def _id(text: str) -> bytes:
    return bytes.fromhex(_hex(text))
