"""What is played: one scene is one world, and plays the same each time."""

import random
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

import msgspec


@dataclass(frozen=True, slots=True)
class Faults:
    """How bad a world is: chances a frame or a moment, and limits."""

    drop: float = 0.0
    double: float = 0.0
    late: float = 0.0
    """Chance of a frame to come 1 to 60 s late, behind what was sent after it."""
    partition: float = 0.0
    crash: float = 0.0
    """The power goes after any SQL statement or frame; the end of the log on disk may be torn."""
    restore: float = 0.0
    clock: float = 0.0
    year: float = 0.0
    """The clock jumps to 1970 or to 2050, and is set right later."""
    broker: float = 0.0
    prune: float = 0.0
    full: float = 0.0
    """No more page fits on the disk, for a while."""
    skew: float = 0.0
    """Chance of a box to run a release one or two behind until it is upgraded."""
    batch_events: int = 8
    window: int = 8

    @classmethod
    def draw(cls, dice: random.Random) -> "Faults":
        """Each world has its own mix; many have none of a kind."""

        def some(most: float) -> float:
            return dice.choice((0.0, most / 4, most))

        return cls(
            drop=some(0.3),
            double=some(0.2),
            late=some(0.2),
            partition=some(0.08),
            crash=some(0.16),
            restore=some(0.04),
            clock=some(0.04),
            year=some(0.03),
            broker=some(0.01),
            prune=some(0.2),
            full=some(0.06),
            skew=some(0.6),
            batch_events=dice.choice((1, 2, 3, 8, 512)),
            window=dice.choice((1, 2, 4, 8)),
        )


CHANCES = tuple(one.name for one in fields(Faults) if get_type_hints(Faults)[one.name] is float)


@dataclass(frozen=True, slots=True)
class Scene:
    """A seed, and what is left of its world when it was made smaller."""

    seed: int
    boxes: int
    chaos_s: float
    """So long things go wrong; then all is healed."""
    faults: Faults
    skip: frozenset[str] = field(default=frozenset())
    """Acts that do not happen: `12.write`, `12.crash`."""

    @classmethod
    def draw(cls, seed: int, faults: Faults | None = None) -> "Scene":
        """The world of a seed, with its own mix of faults or a given one."""
        dice = random.Random(seed)
        drawn = Faults.draw(dice)
        return cls(seed, dice.choice((3, 3, 4)), 150.0, faults or drawn)

    def without(self, chance: str) -> "Scene":
        """The same world without one kind of fault."""
        return replace(self, faults=Faults(**{**asdict(self.faults), chance: 0.0}))

    def to_json(self) -> str:
        """One line from which the same world is played again."""
        told: dict[str, Any] = asdict(self)
        told["skip"] = sorted(self.skip)
        told["faults"] = {name: value for name, value in told["faults"].items() if value}
        return msgspec.json.encode(told).decode()

    @classmethod
    def from_json(cls, text: str) -> "Scene":
        """Read what `to_json` wrote; raises ValueError."""
        return msgspec.json.decode(text, type=cls)
