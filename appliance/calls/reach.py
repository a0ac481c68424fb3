"""Reaching somebody: targets are rung stage after stage until one picks up. Pure.

A stage rings all its targets at once. It is over when every one has failed or its time is;
then the next begins. The first to pick up is who is reached, and all others stop ringing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.calls.targets import Target

NO_ANSWER = "no_answer"
TELLING = (NO_ANSWER, "busy", "declined", "barred")
"""Why nobody was reached when several reasons are known: the first of these that is among them."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Targets that ring together, for so long."""

    targets: tuple[Target, ...]
    ring_s: float


@dataclass(frozen=True, slots=True)
class Ring:
    """Call this target; `failed` or `answered` follows."""

    target: Target


@dataclass(frozen=True, slots=True)
class Spare:
    """Stop calling this target."""

    target: Target
    why: str


@dataclass(frozen=True, slots=True)
class Reached:
    """This target picked up; no other rings any more."""

    target: Target


@dataclass(frozen=True, slots=True)
class Missed:
    """Nobody picked up: busy, no_answer, declined, barred, or the reason of the first try."""

    why: str


Do = Ring | Spare | Reached | Missed


class Reach:
    """One attempt to reach somebody."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = [stage for stage in stages if stage.targets]
        self._ringing: list[Target] = []
        self._reasons: list[str] = []
        self._until_s: float | None = None
        self.over = False

    def begin(self, now: float) -> list[Do]:
        """Ring the first stage."""
        return self._next(now)

    def failed(self, target: Target, why: str, now: float) -> list[Do]:
        """A target does not ring any more: busy, declined, not there."""
        if self.over or target not in self._ringing:
            return []
        self._ringing.remove(target)
        self._reasons.append(why)
        return [] if self._ringing else self._next(now)

    def answered(self, target: Target) -> list[Do]:
        """A target picked up."""
        if self.over or target not in self._ringing:
            return []
        self._ringing.remove(target)
        return [*self._spare("answered_elsewhere"), *self._end(Reached(target))]

    def called_off(self, why: str) -> list[Do]:
        """Nobody is to be reached any more."""
        return [] if self.over else [*self._spare(why), *self._end(None)]

    def timer(self) -> float | None:
        """When `on_timer` wants to be called."""
        return self._until_s

    def on_timer(self, now: float) -> list[Do]:
        """The stage has rung long enough."""
        if self.over or self._until_s is None or now < self._until_s:
            return []
        self._reasons.append(NO_ANSWER)
        return [*self._spare(NO_ANSWER), *self._next(now)]

    def _next(self, now: float) -> list[Do]:
        if not self._stages:
            telling = next((why for why in TELLING if why in self._reasons), "")
            return self._end(Missed(telling or next(iter(self._reasons), "unreachable")))
        stage = self._stages.pop(0)
        self._ringing = list(dict.fromkeys(stage.targets))
        self._until_s = now + stage.ring_s
        return [Ring(target) for target in self._ringing]

    def _spare(self, why: str) -> list[Do]:
        spared, self._ringing = self._ringing, []
        return [Spare(target, why) for target in spared]

    def _end(self, last: Do | None) -> list[Do]:
        self.over, self._until_s, self._stages = True, None, []
        return [last] if last is not None else []
