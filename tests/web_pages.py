"""A box with the demo city, and visitors who open its pages without a browser."""

import contextlib
import re
import shutil
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from appliance import demo_data
from appliance.configuration import Configuration, parse
from appliance.people import People
from appliance.places import Places
from appliance.publish import publish
from appliance.store.store import Store
from web.application import create_app
from web.context import COOKIE, Box

DEMO = Path(demo_data.__file__).parent / "data" / "demo.toml"
SITE = 1
QUICK = PasswordHasher(time_cost=1, memory_cost=8 * 1024)
"""The demo's passwords need no strong hash, and tests sign in often."""


def demo_configuration() -> Configuration:
    """The demo's settings."""
    return parse(DEMO.read_text("utf-8"), DEMO.name)


@cache
def _filled() -> Path:
    """A data folder with the demo city, made once a test run."""
    places = Places(Path(mkdtemp(prefix="hotline-web-"))).make()
    store = Store(places.database, SITE)
    demo_data.fill(store, SITE)
    publish(places, demo_configuration(), store)
    with store.connection():
        store.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return places.data


@dataclass
class Web:
    """The pages of a fresh demo box."""

    app: Flask
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def box(self) -> Box:
        """What the pages work with."""
        found: Box = self.app.extensions["box"]
        return found

    def visitor(self, number: str = "", language: str = "zh-CN") -> "Visitor":
        """Somebody with a browser; signed in when a staff number is given."""
        visitor = Visitor(self, language)
        if number:
            if number not in self.tokens:
                self.tokens[number] = People(self.box.store, hasher=QUICK).sign_in(
                    number, demo_data.DEMO_PASSWORD
                )
            visitor.client.set_cookie(COOKIE, self.tokens[number])
        return visitor


class Visitor:
    """A browser without a screen: keeps cookies and the form token of the last page."""

    def __init__(self, web: Web, language: str) -> None:
        self.client = web.app.test_client()
        self.headers = {"Accept-Language": language}
        self.token = ""

    def get(self, path: str, **extra: str) -> TestResponse:
        """Open a page."""
        return self._keep(self.client.get(path, headers={**self.headers, **extra}))

    def post(self, path: str, **fields: object) -> TestResponse:
        """Send a form."""
        data = {"csrf_token": self._form_token(), **fields}
        return self._keep(self.client.post(path, data=data, headers=self.headers))

    def ask(self, path: str, body: Any, method: str = "POST") -> TestResponse:
        """Send JSON as a script of the page does."""
        headers = {**self.headers, "Accept": "application/json", "X-CSRFToken": self._form_token()}
        return self.client.open(path, method=method, json=body, headers=headers)

    def _form_token(self) -> str:
        if not self.token:
            self.get("/sign-in?next=/password") if not self._signed_in() else self.get("/password")
        return self.token

    def _signed_in(self) -> bool:
        return self.client.get_cookie(COOKIE) is not None

    def _keep(self, response: TestResponse) -> TestResponse:
        if response.mimetype == "text/html":
            found = re.search(r'name="csrf" content="([^"]+)"', response.text)
            self.token = found.group(1) if found else self.token
        return response


def open_web(folder: Path, **changes: object) -> Web:
    """Open the pages over a fresh copy of the demo box; `changes` are made to the configuration."""
    shutil.copytree(_filled(), folder, dirs_exist_ok=True)
    configuration = msgspec.structs.replace(demo_configuration(), **changes)
    app = create_app(Places(folder), configuration, running=False)
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return Web(app)


def free_port() -> int:
    """A port of this machine nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(web: Web) -> Iterator[str]:
    """Serve the pages to a browser; gives their address."""
    port = free_port()
    server = make_server("127.0.0.1", port, web.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join()


def answers(port: int) -> bool:
    """Whether pages are served there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
