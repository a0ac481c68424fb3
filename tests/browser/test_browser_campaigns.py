"""A shift leader has people called from the page; an agent calls back whom an answer was promised."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from appliance.campaigns.flow import PHRASES
from appliance.demo_data import DEMO_PASSWORD
from tests.box import ALL, Box, free_port
from tests.browser.conftest import READY_S, Open
from tests.browser.pages import Desk
from tests.phones import Baresip, free_pair, read_wav, until, write_tone
from tests.web_pages import answers

pytestmark = [pytest.mark.browser, pytest.mark.sip]

CITIZEN, NOBODY = "13800138000", "13700137000"
CITY_IP = "127.0.0.6"
WIDE = "document.scrollingElement.scrollWidth > innerWidth"
SPOKEN = "因管道检修，明天上午8:30至下午5点停水。"


@dataclass
class City:
    """A box with a trunk, and the phone behind it."""

    box: Box
    citizen: Baresip


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("phones")
    sip, public = free_port(), free_pair()
    trunk = {"name": "city", "host": CITY_IP, "port": public, "prefix": "138"}
    with (
        Baresip(folder, sip, number=CITIZEN, answers=True, here=(CITY_IP, public)) as citizen,
        Box(ALL, settings={"sip": {"port": sip, "lines": 8}, "trunk": [trunk]}) as box,
    ):
        for phrase in PHRASES:
            write_tone(box.places.prompts / "recorded" / "zh" / f"{phrase}.wav", 1700.0, 0.5)
        box.wait_for(lambda: answers(int(box.settings["web"]["port"])), READY_S, "the pages")
        box.wait_for(
            lambda: not any(line.name == "trunk/city" and line.state == "down" for line in box.board().lines),
            40,
            "the trunk",
        )
        yield City(box, citizen)


def signed_in(page: Page, address: str, number: str) -> Desk:
    """Somebody who is signed in, wherever that leads."""
    who = Desk(page, address)
    page.goto(f"{address}/sign-in")
    who.part("number").fill(number)
    who.part("password").fill(DEMO_PASSWORD)
    who.part("sign-in").click()
    expect(who.part("person-menu")).to_be_visible()
    return who


def filled(leader: Desk, numbers: str) -> None:
    """The form, ready to be sent."""
    leader.part("name").fill("停水通知")
    leader.part("list").fill(numbers)
    leader.part("text").fill(SPOKEN)
    for name, value in (("from", "00:00"), ("to", "23:59"), ("from2", ""), ("to2", "")):
        leader.part(name).fill(value)


def test_a_notification_is_made_listened_to_started_and_watched_to_its_end(
    city: City, open_page: Open
) -> None:
    leader = signed_in(open_page(), city.box.web, "1100")
    page = leader.page
    page.goto(f"{city.box.web}/campaigns/new")
    filled(leader, f"{CITIZEN},张三\n张三\n")
    leader.part("listen").click()
    expect(leader.part("draft")).to_be_visible()
    length_s = float(leader.part("draft").get_attribute("data-seconds") or 0)
    assert 2 < length_s < 20
    page.wait_for_function("() => document.querySelector('#draft').duration > 2")
    leader.part("create-start").click()
    expect(leader.part("list-faults")).to_contain_text("第 2 行")
    expect(leader.part("list")).to_have_value(f"{CITIZEN},张三\n张三\n")
    filled(leader, f"{CITIZEN},张三\n110\n")
    leader.part("create-start").click()
    expect(leader.part("list-faults")).to_contain_text("110")
    filled(leader, f"{CITIZEN},张三\n")
    leader.part("create-start").click()
    expect(leader.part("calling")).to_have_text("1")
    city.citizen.wait("CALL_ESTABLISHED")
    expect(leader.part("count-heard").locator("b")).to_have_text("1", timeout=40_000)
    expect(leader.part("state")).to_have_text("已结束")
    expect(leader.part(f"number-{CITIZEN}")).to_contain_text("听完")
    expect(leader.part("story")).to_contain_text("1100")
    expect(leader.part("start")).to_have_count(0)
    heard = read_wav(city.citizen.heard())
    assert abs(len(heard) / 8000 - length_s) < 2.5, "the citizen heard as long as the message is"
    with page.expect_download() as download:
        leader.part("export").click()
    assert CITIZEN in download.value.path().read_text("utf-8-sig")


def test_it_is_paused_resumed_and_stopped_from_the_page(city: City, open_page: Open) -> None:
    leader = signed_in(open_page(), city.box.web, "1100")
    page = leader.page
    page.goto(f"{city.box.web}/campaigns/new")
    filled(leader, NOBODY)
    page.locator("#first_day").fill("2099-01-01")
    leader.part("create").click()
    expect(leader.part("state")).to_have_text("未开始")
    leader.part("start").click()
    expect(leader.part("state")).to_have_text("进行中")
    expect(leader.part("closed")).to_be_visible()
    leader.part("pause").click()
    expect(leader.part("state")).to_have_text("已暂停")
    leader.part("resume").click()
    expect(leader.part("state")).to_have_text("进行中")
    leader.part("stop").click()
    leader.part("stop-now").click()
    expect(leader.part("state")).to_have_text("已结束")
    expect(leader.part(f"number-{NOBODY}")).to_contain_text("未拨打")


@pytest.mark.parametrize("path", ["/campaigns", "/campaigns/new", "/later"])
def test_the_pages_fit_a_phone_and_a_desk_in_both_languages(city: City, open_page: Open, path: str) -> None:
    for width, locale in ((375, "zh-CN"), (375, "en-US"), (1366, "zh-CN"), (1366, "en-US")):
        leader = signed_in(open_page(width=width, height=700, locale=locale), city.box.web, "1100")
        leader.page.goto(f"{city.box.web}{path}")
        assert not leader.page.evaluate(WIDE), f"{path} at {width}, {locale}"


def test_what_was_promised_on_the_desk_is_called_back_with_one_click(city: City, open_page: Open) -> None:
    page = open_page()
    desk = Desk(page, city.box.web)
    desk.sign_in("1001", DEMO_PASSWORD)
    desk.start_shift()
    page.keyboard.press("F4")
    city.box.wait_state("1001", "ready")
    city.citizen.forget()
    later = Desk(page.context.new_page(), city.box.web)
    later.page.goto(f"{city.box.web}/later?number={CITIZEN}&citizen=张三")
    later.part("topic").fill("社保补缴")
    later.part("at").fill(time.strftime("%Y-%m-%dT%H:%M"))
    later.part("add").click()
    row = later.part("deferral").first
    expect(row).to_contain_text("社保补缴")
    row.locator('[data-test="call"]').click()
    city.citizen.wait("CALL_ESTABLISHED")
    until(lambda: any(c.state == "talking" for c in city.box.calls()) or None, 10, "the talk")
    page.bring_to_front()
    desk.part("hang-up").click()
    later.page.bring_to_front()
    later.page.reload()
    row = later.part("deferral").first
    row.locator('[data-test="settle"]').click()
    row.locator('[data-test="remark"]').fill("已告知材料")
    row.locator('[data-test="answered"]').click()
    expect(later.part("deferral")).to_have_count(0)
    later.part("show-settled").click()
    expect(later.part("deferral")).to_contain_text("已告知材料")
    desk.end_shift()
