"""Who waits in which queue, at which place, how long it is likely to take, and when it overflows.

Pure; `appliance.calls.acd` decides with it who is offered what.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from math import inf
from statistics import fmean

from appliance.calls.routing import CALL, Waiting, area_of, patience_ends
from appliance.published import Area, Queue

EXPECT_MAX_S = 3600.0
SAMPLES = 20
"""So many recent waits of a queue tell how long the next will be."""
REMEMBERED = 10_000
"""Callers whose last agent is known."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """A call waits in queue `to` now; when empty it waits on and its flow is to say what comes next."""

    call: str
    queue: str
    to: str
    why: str
    """time, or length."""


class WaitingCalls:
    """The waiting calls of every queue."""

    def __init__(self) -> None:
        self._calls: dict[str, Waiting] = {}
        self._nth = 0
        self._queues: Mapping[str, Queue] = {}
        self._areas: tuple[Area, ...] = ()
        self._spoke: OrderedDict[str, tuple[str, float]] = OrderedDict()
        """Caller to the agent spoken with last, and when."""
        self._waits: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=SAMPLES))
        """By queue: recent waits, per place, as one agent alone would have made them."""

    def define(self, queues: Iterable[Queue], areas: Iterable[Area]) -> None:
        """Take new settings; who waits stays."""
        self._queues = {queue.name: queue for queue in queues}
        self._areas = tuple(areas)

    def __contains__(self, call: str) -> bool:
        return call in self._calls

    def __getitem__(self, call: str) -> Waiting:
        return self._calls[call]

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._calls.values())

    def in_order(self) -> list[Waiting]:
        """Every waiting call, who is served first in front."""
        return sorted(self._calls.values(), key=lambda waiting: waiting.order)

    def settings(self, queue: str) -> Queue:
        """A queue's settings; a flow may name a queue that nobody has set."""
        return self._queues.get(queue) or Queue(queue)

    def position(self, call: str) -> int:
        """A call's place in its queue, 1 is next."""
        mine = self._calls[call]
        return 1 + sum(w.order < mine.order for w in self._calls.values() if w.queue == mine.queue)

    def next_position(self, queue: str, priority: int) -> int:
        """The place a call would get that joined now."""
        mine = priority or self.settings(queue).priority
        return 1 + sum(w.queue == queue and w.priority >= mine for w in self._calls.values())

    def join(
        self,
        call: str,
        queue: str,
        now: float,
        priority: int,
        caller: str,
        area: str,
        ringing: Set[str],
    ) -> None:
        """A call begins to wait; `ringing` are the calls somebody's phone rings for."""
        settings = self.settings(queue)
        agent, spoke_s = self._spoke.get(caller, ("", -inf))
        lately = now < spoke_s + settings.last_agent_h * 3600
        self._nth += 1
        fresh = Waiting(
            call=call,
            queue=queue,
            since_s=now,
            priority=priority or settings.priority,
            caller=caller,
            area=area if area in {each.name for each in self._areas} else area_of(caller, self._areas),
            last_agent=agent if lately else "",
            nth=self._nth,
        )
        self._enter(fresh, now, ringing)
        self._calls[call] = replace(self._calls[call], place=self.position(call))

    def drop(self, call: str) -> Waiting | None:
        """A call waits no longer."""
        return self._calls.pop(call, None)

    def put(self, call: Waiting) -> None:
        """A call waits, or waits again, at the place it has."""
        self._calls[call.call] = call

    def aged(self, call: Waiting) -> Waiting:
        """A call of an earlier life: as old as it is, its number and area known anew."""
        self._nth += 1
        return replace(call, nth=self._nth, area=call.area or area_of(call.caller, self._areas))

    def spoke(self, caller: str, agent: str, now: float) -> None:
        """An agent speaks with a caller, who may come back to the same one."""
        if caller:
            self._spoke[caller] = agent, now
            self._spoke.move_to_end(caller)
            if len(self._spoke) > REMEMBERED:
                self._spoke.popitem(last=False)

    def missed(self, call: str, agent: str) -> None:
        """An agent did not take the call: others come first from now on."""
        if call in self._calls:
            mine = self._calls[call]
            self._calls[call] = replace(mine, missed_by=mine.missed_by | {agent})

    def offered(self, call: str, agents: int, now: float) -> None:
        """A phone rings for the call, one of so many `agents` on duty: what the wait was tells the next."""
        mine = self._calls[call]
        if not mine.offered:
            self._calls[call] = replace(mine, offered=True)
            if now > mine.since_s:
                self._waits[mine.queue].append((now - mine.since_s) * agents / mine.place)

    def expect_s(self, queue: str, position: int, agents: int) -> float | None:
        """How long a call at this place is likely to wait from now; None when unknown."""
        waits = self._waits[queue]
        if not waits:
            return None
        return min(EXPECT_MAX_S, position * fmean(waits) / agents) if agents else EXPECT_MAX_S

    def timer(self, seen_s: float) -> float | None:
        """When a wait or somebody's patience runs out next, after `seen_s`."""
        times: list[float] = []
        for call in self._calls.values():
            times += (call.overflows_s, call.not_before_s)
            times += patience_ends(call, self.settings(call.queue))
        return min((at for at in times if seen_s < at < inf), default=None)

    def overflow(self, now: float, ringing: Set[str]) -> list[Overflow]:
        """Send on the calls whose time has come and for which no phone rings."""
        gone: list[Overflow] = []
        for call in list(self._calls.values()):
            if now < call.overflows_s or call.call in ringing:
                continue
            to = self.settings(call.queue).overflow_to
            if to in self._queues and to not in (call.queue, *call.been):
                self._enter(replace(call, queue=to, been=(*call.been, call.queue)), now, ringing)
            else:
                to = ""
                self._calls[call.call] = replace(call, overflows_s=inf)
            if to or call.kind == CALL:
                gone.append(Overflow(call.call, call.queue, to, call.overflows_by))
        return gone

    def _enter(self, call: Waiting, now: float, ringing: Set[str]) -> None:
        """Put a call into its queue: when it will overflow is known from the start."""
        queue = self.settings(call.queue)
        others = sum(w.queue == queue.name and w.call not in ringing for w in self._calls.values())
        if 0 < queue.overflow_length <= others:
            at, by = now, "length"
        else:
            at, by = (now + queue.overflow_s if queue.overflow_s > 0 else inf), "time"
        self._calls[call.call] = replace(call, overflows_s=at, overflows_by=by)
