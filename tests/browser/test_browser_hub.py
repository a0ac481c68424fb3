"""A hub's pages in chromium: what its bar has and has not, and the bar at the foot on a narrow screen."""

import os
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from appliance.configuration import Site
from appliance.demo_data import DEMO_PASSWORD
from appliance.store import outbox
from tests.browser.conftest import Open
from tests.web_pages import open_web, served

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("SHOTS", "")
SINCE_S = 3 * 24 * 3600
CUT = """[...document.querySelectorAll('.foot, .foot .end, #clock')]
    .filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth)
    .map(e => e.className || e.id)"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub that has not heard of one of its two sites for days."""
    site = Site(number=0, name="汇总中心", role="hub")
    web = open_web(tmp_path_factory.mktemp("hub"), site=site)
    for number in (7, 8):
        outbox.add_peer(web.box.store, outbox.peer_name(number), number)
    sql = "UPDATE peer SET state = 'away', since_s = ? WHERE site = 7"
    with web.box.store.transaction():
        web.box.store.execute(sql, time.time() - SINCE_S)
    with served(web) as address:
        yield address


def enter(page: Page, address: str, number: str) -> Page:
    page.goto(f"{address}/sign-in")
    page.fill("#number", number)
    page.fill("#password", DEMO_PASSWORD)
    page.click("#sign-in")
    return page


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
@pytest.mark.parametrize("width", [1366, 390])
def test_a_leader_at_the_hub_has_the_pages_of_a_hub_and_sees_the_whole_clock(
    hub: str, open_page: Open, width: int, locale: str
) -> None:
    page = enter(open_page(width, 844, locale), hub, "1100")
    expect(page.locator("[data-test=nav-tickets-page]")).to_have_attribute("aria-current", "page")
    expect(page.locator("[data-test=nav-sites-page]")).to_have_count(1)
    for name in ("desk", "board", "phones", "deferrals", "campaigns"):
        expect(page.locator(f"[data-test=nav-{name}-page]")).to_have_count(0)
    expect(page.locator("#clock")).to_contain_text(":")
    assert page.evaluate(CUT) == []
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/hub-{width}-{locale}.png")
        page.locator(".foot").screenshot(path=f"{SHOTS}/foot-{width}-{locale}.png")
    page.goto(f"{hub}/board")
    expect(page.locator("main")).to_contain_text("中心" if locale == "zh-CN" else "This box is a hub")
