"""The desk's softphone and the shift leader's board in chromium: who hears whom after each button."""

import time

import pytest
from playwright.sync_api import Browser, expect

from appliance.calls import wire
from appliance.demo_data import DEMO_PASSWORD
from tests.box import Box
from tests.browser.stage import CITIZEN_HZ, DESK_PHONE_HZ, HEADSET_HZ, Stage

pytestmark = [pytest.mark.browser, pytest.mark.sip]

METER = "() => parseFloat(document.querySelector('#level-them').style.transform.slice(7)) {} 0.3"
SCROLLS = """document.scrollingElement.scrollHeight > innerHeight
    || document.scrollingElement.scrollWidth > innerWidth"""
CUT = """[...document.querySelectorAll('.desk .card, .desk .button, .does button, .segments, .top')]
    .filter(e => e.offsetParent && (e.scrollWidth > e.clientWidth + 1)).map(e => e.id || e.className)"""


def test_an_agent_holds_mutes_asks_a_colleague_and_hands_the_citizen_over_by_keys_alone(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    page, keys = desk.page, desk.page.keyboard
    stage.box.sit("1002", "8101")
    stage.box.order(wire.Pause("1002", "rest"))
    keys.press("F4")
    stage.call("1001")
    expect(desk.part("pop")).to_be_visible()
    keys.press("F2")
    stage.hears(stage.citizen, HEADSET_HZ)
    page.wait_for_function(METER.format(">"))

    keys.press("F4")
    expect(desk.part("hold")).to_have_attribute("aria-pressed", "true")
    stage.hears(stage.citizen)
    page.wait_for_function(METER.format("<"))
    keys.press("F4")
    expect(desk.part("hold")).to_have_attribute("aria-pressed", "false")
    stage.hears(stage.citizen, HEADSET_HZ)

    keys.press("F6")
    expect(desk.part("mute")).to_have_attribute("aria-pressed", "true")
    stage.hears(stage.citizen)
    keys.press("F6")
    stage.hears(stage.citizen, HEADSET_HZ)

    keys.press("F8")
    expect(desk.part("find")).to_be_focused()
    keys.type("李明")
    keys.press("Enter")
    expect(desk.part("party-agent")).to_contain_text("1002")
    stage.hears(stage.phone, HEADSET_HZ)
    stage.hears(stage.citizen)
    assert not page.evaluate(SCROLLS)
    assert page.evaluate(CUT) == []
    keys.press("F7")
    stage.box.wait_state("1001", "wrap_up")
    stage.hears(stage.citizen, DESK_PHONE_HZ)
    stage.hears(stage.phone, CITIZEN_HZ)


def test_a_consultation_that_is_cancelled_gives_the_citizen_back(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.box.sit("1002", "8101")
    stage.box.order(wire.Pause("1002", "rest"))
    desk.page.keyboard.press("F4")
    stage.call("1001")
    desk.part("answer").click()
    stage.box.wait_state("1001", "busy")
    desk.part("consult").click()
    desk.page.locator('[data-to="agent:1002"]').click()
    expect(desk.part("party-agent")).to_contain_text("1002")
    desk.part("together").click()
    stage.hears(stage.citizen, HEADSET_HZ, DESK_PHONE_HZ)
    desk.part("drop").click()
    stage.hears(stage.citizen, HEADSET_HZ)
    stage.box.order(wire.Ready("1002"))
    stage.box.order(wire.Pause("1002", "rest"))
    desk.part("consult").click()
    desk.page.locator('[data-to="agent:1002"]').click()
    expect(desk.part("party-agent")).to_contain_text("1002")
    desk.part("cancel").click()
    stage.hears(stage.citizen, HEADSET_HZ)
    expect(desk.part("hold")).to_have_attribute("aria-pressed", "false")


def test_a_call_goes_out_from_the_idle_desk(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    desk.part("dial-number").fill("8101")
    desk.page.keyboard.press("Enter")
    expect(desk.part("call-caller")).to_have_text("8101")
    stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.outgoing and c.state == "talking"], 15)
    expect(desk.part("call-line")).to_contain_text("外呼")
    stage.hears(stage.phone, HEADSET_HZ)
    desk.part("hang-up").click()
    stage.box.wait_for(lambda: not stage.box.calls(), 10)


def test_a_shift_leader_listens_whispers_barges_in_takes_over_and_ends_the_call(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    stage.box.sit("1001", "8101")
    stage.call("1001")
    stage.box.wait_state("1001", "busy", 20)

    leader.part("listen-1001").click()
    expect(leader.part("watching")).to_be_visible()
    leader.page.wait_for_function(METER.format(">"))
    stage.hears(stage.citizen, DESK_PHONE_HZ)
    stage.hears(stage.phone, CITIZEN_HZ)

    leader.part("now-whisper").click()
    stage.hears(stage.phone, CITIZEN_HZ, HEADSET_HZ)
    stage.hears(stage.citizen, DESK_PHONE_HZ)
    assert not leader.page.evaluate(SCROLLS)
    assert leader.page.evaluate(CUT) == []

    leader.part("barge-1001").click()
    stage.hears(stage.citizen, DESK_PHONE_HZ, HEADSET_HZ)
    expect(leader.part("watching")).to_have_attribute("data-how", "barge")

    leader.part("watching-leave").click()
    expect(leader.part("watching")).to_be_hidden()
    stage.hears(stage.citizen, DESK_PHONE_HZ)

    leader.part("take_over-1001").click()
    stage.box.wait_state("1001", "wrap_up")
    stage.hears(stage.citizen, HEADSET_HZ)
    expect(leader.part("facts")).to_contain_text("接管")


def test_a_shift_leader_ends_a_call_with_a_reason_and_signs_the_agent_out(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    stage.box.sit("1001", "8101")
    stage.call("1001")
    stage.box.wait_state("1001", "busy", 20)
    leader.part("release-1001").click()
    leader.part("ask-do").click()
    expect(leader.part("ask-reason")).to_be_focused()
    leader.part("ask-reason").fill("辱骂坐席")
    leader.part("ask-do").click()
    stage.citizen.wait("CALL_CLOSED")
    expect(leader.part("facts")).to_contain_text("辱骂坐席")
    leader.part("offline-1001").click()
    leader.part("ask-no").click()
    assert stage.box.seat("1001").state != "offline"
    leader.part("offline-1001").click()
    leader.part("ask-do").click()
    stage.box.wait_state("1001", "offline")
    expect(leader.part("tile-1001")).to_be_hidden()


def test_an_agent_ends_the_talk_with_a_rating_by_one_button(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    desk.page.keyboard.press("F4")
    stage.call("1001")
    desk.part("answer").click()
    stage.box.wait_state("1001", "busy")
    assert not desk.page.evaluate(SCROLLS)
    assert desk.page.evaluate(CUT) == []
    desk.part("rate").click()
    stage.box.wait_state("1001", "wrap_up")
    stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "in_flow"], 5)
    stage.citizen.keys("2")
    rated = stage.box.wait_event("call.rated")
    assert (rated["value"], rated["of"], rated["agent"], rated["round"]) == (4, 5, "1001", 1)
    stage.citizen.wait("CALL_CLOSED")


def test_a_shift_leader_sees_who_is_called_back_and_takes_one_out(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    stage.citizen.dial()
    stage.citizen.wait("CALL_ESTABLISHED")
    stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "in_flow"])
    stage.citizen.keys("1")
    stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "queued"], 10)
    time.sleep(1.5)  # the place is told, then the menu begins
    stage.citizen.keys("31")
    stage.citizen.wait("CALL_CLOSED")
    shown = leader.part("callback")
    expect(shown).to_contain_text("13800138000")
    expect(shown).to_contain_text("第 1 位")
    assert not leader.page.evaluate(SCROLLS)
    leader.part("cancel-callback").click()
    leader.part("ask-do").click()
    expect(shown).to_have_count(0)
    expect(leader.part("facts")).to_contain_text("取消回拨")
    assert stage.box.facts("callback.cancelled")[-1]["by"] == "1100"


def test_a_callback_rings_at_the_desk_and_says_what_it_is(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.phone.dial()
    stage.phone.wait("CALL_ESTABLISHED")
    stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "in_flow"])
    stage.phone.keys("1")
    stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "queued"], 10)
    time.sleep(1.5)  # the place is told, then the menu begins
    stage.phone.keys("31")
    stage.phone.wait("CALL_CLOSED")
    desk.page.keyboard.press("F4")
    expect(desk.part("pop")).to_contain_text("排队回拨", timeout=40_000)
    expect(desk.part("pop")).to_contain_text("8101")
    desk.part("answer").click()
    stage.hears(stage.phone, HEADSET_HZ)
    expect(desk.part("call-line")).to_contain_text("回拨")
    desk.part("hang-up").click()
    stage.box.wait_for(lambda: not stage.box.calls(), 10)


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1920, 1080), (390, 844)])
def test_the_board_fits_the_screen(box: Box, chromium: Browser, locale: str, width: int, height: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": height}, locale=locale)
    page = context.new_page()
    page.goto(f"{box.web}/sign-in?next=/board")
    page.locator('[data-test="number"]').fill("1400")
    page.locator('[data-test="password"]').fill(DEMO_PASSWORD)
    page.locator('[data-test="sign-in"]').click()
    expect(page.locator("#lamp-live")).to_have_class("lamp good")
    assert not page.evaluate("document.scrollingElement.scrollWidth > innerWidth")
    if width > 1000:
        assert not page.evaluate(SCROLLS)
    context.close()
