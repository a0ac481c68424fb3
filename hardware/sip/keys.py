"""Keys in INFO, for far ends without telephone-event: the body Cisco phones send, and the plain one."""

import re

from aiosipua.message import SipRequest

from hardware.sip.message import Refusal

RELAY = "application/dtmf-relay"
PRESSED = {
    RELAY: re.compile(r"^\s*Signal\s*=\s*(1[01]|[0-9*#A-Da-d])\s*$", re.M),
    "application/dtmf": re.compile(r"^\s*(1[01]|[0-9*#A-Da-d])\s*$"),
}
KEYS = frozenset("0123456789*#ABCD")
WAITING_MAX = 64
"""Keys that wait until the far end has taken those before."""
DURATION_MS = 160


def pressed(info: SipRequest) -> str | None:
    """The key an INFO brings, None for an empty INFO; raises `Refusal`."""
    kind = (info.headers.get_first("content-type") or "").partition(";")[0].strip().lower()
    if not kind:
        return None
    if kind not in PRESSED:
        raise Refusal(415, ("Accept", ", ".join(PRESSED)))
    found = PRESSED[kind].search(info.text[:200])
    if not found:
        raise Refusal(400)
    return {"10": "*", "11": "#"}.get(found[1], found[1].upper())


def press(key: str) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of an INFO of ours that brings a key."""
    return [("Content-Type", RELAY)], f"Signal={key}\r\nDuration={DURATION_MS}\r\n".encode()
