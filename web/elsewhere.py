"""A file that is at another box: asked for, on its way, or not to be had, each in a sentence."""

import time
from dataclasses import dataclass

from flask_babel import gettext

from appliance.blobs import wants
from appliance.refused import Refused
from appliance.tickets.attachments import Attached
from appliance.words import N_
from web.context import box
from web.shown import sentence

FETCHING = N_("It is being fetched from %(site)s and opens when it is here.")
AWAY = N_("It is at %(site)s, which is not connected; it is fetched as soon as that is.")
ABSENT = N_("%(site)s says that it does not have this file.")
DAMAGED = N_("It came damaged from %(site)s three times: the disk there needs a look.")
ELSEWHERE = N_("It is not on this box; it is kept at site %(site)s.")
HUB = N_("the hub")
SITE = N_("site %(number)s")


@dataclass(frozen=True, slots=True)
class Far:
    """A file that is not here."""

    sha256: str
    size: int
    made_at: int
    """The site it comes from."""
    where: int | None
    """Where it is to be had, 0 the hub; None when this box reaches neither."""
    call: bytes = b""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether it is here, how much of it has come, and what to say about it."""

    here: bool
    percent: int
    sentence: str


def of_recording(site: int, dropped: bool, sha256: str, size: int, call: bytes) -> Far:
    """A recording; a site fetches back only its own, which it gave up because the hub has them."""
    mine = box().store.site
    where = _reached(site if not mine else 0) if not mine or (site == mine and dropped) else None
    return Far(sha256, size, site, where, call)


def of_file(file: Attached) -> Far:
    """A file of a ticket: the hub has it from the site where it was added, a site has it from the hub."""
    return Far(file.sha256, file.size, file.site, _reached(0 if box().store.site else file.site))


def coming(file: Attached) -> str:
    """What a page says in the place of a picture that is not here yet; empty when it is."""
    known = wants.state(box().store, file.sha256)
    return "" if known and known[0] == "here" else sentence(not_here(of_file(file)))


def ask(far: Far) -> None:
    """Have it fetched before all else, where there is somebody to fetch it from."""
    known = wants.state(box().store, far.sha256)
    if far.where is not None and far.sha256 and not (known and known[0] == "wrong"):
        wants.ask(box().store, far.sha256, far.size, far.where, time.time(), far.call)


def not_here(far: Far) -> Refused:
    """Why it cannot be opened now."""
    if far.where is None or not far.sha256:
        return Refused("unknown_ticket", ELSEWHERE, site=far.made_at)
    name = gettext(SITE, number=far.where) if far.where else gettext(HUB)
    state, _, tries = wants.state(box().store, far.sha256) or ("", 0, 0)
    if state == "wrong":
        return Refused("unknown_ticket", DAMAGED, site=name)
    if tries:
        return Refused("unknown_ticket", ABSENT, site=name)
    return Refused("fetching", FETCHING if _connected(far.where) else AWAY, site=name)


def standing(far: Far) -> Standing:
    """How far it has come."""
    found = wants.state(box().store, far.sha256)
    have = found[1] if found and found[0] == "wanted" else 0
    return Standing(False, 100 * have // max(far.size, 1), sentence(not_here(far)))


def _reached(where: int) -> int | None:
    return where if box().store.rows("SELECT 1 FROM peer WHERE site = ?", where) else None


def _connected(where: int) -> bool:
    return bool(box().store.rows("SELECT 1 FROM peer WHERE site = ? AND state = 'connected'", where))
