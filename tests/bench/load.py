"""A box under many calls at once from SIPp, and what it spent on them.

SIPp runs as processes of its own and is not counted. It needs root, for it sends its RTP by a raw socket.
Two loads: callers who press a key and wait (`ivr`), and callers whom agents take (`queued`).
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from appliance.calls import wire
from appliance.demo_data import DEMO_PASSWORD, QUICK
from appliance.people import People
from appliance.store.store import Store
from hardware.line import TICK_S
from ivr.prompts import Phrases
from ivr.voice import Voice
from tests.bench.machine import Noise, cpu_s, look, memory_mb, noise
from tests.bench.tap import Punctuality, Tap
from tests.bench.voice import write_pcap
from tests.box import ALL, Box, flows_of, record_prompts
from tests.phones import Sipp, free_pair, read_wav, users

CALL_UNITS = ("media", "calls", "store")
"""What calls need; the pages and the link to the hub only run beside them."""
HOLD_S = 20.0
RATE = 25.0
"""Calls set up in a second."""
KEY_AT_S = 3.0
SOON_S = 1.0
"""When callers press the key who are to reach an agent."""
PROMPT_S = 4.0
SPARE_LINES = 4
PASSWORD = "bench-bench"
FIRST_AGENT, FIRST_EXTENSION = 5001, 6001
SETTLE_S = 1.0
SILENT = 0.002
"""Amplitude (RMS) of less than a whisper; full scale is 1."""
TRIES = 3
STARTED_S = 0.3
"""SIPp that cannot have its ports has ended by then."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured."""

    calls: int
    call_s: float
    """How long all calls together lasted."""
    cpu_ms: dict[str, float]
    """By unit, per call-second."""
    late: float
    """Part of all ticks that came over 10 ms late."""
    worst_ms: float
    fifo: bool
    unrecorded: float
    """Part of the calls' time that is in no recording."""
    lost: float
    """Part of all packets from callers and agents that were concealed."""
    answer_p99_ms: float
    queued: float
    """Part of the calls that got into the queue: whose key was understood."""
    talked: float
    """Part of the calls an agent took."""
    one_way: int
    """Recordings with a side that says nothing in their second half."""
    rss_mb: dict[str, float]
    """By unit, while all calls were going on."""
    pss_mb: dict[str, float]
    noise: Noise
    frames: Punctuality | None
    """How our RTP came, when that was looked at."""

    @property
    def total_ms(self) -> float:
        """CPU of the whole box per call-second."""
        return sum(self.cpu_ms.values())

    @property
    def call_memory_mb(self) -> float:
        """What the processes hold that calls need (RSS)."""
        return sum(self.rss_mb[unit] for unit in CALL_UNITS)


@dataclass(slots=True)
class Load:
    """So many calls, set up at a rate, each held so long; `tap_every` looks at the RTP of every such line."""

    calls: int
    hold_s: float = HOLD_S
    rate: float = RATE
    tap_every: int = 0
    lines_a_call: int = 1
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """SIP lines of the box."""
        return self.lines_a_call * self.calls + SPARE_LINES

    @property
    def up_s(self) -> float:
        """When all calls are set up and have gone on for a while."""
        return self.calls / self.rate + 0.6 * max(0.0, self.hold_s - self.calls / self.rate)

    @property
    def arguments(self) -> tuple[str, ...]:
        """SIPp's, for the callers."""
        number = str(self.calls)
        hold = ("-d", str(round(self.hold_s * 1000)))
        pace = ("-m", number, "-l", number, "-r", f"{self.rate:g}")
        return (*pace, *hold, "-trace_rtt", "-rtt_freq", "1")


def ivr(load: Load) -> Run:
    """Each call hears the welcome, presses 1 three seconds in, hears that all are busy, then ringback."""
    with Box(ALL, settings={"sip": {"lines": load.lines}}) as box, _folder() as where:
        record_prompts(box.places, flows_of(box.settings), PROMPT_S)
        asyncio.run(speak_places(box, load.calls))
        write_pcap(where / "call.pcap", load.hold_s, KEY_AT_S)
        return _measure(box, load, where)


async def speak_places(box: Box, most: int) -> None:
    """Speak every place in the queue, as a box in service has done once and for all on its first busy day."""
    phrases, prompts = Phrases.load(), box.places.prompts
    told = [p for flow in flows_of(box.settings) for p in flow.prompts() if p in phrases]
    told = [p for p in dict.fromkeys(told) if {"position", "minutes"} & set(phrases.variables(p))]
    voice = Voice(prompts / "spoken", prompts / "recorded", phrases)
    for n in range(1, most + 1):
        await voice.prompts(told, {"position": str(n), "minutes": str(n)}, "zh")
    await voice.close()


def queued(load: Load) -> Run:
    """Each call presses 1 at once, waits in the queue, and a registered phone takes it; both speak."""
    load.lines_a_call = 2
    agents = range(load.calls)
    extensions = [{"number": str(FIRST_EXTENSION + n), "kind": "sip", "password": PASSWORD} for n in agents]
    settings = {"sip": {"lines": load.lines}, "extension": extensions}
    box = Box(ALL, settings=settings)
    hire(box, load.calls)
    with box, _folder() as where:
        write_pcap(where / "call.pcap", load.hold_s, SOON_S)
        write_pcap(where / "agent.pcap", load.hold_s)
        port = free_pair()
        register(box, load.calls, where, port)
        for n in agents:
            box.order(wire.SignIn(str(FIRST_AGENT + n), str(FIRST_EXTENSION + n)))
            box.order(wire.Ready(str(FIRST_AGENT + n)))
        ready = lambda: sum(seat.state == "ready" for seat in box.board().seats) >= load.calls  # noqa: E731
        box.wait_for(ready, 20, "all agents to be ready")
        with Sipp("agent", box.sip_port, where, "-p", str(port), "-m", str(load.calls)) as phones:
            run = _measure(box, load, where)
            phones.wait(20)
        return run


def hire(box: Box, count: int) -> None:
    """Add agents to a box that has not started."""
    people = People(Store(box.places.database, box.settings["site"]["number"]), hasher=QUICK)
    for number in range(FIRST_AGENT, FIRST_AGENT + count):
        people.create_person(str(number), f"台席{number}", DEMO_PASSWORD, ["AG"], must_change=False)


def register(box: Box, count: int, where: Path, port: int) -> None:
    """Register the extensions of these agents, all at one port where SIPp will answer."""
    accounts = [(str(FIRST_EXTENSION + n), PASSWORD) for n in range(count)]
    pace = ("-m", str(count), "-r", "50", "-p", str(port))
    with Sipp("register", box.sip_port, where, *users(where, accounts), *pace) as sipp:
        sipp.wait(count / 50 + 20)


def _measure(box: Box, load: Load, where: Path) -> Run:
    box.wait_for(lambda: box.board().media.ticks > 0, name="the media clock")
    time.sleep(SETTLE_S)
    machine, spent, clock = look(), cpu_s(box), box.board().media
    tap = Tap(box.settings["sip"]["rtp_base"], load.lines, load.tap_every) if load.tap_every else None
    with callers(box, load, where) as sipp:
        if tap is not None:
            tap.__enter__()
        time.sleep(load.up_s)
        rss, pss = memory_mb(box, "Rss"), memory_mb(box, "Pss")
        sipp.wait(load.hold_s + load.calls / load.rate + 30)
        if tap is not None:
            tap.__exit__(None, None, None)
        for kind in ("call.ended", "recording.made"):
            box.wait_for(lambda kind=kind: len(box.events(kind)) >= load.calls, 20, f"all {kind}")  # type: ignore[misc]
    after, media = cpu_s(box), settled(box)
    began = {e.subject: e.at_s for e in box.events("call.entered")}
    lasted = {e.subject: e.at_s - began[e.subject] for e in box.events("call.ended")}
    call_s = sum(lasted.values())
    made = box.facts("recording.made")
    recorded_s = sum(facts["seconds"] for facts in made)
    box_s = {unit: after[unit] - spent[unit] for unit in box.units}
    return Run(
        calls=load.calls,
        call_s=call_s,
        cpu_ms={unit: 1000 * seconds / call_s for unit, seconds in box_s.items()},
        late=(media.late - clock.late) / (media.ticks - clock.ticks),
        worst_ms=media.worst_ms,
        fifo=media.fifo,
        unrecorded=max(0.0, (call_s - recorded_s) / call_s),
        lost=(media.lost - clock.lost) * TICK_S / call_s / load.lines_a_call,
        answer_p99_ms=answer_p99_ms(where),
        queued=len(box.events("call.queued")) / load.calls,
        talked=len(box.events("call.answered")) / load.calls,
        one_way=sum(says_nothing(box.places.recordings / facts["path"]) for facts in made),
        rss_mb=rss,
        pss_mb=pss,
        noise=noise(machine, look(), sum(box_s.values())),
        frames=tap.punctuality() if tap else None,
    )


@contextmanager
def callers(box: Box, load: Load, where: Path) -> Iterator[Sipp]:
    """SIPp calling; started again where another program was quicker to take its ports."""
    for _ in range(TRIES - 1):
        with Sipp("bench", box.sip_port, where, *load.arguments) as sipp:
            time.sleep(STARTED_S)
            if sipp.running:
                yield sipp
                return
    with Sipp("bench", box.sip_port, where, *load.arguments) as sipp:
        yield sipp


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def settled(box: Box) -> wire.MediaView:
    """The media clock's figures after its next beat."""
    ticks = box.board().media.ticks
    box.wait_for(lambda: box.board().media.ticks > ticks, name="a beat of the media clock")
    return box.board().media


def says_nothing(recording: Path) -> bool:
    """Whether a side says nothing in the second half, where there is voice, ringback or an agent."""
    sides = [read_wav(recording, channel) for channel in (0, 1)]
    return any(np.sqrt(np.mean(side[len(side) // 2 :] ** 2)) < SILENT for side in sides)


def answer_p99_ms(where: Path) -> float:
    """From INVITE to 200, as SIPp measured it; its clock goes in steps of 4 ms."""
    rows = [row for path in where.glob("*_rtt.csv") for row in path.read_text().splitlines()[1:]]
    return float(np.percentile([float(row.split(";")[1]) for row in rows], 99))
