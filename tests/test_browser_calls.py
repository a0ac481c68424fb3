"""A whole call in real browsers: an agent's desk with a headset, and the demo's citizen phone."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.box import ALL, PHONES, Box
from tests.phones import Baresip, tone_level, until, write_tone

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
HEADSET_HZ, CITIZEN_HZ, DESK_HZ = 1000.0, 700.0, 500.0
LOUD = 0.02
WAIT_MS = 30_000

pytestmark = [pytest.mark.browser, pytest.mark.sip]


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A whole box."""
    with Box(ALL, settings={"queue": [{"name": "general", "title": "综合", "wrap_up_s": 120}]}) as box:
        until(lambda: _pages(box) or None, 60, "the pages")
        yield box


@contextmanager
def browser(voice: Path) -> Iterator[Page]:
    """A chromium whose microphone hears a WAV file again and again."""
    arguments = [
        *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"),
        *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
        f"--use-file-for-fake-audio-capture={voice}",
        "--autoplay-policy=no-user-gesture-required",
    ]
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = chromium.new_context(
            viewport={"width": 1366, "height": 768}, locale="zh-CN", permissions=["microphone"]
        )
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
        assert not faults, faults
        chromium.close()


def see(page: Page, name: str) -> None:
    """Wait until something is to be seen."""
    expect(page.locator(f'[data-test="{name}"]')).to_be_visible(timeout=WAIT_MS)


def press(page: Page, name: str) -> None:
    """Press a button."""
    page.click(f'[data-test="{name}"]')


def test_an_agent_signs_in_answers_talks_saves_a_ticket_and_wraps_up(box: Box, tmp_path: Path) -> None:
    voice = write_tone(tmp_path / "headset.wav", HEADSET_HZ, 10)
    phone = Baresip(tmp_path, box.sip_port, number="13800005678", tone_hz=CITIZEN_HZ)
    with browser(voice) as page, phone as citizen:
        page.goto(f"{box.web}/sign-in")
        page.fill("input[name=number]", "1001")
        page.fill("input[name=password]", "demo-12345")
        page.keyboard.press("Enter")
        see(page, "start-shift")
        press(page, "start-shift")
        box.wait_for(lambda: box.seat("1001").phone == "up", 30, "the headset")
        if box.seat("1001").state != "ready":
            press(page, "to-ready")
        box.wait_state("1001", "ready")

        citizen.dial("12345")
        citizen.wait("CALL_ESTABLISHED")
        box.wait_event("call.entered")
        citizen.keys("1")
        see(page, "pop")
        assert "5678" in page.inner_text('[data-test="pop-caller"]').replace(" ", "")
        page.keyboard.press("F2")
        seat = box.wait_state("1001", "busy")
        assert seat.call is not None

        until(lambda: _loud(citizen.heard, HEADSET_HZ), 20, "the citizen to hear the headset")
        until(lambda: _level(page) or None, 20, "the desk to hear the citizen")
        press(page, "kind-repair")
        page.fill('[data-test="title"]', "路灯不亮")
        page.fill('[data-test="content"]', "云河东路三盏路灯不亮。")
        press(page, "file-save")
        tickets = "SELECT number, title, phone, call FROM ticket WHERE title = '路灯不亮'"
        filed = until(lambda: _rows(box, tickets) or None, 20, "the ticket")
        assert filed[0][2] == "13800005678"
        assert bytes(filed[0][3]).hex() == seat.call.cid

        page.keyboard.press("F10")
        box.wait_state("1001", "wrap_up")
        citizen.wait("CALL_CLOSED")
        press(page, "to-ready")
        box.wait_state("1001", "ready")
        sound = _recording(box, seat.call.cid)
        assert tone_level(sound, CITIZEN_HZ, 0) > LOUD
        assert tone_level(sound, HEADSET_HZ, 1) > LOUD


def test_a_newcomer_calls_from_the_citizen_phone_page_and_talks_with_a_desk_phone(
    box: Box, tmp_path: Path
) -> None:
    voice = write_tone(tmp_path / "citizen.wav", CITIZEN_HZ, 10)
    desk = Baresip(
        tmp_path, box.sip_port, number="8101", password=PHONES["8101"], tone_hz=DESK_HZ, answers=True
    )
    with browser(voice) as page, desk as phone:
        box.sit("1002", "8101")
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{box.web}/phone")
        press(page, "dial")
        call = box.wait_for(lambda: [c for c in box.calls() if c.line.startswith("citizen/")], 20)[0]
        until(lambda: _loud(lambda: _recording(box, call.cid), 440.0, 1), 20, "the welcome")
        press(page, "key-1")
        box.wait_state("1002", "busy", 30)
        until(lambda: _loud(phone.heard, CITIZEN_HZ), 20, "the agent to hear the citizen")
        until(
            lambda: _loud(lambda: _recording(box, call.cid), DESK_HZ, 1), 20, "the citizen to hear the agent"
        )
        press(page, "hang-up")
        box.wait_state("1002", "wrap_up")


def _pages(box: Box) -> bool:
    from urllib.request import urlopen

    try:
        with urlopen(f"{box.web}/api/health", timeout=2):
            return True
    except OSError:
        return False


def _rows(box: Box, sql: str) -> list[tuple[Any, ...]]:
    import sqlite3

    with sqlite3.connect(box.places.database) as base:
        return base.execute(sql).fetchall()


def _level(page: Page) -> bool:
    """Whether the meter of the citizen's voice moves."""
    style = page.locator('[data-test="level-them"]').get_attribute("style") or ""
    return "scaleX(" in style and "scaleX(0)" not in style and "scaleX(0.00)" not in style


def _recording(box: Box, cid: str) -> Path:
    return next(iter(box.places.recordings.rglob(f"*-{cid[:12]}.wav")))


def _loud(sound: Callable[[], Path], hz: float, channel: int = 0) -> float | None:
    try:
        level = tone_level(sound(), hz, channel)
    except (OSError, ValueError, EOFError, StopIteration):
        return None
    return level if level > LOUD else None
