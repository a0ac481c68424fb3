"""The desk in chromium: sound reaches the box, drafts survive, and nothing has to be scrolled."""

import pytest
from playwright.sync_api import expect

from appliance.demo_data import DEMO_PASSWORD
from tests.box import Box
from tests.browser.conftest import Open
from tests.browser.pages import Desk

pytestmark = pytest.mark.browser

SCROLLS = """document.scrollingElement.scrollHeight > innerHeight
    || document.scrollingElement.scrollWidth > innerWidth"""
CUT = """[...document.querySelectorAll('.desk .card, .desk .button, .segments, .top, .foot')]
    .filter(e => e.offsetParent && (e.scrollWidth > e.clientWidth + 1)).map(e => e.id || e.className)"""


def test_a_shift_begins_and_the_headsets_sound_goes_both_ways_50_times_a_second(box: Box, desk: Desk) -> None:
    desk.start_shift()
    box.wait_for(lambda: box.seat("1001").phone == "up", 10, "the headset")
    first_sent, first_received = desk.frames_sent(), desk.frames_received()
    desk.page.wait_for_timeout(2000)
    assert 60 <= desk.frames_sent() - first_sent <= 140
    assert 60 <= desk.frames_received() - first_received <= 140


def test_the_own_microphone_is_seen_and_heard_before_the_first_call(desk: Desk) -> None:
    desk.start_shift()
    desk.part("sound-menu").click()
    desk.part("echo").click()
    expect(desk.part("echo")).to_have_attribute("aria-pressed", "true")
    desk.page.wait_for_function(
        "() => /scaleX\\(0\\.[1-9]/.test(document.querySelector('#level-me').style.transform)"
    )
    desk.part("echo").click()
    desk.part("sound-menu").click()


def test_states_change_by_buttons_and_keys(box: Box, desk: Desk) -> None:
    desk.start_shift()
    desk.page.keyboard.press("F4")
    box.wait_state("1001", "ready")
    expect(desk.part("to-ready")).to_have_class("state on")
    desk.page.keyboard.press("F8")
    desk.part("pause-meal").click()
    assert box.wait_state("1001", "paused").reason == "meal"


def test_the_sound_comes_back_by_itself_when_the_media_process_was_killed(box: Box, desk: Desk) -> None:
    desk.start_shift()
    box.kill("media")
    expect(desk.part("lamp-sound")).to_have_class("lamp bad")
    expect(desk.part("lamp-sound")).to_have_class("lamp good")


def test_the_desk_comes_back_by_itself_when_the_pages_were_killed(box: Box, desk: Desk) -> None:
    desk.start_shift()
    desk.part("title").fill("写到一半")
    box.kill("web")
    expect(desk.part("lamp-live")).to_have_class("lamp bad")
    expect(desk.part("lamp-sound")).to_have_class("lamp good")
    expect(desk.part("lamp-live")).to_have_class("lamp good")
    expect(desk.part("title")).to_have_value("写到一半")


def test_what_was_typed_survives_a_reload(desk: Desk) -> None:
    desk.part("title").fill("文昌路路灯不亮")
    desk.part("content").fill("自上周三起不亮")
    expect(desk.part("saved")).to_be_visible(timeout=1500)
    desk.page.reload()
    expect(desk.part("title")).to_have_value("文昌路路灯不亮")
    expect(desk.part("content")).to_have_value("自上周三起不亮")


def test_a_ticket_is_written_and_filed_with_the_keyboard_alone(desk: Desk) -> None:
    page = desk.page
    desk.part("kind-repair").focus()
    page.keyboard.press("Space")
    desk.part("category-text").focus()
    page.keyboard.type("路灯")
    expect(desk.part("category-list")).to_be_visible()
    page.keyboard.press("Enter")
    expect(desk.part("category-list")).to_be_hidden()
    desk.part("title").fill("路灯不亮")
    page.keyboard.press("Control+Enter")
    expect(desk.part("form-fault")).to_contain_text("请填写")
    expect(desk.part("content")).to_be_focused()
    page.keyboard.type("全部不亮")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts .note.good")).to_contain_text("已受理未派单")
    expect(desk.part("title")).to_have_value("")


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1600, 900)])
def test_the_desk_fits_one_screen(box: Box, open_page: Open, locale: str, width: int, height: int) -> None:
    desk = Desk(open_page(width, height, locale), box.web)
    desk.sign_in("1002", DEMO_PASSWORD)
    assert not desk.page.evaluate(SCROLLS)
    assert desk.page.evaluate(CUT) == []


def test_a_second_tab_follows_the_first_and_takes_over_from_it(box: Box, open_page: Open) -> None:
    first = Desk(open_page(), box.web)
    first.sign_in("1003", DEMO_PASSWORD)
    second = Desk(first.page.context.new_page(), box.web)
    second.page.goto(f"{box.web}/desk")
    expect(second.part("lamp-live")).to_have_class("lamp good")
    first.start_shift()
    expect(second.part("seat")).to_be_visible()
    first.end_shift()
    expect(second.part("seat")).to_be_hidden()
    first.page.close()
    third = Desk(second.page.context.new_page(), box.web)
    third.page.goto(f"{box.web}/desk")
    third.start_shift()
    expect(second.part("seat")).to_be_visible()
    third.end_shift()


@pytest.mark.parametrize("width", [390, 1366])
def test_the_citizen_phone_fits_any_screen_and_takes_keys(box: Box, open_page: Open, width: int) -> None:
    page = open_page(width, 844)
    page.goto(f"{box.web}/phone")
    assert not page.evaluate("document.scrollingElement.scrollWidth > innerWidth")
    page.keyboard.type("12319")
    expect(page.locator('[data-test="dialled"]')).to_have_text("12319")
    page.locator('[data-test="number-12345"]').click()
    page.locator('[data-test="dial"]').click()
    expect(page.locator('[data-test="call-state"]')).to_have_text("语音导航，请按键选择")
    page.locator('[data-test="hang-up"]').click()
    expect(page.locator('[data-test="call-state"]')).to_have_text("已挂机")


def test_pages_of_every_role_open_without_a_fault(box: Box, open_page: Open) -> None:
    for number, paths in (
        ("1200", ["/tickets", "/calls", "/recordings"]),
        ("9100", ["/box"]),
        ("2001", ["/tickets"]),
    ):
        page = open_page()
        page.goto(f"{box.web}/sign-in")
        page.locator(f'[data-test="demo-{number}"]').click()
        page.locator('[data-test="sign-in"]').click()
        for path in paths:
            answer = page.goto(box.web + path)
            assert answer is not None
            assert answer.status == 200
            expect(page.locator("#lamp-live")).to_have_class("lamp good")
