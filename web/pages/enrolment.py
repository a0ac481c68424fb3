"""Who belongs to the network: at the hub codes and certificates of sites, at a site the way to its hub.

`pages` are for administrators and technicians. `public` is what boxes ask a hub: open to
anybody, seldom for each, and with one answer for all who prove nothing.
"""

import time
from typing import Any

import msgspec
from flask import Blueprint, abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from appliance.configuration import load
from appliance.network.authority import Authority
from appliance.network.codes import Request, spaced
from appliance.network.enrolment import CODE_S, Enrolment
from appliance.network.joining import begin_anew, join
from appliance.network.papers import Papers
from appliance.network.register import certificates
from appliance.network.renewal import ends_s
from appliance.refused import Refused
from appliance.store.streams_view import streams
from web import shown
from web.api.door import client_address
from web.api.rate import Rate
from web.context import Box, box, me
from web.hub import STATES

PER_ADDRESS, PER_HUB = 20, 200
"""Requests of boxes a minute: of one address, and of all together."""
REQUEST_MAX = 16 * 1024
REFUSED_S = 0.1
"""How long every refusal takes, so that the time tells nothing either."""
PAGES_WAIT_S = 1.5
"""How long the page that says what became of it has to be shown before the pages start anew."""
CERTIFICATE_STATES = {
    "good": ("good", lazy_gettext("in force")),
    "expired": ("warn", lazy_gettext("expired")),
    "revoked": ("bad", lazy_gettext("revoked")),
}

pages = Blueprint("enrolment", __name__, url_prefix="/box/network")
public = Blueprint("enrol", __name__, url_prefix="/enrol")
asked = {"address": Rate(PER_ADDRESS), "hub": Rate(PER_HUB)}


@pages.get("")
def page() -> str:
    """Show the sites of a hub, or the way of a site to its hub."""
    return _page()


@pages.post("/code")
def invite() -> str | tuple[str, int]:
    """Make a code for a site and show it, this once."""
    typed = {name: request.form.get(name, "").strip() for name in ("number", "name")}
    number = int(typed["number"]) if typed["number"].isascii() and typed["number"].isdigit() else 0
    try:
        code = _enrolment(box()).invite(me(), number, typed["name"])
    except Refused as refused:
        return _page(typed=typed, fault=shown.sentence(refused)), 422
    return _page(code=spaced(code), typed=typed)


@pages.post("/<handle>/withdraw")
def withdraw(handle: str) -> Response:
    """Let an open code count no more."""
    _enrolment(box()).withdraw(me(), handle)
    flash(gettext("The code counts no more."), "good")
    return redirect(url_for("enrolment.page"))


@pages.post("/<int:site>/revoke")
def revoke(site: int) -> Response:
    """Let the certificates of a site count no more."""
    _enrolment(box()).revoke(me(), site, request.form.get("why", ""))
    flash(gettext("Site %(number)s is shut out: the hub takes nothing of it any more.", number=site), "good")
    return redirect(url_for("enrolment.page"))


@pages.post("/join")
def join_hub() -> str | tuple[str, int]:
    """Join the network of a hub by the code of its page."""
    here = box()
    typed = {name: request.form.get(name, "").strip() for name in ("hub", "code")}
    try:
        joined = join(here.places, here.configuration, here.store, me(), typed["hub"], typed["code"])
    except Refused as refused:
        return _page(typed=typed, fault=shown.sentence(refused)), 422
    begun = begin_anew(here.processes, joined, PAGES_WAIT_S)
    return render_template("network/joined.html", joined=joined, begun=begun)


@public.post("/hello")
def hello() -> Response | tuple[dict[str, str], int]:
    """Tell a box that wants to join who this hub is and what its clock says."""
    if waits := _too_often():
        return waits
    return _json(_hub().greeting())


@public.post("/request")
def certify() -> Response | tuple[dict[str, str], int]:
    """Certify a site that proves to know its code."""
    if waits := _too_often():
        return waits
    try:
        wanted = msgspec.json.decode(request.get_data()[:REQUEST_MAX], type=Request)
    except msgspec.DecodeError:
        abort(400)
    began_s = time.monotonic()
    sealed = _hub().answer(wanted, client_address())
    if sealed is None:
        time.sleep(max(0.0, began_s + REFUSED_S - time.monotonic()))
        return {"word": "unknown_code"}, 403
    return _json(sealed)


@public.get("/crl.pem")
def revoked() -> Response | tuple[dict[str, str], int]:
    """Give brokers the list of revoked certificates."""
    if waits := _too_often():
        return waits
    _hub()
    return send_file(Authority(box().places.authority).crl, mimetype="application/x-pem-file")


def _page(code: str = "", typed: dict[str, str] | None = None, fault: str = "") -> str:
    here, now_s = box(), time.time()
    if not here.is_hub:
        papers = Papers(here.places.network)
        written = load(here.places)  # who joined a moment ago may ask a process that began before
        return render_template(
            "network/join.html",
            typed=typed or {},
            fault=fault,
            number=written.site.number,
            until_s=ends_s(papers) if papers.complete else 0.0,
            brokers=written.sync.brokers,
        )
    enrolment = _enrolment(here)
    peers = {peer.site: peer for peer in streams(here.store, now_s)}
    return render_template(
        "network/sites.html",
        made=Authority(here.places.authority).made,
        code=code,
        minutes=round(CODE_S / 60),
        address=request.host_url.rstrip("/"),
        typed=typed if fault or code else {"number": enrolment.free_number() or ""},
        fault=fault,
        open_codes=enrolment.invited(),
        certificates=[(one, *CERTIFICATE_STATES[one.state(now_s)]) for one in certificates(here.store)],
        peers=peers,
        peer_states=STATES,
    )


def _enrolment(here: Box) -> Enrolment:
    sync, site = here.configuration.sync, here.configuration.site
    if not here.is_hub:
        raise Refused("no_hub", "Only a hub has sites.")
    return Enrolment(here.store, Authority(here.places.authority), sync.offered or sync.brokers, site.name)


def _hub() -> Enrolment:
    here = box()
    if not here.is_hub or not Authority(here.places.authority).made:
        abort(404)
    return _enrolment(here)


def _too_often() -> tuple[dict[str, str], int] | None:
    if asked["address"].wait_s(client_address()) or asked["hub"].wait_s(""):
        return {"word": "too_often"}, 429
    return None


def _json(told: Any) -> Response:
    return Response(msgspec.json.encode(told), mimetype="application/json")
