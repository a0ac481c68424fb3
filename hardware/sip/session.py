"""Session timers: a call whose far end is gone does not last for ever (RFC 4028)."""

import re
from dataclasses import dataclass

from aiosipua.message import SipRequest, SipResponse

from hardware.sip.message import Message, Refusal

MIN_S = 90
INTERVAL_S = 1800
LAST_CHANCE_S = 32.0
AGAIN_S = 10.0
"""How soon a refresh that failed for now is tried again."""
MIN_SE = ("Min-SE", str(MIN_S))
_SECONDS = re.compile(r"\s*(\d{1,9})\s*(?:;.*)?$")


def options_of(message: Message, name: str) -> set[str]:
    """The option tags in Require, Supported and the like, in lower case."""
    if not message.headers.get(name):
        return set()
    return {o.strip().lower() for value in message.headers.get(name) for o in value.split(",") if o.strip()}


@dataclass(slots=True)
class Session:
    """When to refresh, if that is for us, and when the call ends for want of a refresh."""

    interval_s: int
    ours: bool
    at: float
    ends_at: float

    @classmethod
    def begin(cls, interval_s: int, ours: bool, now: float) -> "Session":
        """From the 2xx on (§7.2, §10): whoever refreshes does so at half time."""
        if ours:
            return cls(interval_s, True, now + interval_s / 2, now + interval_s)
        ends_at = now + interval_s - min(LAST_CHANCE_S, interval_s / 3)
        return cls(interval_s, False, ends_at, ends_at)


def granted(request: SipRequest, now: float) -> tuple[Session | None, list[tuple[str, str]]]:
    """The callee's view of an INVITE or UPDATE: the session, and headers of the 2xx (§9).

    Raises `Refusal` 422 when the far end wants refreshes more often than we put up with.
    """
    wanted = check(request)
    theirs = "timer" in options_of(request, "supported")
    if wanted is None:
        if not theirs:
            return None, []
        least = _seconds(request.headers.get_first("min-se")) or MIN_S
        wanted = max(INTERVAL_S, least)
        return Session.begin(wanted, True, now), [("Session-Expires", f"{wanted};refresher=uas")]
    who = _refresher(request) or ("uac" if theirs else "uas")
    if who == "uac" and not theirs:
        who = "uas"
    headers = [("Session-Expires", f"{wanted};refresher={who}")]
    if who == "uac":
        headers.append(("Require", "timer"))
    return Session.begin(wanted, who == "uas", now), headers


def check(request: SipRequest) -> int | None:
    """The interval a request asks for; raises `Refusal` 422 when that is more often than we put up with."""
    wanted = _interval(request)
    if wanted is not None and wanted < MIN_S:
        raise Refusal(422, MIN_SE)
    return wanted


def agreed(response: SipResponse, now: float) -> Session | None:
    """The caller's view of a 2xx (§7.2); None when the far end knows no session timers."""
    interval_s = _interval(response)
    if interval_s is None:
        return None
    return Session.begin(max(interval_s, MIN_S), _refresher(response) != "uas", now)


def least(response: SipResponse) -> int:
    """The interval a 422 wants."""
    return min(max(_seconds(response.headers.get_first("min-se")) or INTERVAL_S, MIN_S), 86400)


def asking(interval_s: int = INTERVAL_S, *, refresher: str = "") -> list[tuple[str, str]]:
    """Headers of a request of ours that begins or refreshes a session."""
    value = f"{interval_s};refresher={refresher}" if refresher else str(interval_s)
    return [("Session-Expires", value), ("Min-SE", str(min(interval_s, MIN_S)))]


def _interval(message: Message) -> int | None:
    return _seconds(message.headers.get_first("session-expires") or message.headers.get_first("x"))


def _seconds(value: str | None) -> int | None:
    found = _SECONDS.match(value or "")
    return int(found[1]) if found else None


def _refresher(message: Message) -> str:
    value = message.headers.get_first("session-expires") or message.headers.get_first("x") or ""
    found = re.search(r";\s*refresher\s*=\s*(uac|uas)", value, re.I)
    return found[1].lower() if found else ""
