"""Callbacks (保留排队位置回拨): places kept for callers who hung up, from asking to reaching them.

Pure; a part of the queue machine. A callback waits among the calls of its queue. When its turn
comes a call is made for it and it is out of the queue; it comes back to its place when no agent
takes it, or nobody answers, and is given up after so many tries or so many hours. One that was
given up stays in sight until a shift leader has seen to it.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf

from appliance.calls.admission import plain
from appliance.calls.routing import CALLBACK, Waiting
from appliance.calls.waiting import WaitingCalls
from appliance.published import Callback
from appliance.refused import Refused

SETTLE_S = 20.0
"""Who has just asked is still on the phone: nobody calls before this."""
POSTPONED_S = 60.0
"""After how long a callback that could not be made is tried again."""
GIVEN_UP_MAX = 100
"""So many that were given up are kept in sight, the newest."""
TOO_OLD = "too_old"


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Nobody was reached, or it took too long: a shift leader is to see to it."""

    callback: Waiting
    why: str


class Callbacks:
    """Every callback that is not over, waiting in `waiting` or not."""

    def __init__(self, waiting: WaitingCalls) -> None:
        self._waiting = waiting
        self._settings = Callback()
        self._made: dict[str, Waiting] = {}
        """By the call that is made for it."""
        self._given_up: OrderedDict[str, Waiting] = OrderedDict()

    def define(self, settings: Callback) -> None:
        """Take new settings; what waits stays."""
        self._settings = settings

    def waiting(self) -> list[Waiting]:
        """Those that wait for their turn."""
        return [call for call in self._waiting.in_order() if call.kind == CALLBACK]

    def being_made(self) -> list[Waiting]:
        """Those an agent is being called for, or calls."""
        return list(self._made.values())

    def of(self, call: str) -> Waiting | None:
        """The callback this call is made for."""
        return self._made.get(call)

    def given_up(self) -> list[Waiting]:
        """Those nobody was reached by, the oldest first."""
        return list(self._given_up.values())

    def keep(self, call: str, number: str, now: float) -> Waiting:
        """A waiting call's place becomes that of a callback to `number`.

        Refused: ``no_call`` when it does not wait, ``twice`` when the number waits already,
        ``full`` when too many do.
        """
        if call not in self._waiting or self._waiting[call].kind == CALLBACK:
            raise Refused("no_call")
        there = [*self.waiting(), *self._made.values()]
        if plain(number) in {plain(other.number) for other in there}:
            raise Refused("twice")
        if len(there) >= self._settings.most:
            raise Refused("full")
        place = self._waiting.position(call)
        mine = self._waiting[call]
        self._waiting.drop(call)
        kept = replace(
            mine,
            call=name_of(call),
            kind=CALLBACK,
            number=number,
            missed_by=frozenset(),
            place=place,
            asked_s=now,
            not_before_s=now + SETTLE_S,
            offered=True,  # how long it takes tells nothing of how long callers wait
        )
        self._waiting.put(kept)
        return kept

    def restore(self, callbacks: Iterable[Waiting], given_up: Iterable[Waiting]) -> None:
        """Take up what an earlier life of the process left."""
        for callback in callbacks:
            self._waiting.put(self._waiting.aged(callback))
        for callback in given_up:
            self._set_aside(callback)

    def making(self, name: str, call: str) -> None:
        """Its turn has come: `call` is made for it."""
        callback = self._waiting.drop(name)
        assert callback is not None
        self._made[call] = callback

    def came_back(self, call: str, now: float, missed_by: str = "") -> None:
        """The call made for it, or itself, came to nothing before anybody was called.

        It waits at its place again: at once when an agent missed it, else after a pause.
        """
        callback = self._made.pop(call, None)
        if callback is None and call in self._waiting and self._waiting[call].kind == CALLBACK:
            callback = self._waiting[call]
        if callback is None:
            return
        if missed_by:
            callback = replace(callback, missed_by=callback.missed_by | {missed_by})
        else:
            callback = replace(callback, not_before_s=now + POSTPONED_S)
        self._waiting.put(callback)

    def reached(self, call: str) -> Waiting | None:
        """Somebody answered: it is over. None when the call is made for no callback."""
        return self._made.pop(call, None)

    def unreached(self, call: str, now: float) -> Waiting | None:
        """Nobody answered: again later, or given up; how it stands now. None as with `reached`."""
        callback = self._made.pop(call, None)
        if callback is None:
            return None
        callback = replace(
            callback, tries=callback.tries + 1, not_before_s=now + self._settings.again_s, offered=True
        )
        if callback.tries >= self._settings.tries:
            self._set_aside(callback)
        else:
            self._waiting.put(callback)
        return callback

    def is_given_up(self, name: str) -> bool:
        """Whether nobody calls it any more."""
        return name in self._given_up

    def cancel(self, name: str) -> Waiting:
        """Nobody is to be called, or somebody has seen to it; Refused while the call is being made."""
        if any(callback.call == name for callback in self._made.values()):
            raise Refused("talking")
        found = self._given_up.pop(name, None)
        if found is None and name in self._waiting and self._waiting[name].kind == CALLBACK:
            found = self._waiting.drop(name)
        if found is None:
            raise Refused("no_call")
        return found

    def too_old(self, now: float) -> list[GaveUp]:
        """Give up what has waited too long."""
        old = [callback for callback in self.waiting() if now >= self._ends_s(callback)]
        for callback in old:
            self._waiting.drop(callback.call)
            self._set_aside(callback)
        return [GaveUp(callback, TOO_OLD) for callback in old]

    def timer(self) -> float:
        """When `too_old` has something to do; infinity for never."""
        ends = (self._ends_s(call) for call in self._waiting if call.kind == CALLBACK)
        return min(ends, default=inf)

    def _ends_s(self, callback: Waiting) -> float:
        return callback.asked_s + self._settings.keep_h * 3600

    def _set_aside(self, callback: Waiting) -> None:
        self._given_up[callback.call] = callback
        while len(self._given_up) > GIVEN_UP_MAX:
            self._given_up.popitem(last=False)


def name_of(call: str) -> str:
    """The callback's name, by that of the call it was asked in."""
    return f"{call}.{CALLBACK}"


def asked_in(name: str) -> bytes:
    """The id of the call a callback was asked in."""
    return bytes.fromhex(name.partition(".")[0])
