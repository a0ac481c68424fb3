"""The seat of whoever looks at a page: whether they can call from here, and what they do to be able to."""

import time

from appliance.calls import wire
from web import access
from web.context import box, has, me
from web.directory import handed_over

DESK_PHONES = ("sip",)
"""Phones that need no page of their own to be heard."""
TOLD_WITHIN_S = 2.0
LOOK_S = 0.02


def may_call() -> bool:
    """Tell whether the reader's role calls citizens at all, from a box that has lines."""
    return has("tickets.call") and access.allowed("tickets.call", me().roles)


def mine() -> wire.Seat | None:
    """The reader's seat; None when they are at none, or the call process is away."""
    return box().calls.seat(me().number)


def known(seated: bool) -> None:
    """Wait a moment until pages know, too, that the reader sat down or got up: the next one shows it."""
    until = time.monotonic() + TOLD_WITHIN_S
    while (mine() is not None) != seated and time.monotonic() < until:
        time.sleep(LOOK_S)


def phones() -> list[str]:
    """The desk phones a clerk may sit at, one's own first."""
    found = handed_over()
    numbers = [e.number for e in (found.extensions if found else ()) if e.kind in DESK_PHONES]
    return sorted(numbers, key=lambda number: (number != me().extension, number))
