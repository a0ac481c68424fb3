"""Making a failing world smaller while it still fails: fewer boxes, faults, acts, less time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sync.simulation.scene import CHANCES, Scene

TRIES = 400


@dataclass(frozen=True, slots=True)
class Played:
    """How a scene went."""

    scene: Scene
    broken: str
    """Empty when every promise was kept."""
    at_s: float
    acts: Sequence[str]
    """What happened, in order."""
    sent: int
    crashes: int
    restores: int


Play = Callable[[Scene], Played]


def shrink(first: Played, play: Play, tries: int = TRIES) -> Played:
    """Return the smallest world found that still breaks a promise, after so many tries at most."""
    return _Shrinking(first, play, tries).smallest()


class _Shrinking:
    def __init__(self, first: Played, play: Play, tries: int) -> None:
        self._best = first
        self._play = play
        self._left = tries

    def smallest(self) -> Played:
        before = None
        while before != self._best and self._left > 0:
            before = self._best
            self._end_sooner()
            self._try_each([replace(self._best.scene, boxes=n) for n in range(2, self._best.scene.boxes)])
            self._try_each([self._best.scene.without(chance) for chance in CHANCES])
            self._leave_out()
        return self._best

    def _end_sooner(self) -> None:
        chaos_s = self._best.scene.chaos_s
        for part in (0.25, 0.5, 0.75, 0.9):
            if self._holds(replace(self._best.scene, chaos_s=round(chaos_s * part, 1))):
                return

    def _try_each(self, scenes: Sequence[Scene]) -> None:
        """Keep every one of these changes that still fails, each on top of those kept before."""
        for scene in scenes:
            if scene.boxes < self._best.scene.boxes:
                self._holds(replace(self._best.scene, boxes=scene.boxes))
            elif scene.faults != self._best.scene.faults:
                changed = [c for c in CHANCES if not getattr(scene.faults, c)]
                for chance in changed:
                    if getattr(self._best.scene.faults, chance):
                        self._holds(self._best.scene.without(chance))

    def _leave_out(self) -> None:
        """Leave out acts, first halves of them, then ever smaller parts."""
        size = len(self._best.acts) // 2
        while size:
            at = 0
            while at < len(self._best.acts) and self._left > 0:
                part = frozenset(self._best.acts[at : at + size])
                scene = replace(self._best.scene, skip=self._best.scene.skip | part)
                if not self._holds(scene):
                    at += size
            size //= 2

    def _holds(self, scene: Scene) -> bool:
        """Play a smaller world; keep it when it fails too."""
        if self._left <= 0 or scene == self._best.scene:
            return False
        self._left -= 1
        played = self._play(scene)
        if played.broken:
            self._best = played
        return bool(played.broken)
