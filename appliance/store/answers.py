"""Questions other processes of the box ask the store: JSON lines on its Unix socket.

`{"id": 1, "do": "ticket_state", "number": "2611220012639 74"}` is answered with
`{"id": 1, "ok": true, "data": {"found": true, "number": …, "state_zh": …, "state_en": …,
"unit_zh": …, "unit_en": …, "updated_s": …}}`, or `{"id": 1, "ok": false, "reason": "malformed"}`.
"""

import dataclasses
import socketserver
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from peewee import DatabaseError

from appliance.store.alarms import alarms
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk

LINE_MAX = 64 * 1024
CONNECTIONS_MAX = 64
IDLE_S = 60.0


class _Question(msgspec.Struct):
    do: str
    id: int = 0
    number: str = ""


_question = msgspec.json.Decoder(_Question).decode


class Answers:
    """Knows the answers."""

    def __init__(self, store: Store, health: Callable[[], Mapping[str, Any]]) -> None:
        self._store = store
        self._desk = TicketDesk(store)
        self._health = health
        self._doings: Mapping[str, Callable[[_Question], Mapping[str, Any]]] = {
            "ticket_state": self._ticket_state,
            "health": lambda _: self._health(),
            "alarms": lambda _: {"alarms": alarms(self._store)},
        }

    def answer(self, line: bytes) -> bytes:
        """Answer one line; whatever it says, the reply is one line too."""
        try:
            question = _question(line)
        except ValueError:
            return _reply(0, reason="malformed")
        doing = self._doings.get(question.do)
        if doing is None:
            return _reply(question.id, reason="unknown_question")
        try:
            return _reply(question.id, doing(question))
        except (DatabaseError, OSError):
            return _reply(question.id, reason="store_down")

    def _ticket_state(self, question: _Question) -> Mapping[str, Any]:
        view = self._desk.state_for_citizen(question.number)
        return {"found": False} if view is None else {"found": True, **dataclasses.asdict(view)}


class Server(socketserver.ThreadingUnixStreamServer):
    """Listens on the store's socket; a left-over socket file is replaced."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS_MAX

    def __init__(self, path: Path, answers: Answers) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self.answers = answers
        self.places = threading.BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(str(path), _Connection)
        path.chmod(0o660)


class _Connection(socketserver.StreamRequestHandler):
    timeout = IDLE_S
    server: Server

    def handle(self) -> None:
        if not self.server.places.acquire(blocking=False):
            self.wfile.write(_reply(0, reason="busy"))
            return
        try:
            while line := self.rfile.readline(LINE_MAX):
                if not line.endswith(b"\n"):
                    self.wfile.write(_reply(0, reason="malformed"))
                    return
                self.wfile.write(self.server.answers.answer(line))
        except OSError:
            return  # gone, or silent for too long
        finally:
            self.server.places.release()


def _reply(id: int, data: Mapping[str, Any] | None = None, reason: str = "") -> bytes:
    if data is None:
        return msgspec.json.encode({"id": id, "ok": False, "reason": reason}) + b"\n"
    return msgspec.json.encode({"id": id, "ok": True, "data": data}) + b"\n"
