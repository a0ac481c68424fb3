"""A box with all its units, and a chromium whose microphone hums."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from appliance.calls import wire
from appliance.demo_data import DEMO_PASSWORD
from tests.box import ALL, PHONES, Box
from tests.browser.pages import Desk
from tests.browser.stage import (
    CITIZEN_HZ,
    DESK_PHONE_HZ,
    HEADSET_HZ,
    OUTSIDE_HZ,
    OUTSIDE_NUMBERS,
    WAIT_MS,
    Stage,
)
from tests.phones import Baresip, free_pair, write_tone
from tests.web_pages import answers

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
]
READY_S = 60.0
OUTSIDE = "127.0.0.3"

Open = Callable[..., Page]
expect.set_options(timeout=WAIT_MS)


@dataclass(frozen=True)
class Outside:
    """The telephone network: one phone that picks up under two numbers; any other number is unknown there."""

    phone: Baresip
    at: tuple[str, int]


@pytest.fixture(scope="package")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Somebody outside."""
    at = OUTSIDE, free_pair()
    folder = tmp_path_factory.mktemp("outside")
    with Baresip(
        folder,
        at[1],
        number=OUTSIDE_NUMBERS[0],
        also=OUTSIDE_NUMBERS[1:],
        tone_hz=OUTSIDE_HZ,
        answers=True,
        here=at,
        registrar_ip=OUTSIDE,
    ) as phone:
        yield Outside(phone, at)


@pytest.fixture(scope="package")
def box(outside: Outside) -> Iterator[Box]:
    """A whole demo box, from whose headsets one may call outside."""
    trunk = {"name": "city", "host": OUTSIDE, "port": outside.at[1]}
    extensions = [{"number": f"800{n}", "service": "desk"} for n in range(1, 5)]
    extensions += [{"number": n, "kind": "sip", "password": p, "service": "desk"} for n, p in PHONES.items()]
    rights = [{"name": "desk", "may": ["local", "mobile", "national", "service"]}]
    with Box(ALL, settings={"trunk": [trunk], "extension": extensions, "service_class": rights}) as box:
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


@pytest.fixture(scope="package")
def voiced(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A chromium whose microphone says a tone."""
    voice = write_tone(tmp_path_factory.mktemp("voice") / "headset.wav", HEADSET_HZ, 10)
    arguments = [*ARGUMENTS, f"--use-file-for-fake-audio-capture={voice}"]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
    yield browser
    browser.close()


@pytest.fixture
def stage(box: Box, voiced: Browser, outside: Outside, tmp_path: Path) -> Iterator[Stage]:
    """A citizen and a desk phone, nobody on shift yet; afterwards everybody goes home."""
    with (
        Baresip(
            tmp_path,
            box.sip_port,
            number="8101",
            password=PHONES["8101"],
            tone_hz=DESK_PHONE_HZ,
            answers=True,
        ) as phone,
        Baresip(tmp_path, box.sip_port, number="13800138000", tone_hz=CITIZEN_HZ) as citizen,
    ):
        stage = Stage(box, citizen, phone, outside.phone, voiced)
        yield stage
        citizen.hang_up()
        phone.hang_up()
        outside.phone.hang_up()
        box.wait_for(lambda: not box.calls(), 10, "the call to end")
        for context in stage.contexts:
            context.close()
        for seat in box.board().seats:
            if seat.state != "offline":
                box.order(wire.SignOut(seat.agent))
    assert stage.faults == []
