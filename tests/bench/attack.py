"""Calls under a hail of hostile messages: ``python -m tests.bench.attack [CALLS] [SECONDS]``.

Citizens call a box and speak; meanwhile 1,000 messages a second of the corpus in tests/data, and
mutations of it, come to its SIP port and its voice ports. Every packet of the box is counted.
"""

import asyncio
import json
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from hardware.line import FRAME, TICK_S, Answered, Cause, Cleared, Signal
from hardware.media import g711
from hardware.media.rtp import build, parse
from hardware.sip.endpoint import SipEndpoint, SipSettings
from tests.box import Box, free_range
from tests.phones import HERE
from tests.sipp.hostile import TOKENS, corpus

CALLS = 50
SECONDS = 30.0
PER_S = 1000
VOICE_PART = 0.2
"""Part of the attack that goes to voice ports."""
STRANGER = "127.0.0.66"
"""Another address of this machine: the box knows nobody there."""
LATE_S = 3 * TICK_S
STAMP = 35  # SO_TIMESTAMPNS
_ADDRESS = re.compile(rb"(?<![\d.])(?!127\.0\.0\.)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What citizens had of their calls under attack."""

    calls: int
    """Calls answered and not ended by anybody but us."""
    frames: int
    missing: int
    late: int
    """Frames that came more than 60 ms after the one before."""
    worst_ms: float
    sent: int
    """Hostile messages."""


class Voices:
    """The RTP of all citizens, in a thread of its own: speaks like a phone, counts what comes."""

    def __init__(self, base: int, calls: int) -> None:
        self.sockets = [_bound(base + 2 * n) for n in range(calls)]
        self.heard: dict[int, list[tuple[float, int]]] = {n: [] for n in range(calls)}
        """Arrival and sequence number of each packet."""
        self.there: dict[int, tuple[str, int]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()
        for one in self.sockets:
            one.close()

    def since(self, at: float) -> None:
        """Forget what came before."""
        for heard in self.heard.values():
            heard[:] = [entry for entry in heard if entry[0] >= at]

    def _run(self) -> None:
        codes = np.zeros(FRAME, np.uint8)
        g711.encode(
            g711.PCMA, (8000 * np.sin(2 * np.pi * 600 * np.arange(FRAME) / 8000)).astype(np.int16), codes
        )
        voice, tick, due = codes.tobytes(), 0, time.monotonic()
        while not self._stop.is_set():
            self._listen(due + TICK_S)
            due += TICK_S
            tick += 1
            for n, there in list(self.there.items()):
                self.sockets[n].sendto(build(8, tick, tick * FRAME, n, voice), there)

    def _listen(self, until: float) -> None:
        while (left_s := until - time.monotonic()) > 0:
            ready, _, _ = select.select(self.sockets, [], [], left_s)
            for one in ready:
                data, more, _, sender = one.recvmsg(2048, 64)
                packet = parse(data, len(data))
                n = self.sockets.index(one)
                if packet is not None and packet.payload == 8:
                    seconds, nanos = struct.unpack("qq", more[0][2])
                    self.heard[n].append((seconds + nanos / 1e9, packet.seq))
                    self.there[n] = sender


def _bound(port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, STAMP, 1)
    one.bind((HERE, port))
    return one


@asynccontextmanager
async def citizens(base: int, calls: int) -> Any:
    """Phones of so many citizens on one SIP port."""
    endpoint = SipEndpoint(SipSettings(HERE, 0, HERE, base, calls, "citizens"))
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await endpoint.stop()


async def called(endpoint: SipEndpoint, box: Box, said: dict[str, list[Signal]]) -> None:
    """All call the hotline and are answered."""
    for line in endpoint.lines:
        line.open(said.setdefault(line.name, []).append)
        line.dial(f"sip:12345@{HERE}:{box.sip_port}", "13800138000")
        await asyncio.sleep(0.05)
    async with asyncio.timeout(20):
        while not all(Answered() in signals for signals in said.values()):
            await asyncio.sleep(0.02)


def attacked(box: Box, calls: int, seconds: float, source: str, per_s: int = PER_S) -> Outcome:
    """Call, be attacked for so long, count, hang up. Without `per_s` nobody attacks."""
    base = _apart(box, calls)
    voices = Voices(base, calls)

    async def run() -> Outcome:
        said: dict[str, list[Signal]] = {}
        async with citizens(base, calls) as endpoint:
            await called(endpoint, box, said)
            await asyncio.sleep(0.5)
            voices.since(time.time())
            sent = await _attack(box, source, per_s, seconds)
            unharmed = [s for s in said.values() if not any(isinstance(signal, Cleared) for signal in s)]
            heard = {n: list(entries) for n, entries in voices.heard.items()}
            for line in endpoint.lines:
                line.hangup(Cause.NORMAL)
        return _judged(heard, len(unharmed), sent)

    try:
        return asyncio.run(run())
    finally:
        voices.close()


def _apart(box: Box, calls: int) -> int:
    """Ports for so many voices, none of them the box's: of those that are idle it holds none."""
    ours, lines = box.settings["sip"]["rtp_base"], box.settings["sip"]["lines"]
    while True:
        base = free_range(2 * calls)
        if base >= ours + 2 * lines or base + 2 * calls <= ours:
            return base


async def _attack(box: Box, source: str, per_s: int, seconds: float) -> int:
    if not per_s:
        await asyncio.sleep(seconds)
        return 0
    base, lines = box.settings["sip"]["rtp_base"], box.settings["sip"]["lines"]
    arguments = [str(x) for x in ("--flood", source, box.sip_port, base, lines, per_s, seconds)]
    flood = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.attack", *arguments), stdout=subprocess.PIPE
    )
    out, _ = await flood.communicate()
    assert flood.returncode == 0
    return int(out)


def _judged(heard: dict[int, list[tuple[float, int]]], unharmed: int, sent: int) -> Outcome:
    frames = missing = late = 0
    worst_s = 0.0
    for entries in heard.values():
        times = np.array([at for at, _ in entries])
        steps = np.diff(np.array([seq for _, seq in entries])) & 0xFFFF
        frames += len(entries)
        missing += int((steps - 1)[steps < 0x8000].sum())
        gaps = np.diff(times)
        late += int((gaps > LATE_S).sum())
        worst_s = max(worst_s, float(gaps.max(initial=0.0)))
    return Outcome(unharmed, frames, missing, late, 1000 * worst_s, sent)


# The attacker, a process of its own


def flood(source: str, sip_port: int, rtp_base: int, lines: int, per_s: int, seconds: float) -> int:
    """Send hostile messages evenly; how many. All addresses within are of this machine."""
    chance = random.Random(1)
    local = source.encode()
    messages = [_ADDRESS.sub(local, data)[:60000] for data in corpus("sip").values()]
    bodies = [_ADDRESS.sub(local, data) for data in corpus("sdp").values()]
    packets = [data[:1400] for data in corpus("rtp").values()]
    sent, began = 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((source, 0))
        while (now := time.monotonic() - began) < seconds:
            while sent < now * per_s:
                sent += 1
                if chance.random() < VOICE_PART:
                    port = rtp_base + 2 * chance.randrange(lines)
                    one.sendto(_mutated(chance, packets), (HERE, port))
                else:
                    kinds = messages if chance.random() < 0.8 else bodies
                    one.sendto(_mutated(chance, kinds), (HERE, sip_port))
            time.sleep(0.005)
    return sent


def _mutated(chance: random.Random, among: Sequence[bytes]) -> bytes:
    data = bytearray(chance.choice(among))
    for _ in range(chance.randrange(3)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(3):
            case 0:
                data[at:at] = chance.choice(TOKENS)
            case 1:
                del data[at : at + chance.randrange(40)]
            case _ if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


# By hand


def figures(calls: int = CALLS, seconds: float = SECONDS) -> Iterator[dict[str, Any]]:
    """The same calls in peace, attacked by a stranger, and from an address where phones of ours are."""
    with Box(settings={"sip": {"lines": calls + 20}}) as box:
        for name, source, per_s in (("peace", HERE, 0), ("stranger", STRANGER, PER_S), ("near", HERE, PER_S)):
            found = attacked(box, calls, seconds, source, per_s)
            for what in ("calls", "frames", "missing", "late", "worst_ms", "sent"):
                value = round(getattr(found, what), 3)
                goal = {"calls": calls, "missing": 0}.get(what)
                met = None if goal is None else value == goal
                yield {
                    "bench": "attack",
                    "figure": f"{name}_{what}",
                    "value": value,
                    "goal": goal,
                    "met": met,
                }
            box.wait_for(lambda: not box.calls(), 60, "all calls to end")


def main(arguments: Sequence[str]) -> int:
    """Attack, or measure; 1 when a goal was missed."""
    if arguments[:1] == ["--flood"]:
        source, *numbers, seconds = arguments[1:]
        sip_port, rtp_base, lines, per_s = map(int, numbers)
        print(flood(source, sip_port, rtp_base, lines, per_s, float(seconds)))
        return 0
    given = [float(argument) for argument in arguments]
    missed = 0
    for one in figures(*([int(given[0]), *given[1:]] if given else ())):
        print(json.dumps(one), flush=True)
        missed += one["met"] is False
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
