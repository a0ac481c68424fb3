"""What somebody does on a page, by the names the pages give their parts (``data-test``)."""

from playwright.sync_api import Locator, Page, expect


class Desk:
    """The agent's desk in one browser window."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def part(self, name: str) -> Locator:
        """A part of the page."""
        return self.page.locator(f'[data-test="{name}"]')

    def sign_in(self, number: str, password: str) -> None:
        """Sign in and wait for the desk."""
        self.page.goto(f"{self.address}/sign-in")
        self.part("number").fill(number)
        self.part("password").fill(password)
        self.part("sign-in").click()
        expect(self.part("lamp-live")).to_have_class("lamp good")
        self.form_ready()

    def form_ready(self) -> None:
        """Wait until the form shows its draft."""
        expect(self.page.locator("#ticket[data-ready]")).to_be_visible()

    def empty_form(self) -> None:
        """Forget what is written."""
        self.part("clear").click()
        if self.part("clear").get_attribute("aria-pressed") == "true":
            self.part("clear").click()
        self.form_ready()
        expect(self.part("title")).to_have_value("")

    def start_shift(self) -> None:
        """Start sound and shift, or the sound again after a reload."""
        self.part("start-shift").click()
        expect(self.part("phase")).to_be_visible()
        expect(self.part("lamp-sound")).to_have_class("lamp good")

    def end_shift(self) -> None:
        """End the shift if one goes on."""
        if self.part("sound-menu").is_visible():
            self.part("sound-menu").click()
            self.part("end-shift").click()
            expect(self.part("start-shift")).to_be_visible()

    def frames_sent(self) -> int:
        """How many frames of sound went to the box."""
        return int(self.page.evaluate("Number(document.body.dataset.framesSent || 0)"))

    def frames_received(self) -> int:
        """How many frames of sound came from the box."""
        return int(self.page.evaluate("Number(document.body.dataset.framesReceived || 0)"))
