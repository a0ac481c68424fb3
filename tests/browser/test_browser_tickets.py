"""Small scripts of the ticket pages: one export at a time, long lists to tick, why dissatisfied."""

import pytest
from playwright.sync_api import Page, expect

from appliance.demo_data import DEMO_PASSWORD
from tests.box import Box
from tests.browser.conftest import Open
from tests.browser.pages import Desk

pytestmark = pytest.mark.browser
SENT_AGAIN_MS = 4200
"""A form can be sent once more a little after this."""
WRAPPED = """() => [...document.querySelectorAll(".tickets .mark")].filter((mark) => mark.offsetHeight > 26)
  .map((mark) => mark.textContent)"""


def opened(
    box: Box, open_page: Open, number: str, path: str, width: int = 1366, locale: str = "zh-CN"
) -> Page:
    """A page of somebody's browser."""
    page = open_page(width, 844, locale)
    desk = Desk(page, box.web)
    page.goto(f"{box.web}/sign-in")
    desk.part("number").fill(number)
    desk.part("password").fill(DEMO_PASSWORD)
    desk.part("sign-in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.goto(box.web + path)
    return page


def test_an_export_pressed_again_while_it_runs_is_fetched_once(box: Box, open_page: Open) -> None:
    page = opened(box, open_page, "1200", "/tickets?list=all")
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.post_data or "") if "export" in request.url else None
    )
    xlsx, csv = (page.locator(f'[data-test="export-{form}"]') for form in ("xlsx", "csv"))
    with page.expect_download():
        xlsx.click()
    xlsx.click()
    with page.expect_download():
        csv.click()
    assert len(asked) == 2, "the second press of one button was swallowed, another button was not"
    page.wait_for_timeout(SENT_AGAIN_MS)
    with page.expect_download():
        xlsx.click()
    assert len(asked) == 3, "later it may be fetched anew"


def test_a_long_list_to_tick_is_narrowed_by_typing_and_what_is_ticked_stays_in_sight(
    box: Box, open_page: Open
) -> None:
    page = opened(box, open_page, "1200", "/tickets?list=undispatched")
    page.locator(".tickets tbody .title-link").first.click()
    page.locator('[data-test="move-dispatch"]').click()
    form = page.locator('[data-form="dispatch"]')
    lines = form.locator(".ticks .check")
    whole = lines.count()
    form.locator(".check", has_text="市燃气公司").locator("input").check()
    form.locator(".narrowing").fill("照明")
    shown = form.locator(".ticks .check:visible").all_inner_texts()
    assert 2 <= len(shown) < whole
    assert any("市燃气公司" in text for text in shown), "what is ticked"
    assert all("照明" in text or "燃气" in text for text in shown)
    form.locator(".narrowing").press("Enter")
    expect(form).to_be_visible()
    form.locator(".narrowing").fill("")
    expect(lines.last).to_be_visible()
    form.locator(".check", has_text="市燃气公司").locator("input").uncheck()


def test_who_is_dissatisfied_is_asked_why_and_who_is_not_is_not(box: Box, open_page: Open) -> None:
    page = opened(box, open_page, "1300", "/visits")
    visit = page.locator('[data-test="visit"]').first
    why, reason = visit.locator("details.why"), visit.locator('[data-test="reason"]')
    expect(reason).to_be_hidden()
    visit.locator('[data-test="rating-very_dissatisfied"]').check()
    expect(reason).to_be_visible()
    assert reason.evaluate("field => field.required")
    visit.locator('[data-test="rate"]').click()
    assert page.url.endswith("/visits"), "nothing is sent without a reason"
    visit.locator('[data-test="rating-satisfied"]').check()
    expect(reason).to_be_hidden()
    assert not reason.evaluate("field => field.required")
    assert why.get_attribute("open") is None


def test_marks_of_the_list_stay_on_one_line_on_a_small_screen(box: Box, open_page: Open) -> None:
    for locale in ("zh-CN", "en-US"):
        page = opened(box, open_page, "1200", "/tickets?list=all", 390, locale)
        expect(page.locator(".tickets .mark").first).to_be_visible()
        assert page.evaluate(WRAPPED) == []
        assert page.evaluate("document.scrollingElement.scrollWidth") == 390
