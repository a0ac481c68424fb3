"""The citizen phone: a demonstration's telephone in the browser, for whoever wants to call the hotline."""

import re
import secrets
from typing import Any

import msgspec
from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest, NotFound

from appliance.calls import wire
from appliance.refused import Refused
from web import shown
from web.context import box

PHONES = tuple(str(n) for n in range(1, 5))
"""The demonstration's citizen phones, as the call process names them."""
NUMBER = re.compile(r"\+?[0-9]{3,20}")
KEYS = (
    ("1", ""), ("2", "ABC"), ("3", "DEF"), ("4", "GHI"), ("5", "JKL"), ("6", "MNO"),
    ("7", "PQRS"), ("8", "TUV"), ("9", "WXYZ"), ("*", ""), ("0", "+"), ("#", ""),
)  # fmt: skip

pages = Blueprint("citizen", __name__, url_prefix="/phone")


@pages.before_request
def demo_only() -> None:
    """A box in service has no such page."""
    if not box().demo:
        raise NotFound


@pages.get("")
def page() -> str:
    """Show the phone."""
    caller = f"139{secrets.randbelow(10**8):08d}"
    return render_template("phone.html", keypad=KEYS, caller=caller, numbers=box().configuration.site.numbers)


@pages.post("/dial")
def dial() -> dict[str, Any]:
    """Call the hotline with the first phone that is free."""
    caller, called = _text("caller"), _text("called")
    if not NUMBER.fullmatch(caller) or not NUMBER.fullmatch(called):
        raise Refused("bad_number", str(shown.CALL_REASONS["bad_number"]))
    taken = {line.name for line in box().calls.board.lines if line.state == "busy"}
    phone = next((phone for phone in PHONES if f"citizen/{phone}" not in taken), PHONES[0])
    reply = box().calls.order(wire.CitizenDial(phone, caller, called))
    if not reply.ok:
        raise Refused(reply.reason, str(shown.CALL_REASONS.get(reply.reason, reply.reason)))
    return {**reply.data, "phone": phone}


@pages.post("/key")
def key() -> dict[str, Any]:
    """Press a key during the call."""
    pressed = _text("key")
    if pressed not in dict(KEYS):
        raise BadRequest
    return {"ok": box().calls.order(wire.CitizenKey(_phone(), pressed)).ok}


@pages.post("/hang-up")
def hang_up() -> dict[str, Any]:
    """Put the phone down."""
    return {"ok": box().calls.order(wire.CitizenHangUp(_phone())).ok}


@pages.get("/state")
def state() -> dict[str, Any]:
    """Tell how the call from this number does; null when there is none."""
    caller = request.args.get("caller", "")
    link = box().calls
    call = next((c for c in link.board.calls if c.caller == caller and c.state != "ended"), None)
    position = 0
    if call is not None and call.state in ("queued", "offered"):
        position = sum(
            1
            for c in link.board.calls
            if c.queue == call.queue and 0 < c.queued_s <= call.queued_s and c.state != "talking"
        )
    return {"call": msgspec.to_builtins(call) if call else None, "position": position, "up": link.up}


def _phone() -> str:
    phone = _text("phone")
    if phone not in PHONES:
        raise BadRequest
    return phone


def _text(name: str) -> str:
    body = request.get_json(silent=True)
    value = body.get(name, "") if isinstance(body, dict) else ""
    return value[:32] if isinstance(value, str) else ""
