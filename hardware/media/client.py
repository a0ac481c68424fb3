"""The call process's end of the socket to the media process."""

import asyncio
from collections.abc import Callable

import msgspec

from hardware.media import wire

LINE_MOST = 1 << 20
UNSENT_MOST = 4 << 20
BACK_OFF_S = (0.05, 0.1, 0.2)
"""Short: asking a socket of our own costs nothing, and without sound no call can be answered."""


class MediaLink:
    """Orders out, reports in, over a connection that comes back by itself.

    Media starts afresh with every connection, so `on_up` must give all its orders anew.
    Orders given while the link is down are dropped: `order` says so. Nothing here blocks;
    the three callbacks run in the event loop.
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
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._encode = msgspec.json.Encoder().encode
        self._decoder: msgspec.json.Decoder[wire.Report] = msgspec.json.Decoder(wire.Report)

    @property
    def up(self) -> bool:
        """Whether media is there."""
        return self._writer is not None

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
        writer = self._writer
        if writer is None or writer.transport.get_write_buffer_size() > UNSENT_MOST:
            return False
        writer.write(self._encode(order) + b"\n")
        return True

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path, limit=LINE_MOST)
            except OSError:
                await asyncio.sleep(BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)])
                failures += 1
                continue
            failures = 0
            self._writer = writer
            try:
                self._on_up()
                await self._listen(reader)
            finally:
                self._writer = None
                writer.close()
            self._on_down()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await reader.readline()
            except (OSError, ValueError):
                return
            if not line.endswith(b"\n"):
                return
            self._on_report(self._decoder.decode(line))
