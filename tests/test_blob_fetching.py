"""Files fetched over a wire that loses, doubles, delays and garbles: whole, in order, at the rate."""

import hashlib
import heapq
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.blob_frames import Absent, Ask, Data, decode, encode
from sync.fetch import DURABLE_EVERY_BYTES, Wanted
from sync.frames import FrameError
from sync.giving import WAITING_MOST, Giver
from sync.intake import Afresh, Aside, Check, Intake, Missing, Order, Send, Settle, Write
from sync.pace import BURST_S, WINDOW_FLOOR_BYTES, Rates

NO_LIMIT = Rates(0, 0)
KB = 1024


def content(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@dataclass
class Faults:
    """What the wire does, each as a probability; times in seconds."""

    lose: float = 0.0
    double: float = 0.0
    garble: float = 0.0
    delay_s: float = 0.02
    jitter_s: float = 0.0
    line: float = 0.0
    """Bytes a second of the line; 0 without limit."""


class World:
    """One box that fetches from sites, in virtual time; its disk is a table that keeps what is durable."""

    def __init__(
        self,
        files: Mapping[int, Sequence[bytes]],
        seed: int = 1,
        faults: Faults | None = None,
        rates: Rates = NO_LIMIT,
        total: float = 0.0,
        uplink: float = 0.0,
    ) -> None:
        self.dice = random.Random(seed)
        self.faults = faults or Faults()
        self.rates, self.total = rates, total
        self.now = 100.0
        self.files = {(site, sha(data)): data for site, some in files.items() for data in some}
        self.givers = {site: Giver(uplink) for site in files}
        self.wants = {
            key: Wanted(key[1], len(data), key[0], 2, float(n))
            for n, (key, data) in enumerate(self.files.items())
        }
        self.parts: dict[bytes, bytearray] = {}
        self.held: list[bytes] = []
        self.aside: list[bytes] = []
        self.missing: list[bytes] = []
        self.sent: list[tuple[float, int, Ask]] = []
        self.refetched = 0
        self._wire: list[tuple[float, int, int, bytes, bool]] = []
        self._line_free_s: dict[int, float] = {}
        self._count = 0
        self.begin()

    def begin(self) -> None:
        """Start the process (again): what it knows is what is durable."""
        self.intake = Intake(self.rates, self.total)
        self.intake.connected()
        self.offer()

    def kill(self) -> None:
        """Kill the process: what was not made durable is torn."""
        for want in self.wants.values():
            part = self.parts.get(want.sha)
            if part is not None:
                part[want.have :] = self.dice.randbytes(max(0, len(part) - want.have))
        self.begin()

    def offer(self) -> None:
        for site in self.givers:
            self.intake.offer(site, [want for (at, _), want in self.wants.items() if at == site])

    def run(self, until_s: float = 3600.0, steps: int = 200_000) -> None:
        """Go on until everything is here or set aside, or so long."""
        end = self.now + until_s
        for _ in range(steps):
            for order in self.intake.outgoing(self.now):
                self._do(order)
            for site, giver in self.givers.items():
                for _, ask in giver.outgoing(self.now):
                    self._give(site, ask)
            if not self.wants and not self._wire:
                return
            dues = [self.intake.timer(self.now), *(giver.timer() for giver in self.givers.values())]
            dues.append(self._wire[0][0] if self._wire else None)
            due = min((due for due in dues if due is not None), default=None)
            if due is None or due > end:
                self.now = end
                return
            self.now = max(self.now, due)
            while self._wire and self._wire[0][0] <= self.now:
                _, _, site, frame, up = heapq.heappop(self._wire)
                self._hear(site, frame, up)
        raise AssertionError("the machine turns without time going by")

    def _do(self, order: Order) -> None:
        match order:
            case Send(site, ask):
                self.sent.append((self.now, site, ask))
                self._post(site, encode(ask), up=False)
            case Write(name, offset, data):
                part = self.parts.setdefault(name, bytearray())
                part.extend(bytes(max(0, offset + len(data) - len(part))))
                part[offset : offset + len(data)] = data
            case Settle(name, have):
                self._want(name, have=have)
            case Check(site, name):
                key = (site, name)
                good = sha(bytes(self.parts.get(name, b""))) == name
                if good:
                    self.held.append(name)
                    del self.wants[key]
                self.intake.checked(site, name, good)
            case Afresh(name, failures):
                self.parts.pop(name, None)
                self._want(name, have=0, failures=failures)
            case Aside(name):
                self.aside.append(name)
                del self.wants[self._key(name)]
            case Missing(name):
                self.missing.append(name)
                del self.wants[self._key(name)]

    def _key(self, name: bytes) -> tuple[int, bytes]:
        return next(key for key in self.wants if key[1] == name)

    def _want(self, name: bytes, **changes: int) -> None:
        key = self._key(name)
        self.wants[key] = replace(self.wants[key], **changes)  # type: ignore[arg-type]

    def _give(self, site: int, ask: Ask) -> None:
        whole = self.files.get((site, ask.sha))
        if whole is None:
            self._post(site, encode(Absent(ask.sha)), up=True)
            return
        data = whole[ask.offset : ask.offset + ask.length]
        if self.dice.random() < self.faults.garble:
            data = bytes([data[0] ^ 1]) + data[1:]
        self._post(site, encode(Data(ask.sha, ask.offset, data)), up=True)

    def _post(self, site: int, frame: bytes, up: bool) -> None:
        faults = self.faults
        copies = 0 if self.dice.random() < faults.lose else 2 if self.dice.random() < faults.double else 1
        for _ in range(copies):
            at_s = self.now
            if up and faults.line:
                at_s = max(self.now, self._line_free_s.get(site, 0.0)) + len(frame) / faults.line
                self._line_free_s[site] = at_s
            at_s += faults.delay_s + self.dice.random() * faults.jitter_s
            self._count += 1
            heapq.heappush(self._wire, (at_s, self._count, site, frame, up))

    def _hear(self, site: int, frame: bytes, up: bool) -> None:
        match decode(frame):
            case Ask() as ask:
                self.givers[site].asked(0, ask)
            case Data(name, offset, data):
                self.intake.data(site, name, offset, data, self.now)
            case Absent(name):
                self.intake.absent(site, name)


SIZES = st.lists(st.integers(0, 300 * KB), min_size=1, max_size=3)


@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(SIZES, min_size=1, max_size=3),
    faults=st.builds(
        Faults,
        lose=st.sampled_from([0.0, 0.05, 0.3]),
        double=st.sampled_from([0.0, 0.3]),
        delay_s=st.sampled_from([0.001, 0.2]),
        jitter_s=st.sampled_from([0.0, 0.5, 3.0]),
    ),
    kills=st.lists(st.floats(0.01, 20.0), max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_every_file_arrives_whole_however_bad_the_wire_is_and_whenever_the_process_is_killed(
    seed: int, sizes: list[list[int]], faults: Faults, kills: list[float]
) -> None:
    files = {
        site: [content(seed * 100 + site * 10 + n, size) for n, size in enumerate(some)]
        for site, some in enumerate(sizes, 1)
    }
    world = World(files, seed, faults)
    for pause_s in kills:
        world.run(pause_s)
        world.kill()
    world.run()
    assert world.wants == {}
    assert world.aside == []
    assert {name: bytes(world.parts.get(name, b"")) for name in world.held} == {
        sha(data): data for some in files.values() for data in some
    }


def test_after_a_kill_nothing_durable_is_fetched_again() -> None:
    size = 3 * DURABLE_EVERY_BYTES + 500 * KB
    world = World({1: [content(1, size)]}, faults=Faults(line=250_000))
    world.run(11)
    (want,) = world.wants.values()
    assert want.have >= 2 * DURABLE_EVERY_BYTES
    before = len(world.sent)
    world.kill()
    world.run()
    assert len(world.held) == 1
    assert min(ask.offset for _, _, ask in world.sent[before:]) == want.have


def test_a_file_that_is_never_what_its_hash_says_is_set_aside_after_three_times_and_others_come() -> None:
    good, bad = content(1, 100 * KB), content(2, 100 * KB)
    world = World({1: [bad, good]})
    world.files[1, sha(bad)] = content(3, 100 * KB)
    world.run()
    assert (world.held, world.aside, world.wants) == ([sha(good)], [sha(bad)], {})
    asked = sum(ask.length for _, _, ask in world.sent if ask.sha == sha(bad))
    assert asked == 3 * 100 * KB


def test_a_byte_that_was_garbled_once_costs_one_more_fetch() -> None:
    world = World({1: [content(1, 40 * KB)]}, faults=Faults(garble=1.0))
    world.run(0.06)
    world.faults.garble = 0.0
    world.run()
    assert len(world.held) == 1
    assert world.aside == []


def test_what_the_site_does_not_have_is_said_and_the_next_one_comes() -> None:
    here, gone = content(1, 50 * KB), content(2, 50 * KB)
    world = World({1: [gone, here]})
    del world.files[1, sha(gone)]
    world.run()
    assert (world.missing, world.held) == ([sha(gone)], [sha(here)])


def test_what_somebody_waits_for_overtakes_and_the_other_goes_on_where_it_was() -> None:
    large, small = content(1, 2000 * KB), content(2, 100 * KB)
    world = World({1: [large, small]}, faults=Faults(line=250_000))
    world.run(2.0)
    key = (1, sha(small))
    assert not any(ask.sha == sha(small) for _, _, ask in world.sent)
    world.wants[key] = replace(world.wants[key], rank=0)
    world.offer()
    world.run()
    assert world.held == [sha(small), sha(large)]
    asked = sum(ask.length for _, _, ask in world.sent if ask.sha == sha(large))
    assert asked <= len(large) + 96 * KB, "what came already is not fetched again"


def test_tickets_come_before_the_rest_and_among_equals_the_oldest() -> None:
    some = [content(n, 10 * KB) for n in range(4)]
    world = World({1: some})
    keys = list(world.wants)
    for key, (rank, since_s) in zip(keys, [(2, 1.0), (2, 0.0), (1, 9.0), (1, 8.0)], strict=True):
        world.wants[key] = replace(world.wants[key], rank=rank, since_s=since_s)
    world.offer()
    world.run()
    assert world.held == [sha(some[n]) for n in (3, 2, 1, 0)]


@given(kbit=st.sampled_from([64, 256, 2048]), delay_s=st.sampled_from([0.005, 0.3]))
@settings(max_examples=10, deadline=None)
def test_a_site_is_never_asked_for_more_than_its_rate_nor_for_more_at_once_than_the_window(
    kbit: int, delay_s: float
) -> None:
    rate = kbit * 125
    world = World({1: [content(1, rate * 20)]}, faults=Faults(delay_s=delay_s), rates=Rates(kbit, kbit))
    world.run()
    assert len(world.held) == 1
    times = [(at_s, ask.length) for at_s, _, ask in world.sent]
    for first in range(0, len(times), 7):
        total = 0
        for at_s, length in times[first : first + 60]:
            total += length
            assert total <= rate * (at_s - times[first][0] + BURST_S) + 2 * 16 * KB
    most = max(WINDOW_FLOOR_BYTES, rate * BURST_S)
    answer_s = 1.98 * delay_s
    for at_s, _ in times:
        assert sum(length for sent_s, length in times if at_s - answer_s < sent_s <= at_s) <= most


def test_a_slow_line_is_used_up_and_never_holds_more_than_a_little_of_a_file() -> None:
    """2 Mbit/s: what waits in front of an event is what is on its way beyond what the line carries."""
    line = 250_000
    world = World({1: [content(1, 5000 * KB)]}, faults=Faults(line=line, delay_s=0.02), rates=Rates(0, 0))
    began = world.now
    world.run()
    assert 5000 * KB / (world.now - began) > 0.9 * line
    came: dict[int, float] = {}
    waits = []
    free_s = 0.0
    for at_s, _, ask in world.sent:
        arrives = at_s + 0.02
        waits.append(max(0.0, free_s - arrives))
        free_s = max(free_s, arrives) + ask.length / line
        came[ask.offset] = free_s
    waits.sort()
    assert waits[int(len(waits) * 0.95)] < 0.12


def test_all_sites_together_stay_within_the_total() -> None:
    some: dict[int, Sequence[bytes]] = {site: [content(site, 400 * KB)] for site in (1, 2, 3)}
    world = World(some, total=100_000.0)
    began = world.now
    world.run()
    assert len(world.held) == 3
    assert world.now - began >= 3 * 400 * KB / 100_000 - 1
    firsts = {site: next(at_s for at_s, at, _ in world.sent if at == site) for site in some}
    assert max(firsts.values()) < began + 2, "each in its turn"


def test_a_site_keeps_to_its_own_cap_whatever_it_is_asked() -> None:
    world = World({1: [content(1, 500 * KB)]}, uplink=50_000.0)
    began = world.now
    world.run()
    assert world.held
    assert world.now - began >= 500 * KB / 50_000 - 1


def test_day_and_night_have_rates_of_their_own_and_who_waits_has_the_faster() -> None:
    rates = Rates(256, 4096, 8, 20)
    assert [rates.bytes_s(hour, awaited=False) for hour in (7, 8, 19, 20)] == [
        512_000,
        32_000,
        32_000,
        512_000,
    ]
    assert rates.bytes_s(12, awaited=True) == 512_000
    assert Rates(256, 0).bytes_s(12, awaited=True) == 0.0, "0 is without limit"


def test_who_does_not_answer_is_asked_ever_more_seldom_and_at_once_when_heard() -> None:
    world = World({1: [content(1, 100 * KB)]}, faults=Faults(lose=1.0))
    world.run(3600)
    assert 50 < len(world.sent) < 100
    world.faults.lose = 0.0
    world.intake.hurry(1)
    began = world.now
    world.run()
    assert world.held
    assert world.now - began < 5


def test_a_full_disk_stops_the_asking_until_it_is_tried_again() -> None:
    data = content(1, 300 * KB)
    world = World({1: [data]}, faults=Faults(line=100_000))
    world.run(1.0)
    world.intake.unwritten(sha(data), 0)
    world.intake.pause(world.now + 30)
    asked = len(world.sent)
    world.run(29)
    assert len(world.sent) == asked
    world.run()
    assert world.held == [sha(data)]


def test_what_is_wanted_no_more_is_asked_for_no_more() -> None:
    data = content(1, 300 * KB)
    world = World({1: [data]}, faults=Faults(line=50_000))
    world.run(1.0)
    world.wants.clear()
    world.offer()
    asked = len(world.sent)
    world.run(60)
    assert len(world.sent) == asked


def test_a_giver_remembers_only_so_much_and_serves_each_in_its_turn() -> None:
    giver = Giver()
    name = bytes(32)
    for offset in range(WAITING_MOST + 10):
        giver.asked(1, Ask(name, offset, 1))
    giver.asked(2, Ask(name, 0, 1))
    giver.asked(2, Ask(name, 0, 1))
    given = giver.outgoing(0.0)
    assert len(given) == WAITING_MOST + 1
    assert [far for far, _ in given[:3]] == [1, 2, 1]


@given(st.binary(max_size=200))
def test_nonsense_is_no_frame(data: bytes) -> None:
    try:
        frame = decode(data)
    except FrameError:
        return
    assert decode(encode(frame)) == frame
