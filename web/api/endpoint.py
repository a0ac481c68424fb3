"""An endpoint of the API as a row: what it is asked, what it answers, and how far a token must reach."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from web import access

PREFIX = "/api/v1"
BLUEPRINT = "v1"
_PLACE = re.compile(r"\{(\w+)\}")


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes from outside: a field that is not known is refused."""


class Answer(msgspec.Struct, frozen=True):
    """What is answered."""


class Problem(Answer, frozen=True):
    """Every refusal and every fault."""

    word: str
    """For programs."""
    sentence: str
    """For people, in the language asked for: what to do."""
    field: str = ""
    """Where the fault is, when it is in one place."""


@dataclass(frozen=True, slots=True)
class Sound:
    """The type of an answer that is a file and not JSON."""

    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table."""

    name: str
    """Name of its route and operation; the access table says whose roles open `v1.<name>`."""
    method: str
    path: str
    """Below PREFIX, with places like {number}."""
    scope: str
    """What a token must be good for; empty: any token."""
    run: Callable[..., Any]
    answer: type[Answer] | Sound
    zh: str
    en: str
    query: type[Strict] | None = None
    body: type[msgspec.Struct] | None = None
    status: int = 200
    stale: bool = False
    """Takes If-Match: the `seen` of the page its asker looked at."""
    once: bool = False
    """Takes Idempotency-Key."""

    @property
    def rule(self) -> str:
        """Its address as Flask writes it."""
        return PREFIX + _PLACE.sub(r"<\1>", self.path)

    @property
    def places(self) -> list[str]:
        """The places in its path."""
        return _PLACE.findall(self.path)

    @property
    def roles(self) -> frozenset[str]:
        """Who may use it."""
        return access.TABLE.get(f"{BLUEPRINT}.{self.name}", frozenset())
