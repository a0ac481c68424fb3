"""SIP statuses and Q.850 causes (RFC 3398 §7.2.4.1, §8.2.6.1), and the Reason header (RFC 3326)."""

import re
from collections.abc import Iterable

from hardware.line import Cause

STATUS_OF: dict[Cause, int] = {
    Cause.UNALLOCATED: 404,
    Cause.NO_ROUTE: 404,
    Cause.NORMAL: 480,
    Cause.BUSY: 486,
    Cause.NO_USER: 408,
    Cause.NO_ANSWER: 480,
    Cause.REJECTED: 603,
    Cause.OUT_OF_ORDER: 502,
    Cause.INVALID_NUMBER: 484,
    Cause.UNSPECIFIED: 480,
    Cause.NO_CIRCUIT: 503,
    Cause.NETWORK_OUT_OF_ORDER: 503,
    Cause.TEMPORARY_FAILURE: 503,
    Cause.CONGESTION: 503,
    Cause.BARRED: 403,
    Cause.INCOMPATIBLE: 503,
    Cause.TIMER: 504,
    Cause.PROTOCOL_ERROR: 500,
    Cause.INTERWORKING: 500,
}

CAUSE_OF: dict[int, Cause] = {
    400: Cause.TEMPORARY_FAILURE,
    401: Cause.REJECTED,
    402: Cause.REJECTED,
    403: Cause.REJECTED,
    404: Cause.UNALLOCATED,
    405: Cause.INTERWORKING,
    406: Cause.INCOMPATIBLE,
    407: Cause.REJECTED,
    408: Cause.NO_USER,
    410: Cause.UNALLOCATED,
    415: Cause.INCOMPATIBLE,
    480: Cause.NO_USER,
    481: Cause.TEMPORARY_FAILURE,
    484: Cause.INVALID_NUMBER,
    485: Cause.UNALLOCATED,
    486: Cause.BUSY,
    487: Cause.NORMAL,
    488: Cause.INCOMPATIBLE,
    500: Cause.TEMPORARY_FAILURE,
    501: Cause.INCOMPATIBLE,
    502: Cause.NETWORK_OUT_OF_ORDER,
    503: Cause.TEMPORARY_FAILURE,
    504: Cause.TIMER,
    600: Cause.BUSY,
    603: Cause.REJECTED,
    604: Cause.UNALLOCATED,
    606: Cause.INCOMPATIBLE,
}
"""408 is 102 in the RFC; here nobody answered the request, so the phone is not there."""

_KNOWN = {int(cause): cause for cause in Cause}
_Q850 = re.compile(r"Q\.850\s*;(?:[^,]*;)?\s*cause\s*=\s*(\d{1,3})", re.I)


def cause_of(status: int, reasons: Iterable[str] = ()) -> Cause:
    """Why the far end refused: its own Q.850 cause if it gave one, else by the table."""
    told = reason_cause(reasons)
    return told if told is not None else CAUSE_OF.get(status, Cause.INTERWORKING)


def reason_cause(reasons: Iterable[str]) -> Cause | None:
    """The Q.850 cause in Reason headers; UNSPECIFIED for one we have no name for; None without any."""
    for reason in reasons:
        if found := _Q850.search(reason):
            return _KNOWN.get(int(found[1]), Cause.UNSPECIFIED)
    return None


def reason_header(cause: Cause) -> tuple[str, str]:
    """The Reason header that tells the far end this cause."""
    return "Reason", f"Q.850;cause={int(cause)}"
