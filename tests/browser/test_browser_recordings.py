"""Recordings in chromium: what an agent asks of the one that runs, and a finished one on its page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from appliance.calls import wire
from appliance.demo_data import DEMO_PASSWORD
from tests.box import ALL, Box
from tests.browser.conftest import READY_S, Open
from tests.browser.pages import Desk
from tests.browser.test_browser_talks import CUT, SCROLLS, Stage, stage, voiced
from tests.web_pages import answers

__all__ = ["stage", "voiced"]
pytestmark = [pytest.mark.browser, pytest.mark.sip]
SETTINGS = {
    "recording": {"private_s": 30.0},
    "recorded": [
        {"name": "advice", "record": "asked", "agents": ["1002"]},
        {"name": "rolls", "record": "rolling", "agents": ["1003"]},
    ],
}


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A box where some seats are recorded when asked, and some for a few days."""
    with Box(ALL, settings=SETTINGS) as box:
        box.wait_for(lambda: answers(int(box.settings["web"]["port"])), READY_S, "the pages")
        yield box


def test_an_agent_has_silence_recorded_by_one_key_and_sees_how_long(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    desk.page.keyboard.press("F4")
    stage.call("1001")
    desk.page.keyboard.press("F2")
    expect(desk.part("phase")).to_have_text("通话中 · 录音中")
    expect(desk.part("private")).to_be_enabled()
    expect(desk.part("record")).to_be_hidden()
    desk.page.keyboard.press("Alt+p")
    expect(desk.part("phase")).to_have_text("保密中 · 录音静音")
    expect(desk.part("private")).to_have_attribute("aria-pressed", "true")
    assert desk.part("private").locator("kbd").inner_text().startswith("00:")
    assert stage.box.calls()[0].recording == "private"
    assert desk.page.evaluate(SCROLLS) is False
    assert desk.page.evaluate(CUT) == []
    desk.part("private").click()
    expect(desk.part("phase")).to_have_text("通话中 · 录音中")
    expect(desk.part("private").locator("kbd")).to_have_text("Alt+P")
    assert [facts["why"] for facts in stage.box.facts("recording.resumed")] == ["agent"]


def test_an_agent_who_may_choose_begins_and_ends_the_recording(stage: Stage) -> None:
    desk = stage.desk("1002", "8002")
    desk.page.keyboard.press("F4")
    stage.call("1002")
    desk.page.keyboard.press("F2")
    expect(desk.part("phase")).to_have_text("通话中 · 未录音")
    expect(desk.part("record")).to_be_visible()
    expect(desk.part("private")).to_be_disabled()
    desk.page.keyboard.press("Alt+r")
    expect(desk.part("record")).to_have_text("停止录音Alt+R")
    expect(desk.part("phase")).to_have_text("通话中 · 录音中")
    assert desk.page.evaluate(CUT) == []
    desk.part("record").click()
    expect(desk.part("phase")).to_have_text("通话中 · 未录音")


def test_an_agent_keeps_a_recording_that_would_soon_be_removed(stage: Stage) -> None:
    desk = stage.desk("1003", "8003")
    desk.page.keyboard.press("F4")
    stage.call("1003")
    desk.page.keyboard.press("F2")
    expect(desk.part("phase")).to_have_text("通话中 · 滚动录音")
    desk.part("record").click()
    expect(desk.part("phase")).to_have_text("通话中 · 录音中")
    expect(desk.part("record")).to_be_hidden()
    assert stage.box.facts("recording.kept")[-1]["by"] == "1003"


def recorded_talk(stage: Stage) -> None:
    """A talk in which much happened, and its recording."""
    desk = stage.desk("1001", "8001")
    desk.page.keyboard.press("F4")
    stage.call("1001")
    desk.page.keyboard.press("F2")
    expect(desk.part("private")).to_be_enabled()
    order = stage.box.order
    for do in (
        wire.Hold("1001"),
        wire.Resume("1001"),
        wire.HideCall("1001", True),
        wire.HideCall("1001", False),
        wire.SendDigits("1001", "5"),
        wire.Consult("1001", "ext:8101"),
    ):
        order(do)
        desk.page.wait_for_timeout(500)
    stage.box.wait_event("call.joined")
    order(wire.Together("1001"))
    desk.page.wait_for_timeout(1500)
    order(wire.HangUp("1001"))
    stage.citizen.hang_up()
    stage.box.wait_for(lambda: not stage.box.calls(), 10, "the call to end")


def test_marks_of_all_that_happened_are_seen_and_playing_jumps_to_them(stage: Stage, open_page: Open) -> None:
    recorded_talk(stage)
    desk = Desk(open_page(), stage.box.web)
    desk.sign_in("1100", DEMO_PASSWORD)
    page = desk.page
    page.goto(f"{stage.box.web}/recordings")
    row = desk.part("recording").first
    page.wait_for_function("() => document.querySelector('[data-test=recording] .marks li')")
    marks = {
        str(button.get_attribute("data-test")).removeprefix("mark-")
        for button in row.locator(".marks button").all()
    }
    assert marks >= {
        *("keyed", "queued", "answered", "held", "resumed", "private", "keys_sent", "consulted", "joined"),
        "together",
    }
    playing = "() => document.querySelector('audio').currentTime"
    at = {}
    for name in ("private", "answered", "joined"):
        row.locator(f"[data-test=mark-{name}]").first.click()
        page.wait_for_function("() => !document.querySelector('audio').paused")
        at[name] = page.evaluate(playing)
    assert at["answered"] < at["private"] < at["joined"]
    page.evaluate("() => document.querySelector('audio').pause()")
    row.focus()
    keys = page.keyboard
    page.evaluate("() => (document.querySelector('audio').currentTime = 0)")
    keys.press("Shift+ArrowRight")
    first = page.evaluate(playing)
    keys.press("Shift+ArrowRight")
    assert 0 < first < page.evaluate(playing) < at["joined"]
    keys.press("Space")
    assert page.evaluate("() => document.querySelector('audio').paused") is True
    keys.press("2")
    assert page.evaluate("() => document.querySelector('audio').playbackRate") == 1.5
    keys.press("/")
    assert page.evaluate("() => document.activeElement.id") == "number"
    silent = page.evaluate("() => document.querySelectorAll('.wave .mark-private rect').length")
    assert silent == 1, "the silence is drawn as long as it was"
    desk.part("history").first.click()
    expect(desk.part("steps").first).to_contain_text("收听 · 1100")


@pytest.mark.parametrize(("locale", "width"), [("zh-CN", 1366), ("en", 1366), ("zh-CN", 390), ("en", 390)])
def test_the_page_of_recordings_fits_desk_and_phone(
    stage: Stage, open_page: Open, locale: str, width: int
) -> None:
    desk = Desk(open_page(width=width, locale=locale), stage.box.web)
    desk.sign_in("1100", DEMO_PASSWORD)
    desk.page.goto(f"{stage.box.web}/recordings")
    expect(desk.part("recordings")).to_be_visible()
    for menu in desk.page.locator("details.rules > summary").all():
        menu.click()
    assert desk.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth") is True
