"""One RTP line's UDP socket, and whom it believes to be the far end."""

import ctypes
import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address

from hardware.line import RtpRoute
from hardware.media import g711
from hardware.media.rtp import parse

INSISTS = 5
"""Packets in a row from one unannounced address before it is believed to be the far end."""
LOOSEN_TICKS = 100
"""After this long without a packet any address may speak again: 2 s."""

Address = tuple[str, int]
Buffer = bytes | bytearray | memoryview
_libc = ctypes.CDLL(None, use_errno=True)


class FarEnd:
    """Symmetric RTP on one port.

    With the first packet from the signalled address the socket is connected to it, and the
    kernel drops all else. While none comes from there, five packets in a row from one other
    address (a phone behind NAT) make that the far end, until the signalled one speaks. Two
    silent seconds loosen either.

    `send` and `receive` are what a tick calls for every packet: the socket's own methods when
    it is connected. Both raise OSError (an ICMP refusal of what we sent earlier);
    `receive` gives 0 for a packet that is not to be heard. `changed` is called when either
    is another from now on; `silent_ticks` tells how long nothing has been heard.
    """

    send: Callable[[Buffer], int]
    receive: Callable[[memoryview], int]

    def __init__(
        self,
        route: RtpRoute,
        here: Address,
        silent_ticks: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        """ValueError for a route we cannot speak, OSError when the port cannot be had."""
        self.route = route
        there = _checked(route)
        self._socket = _bind(here)
        self._silent_ticks = silent_ticks
        self._changed = changed
        self._latched = False
        self._candidate: Address | None = None
        self._agreed = 0
        self._aim(there)

    def fileno(self) -> int:
        """The socket's."""
        return self._socket.fileno()

    def move(self, route: RtpRoute) -> None:
        """Another route was signalled (a re-INVITE); ValueError for one we cannot speak."""
        there = _checked(route)
        if there != _checked(self.route):
            self._free()
            self._aim(there)
        self.route = route

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def loosen(self) -> None:
        """Nothing has come for long: let any address speak, and send where we sent."""
        if self._latched:
            self._free()
            self._aim(self._there)

    def _receive_from_anyone(self, into: memoryview) -> int:
        size, sender = self._socket.recvfrom_into(into)
        if parse(into, size) is None or not self._is_far_end(sender):
            return 0
        return size

    def _is_far_end(self, sender: Address) -> bool:
        """Whether to take packets from here: the signalled address at once, another when it insists."""
        signalled = (self.route.ip, self.route.port)
        if sender == signalled:
            with suppress(OSError):
                self._socket.connect(sender)
                self._latched, self._there = True, sender
                self.send, self.receive = self._socket.send, self._socket.recv_into
                self._changed()
            return True
        if sender == self._there:
            return True
        self._agreed = self._agreed + 1 if sender == self._candidate else 1
        self._candidate = sender
        adopted = self._there != signalled
        if self._agreed < INSISTS or (adopted and self._silent_ticks() < LOOSEN_TICKS):
            return False
        self._aim(sender)
        return True

    def _aim(self, there: Address) -> None:
        """Send to an address without being bound to hear only that."""
        sendto = self._socket.sendto
        self._there = there
        self.send = (
            (lambda packet: sendto(packet, there)) if there[1] else len
        )  # no port was told: nothing leaves
        self.receive = self._receive_from_anyone
        self._candidate, self._agreed = None, 0
        self._changed()

    def _free(self) -> None:
        """Let any address speak again (connecting to AF_UNSPEC is the way out of a connected UDP socket)."""
        if self._latched:
            _libc.connect(self._socket.fileno(), bytes(16), 16)
            self._latched = False


def _checked(route: RtpRoute) -> Address:
    if route.payload not in g711.SILENCE:
        raise ValueError(f"payload type {route.payload} is neither PCMA nor PCMU")
    if not 0 <= route.port < 65536:
        raise ValueError(f"no such port: {route.port}")
    return str(IPv4Address(route.ip)), route.port


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
