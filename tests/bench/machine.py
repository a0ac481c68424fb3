"""What processes of a box use of the machine, and what others use of it meanwhile (proc(5))."""

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figure import Figure, figure
from tests.box import Box

JIFFY_S = 1 / os.sysconf("SC_CLK_TCK")
BUSY = (0, 1, 2, 5, 6)
"""Fields of the line `cpu` that are work of this machine: user, nice, system, irq, softirq."""
STEAL = 7


@dataclass(frozen=True, slots=True)
class Noise:
    """How quiet the machine was: a figure measured in noise is too high."""

    load: float
    """Processes that wanted to run, over the minute before."""
    steal: float
    """Part of the time the host gave to other machines."""
    others: float
    """Part of the time that went to processes that are neither the box nor the bench and its SIPp."""

    def figures(self, bench: str) -> Iterator[Figure]:
        """As the bench prints them."""
        yield figure(bench, "machine_load", self.load, "")
        yield figure(bench, "machine_steal", 100 * self.steal, "%")
        yield figure(bench, "machine_others", 100 * self.others, "%")


@dataclass(frozen=True, slots=True)
class Look:
    """The machine at one moment: seconds since it started, over all cores, and those of the bench."""

    load: float
    busy_s: float
    steal_s: float
    total_s: float
    own_s: float


def look() -> Look:
    """The machine now. Only programs of the bench that have ended count as its own."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Look(
        load=os.getloadavg()[0],
        busy_s=sum(fields[n] for n in BUSY) * JIFFY_S,
        steal_s=fields[STEAL] * JIFFY_S,
        total_s=sum(fields) * JIFFY_S,
        own_s=sum(one.ru_utime + one.ru_stime for one in spent),
    )


def noise(before: Look, after: Look, box_s: float) -> Noise:
    """How quiet it was between two looks, while the box took `box_s` of CPU."""
    total_s = max(JIFFY_S, after.total_s - before.total_s)
    ours_s = box_s + after.own_s - before.own_s
    others_s = max(0.0, after.busy_s - before.busy_s - ours_s)
    return Noise(before.load, (after.steal_s - before.steal_s) / total_s, others_s / total_s)


def cpu_s(box: Box) -> dict[str, float]:
    """User and system time of each unit, with the processes it started."""
    spent = dict.fromkeys(box.units, 0.0)
    for unit, process in _processes(box):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        spent[unit] += sum(map(int, fields[11:15])) * JIFFY_S
    return spent


def memory_mb(box: Box, kind: str) -> dict[str, float]:
    """What each unit holds with what it started: `kind` Rss, or Pss, which shares out shared pages."""
    held = dict.fromkeys(box.units, 0.0)
    for unit, process in _processes(box):
        try:
            rows = (process / "smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        held[unit] += sum(int(row.split()[1]) for row in rows if row.startswith(f"{kind}:")) * 1024 / 1e6
    return held


def _processes(box: Box) -> Iterator[tuple[str, Path]]:
    """Every process of the box with the unit it is of: each unit leads a session of its own."""
    unit_of = {pid: unit for unit, pid in box.pids().items()}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            session = int((process / "stat").read_text().rpartition(")")[2].split()[3])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if (unit := unit_of.get(session)) is not None:
            yield unit, process
