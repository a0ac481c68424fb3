"""Every RTP packet of the box as the kernel saw it arrive: a packet ring on the loopback, read by numpy.

The kernel stamps each packet when it is delivered, so nothing in the bench can make one look late.
Needs root.
"""

import ctypes
import mmap
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

SOL_PACKET = 263
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, PACKET_IGNORE_OUTGOING = 5, 6, 10, 23
TPACKET_V2 = 1
SO_ATTACH_FILTER = 26
ETH_P_IP = 0x0800
BLOCK_BYTES = 1 << 16
BLOCKS = 128
SLOT_BYTES = 128
SLOTS = BLOCK_BYTES * BLOCKS // SLOT_BYTES
HEAD_BYTES = 48
"""What is kept of a packet: IP, UDP and RTP headers without options, and a little more."""
LOOK_S = 0.2
LATE_S, GAP_S = 0.020, 0.040
RATE_HZ = 8000

_SLOT = np.dtype(
    {
        "names": ["status", "sec", "nsec", "port", "seq", "stamp", "ssrc"],
        "formats": ["<u4", "<u4", "<u4", ">u2", ">u2", ">u4", ">u4"],
        "offsets": [0, 16, 20, 80 + 20, 80 + 28 + 2, 80 + 28 + 4, 80 + 28 + 8],
        "itemsize": SLOT_BYTES,
    }
)
"""struct tpacket2_hdr, and at 80 the IP header (linux/if_packet.h)."""
_SEEN = np.dtype([("at_ns", "<i8"), ("port", "<u2"), ("seq", "<u2"), ("stamp", "<u4"), ("ssrc", "<u4")])


@dataclass(frozen=True, slots=True)
class Punctuality:
    """How the frames of the box came."""

    streams: int
    frames: int
    missing: int
    """Sequence numbers between the first and the last of a stream that never came."""
    late: int
    """Frames over 20 ms behind the time their RTP timestamp says, by the earliest frame of the stream."""
    worst_ms: float
    gaps: int
    """Frames that came over 40 ms after the one before."""
    unseen: int
    """Packets the tap itself lost: the count of missing ones includes them."""


class Tap:
    """Looks at what the box sends from its RTP ports, of every `every`-th line (a power of two)."""

    def __init__(self, rtp_base: int, lines: int, every: int = 1) -> None:
        assert every & (every - 1) == 0
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        self._socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self._filter(rtp_base, lines, every)
        ring = struct.pack("IIII", BLOCK_BYTES, BLOCKS, SLOT_BYTES, SLOTS)
        self._socket.setsockopt(SOL_PACKET, PACKET_RX_RING, ring)
        self._ring = mmap.mmap(self._socket.fileno(), BLOCK_BYTES * BLOCKS)
        self._slots: NDArray[np.void] = np.frombuffer(self._ring, _SLOT)
        self._next = 0
        self._seen: list[NDArray[np.void]] = []
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._socket.bind(("lo", ETH_P_IP))
        self._reader.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: object, ___: TracebackType | None) -> None:
        self._ended.set()
        self._reader.join()
        statistics = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._unseen = struct.unpack("II", statistics)[1]
        del self._slots
        self._ring.close()
        self._socket.close()

    def punctuality(self) -> Punctuality:
        """What was seen, once the tap is closed."""
        seen = np.concatenate(self._seen) if self._seen else np.zeros(0, _SEEN)
        return judge(seen, self._unseen)

    def _filter(self, rtp_base: int, lines: int, every: int) -> None:
        """Have the kernel pass over all other packets (classic BPF)."""
        code = [
            (0x30, 0, 0, 9),  # the protocol
            (0x15, 0, 7, socket.IPPROTO_UDP),
            (0x28, 0, 0, 20),  # the source port
            (0x35, 0, 5, rtp_base),
            (0x35, 4, 0, rtp_base + 2 * lines),
            (0x14, 0, 0, rtp_base),
            (0x54, 0, 0, 2 * every - 1),
            (0x15, 0, 1, 0),
            (0x06, 0, 0, HEAD_BYTES),
            (0x06, 0, 0, 0),
        ]
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in code))
        what = struct.pack("HL", len(code), ctypes.addressof(program))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, what)

    def _read(self) -> None:
        while not self._ended.wait(LOOK_S):
            self._take()
        self._take()

    def _take(self) -> None:
        """Copy what the kernel has filled, in its order, and give the slots back."""
        order = np.r_[self._next : SLOTS, : self._next]
        filled = self._slots["status"][order] & 1
        count = SLOTS if filled.all() else int(filled.argmin())
        mine = order[:count]
        taken = self._slots[mine]
        seen = np.zeros(count, _SEEN)
        seen["at_ns"] = taken["sec"].astype(np.int64) * 1_000_000_000 + taken["nsec"]
        for name in ("port", "seq", "stamp", "ssrc"):
            seen[name] = taken[name]
        self._seen.append(seen)
        self._slots["status"][mine] = 0
        self._next = (self._next + count) % SLOTS


def judge(seen: NDArray[np.void], unseen: int = 0) -> Punctuality:
    """How punctual these frames were, stream by stream."""
    frames = missing = late = gaps = streams = 0
    worst_s = 0.0
    order = np.lexsort((seen["at_ns"], seen["ssrc"], seen["port"]))
    seen = seen[order]
    key = seen["port"].astype(np.int64) << 32 | seen["ssrc"]
    edges = np.flatnonzero(np.diff(key)) + 1
    for stream in np.split(seen, edges):
        if not len(stream):
            continue
        streams += 1
        frames += len(stream)
        seq = _unwrapped(stream["seq"].astype(np.int64), 1 << 16)
        due_s = _unwrapped(stream["stamp"].astype(np.int64), 1 << 32) / RATE_HZ
        at_s = (stream["at_ns"] - stream["at_ns"][0]) / 1e9
        behind_s = at_s - due_s
        behind_s -= behind_s.min()
        missing += int(seq.max() - seq.min()) + 1 - len(np.unique(seq))
        late += int((behind_s > LATE_S).sum())
        gaps += int((np.diff(at_s) > GAP_S).sum())
        worst_s = max(worst_s, float(behind_s.max()))
    return Punctuality(streams, frames, missing, late, 1000 * worst_s, gaps, unseen)


def _unwrapped(counter: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """A counter that begins anew at `size`, going on instead; the first value is 0."""
    steps = (np.diff(counter, prepend=counter[0]) + size // 2) % size - size // 2
    return np.asarray(np.cumsum(steps))
