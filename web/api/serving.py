"""From a row of the table to a page: read what was asked, check it, run it, write the answer."""

import hashlib
import time
from collections.abc import Callable
from typing import Any, get_origin

import msgspec
from flask import Blueprint, Response, request
from flask_babel import gettext
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.wrappers import Response as AnyResponse

from appliance.refused import Refused
from web.api.door import check_scope
from web.api.endpoint import BLUEPRINT, Answer, Endpoint, Strict
from web.context import box, me

KEY_MAX = 100
KEPT_S = 86_400.0
"""How long the answer to a key is kept."""
PATH_MAX = 80
SEEN_CHARS = 32
_NO_TIME = "Invalid RFC3339"
"""How msgspec begins to tell that a time is none."""
_encode = msgspec.json.Encoder().encode


def invalid(at: str, detail: str) -> Refused:
    """The refusal of what is not of the form described."""
    refused = Refused("invalid", "This is not as the description says: %(detail)s", detail=detail)
    refused.at = at
    return refused


def blueprint(table: tuple[Endpoint, ...]) -> Blueprint:
    """Make the routes of a table of endpoints."""
    pages = Blueprint(BLUEPRINT, __name__)
    for endpoint in table:
        pages.add_url_rule(endpoint.rule, endpoint.name, _view(endpoint), methods=[endpoint.method])
    return pages


def _view(endpoint: Endpoint) -> Callable[..., AnyResponse]:
    def view(**places: str) -> AnyResponse:
        check_scope(endpoint.scope)
        asked: dict[str, Any] = {name: _place(name, text) for name, text in places.items()}
        asked |= {"query": _query(endpoint.query)} if endpoint.query else _nothing_asked()
        if endpoint.body:
            asked["body"] = _body(endpoint.body)
        if endpoint.stale:
            asked["seen"] = seen()
        key = request.headers.get("Idempotency-Key", "") if endpoint.once else ""
        return _once(endpoint, key, asked) if key else _run(endpoint, asked)

    view.__doc__ = endpoint.en
    return view


def _run(endpoint: Endpoint, asked: dict[str, Any]) -> AnyResponse:
    found = endpoint.run(**asked)
    return found if isinstance(found, AnyResponse) else _written(endpoint.status, _encode(found), found)


def _once(endpoint: Endpoint, key: str, asked: dict[str, Any]) -> AnyResponse:
    """Do it once, and answer the same to whoever asks again under the same key."""
    if len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        raise invalid("Idempotency-Key", f"1 to {KEY_MAX} letters and digits")
    store, owner = box().store, me().number
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.get_data()).hexdigest()
    with store.transaction():
        rows = store.rows("SELECT asked, status, body FROM answered WHERE owner = ? AND key = ?", owner, key)
        if rows and rows[0][0] != digest:
            raise Refused("key_used", "This key was used for something else; choose a new one.")
        if rows:
            answer = _written(rows[0][1], bytes(rows[0][2]), None)
            answer.headers["Idempotent-Replayed"] = "true"
            return answer
        found = endpoint.run(**asked)
        body = _encode(found)
        store.execute("DELETE FROM answered WHERE at_s < ?", time.time() - KEPT_S)
        store.execute(
            "INSERT INTO answered (owner, key, asked, status, body, at_s) VALUES (?, ?, ?, ?, ?, ?)",
            *(owner, key, digest, endpoint.status, body, time.time()),
        )
    return _written(endpoint.status, body, found)


def _written(status: int, body: bytes, found: Answer | None) -> Response:
    answer = Response(body, status, mimetype="application/json")
    mark = getattr(found, "seen", "")
    if mark:
        answer.set_etag(mark)
    return answer


def seen() -> bytes | None:
    """Return what the asker had seen of the ticket, from If-Match."""
    text = request.headers.get("If-Match", "").strip()
    if not text or text == "*":
        return None
    plain = text.removeprefix("W/").strip('"')
    try:
        found = bytes.fromhex(plain)
    except ValueError:
        found = b""
    if len(found) != SEEN_CHARS // 2:
        raise invalid("If-Match", gettext("the `seen` of what you looked at, in quotation marks"))
    return found


def _place(name: str, text: str) -> str:
    if len(text) > PATH_MAX or not text.isprintable():
        raise invalid(name, f"1 to {PATH_MAX} characters")
    return text


def _nothing_asked() -> dict[str, Any]:
    for name in request.args:
        raise invalid(name[:60], gettext("there is no such parameter"))
    return {}


def _query(kind: type[Strict]) -> Strict:
    """Read the parameters of the address."""
    several = {f.encode_name for f in msgspec.structs.fields(kind) if get_origin(f.type) is tuple}
    given: dict[str, Any] = {}
    for name, values in request.args.lists():
        if name not in several and len(values) > 1:
            raise invalid(name[:60], gettext("it may be there once"))
        given[name] = values if name in several else values[0]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None


def _body(kind: type[msgspec.Struct]) -> msgspec.Struct:
    """Read the JSON that came along."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("not_json", "What was sent is not JSON that can be read.") from None


def _invalid(error: msgspec.ValidationError) -> Refused:
    words, _, place = str(error).partition(" - at `")
    name = place.rstrip("`").removeprefix("$.")[:100]
    if words.startswith(_NO_TIME):
        words = gettext(
            "%(name)s is no time of the calendar; write it like 2027-03-31T09:30:00+08:00", name=name
        )
    return invalid(name, words[:200])
