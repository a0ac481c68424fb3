"""An hour of calls coming and going: ``python -m tests.bench.soak [SECONDS]``; memory must stay flat.

Prints one JSON line a minute, and at the end the figures by which it was judged.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.call import UNITS, Figure, write_pcap
from tests.box import Box
from tests.phones import Sipp

HOUR_S = 3600.0
CALLS = 20
"""Calls going on at any time."""
HOLD_S = 10.0
RATE = 2
EVERY_S = 60.0
WARM = 0.25
"""The first part of the time, in which caches fill, does not count."""
GROWTH_KB = {"media": 3000.0, "calls": 3000.0, "store": 19_000.0}
"""Memory a unit may take more in an hour: noise of the allocator, and SQLite's page cache filling up."""


@dataclass(frozen=True, slots=True)
class Look:
    """The box at one moment."""

    at_s: float
    rss_kb: dict[str, int]
    files: dict[str, int]
    """Open files, by unit."""


def soak(seconds: float) -> Iterator[Figure]:
    """Let calls come and go for so long; then say how the box bore it."""
    with tempfile.TemporaryDirectory() as folder, Box(UNITS, settings={"sip": {"lines": 2 * CALLS}}) as box:
        write_pcap(Path(folder) / "call.pcap", HOLD_S)
        total = max(CALLS, round(seconds * RATE))
        hold = ("-d", str(round(HOLD_S * 1000)))
        began_s = time.monotonic()
        looks: list[Look] = []
        limits = ("-m", str(total), "-l", str(CALLS), "-r", str(RATE))
        with Sipp("bench", box.sip_port, Path(folder), *limits, *hold) as sipp:
            while (now_s := time.monotonic() - began_s) < seconds:
                looks.append(look(box, now_s))
                print(json.dumps({"at_s": round(now_s), "rss_kb": looks[-1].rss_kb}), flush=True)
                time.sleep(min(EVERY_S, max(1.0, seconds / 20), max(0.1, seconds - now_s)))
            sipp.wait(HOLD_S + 60)
        box.wait_for(lambda: not box.calls(), 30, "all calls to end")
        ringing, ended = len(box.events("call.ringing")), box.facts("call.ended")
        yield verdict("calls", total, "", None)
        yield verdict("calls_not_ended", ringing - len(ended), "", 0)
        yield verdict("calls_not_taken", total - ringing, "", 0)
        yield verdict("calls_lost", sum(facts["cause"] != 16 for facts in ended), "", 0)
        media = box.board().media
        yield verdict(
            "ticks_late_10ms", 100 * media.late / max(1, media.ticks), "%", 0.1 if media.fifo else None
        )
        warm = [one for one in looks if one.at_s >= WARM * seconds] or looks
        for unit in UNITS:
            grown = slope([one.at_s for one in warm], [one.rss_kb[unit] for one in warm]) * HOUR_S
            settled = seconds >= HOUR_S / 4
            yield verdict(f"memory_{unit}", grown, "kB/h", GROWTH_KB[unit] if settled else None)
            more = warm[-1].files[unit] - warm[0].files[unit]
            yield verdict(f"open_files_{unit}", more, "more", 2 * CALLS)


def look(box: Box, at_s: float) -> Look:
    """How much each unit holds (proc(5)): its own memory, not pages of files, which can be had again."""
    rss, files = {}, {}
    for unit, pid in box.pids().items():
        status = Path(f"/proc/{pid}/status").read_text()
        rss[unit] = int(status.partition("RssAnon:")[2].split()[0])
        files[unit] = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Look(at_s, rss, files)


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """How fast y grows with x, by least squares."""
    if len(xs) < 2:
        return 0.0
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True)) / sum((x - x0) ** 2 for x in xs)


def verdict(name: str, value: float, unit: str, goal: float | None) -> Figure:
    """One figure; a goal is met when the value is not above it."""
    met = None if goal is None else value <= goal
    return {"bench": "soak", "figure": name, "value": round(value, 3), "unit": unit, "goal": goal, "met": met}


def main(arguments: Sequence[str]) -> int:
    """Soak; 1 when a goal was missed."""
    found = list(soak(float(arguments[0]) if arguments else HOUR_S))
    for one in found:
        print(json.dumps(one), flush=True)
    return 1 if any(one["met"] is False for one in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
