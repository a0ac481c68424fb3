"""Taking files that a form or a program brings for a ticket, and giving them out."""

from urllib.parse import quote

from flask import Response, send_file
from werkzeug.datastructures import FileStorage

from appliance.refused import Refused
from appliance.tickets import attachments
from appliance.tickets.attachments import BYTES_MOST, Attached
from appliance.tickets.ticket import Ticket
from appliance.words import N_
from web import elsewhere
from web.context import box, me

AT_ONCE = 10
UPLOAD_MAX = 2 * BYTES_MOST
UNREACHED = N_("The storage of files cannot be reached. Try again in a minute.")
HARMLESS = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""Whatever is in a file, it runs nothing and loads nothing."""


def keep(ticket: Ticket, files: list[FileStorage], note: str = "") -> int:
    """Keep what a form brought; return how many files that were. Raises Refused."""
    brought = [(file.filename or "", file.stream.read(BYTES_MOST + 1)) for file in files if file.filename]
    if len(brought) > AT_ONCE:
        raise Refused("too_many", "At most %(most)s files at a time.", most=AT_ONCE)
    for name, data in brought:
        add(ticket, name, data, note)
    return len(brought)


def add(ticket: Ticket, name: str, data: bytes, note: str) -> bytes:
    """Add one file; returns its id. Raises Refused."""
    folder = box().places.blobs
    try:
        return attachments.attach(box().store, box().blobs, folder, me(), ticket.tid, name, data, note)
    except OSError as error:
        raise Refused("not_now", UNREACHED) from error


def given(file: Attached, inline: bool) -> Response:
    """The bytes of a file, so that no browser takes them for anything else; raises Refused while fetched."""
    try:
        path = box().blobs.local(file.sha256)
    except OSError as error:
        raise Refused("not_now", UNREACHED) from error
    if path is None:
        far = elsewhere.of_file(file)
        elsewhere.ask(far)
        raise elsewhere.not_here(far)
    answer = send_file(path, mimetype=file.kind, conditional=True, max_age=0)
    how = "inline" if inline and file.is_image else "attachment"
    answer.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(file.name)}"
    answer.headers["Content-Security-Policy"] = HARMLESS
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer
