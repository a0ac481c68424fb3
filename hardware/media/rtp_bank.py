"""All RTP lines: one UDP socket a line, drained and fed once a tick.

One packet of every line that has one is received straight into that line's row of `_inbox`;
then headers, jitter buffers and G.711 of all these rows are a few numpy calls. Only packets that
are not 20 ms of sound behind the shortest header (events, other lengths, CSRCs) are read one by
one. Packets to send are rows of `_packets`, headers included: numpy counts and codes, a bare
loop sends. So Python's cost a packet is one call of the kernel each way.

A line that speaks has one packet a tick: its socket is asked without looking first, and once more only
where the tick before had none; every `DRAIN_TICKS` it is asked until it is empty. Lines that are quiet
wait in an epoll.
"""

import select
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import getrandbits
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, RtpRoute
from hardware.media import g711
from hardware.media.bank import Frames
from hardware.media.far_end import LOOSEN_TICKS, Address, Buffer, FarEnd
from hardware.media.jitter import Jitters, kind
from hardware.media.rtp import HEADER, MARKER, VERSION, EventSender, Presses, Stamps, parse

if TYPE_CHECKING:
    from hardware.media.srtp import Seal

INBOX_BYTES = 2048 + 64
"""The longest packet taken. No power of two, or all rows would share a few lines of the cache."""
ROUNDS = 8
"""Most packets taken from one line in one tick; the rest waits for the next."""
DRAIN_TICKS = 50
QUIET_TICKS = 5
"""A line with no packet for longer than this is quiet."""
FADE = np.array([1.0, 0.8, 0.5, 0.25], np.float32)
"""A copy in place of a lost frame: as sent, first, second, third."""

_HEADER = np.dtype([("first", "u1"), ("second", "u1"), ("seq", ">u2"), ("stamp", ">u4"), ("ssrc", ">u4")])
_WORD = np.dtype(">u4")
_PACKET_BYTES = HEADER.size + FRAME
Inlet = tuple[int, Callable[[memoryview], int], memoryview]
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
    stamps: Stamps
    seal: "Seal | None" = None
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
        """What of the first word of a usual packet is the same in all: version and law."""
        self._heard_tick: list[int] = []
        self._packets: NDArray[np.uint8] = np.zeros((0, _PACKET_BYTES), np.uint8)
        self._live: NDArray[np.intp] = np.zeros(0, np.intp)
        self._inlets: dict[int, Inlet] = {}
        """By row: the row, what receives, and where to."""
        self._quiet: dict[int, int] = {}
        """Rows that wait in the epoll, by file descriptor."""
        self._out: list[Outgoing] = []
        """In the order of `_calls`: what sends, and the packet."""
        self._pressing: set[int] = set()
        self._marked = False
        """Whether a packet to send has the marker."""
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
        self._kind = np.pad(self._kind, more[0])
        self._heard_tick.extend([0] * (rows - len(self._heard_tick)))
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
            call = self._calls[row] = Call(row, route, far_end, Presses(), EventSender(), Stamps())
            # Half the numbers stay free before the first wrap, for who counts wraps (RFC 3711 §3.3.1).
            self._headers[row] = (VERSION, 0, getrandbits(15), getrandbits(32), getrandbits(32))
            self._hear_law(row, route.payload)
        else:
            call.far_end.move(route)
            if (route.ip, route.port) != (call.route.ip, call.route.port):
                call.presses = Presses()
        call.route, call.seal = route, seal
        self._heard_tick[row] = self._tick
        self._headers["second"][row] = route.payload | MARKER
        self._marked = True
        self._stale = True

    def _sealed(self, row: int, call: Call | None, route: RtpRoute) -> "Seal | None":
        """What seals the voice of a route; ValueError when its keys cannot be used."""
        if route.srtp is None:
            return None
        if call is not None and call.seal is not None:
            call.seal.follow(route.srtp)
            return call.seal
        from hardware.media.srtp import Seal  # 8 MB with its ciphers: see `--sealed`

        return Seal(route.srtp, lambda reason: self.troubles.append((row, reason)))

    def close(self, row: int) -> None:
        """Give the line's port back."""
        call = self._calls.pop(row, None)
        if call is not None:
            if self._quiet.pop(call.far_end.fileno(), None) is not None:
                self._poll.unregister(call.far_end.fileno())
            call.far_end.close()
            self._jitters.stop(row)
            self._stale = True

    def silent_ticks(self, row: int) -> int:
        """Ticks since the last packet on this row."""
        return self._tick - self._heard_tick[row]

    def sends_events(self, row: int) -> bool:
        """Whether the far end takes keys as telephone-events."""
        call = self._calls.get(row)
        return call is not None and call.route.event is not None

    def send_keys(self, row: int, digits: str) -> None:
        """Send keys as telephone-events."""
        self._calls[row].sender.send(digits)
        self._pressing.add(row)

    def by_events(self, row: int) -> bool:
        """Whether this row's far end has sent a key as an event."""
        return self._calls[row].presses.by_events

    def tone(self, row: int, key: str) -> bool:
        """A key was heard in band on this row: whether it is a press not yet told of as an event."""
        return self._calls[row].presses.tone(key, self._tick) is not None

    def read(self, into: Frames) -> None:
        """Fill the open rows of `into` (rows, 160) with this tick's sound."""
        self._tick += 1
        self.keys.clear()
        if self._stale:
            self._settle()
        self._receive()
        if self._stale:
            self._settle()
        codes = self._jitters.take()
        for law, rows in self._laws:
            pcm = np.empty((len(rows), FRAME), np.int16)
            g711.decode(law, codes.take(rows, axis=0), pcm)
            into[rows] = pcm
        copies = self._jitters.concealed
        if np.count_nonzero(copies):
            rows = np.flatnonzero(copies)
            into[rows] = (into[rows] * FADE[copies[rows], None]).astype(np.int16)
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
        if self._marked:
            self._headers["second"] &= MARKER - 1
            self._marked = False
        self._headers["seq"] += 1
        self._headers["stamp"] += FRAME

    def shut(self) -> None:
        """Close every line."""
        for row in self.rows:
            self.close(row)
        self._poll.close()

    def _receive(self) -> None:
        """Take what has come: a packet of every line that has one, and more where more may wait."""
        again = self._take_round(list(self._speaking()), self._tick % DRAIN_TICKS == 0)
        for _ in range(ROUNDS - 1):
            if not again:
                break
            again = self._take_round(again, True)

    def _speaking(self) -> Iterable[Inlet]:
        """Lines that may have a packet; those that have been quiet for long wait in the epoll from now on."""
        for fd, _ in self._poll.poll(0, max(1, len(self._quiet))) if self._quiet else ():
            self._poll.unregister(fd)
            del self._quiet[fd]
        if self._tick % QUIET_TICKS == 0:
            waiting = set(self._quiet.values())
            for row, call in self._calls.items():
                if row not in waiting and self.silent_ticks(row) > QUIET_TICKS:
                    self._quiet[call.far_end.fileno()] = row
                    self._poll.register(call.far_end.fileno(), select.EPOLLIN)
        if not self._quiet:
            return self._inlets.values()
        waiting = set(self._quiet.values())
        return [inlet for row, inlet in self._inlets.items() if row not in waiting]

    def _take_round(self, inlets: Sequence[Inlet], drain: bool) -> list[Inlet]:
        """Take a packet of each of these lines; those where another may wait, to `drain` all that had one."""
        rows: list[int] = []
        others: list[tuple[int, int]] = []
        again: list[Inlet] = []
        heard, tick, before, usual = self._heard_tick, self._tick, self._tick - 1, _PACKET_BYTES
        for inlet in inlets:
            row, receive, view = inlet
            try:
                size = receive(view)
            except OSError:
                continue  # nothing there, or an ICMP refusal of what we sent earlier
            if drain or size != usual or heard[row] < before:
                again.append(inlet)
            if size == usual:
                rows.append(row)
                heard[row] = tick
            elif size:
                others.append((row, size))
        if rows:
            self._arrived(np.array(rows, np.intp))
        for row, size in others:
            self._take_in(self._calls[row], size)
        return again

    def _arrived(self, rows: NDArray[np.intp]) -> None:
        """Packets as long as 20 ms behind the shortest header are in these rows of the inbox."""
        packets = self._inbox[rows, :_PACKET_BYTES]
        words = packets[:, : HEADER.size].view(_WORD).astype(np.uint32)
        for row in self._jitters.put_all(rows, words, packets[:, _SOUND]).tolist():
            self._take_in(self._calls[row], _PACKET_BYTES)

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
            if kind(packet.payload) != self._kind[row]:
                self._hear_law(row, packet.payload)
            believed, stamp = call.stamps.believed, call.stamps.right(packet, len(data))
            if call.stamps.believed is not believed:
                self._jitters.start(row, packet.payload, together=call.stamps.believed)
            self._jitters.put(row, stamp, packet.ssrc, data)

    def _hear_law(self, row: int, law: int) -> None:
        self._kind[row] = kind(law)
        self._jitters.start(row, law)
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
            call.row: (call.row, call.receive, memoryview(self._inbox[call.row])) for call in calls
        }
        self._out = [(call.send, memoryview(self._packets[call.row])) for call in calls]
        kinds, payloads = self._kind[self._live], self._headers["second"][self._live] & (MARKER - 1)
        self._laws = [(law, rows) for law in g711.SILENCE if len(rows := self._live[kinds == kind(law)])]
        self._payloads = [(law, rows) for law in g711.SILENCE if len(rows := self._live[payloads == law])]
