"""Intake in chromium: drafts keep themselves, duplicates show at once, nothing is thrown away unasked."""

import pytest
from playwright.sync_api import expect

from appliance.demo_data import DEMO_PASSWORD
from tests.box import Box
from tests.browser.conftest import Open
from tests.browser.pages import Desk

pytestmark = pytest.mark.browser

CUT = """[...document.querySelectorAll('.desk .card, .desk .button, .segments, .top, .foot')]
    .filter(e => e.offsetParent && (e.scrollWidth > e.clientWidth + 1)).map(e => e.id || e.className)"""


def lamp(desk: Desk) -> None:
    """The form of a lamp the demo city has a ticket of already."""
    desk.part("kind-repair").check(force=True)
    desk.part("category-text").click()
    desk.page.keyboard.type("路灯不亮")
    desk.page.keyboard.press("Enter")
    desk.part("address").fill("云河东路与柳林街路口")
    desk.part("title").fill("云河东路路灯不亮")
    desk.part("content").fill("云河东路与柳林街路口往东三盏路灯不亮")


def test_a_duplicate_and_further_fields_show_while_one_types_and_the_draft_keeps_itself(desk: Desk) -> None:
    lamp(desk)
    expect(desk.part("alike")).to_be_visible()
    score = int(desk.part("score").first.inner_text())
    reasons = desk.part("likeness").first.locator(".why").all_inner_texts()
    assert score == sum(int(reason.rsplit(" ", 1)[1]) for reason in reasons)
    desk.part("extra-lamp_post").fill("L-77")
    expect(desk.part("saved")).to_contain_text("草稿已保存")
    desk.page.wait_for_timeout(1000)
    desk.page.reload()
    desk.form_ready()
    expect(desk.part("extra-lamp_post")).to_have_value("L-77")
    expect(desk.part("alike")).to_be_visible()
    desk.part("tab-help").click()
    expect(desk.part("script")).to_contain_text("灯杆")
    desk.part("adopt").first.click()
    expect(desk.part("answer-text")).not_to_have_value("")
    desk.empty_form()


def test_the_next_form_has_nothing_of_the_last_one(desk: Desk) -> None:
    lamp(desk)
    desk.part("tab-help").click()
    expect(desk.part("script")).to_contain_text("灯杆")
    desk.part("more").locator("summary").click()
    desk.empty_form()
    expect(desk.page.locator("#category")).to_have_value("")
    expect(desk.part("script")).to_have_count(0)
    expect(desk.part("more")).not_to_have_attribute("open", "")
    assert desk.page.locator(".form-scroll").evaluate("box => box.scrollTop") == 0


def test_what_is_written_is_not_thrown_away_by_one_click(desk: Desk) -> None:
    desk.part("title").fill("写到一半")
    desk.part("clear").click()
    expect(desk.part("clear")).to_have_text("确定清空？请再点一次")
    expect(desk.part("title")).to_have_value("写到一半")
    desk.part("clear").click()
    expect(desk.part("title")).to_have_value("")


def test_the_button_that_empties_the_form_stays_where_it_is_when_the_draft_is_saved(desk: Desk) -> None:
    """A press is lost when its button moves away below the pointer."""
    before = desk.part("clear").bounding_box()
    desk.part("title").fill("写到一半")
    expect(desk.part("saved")).to_be_visible()
    assert desk.part("clear").bounding_box() == before
    desk.empty_form()


def test_a_wrong_identity_number_is_told_at_once(desk: Desk) -> None:
    desk.part("more").locator("summary").click()
    desk.part("identity").fill("110101199003077756")
    expect(desk.part("identity-says")).to_contain_text("校验")
    desk.part("identity").fill("110101199003077758")
    expect(desk.part("identity-says")).to_contain_text("1990-03-07")
    desk.empty_form()


def test_a_letter_is_entered_and_an_agent_chooses_who_wrote_it(box: Box, open_page: Open) -> None:
    desk = Desk(open_page(), box.web)
    desk.page.goto(f"{box.web}/sign-in?next=/intake")
    desk.part("number").fill("1200")
    desk.part("password").fill(DEMO_PASSWORD)
    desk.part("sign-in").click()
    desk.page.goto(f"{box.web}/intake")
    desk.form_ready()
    assert desk.page.evaluate(CUT) == []
    for name in ("何先生", "何太太"):
        lamp(desk)
        desk.part("phone-number").fill("13700001111")
        desk.part("citizen").fill(name)
        desk.part("file-save").click()
        expect(desk.part("title")).to_have_value("")
    desk.part("phone-number").fill("13700001111")
    desk.part("phone-number").blur()
    expect(desk.part("people")).to_contain_text("此号码有多位使用者")
    desk.part("person").filter(has_text="何太太").click()
    expect(desk.part("citizen")).to_have_value("何太太")
    desk.empty_form()
