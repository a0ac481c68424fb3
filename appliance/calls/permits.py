"""Who may call which number outside, by class of service, PIN and account code (F172).

The rules are `appliance.calls.numbers`; here is what they need to be kept: PINs guessed
wrongly lock a phone for a while.
"""

from collections.abc import Callable, Iterable

from appliance.calls.directory import Directory
from appliance.calls.numbers import SITE, Numbers, fits
from appliance.published import Account
from appliance.refused import Refused

GUESSES = 5
LOCKED_S = 900.0


class Permits:
    """Decides every call of ours to somebody outside."""

    def __init__(
        self,
        numbers: Numbers,
        directory: Directory,
        accounts: Iterable[Account],
        now: Callable[[], float],
        shown: str = "",
    ) -> None:
        self._numbers = numbers
        self._directory = directory
        self._accounts = {account.code for account in accounts}
        self._now = now
        self._shown = shown
        """The number people outside see of phones that have none of their own."""
        self._wrong: dict[str, tuple[int, float]] = {}
        """Extension to wrong PINs in a row, and when the last one was keyed."""

    def allow(self, extension: str, number: str, pin: str = "", account: str = "") -> str:
        """Return the kind of a number that may be called from an extension; raises Refused with why not."""
        phone = self._directory.extension(extension)
        permit = self._numbers.permit(phone.service if phone else "", number)
        if not permit.allowed:
            raise Refused("barred")
        if permit.pin:
            self._prove(extension, phone.pin if phone else "", pin)
        if permit.account and account not in self._accounts:
            raise Refused("bad_account" if account else "needs_account")
        return self._numbers.kind(number)

    def kind(self, number: str) -> str:
        """The kind of a number; empty when it is an extension of ours."""
        return "" if self._directory.extension(number) else self._numbers.kind(number)

    def shown(self, extension: str, number: str) -> str | None:
        """The number somebody outside sees when an extension calls; another site sees the extension's."""
        phone = self._directory.extension(extension)
        if phone is not None and self._numbers.kind(number) == SITE:
            return extension
        return (phone.shown if phone else "") or self._shown or None

    def through(self, kinds: Iterable[str], number: str) -> str:
        """Return the kind of a number that a call of a trunk may go on to; Refused when it may not."""
        kind = self._numbers.kind(number)
        if kind not in kinds:
            raise Refused("barred")
        return kind

    def _prove(self, extension: str, kept: str, pin: str) -> None:
        if not pin:
            raise Refused("needs_pin")
        wrong, at = self._wrong.get(extension, (0, 0.0))
        if wrong >= GUESSES and self._now() < at + LOCKED_S:
            raise Refused("pin_locked")
        if fits(pin, kept):
            self._wrong.pop(extension, None)
            return
        self._wrong[extension] = (wrong % GUESSES + 1, self._now())
        raise Refused("bad_pin")
