"""A line whose phone is a web page: an agent's headset, or the demo's citizen phone.

Sound comes over a WebSocket to the media process; keys and hook come as orders from
the page through the call process, which calls `lifted`, `laid_down`, `pressed` and `rings`.
"""

import secrets

from hardware.line import (
    Alerting,
    Answered,
    BrowserToken,
    Cause,
    Cleared,
    Digit,
    Post,
    Ringing,
    Signal,
    Sound,
    Traits,
    Up,
)

TOKEN_BYTES = 18


class BrowserLine:
    """One page's phone; `sounding` is whether its sound is connected now."""

    traits = Traits()

    def __init__(self, name: str) -> None:
        self.name = name
        self.sounding = False
        self.token = ""
        self._post: Post | None = None
        self._state = "idle"

    @property
    def idle(self) -> bool:
        """Whether no call is on this line."""
        return self._state == "idle"

    def open(self, post: Post) -> None:
        """Take the line into use."""
        self._post = post
        self._say(Up())

    def close(self) -> None:
        """Give the line back."""
        self._post = None
        self._state = "idle"

    def admit(self) -> str:
        """Give out a new token; sound that presents it is this line's from now on."""
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._say(Sound(BrowserToken(self.token)))
        return self.token

    def go_on(self, token: str) -> None:
        """The page talks, and its sound is connected, since an earlier life."""
        self.token, self.sounding, self._state = token, True, "talking"

    def dial(self, number: str, caller: str | None) -> None:
        """Ring at the page."""
        self._state = "ringing"
        self._say(Alerting())

    def answer(self) -> None:
        """Pick up the call the page made."""
        if self._state == "calling":
            self._state = "talking"
            self._say(Answered())

    def hangup(self, cause: Cause) -> None:
        """End the call, or stop ringing."""
        if self._state != "idle":
            self._state = "idle"
            self._say(Cleared(cause))

    def send_digits(self, digits: str) -> None:
        """Nobody is behind a page's phone to send digits to."""

    def rings(self, caller: str | None, called: str) -> bool:
        """The page calls; False when it is already in a call."""
        if self._state != "idle":
            return False
        self._state = "calling"
        self._say(Ringing(caller, called))
        return True

    def lifted(self) -> bool:
        """The page picked up what rings; False when nothing rings."""
        if self._state != "ringing":
            return False
        self._state = "talking"
        self._say(Answered())
        return True

    def laid_down(self, cause: Cause = Cause.NORMAL) -> bool:
        """The page hung up; False when there was no call."""
        if self._state == "idle":
            return False
        self._state = "idle"
        self._say(Cleared(cause))
        return True

    def pressed(self, key: str) -> None:
        """A key on the page."""
        if self._state == "talking":
            self._say(Digit(key))

    def _say(self, signal: Signal) -> None:
        if self._post is not None:
            self._post(signal)
