"""All RTP lines: one UDP socket a line, drained and fed once a tick.

One packet of every line that has one is received straight into that line's row of `_inbox`;
then headers, jitter buffers and G.711 of all these rows are a few numpy calls. Only packets that
are not 20 ms of sound behind the shortest header (events, other lengths, CSRCs) are read one by
one. Packets to send are rows of `_packets`, headers included: numpy counts and codes, a bare
loop sends. So Python's cost a packet is one call of the kernel each way.
"""

import select
from collections.abc import Callable
from dataclasses import dataclass
from random import getrandbits
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, Frames, RtpRoute
from hardware.media import g711
from hardware.media.far_end import LOOSEN_TICKS, Address, Buffer, FarEnd
from hardware.media.jitter import Jitters
from hardware.media.rtp import HEADER, MARKER, VERSION, EventSender, Presses, parse
from hardware.media.srtp import Seal

INBOX_BYTES = 2048 + 64
"""The longest packet taken. No power of two, or all rows would share a few lines of the cache."""
ROUNDS = 8
"""Most packets taken from one line in one tick; the rest waits for the next."""
FADE = np.array([1.0, 0.8, 0.5, 0.25], np.float32)
"""A copy in place of a lost frame: as sent, first, second, third."""

_HEADER = np.dtype([("first", "u1"), ("second", "u1"), ("seq", ">u2"), ("stamp", ">u4"), ("ssrc", ">u4")])
_WORD = np.dtype(">u4")
_PACKET_BYTES = HEADER.size + FRAME
_KIND = 0xFF7F0000
"""What all of a call's sound has in the first word: no marker, no number."""
Outgoing = tuple[Callable[[Buffer], int], Buffer]
_SOUND = slice(HEADER.size, _PACKET_BYTES)


class Heard(NamedTuple):
    """A key pressed on a row, reported once."""

    row: int
    key: str


@dataclass(slots=True)
class Call:
    """One line's RTP: its socket and its keys; all else is in the arrays of the bank."""

    row: int
    route: RtpRoute
    far_end: FarEnd
    presses: Presses
    sender: EventSender
    seal: Seal | None = None
    """What seals its voice (SRTP); None is voice in clear."""

    @property
    def receive(self) -> Callable[[memoryview], int]:
        """What takes the next packet."""
        return self.seal.receiving(self.far_end.receive) if self.seal else self.far_end.receive

    @property
    def send(self) -> Callable[[Buffer], int]:
        """What sends a packet."""
        return self.seal.sending(self.far_end.send) if self.seal else self.far_end.send


class RtpBank:
    """RTP lines in the rows of the matrix; each receives on its own port and answers where it is spoken from.

    Payload types 0 and 8 are both understood whatever was signalled; comfort noise (13) and
    unknown types are passed over. Whose packets are taken: `FarEnd`.
    """

    def __init__(self, rows: int) -> None:
        self.keys: list[Heard] = []
        """Keys that came as telephone-events in the last `read`."""
        self.troubles: list[tuple[int, str]] = []
        """Rows whose sealed voice cannot be opened, and why: told once, to be cleared by who reads it."""
        self._tick = 0
        self._calls: dict[int, Call] = {}
        self._poll = select.epoll()
        self._jitters = Jitters(0)
        self._inbox: NDArray[np.uint8] = np.zeros((0, INBOX_BYTES), np.uint8)
        self._kind: NDArray[np.int64] = np.zeros(0, np.int64)
        """What the first word of a usual packet is, but for `_KIND`: version and law."""
        self._heard_tick: NDArray[np.int64] = np.zeros(0, np.int64)
        self._packets: NDArray[np.uint8] = np.zeros((0, _PACKET_BYTES), np.uint8)
        self._live: NDArray[np.intp] = np.zeros(0, np.intp)
        self._inlets: dict[int, tuple[int, Callable[[memoryview], int], memoryview]] = {}
        """By file descriptor: the row, what receives, and where to."""
        self._out: list[Outgoing] = []
        """In the order of `_calls`: what sends, and the packet."""
        self._pressing: set[int] = set()
        self._stale = True
        self._laws: list[tuple[int, NDArray[np.intp]]] = []
        self._payloads: list[tuple[int, NDArray[np.intp]]] = []
        self.grow(rows)

    @property
    def size(self) -> int:
        """Lines open."""
        return len(self._calls)

    @property
    def lost(self) -> int:
        """Frames concealed and packets too late, since start."""
        return int(self._jitters.lost.sum())

    @property
    def rows(self) -> list[int]:
        """Rows of open lines."""
        return list(self._calls)

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        more = ((0, rows - len(self._packets)), (0, 0))
        self._jitters.grow(rows)
        self._inbox = np.pad(self._inbox, more)
        self._packets = np.pad(self._packets, more)
        self._kind, self._heard_tick = np.pad(self._kind, more[0]), np.pad(self._heard_tick, more[0])
        self._headers = self._packets[:, : HEADER.size].view(_HEADER)[:, 0]
        self._stale = True

    def open(self, row: int, route: RtpRoute, here: Address) -> None:
        """Send to a route from now on, receiving on `here`.

        Raises ValueError for a route we cannot speak, OSError when the port cannot be had.
        """
        call = self._calls.get(row)
        try:
            seal = self._sealed(row, call, route)
        except ValueError:
            self.close(row)  # rather no voice than voice in clear
            raise
        if call is None:
            far_end = FarEnd(route, here, lambda: self.silent_ticks(row), self._changed)
            call = self._calls[row] = Call(row, route, far_end, Presses(), EventSender())
            self._poll.register(far_end.fileno(), select.EPOLLIN)
            # Half the numbers stay free before the first wrap, for who counts wraps (RFC 3711 §3.3.1).
            self._headers[row] = (VERSION, 0, getrandbits(15), getrandbits(32), getrandbits(32))
            self._hear_law(row, route.payload)
        else:
            call.far_end.move(route)
        call.route, call.seal = route, seal
        self._heard_tick[row] = self._tick
        self._headers["second"][row] = route.payload | MARKER
        self._stale = True

    def _sealed(self, row: int, call: Call | None, route: RtpRoute) -> Seal | None:
        """What seals the voice of a route; ValueError when its keys cannot be used."""
        if route.srtp is None:
            return None
        if call is not None and call.seal is not None:
            call.seal.follow(route.srtp)
            return call.seal
        return Seal(route.srtp, lambda reason: self.troubles.append((row, reason)))

    def close(self, row: int) -> None:
        """Give the line's port back."""
        call = self._calls.pop(row, None)
        if call is not None:
            self._poll.unregister(call.far_end.fileno())
            call.far_end.close()
            self._stale = True

    def silent_ticks(self, row: int) -> int:
        """Ticks since the last packet on this row."""
        return self._tick - int(self._heard_tick[row])

    def sends_events(self, row: int) -> bool:
        """Whether the far end takes keys as telephone-events."""
        call = self._calls.get(row)
        return call is not None and call.route.event is not None

    def send_keys(self, row: int, digits: str) -> None:
        """Send keys as telephone-events."""
        self._calls[row].sender.send(digits)
        self._pressing.add(row)

    def tone(self, row: int, key: str) -> bool:
        """A key was heard in band on this row: whether it is a press not yet told of as an event."""
        return self._calls[row].presses.tone(key, self._tick) is not None

    def read(self, into: Frames) -> None:
        """Fill the open rows of `into` (rows, 160) with this tick's sound."""
        self._tick += 1
        self.keys.clear()
        if self._stale:
            self._settle()
        for _ in range(ROUNDS):
            if not self._receive_round():
                break
        if self._stale:
            self._settle()
        for law, rows in self._laws:
            codes = self._jitters.take(rows)
            pcm = np.empty(codes.shape, np.int16)
            g711.decode(law, codes, pcm)
            copies = self._jitters.concealed[rows]
            if copies.any():
                at = np.flatnonzero(copies)
                pcm[at] = (pcm[at] * FADE[copies[at], None]).astype(np.int16)
            into[rows] = pcm
        if self._tick % LOOSEN_TICKS == 0:
            for row, call in self._calls.items():
                if self.silent_ticks(row) > LOOSEN_TICKS:
                    call.far_end.loosen()

    def write(self, frames: Frames) -> None:
        """Send one packet a line: sound from `frames` (rows, 160), or the telephone-event in progress."""
        if self._stale:
            self._settle()
        for payload, rows in self._payloads:
            codes = np.empty((len(rows), FRAME), np.uint8)
            g711.encode(payload, frames.take(rows, axis=0), codes)
            self._packets[rows, _SOUND] = codes
        out = self._out
        if self._pressing and (events := self._events()):
            out = [
                (send, events.get(row, packet)) for row, (send, packet) in zip(self._calls, out, strict=True)
            ]
        for send, packet in out:
            try:
                send(packet)
            except OSError:
                continue  # refused (ICMP), unreachable or no buffer: the next packet may get through
        self._headers["second"] &= MARKER - 1
        self._headers["seq"] += 1
        self._headers["stamp"] += FRAME

    def shut(self) -> None:
        """Close every line."""
        for row in self.rows:
            self.close(row)
        self._poll.close()

    def _receive_round(self) -> bool:
        """Take one packet of every line that has one; whether any had."""
        ready = self._poll.poll(0, max(1, len(self._calls)))
        inlets, frames, others = self._inlets, [], []
        for fd, _ in ready:
            row, receive, view = inlets[fd]
            try:
                size = receive(view)
            except OSError:
                continue  # an ICMP refusal of what we sent earlier
            if size == _PACKET_BYTES:
                frames.append(row)
            elif size:
                others.append((row, size))
        if frames:
            self._arrived(np.array(frames, np.intp))
        for row, size in others:
            self._take_in(self._calls[row], size)
        return bool(ready)

    def _arrived(self, rows: NDArray[np.intp]) -> None:
        """Packets as long as 20 ms behind the shortest header are in these rows of the inbox."""
        packets = self._inbox[rows, :_PACKET_BYTES]
        words = packets[:, : HEADER.size].view(_WORD).astype(np.int64)
        usual = (words[:, 0] & _KIND) == self._kind[rows]
        if np.count_nonzero(usual) < len(rows):
            for row in rows[~usual].tolist():
                self._take_in(self._calls[row], _PACKET_BYTES)
            rows, words, packets = rows[usual], words[usual], packets[usual]
        self._heard_tick[rows] = self._tick
        self._jitters.put_all(rows, words[:, 1], words[:, 2], packets[:, _SOUND])

    def _take_in(self, call: Call, size: int) -> None:
        """Read the packet in the call's row of the inbox, whatever it is."""
        row, whole = call.row, self._inbox[call.row]
        packet = parse(memoryview(whole), size)
        if packet is None:
            return
        self._heard_tick[row] = self._tick
        data = whole[packet.start : packet.end]
        if packet.payload == call.route.event:
            key = call.presses.event(packet.stamp, data.tobytes(), self._tick)
            if key is not None:
                self.keys.append(Heard(row, key))
        elif packet.payload in g711.SILENCE:
            if _kind(packet.payload) != self._kind[row]:
                self._hear_law(row, packet.payload)
            self._jitters.put(row, packet.stamp, packet.ssrc, data)

    def _hear_law(self, row: int, law: int) -> None:
        self._kind[row] = _kind(law)
        self._jitters.start(row, g711.SILENCE[law])
        self._stale = True

    def _events(self) -> dict[int, bytes]:
        """This tick's telephone-event packets, by row."""
        packets = {}
        for row in list(self._pressing):
            call = self._calls.get(row)
            if call is None or not call.sender.busy:
                self._pressing.discard(row)
                continue
            event = call.sender.next()
            if event is not None:
                data, since = event
                _, _, seq, stamp, ssrc = (int(field) for field in self._headers[row])
                second = (call.route.event or 0) | (0 if since else MARKER)
                packets[row] = HEADER.pack(VERSION, second, seq, (stamp - since) & 0xFFFFFFFF, ssrc) + data
        return packets

    def _changed(self) -> None:
        self._stale = True

    def _settle(self) -> None:
        """Rebuild what a tick walks over, after a line opened, closed, latched or changed its law."""
        self._stale = False
        calls = list(self._calls.values())
        self._live = np.array(list(self._calls), np.intp)
        self._inlets = {
            call.far_end.fileno(): (call.row, call.receive, memoryview(self._inbox[call.row]))
            for call in calls
        }
        self._out = [(call.send, memoryview(self._packets[call.row])) for call in calls]
        kinds, payloads = self._kind[self._live], self._headers["second"][self._live] & (MARKER - 1)
        self._laws = [(law, rows) for law in g711.SILENCE if len(rows := self._live[kinds == _kind(law)])]
        self._payloads = [(law, rows) for law in g711.SILENCE if len(rows := self._live[payloads == law])]


def _kind(law: int) -> int:
    return VERSION << 24 | law << 16
