"""The pages of carrying by stick and of what was set aside, in both languages."""

import io
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.events import Event, Fact, Stamp
from appliance.store.quarantine import listed
from sync.carry.keys import trust
from tests.test_sync_carry import Box
from tests.web_pages import Web, open_web

ADMINISTRATOR, TECHNICIAN, AGENT = "9000", "9100", "1001"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path / "box")


def brought(data: bytes, name: str) -> dict[str, object]:
    return {"file": (io.BytesIO(data), name)}


def test_two_boxes_exchange_events_by_the_page(web: Web, tmp_path: Path) -> None:
    here = web.visitor(ADMINISTRATOR)
    assert "用 U 盘携带" in here.get("/box/carry").text
    with ExitStack() as held:
        hub = Box(tmp_path / "hub", 0, held)
        key = here.get("/box/carry/key")
        assert key.headers["Content-Disposition"].endswith('"site-001.hotline-key"')
        hub_key = hub.carrier.keys.public(0)
        answer = here.post("/box/carry/trust", **brought(hub_key.to_file(), "hub.hotline-key"))
        assert answer.status_code == 302
        assert hub_key.fingerprint in here.get("/box/carry").text
        trust(hub.store, key.data)
        file = here.post("/box/carry/export", peer="hub")
        assert file.headers["Content-Disposition"].endswith("site-001-to-hub.carry")
        away = tmp_path / "stick.carry"
        away.write_bytes(file.data)
        done = hub.carrier.take(away)
        assert done.events > 10
        back = Path(hub.carrier.export("site-001", tmp_path).path)
        assert here.post("/box/carry/import", **brought(back.read_bytes(), "back.carry")).status_code == 302
        assert f"对方已收到我方 {done.events} 条" in here.get("/box/carry").text
        again = here.post("/box/carry/import", **brought(back.read_bytes(), "back.carry"))
        assert again.status_code == 422
        assert "此文件已读过" in again.text
        torn = here.post("/box/carry/import", **brought(back.read_bytes()[:200], "back.carry"))
        assert "文件不完整或已损坏" in torn.text
    kinds = [event.kind for _, event in web.box.store.read(0, 100_000) if event.kind.startswith("carry.")]
    assert kinds == ["carry.trusted", "carry.exported", "carry.imported"]


def test_what_cannot_be_done_is_said_in_the_language_of_the_reader(web: Web) -> None:
    visitor = web.visitor(ADMINISTRATOR, "en")
    assert "Choose a file first." in visitor.post("/box/carry/import").text
    assert "bring its key file first" in visitor.post("/box/carry/export", peer="hub").text
    assert "is neither" in visitor.post("/box/carry/export", peer="site-009").text
    answer = visitor.post("/box/carry/trust", **brought(b"no key", "x"))
    assert (answer.status_code, "no key file" in answer.text) == (422, True)


def test_only_administrators_carry(web: Web) -> None:
    assert web.visitor(AGENT).get("/box/carry").status_code == 403
    technician = web.visitor(TECHNICIAN)
    assert technician.get("/box/carry").status_code == 403
    assert 'data-test="carry"' not in technician.get("/box").text
    assert 'data-test="carry"' in web.visitor(ADMINISTRATOR).get("/box").text


def test_what_was_set_aside_is_listed_and_tried_again(web: Web) -> None:
    store = web.box.store
    (created,) = store.record(Fact("ticket.created", {"number": "1", "source": "web"}))
    store.take([Event(Stamp(5).eid(), created.subject, "ticket.edited", 1, b'{"fields": 1}')], via="hub")
    visitor = web.visitor(TECHNICIAN, "en")
    assert 'data-test="quarantine"' in visitor.get("/box").text
    listed_now = visitor.get("/box/quarantine").text
    assert "ticket.edited" in listed_now
    assert listed(store)[0].eid.hex() in listed_now
    assert visitor.post("/box/quarantine/retry").status_code == 302
    assert "0 entries are understood now, 1 are still set aside." in visitor.get("/box/quarantine").text
    assert web.visitor(AGENT).get("/box/quarantine").status_code == 403
