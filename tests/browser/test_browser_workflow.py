"""The workflow page in a real browser: a move is saved as it is changed, faults and drawing follow."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from appliance.demo_data import DEMO_PASSWORD
from tests.browser.conftest import Open
from tests.web_pages import free_port, open_web

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages of a demo box alone: nothing here needs calls."""
    web, port = open_web(tmp_path_factory.mktemp("box")), free_port()
    server = make_server("127.0.0.1", port, web.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()


def administrator(page: Page, address: str) -> Page:
    """Sign in and go to the workflow."""
    page.goto(f"{address}/sign-in")
    page.fill("#number", "9000")
    page.fill("#password", DEMO_PASSWORD)
    page.click("#sign-in")
    page.goto(f"{address}/settings/workflow")
    return page


def test_a_move_is_saved_as_it_is_changed_and_its_faults_follow(address: str, open_page: Open) -> None:
    page = administrator(open_page(), address)
    page.fill("#draft-name", "city")
    page.click("[data-test=begin]")
    page.click("[data-test=edit-C26]")
    form = page.locator("[data-test=form-C26]")
    form.locator("input[name=who][value=TL]").check()
    form.locator("#target").select_option("SUSPENDED")
    expect(page.locator("[data-fault-list] li")).to_have_count(1)
    expect(page.locator("[data-fault-list]")).to_contain_text("计划恢复日期")
    expect(page.locator("[data-test=do-publish]")).to_be_disabled()
    expect(page.locator("[data-drawing] [data-from=DISPATCHED][data-to=SUSPENDED]")).to_have_count(1)
    expect(page.locator("tr[data-code=C26]")).to_contain_text("班长")
    form.locator("#target").select_option("ACCEPTED")
    expect(page.locator("[data-fault-list] li")).to_have_count(0)
    expect(page.locator("[data-test=do-publish]")).to_be_enabled()
    page.reload()
    expect(page.locator("[data-test=form-C26] input[name=who][value=TL]")).to_be_checked()
    page.fill("#publish-reason", "班长也可撤回")
    page.click("[data-test=do-publish]")
    expect(page.locator("[data-test=compare]")).to_contain_text("班长")


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
@pytest.mark.parametrize("width", [1366, 390])
def test_the_workflow_fits_the_screen(address: str, open_page: Open, width: int, locale: str) -> None:
    page = administrator(open_page(width, 800, locale), address)
    for path in ("/settings/workflow", "/settings/workflow/versions/standard@0"):
        page.goto(address + path)
        expect(page.locator(".wf-state")).to_have_count(27)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_pointing_at_a_state_shows_only_its_moves(address: str, open_page: Open) -> None:
    page = administrator(open_page(), address)
    page.locator("[data-state=SUSPENDED]").hover()
    expect(page.locator(".wf-move:not(.away)")).to_have_count(3)
