"""Who may hear which recording, and who heard which one when: every hearing is an event."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from werkzeug.exceptions import NotFound

from appliance.blobs.sounds import Sounds
from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from web import access, attaching, elsewhere
from web.context import box, me
from web.elsewhere import Far, Standing

AGAIN_S = 600.0
"""Playing on, or seeking, is the same hearing for so long."""
KNOWN_MOST = 10_000
LISTEN = "listen"
DOWNLOAD = "download"
TALK = "talk"
"""Played into a talk."""

_SOUND = (
    "SELECT path, site, call, sha256, size, stored, dropped_s, removed_s, ticket FROM recording WHERE rid = ?"
)
_heard: OrderedDict[tuple[str, bytes], float] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording: where it was made, and which file it is."""

    path: str
    site: int
    call: bytes
    sha256: str
    size: int
    stored: str
    """The hash of the file the hub has; empty: none."""
    dropped: bool
    """The site gave its file up, because the hub has it."""


def recording(rid: bytes, how: str) -> Path:
    """The file of a recording somebody is about to hear, which is recorded; raises Refused, NotFound.

    One at another box is fetched before all else, and refused with the word `fetching` until it is here.
    """
    sound = permitted(rid)
    file, call = _file(sound), sound.call
    if file is None:
        elsewhere.ask(_far(sound))
        raise elsewhere.not_here(_far(sound))
    if _is_new(me().number, rid, how):
        facts = {"rid": rid.hex(), "by": me().number, "how": how}
        box().store.record(Fact("recording.played", facts, call))
    return file


def allowed(rid: bytes) -> tuple[Path, bytes]:
    """The file of a recording this person may hear, and its call; raises Refused, NotFound."""
    sound = permitted(rid)
    file = _file(sound)
    if file is None:
        raise elsewhere.not_here(_far(sound))
    return file, sound.call


def permitted(rid: bytes) -> Sound:
    """A recording this person may hear, wherever its file is; raises Refused, NotFound."""
    rows = box().store.rows(_SOUND, rid)
    if not rows:
        raise NotFound
    path, site, call, sha256, size, stored, dropped_s, removed_s, ticket = rows[0]
    _check(bytes(call), bytes(ticket or b""))
    if removed_s is not None:
        day = time.strftime("%Y-%m-%d", time.localtime(removed_s))
        raise Refused(
            "unknown_ticket", "This recording was removed on %(day)s, as the rules for keeping say.", day=day
        )
    return Sound(path, site, bytes(call), sha256, size, stored or "", dropped_s is not None)


def standing(rid: bytes) -> Standing:
    """Whether a recording is here, and how far it has come when it was asked for; raises as `permitted`."""
    sound = permitted(rid)
    return Standing(True, 100, "") if _file(sound) else elsewhere.standing(_far(sound))


def sounds() -> Sounds:
    """Where the sounds of this box lie."""
    return Sounds(box().store.site, box().places.recordings, box().blobs)


def _far(sound: Sound) -> Far:
    return elsewhere.of_recording(sound.site, sound.dropped, sound.sha256, sound.size, sound.call)


def _file(sound: Sound) -> Path | None:
    try:
        return sounds().file(sound.path, sound.site, sound.sha256, sound.stored)
    except OSError as error:
        raise Refused("not_now", attaching.UNREACHED) from error


def may_hear(person: Actor, confidential: bool, agent: str) -> bool:
    """Tell whether somebody of the centre may hear a call, by its ticket and who answered it."""
    if not box().rights.hears(person):
        return False
    return not confidential or person.has(*access.CONFIDENTIAL) or person.number == agent


def _check(call: bytes, linked: bytes) -> None:
    tickets = box().tickets.by_call(call)
    if linked and (ticket := box().tickets.find(linked)) is not None:
        tickets.append(ticket)
    confidential = any(ticket.confidential for ticket in tickets)
    if me().has(*access.LISTENERS):
        rows = box().store.rows("SELECT agent FROM call WHERE cid = ?", call)
        if not may_hear(me(), confidential, rows[0][0] if rows else ""):
            raise Refused("other_unit", "This recording belongs to a confidential ticket.")
        return
    if not any(box().tickets.may_see(me(), t) and not t.confidential for t in tickets):
        raise Refused("other_unit", "This recording belongs to another unit's ticket, or is confidential.")


def _is_new(number: str, rid: bytes, how: str) -> bool:
    """Tell whether this is not the same hearing going on."""
    now = time.monotonic()
    with _lock:
        last = _heard.get((number, rid))
        if how == LISTEN and last is not None and now - last < AGAIN_S:
            return False
        _heard[number, rid] = now
        _heard.move_to_end((number, rid))
        while len(_heard) > KNOWN_MOST:
            _heard.popitem(last=False)
    return True
