"""What the media process costs: ``python -m hardware.media.load_bench --calls 100 --seconds 10``.

Starts the media process, opens RTP lines bridged two by two, each recorded, each fed with
speech-like noise at 50 packets a second, and prints the process's own CPU time per
call-second and how late its ticks were. A call here is one line, in and out.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from hardware.line import FRAME, TICK_S, RtpRoute
from hardware.media import g711, wire
from hardware.media.rtp import HEADER, VERSION


def speechlike(seconds: float) -> bytes:
    """A-law noise with the envelope and the spectrum of a voice, roughly."""
    chance = np.random.default_rng(1)
    samples = int(seconds / TICK_S) * FRAME
    noise = np.convolve(chance.normal(size=samples), np.ones(6) / 6, "same")
    syllables = np.clip(np.sin(np.arange(samples) * 2 * np.pi * 4 / 8000) + 0.3, 0, None)
    pcm = np.clip(6000 * noise * syllables, -32768, 32767).astype(np.int16)
    codes = np.zeros(samples, np.uint8)
    g711.encode(g711.PCMA, pcm, codes)
    return codes.tobytes()


def cpu_s(pid: int) -> float:
    """User and system time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Phones:
    """Many RTP phones in one loop."""

    def __init__(self, calls: int, rtp_base: int) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(calls)]
        for number, one in enumerate(self.sockets):
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)
            one.connect(("127.0.0.1", rtp_base + 2 * number))
        self.heard = 0
        self._sound = speechlike(2)
        self._tick = 0

    def speak(self, seconds: float) -> None:
        """Send and drain at 50 packets a second and phone."""
        until = self._tick + int(seconds / TICK_S)
        next_s = time.monotonic()
        while self._tick < until:
            self._tick += 1
            for number, one in enumerate(self.sockets):
                at = (self._tick * FRAME + number * 1600) % len(self._sound)
                header = HEADER.pack(VERSION, 8, self._tick & 0xFFFF, self._tick * FRAME, number)
                try:
                    one.send(header + self._sound[at : at + FRAME])
                    while one.recv(400):
                        self.heard += 1
                except OSError:
                    continue
            next_s += TICK_S
            time.sleep(max(0.0, next_s - time.monotonic()))


def main() -> None:
    """Run the load and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rtp-base", type=int, default=12000)
    parser.add_argument("--browser-port", type=int, default=42999)
    parser.add_argument("--plain", action="store_true", help="no recordings")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/media.sock"
        command = [sys.executable, "-m", "hardware.media.daemon", "--socket", path]
        command += ["--rtp-base", str(given.rtp_base), "--browser-port", str(given.browser_port)]
        process = subprocess.Popen(command)
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        while True:
            try:
                link.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        phones = Phones(given.calls, given.rtp_base)
        orders: list[wire.Order] = []
        for number, one in enumerate(phones.sockets):
            line = f"sip/{number}"
            orders.append(wire.Open(line, rtp=RtpRoute("127.0.0.1", one.getsockname()[1])))
            orders.append(wire.Hear(line, {f"sip/{number ^ 1}": 1.0}))
            if not given.plain:
                orders.append(wire.Record(line, line, f"{folder}/{number}.wav"))
        link.sendall(b"".join(msgspec.json.encode(order) + b"\n" for order in orders))
        phones.speak(2)
        before, heard = cpu_s(process.pid), phones.heard
        started = time.monotonic()
        phones.speak(given.seconds)
        seconds = time.monotonic() - started
        used = cpu_s(process.pid) - before
        link.setblocking(False)
        told = link.recv(1 << 20).splitlines()
        beats = [report for line in told if isinstance(report := _report(line), wire.Beat)]
        process.terminate()
        process.wait()
    calls = given.calls
    print(f"{calls} calls, {seconds:.1f} s: {1000 * used / seconds / calls:.2f} ms of CPU a call-second,")
    print(f"{100 * used / seconds:.1f} % of one core")
    print(f"{(phones.heard - heard) / seconds / calls:.1f} packets/s came back to each phone")
    for last in beats[-1:]:
        print(f"{last.ticks} ticks, {last.late} late, worst {last.worst_ms:.1f} ms, fifo {last.fifo}")
        print(f"{last.lost} frames concealed")


def _report(line: bytes) -> wire.Report | None:
    try:
        report: wire.Report = msgspec.json.decode(line, type=wire.Report)
    except msgspec.DecodeError:
        return None  # the torn last line
    return report


if __name__ == "__main__":
    main()
