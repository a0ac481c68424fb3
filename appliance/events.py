"""Events: facts kept for ever, each with an identity that is also its place in the total order.

An event id is 16 bytes: 48-bit hybrid clock in Unix milliseconds, 16-bit counter,
16-bit site (0 is the hub), 48 random bits, all big endian. Byte order is the total
order; every copy of an event anywhere carries the same id.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

EID_BYTES = 16
FUTURE_LIMIT_MS = 10 * 60 * 1000
"""A clock further ahead than this is never followed."""

encoded = msgspec.json.Encoder(order="sorted").encode
"""Facts as the body of an event."""
_decode = msgspec.json.Decoder().decode


def wall_ms() -> int:
    """Return the wall clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def earliest(at_s: float) -> bytes:
    """What no id of a time, in Unix seconds, or later is less than: ids are in order of time."""
    ms = math.ceil(round(at_s * 1000, 3))
    return min(max(0, ms), 2**48 - 1).to_bytes(6, "big")


class Event(msgspec.Struct, frozen=True, gc=False):
    """One fact. `subject` is the id of the event that began the call or ticket; empty for the box itself."""

    eid: bytes
    subject: bytes
    kind: str
    ver: int
    body: bytes
    """The facts as JSON, exactly as first written; passed on byte for byte."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """The body, decoded."""
        return cast(Mapping[str, Any], _decode(self.body))

    @property
    def at_s(self) -> float:
        """When it happened, in Unix seconds by the clock of the site that wrote it."""
        return int.from_bytes(self.eid[:6], "big") / 1000

    @property
    def site(self) -> int:
        """The site that wrote it."""
        return int.from_bytes(self.eid[8:10], "big")


@dataclass(frozen=True, slots=True)
class Fact:
    """What is about to be recorded: an event that has no identity yet."""

    kind: str
    facts: Mapping[str, Any]
    subject: bytes | None = None
    """None begins a new subject; b"" is the box itself."""
    ver: int = 1


class Stamp:
    """Gives ids to facts: a hybrid logical clock, safe for threads.

    It never runs backwards, unless it went so far ahead that it must have been wrong: then it
    begins anew at the wall clock, and `event` sees to it that an answer still sorts behind what
    it answers.
    """

    def __init__(self, site: int, now_ms: Callable[[], int] = wall_ms) -> None:
        if not 0 <= site <= 0xFFFF:
            raise ValueError(f"site {site} is not between 0 and 65535")
        self._site = site.to_bytes(2, "big")
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._ms, self._count = 0, 0

    def follow(self, eid: bytes) -> bool:
        """Move past an id seen from elsewhere; False when it lies too far in the future to believe."""
        ms, count = int.from_bytes(eid[:6], "big"), int.from_bytes(eid[6:8], "big")
        if ms > self._now_ms() + FUTURE_LIMIT_MS:
            return False
        with self._lock:
            self._come_back(self._now_ms())
            self._ms, self._count = max((self._ms, self._count), (ms, count))
        return True

    def horizon(self) -> bytes:
        """Ids from this one on lie too far in the future to believe."""
        return (self._now_ms() + FUTURE_LIMIT_MS + 1).to_bytes(6, "big")

    def eid(self, behind: bytes = b"") -> bytes:
        """Return the next id; what a wrong clock dated far ahead is passed this once, and not followed."""
        with self._lock:
            now = self._now_ms()
            if behind >= (now + FUTURE_LIMIT_MS + 1).to_bytes(6, "big"):
                place = int.from_bytes(behind[:8], "big") + 1
                return place.to_bytes(8, "big") + self._site + os.urandom(6)
            self._come_back(now)
            if now > self._ms:
                self._ms, self._count = now, 0
            elif self._count < 0xFFFF:
                self._count += 1
            else:
                self._ms, self._count = self._ms + 1, 0
            return self._ms.to_bytes(6, "big") + self._count.to_bytes(2, "big") + self._site + os.urandom(6)

    def _come_back(self, now: int) -> None:
        """Having gone far ahead means having been wrong: begin anew at the wall clock."""
        if self._ms > now + FUTURE_LIMIT_MS:
            self._ms, self._count = now, 0

    def event(self, fact: Fact, behind: bytes = b"") -> Event:
        """Turn a fact into an event that sorts behind what its author saw of the subject."""
        eid = self.eid(behind)
        subject = eid if fact.subject is None else fact.subject
        return Event(eid, subject, fact.kind, fact.ver, encoded(fact.facts))


def to_line(event: Event) -> bytes:
    """Write an event as one JSON line, for journals and people."""
    head = encoded(
        {"eid": event.eid.hex(), "subject": event.subject.hex(), "kind": event.kind, "ver": event.ver}
    )
    return head[:-1] + b',"body":' + event.body + b"}\n"


class _Row(msgspec.Struct):
    eid: str
    subject: str
    kind: str
    ver: int
    body: msgspec.Raw


_row = msgspec.json.Decoder(_Row).decode


def from_line(line: bytes) -> Event:
    """Read an event from its JSON line; raises ValueError when it is not one."""
    row = _row(line)
    eid = bytes.fromhex(row.eid)
    if len(eid) != EID_BYTES:
        raise ValueError(f"an event id has {EID_BYTES} bytes, not {len(eid)}")
    return Event(eid, bytes.fromhex(row.subject), row.kind, row.ver, bytes(row.body))
