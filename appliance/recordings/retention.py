"""How long recordings are kept: a decision from facts alone, so that every rule can be tested."""

from collections.abc import Iterable
from dataclasses import dataclass

DAY_S = 86_400.0
AGE = "age"
SPACE = "space"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of one recording on this box; times in Unix seconds, size in bytes."""

    rid: bytes
    call: bytes
    made_s: float
    size: int
    sealed: bool
    held: bool
    """Under legal hold."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The rules of this box, and which calls belong to tickets that are not closed."""

    open_calls: frozenset[bytes]
    keep_days: int
    """Older ones are removed; 0 keeps them for ever."""
    newest_days: int
    """Younger ones are never removed, however full the disk is."""
    disk_percent: int
    """From this level on the oldest make room; 0 never."""


@dataclass(frozen=True, slots=True)
class Disk:
    """How full the disk of the recordings is, in bytes."""

    total: int
    used: int


@dataclass(frozen=True, slots=True)
class Removal:
    """One recording to remove, and why: age or space."""

    rid: bytes
    why: str


def what_to_remove(recordings: Iterable[Kept], facts: Facts, now_s: float, disk: Disk) -> list[Removal]:
    """Decide what is removed, oldest first; what is held, open, young or unsealed is never among it."""
    level = disk.total * facts.disk_percent // 100 if facts.disk_percent else disk.used
    used = disk.used
    removals = []
    for one in sorted(recordings, key=lambda one: (one.made_s, one.rid)):
        too_old = facts.keep_days > 0 and one.made_s < now_s - facts.keep_days * DAY_S
        if not (too_old or used > level) or not _may_go(one, facts, now_s):
            continue
        used -= one.size
        removals.append(Removal(one.rid, AGE if too_old else SPACE))
    return removals


def _may_go(one: Kept, facts: Facts, now_s: float) -> bool:
    young = one.made_s > now_s - facts.newest_days * DAY_S
    return one.sealed and not one.held and not young and one.call not in facts.open_calls
