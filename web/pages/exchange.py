"""Settings leave and enter the box as files; an import is shown row by row before it is done."""

import base64
import hashlib
import time
from collections.abc import Mapping

import msgspec
from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from appliance.dictionary.files import FILE_MAX, exported_all, unpacked, zipped
from appliance.dictionary.importing import Preview, carry_out, preview
from appliance.dictionary.kind import Column, Value
from appliance.dictionary.kinds import KINDS
from appliance.dictionary.starter import starter_files
from appliance.dictionary.values import shown as written
from appliance.refused import Refused
from web import entry_form, shown
from web.context import box, me
from web.pages.settings import side
from web.staffing import tell_calls

UPLOAD_MAX = FILE_MAX + 64 * 1024
KEPT_AS = "settings:import"
ROWS_SHOWN = 500

pages = Blueprint("exchange", __name__, url_prefix="/settings/files")


@pages.get("")
def page() -> str:
    """Offer the export, and ask for files to import."""
    return _page()


@pages.get("/all.zip")
def everything() -> Response:
    """Hand all settings out in one zip."""
    headers = {"Content-Disposition": f'attachment; filename="settings-{time.strftime("%Y%m%d")}.zip"'}
    return Response(zipped(exported_all(box().dictionary)), mimetype="application/zip", headers=headers)


@pages.post("")
def upload() -> str | tuple[str, int]:
    """Show what an import of the files would do; they are kept until it is done or others are brought."""
    try:
        files = dict(starter_files()) if request.form.get("starter") else _brought()
    except Refused as refused:
        return _page(fault=shown.sentence(refused)), 422
    digest = _keep(files)
    return _page(preview(box().dictionary, me(), files), digest)


@pages.post("/do")
def carry_files() -> AnyResponse | tuple[str, int]:
    """Import what was shown, all of it or nothing."""
    files, digest = _kept()
    if not files or digest != request.form.get("digest"):
        raise Refused("changed", "These files are not there any more. Bring them again.")
    try:
        done = carry_out(box().dictionary, me(), files)
    except Refused as refused:
        return _page(preview(box().dictionary, me(), files), digest, shown.sentence(refused)), 422
    tell_calls()
    with box().store.transaction():
        box().store.execute("DELETE FROM draft WHERE owner = ? AND form = ?", me().number, KEPT_AS)
    flash(gettext("%(count)s entries were imported.", count=len(done.differences)), "good")
    return redirect(url_for("exchange.page"))


def _brought() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for file in request.files.getlist("files")[:50]:
        if file.filename:
            files |= unpacked(file.filename[-120:], file.stream.read(FILE_MAX + 1))
    if not files:
        raise Refused("no_files", "There is no file of settings in it.")
    return files


def _keep(files: Mapping[str, bytes]) -> str:
    body = msgspec.json.encode({name: base64.b64encode(data).decode() for name, data in files.items()})
    with box().store.transaction():
        box().store.execute(
            "INSERT INTO draft (owner, form, body, saved_s) VALUES (?, ?, ?, ?) ON CONFLICT (owner, form)"
            " DO UPDATE SET body = excluded.body, saved_s = excluded.saved_s",
            *(me().number, KEPT_AS, body.decode(), time.time()),
        )
    return hashlib.sha256(body).hexdigest()


def _kept() -> tuple[dict[str, bytes], str]:
    rows = box().store.rows("SELECT body FROM draft WHERE owner = ? AND form = ?", me().number, KEPT_AS)
    if not rows:
        return {}, ""
    body = str(rows[0][0]).encode()
    kept = msgspec.json.decode(body, type=dict[str, str])
    return {name: base64.b64decode(data) for name, data in kept.items()}, hashlib.sha256(body).hexdigest()


def _page(found: Preview | None = None, digest: str = "", fault: str = "") -> str:
    return render_template(
        "settings/exchange.html",
        side=side(),
        found=found,
        digest=digest,
        fault=fault,
        rows=_rows(found) if found else [],
        rows_shown=ROWS_SHOWN,
        faults=[(f.file, f.line, f.key, shown.sentence(f.refused)) for f in found.faults[:ROWS_SHOWN]]
        if found
        else [],
        kinds=[(kind.name, shown.pick((kind.zh, kind.en))) for kind in KINDS.values() if not kind.hidden],
        empty_box=not box().dictionary.all("category"),
        most=FILE_MAX >> 20,
    )


def _rows(found: Preview) -> list[tuple[str, int, str, str, list[tuple[str, str, str]]]]:
    rows = []
    for one in found.differences[:ROWS_SHOWN]:
        columns = {column.name: column for column in KINDS[one.kind].columns_for(one.key)}
        fields = [_said(columns.get(name), old, new) for name, (old, new) in one.fields.items()]
        rows.append((one.file, one.line, one.key, one.what, fields))
    return rows


def _said(column: Column | None, old: Value, new: Value) -> tuple[str, str, str]:
    if column is None:
        return gettext("Place in the list"), written(old), written(new)
    title = shown.pick((column.zh, column.en))
    return title, entry_form.shown_value(column, old), entry_form.shown_value(column, new)
