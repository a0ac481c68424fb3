"""Calls coming and going for an hour: ``python -m tests.bench.soak [SECONDS]``; memory must stay flat.

Prints one JSON line a minute, and at the end the figures by which it was judged. Memory is judged by a
straight line through all looks but the first: how much a unit would take more in an hour, and in a
thousand calls. With ``--leaking`` the call process keeps something of every call (tests/leaking.py).
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figure import Figure, figure
from tests.bench.load import CALL_UNITS
from tests.bench.voice import write_pcap
from tests.beside import ends_whole
from tests.box import Box
from tests.phones import Sipp

BENCH = "soak"
LEAKING_UNITS = tuple(f"{unit}=tests.leaking" if unit == "calls" else unit for unit in CALL_UNITS)
HOUR_S = 3600.0
KEY_AT_S = 3.0
EVERY_S = 60.0
LOOKS = 20
"""A short soak looks more often than every minute: at least so many times."""
WARM = 0.25
"""The first part of the time, in which caches fill, does not count."""
KEPT_S = 36.0
"""Nor do the first seconds: SIP keeps what it knows of a call for 32 s after its end (RFC 3261, timer J)."""
GROWTH_KB = {"media": 3000.0, "calls": 3000.0, "store": 19_000.0}
"""Memory a unit may take more in an hour: noise of the allocator, and SQLite's page cache filling up."""
LEAK_KB = 5.0
"""And with a call: the allocator takes a MB at a time; a call that is kept holds 17 kB."""


@dataclass(frozen=True, slots=True)
class Churn:
    """Calls going on at any time, how many come in a second, and how long each stays."""

    calls: int = 20
    rate: float = 2.0
    hold_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """The box at one moment."""

    at_s: float
    memory_kb: dict[str, int]
    files: dict[str, int]
    """Open files, by unit."""


@dataclass(frozen=True, slots=True)
class Soaked:
    """What became of the calls and of the box."""

    seconds: float
    rate: float
    calls: int
    rung: int
    ended: int
    lost: int
    """Ended for another reason than somebody hanging up."""
    late: float
    """Part of the ticks that came over 10 ms late."""
    fifo: bool
    looks: list[Look]

    @property
    def warm(self) -> list[Look]:
        """Looks that count."""
        since_s = max(WARM * self.seconds, KEPT_S)
        return [one for one in self.looks if one.at_s >= since_s] or self.looks

    def growth_kb_s(self, unit: str) -> float:
        """How fast a unit's memory grows."""
        return slope([one.at_s for one in self.warm], [one.memory_kb[unit] for one in self.warm])

    def more_files(self, unit: str) -> int:
        """How many more files a unit has open than when it was warm."""
        return self.warm[-1].files[unit] - self.warm[0].files[unit]


def soak(seconds: float, churn: Churn, say: bool = False, units: Sequence[str] = CALL_UNITS) -> Soaked:
    """Let calls come and go for so long."""
    lines = {"sip": {"lines": 2 * churn.calls}}
    with tempfile.TemporaryDirectory() as folder, Box(units, settings=lines) as box:
        write_pcap(Path(folder) / "call.pcap", churn.hold_s, min(KEY_AT_S, churn.hold_s / 3))
        total = max(churn.calls, round(seconds * churn.rate))
        began_s = time.monotonic()
        looks: list[Look] = []
        limits = ("-m", str(total), "-l", str(churn.calls), "-r", f"{churn.rate:g}")
        hold = ("-d", str(round(churn.hold_s * 1000)))
        with Sipp("bench", box.sip_port, Path(folder), *limits, *hold) as sipp:
            while (now_s := time.monotonic() - began_s) < seconds:
                looks.append(look(box, now_s))
                if say:
                    print(json.dumps({"at_s": round(now_s), "kb": looks[-1].memory_kb}), flush=True)
                time.sleep(min(EVERY_S, max(1.0, seconds / LOOKS), max(0.1, seconds - now_s)))
            sipp.wait(churn.hold_s + 60)
        box.wait_for(lambda: not box.calls(), 30, "all calls to end")
        ended, media = box.facts("call.ended"), box.board().media
        return Soaked(
            seconds=seconds,
            rate=churn.rate,
            calls=total,
            rung=len(box.events("call.ringing")),
            ended=len(ended),
            lost=sum(facts["cause"] != 16 for facts in ended),
            late=media.late / max(1, media.ticks),
            fifo=media.fifo,
            looks=looks,
        )


def figures(soaked: Soaked, churn: Churn) -> Iterator[Figure]:
    """How the box bore it; memory in an hour is judged only when there was time for the noise to even out."""
    yield figure(BENCH, "calls", soaked.calls, "")
    yield figure(BENCH, "calls_not_ended", soaked.rung - soaked.ended, "", 0)
    yield figure(BENCH, "calls_not_taken", soaked.calls - soaked.rung, "", 0)
    yield figure(BENCH, "calls_lost", soaked.lost, "", 0)
    yield figure(BENCH, "ticks_late_10ms", 100 * soaked.late, "%", 0.1 if soaked.fifo else None)
    for unit in CALL_UNITS:
        kb_s = soaked.growth_kb_s(unit)
        goal_kb = GROWTH_KB[unit] if soaked.seconds >= HOUR_S / 4 else None
        yield figure(BENCH, f"memory_{unit}_growth", kb_s * HOUR_S, "kB/h", goal_kb)
        yield figure(BENCH, f"memory_{unit}_growth_by_call", kb_s / soaked.rate, "kB/call", LEAK_KB)
        yield figure(BENCH, f"memory_{unit}", soaked.looks[-1].memory_kb[unit], "kB")
        yield figure(BENCH, f"open_files_{unit}", soaked.more_files(unit), "more", 2 * churn.calls)


def look(box: Box, at_s: float) -> Look:
    """How much each unit holds (proc(5)): its own memory, not pages of files, which can be had again."""
    memory, files = {}, {}
    for unit, pid in box.pids().items():
        status = Path(f"/proc/{pid}/status").read_text()
        memory[unit] = int(status.partition("RssAnon:")[2].split()[0])
        files[unit] = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Look(at_s, memory, files)


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """How fast y grows with x, by least squares."""
    if len(xs) < 2:
        return 0.0
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True)) / sum((x - x0) ** 2 for x in xs)


def main(arguments: Sequence[str]) -> int:
    """Soak; 1 when a goal was missed."""
    ends_whole()
    parser = argparse.ArgumentParser(prog="tests.bench.soak", description="Let calls come and go.")
    parser.add_argument("seconds", type=float, nargs="?", default=HOUR_S)
    usual = Churn()
    parser.add_argument("--rate", type=float, default=usual.rate, help="calls a second")
    parser.add_argument("--hold", type=float, default=usual.hold_s, help="seconds a call stays")
    parser.add_argument("--leaking", action="store_true", help="keep something of every call")
    options = parser.parse_args(arguments)
    units = LEAKING_UNITS if options.leaking else CALL_UNITS
    churn = Churn(rate=options.rate, hold_s=options.hold)
    soaked = soak(options.seconds, churn, say=True, units=units)
    found = list(figures(soaked, churn))
    for one in found:
        print(json.dumps(one), flush=True)
    return 1 if any(one["met"] is False for one in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
