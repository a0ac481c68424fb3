"""The page of webhooks: made, tried, paused, sent again and removed by administrators; secrets shown once."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from werkzeug.test import TestResponse

from appliance.outside.delivering import Deliverer
from tests.web_pages import Web, demo_configuration, open_web

ALLOWED = ("city.example:443",)
PAGE = "/settings/webhooks"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    api = msgspec.structs.replace(demo_configuration().api, webhooks=ALLOWED)
    return open_web(tmp_path, api=api)


def made(web: Web, **more: Any) -> TestResponse:
    visitor = web.visitor("9000", "en")
    kinds = ["ticket.created", "ticket.moved"]
    fields = {"name": "city", "url": "https://city.example/events", "kinds": kinds, **more}
    return visitor.client.post(
        PAGE, data={"csrf_token": visitor._form_token(), **fields}, headers=visitor.headers
    )


def test_a_webhook_is_made_and_its_secret_shown_once(web: Web) -> None:
    page = made(web)
    assert page.status_code == 200
    secret = page.text.split('data-test="secret-text">')[1].split("<")[0]
    assert secret.startswith("whs_")
    visitor = web.visitor("9000", "en")
    assert secret not in visitor.get(PAGE).text + visitor.get(f"{PAGE}/city").text
    told = [event.facts for _, event in web.box.store.read(0, 100_000) if event.kind == "webhook.created"]
    assert secret not in str(told)
    assert told[0]["by"] == "9000"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"url": "http://169.254.169.254/"}, "not among the hosts"),
        ({"url": "gopher://city.example/"}, "Write the address like"),
        ({"name": "Big One"}, "small letters"),
        ({"kinds": []}, "what is to be told"),
        ({"kinds": ["webhook.tested"]}, "what is to be told"),
    ],
)
def test_a_webhook_out_of_bounds_comes_back_with_what_was_typed(
    web: Web, more: dict[str, Any], words: str
) -> None:
    page = made(web, **more)
    assert page.status_code == 422
    assert words in page.text
    assert more.get("url", "https://city.example/events") in page.text


def test_what_was_given_up_is_sent_again_by_a_button(web: Web) -> None:
    made(web)
    visitor, store = web.visitor("9000", "en"), web.box.store
    assert visitor.post(f"{PAGE}/city", do="test").status_code == 302
    answers = [404]
    deliverer = Deliverer(store, ALLOWED, send=lambda *_: answers[-1])
    deliverer.step()
    with store.transaction():
        store.execute("UPDATE delivery SET state = 'dead'")
    page = visitor.get(f"{PAGE}/city").text
    assert "given up" in page
    (did,) = set(re.findall(r'name="did" value="(\d+)"', page))
    answers.append(204)
    assert visitor.post(f"{PAGE}/city", do="again", did=did).status_code == 302
    deliverer.step()
    assert "delivered" in visitor.get(f"{PAGE}/city").text
    assert visitor.post(f"{PAGE}/city", do="again").status_code == 409


def test_a_webhook_is_paused_and_removed(web: Web) -> None:
    made(web)
    visitor = web.visitor("9000", "en")
    visitor.post(f"{PAGE}/city", do="pause")
    assert "paused" in visitor.get(PAGE).text
    visitor.post(f"{PAGE}/city", do="resume")
    assert "in order" in visitor.get(PAGE).text
    visitor.post(f"{PAGE}/city", do="remove")
    assert visitor.get(f"{PAGE}/city").status_code == 404


def test_nobody_else_sees_webhooks(web: Web) -> None:
    made(web)
    for number in ("1100", "1200", "1400", "9100"):
        assert web.visitor(number).get(PAGE).status_code == 403
        assert web.visitor(number).get(f"{PAGE}/city").status_code == 403
