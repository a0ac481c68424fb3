"""A site joins its hub in the browser: a code on the hub's page, typed at the site, and it is connected."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from appliance.demo_data import DEMO_PASSWORD
from appliance.people import People
from appliance.store.store import Store
from sync.bench import MOSQUITTO
from tests.box import ROOT, Box, environment
from tests.browser.conftest import READY_S, Open
from tests.network_boxes import FilesBroker
from tests.web_pages import answers, free_port

pytestmark = [
    pytest.mark.browser,
    pytest.mark.broker,
    pytest.mark.skipif(not os.path.exists(MOSQUITTO), reason="mosquitto is not installed"),
]
UNITS = ("store", "web", "sync")
PASSWORD = "a-long-enough-one"
CONNECTED_S = 40.0


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[tuple[Box, FilesBroker]]:
    """A hub in service with the broker its own command makes."""
    port = free_port()
    site = {"number": 0, "role": "hub", "name": "汇总中心"}
    hub = Box(UNITS, settings={"site": site, "sync": {"brokers": [f"127.0.0.1:{port}"]}})
    made = ["--data", str(hub.places.data), "broker", "files", "--out", str(tmp_path / "broker")]
    there = ["--name", "127.0.0.1", "--port", str(port), "--listen", "127.0.0.1"]
    command = [sys.executable, "-m", "appliance.cli", *made, *there, "--folder", str(tmp_path / "broker")]
    said = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    assert "systemctl restart mosquitto" in said.stdout
    assert len(said.stdout.splitlines()) < 24, "what to do fits one screen"
    broker = FilesBroker(tmp_path / "broker", port)
    try:
        with hub:
            hub.wait_for(lambda: answers(int(hub.settings["web"]["port"])), READY_S, "the hub's pages")
            yield hub, broker
    finally:
        broker.kill()


@pytest.fixture
def site() -> Iterator[Box]:
    """A box that knows of no hub, fresh from its box, with a technician."""
    box = Box(UNITS, settings={"demo": False, "site": {"number": 1, "name": "新站"}})
    people = People(Store(box.places.database, 1, bind=False))
    people.create_person("9100", "技术员", "first-time-code", ["TE"])
    people.set_password("9100", "first-time-code", PASSWORD)
    with box:
        box.wait_for(lambda: answers(int(box.settings["web"]["port"])), READY_S, "the site's pages")
        yield box


def technician(page: Page, box: Box, password: str) -> Page:
    page.goto(f"{box.web}/sign-in")
    page.fill("#number", "9100")
    page.fill("#password", password)
    page.click("#sign-in")
    page.goto(f"{box.web}/box")
    page.click("[data-test=network]")
    return page


def shows(page: Page, address: str, part: str, words: str) -> None:
    """Load a page again until a part of it says something; the pages may be starting anew."""
    until_s, said = time.monotonic() + CONNECTED_S, ""
    while True:
        try:
            page.goto(address)
            said = page.locator(part).first.inner_text(timeout=1000)
        except Error as error:
            said = error.message
        if words in said:
            return
        assert time.monotonic() < until_s, f"{part} never says {words}, at last it says {said}"
        page.wait_for_timeout(300)


def test_a_code_of_the_hubs_page_connects_a_site(
    centre: tuple[Box, FilesBroker], site: Box, open_page: Open
) -> None:
    hub, broker = centre
    there, here = technician(open_page(), hub, DEMO_PASSWORD), technician(open_page(), site, PASSWORD)
    there.fill("[data-test=number]", "7")
    there.fill("[data-test=name]", "城东分站")
    there.click("[data-test=invite]")
    code = there.locator("[data-test=code]").inner_text()
    address = there.locator("[data-test=address]").inner_text()

    here.fill("[data-test=hub]", address)
    here.fill("[data-test=code]", code[:-1] + ("2" if code[-1] != "2" else "3"))
    here.click("[data-test=join]")
    expect(here.locator("[data-test=fault]")).to_contain_text("中心不认识这个代码")
    here.fill("[data-test=code]", code.lower())
    here.click("[data-test=join]")
    expect(here.locator("[data-test=joined]")).to_contain_text("7 号站（城东分站）")

    shows(here, f"{site.web}/box/network", "[data-test=hub-state]", "已同步")
    expect(here.locator("[data-test=until]")).to_contain_text("至")
    expect(here.locator("[data-test=network-site]")).to_contain_text(broker.address)
    expect(here.locator("[data-test=network-site]")).to_contain_text("007")
    shows(there, f"{hub.web}/sites", "[data-test=site-7]", "城东分站")
    expect(there.locator("[data-test=site-state-7]")).to_contain_text("已连接")
    expect(there.locator("[data-test=hub]")).to_contain_text("各站")
    expect(there.locator("[data-test=calls-away]")).to_be_hidden()

    broker.kill()
    shows(here, f"{site.web}/phones", "[data-test=hub]", "上级中心：未连接")
    expect(here.locator("[data-test=hub]")).to_contain_text("自 20")
    shows(there, f"{hub.web}/sites", "[data-test=site-state-7]", "未连接")
    expect(there.locator("[data-test=hub]")).to_contain_text("各站：1 个中 1 个未连接")
    broker.start()
    shows(here, f"{site.web}/phones", "[data-test=hub]", "上级中心：已同步")
    shows(there, f"{hub.web}/box/network", '[data-site="7"] [data-test=peer-state]', "已连接")
    there.click('[data-site="7"] summary')
    for page in (there, here):
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.scrollingElement.scrollWidth") == 390
    there.fill('[data-site="7"] [name=why]', "设备被盗")
    there.click("[data-test=revoke-7]")
    expect(there.locator("[data-test=flash]")).to_contain_text("7 号站已停用")
    expect(there.locator('[data-site="7"]')).to_contain_text("设备被盗")
