"""What a number dialled at one of our phones means: a table of codes, then numbers. Pure.

`*61…*60` are the codes of a shift (appliance/calls/keypad.py). Behind `*71` to `*74` stands
where calls go: always, busy, no answer, at night; nothing behind takes that back, `*70` all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.calls.directory import WHEN, Directory
from appliance.calls.numbers import Numbers, Permit
from appliance.calls.targets import Target
from appliance.published import Dialplan, SpeedDial

FORWARDS: Mapping[str, tuple[str, ...]] = {
    "*70": WHEN,
    "*71": ("always",),
    "*72": ("busy",),
    "*73": ("no_answer",),
    "*74": ("night",),
}
"""Code to what of a phone's calls it forwards."""
PICK_UP = "*8"
SPEED = "**"
OUTSIDE = re.compile(r"\+?[0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class Inside:
    """Call one of ours."""

    to: Target


@dataclass(frozen=True, slots=True)
class Outside:
    """Call somebody outside; the permit says what is to be keyed first."""

    number: str
    kind: str
    permit: Permit


@dataclass(frozen=True, slots=True)
class PickUp:
    """Take the call that rings at another phone; empty: at any of the same pick-up group."""

    extension: str


@dataclass(frozen=True, slots=True)
class Forwarded:
    """From now on these calls of the phone go elsewhere; an empty `to` takes that back."""

    when: tuple[str, ...]
    to: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody has this number."""


Meaning = Inside | Outside | PickUp | Forwarded | Unknown


class Plan:
    """The dial plan of one box."""

    def __init__(
        self, settings: Dialplan, directory: Directory, numbers: Numbers, speed: Mapping[str, list[SpeedDial]]
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._numbers = numbers
        self._speed = speed

    def read(self, dialled: str, extension: str) -> Meaning:
        """What an extension means by what it dialled."""
        if dialled.startswith(SPEED):
            return self._short(dialled[len(SPEED) :].rstrip("#"), extension)
        if dialled[:3] in FORWARDS:
            return self._forward(dialled[:3], dialled[3:].rstrip("#"), extension)
        if dialled.startswith(PICK_UP):
            wanted = dialled[len(PICK_UP) :].rstrip("#")
            known = not wanted or self._directory.extension(wanted) is not None
            return PickUp(wanted) if known else Unknown()
        return self._number(dialled, extension)

    def outside(self, number: str, extension: str) -> Outside:
        """Somebody outside, as this extension may call them."""
        phone = self._directory.extension(extension)
        permit = self._numbers.permit(phone.service if phone else "", number)
        return Outside(number, self._numbers.kind(number), permit)

    def _number(self, dialled: str, extension: str) -> Meaning:
        if dialled == "0" and self._settings.operator:
            goal = self._directory.as_target(self._settings.operator)
            return Inside(goal) if goal else Unknown()
        if inside := self._directory.inside(dialled) or self._directory.outside(dialled):
            return Inside(inside)
        number = dialled.rstrip("#")
        if self._numbers.permit("inside", number).allowed:
            return self.outside(number, extension)  # an emergency call is never one digit too short
        if not number.startswith(self._settings.outside) or not OUTSIDE.fullmatch(number):
            return Unknown()
        number = number[len(self._settings.outside) :]
        return self.outside(number, extension) if number else Unknown()

    def _short(self, code: str, extension: str) -> Meaning:
        own = [s for s in self._speed.get(code, ()) if s.extension in ("", extension)]
        if not own:
            return Unknown()
        number = min(own, key=lambda s: s.extension == "").number
        inside = self._directory.inside(number)
        return Inside(inside) if inside else self.outside(number, extension)

    def _forward(self, code: str, to: str, extension: str) -> Meaning:
        if code == "*70":
            return Forwarded(FORWARDS[code], "") if not to else Unknown()
        if not to:
            return Forwarded(FORWARDS[code], "")
        match self._number(to, extension):
            case Inside(goal):
                itself = goal == Target("ext", extension)
                return Unknown() if itself else Forwarded(FORWARDS[code], str(goal))
            case Outside(number, kind, permit):
                free = permit == Permit(True)  # nobody keys a PIN or an account when a forward is followed
                return Forwarded(FORWARDS[code], number) if free else Outside(number, kind, Permit(False))
            case nobody:
                return nobody
