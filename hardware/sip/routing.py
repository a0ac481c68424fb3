"""By which trunks a number goes out, and as what: the longest prefix, then the lowest priority. Pure."""

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

OUTSIDE = re.compile(r"\+?[0-9*#]{1,32}")
"""What may be dialled by a trunk."""


class Carrier(Protocol):
    """What decides whether a trunk carries a number; `SipTrunk` says what each part means."""

    @property
    def prefix(self) -> str:
        """How its numbers begin."""

    @property
    def strip(self) -> int:
        """Digits taken away."""

    @property
    def add(self) -> str:
        """Digits put before."""

    @property
    def priority(self) -> int:
        """Lower is tried sooner."""


Kind = TypeVar("Kind", bound=Carrier)


def routes(trunks: Iterable[Kind], number: str) -> list[Kind]:
    """The trunks that carry a number, in the order they are tried."""
    if not OUTSIDE.fullmatch(number):
        return []
    return in_order(t for t in trunks if number.startswith(t.prefix) and len(number) > t.strip)


def in_order(trunks: Iterable[Kind]) -> list[Kind]:
    """Trunks in the order they are tried where several carry a number."""
    return sorted(trunks, key=lambda t: (-len(t.prefix), t.priority))


def dialled(trunk: Carrier, number: str) -> str:
    """A number as it is sent to a trunk."""
    return trunk.add + number[trunk.strip :]
