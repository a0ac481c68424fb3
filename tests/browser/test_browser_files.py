"""Files in chromium: a recording of another site is fetched by pressing play, a ticket gets photos."""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from appliance.configuration import Site
from appliance.demo_data import DEMO_PASSWORD
from appliance.events import Fact, Stamp
from appliance.people import Actor
from appliance.store import outbox
from appliance.tickets import attachments
from tests.browser.conftest import Open
from tests.recordings_box import speech
from tests.test_recordings_elsewhere import arrive, connect, recorded
from tests.web_pages import Web, open_web, served

pytestmark = pytest.mark.browser
AGENT = Actor("1001", "李", frozenset({"AG"}))
FAR = 7
SHOTS = os.environ.get("SHOTS", "")


@dataclass
class Hub:
    """The pages of a hub that knows site 7."""

    web: Web
    address: str

    def enter(self, page: Page, number: str = "1400") -> Page:
        page.goto(f"{self.address}/sign-in")
        page.fill("#number", number)
        page.fill("#password", DEMO_PASSWORD)
        page.click("#sign-in")
        return page


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    web = open_web(tmp_path_factory.mktemp("hub"), site=Site(number=0, role="hub"))
    outbox.add_peer(web.box.store, outbox.peer_name(FAR), FAR)
    with served(web) as address:
        yield Hub(web, address)


def photo(side: int = 64) -> bytes:
    """A blue square as PNG."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + b"\x30\x60\xc0" * side for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_a_leader_presses_play_and_hears_it_when_it_is_here(hub: Hub, open_page: Open) -> None:
    data = speech(16_000)
    recorded(hub.web, FAR, data)
    connect(hub.web, FAR, "away")
    page = hub.enter(open_page())
    page.goto(f"{hub.address}/recordings")
    audio = page.locator("[data-test=audio]").first
    audio.evaluate("audio => audio.play().catch(() => {})")
    said = page.locator("[data-test=fetching]").first
    expect(said).to_contain_text("7 号分站，对方目前没有连接")
    shot(page, "fetching-away")
    connect(hub.web, FAR, "connected")
    expect(said).to_contain_text("正在从 7 号分站取回")
    shot(page, "fetching")
    arrive(hub.web, data)
    expect(said).to_have_count(0)
    page.wait_for_function("audio => audio.currentTime > 0.2", arg=audio.element_handle())
    expect(page.locator("[data-test=wave] svg").first).to_be_visible()


def test_photos_chosen_in_the_intake_form_come_with_the_ticket(
    hub: Hub, open_page: Open, tmp_path: Path
) -> None:
    (tmp_path / "现场.png").write_bytes(photo())
    page = hub.enter(open_page(), "1001")
    page.goto(f"{hub.address}/intake")
    page.locator("input[name=kind][value=complaint]").check(force=True)
    page.fill("#category-text", "道路")
    page.locator("#category-list [role=option]").first.click()
    page.fill("[name=title]", "井盖破损")
    page.fill("[name=content]", "解放路井盖破损")
    page.set_input_files("[data-test=attach]", tmp_path / "现场.png")
    shot(page, "intake-attach")
    page.click("[data-test=file-save]")
    expect(page.locator("#toasts")).to_contain_text("工单")
    store = hub.web.box.store
    page.wait_for_function("!document.querySelector('[data-test=attach]').files.length")
    rows = store.rows(
        "SELECT a.name FROM attachment a JOIN ticket t ON t.tid = a.tid WHERE t.title = '井盖破损'"
    )
    assert [tuple(row) for row in rows] == [("现场.png",)]


@pytest.mark.parametrize(("width", "locale"), [(1366, "zh-CN"), (390, "en-US")])
def test_photos_are_added_to_a_ticket_and_seen(
    hub: Hub, open_page: Open, tmp_path: Path, width: int, locale: str
) -> None:
    made = hub.web.box.tickets.create(AGENT, "phone", {"title": "路灯不亮", "content": "人民路"})
    (tmp_path / "现场照片.png").write_bytes(photo())
    (tmp_path / ("很长的文件名" * 12 + ".pdf")).write_bytes(b"%PDF-1.7\n" + bytes(2000))
    page = hub.enter(open_page(width, 800, locale))
    page.goto(f"{hub.address}/tickets/{made.number}")
    page.set_input_files("[data-test=attach-file]", sorted(tmp_path.glob("*.p*")))
    page.fill("[data-test=attach-text]", "路口东侧")
    page.click("[data-test=attach-save]")
    preview = page.locator("[data-test=preview]")
    expect(preview).to_be_visible()
    assert preview.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    expect(page.locator("[data-test=file]")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, f"files-{width}-{locale}")
    with page.expect_download() as saved:
        page.locator("[data-test=file]").last.click()
    assert saved.value.suggested_filename.endswith((".pdf", ".png"))


@pytest.mark.parametrize(("width", "locale"), [(1366, "zh-CN"), (390, "en-US")])
def test_a_photo_that_is_still_at_its_site_is_told_of_and_shown_when_it_is_here(
    hub: Hub, open_page: Open, width: int, locale: str
) -> None:
    data = photo(48 + width % 7)
    made = hub.web.box.tickets.create(AGENT, "phone", {"title": "路灯不亮", "content": "人民路"})
    facts = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "kind": "image/png"}
    added = Fact("ticket.attached", {**facts, "file": "现场.png", "by": "1001", "text": ""}, made.tid)
    hub.web.box.store.take([Stamp(FAR).event(added)], via=outbox.peer_name(FAR))
    connect(hub.web, FAR, "away")
    page = hub.enter(open_page(width, 800, locale))
    page.goto(f"{hub.address}/tickets/{made.number}")
    said, preview = page.locator("[data-test=fetching]"), page.locator("[data-test=preview]")
    expect(said).to_contain_text(
        "对方目前没有连接" if locale == "zh-CN" else "site 7, which is not connected"
    )
    expect(preview).to_be_hidden()
    said.scroll_into_view_if_needed()
    connect(hub.web, FAR, "connected")
    words = "正在从 7 号分站取回" if locale == "zh-CN" else "It is being fetched from site 7"
    expect(said).to_contain_text(words)
    shot(page, f"photo-far-{width}-{locale}")
    arrive(hub.web, data)
    expect(preview).to_be_visible()
    expect(said).to_have_count(0)
    assert preview.evaluate("image => image.decode().then(() => image.naturalWidth)") == 48 + width % 7
    page.reload()
    expect(preview).to_be_visible()
    expect(said).to_have_count(0)


def test_a_photo_that_is_gone_from_this_box_is_told_of_and_no_broken_picture(
    hub: Hub, open_page: Open
) -> None:
    data = photo(33)
    made = hub.web.box.tickets.create(AGENT, "phone", {"title": "路灯不亮", "content": "人民路"})
    parts = (hub.web.box.store, hub.web.box.blobs, hub.web.box.places.blobs, AGENT, made.tid)
    attachments.attach(*parts, "现场.png", data)
    hub.web.box.blobs.remove(hashlib.sha256(data).hexdigest())
    page = hub.enter(open_page())
    page.goto(f"{hub.address}/tickets/{made.number}")
    page.locator("#files").scroll_into_view_if_needed()
    expect(page.locator("[data-test=fetching]")).to_contain_text("不在本机")
    expect(page.locator("[data-test=preview]")).to_be_hidden()
