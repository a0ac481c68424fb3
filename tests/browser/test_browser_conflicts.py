"""The list of conflicts in a real browser: both sides, one click, and the count in the bar falls."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from appliance.demo_data import DEMO_PASSWORD
from tests.browser.conftest import Open
from tests.test_web_conflicts import dispatched_twice, edited_twice
from tests.web_pages import Web, free_port, open_web

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    """A demo box of which the hub wrote too."""
    web = open_web(tmp_path_factory.mktemp("box"))
    edited_twice(web.box.store)
    dispatched_twice(web.box.store)
    return web


@pytest.fixture(scope="module")
def address(web: Web) -> Iterator[str]:
    """The pages of that box alone: nothing here needs calls."""
    port = free_port()
    server = make_server("127.0.0.1", port, web.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()


def test_a_dispatcher_settles_what_both_sides_did_click_by_click(address: str, open_page: Open) -> None:
    page = open_page()
    page.goto(f"{address}/sign-in")
    page.fill("#number", "1200")
    page.fill("#password", DEMO_PASSWORD)
    page.click("#sign-in")
    bar = page.locator("[data-test=nav-conflicts-page]")
    expect(bar).to_contain_text("3")
    bar.click()
    expect(page.locator("[data-test=conflict]")).to_have_count(3)
    twice = page.locator("[data-test=conflict]").filter(has_text="重复派单")
    expect(twice.locator("[data-test=stands]")).to_contain_text("市照明管理处")
    expect(twice.locator("[data-test=lost]")).to_contain_text("市水务集团")
    twice.locator("[data-test=take]").click()
    expect(page.locator("[data-test=conflict]")).to_have_count(2)
    for left in (1, 0):
        page.locator("[data-test=keep]").first.click()
        expect(page.locator("[data-test=conflict]")).to_have_count(left)
    expect(page.locator("[data-test=no-conflicts]")).to_be_visible()
    page.goto(f"{address}/tickets")
    expect(bar).to_have_count(0)
