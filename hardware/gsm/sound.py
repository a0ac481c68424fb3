"""Getting a call's voice onto the modem's PCM device and off again, as a pure machine on an `Exchange`.

Modules accept the command only some time after the call is connected, and
sometimes only after it was switched off once: so it is tried again and again.
"""

from collections.abc import Callable

from hardware.gsm.at import Done
from hardware.gsm.exchange import Exchange
from hardware.gsm.profile import SoundProfile
from hardware.line import PcmPort, Sound


class CallSound:
    """The voice of one call after another; `ready` and `failed` are called as it comes or cannot be had."""

    def __init__(
        self,
        exchange: Exchange,
        profile: SoundProfile,
        pcm_path: str,
        ready: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        self._x, self._profile, self._pcm_path = exchange, profile, pcm_path
        self._ready, self._failed = ready, failed
        self.on = False
        self._wanted = False
        self._deadline: float | None = None

    @property
    def before(self) -> tuple[str, ...]:
        """What is to be sent before ATA and ATD."""
        return self._profile.before

    def start(self, connected: bool) -> None:
        """Begin to try, if not yet begun; once `connected` there is a time limit."""
        if connected and self._deadline is None:
            self._deadline = self._x.now + self._profile.give_up_s
        if not self._wanted:
            self._wanted = True
            self._try()

    def stop(self) -> None:
        """The call is over."""
        if self._wanted:
            self._switch_off(list(self._profile.off))
        self.forget()

    def forget(self) -> None:
        """The call is over and the modem gone."""
        if self.on:
            self._x.post(Sound(None))
        self.on = self._wanted = False
        self._deadline = None
        self._x.cancel("sound")

    def _try(self) -> None:
        if self._profile.on:
            self._x.ask(self._profile.on, self._tried)
        else:
            self._accepted()

    def _tried(self, done: Done) -> None:
        if not self._wanted:
            return
        if not done.ok:
            self._refused()
        elif self._profile.check:
            self._x.ask(self._profile.check, self._checked)
        else:
            self._accepted()

    def _checked(self, done: Done) -> None:
        if not self._wanted:
            return
        said = [line.replace(" ", "") for line in done.lines]
        if done.ok and self._profile.checked.replace(" ", "") in said:
            self._accepted()
        else:
            self._refused()

    def _accepted(self) -> None:
        self._x.at("sound", self._x.now + self._profile.settle_s, self._begin)

    def _begin(self) -> None:
        self.on = True
        self._x.post(Sound(PcmPort(self._pcm_path)))
        self._ready()

    def _refused(self) -> None:
        if self._deadline is not None and self._x.now >= self._deadline:
            self._failed()
            return
        if self._profile.off:
            self._x.ask(self._profile.off[0])
        self._x.at("sound", self._x.now + self._profile.retry_s, self._try)

    def _switch_off(self, forms: list[str]) -> None:
        if forms:
            self._x.ask(forms[0], lambda done: None if done.ok else self._switch_off(forms[1:]))
