"""Other programs that ask a demo box over its API."""

from collections.abc import Iterable
from typing import Any

from werkzeug.test import TestResponse

from appliance.outside.tokens import SCOPES, Tokens
from appliance.people import Actor
from tests.web_pages import Web

ADMINISTRATOR = Actor("9000", "系统管理员", frozenset({"AD"}))
REPAIR = {
    "source": "web",
    "kind": "repair",
    "title": "路灯不亮",
    "content": "全部不亮",
    "phone": "10000000001",
}


class Program:
    """A program with a token; it belongs to a person, or acts in roles of its own."""

    def __init__(
        self, web: Web, name: str, scopes: Iterable[str] = SCOPES, language: str = "en", **owner: Any
    ) -> None:
        self.secret = Tokens(web.box.store).create(ADMINISTRATOR, name, f"{name} 平台", scopes, **owner)
        self.client = web.app.test_client()
        self.headers = {"Authorization": f"Bearer {self.secret}", "Accept-Language": language}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Ask the API; underscores in header names stand for hyphens."""
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(f"/api/v1{path}", method=method, json=body, headers={**self.headers, **extra})

    def told(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask, and return the JSON of an answer that must be good."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json
