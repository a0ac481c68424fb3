"""All RTP lines: one UDP socket a call, drained and fed once a tick."""

import contextlib
import ctypes
import select
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from random import getrandbits
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, Frames, RtpRoute
from hardware.media import g711
from hardware.media.jitter import Jitter
from hardware.media.rtp import HEADER, MARKER, VERSION, EventSender, Packet, Presses, parse

BYTES_MOST = 2048
ROUNDS = 8
"""Most packets taken from one line in one tick; the rest waits for the next."""
INSISTS = 5
"""Packets in a row from one unannounced address before it is believed to be the far end."""
LOOSEN_TICKS = 100
"""After this long without a packet any address may speak again: 2 s."""
FADE = (1.0, 0.8, 0.5, 0.25)

Address = tuple[str, int]
_HEADER = np.dtype([("first", "u1"), ("second", "u1"), ("seq", ">u2"), ("stamp", ">u4"), ("ssrc", ">u4")])
_PACKET_BYTES = HEADER.size + FRAME


_unpack = HEADER.unpack_from
_libc = ctypes.CDLL(None, use_errno=True)


class Heard(NamedTuple):
    """A key pressed on a row, reported once."""

    row: int
    key: str


@dataclass(slots=True)
class Call:
    """One line's RTP: its socket, where it sends, and what it has received."""

    row: int
    route: RtpRoute
    socket: socket.socket
    there: Address
    """Where we send: the signalled address, then where the far end was last heard from."""
    send: Callable[[memoryview | bytes], int]
    receive: Callable[[bytearray], int]
    jitter: Jitter
    presses: Presses
    sender: EventSender
    law: int
    heard_tick: int
    latched: bool = False
    candidate: Address | None = None
    agreed: int = 0


class RtpBank:
    """RTP lines in the rows of the matrix; each receives on its own port and answers where it is spoken from.

    Symmetric RTP: with the first packet from the signalled address the socket is connected
    to it, and the kernel drops all else. While none comes from there, five packets in a
    row from one other address (a phone behind NAT) make that the far end, until the
    signalled one speaks. Two silent seconds loosen either. Payload types 0 and 8 are both
    understood whatever was signalled; comfort noise (13) and unknown types are passed over.
    """

    def __init__(self, rows: int) -> None:
        self.keys: list[Heard] = []
        """Keys that came as telephone-events in the last `read`."""
        self._tick = 0
        self._calls: dict[int, Call] = {}
        self._by_fd: dict[int, Call] = {}
        self._poll = select.epoll()
        self._buffer = bytearray(BYTES_MOST)
        self._view = memoryview(self._buffer)
        self._frame = self._view[HEADER.size : HEADER.size + FRAME]
        self._lost = 0
        self._packets: NDArray[np.uint8] = np.zeros((0, _PACKET_BYTES), np.uint8)
        self._live: NDArray[np.intp] = np.zeros(0, np.intp)
        self._out: list[tuple[int, Callable[[memoryview | bytes], int], memoryview]] = []
        self._pressing: set[int] = set()
        self._stale = True
        self._laws: list[tuple[int, list[Call], NDArray[np.intp]]] = []
        self._payloads: list[tuple[int, NDArray[np.intp]]] = []
        self.grow(rows)

    @property
    def size(self) -> int:
        """Lines open."""
        return len(self._calls)

    @property
    def lost(self) -> int:
        """Frames concealed and packets too late, since start."""
        return self._lost + sum(call.jitter.lost for call in self._calls.values())

    @property
    def rows(self) -> list[int]:
        """Rows of open lines."""
        return list(self._calls)

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        packets = np.zeros((rows, _PACKET_BYTES), np.uint8)
        packets[: len(self._packets)] = self._packets
        self._packets = packets
        self._headers = packets[:, : HEADER.size].view(_HEADER)[:, 0]
        self._stale = True

    def open(self, row: int, route: RtpRoute, here: Address) -> None:
        """Send to a route from now on, receiving on `here`.

        Raises ValueError for a route we cannot speak, OSError when the port cannot be had.
        """
        there = _checked(route)
        call = self._calls.get(row)
        if call is None:
            bound = _bind(here)
            call = Call(
                row=row,
                route=route,
                socket=bound,
                there=there,
                send=bound.send,
                receive=bound.recv_into,
                jitter=Jitter(),
                presses=Presses(),
                sender=EventSender(),
                law=route.payload,
                heard_tick=self._tick,
            )
            self._calls[row] = call
            self._by_fd[bound.fileno()] = call
            self._poll.register(bound.fileno(), select.EPOLLIN)
            self._headers[row] = (VERSION, 0, getrandbits(16), getrandbits(32), getrandbits(32))
            self._hear_law(call, route.payload)
            self._aim(call, there)
        elif there != _checked(call.route):
            self._free(call)
            self._aim(call, there)
        call.route = route
        call.heard_tick = self._tick
        self._headers["second"][row] = route.payload | MARKER
        self._stale = True

    def close(self, row: int) -> None:
        """Give the line's port back."""
        call = self._calls.pop(row, None)
        if call is not None:
            self._lost += call.jitter.lost
            fd = call.socket.fileno()
            self._poll.unregister(fd)
            del self._by_fd[fd]
            call.socket.close()
            self._stale = True

    def silent_ticks(self, row: int) -> int:
        """Ticks since the last packet on this row."""
        return self._tick - self._calls[row].heard_tick

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
        by_fd, arrived, most = self._by_fd, self._arrived, max(1, len(self._by_fd))
        for _ in range(ROUNDS):
            ready = self._poll.poll(0, most)
            if not ready:
                break
            for fd, _ in ready:
                arrived(by_fd[fd])
        if self._stale:
            self._settle()
        for law, calls, rows in self._laws:
            codes = np.frombuffer(b"".join([call.jitter.take() for call in calls]), np.uint8)
            pcm = np.empty((len(rows), FRAME), np.int16)
            g711.decode(law, codes.reshape(-1, FRAME), pcm)
            into[rows] = pcm
            for call in calls:
                if call.jitter.concealed:
                    into[call.row] = (into[call.row] * FADE[call.jitter.concealed]).astype(np.int16)
        if self._tick % LOOSEN_TICKS == 0:
            self._loosen()

    def write(self, frames: Frames) -> None:
        """Send one packet a line: sound from `frames` (rows, 160), or the telephone-event in progress."""
        if self._stale:
            self._settle()
        live = self._live
        for payload, rows in self._payloads:
            codes = np.empty((len(rows), FRAME), np.uint8)
            g711.encode(payload, frames[rows], codes)
            self._packets[rows, HEADER.size :] = codes
        events = self._events() if self._pressing else {}
        for row, send, packet in self._out:
            try:
                send(events.get(row, packet) if events else packet)
            except OSError:
                continue  # refused (ICMP), unreachable or no buffer: the next packet may get through
        headers = self._headers
        headers["second"][live] &= MARKER - 1
        headers["seq"][live] += 1
        headers["stamp"][live] += FRAME

    def shut(self) -> None:
        """Close every line."""
        for row in self.rows:
            self.close(row)
        self._poll.close()

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

    def _arrived(self, call: Call) -> None:
        try:
            if call.latched:
                size = call.receive(self._buffer)
            else:
                size, sender = call.socket.recvfrom_into(self._buffer)
                if parse(self._buffer, size) is None or not self._is_far_end(call, sender):
                    return
        except OSError:
            return  # an ICMP refusal of what we sent earlier
        first, second, _, stamp, ssrc = _unpack(self._buffer)
        if size == _PACKET_BYTES and first == VERSION and second & 0x7F == call.law:
            # What nearly every packet is: 20 ms of sound behind the shortest header.
            call.heard_tick = self._tick
            call.jitter.put(stamp, ssrc, self._frame)
            return
        packet = parse(self._buffer, size)
        if packet is not None:
            call.heard_tick = self._tick
            self._take_in(call, packet)

    def _take_in(self, call: Call, packet: Packet) -> None:
        payload, data = packet.payload, self._view[packet.start : packet.end]
        if payload == call.route.event:
            key = call.presses.event(packet.stamp, data, self._tick)
            if key is not None:
                self.keys.append(Heard(call.row, key))
        elif payload in g711.SILENCE:
            if payload != call.law:
                self._hear_law(call, payload)
                self._stale = True
            call.jitter.put(packet.stamp, packet.ssrc, data)

    def _is_far_end(self, call: Call, sender: Address) -> bool:
        """Whether to take packets from here: the signalled address at once, another when it insists."""
        if sender == (call.route.ip, call.route.port):
            with contextlib.suppress(OSError):
                call.socket.connect(sender)
                call.latched, call.there, call.send = True, sender, call.socket.send
                self._stale = True
            return True
        if sender == call.there:
            return True
        call.agreed = call.agreed + 1 if sender == call.candidate else 1
        call.candidate = sender
        adopted = call.there != (call.route.ip, call.route.port)
        if call.agreed < INSISTS or (adopted and self._tick - call.heard_tick < LOOSEN_TICKS):
            return False
        self._aim(call, sender)
        self._stale = True
        return True

    def _aim(self, call: Call, there: Address) -> None:
        """Send to an address without being bound to hear only that."""
        sendto = call.socket.sendto
        call.there = there
        call.send = (lambda packet: sendto(packet, there)) if there[1] else _nowhere
        call.candidate, call.agreed = None, 0

    def _free(self, call: Call) -> None:
        """Let any address speak again (connecting to AF_UNSPEC is the way out of a connected UDP socket)."""
        if call.latched:
            _libc.connect(call.socket.fileno(), bytes(16), 16)
            call.latched = False

    def _loosen(self) -> None:
        for call in self._calls.values():
            if call.latched and self._tick - call.heard_tick > LOOSEN_TICKS:
                self._free(call)
                self._aim(call, call.there)
                self._stale = True

    def _hear_law(self, call: Call, law: int) -> None:
        self._lost += call.jitter.lost
        call.law, call.jitter = law, Jitter(g711.SILENCE[law])

    def _settle(self) -> None:
        """Rebuild what a tick walks over, after a line opened, closed or changed its law."""
        self._stale = False
        calls = list(self._calls.values())
        self._live = _rows(calls)
        self._out = [(call.row, call.send, memoryview(self._packets[call.row]).cast("B")) for call in calls]
        heard = {law: [call for call in calls if call.law == law] for law in g711.SILENCE}
        self._laws = [(law, those, _rows(those)) for law, those in heard.items() if those]
        payloads = {call.route.payload for call in calls}
        self._payloads = [
            (payload, _rows([call for call in calls if call.route.payload == payload]))
            for payload in sorted(payloads)
        ]


def _rows(calls: Sequence[Call]) -> NDArray[np.intp]:
    return np.array([call.row for call in calls], np.intp)


def _checked(route: RtpRoute) -> Address:
    if route.payload not in g711.SILENCE:
        raise ValueError(f"payload type {route.payload} is neither PCMA nor PCMU")
    if not 0 <= route.port < 65536:
        raise ValueError(f"no such port: {route.port}")
    return str(IPv4Address(route.ip)), route.port


def _nowhere(packet: memoryview | bytes) -> int:
    """What sends while the far end has told no port: nothing leaves."""
    return len(packet)


def _bind(here: Address) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)  # DSCP EF (RFC 3246)
        bound.bind(here)
    except OSError:
        bound.close()
        raise
    return bound
