"""The box itself, for technicians: lines, sound clock, units, peers and warnings."""

import shutil
from typing import Any

import msgspec
from flask import Blueprint, render_template

from web import shown
from web.context import Box, box

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
        peers=_peers(here),
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
        "peers": _peers(here),
        "disk": _disk(here),
        "jobs": _jobs(here),
        "streams": here.live.streams,
    }


def _peers(here: Box) -> list[dict[str, Any]]:
    columns = [
        "name",
        "site",
        "state",
        "reason",
        "seen_s",
        "out_seq",
        "acked",
        "in_seq",
        "out_epoch",
        "in_epoch",
    ]
    rows = here.store.rows(f"SELECT {', '.join(columns)} FROM peer ORDER BY name")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _disk(here: Box) -> dict[str, Any]:
    usage = shutil.disk_usage(here.places.data)
    return {"free_gb": round(usage.free / 1e9, 1), "used_percent": round(100 * usage.used / usage.total)}


def _jobs(here: Box) -> dict[str, int]:
    return dict(here.store.rows("SELECT state, count(*) FROM job GROUP BY state"))
