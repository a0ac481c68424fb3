"""A person at the pages, without a browser: signs in, reads, fills in forms, presses buttons."""

import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

PASSWORD = "demo-12345"
WAIT_S = 15


class Reader:
    """One signed-in person at one box."""

    def __init__(self, url: str, number: str, password: str = PASSWORD) -> None:
        self.url = url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._open = urllib.request.build_opener(jar, urllib.request.ProxyHandler({})).open
        self._token = ""
        page = self.read("/sign-in")
        found = re.search(r'name="csrf" content="([^"]+)"', page)
        assert found, "the sign-in page has no CSRF token"
        self._token = found.group(1)
        self.submit("/sign-in", number=number, password=password, next="/tickets")

    def read(self, path: str) -> str:
        """The text of a page."""
        with self._open(self.url + path, timeout=WAIT_S) as answer:
            return str(answer.read().decode())

    def data(self, path: str) -> Any:
        """The JSON of an address."""
        return json.loads(self.read(path))

    def submit(self, path: str, **fields: str) -> str:
        """Send a form; return the page that follows. Raises AssertionError with the page's fault."""
        body = urllib.parse.urlencode({**fields, "csrf_token": self._token}).encode()
        return self._post(path, body, "application/x-www-form-urlencoded")

    def order(self, path: str, **body: object) -> Any:
        """Send JSON as the desk does; return the JSON that comes back."""
        return json.loads(self._post(path, json.dumps(body).encode(), "application/json"))

    def move(self, number: str, move: str, **fields: str) -> str:
        """Press a ticket's button."""
        return self.submit(f"/tickets/{number}/move", move=move, **fields)

    def _post(self, path: str, body: bytes, kind: str) -> str:
        headers = {"Content-Type": kind, "X-CSRFToken": self._token, "Referer": self.url}
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with self._open(request, timeout=WAIT_S) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            text = re.sub(r"<[^>]+>|\s+", " ", error.read().decode())
            raise AssertionError(f"{path}: {error.code} {text[:300]}") from None
