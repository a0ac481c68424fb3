"""One question to a hub's web address. Nothing that comes is believed: a proof over all of it decides."""

import http.client
import ssl
import urllib.parse
from typing import TypeVar

import msgspec

from appliance.network.unreachable import why
from appliance.refused import Refused
from appliance.words import N_

WAIT_S = 10.0
ANSWER_MAX = 64 * 1024
PORT = 8010
TOO_MANY = 429
NO_HUB_THERE = N_(
    "What is at this address hangs up: look at the port, whether the address begins with https://, and"
    " whether the hub's pages are open to this box."
)
T = TypeVar("T")


def ask(hub: str, path: str, body: bytes, form: type[T], tries: int = 1) -> T:
    """Post a body to a hub and decode its answer; raises Refused with what a person can do."""
    sealed, host, port = _address(hub)
    fault: Exception = ConnectionError()
    for _ in range(tries):
        try:
            status, told = _post(sealed, host, port, path, body)
            break
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            fault = error
    else:
        raise Refused("no_answer", why(fault) or NO_HUB_THERE) from fault
    if status == TOO_MANY:
        raise Refused("too_often", "That was tried too often. Wait a minute.")
    if status == http.client.FORBIDDEN:
        raise Refused(
            "wrong_code",
            "The hub does not know this code: it is mistyped, older than half an hour, or was used already."
            " Have a new one made on the hub's page.",
        )
    try:
        return msgspec.json.decode(told, type=form)
    except msgspec.DecodeError as error:
        raise Refused(
            "no_hub", "What answers at %(hub)s is not the pages of a hub. Look at the address.", hub=hub[:100]
        ) from error


def _address(hub: str) -> tuple[bool, str, int]:
    text = hub.strip()
    parts = urllib.parse.urlsplit(text if "://" in text else f"http://{text}")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or len(text) > 253:
        raise Refused("bad_address", "Write the hub's address like 10.0.0.1:8010 or https://hub.example.")
    usual = 443 if parts.scheme == "https" else PORT if "://" not in text else 80
    return parts.scheme == "https", parts.hostname, port or usual


def _post(sealed: bool, host: str, port: int, path: str, body: bytes) -> tuple[int, bytes]:
    if sealed:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        link: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=WAIT_S, context=context
        )
    else:
        link = http.client.HTTPConnection(host, port, timeout=WAIT_S)
    try:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        link.request("POST", path, body, headers)
        answer = link.getresponse()
        return answer.status, answer.read(ANSWER_MAX)
    finally:
        link.close()
