"""Mouth to ear with a real chromium: from a phone's burst to the sample the browser gives to its output.

What the page stores and its resampler are in it. What the browser says its own output takes is told apart:
no page can shorten that. The page is ours as it is served, with a meter beside its loudspeaker.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from playwright.sync_api import Page, sync_playwright

from appliance.calls import wire
from appliance.demo_data import DEMO_PASSWORD
from tests.bench.delay import GOAL_PAGE_MS
from tests.bench.ears import Ear, Ends, RtpEnd, delays_ms
from tests.bench.figure import Figure, figure
from tests.bench.machine import cpu_s, look, noise
from tests.box import ALL, Box
from tests.browser.pages import Desk
from tests.phones import Sipp

BENCH = "headset"
CALLS, SECONDS = 6, 6.0
SETTLE_S = 3.0
AGENT = "1001"
WAIT_MS = 30_000
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--mute-audio", "--autoplay-policy=no-user-gesture-required"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)
METER = """
window.heard = []; window.latency = 0;
const connect = AudioNode.prototype.connect;
const meter = `registerProcessor("meter", class extends AudioWorkletProcessor {
  constructor() { super(); this.last = -1; }
  process([input]) {
    const at = input.length ? input[0].findIndex((value) => Math.abs(value) > 0.3) : -1;
    if (at >= 0) {
      const now = currentTime + at / sampleRate;
      if (now - this.last > 0.1) this.port.postMessage(now);
      this.last = now;
    }
    return true;
  }
})`;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode && this instanceof GainNode && !this.metered) {
    this.metered = true;
    const context = this.context;
    const source = URL.createObjectURL(new Blob([meter], { type: "text/javascript" }));
    context.audioWorklet.addModule(source).then(() => {
      const node = new AudioWorkletNode(context, "meter");
      connect.call(this, node);
      node.port.onmessage = ({ data }) => {
        const shown = context.getOutputTimestamp();
        window.latency = context.outputLatency;
        window.heard.push(performance.timeOrigin + shown.performanceTime + 1000 * (data - shown.contextTime));
      };
    });
  }
  return connect.call(this, to, ...rest);
};
"""


def figures() -> Iterator[Figure]:
    """One run."""
    yield from run(CALLS, SECONDS)


def run(calls: int, seconds: float) -> Iterator[Figure]:
    """Calls with one page, one after another, each at another moment to the box's clock."""
    took_ms: list[float] = []
    unheard = 0
    settings = {"call": {"flow": "direct"}, "queue": [{"name": "general", "wrap_up_s": 0}]}
    with Box(ALL, settings=settings) as box, sync_playwright() as driver:
        box.wait_for(lambda: _pages(box), 60, "the pages")
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        context = chromium.new_context(permissions=["microphone"], bypass_csp=True)
        context.add_init_script(METER)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        _begin_shift(box, page)
        machine, spent = look(), cpu_s(box)
        for number in range(calls):
            found_ms, missed = _call(box, page, number, seconds)
            took_ms += found_ms
            unheard += missed
        quiet = noise(machine, look(), sum(cpu_s(box).values()) - sum(spent.values()))
        output_ms = 1000 * float(page.evaluate("window.latency"))
        chromium.close()
    for percent in (50, 95):
        whole_ms = float(np.percentile(took_ms, percent))
        yield figure(BENCH, f"sip_to_chromium_p{percent}", whole_ms - output_ms, "ms", GOAL_PAGE_MS)
        yield figure(BENCH, f"sip_to_chromium_and_out_p{percent}", whole_ms, "ms")
    yield figure(BENCH, "chromium_s_own_output", output_ms, "ms")
    yield figure(BENCH, "bursts", len(took_ms), "")
    yield figure(BENCH, "bursts_not_heard", unheard, "", 0)
    yield from quiet.figures(BENCH)


def _call(box: Box, page: Page, number: int, seconds: float) -> tuple[list[float], int]:
    """One call; what its bursts took, and how many were not heard."""
    caller = RtpEnd(number + 1)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ears.csv").write_text(f"SEQUENTIAL\n{caller.port};\n")
        hold = ("-inf", "ears.csv", "-m", "1", "-d", str(round(1000 * (seconds + 30))))
        with Ends([caller]), Sipp("ear", box.sip_port, Path(folder), *hold):
            box.wait_state(AGENT, "offered", 20)
            page.wait_for_selector('[data-test="pop"]')
            page.keyboard.press("F2")
            box.wait_state(AGENT, "busy", 20)
            page.wait_for_timeout(1000 * SETTLE_S)
            since_s = time.time()
            page.wait_for_timeout(1000 * seconds)
            until_s, ear = time.time() - 1, Ear()
            ear.heard_s = [ms / 1000 for ms in page.evaluate("window.heard")]
            box.order(wire.HangUp(AGENT))
            box.wait_state(AGENT, "ready", 20)
    return delays_ms(caller.mouth, ear, since_s, until_s)


def _begin_shift(box: Box, page: Page) -> None:
    desk = Desk(page, box.web)
    desk.sign_in(AGENT, DEMO_PASSWORD)
    desk.start_shift()
    if box.seat(AGENT).state != "ready":
        desk.part("to-ready").click()
    box.wait_state(AGENT, "ready")


def _pages(box: Box) -> bool:
    try:
        with urlopen(f"{box.web}/api/health", timeout=2):
            return True
    except OSError:
        return False
