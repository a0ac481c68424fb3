"""SIP over TCP and TLS: connections kept and used both ways (RFC 3261 §18, RFC 5923, RFC 5626)."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from typing import cast

from hardware.sip.framer import PONG, Framer, Unframed
from hardware.sip.message import Hop

log = logging.getLogger(__name__)

CONNECTIONS_MAX = 1024
PER_ADDRESS_MAX = 32
"""Connections from one address; behind NAT many phones share one."""
CONNECT_S = 5.0
WHOLE_S = 30.0
"""How long a message may take to arrive, and a new connection to say anything."""
IDLE_S = 900.0
"""Phones keep their connection alive every two minutes at most (RFC 5626 §4.4.1)."""
SWEEP_S = 10.0
UNSENT_MAX = 256 * 1024
WAITING_MAX = 64
"""Messages that wait for a connection to open."""

Key = tuple[str, int, str]


class Connection(asyncio.Protocol):
    """One connection, whoever opened it."""

    def __init__(self, streams: "Streams", transport_name: str, to: Hop | None = None) -> None:
        self.peer = to
        self._streams = streams
        self._name = transport_name
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._heard_at = 0.0
        self._spoke = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._heard_at = self._streams.now()
        if self.peer is None:
            address = transport.get_extra_info("peername")
            self.peer = Hop(str(address[0]), int(address[1]), self._name)
            if not self._streams.admits(self.peer):
                self._transport.abort()
                return
        self._streams.opened(self.peer, self)

    def data_received(self, data: bytes) -> None:
        if not self._framer.waiting:
            self._heard_at = self._streams.now()
        try:
            messages = self._framer.feed(data)
        except Unframed:
            return self.abort()
        if self._framer.pings:
            self._framer.pings = 0
            self.send(PONG)
        for message in messages:
            self._spoke = True
            if self.peer is not None:
                self._streams.took(message, self.peer)
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer is not None:
            self._streams.closed(self.peer, self)

    def send(self, data: bytes) -> None:
        """Send, unless the peer does not take what it was sent before."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > UNSENT_MAX:
            return self.abort()
        self._transport.write(data)

    def tired(self, now: float) -> bool:
        """Whether it has been silent, or sending one message, for too long."""
        most_s = IDLE_S if self._spoke and not self._framer.waiting else WHOLE_S
        return now - self._heard_at > most_s

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()


class Streams:
    """All connections by peer. `took` hears whole messages, `lost` whom no connection could be made to.

    `lets_in` says whether an address may connect, `named` what a peer's certificate must say.
    """

    def __init__(
        self,
        took: Callable[[bytes, Hop], None],
        lost: Callable[[Hop], None],
        lets_in: Callable[[str], bool],
        named: Callable[[str], str],
        trust: str = "",
    ) -> None:
        self.took = took
        self._lost = lost
        self._lets_in = lets_in
        self._named = named
        self._trust = trust
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Key, Connection] = {}
        self._waiting: dict[Key, list[bytes]] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    async def listen(self, ip: str, port: int, context: ssl.SSLContext | None = None) -> int:
        """Take connections, over TLS with a context; the port. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        name = "TLS" if context else "TCP"
        server = await self._loop.create_server(lambda: Connection(self, name), ip, port, ssl=context)
        self._servers.append(server)
        if self._sweeping is None:
            self._sweep()
        return int(server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Close everything."""
        for server in self._servers:
            server.close()
        for task in self._opening:
            task.cancel()
        for connection in list(self._connections.values()):
            connection.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def send(self, data: bytes, to: Hop) -> None:
        """Send over the connection there is, or a new one."""
        key = _key(to)
        connection = self._connections.get(key)
        if connection is not None:
            return connection.send(data)
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = [data]
            task = asyncio.get_running_loop().create_task(self._connect(to))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        elif len(waiting) < WAITING_MAX:
            waiting.append(data)
        return None

    async def _connect(self, to: Hop) -> None:
        loop = asyncio.get_running_loop()
        secure = to.transport == "TLS"
        try:
            context = ssl.create_default_context(cafile=self._trust or None) if secure else None
            name = (self._named(to[0]) or to[0]) if secure else None
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(
                    lambda: Connection(self, to.transport, to), *to, ssl=context, server_hostname=name
                )
        except (OSError, TimeoutError) as error:
            log.info("%s:%d: no %s connection: %s", *to, to.transport, error)
            self._waiting.pop(_key(to), None)
            self._lost(to)

    # What connections say

    def admits(self, peer: Hop) -> bool:
        """Whether a connection from here is taken."""
        of_address = sum(key[0] == peer[0] for key in self._connections)
        full = len(self._connections) >= CONNECTIONS_MAX or of_address >= PER_ADDRESS_MAX
        return not full and self._lets_in(peer[0])

    def opened(self, peer: Hop, connection: Connection) -> None:
        """A connection is there."""
        self._connections[_key(peer)] = connection
        for data in self._waiting.pop(_key(peer), ()):
            connection.send(data)

    def closed(self, peer: Hop, connection: Connection) -> None:
        """A connection is gone."""
        if self._connections.get(_key(peer)) is connection:
            del self._connections[_key(peer)]

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in list(self._connections.values()):
            if connection.tired(loop.time()):
                connection.abort()
        self._sweeping = loop.call_later(SWEEP_S, self._sweep)


def server_context(certificate: str, private_key: str) -> ssl.SSLContext:
    """What TLS needs to take connections. Raises OSError when the files cannot be read or do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with contextlib.suppress(ssl.SSLError):
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM")
    context.load_cert_chain(certificate, private_key or None)
    return context


def _key(peer: Hop) -> Key:
    return peer[0], peer[1], peer.transport
