"""What a call costs: a hundred SIP calls at once from SIPp, each speaking, pressing a key, and recorded.

Each call hears the welcome, presses 1 by RFC 4733 three seconds in, hears that all agents
are busy and then ringback, and hangs up; RTP flows both ways all the time. SIPp runs as a
process of its own and is not counted. Needs root, for SIPp sends its RTP by a raw socket.
"""

import os
import statistics
import struct
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardware.line import FRAME, TICK_S
from hardware.media import g711
from tests.box import Box, flows_of, record_prompts
from tests.phones import Sipp

CALLS = 100
HOLD_S = 20.0
RATE = 25
"""Calls set up in a second."""
KEY_AT_S = 3.0
PROMPT_S = 4.0
UNITS = ("media", "calls", "store")
EVENT = 101
MARKER = 0x80
ASTERISK_MS = 8.7
"""CPU of Asterisk per call-second under the same load, in ms."""
AGREE = 0.15

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured."""

    cpu_ms: dict[str, float]
    """By unit, per call-second."""
    late: float
    """Part of all ticks that came over 10 ms late."""
    worst_ms: float
    fifo: bool
    missing: float
    """Part of all frames due to callers that were never made."""
    lost: float
    """Part of all packets from callers that were concealed."""
    answer_p99_ms: float
    keys: float
    """Part of the calls whose key was understood."""

    @property
    def total_ms(self) -> float:
        """CPU of the whole box per call-second."""
        return sum(self.cpu_ms.values())


def figures() -> Iterator[Figure]:
    """Measure twice, for two runs that differ have measured something else."""
    runs = [measure(), measure()]
    worse = max(runs, key=lambda run: run.total_ms)
    least, most = sorted(run.total_ms for run in runs)
    yield figure("cpu_per_call", most, "ms/s", ASTERISK_MS, ASTERISK_MS)
    for unit, cpu_ms in worse.cpu_ms.items():
        yield figure(f"cpu_per_call_{unit}", cpu_ms, "ms/s")
    yield figure("runs_differ", 100 * (most - least) / most, "%", 100 * AGREE)
    late = 100 * statistics.mean(run.late for run in runs)
    yield figure("ticks_late_10ms", late, "%", 0.1 if worse.fifo else None)
    yield figure("worst_tick", max(run.worst_ms for run in runs), "ms")
    yield figure("real_time_clock", float(worse.fifo), "yes")
    yield figure("frames_missing", 100 * max(run.missing for run in runs), "%", 0.1)
    yield figure("packets_concealed", 100 * max(run.lost for run in runs), "%")
    yield figure("answered_p99", max(run.answer_p99_ms for run in runs), "ms", 200)
    yield figure("keys_not_understood", 100 * (1 - min(run.keys for run in runs)), "%", 0)


def figure(
    name: str, value: float, unit: str, goal: float | None = None, reference: float | None = None
) -> Figure:
    """One figure; a goal is met when the value is not above it."""
    return {
        "bench": "call",
        "figure": name,
        "value": round(value, 3),
        "unit": unit,
        "goal": goal,
        "reference": reference,
        "met": None if goal is None else value <= goal,
    }


def measure(calls: int = CALLS, hold_s: float = HOLD_S) -> Run:
    """One box, all calls at once."""
    with tempfile.TemporaryDirectory() as folder, Box(UNITS, settings={"sip": {"lines": calls + 4}}) as box:
        record_prompts(box.places, flows_of(box.settings), PROMPT_S)
        where = Path(folder)
        write_pcap(where / "call.pcap", hold_s)
        box.wait_for(lambda: box.board().media.ticks > 0, name="the media clock")
        before, clock = cpu_s(box), box.board().media
        arguments = ("-m", str(calls), "-l", str(calls), "-r", str(RATE), "-d", str(round(hold_s * 1000)))
        with Sipp("bench", box.sip_port, where, *arguments, "-trace_rtt", "-rtt_freq", "1") as sipp:
            sipp.wait(hold_s + calls / RATE + 30)
            box.wait_for(lambda: len(box.events("call.ended")) == calls, name="all calls to end")
            box.wait_for(lambda: len(box.events("recording.made")) == calls, name="all recordings")
        after, media = cpu_s(box), settled(box)
        began = {e.subject: e.at_s for e in box.events("call.entered")}
        talked = {e.subject: e.at_s - began[e.subject] for e in box.events("call.ended")}
        call_s = sum(talked.values())
        recorded_s = sum(facts["seconds"] for facts in box.facts("recording.made"))
        packets = call_s / TICK_S
        return Run(
            cpu_ms={unit: 1000 * (after[unit] - before[unit]) / call_s for unit in UNITS},
            late=(media.late - clock.late) / (media.ticks - clock.ticks),
            worst_ms=media.worst_ms,
            fifo=media.fifo,
            missing=max(0.0, (call_s - recorded_s) / call_s),
            lost=(media.lost - clock.lost) / packets,
            answer_p99_ms=answer_p99_ms(where),
            keys=len(box.events("call.queued")) / calls,
        )


def settled(box: Box) -> Any:
    """The media clock's figures after its next beat."""
    ticks = box.board().media.ticks
    box.wait_for(lambda: box.board().media.ticks > ticks, name="a beat of the media clock")
    return box.board().media


def cpu_s(box: Box) -> dict[str, float]:
    """User and system time of each unit, with the processes it started (proc(5))."""
    spent = dict.fromkeys(UNITS, 0.0)
    unit_of = {pid: unit for unit, pid in box.pids().items()}
    for process in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = process.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        unit = unit_of.get(int(fields[3]))  # the session: each unit leads its own
        if unit is not None:
            spent[unit] += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return spent


def answer_p99_ms(where: Path) -> float:
    """From INVITE to 200, as SIPp measured it."""
    rows = [row for path in where.glob("*_rtt.csv") for row in path.read_text().splitlines()[1:]]
    times = [float(row.split(";")[1]) for row in rows]
    return float(np.percentile(times, 99))


def write_pcap(path: Path, seconds: float) -> None:
    """A caller's RTP as captured from an Ethernet: a voice, and key 1 as a telephone-event of 100 ms."""
    voice = speech(seconds)
    key = range(round(KEY_AT_S / TICK_S), round(KEY_AT_S / TICK_S) + 8)
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for n in range(round(seconds / TICK_S)):
            stamp, payload, data = n * FRAME, 8, voice[n * FRAME : (n + 1) * FRAME]
            if n in key:
                held = (min(n - key[0], 5) + 1) * FRAME
                end = 0x80 if n - key[0] >= 5 else 0
                stamp, data = key[0] * FRAME, struct.pack("!BBH", 1, end | 10, held)
                payload = EVENT | (MARKER if n == key[0] else 0)
            rtp = struct.pack("!BBHII", 0x80, payload, n & 0xFFFF, stamp, 0x5EED) + data
            udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
            ip = struct.pack(
                "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1"
            )
            frame = bytes(12) + b"\x08\0" + ip + udp
            ms = n * 20
            file.write(struct.pack("<IIII", ms // 1000, ms % 1000 * 1000, len(frame), len(frame)) + frame)


def speech(seconds: float) -> bytes:
    """A-law noise with the loudness of syllables: not silence, and no tone."""
    chance = np.random.default_rng(12345)
    size = round(seconds / TICK_S) * FRAME
    noise = np.convolve(chance.normal(size=size), np.ones(6) / 6, "same")
    syllables = np.clip(np.sin(np.arange(size) * 2 * np.pi * 4 / 8000) + 0.3, 0, None)
    codes = np.zeros(size, np.uint8)
    g711.encode(g711.PCMA, np.clip(6000 * noise * syllables, -32768, 32767).astype(np.int16), codes)
    return codes.tobytes()


if __name__ == "__main__":
    began_s = time.monotonic()
    for one in figures():
        print(one)
    print(f"{time.monotonic() - began_s:.0f} s")
