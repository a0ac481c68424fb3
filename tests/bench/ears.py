"""Ends of the bench's own that speak bursts and note when they hear some: RTP, and a page's sound.

A burst begins at full loudness in the midst of a frame. What a frame says is spoken when the frame
is sent, and heard when it has arrived: so only what lies between the two ends counts.
"""

import os
import random
import select
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from hardware.line import FRAME, TICK_S
from hardware.media import g711, websocket
from hardware.media.bank import Frames
from hardware.media.rtp import HEADER, VERSION

RATE_HZ = 8000
BURST_TICKS = 25
"""A burst every half second."""
BURST_SAMPLES = 320
BURST_HZ, LOUD = 1000, 20_000
HEARD = 12_000
"""Louder than any prompt of a test box."""
QUIET_S = 0.1
"""Sound this long after a burst began is of the same burst."""
SO_TIMESTAMPNS = 35
PRIORITY = 10


class Mouth:
    """What one end says, frame by frame, and when each burst was spoken."""

    def __init__(self, seed: int) -> None:
        self.spoken_s: list[float] = []
        self._chance = random.Random(seed)
        self._tick = self._chance.randrange(BURST_TICKS)
        self._sound: Frames = np.zeros(3 * FRAME, np.int16)

    def frame(self, now_s: float) -> Frames:
        """The next 20 ms, sent now."""
        self._tick += 1
        self._sound = np.concatenate([self._sound[FRAME:], np.zeros(FRAME, np.int16)])
        if self._tick % BURST_TICKS == 0:
            at = self._chance.randrange(FRAME)
            wave = np.cos(2 * np.pi * BURST_HZ * np.arange(BURST_SAMPLES) / RATE_HZ)
            self._sound[at : at + BURST_SAMPLES] = np.rint(LOUD * wave)
            self.spoken_s.append(now_s + at / RATE_HZ)
        return self._sound[:FRAME]


class Ear:
    """When one end heard a burst begin."""

    def __init__(self) -> None:
        self.heard_s: list[float] = []

    def hear(self, pcm: Frames, at_s: float) -> None:
        """A frame arrived."""
        loud = np.abs(pcm.astype(np.int32)) > HEARD
        if loud.any():
            began_s = at_s + int(loud.argmax()) / RATE_HZ
            if not self.heard_s or began_s - self.heard_s[-1] > QUIET_S:
                self.heard_s.append(began_s)


class End(Protocol):
    """One end of a talk."""

    mouth: Mouth
    ear: Ear

    def fileno(self) -> int: ...
    def speak(self) -> None: ...
    def listen(self) -> None: ...


class RtpEnd:
    """A phone's RTP; it answers where it is spoken from."""

    def __init__(self, seed: int) -> None:
        self.mouth, self.ear = Mouth(seed), Ear()
        self.there: tuple[str, int] | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._seq, self._ssrc = 0, seed
        self.port = int(self._socket.getsockname()[1])

    def fileno(self) -> int:
        """The socket's."""
        return self._socket.fileno()

    def speak(self) -> None:
        """Send a frame."""
        if self.there is None:
            return
        now_s = time.time()
        codes = np.zeros(FRAME, np.uint8)
        g711.encode(g711.PCMA, self.mouth.frame(now_s), codes)
        self._seq += 1
        head = HEADER.pack(VERSION, g711.PCMA, self._seq & 0xFFFF, self._seq * FRAME, self._ssrc)
        self._socket.sendto(head + codes.tobytes(), self.there)

    def listen(self) -> None:
        """Take what has arrived; the kernel says when."""
        while True:
            try:
                data, notes, _, self.there = self._socket.recvmsg(400, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("qq", notes[0][2][:16])
            pcm = np.zeros(FRAME, np.int16)
            if len(data) == HEADER.size + FRAME:
                g711.decode(g711.PCMA, np.frombuffer(data[HEADER.size :], np.uint8), pcm)
                self.ear.hear(pcm, seconds + nanoseconds / 1e9)


class PageEnd:
    """A page's sound, speaking its protocol (RFC 6455), without what the page itself stores."""

    def __init__(self, seed: int, port: int, token: str) -> None:
        self.mouth, self.ear = Mouth(seed), Ear()
        self._socket = socket.create_connection(("127.0.0.1", port), 5)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = (
            f"GET {websocket.PATH}?token={token} HTTP/1.1\r\nHost: box\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: YmVuY2hiZW5jaGJlbmNo\r\n\r\n"
        )
        self._socket.sendall(asked.encode())
        self._bytes = b""
        while b"\r\n\r\n" not in self._bytes:
            self._bytes += self._socket.recv(4096)
        head, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        assert b" 101 " in head, head
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """The socket's."""
        return self._socket.fileno()

    def speak(self) -> None:
        """Send a frame."""
        self._send(0x82, self.mouth.frame(time.time()).astype("<i2").tobytes())

    def listen(self) -> None:
        """Take what has arrived."""
        try:
            self._bytes += self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        now_s = time.time()
        while len(self._bytes) >= 4:
            size = self._bytes[1] & 0x7F
            begin, size = (4, int.from_bytes(self._bytes[2:4], "big")) if size == 126 else (2, size)
            if len(self._bytes) < begin + size:
                return
            kind, data = self._bytes[0] & 0xF, self._bytes[begin : begin + size]
            self._bytes = self._bytes[begin + size :]
            if kind == 2:
                self.ear.hear(np.frombuffer(data, "<i2"), now_s)
            elif kind == 9:
                self._send(0x8A, data)

    def _send(self, kind: int, data: bytes) -> None:
        head = bytes([kind]) + (
            bytes([0x80 | len(data)])
            if len(data) < 126
            else bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
        )
        self._socket.sendall(head + bytes(4) + data)  # a mask of zeroes changes nothing


class Ends:
    """Lets all ends speak every 20 ms, each at a moment of its own within them, and listen all the time."""

    def __init__(self, ends: list[End]) -> None:
        self._ends = ends
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: object, ___: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        poll = select.epoll()
        by_fd = {end.fileno(): end for end in self._ends}
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        step_s = TICK_S / len(self._ends)
        due_s, turn = time.monotonic(), 0
        while not self._ended.is_set():
            left_s = due_s - time.monotonic()
            if left_s <= 0:
                self._ends[turn].speak()
                turn = (turn + 1) % len(self._ends)
                due_s += step_s
                continue
            for fd, _ in poll.poll(left_s):
                by_fd[fd].listen()
        poll.close()


def delays_ms(mouth: Mouth, ear: Ear, since_s: float, until_s: float) -> tuple[list[float], int]:
    """How long each burst spoken in a span of time took from mouth to ear, and how many were never heard."""
    spoken = [at_s for at_s in mouth.spoken_s if since_s <= at_s < until_s]
    limit_s = BURST_TICKS * TICK_S * 0.9
    found = [next((h - s for h in ear.heard_s if s <= h < s + limit_s), None) for s in spoken]
    return [1000 * one for one in found if one is not None], found.count(None)
