"""An agent's day in chromium: the pop, the ticket that goes with the call, dial list, look-up, figures."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from appliance.calls import wire
from appliance.demo_data import DEMO_PASSWORD
from tests.box import Box
from tests.browser.conftest import Open
from tests.browser.pages import Desk
from tests.browser.stage import CITIZEN_HZ, Stage
from tests.phones import Baresip

pytestmark = [pytest.mark.browser, pytest.mark.sip]

KNOWN = "10000000005"
"""A citizen of the demo's history: 钱先生 of 云西区, with an open ticket."""
TITLE, CONTENT = "文昌路路灯不亮", "自上周三起不亮"


def writes(desk: Desk) -> None:
    """The agent begins a ticket."""
    desk.part("title").fill(TITLE)
    desk.part("content").fill(CONTENT)
    expect(desk.part("saved")).to_be_visible()


def test_at_the_first_ring_the_desk_shows_who_calls_and_takes_no_focus(stage: Stage, tmp_path: Path) -> None:
    desk = stage.desk("1001", "8001")
    desk.part("address").fill("写到一")
    stage.box.order(wire.Ready("1001"))
    with Baresip(tmp_path, stage.box.sip_port, number=KNOWN, tone_hz=CITIZEN_HZ) as caller:
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "in_flow"])
        caller.keys("1")
        expect(desk.part("pop")).to_be_visible()
        expect(desk.part("pop-caller")).to_have_text(KNOWN)
        expect(desk.part("pop-history")).to_contain_text("钱先生")
        expect(desk.part("pop-origin")).to_contain_text("云西区")
        expect(desk.part("pop-open")).to_contain_text("未办结 1 件")
        expect(desk.part("pop-last")).to_contain_text("井盖松动")
        expect(desk.part("history-ticket").first).to_contain_text("井盖松动")
        expect(desk.part("address")).to_be_focused()
        desk.page.keyboard.type("半")
        expect(desk.part("address")).to_have_value("写到一半")
        caller.hang_up()
        stage.box.wait_for(lambda: not stage.box.calls())
    desk.empty_form()


def test_the_ticket_goes_with_the_call_to_the_next_agent(stage: Stage) -> None:
    first = stage.desk("1001", "8001")
    second = stage.desk("1002", "8002")
    stage.box.order(wire.Pause("1002", "rest"))
    second.empty_form()
    stage.talk(first)
    writes(first)
    first.part("transfer").click()
    stage.reaches(first, "agent:1002")
    expect(second.part("pop")).to_be_visible()
    expect(second.part("pop-last")).to_contain_text(TITLE)
    second.part("answer").click()
    expect(second.part("title")).to_have_value(TITLE)
    expect(second.part("content")).to_have_value(CONTENT)
    expect(second.part("phone-number")).to_have_value(stage.citizen.number)
    expect(first.page.locator("#toasts")).to_contain_text("工单已随通话转给 1002")
    expect(first.part("title")).to_have_value("")
    second.empty_form()


def test_who_is_asked_follows_the_ticket_as_it_is_written_and_gets_it_with_the_call(stage: Stage) -> None:
    first = stage.desk("1001", "8001")
    second = stage.desk("1002", "8002")
    stage.box.order(wire.Pause("1002", "rest"))
    second.empty_form()
    stage.talk(first)
    writes(first)
    first.part("consult").click()
    stage.reaches(first, "agent:1002")
    second.part("answer").click()
    expect(second.part("tab-talk")).to_have_attribute("aria-selected", "true")
    expect(second.part("read-title")).to_have_text(TITLE)
    first.part("content").fill("还有两盏也不亮")
    expect(second.part("read-content")).to_have_text("还有两盏也不亮")
    expect(second.part("title")).to_have_value("")
    first.part("complete").click()
    expect(second.part("content")).to_have_value("还有两盏也不亮")
    expect(second.part("tab-talk")).to_be_hidden()
    second.empty_form()


def test_the_leader_who_is_called_has_the_ticket_on_the_board(stage: Stage) -> None:
    agent = stage.desk("1001", "8001")
    leader = stage.desk("1100", "8003", "/board")
    stage.talk(agent)
    writes(agent)
    agent.page.keyboard.press("F9")
    expect(leader.part("asked")).to_contain_text(TITLE)
    leader.page.keyboard.press("F2")
    expect(leader.part("asked")).to_contain_text("1001 王晓燕")
    agent.part("title").fill("改了标题")
    expect(leader.part("read-title")).to_have_text("改了标题")
    agent.part("cancel").click()
    expect(leader.part("asked")).to_be_hidden()
    agent.empty_form()


def test_a_leader_sees_an_agents_screen_and_the_agent_is_told(stage: Stage) -> None:
    agent = stage.desk("1001", "8001")
    leader = stage.page("1100", "/board")
    agent.part("title").fill("写给班长看")
    leader.part("screen-1001").click()
    expect(leader.part("screen-page")).to_contain_text("话务工作台")
    expect(leader.part("read-title")).to_have_text("写给班长看")
    expect(agent.part("watched")).to_contain_text("1100 赵敏")
    began = time.monotonic()
    agent.part("title").fill("再写一点")
    expect(leader.part("read-title")).to_have_text("再写一点", timeout=3000)
    assert time.monotonic() - began < 3
    leader.part("screen-close").click()
    expect(leader.part("screen")).to_be_hidden()
    expect(agent.part("watched")).to_be_hidden()
    expect(leader.part("facts")).to_contain_text("查看屏幕")
    agent.empty_form()


def test_the_dial_list_dials_and_the_extension_behind_is_sent(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    desk.page.keyboard.press("F3")
    expect(desk.part("units-find")).to_be_focused()
    desk.page.keyboard.type("燃气")
    row = desk.page.locator('[data-test="units"] li')
    expect(row).to_have_count(2)
    expect(row.first).to_contain_text("0000-6500003")
    expect(row.last).to_contain_text("燃气抢险值班")
    desk.part("units-find").fill("8101")
    desk.page.keyboard.press("Enter")
    stage.expect("dialled from the list", desk, phone="headset", headset="phone")
    desk.part("hang-up").click()
    stage.box.wait_for(lambda: not stage.box.calls())


def test_in_a_talk_the_dial_list_brings_the_caller_there(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    desk.page.keyboard.press("F3")
    desk.page.keyboard.type("8101")
    desk.page.keyboard.press("ArrowDown")
    expect(desk.part("transfer-ext:8101")).to_be_focused()
    desk.part("consult-ext:8101").click()
    stage.expect("consulted from the list", desk, citizen="", headset="phone", phone="headset")
    desk.part("complete").click()
    stage.expect("handed over", desk, citizen="phone", phone="citizen", headset="")


def test_a_number_is_looked_up_while_one_types(box: Box, open_page: Open) -> None:
    desk = Desk(open_page(), box.web)
    desk.sign_in("1004", DEMO_PASSWORD)
    desk.page.keyboard.press("Alt+q")
    expect(desk.part("look-text")).to_be_focused()
    desk.page.keyboard.type("13812345678")
    expect(desk.part("found-mobile")).to_contain_text("江苏连云港")
    desk.part("look-text").fill("0731")
    expect(desk.part("found-area_code")).to_have_count(3)
    desk.part("look-text").fill("41071119900307002x")
    expect(desk.part("found-identity")).to_contain_text("校验位不符")
    desk.part("look-text").fill("没有这个地方")
    expect(desk.part("found")).to_contain_text("没有查到")


def test_my_day_counts_calls_and_times_from_the_log(stage: Stage) -> None:
    desk = stage.desk("1003", "8003")
    before = int(desk.part("day-in").inner_text())
    stage.talk(desk, "1003")
    expect(desk.part("day-in")).to_have_text(str(before + 1))
    expect(desk.part("day-busy")).to_have_text(re.compile(r"00:0[2-9]"))
    desk.part("hang-up").click()
    stage.box.wait_state("1003", "wrap_up")
    expect(desk.part("day-wrap-up")).to_have_text(re.compile(r"00:0[2-9]"))
    desk.page.reload()
    expect(desk.part("day-in")).to_have_text(str(before + 1))


def test_a_citizen_is_called_back_from_the_ticket_and_the_call_stands_in_its_story(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    desk.part("kind-repair").check(force=True)
    desk.part("phone-number").fill("87654321")
    writes(desk)
    desk.part("file-save").click()
    link = desk.page.locator("#toasts .note.good")
    expect(link).to_contain_text("工单")
    number = re.search(r"\d{15}", link.inner_text())
    assert number
    ticket = desk.page.context.new_page()
    ticket.goto(f"{stage.box.web}/tickets/{number[0]}")
    ticket.locator('[data-test="call-citizen"]').click()
    stage.expect("called back", desk, outside="headset", headset="outside")
    desk.part("hang-up").click()
    stage.box.wait_for(lambda: not stage.box.calls())
    story = ticket.locator('[data-test="story"]')

    def told() -> bool:
        ticket.reload()
        return "外呼" in story.inner_text() and "已接听" in story.inner_text()

    stage.box.wait_for(told, 15, "the call in the story")
    ticket.close()


def test_a_technician_restarts_a_process_after_being_asked_twice(box: Box, open_page: Open) -> None:
    page = open_page()
    page.goto(f"{box.web}/sign-in")
    page.locator('[data-test="demo-9100"]').click()
    page.locator('[data-test="sign-in"]').click()
    page.goto(f"{box.web}/box")
    before = box.pid("sync")
    page.locator('[data-test="restart-sync"]').click()
    page.locator('[data-test="sure-do"]').wait_for()
    page.keyboard.press("Escape")
    assert box.pid("sync") == before
    page.locator('[data-test="restart-sync"]').click()
    page.locator('[data-test="sure-do"]').click()
    box.wait_for(lambda: box.pid("sync") != before)
    page.locator('[data-test="stop-sync"]').click()
    page.locator('[data-test="sure-do"]').click()
    expect(page.locator('[data-test="process-state-sync"]')).to_have_text("已停止")
    page.locator('[data-test="start-sync"]').click()
    page.locator('[data-test="sure-do"]').click()
    expect(page.locator('[data-test="process-state-sync"]')).to_have_text("运行中")
