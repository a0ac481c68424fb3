"""Recordings in chromium: what an agent asks of the one that runs, and a finished one on its page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.box import ALL, Box
from tests.browser.conftest import READY_S
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
