"""The call process's end of the socket to the media process."""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

import msgspec

from hardware.media import wire

log = logging.getLogger(__name__)

LINE_MOST = 1 << 20
UNSENT_MOST = 4 << 20
BACK_OFF_S = (0.05, 0.1, 0.2)
"""Short: asking a socket of our own costs nothing, and without sound no call can be answered."""


class MediaLink:
    """Orders out, reports in, over a connection that comes back by itself.

    Media starts afresh with every connection, so `on_up` must give all its orders anew.
    Orders given while the link is down are dropped: `order` says so. Nothing here blocks;
    the three callbacks run in the event loop. What is ordered in one turn of the loop goes out at once.
    """

    def __init__(
        self,
        path: str,
        on_report: Callable[[wire.Report], None],
        on_down: Callable[[], None],
        on_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._on_report = on_report
        self._on_down = on_down
        self._on_up = on_up
        self._connection: _Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._encode = msgspec.json.Encoder().encode

    @property
    def up(self) -> bool:
        """Whether media is there."""
        return self._connection is not None

    def start(self) -> None:
        """Begin connecting, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Disconnect for good; `on_down` is not called."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def order(self, order: wire.Order) -> bool:
        """Send an order; False when media is not there or does not read."""
        connection = self._connection
        if connection is None or connection.unsent > UNSENT_MOST:
            return False
        connection.say(self._encode(order))
        return True

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            try:
                _, connection = await loop.create_unix_connection(
                    lambda: _Connection(self._on_report), self._path
                )
            except OSError:
                await asyncio.sleep(BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)])
                failures += 1
                continue
            failures = 0
            self._connection = connection
            try:
                self._on_up()
                await connection.over
            finally:
                self._connection = None
                connection.close()
            self._on_down()


class _Connection(asyncio.Protocol):
    """One connection: lines both ways."""

    def __init__(self, on_report: Callable[[wire.Report], None]) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_report = on_report
        self._decoder: msgspec.json.Decoder[wire.Report] = msgspec.json.Decoder(wire.Report)
        self._transport: asyncio.Transport
        self._said: list[bytes] = []
        self._partial = b""

    @property
    def unsent(self) -> int:
        """Bytes that media has not read."""
        return self._transport.get_write_buffer_size()

    def say(self, line: bytes) -> None:
        """Send a line, together with all that is said in this turn."""
        if not self._said:
            asyncio.get_running_loop().call_soon(self._send)
        self._said.append(line)

    def close(self) -> None:
        """Send what was said, and end."""
        self._send()
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        try:
            for line in lines:
                self._on_report(self._decoder.decode(line))
        except msgspec.DecodeError:
            log.exception("media said what is no report")
            self._end()
        if len(self._partial) > LINE_MOST:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def _send(self) -> None:
        said, self._said = self._said, []
        if said:
            self._transport.write(b"\n".join([*said, b""]))
