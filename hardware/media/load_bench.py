"""What the media process costs: ``python -m hardware.media.load_bench --calls 100 --seconds 10``.

Starts the media process and so many RTP phones, each sending 50 packets a second. Scenes:
``prompt``: each line plays a prompt, hears speech-like noise, is
recorded, and has a key pressed on it (RFC 4733) now and then; ``talk``: lines bridged two by
two, the same noise, recorded; ``plain``: the same without recordings. Prints the CPU time
of the process per call-second (a call is one line, in and out), how late its ticks were,
and its memory; with ``--profile`` also where the time of a tick goes.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from hardware.line import FRAME, TICK_S, RtpRoute
from hardware.media import g711, wire
from hardware.media.bank import Frames
from hardware.media.rtp import HEADER, MARKER, VERSION, EventSender
from hardware.media.wav import header

EVENT = 101
KEY_TICKS = 1000
"""Each phone presses a key so often: every 20 s, each phone at another time."""
PROMPT_S = 4.0
SETTLE_S = 3.0


def speechlike(seconds: float) -> Frames:
    """Noise with the envelope and the spectrum of a voice, roughly."""
    chance = np.random.default_rng(1)
    samples = int(seconds / TICK_S) * FRAME
    noise = np.convolve(chance.normal(size=samples), np.ones(6) / 6, "same")
    syllables = np.clip(np.sin(np.arange(samples) * 2 * np.pi * 4 / 8000) + 0.3, 0, None)
    return np.clip(6000 * noise * syllables, -32768, 32767).astype(np.int16)


def coded(pcm: Frames) -> bytes:
    """A-law of int16 samples."""
    codes = np.zeros(len(pcm), np.uint8)
    g711.encode(g711.PCMA, pcm, codes)
    return codes.tobytes()


class Phones:
    """Many RTP phones in one loop."""

    def __init__(self, calls: int, rtp_base: int, sound: bytes, keys: bool) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(calls)]
        for number, one in enumerate(self.sockets):
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)
            one.connect(("127.0.0.1", rtp_base + 2 * number))
        self.heard = self.pressed = 0
        self._sound = sound
        self._keys = [EventSender() for _ in range(calls)] if keys else []
        self._tick = 0

    def speak(self, seconds: float) -> None:
        """Send and drain at 50 packets a second and phone."""
        until = self._tick + int(seconds / TICK_S)
        next_s = time.monotonic()
        while self._tick < until:
            self._tick += 1
            for number, one in enumerate(self.sockets):
                try:
                    one.send(self._packet(number))
                    while one.recv(400):
                        self.heard += 1
                except OSError:
                    continue
            next_s += TICK_S
            time.sleep(max(0.0, next_s - time.monotonic()))

    def _packet(self, number: int) -> bytes:
        tick, stamp = self._tick, self._tick * FRAME
        if self._keys:
            keys = self._keys[number]
            if (tick + number * 7) % KEY_TICKS == 0:
                keys.send("5")
                self.pressed += 1
            event = keys.next() if keys.busy else None
            if event is not None:
                data, since = event
                second = EVENT | (0 if since else MARKER)
                return HEADER.pack(VERSION, second, tick & 0xFFFF, stamp - since, number) + data
        at = (stamp + number * 10 * FRAME) % len(self._sound)
        return HEADER.pack(VERSION, 8, tick & 0xFFFF, stamp, number) + self._sound[at : at + FRAME]


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds a process has used."""

    user_s: float
    system_s: float
    clock_s: float
    """By the thread that ticks."""

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.user_s - other.user_s, self.system_s - other.system_s, self.clock_s - other.clock_s)


def spent(pid: int) -> Spent:
    """What a process has used so far (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    jiffy_s = 1 / os.sysconf("SC_CLK_TCK")
    clock_ns = int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0])
    return Spent(int(fields[11]) * jiffy_s, int(fields[12]) * jiffy_s, clock_ns / 1e9)


def rss_mb(pid: int) -> float:
    """Memory a process holds (proc(5))."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Media:
    """The media process, in a folder of its own, and the connection to it."""

    def __init__(self, folder: Path, rtp_base: int, browser_port: int, profile: Path | None) -> None:
        module = ["hardware.media.stages", str(profile)] if profile else ["hardware.media.daemon"]
        path = str(folder / "media.sock")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", *module, "--socket", path),
                *("--rtp-base", str(rtp_base), "--browser-port", str(browser_port)),
            ]
        )
        self.pid = self.process.pid
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._bytes = b""
        while True:
            try:
                self._link.connect(path)
                return
            except OSError:
                if self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def order(self, orders: list[wire.Order]) -> None:
        """Give orders."""
        self._link.setblocking(True)
        self._link.sendall(b"".join(msgspec.json.encode(order) + b"\n" for order in orders))
        self._link.setblocking(False)

    def reports(self) -> list[wire.Report]:
        """All reports since this was last asked."""
        try:
            while data := self._link.recv(1 << 20):
                self._bytes += data
        except BlockingIOError:
            pass
        *lines, self._bytes = self._bytes.split(b"\n")
        return [msgspec.json.decode(line, type=wire.Report) for line in lines]

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


def scene(kind: str, phones: Phones, folder: Path) -> list[wire.Order]:
    """What the call process would order for a scene."""
    prompt = folder / "prompt.wav"
    pcm = speechlike(PROMPT_S).tobytes()
    prompt.write_bytes(header(1, len(pcm)) + pcm)
    orders: list[wire.Order] = []
    for number, one in enumerate(phones.sockets):
        line = f"sip/{number}"
        orders.append(wire.Open(line, rtp=RtpRoute("127.0.0.1", one.getsockname()[1], event=EVENT)))
        if kind == "prompt":
            orders.append(wire.Play(line, line, [str(prompt)], loop=True))
        else:
            orders.append(wire.Hear(line, {f"sip/{number ^ 1}": 1.0}))
        if kind != "plain":
            orders.append(wire.Record(line, line, str(folder / f"{number}.wav")))
    return orders


def main() -> None:
    """Run the load and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--scene", choices=("prompt", "talk", "plain"), default="prompt")
    parser.add_argument("--rtp-base", type=int, default=12000)
    parser.add_argument("--browser-port", type=int, default=42999)
    parser.add_argument("--profile", action="store_true", help="time the stages of the tick")
    given = parser.parse_args()
    calls = given.calls
    sound = coded(speechlike(2))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        profile = folder / "profile.json" if given.profile else None
        media = Media(folder, given.rtp_base, given.browser_port, profile)
        phones = Phones(calls, given.rtp_base, sound, given.scene == "prompt")
        media.order(scene(given.scene, phones, folder))
        phones.speak(SETTLE_S)
        media.reports()
        before, heard, pressed = spent(media.pid), phones.heard, phones.pressed
        started = time.monotonic()
        phones.speak(given.seconds)
        seconds = time.monotonic() - started
        used, memory_mb, reports = spent(media.pid) - before, rss_mb(media.pid), media.reports()
        media.stop()
        stages = json.loads(profile.read_text()) if profile else {}
    ms = 1000 / seconds / calls
    keys = sum(isinstance(report, wire.Pressed) for report in reports)
    beat = [report for report in reports if isinstance(report, wire.Beat)][-1]
    print(
        f"{calls} calls, {given.scene}: {(used.user_s + used.system_s) * ms:.2f} ms of CPU a call-second "
        f"(user {used.user_s * ms:.2f}, system {used.system_s * ms:.2f}; "
        f"the clock's thread {used.clock_s * ms:.2f}), {memory_mb:.0f} MB"
    )
    print(
        f"{(phones.heard - heard) / seconds / calls:.1f} packets/s came back to each phone; "
        f"{keys} keys heard of {phones.pressed - pressed}; {beat.lost} frames concealed; "
        f"{beat.ticks} ticks, {beat.late} late, worst {beat.worst_ms:.1f} ms, fifo {beat.fifo}"
    )
    for stage, us in stages.items():
        print(f"{stage:<44} {us:9.1f} us a tick {us / calls:7.2f} us a call")


if __name__ == "__main__":
    main()
