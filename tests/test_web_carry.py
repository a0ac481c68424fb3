"""The pages of carrying by stick and of what was set aside, in both languages."""

import errno
import hashlib
import io
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.events import Event, Fact, Stamp
from appliance.letters.seals import Seals
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.quarantine import listed
from appliance.tickets import attachments
from sync.carry.keys import trust
from tests.test_sync_carry import Box
from tests.test_sync_carry_files import Office
from tests.web_pages import Web, open_web
from web import carry_pack

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


def test_photos_and_recordings_go_along_in_a_zip_both_ways(web: Web, tmp_path: Path) -> None:
    here = web.visitor(ADMINISTRATOR)
    parts = (web.box.store, web.box.blobs, web.box.places.blobs, Actor("1001", "李", frozenset({"AG"})))
    created = web.box.tickets.create(parts[3], "phone", {"title": "路灯不亮", "content": "人民路"})
    photo = b"\x89PNG\r\n\x1a\n" + bytes(5000)
    attachments.attach(*parts, created.tid, "a.png", photo)
    with ExitStack() as held:
        hub = Office(tmp_path / "hub", 0, held)
        here.post("/box/carry/trust", **brought(hub.carrier.keys.public(0).to_file(), "hub.hotline-key"))
        trust(hub.store, here.get("/box/carry/key").data)
        away = here.post("/box/carry/export", peer="hub", files_mb="50")
        assert away.headers["Content-Disposition"].endswith('"site-001-to-hub.zip"')
        with zipfile.ZipFile(io.BytesIO(away.data)) as pack:
            pack.extractall(tmp_path / "stick")
        away.close()
        done = hub.carrier.take(tmp_path / "stick/site-001-to-hub.carry")
        assert done.files >= 1
        assert hub.has(hashlib.sha256(photo).hexdigest())
        seal = hub.seal("lamp")
        back = tmp_path / "back"
        back.mkdir()
        hub.carrier.export("site-001", back)
        pieces = b"".join(carry_pack.packed(back))
        assert here.post("/box/carry/import", **brought(pieces, "back.zip")).status_code == 302
        assert "新到文件 1 个" in here.get("/box/carry").text
        assert Seals(web.box.store, web.box.places.seals).file(seal)
    assert list(web.box.places.data.glob("tmp*")) == []


@pytest.mark.parametrize(
    "name",
    ["../../etc/x.carry", "/etc/x.carry", "site-001-to-hub.carry/x", "site-001-to-hub.files/aa/x.file"],
)
def test_a_zip_no_box_made_is_refused_and_leaves_nothing(web: Web, name: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as pack:
        pack.writestr("hub-to-site-001.carry", b"x")
        pack.writestr(name, b"x")
    visitor = web.visitor(ADMINISTRATOR, "en")
    for brings in (data.getvalue(), data.getvalue()[:40]):
        answer = visitor.post("/box/carry/import", **brought(brings, "x.zip"))
        assert (answer.status_code, "was not made by a Hotline Box" in answer.text) == (422, True)
    assert list(web.box.places.data.glob("tmp*")) == []


def test_a_long_file_needs_no_room_in_the_temporary_folder_of_the_system(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("werkzeug.wrappers.request.default_stream_factory", full)
    answer = web.visitor(ADMINISTRATOR, "en").post("/box/carry/import", **brought(bytes(2**20), "x"))
    assert (answer.status_code, "This is no file made by" in answer.text) == (422, True)
    assert list(web.box.places.data.glob("tmp*")) == []


def test_a_zip_that_would_grow_when_unpacked_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("hub-to-site-001.carry", bytes(10**7))
    with pytest.raises(Refused, match="was not made"):
        carry_pack.unpacked(bomb, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("files_mb", ["x", "-1", "401", "99999", ""])
def test_a_limit_that_is_none_is_told_as_such(web: Web, files_mb: str) -> None:
    answer = web.visitor(ADMINISTRATOR, "en").post("/box/carry/export", peer="hub", files_mb=files_mb)
    assert (answer.status_code, "Write a number of MB from 0 to 400." in answer.text) == (422, True)


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
