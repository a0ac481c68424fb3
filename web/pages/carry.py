"""For a site without any line: the streams leave and enter the box in files that people carry."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Response, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from appliance.events import Fact
from appliance.refused import Refused
from appliance.store.outbox import HUB
from appliance.store.streams_view import streams
from appliance.words import N_
from web import shown
from web.context import box, me

FILE_MAX_MB = 100
UPLOAD_MAX = FILE_MAX_MB * 1024 * 1024 + 64 * 1024
MODULE = "sync.carry"
"""It belongs to sync, which no page loads: it runs as a process of its own."""
LIMIT_S = 240.0
NO_FILE = N_("Choose a file first.")
SLOW = N_("It takes too long on this page: use the command hotline carry.")
FELL_OVER = N_("It could not be done. The log of the pages says why.")

pages = Blueprint("carry", __name__, url_prefix="/box/carry")


@pages.get("")
def page() -> str:
    """Show whose keys are known, and offer what can be carried."""
    return _page()


@pages.get("/key")
def key() -> Response:
    """Hand out the key file of this box."""
    with tempfile.TemporaryDirectory() as folder:
        told = _carry("key", "--to", folder)
        path = Path(str(told["path"]))
        headers = {"Content-Disposition": f'attachment; filename="{path.name}"'}
        return Response(path.read_bytes(), mimetype="application/octet-stream", headers=headers)


@pages.post("/trust")
def trust() -> AnyResponse | tuple[str, int]:
    """Remember the key file of another box."""

    def do(path: Path) -> str:
        told = _carry("trust", str(path))
        _record("carry.trusted", told, ("peer", "fingerprint"))
        return str(gettext("The key of %(peer)s is known now: %(fingerprint)s", **told))

    return _brought(do)


@pages.post("/export")
def export() -> AnyResponse | tuple[str, int]:
    """Hand out a file for a peer."""
    peer = request.form.get("peer", HUB)[:20]
    more = ["--everything"] if request.form.get("everything") else []
    with tempfile.TemporaryDirectory(dir=box().places.data) as folder:
        try:
            told = _carry("export", "--to", folder, "--peer", peer, "--limit-mb", str(FILE_MAX_MB), *more)
        except Refused as refused:
            return _page(shown.sentence(refused)), 422
        _record("carry.exported", told, ("peer", "events", "left"))
        path = Path(str(told["path"]))
        return send_file(path.open("rb"), as_attachment=True, download_name=path.name)


@pages.post("/import")
def take() -> AnyResponse | tuple[str, int]:
    """Read a file another box made for this one."""

    def do(path: Path) -> str:
        told = _carry("import", str(path))
        _record("carry.imported", told, ("peer", "events", "confirmed"))
        if told["anew"]:
            flash(gettext("A box had lost its memory: carry once more in both directions."), "warn")
        said = gettext("%(events)s entries of %(peer)s were new; it has %(confirmed)s of ours.", **told)
        return str(said)

    return _brought(do)


def _brought(do: Any) -> AnyResponse | tuple[str, int]:
    """Do something with the file that was brought, and say what came of it."""
    file: FileStorage | None = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise Refused("no_file", NO_FILE)
        with tempfile.TemporaryDirectory(dir=box().places.data) as folder:
            path = Path(folder) / "brought"
            file.save(path)
            flash(do(path), "good")
    except Refused as refused:
        return _page(shown.sentence(refused)), 422
    return redirect(url_for("carry.page"))


def _carry(*arguments: str) -> Mapping[str, Any]:
    where = ["--data", str(box().places.data), "--site", str(box().store.site)]
    command = [sys.executable, "-m", MODULE, *where, "--json", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
        told: Mapping[str, Any] = msgspec.json.decode(done.stdout, type=dict[str, Any])
    except subprocess.TimeoutExpired as error:
        raise Refused("slow", SLOW) from error
    except msgspec.DecodeError as error:
        print(done.stderr.decode("utf-8", "replace"), file=sys.stderr)
        raise Refused("fell_over", FELL_OVER) from error
    if "refused" in told:
        word, sentence, values = told["refused"], told["sentence"], told["values"]
        raise Refused(word, sentence, **values)
    return told


def _record(kind: str, told: Mapping[str, Any], names: tuple[str, ...]) -> None:
    box().store.record(Fact(kind, {"by": me().number, **{name: told[name] for name in names}}, b""))


def _page(fault: str = "") -> str:
    here = box()
    names = [one.name for one in streams(here.store, 0)]
    told = _carry("key")
    return render_template(
        "carry.html",
        fault=fault,
        own=told,
        peers=names or ([HUB] if here.store.site else []),
        most=FILE_MAX_MB,
    )
