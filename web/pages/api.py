"""What other programs ask the box."""

from importlib.metadata import version
from typing import Any

from flask import Blueprint
from peewee import PeeweeException

from web.context import box

pages = Blueprint("api", __name__, url_prefix="/api")


@pages.get("/health")
def health() -> tuple[dict[str, Any], int]:
    """Tell whether pages, database, call process and sound are there; 503 when pages cannot work."""
    here = box()
    try:
        here.store.rows("SELECT 1 FROM setting LIMIT 1")
        database = True
    except PeeweeException:
        database = False
    media = here.calls.board.media
    found = {
        "ok": database and here.calls.up and media.up,
        "web": True,
        "database": database,
        "calls": here.calls.up,
        "media": media.up,
        "late_ticks": media.late,
        "site": here.configuration.site.number,
        "version": version("hotline-box"),
    }
    return found, 200 if database else 503
