"""The call process's socket: orders from pages and tools in, replies and notices out."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from appliance.calls import wire
from appliance.refused import Refused

LINE_MAX = 64 * 1024
BACKLOG_MAX = 1024 * 1024
"""Bytes a watcher may lag behind before it is cut off; it comes back and asks for the board."""
BOARD_EVERY_S = 1.0
TOLD_S = 0.02
"""Notices of so long are sent together: a write to a socket costs more than many notices."""
LATER_S = 0.25
"""How long those may wait that nobody waits for."""

Carry = Callable[[wire.Order], dict[str, Any]]

_decode = msgspec.json.Decoder(wire.Request).decode
_encode = msgspec.json.Encoder().encode


class Control:
    """Serves any number of clients; `carry_out` does an order, returns its data or raises Refused."""

    def __init__(self, path: Path, carry_out: Carry, board: Callable[[], wire.Board]) -> None:
        self._path = path
        self._carry_out = carry_out
        self._board = board
        self._watchers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._dirty = False
        self._ticking: asyncio.Task[None] | None = None
        self._notices: dict[object, wire.Notice] = {}
        """What is still to be told; of a call only how it stands now."""
        self._sending: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen; a socket left by an earlier life is taken over."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LINE_MAX)
        self._path.chmod(0o660)
        self._ticking = asyncio.create_task(self._send_boards())

    async def stop(self) -> None:
        """Stop listening and let everybody go."""
        if self._ticking is not None:
            self._ticking.cancel()
        for writer in list(self._watchers):
            writer.close()
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    def tell(self, notice: wire.Notice, soon: bool = True) -> None:
        """Send a notice to every watcher, in a moment when somebody waits for it, and a fresh board later."""
        self._dirty = True
        if not self._watchers:
            return
        key = notice.call.cid if isinstance(notice, wire.CallNotice) else object()
        self._notices.pop(key, None)
        self._notices[key] = notice
        loop = asyncio.get_running_loop()
        due = loop.time() + (TOLD_S if soon else LATER_S)
        if self._sending is None or due < self._sending.when():
            if self._sending is not None:
                self._sending.cancel()
            self._sending = loop.call_at(due, self._send_notices)

    def touch(self) -> None:
        """Something on the board changed."""
        self._dirty = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                reply = _encode(self._answer(line, writer)) + b"\n"
                await asyncio.sleep(0)  # what the order did is in the journal before anybody is told
                self._write(writer, reply)
                await writer.drain()
        except (OSError, ValueError):
            pass
        finally:
            self._watchers.discard(writer)
            writer.close()

    def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> wire.Reply:
        try:
            request = _decode(line)
        except msgspec.DecodeError as error:
            return wire.Reply(0, False, "malformed", {"text": str(error)})
        try:
            if isinstance(request.order, wire.Watch):
                self._send_notices()  # whoever comes now sees the board, and must not hear what was before it
                self._watchers.add(writer)
            if isinstance(request.order, wire.Watch | wire.GetBoard):
                return wire.Reply(request.id, True, "", msgspec.to_builtins(self._board()))
            return wire.Reply(request.id, True, "", self._carry_out(request.order))
        except Refused as refused:
            return wire.Reply(request.id, False, refused.word)

    def _write(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        if writer.is_closing() or writer.transport.get_write_buffer_size() > BACKLOG_MAX:
            self._watchers.discard(writer)
            writer.close()
        else:
            writer.write(line)

    def _send_notices(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        lines = b"".join(_encode(notice) + b"\n" for notice in self._notices.values())
        self._notices.clear()
        if not lines:
            return
        for writer in list(self._watchers):
            self._write(writer, lines)

    async def _send_boards(self) -> None:
        while True:
            await asyncio.sleep(BOARD_EVERY_S)
            if self._dirty and self._watchers:
                self.tell(wire.BoardNotice(self._board()))
                self._dirty = False
