"""The box itself, for technicians: lines, sound clock, units, peers and warnings."""

import shutil
import time
from typing import Any

import msgspec
from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext
from werkzeug.exceptions import BadRequest

from appliance.events import Fact
from appliance.store.alarms import alarms
from appliance.store.quarantine import listed
from appliance.store.streams_view import streams
from web import shown
from web.context import Box, box, me
from web.hub import STATES

DOES = {
    "media": lazy_gettext("all sound"),
    "calls": lazy_gettext("lines, queue, seats"),
    "store": lazy_gettext("database, jobs, SMS"),
    "web": lazy_gettext("these pages"),
    "sync": lazy_gettext("hub and other sites"),
    "modem": lazy_gettext("the demo's modem"),
}
PROCESS_STATES = {
    "running": ("good", lazy_gettext("running")),
    "starting": ("warn", lazy_gettext("starting")),
    "stopping": ("warn", lazy_gettext("stopping")),
    "stopped": ("bad", lazy_gettext("stopped")),
}

pages = Blueprint("box", __name__, url_prefix="/box")


@pages.get("")
def page() -> str:
    """Show how the box does."""
    here = box()
    board = here.calls.board
    busy = [line for line in board.lines if line.state != "idle"]
    return render_template(
        "box.html",
        board=board,
        calls_up=here.calls_there,
        is_hub=here.is_hub,
        lines=sorted(board.lines, key=lambda line: (line.state == "idle", line.name)),
        busy=len(busy),
        peers=streams(here.store, time.time()),
        peer_states=STATES,
        disk=_disk(here),
        quarantined=listed(here.store),
        alarms=alarms(here.store),
        jobs=_jobs(here),
        streams=here.live.streams,
        events=here.store.rows("SELECT coalesce(max(pos), 0) FROM event")[0][0],
        seat_states=shown.SEAT_STATES,
        processes=here.processes.look(),
        process_states=PROCESS_STATES,
        does=DOES,
    )


@pages.post("/unit")
def unit() -> dict[str, Any]:
    """Start, stop or restart a process of the box; written into the log before it is done."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest
    do, name = (str(body.get(key, ""))[:32] for key in ("do", "unit"))
    box().processes.check(do, name)
    box().store.record(Fact("unit.ordered", {"unit": name, "do": do, "by": me().number}, b""))
    box().processes.order(do, name)
    return {"ok": True}


@pages.get("/state")
def state() -> dict[str, Any]:
    """Give the same to scripts."""
    here = box()
    return {
        "calls_up": here.calls.up,
        "processes": msgspec.to_builtins(here.processes.look()),
        "board": msgspec.to_builtins(here.calls.board),
        "peers": msgspec.to_builtins(streams(here.store, time.time())),
        "alarms": alarms(here.store),
        "disk": _disk(here),
        "jobs": _jobs(here),
        "streams": here.live.streams,
    }


def _disk(here: Box) -> dict[str, Any]:
    usage = shutil.disk_usage(here.places.data)
    return {"free_gb": round(usage.free / 1e9, 1), "used_percent": round(100 * usage.used / usage.total)}


def _jobs(here: Box) -> dict[str, int]:
    return dict(here.store.rows("SELECT state, count(*) FROM job GROUP BY state"))
