"""Who is heard at all: floods, guessers of passwords and scanners are dropped before anything is read.

A source is *known* while it is a trunk, lies in an allowed network, has a phone of ours, is in a
call with us, or was just asked something by us. Everybody else shares a small allowance, or has
none when the box is closed.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hardware.sip.message import Addr

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in a second on average, so many at once."""

    per_s: float
    burst: float


UNKNOWN = Rate(50, 100)
"""Messages from one source that is not known."""
STRANGERS = Rate(200, 400)
"""Messages from all of them together: addresses cost an attacker nothing."""
KNOWN = Rate(2000, 4000)
"""Messages from one known source."""
CALLS = Rate(30, 100)
"""New calls from one source that is no trunk."""
WRONG_MAX = 5
WRONG_WITHIN_S = 60.0
SILENT_S = 300.0
SOURCES_MAX = 8192
"""Sources remembered; the one heard longest ago is forgotten first."""


class Bucket:
    """Tokens that fill up with time; each message takes one."""

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._at = now

    def take(self, now: float) -> bool:
        """Whether there is one to take."""
        self._tokens = min(self._rate.burst, self._tokens + (now - self._at) * self._rate.per_s)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Guard:
    """Decides on the source address alone; `known` says whether an IP address is."""

    def __init__(self, known: Callable[[str, float], bool], *, closed: bool) -> None:
        self._known = known
        self._closed = closed
        self._messages: OrderedDict[tuple[str, bool], Bucket] = OrderedDict()
        self._calls: OrderedDict[str, Bucket] = OrderedDict()
        self._wrong: OrderedDict[Addr | str, list[float]] = OrderedDict()
        self._silent: dict[Addr | str, float] = {}
        self._strangers: Bucket | None = None

    def hears(self, source: Addr, now: float) -> bool:
        """Whether a message from here is read."""
        ip = source[0]
        if self._silent and self._is_silent(source, now):
            return False
        known = self._known(ip, now)
        if not known and self._closed:
            return False
        if not _bucket(self._messages, (ip, known), KNOWN if known else UNKNOWN, now).take(now):
            return False
        if known:
            return True
        if self._strangers is None:
            self._strangers = Bucket(STRANGERS, now)
        return self._strangers.take(now)

    def admits_call(self, ip: str, now: float) -> bool:
        """Whether one more new call may come from here just now."""
        return _bucket(self._calls, ip, CALLS, now).take(now)

    def wrong_password(self, source: Addr, shared: bool, now: float) -> None:
        """Somebody guessed. Of an address `shared` by good phones only that port falls silent."""
        who: Addr | str = (source[0], source[1]) if shared else source[0]
        times = [at for at in self._wrong.pop(who, ()) if now - at < WRONG_WITHIN_S]
        times.append(now)
        if len(times) < WRONG_MAX:
            _keep(self._wrong, who, times)
        elif len(self._silent) < SOURCES_MAX:
            self._silent[who] = now + SILENT_S

    def _is_silent(self, source: Addr, now: float) -> bool:
        for who in (source[0], (source[0], source[1])):
            until = self._silent.get(who)
            if until is not None:
                if now < until:
                    return True
                del self._silent[who]
        return False


def _bucket(buckets: OrderedDict[K, Bucket], key: K, rate: Rate, now: float) -> Bucket:
    bucket = buckets.get(key)
    if bucket is None:
        bucket = Bucket(rate, now)
        _keep(buckets, key, bucket)
    else:
        buckets.move_to_end(key)
    return bucket


def _keep(things: OrderedDict[K, V], key: K, thing: V) -> None:
    if len(things) >= SOURCES_MAX:
        things.popitem(last=False)
    things[key] = thing
