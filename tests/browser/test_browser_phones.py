"""The pages about phones in chromium: a forward set there rings elsewhere, a call comes onto the bill."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from appliance.demo_data import DEMO_PASSWORD
from tests.box import ALL, Box, free_port
from tests.browser.conftest import READY_S, Open
from tests.phones import Baresip, free_pair
from tests.web_pages import answers

pytestmark = [pytest.mark.browser, pytest.mark.sip]

PUBLIC = "127.0.0.3"
WIDER = "document.scrollingElement.scrollWidth > innerWidth"
CUT = """[...document.querySelectorAll('.phones-table')]
    .filter(table => table.scrollWidth > table.parentElement.clientWidth + 1).length"""
PAGES = ("/phones", "/phones/groups", "/phones/routes?number=13800138000&from=8102", "/phones/bill")
NAMES = {"8101": "王科长", "8102": "李工", "8103": "值班室"}


def settings(public: int) -> dict[str, object]:
    """An office with three desk phones, and a trunk to whoever is called."""
    phones = [
        {"number": number, "kind": "sip", "password": f"demo-{number}", "name": name, "pickup": "科室"}
        for number, name in NAMES.items()
    ]
    return {
        "extension": [
            {"number": "8001"},
            {**phones[0], "service": "office", "pin": "2468", "numbers": ["02087651234"]},
            {**phones[1], "ring_s": 15, "follow": ["8103", "tel:13800138000"]},
            {**phones[2], "waiting": True},
        ],
        "group": [
            {
                "number": "8500",
                "name": "值班",
                "members": ["8101", "8102", "tel:13800138000"],
                "then": "queue:general",
            }
        ],
        "forward": [{"extension": "8103", "when": "night", "to": "8500"}],
        "speed_dial": [{"code": "01", "number": "87654321", "name": "市政"}],
        "account": [{"code": "2001", "name": "市政维修"}],
        "service_class": [{"name": "office", "may": ["local", "mobile"], "account": ["mobile"]}],
        "dialplan": {"area": "020", "operator": "8500"},
        "trunk": [
            {"name": "public", "host": PUBLIC, "port": public, "priority": 9, "cost": "local"},
            {
                "name": "branch",
                "host": "127.0.0.9",
                "prefix": "021",
                "strip": 3,
                "cost": "free",
                "through": ["site", "local"],
            },
        ],
    }


@dataclass
class Office:
    """The box, its phones, and somebody outside."""

    box: Box
    phones: dict[str, Baresip]

    def quiet(self) -> None:
        for phone in self.phones.values():
            phone.hang_up()
        self.box.wait_for(lambda: not self.box.calls(), 10, "calls to end")
        for phone in self.phones.values():
            phone.forget()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder, public, sip = tmp_path_factory.mktemp("phones"), free_pair(), free_port()

    def phone(number: str) -> Baresip:
        return Baresip(folder, sip, number=number, password=f"demo-{number}")

    with (
        Baresip(folder, sip, number="87654321", answers=True, here=(PUBLIC, public)) as outside,
        Box(ALL, settings={**settings(public), "sip": {"port": sip}}) as box,
        phone("8101") as one,
        phone("8102") as two,
        phone("8103") as three,
    ):
        box.wait_for(lambda: answers(int(box.settings["web"]["port"])), READY_S, "the pages")
        yield Office(box, {"8101": one, "8102": two, "8103": three, "87654321": outside})


@pytest.fixture
def office(running: Office) -> Iterator[Office]:
    running.quiet()
    yield running
    running.quiet()


def part(page: Page, name: str) -> Locator:
    return page.locator(f'[data-test="{name}"]')


def opened(office: Office, page: Page, path: str = "/phones", number: str = "9000") -> Page:
    """A page as somebody sees it who has signed in."""
    page.goto(f"{office.box.web}/sign-in")
    part(page, "number").fill(number)
    part(page, "password").fill(DEMO_PASSWORD)
    part(page, "sign-in").click()
    page.wait_for_url(lambda url: "sign-in" not in url)
    page.goto(office.box.web + path)
    expect(page.locator("#lamp-live")).to_have_class("lamp good")
    return page


def row(page: Page, number: str) -> Locator:
    return part(page, f"phone-{number}")


def forwards(page: Page, number: str) -> Locator:
    return row(page, number).locator('[data-test="forwards"]')


def test_a_forward_set_on_the_page_rings_elsewhere_until_it_is_taken_back(
    office: Office, open_page: Open
) -> None:
    page = opened(office, open_page(), number="1100")
    part(page, "edit-8102").click()
    part(page, "to-always").fill("8103")
    part(page, "save-forward").click()
    expect(forwards(page, "8102")).to_contain_text("无条件 → 8103 值班室 页面设置：1100")
    office.phones["8101"].dial("8102")
    office.phones["8103"].wait("CALL_INCOMING")
    expect(row(page, "8103").locator('[data-test="state"]')).to_have_text("通话中")
    office.quiet()
    assert office.box.facts("extension.forwarded")[-1] == {
        "extension": "8102",
        "when": "always",
        "to": "8103",
        "by": "1100",
        "origin": "page",
    }
    part(page, "edit-8102").click()
    part(page, "clear-forward").click()
    expect(forwards(page, "8102")).to_be_empty()
    office.phones["8101"].dial("8102")
    office.phones["8102"].wait("CALL_INCOMING")

    def told() -> bool:
        """The store follows the log a moment later; the list is as new as the page."""
        page.reload()
        return "已取消" in part(page, "changes").locator("tr").first.inner_text()

    office.box.wait_for(told, 15, "the change to be listed")


def test_what_is_keyed_at_a_phone_is_seen_on_the_page(office: Office, open_page: Open) -> None:
    page = opened(office, open_page())
    expect(forwards(page, "8103")).to_have_text("夜间 → 8500 值班 配置文件")
    office.phones["8101"].dial("*728102")
    expect(forwards(page, "8101")).to_contain_text("遇忙 → 8102 李工 话机按键设置")
    office.phones["8101"].wait("CALL_CLOSED")
    office.phones["8101"].forget()
    office.phones["8101"].dial("*70")
    expect(forwards(page, "8101")).to_be_empty()


def test_a_forward_that_cannot_be_is_refused_beside_its_field(office: Office, open_page: Open) -> None:
    page = opened(office, open_page())
    part(page, "edit-8101").click()
    for to, why in (
        ("nobody", "无法接通该目标"),
        ("0085221234567", "呼出等级不允许"),
        ("8101", "无法接通该目标"),
    ):
        part(page, "to-busy").fill(to)
        part(page, "save-forward").click()
        expect(page.locator("#says-busy")).to_contain_text(why)
        expect(part(page, "to-busy")).to_be_focused()
    page.keyboard.press("Escape")
    expect(forwards(page, "8101")).to_be_empty()


def test_a_phone_is_found_and_opened_with_the_keyboard_alone(office: Office, open_page: Open) -> None:
    page = opened(office, open_page())
    page.keyboard.press("/")
    page.keyboard.type("李工")
    expect(row(page, "8101")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(part(page, "forward-dialog")).to_contain_text("8102 李工")
    expect(part(page, "to-always")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(row(page, "8101")).to_be_visible()
    part(page, "only-away").check(force=True)
    expect(row(page, "8001")).to_be_visible()
    expect(row(page, "8101")).to_be_hidden()


def test_trunks_and_members_are_shown_as_they_are_now(office: Office, open_page: Open) -> None:
    page = opened(office, open_page(), "/phones/routes")
    states = part(page, "trunks").locator('[data-test="trunk-state"]')
    expect(states).to_have_text(["中断", "正常"], timeout=40_000)
    page.goto(f"{office.box.web}/phones/groups")
    member = part(page, "member").filter(has_text="8101")
    expect(member).to_have_class("mark good")
    office.phones["8101"].dial("8102")
    expect(member).to_have_class("mark blue")


def test_a_call_outside_comes_onto_the_bill(office: Office, open_page: Open) -> None:
    page = opened(office, open_page(), "/phones/routes")
    expect(part(page, "trunk-public").locator('[data-test="trunk-state"]')).to_have_text(
        "正常", timeout=40_000
    )
    office.phones["8101"].dial("**01")
    office.phones["87654321"].wait("CALL_ESTABLISHED")
    page.wait_for_timeout(1200)
    office.quiet()
    office.box.wait_event("call.ended")

    def billed() -> bool:
        page.goto(f"{office.box.web}/phones/bill")
        calls = part(page, "bill-calls")
        return calls.count() == 1 and "87654321 市话 00:0" in " ".join(calls.inner_text().split())

    office.box.wait_for(billed, 10, "the bill")
    expect(part(page, "bill-extension")).to_contain_text("8101 王科长")
    with page.expect_download() as download:
        part(page, "csv").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert ",8101,,87654321,市话," in text


@pytest.mark.parametrize(
    ("width", "locale"), [(1366, "zh-CN"), (1366, "en-US"), (390, "zh-CN"), (390, "en-US")]
)
def test_the_pages_fit_a_desk_and_a_pocket(office: Office, open_page: Open, width: int, locale: str) -> None:
    page = opened(office, open_page(width, 768, locale))
    for path in PAGES:
        page.goto(office.box.web + path)
        assert not page.evaluate(WIDER), path
        assert page.evaluate(CUT) == 0, path
