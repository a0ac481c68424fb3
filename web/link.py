"""The one connection of the pages to the call process: orders go out, the picture and its changes come in."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from appliance.calls import wire

ORDER_TIMEOUT_S = 3.0
RETRY_S = 1.0
LINE_LIMIT = 4 * 1024 * 1024
"""A longer line is not one of ours: the connection is given up."""
EMPTY = wire.Board(seats=[], calls=[], queues=[], lines=[], idle_lines=0, media=wire.MediaView())

_encode = msgspec.json.Encoder().encode
_notice = msgspec.json.Decoder(wire.Notice).decode
_reply = msgspec.json.Decoder(wire.Reply).decode
_head = msgspec.json.Decoder(dict[str, Any]).decode


class Away(Exception):
    """The call process cannot be reached; calls go on, orders do not."""


class Link:
    """Keeps a connection to the call process, again and again, from a thread of its own.

    `tell` is called from that thread with ``("seat", …)``, ``("call", …)``, ``("board", …)`` and
    ``("calls", {"up": …})`` when the call process comes or goes.
    """

    def __init__(self, path: Path, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self.board = EMPTY
        self.up = False
        self._path, self._tell = path, tell
        self._ids = itertools.count(1)
        self._waiting: dict[int, Future[wire.Reply]] = {}
        self._socket: socket.socket | None = None
        self._sending = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="calls-link", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self) -> None:
        """Give the connection up for good."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def order(self, order: wire.Order, timeout_s: float = ORDER_TIMEOUT_S) -> wire.Reply:
        """Send an order and wait for its reply; raises Away."""
        future: Future[wire.Reply] = Future()
        number = self._send(order, future)
        try:
            return future.result(timeout_s)
        except TimeoutError as error:
            raise Away("the call process does not answer") from error
        finally:
            self._waiting.pop(number, None)

    def seat(self, agent: str) -> wire.Seat | None:
        """Return the seat of an agent who is on shift."""
        return next((s for s in self.board.seats if s.agent == agent and s.state != "offline"), None)

    def _send(self, order: wire.Order, future: "Future[wire.Reply]") -> int:
        number = next(self._ids)
        self._waiting[number] = future
        try:
            with self._sending:
                if self._socket is None:
                    raise Away("the call process is not there")
                self._socket.sendall(_encode(wire.Request(number, order)) + b"\n")
        except (OSError, Away) as error:
            self._waiting.pop(number, None)
            raise Away(str(error)) from error
        return number

    def _run(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(OSError, msgspec.DecodeError), socket.socket(socket.AF_UNIX) as raw:
                raw.connect(str(self._path))
                self._converse(raw)
            self._gone()
            self._stopped.wait(RETRY_S)

    def _converse(self, raw: socket.socket) -> None:
        with self._sending:
            self._socket = raw
        watching: Future[wire.Reply] = Future()
        watching.add_done_callback(self._began)
        self._send(wire.Watch(), watching)
        with raw.makefile("rb") as lines:
            while line := lines.readline(LINE_LIMIT):
                self._take(line)

    def _began(self, watching: "Future[wire.Reply]") -> None:
        if watching.cancelled() or watching.exception() is not None or not watching.result().ok:
            return
        self.board = msgspec.convert(watching.result().data, wire.Board)
        self.up = True
        self._tell("calls", {"up": True})
        self._tell("board", {"board": msgspec.to_builtins(self.board)})

    def _take(self, line: bytes) -> None:
        if "notice" not in _head(line):
            reply = _reply(line)
            waiting = self._waiting.pop(reply.id, None)
            if waiting is not None:
                waiting.set_result(reply)
            return
        match _notice(line):
            case wire.BoardNotice(board):
                self.board = board
                self._tell("board", {"board": msgspec.to_builtins(board)})
            case wire.SeatNotice(seat):
                others = [s for s in self.board.seats if s.agent != seat.agent]
                self.board = msgspec.structs.replace(self.board, seats=[*others, seat])
                self._tell("seat", {"seat": msgspec.to_builtins(seat)})
            case wire.CampaignNotice(campaign):
                self._tell("campaign", {"campaign": msgspec.to_builtins(campaign)})
            case wire.CallNotice(call):
                calls = [c for c in self.board.calls if c.cid != call.cid]
                if call.state != "ended":
                    calls.append(call)
                self.board = msgspec.structs.replace(self.board, calls=calls)
                self._tell("call", {"call": msgspec.to_builtins(call)})

    def _gone(self) -> None:
        with self._sending:
            self._socket = None
        for future in list(self._waiting.values()):
            with contextlib.suppress(Exception):
                future.set_exception(Away("the call process went away"))
        self._waiting.clear()
        if self.up:
            self.up = False
            self.board = EMPTY
            self._tell("calls", {"up": False})
