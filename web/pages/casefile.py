"""One case, one file: the whole of a case taken away as a ZIP, and the file frozen at its archiving."""

import threading
import time

from flask import Blueprint, Response, request, send_file

from appliance.casefile import binding
from appliance.casefile.package import name_of, pieces
from appliance.casefile.story import story_of
from appliance.events import Fact
from appliance.letters.office import confidential_case
from appliance.letters.pdf import NotMade
from appliance.letters.register import Altered
from appliance.recordings.package import EXPORT
from appliance.refused import Refused
from appliance.tickets import confidential
from appliance.tickets.ticket import Ticket
from web.context import box, me

AT_ONCE = 2
TAKEN = "ticket.file_taken"
pages = Blueprint("casefile", __name__)
_taking = threading.BoundedSemaphore(AT_ONCE)
"""Taking a case away keeps one thread of the pages busy as long as it lasts."""


@pages.post("/tickets/<number>/file")
def take(number: str) -> Response:
    """Send the whole case, with its recordings when they are asked for; that it was taken is recorded."""
    ticket, sound = _ticket(number), "sound" in request.form
    if not _taking.acquire(blocking=False):
        raise Refused("changed", "Other case files are being made. Try again when they are done.")
    try:
        source = binding.source_of(box().store, box().places, box().letters.desk.centre, box().blobs)
        story = story_of(box().store, ticket)
        facts = {"by": me().number, "name": me().name, "sound": sound}
        heard = [one for one in story.sounds if sound and one.path]
        played = (
            Fact("recording.played", {"rid": s.rid, "by": me().number, "how": EXPORT}, s.call) for s in heard
        )
        try:
            data = pieces(source, story, time.time(), sound)
        except (NotMade, Altered):
            raise Refused("not_made", "The case file could not be made. Tell your technician.") from None
        box().store.record(Fact(TAKEN, facts, ticket.tid), *played)
        answer = Response(data, mimetype="application/zip")
    except BaseException:
        _taking.release()
        raise
    answer.call_on_close(_taking.release)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name_of(story)}"'
    return answer


@pages.get("/tickets/<number>/file")
def frozen(number: str) -> Response:
    """Send the file that was frozen when the case was archived, once its hash was compared."""
    ticket = _ticket(number)
    bound = binding.bound_of(box().store, ticket.tid)
    if bound is None:
        raise Refused("unknown_ticket", "This case has not been archived, so there is no frozen file of it.")
    file = binding.checked(box().places.cases, bound)
    return send_file(file, mimetype="application/zip", as_attachment=True, download_name=file.name)


def _ticket(number: str) -> Ticket:
    ticket = box().tickets.find(number[:40])
    if ticket is None:
        raise Refused("unknown_ticket", "This ticket does not exist.")
    if not confidential.sees(box().store, me(), ticket):
        raise confidential_case()
    return ticket
