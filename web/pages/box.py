"""The box itself, for technicians: lines, sound clock, units, peers and warnings."""

import shutil
import time
from typing import Any

import msgspec
from flask import Blueprint, render_template

from appliance.store.streams_view import streams
from web import shown
from web.context import Box, box
from web.hub import STATES

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
        calls_up=here.calls.up,
        lines=sorted(board.lines, key=lambda line: (line.state == "idle", line.name)),
        busy=len(busy),
        peers=streams(here.store, time.time()),
        peer_states=STATES,
        disk=_disk(here),
        quarantined=here.store.rows(
            "SELECT hex(eid), reason, at_s FROM quarantine ORDER BY at_s DESC LIMIT 10"
        ),
        jobs=_jobs(here),
        streams=here.live.streams,
        events=here.store.rows("SELECT coalesce(max(pos), 0) FROM event")[0][0],
        seat_states=shown.SEAT_STATES,
    )


@pages.get("/state")
def state() -> dict[str, Any]:
    """Give the same to scripts."""
    here = box()
    return {
        "calls_up": here.calls.up,
        "board": msgspec.to_builtins(here.calls.board),
        "peers": msgspec.to_builtins(streams(here.store, time.time())),
        "disk": _disk(here),
        "jobs": _jobs(here),
        "streams": here.live.streams,
    }


def _disk(here: Box) -> dict[str, Any]:
    usage = shutil.disk_usage(here.places.data)
    return {"free_gb": round(usage.free / 1e9, 1), "used_percent": round(100 * usage.used / usage.total)}


def _jobs(here: Box) -> dict[str, int]:
    return dict(here.store.rows("SELECT state, count(*) FROM job GROUP BY state"))
