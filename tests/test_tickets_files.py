"""Files of tickets: what is taken, who sees it, how it is served, and that boxes agree on them."""

import hashlib
import io
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.blobs import here, wants
from appliance.configuration import Site
from appliance.events import Event, Fact
from appliance.people import Actor
from appliance.store import outbox
from appliance.store.store import Store
from appliance.tickets import attachments
from appliance.tickets.attachments import ATTACHED, BYTES_MOST, FILES_MOST, file_name
from appliance.tickets.file_kinds import kind_of
from tests.web_pages import Web, open_web

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
JPEG = b"\xff\xd8\xff\xe0" + bytes(60)
PDF = b"%PDF-1.7\n" + bytes(60)
AGENT = Actor("1001", "李", frozenset({"AG"}))


def office(folder: str, *more: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        for name in ("[Content_Types].xml", f"{folder}/document.xml", *more):
            made.writestr(name, "x")
    return data.getvalue()


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path)


def ticket(web: Web, **fields: object) -> tuple[str, bytes]:
    made = web.box.tickets.create(AGENT, "phone", {"title": "路灯不亮", "content": "人民路", **fields})
    return made.number, made.tid


def brought(name: str, data: bytes) -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), name


def files(web: Web, tid: bytes) -> list[tuple[str, str]]:
    return [(one.name, one.kind) for one in attachments.of_ticket(web.box.store, tid)]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF89a" + bytes(9), "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (PDF, "application/pdf"),
        ("投诉人说明".encode("gb18030"), "text/plain"),
        (office("word"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (office("xl"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (office("word", "word/vbaProject.bin"), None),
        (office("other"), None),
        (b"MZ\x90\0" + bytes(60), None),
        (b"<!doctype html><script>alert(1)</script>", None),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"PK\x03\x04 torn", None),
        (b"", None),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_content(data: bytes, kind: str | None) -> None:
    found = kind_of(data)
    assert (found.type if found else None) == kind


@given(st.binary(max_size=300))
def test_any_bytes_are_of_some_kind_or_none(data: bytes) -> None:
    kind_of(data)
    kind_of(b"PK\x03\x04" + data)


@given(st.text(max_size=300))
def test_any_name_becomes_one_that_every_system_saves(name: str) -> None:
    made = file_name(name, (".jpg", ".jpeg"))
    assert made.endswith((".jpg", ".jpeg"))
    assert not set(made) & set('/\\:*?"<>|\n\r\t\0\u202e')
    assert not made.startswith(".")
    assert file_name(made, (".jpg", ".jpeg")) == made


def test_a_photo_is_added_on_the_page_and_seen_there(web: Web) -> None:
    number, tid = ticket(web)
    visitor = web.visitor("1001", "en")
    visitor.get(f"/tickets/{number}")
    answer = visitor.post(
        f"/tickets/{number}/files", file=[brought("../路 灯.PNG", PNG), brought("r.exe", PDF)], text="现场"
    )
    assert answer.status_code == 302
    assert files(web, tid) == [("路 灯.png", "image/png"), ("r.exe.pdf", "application/pdf")]
    page = visitor.get(f"/tickets/{number}").text
    aid = attachments.of_ticket(web.box.store, tid)[0].aid.hex()
    assert f'<img src="/tickets/{number}/files/{aid}"' in page
    assert "File added" in page
    answer = visitor.get(f"/tickets/{number}/files/{aid}")
    assert (answer.data, answer.mimetype) == (PNG, "image/png")
    assert answer.headers["Content-Disposition"].startswith("inline;")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    other = attachments.of_ticket(web.box.store, tid)[1].aid.hex()
    saved = visitor.get(f"/tickets/{number}/files/{other}")
    assert saved.headers["Content-Disposition"].startswith("attachment;"), "only images open in the page"


def test_what_is_not_taken_is_refused_with_a_sentence_and_nothing_is_kept(web: Web) -> None:
    number, tid = ticket(web)
    visitor = web.visitor("1001", "en")
    visitor.get(f"/tickets/{number}")
    for name, data, words in (
        ("photo.jpg", b"MZ\x90\0" + bytes(60), "not taken"),
        ("empty.jpg", b"", "not empty"),
        ("large.png", PNG + bytes(BYTES_MOST), "too large: at most 20 MB"),
    ):
        answer = visitor.post(f"/tickets/{number}/files", file=brought(name, data))
        assert answer.status_code == 422
        assert words in answer.text
    assert files(web, tid) == []
    assert list(web.box.blobs.hashes()) == []


def test_the_same_file_added_twice_is_one_and_a_ticket_has_only_so_many(web: Web) -> None:
    _, tid = ticket(web)
    parts = (web.box.store, web.box.blobs, web.box.places.blobs, AGENT, tid)
    first = attachments.attach(*parts, "a.png", PNG)
    assert attachments.attach(*parts, "b.png", PNG) == first
    for n in range(FILES_MOST - 1):
        attachments.attach(*parts, f"{n}.png", PNG + bytes([n]))
    with pytest.raises(Exception, match="50 files already"):
        attachments.attach(*parts, "x.png", PNG + b"more")


def test_a_photo_brought_with_a_step_is_kept_even_when_the_step_is_refused(web: Web) -> None:
    number, tid = ticket(web)
    visitor = web.visitor("1200", "en")
    visitor.get(f"/tickets/{number}")
    answer = visitor.post(
        f"/tickets/{number}/move", move="submit_result", result="已修复", file=brought("after.jpg", JPEG)
    )
    assert answer.status_code in (403, 409)
    assert files(web, tid) == [("after.jpg", "image/jpeg")]


def test_files_of_a_confidential_ticket_are_for_those_who_may_see_whose_it_is(web: Web) -> None:
    number, tid = ticket(web, confidential=True, citizen="张三", phone="13800001234")
    parts = (web.box.store, web.box.blobs, web.box.places.blobs, AGENT, tid)
    aid = attachments.attach(*parts, "张三.png", PNG).hex()
    visitor = web.visitor("1200", "en")
    assert f"/files/{aid}" not in visitor.get(f"/tickets/{number}").text
    assert visitor.get(f"/tickets/{number}/files/{aid}").status_code == 403
    assert visitor.get(f"/tickets/{number}/files/{aid}/way").status_code == 403


def test_a_file_of_another_ticket_or_none_is_not_given(web: Web) -> None:
    number, _ = ticket(web)
    _, other = ticket(web)
    parts = (web.box.store, web.box.blobs, web.box.places.blobs, AGENT, other)
    aid = attachments.attach(*parts, "a.png", PNG).hex()
    visitor = web.visitor("1001")
    for name in (aid, "00" * 16, "zz"):
        assert visitor.get(f"/tickets/{number}/files/{name}").status_code == 404


def test_redaction_blanks_name_and_bytes_whatever_order_events_come_in(web: Web, tmp_path: Path) -> None:
    number, tid = ticket(web)
    parts = (web.box.store, web.box.blobs, web.box.places.blobs, AGENT, tid)
    aid = attachments.attach(*parts, "张三身份证.png", PNG, "张三").hex()
    visitor = web.visitor("1400", "en")
    assert 'value="' + aid in visitor.get(f"/tickets/{number}").text
    visitor.post(f"/tickets/{number}/redact", event=aid, reason="本人要求")
    page = visitor.get(f"/tickets/{number}").text
    assert "身份证" not in page
    assert visitor.get(f"/tickets/{number}/files/{aid}").status_code == 404
    assert list(web.box.blobs.hashes()) == []
    history = web.box.store.history(tid)
    for order in (history, history[::-1]):
        other = Store(tmp_path / f"other-{order[0].kind}.db", 2, bind=False)
        other.take(order)
        assert attachments.of_ticket(other, tid) == []
        assert "身份证" not in str(other.rows("SELECT * FROM attachment"))
        before = other.rows("SELECT * FROM attachment")
        other.rebuild()
        assert other.rows("SELECT * FROM attachment") == before


def test_boxes_that_added_files_while_apart_show_the_same(tmp_path: Path, web: Web) -> None:
    _, tid = ticket(web)
    created = web.box.store.history(tid)
    stores = [Store(tmp_path / f"{site}.db", site, bind=False) for site in (1, 2)]
    added: list[Event] = []
    for n, store in enumerate(stores):
        store.take(created)
        blobs = web.box.blobs
        attachments.attach(store, blobs, tmp_path / "made", AGENT, tid, f"{n}.png", PNG + bytes([n]))
        added += [event for event in store.history(tid) if event.kind == ATTACHED]
    for store in stores:
        store.take(added)
    shown = [attachments.of_ticket(store, tid) for store in stores]
    assert shown[0] == shown[1]
    assert len(shown[0]) == 2


def test_a_malformed_event_is_set_aside_and_shows_nothing(web: Web) -> None:
    _, tid = ticket(web)
    for facts in ({}, {"sha256": "../x", "kind": "image/png", "size": 1, "file": "a"}, {"kind": "text/html"}):
        web.box.store.record(Fact(ATTACHED, facts, tid))
    assert files(web, tid) == []
    assert web.box.store.rows("SELECT count(*) FROM quarantine")[0][0] == 3


def test_a_file_added_at_a_site_comes_to_the_hub_and_one_from_there_is_fetched_when_opened(
    tmp_path: Path,
) -> None:
    site = open_web(tmp_path / "site")
    hub = open_web(tmp_path / "hub", site=Site(number=0, role="hub"))
    outbox.add_peer(site.box.store, outbox.HUB, 0)
    outbox.add_peer(hub.box.store, "site-001", 1)
    number, tid = ticket(site)
    parts = (site.box.store, site.box.blobs, site.box.places.blobs, AGENT, tid)
    aid = attachments.attach(*parts, "a.png", PNG).hex()
    hub.box.store.take(site.box.store.history(tid), via="site-001")
    wants.follow(hub.box.store)
    (wanted,) = wants.upcoming(hub.box.store, time.time())[1]
    assert (wanted.sha256, wanted.rank) == (hashlib.sha256(PNG).hexdigest(), wants.OF_TICKET)
    visitor = hub.visitor("1400", "en")
    page = visitor.get(f"/tickets/{number}").text
    assert "It is at site 1, which is not connected; it is fetched as soon as that is." in page
    assert f'src="/tickets/{number}/files/{aid}" alt' not in page.replace("data-src", "later")
    answer = visitor.get(f"/tickets/{number}/files/{aid}")
    assert answer.status_code == 409
    assert "site 1, which is not connected" in answer.text
    assert wants.upcoming(hub.box.store, time.time())[1][0].rank == wants.AWAITED
    told: Any = visitor.get(f"/tickets/{number}/files/{aid}/way").json
    assert told["here"] is False
    path = here.find(site.box.store, site.box.places.recordings, site.box.blobs, wanted.sha256)
    assert path is not None
    copy = hub.box.places.data / "copy"
    copy.write_bytes(path.read_bytes())
    hub.box.blobs.put(wanted.sha256, copy)
    wants.kept(hub.box.store, wanted.sha256, wanted.size, time.time())
    assert visitor.get(f"/tickets/{number}/files/{aid}").data == PNG
    assert f'<img src="/tickets/{number}/files/{aid}"' in visitor.get(f"/tickets/{number}").text
    assert here.prune(hub.box.store, hub.box.blobs, time.time() + 1) == 0
