"""Ticket numbers: 15 digits that two boxes never give out twice without talking to each other.

YYMMDD of the local day, site (3 digits), second of the day (5), check digit: ISO 7064 MOD 11,10,
which finds every single wrong digit and nearly every swap of neighbours. When the second is
taken the number is the one behind the newest of the day, so a clock set back repeats none.
"""

import time
from collections.abc import Callable

DIGITS = 15
GROUP = 3
MAX_SITE = 999
LAST_SECOND = 99_999
"""Behind the 86,400 seconds of a day there is room for 13,600 numbers more."""


class Exhausted(Exception):
    """A site has given out every number of the day."""


def new_number(site: int, now_s: float, newest: Callable[[str], str]) -> str:
    """Return the number for a ticket made at `now_s` (Unix seconds); raises Exhausted.

    `newest` returns the highest number there is that begins so, or an empty text.
    """
    if not 0 <= site <= MAX_SITE:
        raise ValueError(f"site {site} has no ticket numbers: it must be between 0 and {MAX_SITE}")
    local = time.localtime(now_s)
    day = f"{time.strftime('%y%m%d', local)}{site:03d}"
    second = local.tm_hour * 3600 + local.tm_min * 60 + min(local.tm_sec, 59)
    if last := newest(day):
        second = max(second, int(last[len(day) : -1]) + 1)
    if second > LAST_SECOND:
        raise Exhausted(f"no ticket number is left for site {site} on {day[:6]}")
    head = f"{day}{second:05d}"
    return head + check_digit(head)


def check_digit(head: str) -> str:
    """Return the ISO 7064 MOD 11,10 check digit of a row of digits."""
    product = 10
    for digit in head:
        product = (product + int(digit)) % 10 or 10
        product = product * 2 % 11
    return str((11 - product) % 10)


def valid(number: str) -> bool:
    """Tell whether this can be a ticket number."""
    return (
        len(number) == DIGITS
        and number.isascii()
        and number.isdigit()
        and check_digit(number[:-1]) == number[-1]
    )


def site_of(number: str) -> int:
    """Return the site that gave a valid number out."""
    return int(number[6:9])


def spoken(number: str) -> tuple[str, ...]:
    """Cut a number into the groups of three in which it is read out and printed."""
    return tuple(number[at : at + GROUP] for at in range(0, len(number), GROUP))


def typed(text: str) -> str:
    """Return the number meant by what somebody typed: spaces, dashes and full-width digits do not matter."""
    return "".join(str(int(char)) for char in text if char.isdecimal())
