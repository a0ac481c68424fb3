"""What other programs ask the box: the API described for programs and for people, and how it does."""

from importlib.metadata import version
from typing import Any

from flask import Blueprint, Response, render_template
from peewee import PeeweeException

from web.api.description import document
from web.api.manual import chapters
from web.context import box

pages = Blueprint("api", __name__, url_prefix="/api")


@pages.get("/v1/openapi.json")
def description() -> dict[str, Any]:
    """Describe the API for programs (OpenAPI 3.1)."""
    from web.api.table import TABLE  # its handlers use pages

    return document(TABLE)


@pages.get("/docs")
def docs() -> Response | str:
    """Describe the API for people."""
    from web.api.table import TABLE  # its handlers use pages

    return render_template("api.html", chapters=chapters(TABLE))


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
