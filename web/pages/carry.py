"""For a site without any line: the streams leave and enter the box in files that people carry."""

import re
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
from web import carry_pack, shown
from web.context import box, me

FILE_MAX_MB = 100
FILES_MAX_MB = 400
"""Recordings and other files beside it; more goes by the command."""
FILES_MB = 300
UPLOAD_MAX = (FILE_MAX_MB + FILES_MAX_MB + 20) * 1024 * 1024
MODULE = "sync.carry"
"""It belongs to sync, which no page loads: it runs as a process of its own."""
LIMIT_S = 240.0
NO_FILE = N_("Choose a file first.")
SLOW = N_("It takes too long on this page: use the command hotline carry.")
FELL_OVER = N_("It could not be done. The log of the pages says why.")
NO_ROOM = N_("This box has no room for the file: free some of its disk, then bring it again.")
WHAT_CAME = ("peer", "events", "confirmed", "files", "files_left", "files_damaged")
WHAT_WENT = ("peer", "events", "left", "files", "files_left", "files_damaged")

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
    form = request.form
    more = ["--everything"] if form.get("everything") else []
    folder = tempfile.TemporaryDirectory(dir=box().places.data)
    try:
        files_mb = _files_mb(form.get("files_mb", "0"))
        limits = ("--limit-mb", str(FILE_MAX_MB), "--files-mb", str(files_mb))
        told = _carry("export", "--to", folder.name, "--peer", form.get("peer", HUB)[:20], *limits, *more)
        _record("carry.exported", told, WHAT_WENT)
        answer = _handed(Path(str(told["path"])), bool(files_mb))
    except Refused as refused:
        folder.cleanup()
        return _page(shown.sentence(refused)), 422
    answer.call_on_close(folder.cleanup)
    return answer


def _handed(path: Path, with_files: bool) -> Response:
    """The stream's file, or a ZIP of it and what lies beside it."""
    if not with_files:
        return send_file(path.open("rb"), as_attachment=True, download_name=path.name)
    headers = {"Content-Disposition": f'attachment; filename="{path.stem}.zip"'}
    return Response(carry_pack.packed(path.parent), mimetype="application/zip", headers=headers)


def _files_mb(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text.strip()) or int(text) > FILES_MAX_MB:
        raise Refused("bad_files", "Write a number of MB from 0 to %(most)s.", most=FILES_MAX_MB)
    return int(text)


@pages.post("/import")
def take() -> AnyResponse | tuple[str, int]:
    """Read a file another box made for this one."""

    def do(path: Path) -> str:
        stream = carry_pack.unpacked(path, path.parent / "pack") if carry_pack.is_pack(path) else path
        told = _carry("import", str(stream))
        _record("carry.imported", told, WHAT_CAME)
        if told["anew"]:
            flash(gettext("A box had lost its memory: carry once more in both directions."), "warn")
        _tell_files(told)
        said = gettext("%(events)s entries of %(peer)s were new; it has %(confirmed)s of ours.", **told)
        return str(said)

    return _brought(do)


def _tell_files(told: Mapping[str, Any]) -> None:
    if told["files"] or told["files_spare"]:
        words = gettext(
            "%(files)s files were new, %(files_spare)s were here already or are not needed.", **told
        )
        flash(words, "good")
    if told["files_left"]:
        words = gettext(
            "%(files_left)s files have no room on this box: free some of its disk, then read it again.",
            **told,
        )
        flash(words, "warn")
    if told["files_damaged"]:
        flash(
            gettext("%(files_damaged)s files are damaged; they come anew with the next trip.", **told), "warn"
        )


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
    except OSError as error:
        print(f"carry: {error}", file=sys.stderr)
        return _page(gettext(NO_ROOM)), 422
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
        files_most=FILES_MAX_MB,
        files_mb=FILES_MB,
    )
