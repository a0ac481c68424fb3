"""Somebody else's server for webhooks, on loopback: it can answer, fail, hang, talk nonsense, and go away."""

import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Told:
    """What the server was sent."""

    headers: Mapping[str, str]
    body: bytes
    answered: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def event(self) -> str:
        return self.headers["x-hotline-event"]


class Listener:
    """Takes what is sent; `status` is its answer: 0 closes without a word, -1 is silent."""

    def __init__(self, port: int = 0) -> None:
        self.told: list[Told] = []
        self.status = 204
        self.of_ticket: dict[str, int] = {}
        """What it answers for a ticket, by its number."""
        self.lock = threading.Lock()
        self.hanging = threading.Event()
        here = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heads = {name.lower(): value for name, value in self.headers.items()}
                number = json.loads(body).get("ticket", {}).get("number", "")
                with here.lock:
                    status = here.of_ticket.get(number, here.status)
                    here.told.append(Told(heads, body, status))
                if status == -1:
                    here.hanging.wait(30)
                if status <= 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events?from=box"

    @property
    def good(self) -> list[Told]:
        """What it took."""
        with self.lock:
            return [told for told in self.told if 200 <= told.answered < 300]

    def close(self) -> None:
        """Be gone: connections are refused."""
        self.hanging.set()
        self.server.shutdown()
        self.server.server_close()


class Raw:
    """A server that answers exactly these bytes, slowly if wanted."""

    def __init__(self, answer: bytes, pause_s: float = 0.0) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.gone = threading.Event()
        threading.Thread(target=self._serve, args=(answer, pause_s), daemon=True).start()

    def _serve(self, answer: bytes, pause_s: float) -> None:
        try:
            line, _ = self.socket.accept()
            with line:
                line.recv(65536)
                for at in range(len(answer)):
                    line.sendall(answer[at : at + 1])
                    if pause_s and self.gone.wait(pause_s):
                        return
        except OSError:
            return

    def close(self) -> None:
        """Be gone."""
        self.gone.set()
        self.socket.close()
