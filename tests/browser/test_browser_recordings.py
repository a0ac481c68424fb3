"""Recordings in chromium: what an agent asks of the one that runs, and a finished one on its page."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from appliance.blobs.sounds import Sounds
from appliance.calls import wire
from appliance.demo_data import DEMO_PASSWORD
from appliance.events import Fact
from appliance.recordings import package
from appliance.recordings.archive import FORMATS, archive
from appliance.store.store import Store
from hardware.media import wav
from tests.box import ALL, Box
from tests.browser.conftest import READY_S, Open
from tests.browser.pages import Desk
from tests.browser.stage import Stage
from tests.browser.test_browser_talks import CUT, SCROLLS
from tests.web_pages import answers

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
    expect(desk.part("pop")).to_be_visible()
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
    expect(desk.part("pop")).to_be_visible()
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
    expect(desk.part("pop")).to_be_visible()
    desk.page.keyboard.press("F2")
    expect(desk.part("phase")).to_have_text("通话中 · 滚动录音")
    desk.part("record").click()
    expect(desk.part("phase")).to_have_text("通话中 · 录音中")
    expect(desk.part("record")).to_be_hidden()
    assert stage.box.facts("recording.kept")[-1]["by"] == "1003"


def recorded_talk(stage: Stage) -> None:
    """A talk in which much happened, and its recording."""
    desk = stage.desk("1001", "8001")
    desk.page.keyboard.press("F4")
    stage.call("1001")
    expect(desk.part("pop")).to_be_visible()
    desk.page.keyboard.press("F2")
    stage.box.wait_state("1001", "busy")
    expect(desk.part("private")).to_be_enabled()
    order = stage.box.order
    for do in (
        wire.Hold("1001"),
        wire.Resume("1001"),
        wire.HideCall("1001", True),
        wire.HideCall("1001", False),
        wire.SendDigits("1001", "5"),
        wire.Consult("1001", "ext:8101"),
    ):
        order(do)
        desk.page.wait_for_timeout(500)
    stage.box.wait_event("call.joined")
    order(wire.Together("1001"))
    desk.page.wait_for_timeout(1500)
    order(wire.HangUp("1001"))
    stage.citizen.hang_up()
    stage.box.wait_for(lambda: not stage.box.calls(), 10, "the call to end")


def test_marks_of_all_that_happened_are_seen_and_playing_jumps_to_them(stage: Stage, open_page: Open) -> None:
    recorded_talk(stage)
    desk = Desk(open_page(), stage.box.web)
    desk.sign_in("1100", DEMO_PASSWORD)
    page = desk.page
    page.goto(f"{stage.box.web}/recordings")
    row = desk.part("recording").first
    page.wait_for_function("() => document.querySelector('[data-test=recording] .marks li')")
    marks = {
        str(button.get_attribute("data-test")).removeprefix("mark-")
        for button in row.locator(".marks button").all()
    }
    assert marks >= {
        *("keyed", "queued", "answered", "held", "resumed", "private", "keys_sent", "consulted", "joined"),
        "together",
    }
    playing = "() => document.querySelector('audio').currentTime"
    at = {}
    for name in ("private", "answered", "joined"):
        row.locator(f"[data-test=mark-{name}]").first.click()
        page.wait_for_function("() => !document.querySelector('audio').paused")
        at[name] = page.evaluate(playing)
    assert at["answered"] < at["private"] < at["joined"]
    page.evaluate("() => document.querySelector('audio').pause()")
    row.focus()
    keys = page.keyboard
    page.evaluate("() => (document.querySelector('audio').currentTime = 0)")
    keys.press("Shift+ArrowRight")
    first = page.evaluate(playing)
    keys.press("Shift+ArrowRight")
    assert 0 < first < page.evaluate(playing) < at["joined"]
    keys.press("Space")
    assert page.evaluate("() => document.querySelector('audio').paused") is True
    keys.press("2")
    assert page.evaluate("() => document.querySelector('audio').playbackRate") == 1.5
    keys.press("/")
    assert page.evaluate("() => document.activeElement.id") == "number"
    silent = page.evaluate("() => document.querySelectorAll('.wave .mark-private rect').length")
    assert silent == 1, "the silence is drawn as long as it was"
    desk.part("history").first.click()
    expect(desk.part("steps").first).to_contain_text("收听 · 1100")


@pytest.mark.parametrize(("locale", "width"), [("zh-CN", 1366), ("en", 1366), ("zh-CN", 390), ("en", 390)])
def test_the_page_of_recordings_fits_desk_and_phone(
    stage: Stage, open_page: Open, locale: str, width: int
) -> None:
    desk = Desk(open_page(width=width, locale=locale), stage.box.web)
    desk.sign_in("1100", DEMO_PASSWORD)
    desk.page.goto(f"{stage.box.web}/recordings")
    expect(desk.part("recordings")).to_be_visible()
    for menu in desk.page.locator("details.rules > summary").all():
        menu.click()
    assert desk.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth") is True


def spoken(seconds: float) -> bytes:
    """A recording with a tone on each side."""
    at = np.arange(round(8000 * seconds)) / 8000
    both = np.stack([np.sin(2 * np.pi * hz * at) for hz in (500, 1500)], axis=1)
    return wav.header(2, both.size * 2) + (8000 * both).astype("<i2").tobytes()


def kept(box: Box, name: str, archived: str, seconds: float = 30.0) -> str:
    """A recording in an archive format, as the store process leaves it; its id."""
    store = Store(box.places.database, 1, bind=False)
    folder = box.places.recordings
    first, second = folder / f"{name}.wav", folder / f"{name}{FORMATS[archived].suffix}"
    first.write_bytes(spoken(seconds))
    call_facts = {"line": "sip/1", "caller": f"1390000{name}", "called": "12345"}
    (call,) = store.record(Fact("call.ringing", call_facts))
    made = {"kind": "call", "path": first.name, "seconds": seconds}
    (event,) = store.record(Fact("recording.made", made, call.eid))
    written = archive(first, second, FORMATS[archived])
    facts = {"rid": event.eid.hex(), "path": second.name, "sha256": written.sha256, "size": written.size}
    store.record(Fact("recording.archived", facts, call.eid))
    return event.eid.hex()


@pytest.mark.parametrize("archived", ["mp3", "alaw"])
def test_an_archived_recording_is_played_and_sought_through(box: Box, open_page: Open, archived: str) -> None:
    rid = kept(box, f"7{archived[0]}", archived)
    desk = Desk(open_page(), box.web)
    desk.sign_in("1100", DEMO_PASSWORD)
    desk.page.goto(f"{box.web}/recordings")
    audio = f"document.querySelector('[data-rid=\"{rid}\"] audio')"
    desk.page.locator(f'[data-rid="{rid}"]').focus()
    desk.page.keyboard.press("Space")
    desk.page.wait_for_function(f"() => {audio}.currentTime > 0.3 && !{audio}.paused")
    assert desk.page.evaluate(f"{audio}.duration") == pytest.approx(30, abs=0.15)
    desk.page.evaluate(f"{audio}.currentTime = 25")
    desk.page.wait_for_function(f"() => {audio}.currentTime > 25.2 && !{audio}.seeking")
    assert desk.page.evaluate(f"{audio}.error") is None


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_an_export_is_searched_and_heard_without_a_box(
    box: Box, chromium: Browser, tmp_path: Path, locale: str
) -> None:
    rids = [kept(box, f"{locale[0]}{n}", archived, 5) for n, archived in ((1, "mp3"), (2, "alaw"))]
    store = Store(box.places.database, 1, bind=False)
    found = [bytes.fromhex(rid) for rid in rids]
    (order,) = package.plan(store, Sounds(store.site, box.places.recordings), "2026-11-22", found, 0)
    order.write(tmp_path / "disc")
    context = chromium.new_context(locale=locale, offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((tmp_path / "disc" / "index.html").as_uri())
    heading = page.locator("h1")
    title = {"zh-CN": "录音", "en": "Recordings"}
    expect(heading).to_have_text(f"{title[locale]} · 2026-11-22", use_inner_text=True)
    expect(page.locator("#count")).to_have_text("2")
    page.keyboard.press("/")
    page.keyboard.type(f"1390000{locale[0]}1")
    expect(page.locator("#count")).to_have_text("1")
    expect(page.locator("tbody tr:visible")).to_have_count(1)
    page.locator("#language").focus()
    page.locator("tbody tr:visible").focus()
    page.keyboard.press("Space")
    page.wait_for_function("() => [...document.querySelectorAll('audio')].some((a) => a.currentTime > 0.3)")
    page.locator("#language").click()
    (other,) = set(title) - {locale}
    expect(heading).to_contain_text(title[other], use_inner_text=True)
    assert faults == []
    context.close()
