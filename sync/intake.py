"""Which files are fetched from where, in which order and how fast: a machine without wire, file or clock.

The box that wants a file pulls it, so order and speed are its own choice. From each far box one file
comes at a time: what somebody waits for first, then what belongs to tickets, then the oldest. A
file another one overtakes goes on later where it was. Whoever does not answer is asked for one
piece now and then, for ever. `now` is monotonic throughout.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sync.blob_frames import Ask
from sync.fetch import Fetch, Wanted
from sync.pace import Bucket, Rates, Window

TRIES = 3
"""So often a file may come whole and be wrong before it is set aside."""
HOLD_AFTER = 3
"""Waits in vain after which only one piece is asked for at a time."""
HOLD_S, HOLD_MOST_S = 5.0, 60.0
BEGUN_MOST = 8
"""Files of one far box begun and not whole: older ones begin again where their disk stands."""


@dataclass(frozen=True, slots=True)
class Send:
    """Ask a site for a piece."""

    site: int
    ask: Ask


@dataclass(frozen=True, slots=True)
class Write:
    """Write a piece into the file that is being made."""

    sha: bytes
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Settle:
    """Make durable what was written, and note that so much is here."""

    sha: bytes
    have: int


@dataclass(frozen=True, slots=True)
class Check:
    """All of it is here: hash it, then say so (`checked`)."""

    site: int
    sha: bytes


@dataclass(frozen=True, slots=True)
class Afresh:
    """It was not what its hash says: forget what is here; this is the nth time."""

    sha: bytes
    failures: int


@dataclass(frozen=True, slots=True)
class Aside:
    """It was wrong too often: nobody asks for it again by himself."""

    sha: bytes


@dataclass(frozen=True, slots=True)
class Missing:
    """The far box says it does not have it."""

    sha: bytes


Order = Send | Write | Settle | Check | Afresh | Aside | Missing


@dataclass(slots=True)
class Lane:
    """What comes from one far box."""

    site: int
    wants: list[Wanted] = field(default_factory=list)
    begun: dict[bytes, Fetch] = field(default_factory=dict)
    window: Window = field(default_factory=Window)
    bucket: Bucket = field(default_factory=Bucket)
    vain: int = 0
    """How often in a row an answer was waited for in vain."""
    held_s: float = 0.0
    """Until then nothing is asked for."""


class Intake:
    """All files on their way to one box. The caller tells what came; `outgoing` gives what is to be done."""

    def __init__(self, rates: Rates = Rates(), total: float = 0.0) -> None:  # noqa: B008  # frozen
        self.online = False
        self._rates = rates
        self._total = Bucket(total)
        """`total`: bytes a second from all far boxes together; 0 without limit."""
        self._lanes: dict[int, Lane] = {}
        self._checking: set[bytes] = set()
        self._orders: list[Order] = []
        self._hour = 0
        self._paused_until_s = 0.0
        self._turn = 0

    # what the caller tells

    def offer(self, site: int, wants: Sequence[Wanted]) -> None:
        """This, in this order, is wanted from a site now; what is not named is wanted no more."""
        lane = self._lanes.setdefault(site, Lane(site))
        lane.wants = sorted(wants, key=lambda one: (one.rank, one.since_s, one.sha))
        named = {one.sha for one in wants}
        lane.begun = {sha: fetch for sha, fetch in lane.begun.items() if sha in named}

    def hour(self, hour: int) -> None:
        """It is this hour of the local day."""
        self._hour = hour

    def connected(self) -> None:
        """The wire is up; begin at once."""
        self.online = True
        for lane in self._lanes.values():
            lane.vain, lane.held_s = 0, 0.0

    def disconnected(self) -> None:
        """The wire is down: what was asked for will not come."""
        self.online = False
        for lane in self._lanes.values():
            for fetch in lane.begun.values():
                fetch.recall()
            lane.window.idle()

    def hurry(self, site: int) -> None:
        """A site is heard (again)."""
        if lane := self._lanes.get(site):
            lane.vain, lane.held_s = 0, 0.0

    def unheard(self, site: int, now: float) -> None:
        """Nobody listens at a site."""
        if lane := self._lanes.get(site):
            for fetch in lane.begun.values():
                fetch.recall()
            lane.vain = max(lane.vain, HOLD_AFTER)
            self._hold(lane, now)

    def pause(self, until_s: float) -> None:
        """Nothing can be written: ask for nothing until then."""
        self._paused_until_s = until_s

    def data(self, site: int, sha: bytes, offset: int, data: bytes, now: float) -> None:
        """A piece came."""
        lane = self._lanes.get(site)
        fetch = lane.begun.get(sha) if lane else None
        asked = fetch.came(offset, len(data)) if fetch else None
        if lane is None or fetch is None or asked is None:
            return
        lane.vain, lane.held_s = 0, 0.0
        if asked.sent_s == asked.sent_s:  # not one that was given up already
            lane.window.answered(asked.sent_s, len(data), now)
        self._orders.append(Write(sha, offset, data))
        if fetch.to_settle():
            fetch.durable = fetch.have
            self._orders.append(Settle(sha, fetch.have))
        if fetch.whole and sha not in self._checking:
            self._check(lane, sha)

    def absent(self, site: int, sha: bytes) -> None:
        """The far box does not have a file."""
        lane = self._lanes.get(site)
        if lane and sha in lane.begun:
            lane.vain, lane.held_s = 0, 0.0
            self._drop(lane, sha)
            self._orders.append(Missing(sha))

    def checked(self, site: int, sha: bytes, good: bool) -> None:
        """A whole file was hashed."""
        self._checking.discard(sha)
        lane = self._lanes.get(site)
        want = next((one for one in lane.wants if one.sha == sha), None) if lane else None
        if lane is None or want is None:
            return
        self._drop(lane, sha)
        if good:
            return
        failures = want.failures + 1
        self._orders.append(Afresh(sha, failures))
        if failures >= TRIES:
            self._orders.append(Aside(sha))
        else:
            lane.wants.insert(0, replace(want, have=0, failures=failures))

    def unwritten(self, sha: bytes, durable: int) -> None:
        """Something of a file could not be written: go on from what is durable."""
        for lane in self._lanes.values():
            lane.begun.pop(sha, None)
            lane.wants = [replace(one, have=durable) if one.sha == sha else one for one in lane.wants]

    # what is to be done

    def outgoing(self, now: float) -> list[Order]:
        """What is to be done now, in this order."""
        if self.online and now >= self._paused_until_s:
            lanes = sorted(self._lanes.values(), key=lambda lane: (lane.site <= self._turn, lane.site))
            for lane in lanes:
                self._turn_of(lane, now)
        orders, self._orders = self._orders, []
        return orders

    def timer(self, now: float) -> float | None:
        """When `outgoing` must be called at the latest; None when only news can change anything."""
        if self._orders:
            return now
        if not self.online:
            return None
        dues = [self._due_s(lane) for lane in self._lanes.values() if lane.wants or lane.begun]
        due = min((due for due in dues if due is not None), default=None)
        return None if due is None else max(due, self._paused_until_s)

    def _turn_of(self, lane: Lane, now: float) -> None:
        waited_s = lane.window.timeout_s()
        if sum(fetch.late(waited_s, now) for fetch in lane.begun.values()):
            lane.vain += 1
            lane.window.lost()
            if lane.vain >= HOLD_AFTER:
                self._hold(lane, now)
        want = next((one for one in lane.wants if one.sha not in self._checking), None)
        if want is None:
            return
        fetch = self._begin(lane, want)
        if fetch.whole:  # an empty file, or one that was whole before the process was killed
            self._check(lane, want.sha)
            self._turn_of(lane, now)
            return
        lane.bucket.rate = self._rates.bytes_s(self._hour, awaited=want.rank == 0)
        while self._may_ask(lane, now) and (piece := fetch.ask(lane.window.piece, now)):
            offset, length = piece
            lane.bucket.spend(length, now)
            self._total.spend(length, now)
            self._turn = lane.site
            self._orders.append(Send(lane.site, Ask(want.sha, offset, length)))

    def _may_ask(self, lane: Lane, now: float) -> bool:
        if max(lane.held_s, lane.bucket.due_s(), self._total.due_s()) > now:
            return False
        under_way = sum(fetch.on_the_way for fetch in lane.begun.values())
        if lane.vain >= HOLD_AFTER:
            return under_way == 0
        return not under_way or under_way + lane.window.piece <= lane.window.most_bytes(lane.bucket.rate)

    def _due_s(self, lane: Lane) -> float | None:
        """When something changes in a lane by time alone."""
        sent = min((sent_s for fetch in lane.begun.values() for sent_s in fetch.times()), default=None)
        late_s = None if sent is None else sent + lane.window.timeout_s()
        want = next((one for one in lane.wants if one.sha not in self._checking), None)
        under_way = sum(fetch.on_the_way for fetch in lane.begun.values())
        room = not under_way or under_way + lane.window.piece <= lane.window.most_bytes(lane.bucket.rate)
        if want is None or not room or (lane.vain >= HOLD_AFTER and under_way) or self._all_asked(lane, want):
            return late_s
        ask_s = max(lane.held_s, lane.bucket.due_s(), self._total.due_s())
        return ask_s if late_s is None else min(ask_s, late_s)

    def _all_asked(self, lane: Lane, want: Wanted) -> bool:
        fetch = lane.begun.get(want.sha)
        return fetch is not None and not fetch.whole and not fetch.left

    def _begin(self, lane: Lane, want: Wanted) -> Fetch:
        fetch = lane.begun.pop(want.sha, None) or Fetch(want)
        for other in lane.begun.values():
            if other.asked and want.rank < other.want.rank:
                other.recall()
        lane.begun[want.sha] = fetch
        while len(lane.begun) > BEGUN_MOST:
            oldest = next(iter(lane.begun))
            behind = lane.begun.pop(oldest)
            have = behind.durable
            lane.wants = [replace(one, have=have) if one.sha == oldest else one for one in lane.wants]
        return fetch

    def _check(self, lane: Lane, sha: bytes) -> None:
        self._checking.add(sha)
        if not lane.begun[sha].asked:
            lane.window.idle()
        self._orders.append(Check(lane.site, sha))

    def _drop(self, lane: Lane, sha: bytes) -> None:
        lane.begun.pop(sha, None)
        lane.wants = [one for one in lane.wants if one.sha != sha]

    def _hold(self, lane: Lane, now: float) -> None:
        """The longer nobody answers, the more seldom it is tried."""
        pause_s = min(HOLD_S * 2.0 ** min(lane.vain - HOLD_AFTER, 8), HOLD_MOST_S)
        lane.held_s = now + pause_s
