"""At a site: joining the network of a hub by a code.

The site makes its key itself, looks at both clocks, proves to know the code, and writes nothing
before the hub has proved the same.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.actor import Actor
from appliance.configuration import Configuration
from appliance.events import Fact
from appliance.interest import LARGE
from appliance.network import settings_file
from appliance.network.asking import ask
from appliance.network.authority import key_pem, new_key, signing_request
from appliance.network.codes import (
    NONCE_BYTES,
    Answer,
    Greeting,
    Request,
    Sealed,
    handle_of,
    hub_proof,
    key_of,
    same,
    site_proof,
    typed,
)
from appliance.network.enrolment import CLOCK_S
from appliance.network.papers import Papers
from appliance.network.renewal import check
from appliance.places import Places
from appliance.processes import Processes
from appliance.refused import Refused
from appliance.words import N_

if TYPE_CHECKING:
    from appliance.store.store import Store

NOT_THE_HUB = N_(
    "What answers there does not know this code: it is not the hub that gave it, or not a hub at all."
)
_WROTE = (
    "SELECT 1 FROM event WHERE via = '' AND (kind LIKE '" + ".%' OR kind LIKE '".join(LARGE) + ".%') LIMIT 1"
)


OF_THE_NETWORK = ("sync", "web")
"""The processes that know the brokers."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What a box is after it joined."""

    site: int
    name: str
    hub: str
    brokers: tuple[str, ...]
    renumbered: bool
    """Whether its number is another than before, so that all its processes must start anew."""


def join(
    places: Places,
    configuration: Configuration,
    store: Store,
    by: Actor,
    hub: str,
    code: str,
    now: Callable[[], float] = time.time,
) -> Joined:
    """Ask a hub (host:port, http://… or https://…) for a certificate and put all in force; raises Refused."""
    if configuration.site.role == "hub":
        raise Refused("is_hub", "This box is the hub itself.")
    if not by.has("AD", "TE"):
        raise Refused("not_yours", "Your role does not allow this step.")
    code = typed(code)
    mine = configuration.site.number
    _dry_run(places, mine)
    began_s = now()
    greeting = ask(hub, "/enrol/hello", b"", Greeting)
    _compare_clocks((began_s + now()) / 2, greeting.now_ms / 1000)
    try:
        ca = x509.load_pem_x509_certificate(greeting.ca.encode()).public_bytes(Encoding.DER)
    except ValueError as error:
        raise Refused("not_the_hub", NOT_THE_HUB) from error
    key, proving = new_key(), key_of(code)
    request = Request(
        handle=handle_of(code),
        nonce=secrets.token_bytes(NONCE_BYTES),
        csr=signing_request(key),
        site=mine,
        wrote=bool(store.rows(_WROTE)),
        at_ms=int(now() * 1000),
    )
    request = msgspec.structs.replace(request, proof=site_proof(proving, ca, request))
    sealed = ask(hub, "/enrol/request", msgspec.json.encode(request), Sealed, tries=3)
    if not same(hub_proof(proving, ca, request, sealed.answer), sealed.proof):
        raise Refused("not_the_hub", NOT_THE_HUB)
    answer = msgspec.json.decode(sealed.answer, type=Answer)
    _hear_refusal(answer, request)
    certificate = answer.certificate.encode()
    check(certificate, greeting.ca.encode(), key, answer.site, now())
    Papers(places.network).keep(greeting.ca.encode(), certificate, key_pem(key))
    settings_file.change(places, _settings(answer.site, answer.brokers))
    facts = {"hub": answer.hub, "site": answer.site, "address": hub, "by": by.number}
    store.record(Fact("network.joined", facts, b""))
    return Joined(answer.site, answer.name, answer.hub, answer.brokers, answer.site != mine)


def begin_anew(processes: Processes, joined: Joined, pages_wait_s: float = 0.0) -> bool:
    """Have the processes that must know of it start anew; False when nobody here can.

    The pages, where they are among them, end so much later: they have somebody to answer.
    """
    running = [unit.name for unit in processes.look() if unit.state in ("running", "starting")]
    wanted = running if joined.renumbered else [name for name in running if name in OF_THE_NETWORK]
    try:
        for unit in wanted:
            if unit != "web":
                processes.order("restart", unit)
    except Refused:
        return False
    if "web" in wanted and pages_wait_s:
        threading.Timer(pages_wait_s, processes.order, ("restart", "web")).start()
    elif "web" in wanted:
        processes.order("restart", "web")
    return bool(wanted)


def _settings(site: int, brokers: tuple[str, ...]) -> dict[tuple[str, str], settings_file.Value]:
    return {("site", "number"): site, ("sync", "brokers"): brokers, ("sync", "plain"): False}


def _dry_run(places: Places, site: int) -> None:
    """Find out whether the settings can be changed before a code is spent on it."""
    text = places.settings.read_text("utf-8") if places.settings.exists() else ""
    settings_file.changed(text, _settings(site, ("127.0.0.1:8883",)), places.settings.name)


def _compare_clocks(here_s: float, there_s: float) -> None:
    if abs(here_s - there_s) > CLOCK_S:
        raise Refused(
            "clock",
            "The clocks are too far apart: this box says %(here)s, the hub says %(there)s. Set the one that"
            " is wrong (timedatectl, NTP; a box that always forgets the time has an empty clock battery),"
            " then try again; the code still counts.",
            here=_told(here_s),
            there=_told(there_s),
        )


def _hear_refusal(answer: Answer, request: Request) -> None:
    if answer.refused == "clock":
        _compare_clocks(request.at_ms / 1000, answer.now_ms / 1000)
        raise Refused("clock", "The clocks are too far apart. Try again.")
    if answer.refused:
        raise Refused(
            "number",
            "This box has already written tickets or calls as site %(mine)s, and the code is for site"
            " %(wanted)s. Ask the hub for a code for site %(mine)s, or begin with an empty data folder.",
            mine=request.site,
            wanted=answer.site,
        )


def _told(at_s: float) -> str:
    """A time for people; a clock may say anything."""
    try:
        return datetime.fromtimestamp(at_s).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "?"
