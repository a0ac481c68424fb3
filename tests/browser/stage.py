"""Who is there when talks are tested: a citizen, a desk phone, headsets in chromium; and what each hears."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Locator, expect

from appliance.calls import wire
from appliance.demo_data import DEMO_PASSWORD
from tests.box import Box
from tests.browser.pages import Desk
from tests.phones import Baresip, read_wav, tone_level, until

WAIT_MS = 20_000
CITIZEN_HZ, HEADSET_HZ, DESK_PHONE_HZ, OUTSIDE_HZ = 700.0, 1000.0, 500.0, 1300.0
OUTSIDE_NUMBERS = ("87654321", "87654322")
TONES = {"citizen": CITIZEN_HZ, "headset": HEADSET_HZ, "phone": DESK_PHONE_HZ, "outside": OUTSIDE_HZ}
"""What each says all the time."""
LOUD = 0.02
NOW = 4000
"""Samples: what a phone heard in the last half second."""
HEARD_S = 20.0
EAR = """
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to !== this.context.destination) return connect.call(this, to, ...rest);
  const ear = this.context.createAnalyser();
  ear.fftSize = 32768;
  connect.call(this, ear);
  window.ear = window.ear || ear;
  return connect.call(ear, to, ...rest);
};
window.heard = (tones) => {
  if (!window.ear) return tones.map(() => 0);
  const sound = new Float32Array(window.ear.fftSize);
  window.ear.getFloatTimeDomainData(sound);
  const level = (hz) => {
    let [real, imaginary] = [0, 0];
    for (let n = 0; n < sound.length; n++) {
      const value = sound[n] * (1 - Math.cos((2 * Math.PI * n) / sound.length));
      const angle = (2 * Math.PI * hz * n) / window.ear.context.sampleRate;
      real += value * Math.cos(angle);
      imaginary += value * Math.sin(angle);
    }
    return (2 * Math.hypot(real, imaginary)) / sound.length;
  };
  return tones.map((hz) => Math.max(level(hz - 1), level(hz), level(hz + 1)));
};
"""
"""Listens where the loudspeaker is: `heard([hz, …])` gives how loud each tone was in the last 0.7 s."""


@dataclass
class Stage:
    """A citizen, a desk phone and a phone outside, which pick up by themselves, and who sits in chromium."""

    box: Box
    citizen: Baresip
    phone: Baresip
    outside: Baresip
    browser: Browser
    faults: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def desk(self, number: str, extension: str, path: str = "/desk") -> Desk:
        """Somebody with a headset, on shift."""
        desk = self.page(number, path)
        desk.page.select_option("#extension", extension)
        desk.start_shift()
        self.box.wait_for(lambda: self.box.seat(number).phone == "up", 10, "the headset")
        return desk

    def page(self, number: str, path: str = "/desk") -> Desk:
        """Somebody's page in a browser of their own, with an ear to its loudspeaker."""
        context = self.browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(EAR)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        desk = Desk(page, self.box.web)
        desk.sign_in(number, DEMO_PASSWORD)
        if path != "/desk":
            page.goto(f"{self.box.web}{path}")
        return desk

    def waits(self) -> None:
        """The citizen calls and chooses the agents' queue."""
        self.citizen.dial()
        self.citizen.wait("CALL_ESTABLISHED")
        self.box.wait_for(lambda: [c for c in self.box.calls() if c.state == "in_flow"])
        self.citizen.keys("1")

    def call(self, agent: str) -> None:
        """The citizen calls and is put through to whoever is ready."""
        self.waits()
        self.box.wait_for(lambda: self.box.seat(agent).state in ("offered", "busy"), 20, "the offer")

    def talk(self, desk: Desk, agent: str = "1001") -> None:
        """The citizen talks with an agent at a headset."""
        self.box.order(wire.Ready(agent))
        self.call(agent)
        desk.part("answer").click()
        self.box.wait_state(agent, "busy")
        self.box.wait_for(lambda: [c for c in self.box.calls() if c.state == "talking"])
        expect(desk.part("transfer")).to_be_visible()
        expect(desk.part("transfer")).to_be_enabled()

    def hears(self, phone: Baresip, *tones: float) -> None:
        """Wait until a phone hears these of our tones and no others."""
        until(lambda: self.now(phone) == set(tones) or None, HEARD_S, f"{phone.number} to hear {tones}")

    def now(self, phone: Baresip) -> set[float]:
        """The tones a phone hears just now."""
        try:
            heard = read_wav(phone.heard())[-NOW:]
        except (ValueError, EOFError):  # no call yet, or its file has just been begun
            return set()
        return {hz for hz in TONES.values() if tone_level(heard, hz, seconds=NOW / 8000) > LOUD}

    def ear(self, desk: Desk) -> set[float]:
        """The tones a headset hears just now."""
        tones = list(TONES.values())
        levels = desk.page.evaluate("(tones) => window.heard(tones)", tones)
        return {hz for hz, level in zip(tones, levels, strict=True) if level > LOUD}

    def expect(self, what: str, desk: Desk, **who: str) -> None:
        """Wait until each hears exactly whom the words name: ``citizen="headset phone"``, ``phone=""``."""
        ears: dict[str, Callable[[], set[float]]] = {
            "citizen": lambda: self.now(self.citizen),
            "phone": lambda: self.now(self.phone),
            "outside": lambda: self.now(self.outside),
            "headset": lambda: self.ear(desk),
        }
        wanted = {name: {TONES[word] for word in words.split()} for name, words in who.items()}

        def so() -> bool | None:
            desk.page.wait_for_timeout(50)
            return all(ears[name]() == tones for name, tones in wanted.items()) or None

        until(so, HEARD_S, f"{what}: {who}, but { ({name: ears[name]() for name in who}) }")

    def reaches(self, desk: Desk, to: str) -> Locator:
        """Choose somebody in the open panel."""
        row = desk.page.locator(f'[data-to="{to}"]')
        expect(row).to_be_visible()
        row.click()
        return row
