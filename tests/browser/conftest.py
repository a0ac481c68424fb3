"""A box with all its units, and a chromium whose microphone hums."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from appliance.demo_data import DEMO_PASSWORD
from tests.box import ALL, Box
from tests.browser.pages import Desk
from tests.web_pages import answers

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
]
READY_S = 60.0
WAIT_MS = 20_000

Open = Callable[..., Page]


@pytest.fixture(scope="package")
def box() -> Iterator[Box]:
    """A whole demo box."""
    with Box(ALL) as box:
        box.wait_for(lambda: answers(int(box.settings["web"]["port"])), READY_S, "the pages")
        yield box


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """The driver of browsers."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all tests; each test has contexts of its own."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Open a page as somebody else's browser would; what its scripts complain of fails the test."""
    contexts, faults = [], list[str]()

    def open_it(width: int = 1366, height: int = 768, locale: str = "zh-CN") -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, locale=locale)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def desk(box: Box, open_page: Open) -> Iterator[Desk]:
    """The desk of agent 1001, signed in and off shift."""
    desk = Desk(open_page(), box.web)
    desk.sign_in("1001", DEMO_PASSWORD)
    desk.empty_form()
    yield desk
    desk.end_shift()
