"""The shift leader's board in chromium: how far it is behind, what it counts, how a phone and keys use it."""

import re
import statistics
import time

import pytest
from playwright.sync_api import expect

from appliance.calls import wire
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.sip]

BEHIND_S = 1.0
SMALLEST_BUTTON = """Math.min(
    ...[...document.querySelectorAll('.does button')].map((b) => b.getBoundingClientRect().height))"""
SCROLLS_SIDEWAYS = "document.scrollingElement.scrollWidth > innerWidth"


def test_the_board_is_less_than_a_second_behind(stage: Stage) -> None:
    leader = stage.page("1100", "/board")
    stage.box.sit("1001", "8101")
    tile = leader.part("tile-1001")
    expect(tile).to_have_attribute("data-state", "ready")
    behind = []
    for n in range(10):
        order: wire.Order = wire.Ready("1001") if n % 2 else wire.Pause("1001", "rest")
        began = time.monotonic()
        stage.box.order(order)
        leader.page.wait_for_function(
            "(state) => document.querySelector('[data-test=tile-1001]').dataset.state === state",
            arg="ready" if n % 2 else "paused",
            polling=20,
        )
        behind.append(time.monotonic() - began)
    assert statistics.median(behind) < BEHIND_S, behind


def test_the_board_tells_who_is_where_since_when_and_what_came_today(stage: Stage) -> None:
    leader = stage.page("1100", "/board")
    stage.box.sit("1001", "8101")
    tile = leader.part("tile-1001")
    expect(tile).to_contain_text("分机 8101")
    expect(tile).to_contain_text(re.compile(r"\d\d:\d\d 上岗"))
    sums = leader.part("traffic-sums")
    expect(sums).to_contain_text("来电")
    before = int(re.search(r"来电 (\d+)", sums.inner_text()).group(1))  # type: ignore[union-attr]  # it is there
    stage.call("1001")
    expect(sums).to_contain_text(f"来电 {before + 1}")
    expect(leader.part("lines-count")).to_contain_text(re.compile(r"占用 [1-9]"))
    expect(leader.part("figure-waiting")).to_have_text("0")


def test_a_leader_with_a_phone_in_the_hand_listens_and_looks(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    leader.page.set_viewport_size({"width": 390, "height": 844})
    stage.box.sit("1001", "8101")
    stage.call("1001")
    stage.box.wait_state("1001", "busy", 20)
    assert not leader.page.evaluate(SCROLLS_SIDEWAYS)
    leader.part("listen-1001").click()
    stage.expect("listen", leader, citizen="phone", headset="citizen phone", phone="citizen")
    assert not leader.page.evaluate(SCROLLS_SIDEWAYS)
    leader.part("watching-leave").click()
    leader.part("screen-1001").click()
    expect(leader.part("screen-body")).to_be_visible()
    assert not leader.page.evaluate(SCROLLS_SIDEWAYS)
    assert leader.page.evaluate(SMALLEST_BUTTON) >= 36, "a finger hits it"


def test_everything_on_the_board_is_reached_by_keyboard(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    stage.box.sit("1001", "8101")
    stage.call("1001")
    stage.box.wait_state("1001", "busy", 20)
    leader.part("listen-1001").focus()
    leader.page.keyboard.press("Enter")
    expect(leader.part("watching")).to_be_visible()
    leader.part("now-whisper").focus()
    leader.page.keyboard.press("Space")
    stage.expect("whisper by keys", leader, citizen="phone", phone="citizen headset")
    leader.page.keyboard.press("F6")
    stage.expect("muted by F6", leader, citizen="phone", phone="citizen")
    leader.page.keyboard.press("F10")
    expect(leader.part("watching")).to_be_hidden()
