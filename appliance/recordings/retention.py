"""How long recordings are kept: a decision from facts alone, so that every rule can be tested."""

from collections.abc import Iterable
from dataclasses import dataclass

DAY_S = 86_400.0
ROLLING_NEWEST_S = DAY_S
"""Rolling ones younger than this stay, so that somebody can still ask to keep one."""
AGE = "age"
SPACE = "space"
LAST_PERCENT = 95
"""At a site of a hub what the hub does not have makes room only from this level of the disk on."""


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
    rolling: bool = False
    """Recorded to be kept for a few days only."""
    stored: bool = False
    """The hub has it for good."""
    dropped: bool = False
    """Its file was given up for that: removing it makes no room."""


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
    rolling_days: int = 7
    """Rolling ones older than this are removed."""
    has_hub: bool = False
    """Whether recordings of this box go to a hub."""


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
    """Decide what is removed; what is held, open, young or unsealed is never among it.

    The oldest go first, but rolling ones before all others. At a site of a hub (where `what_to_drop` has
    made room before) what the hub does not have is kept until the disk is all but full.
    """
    percent = max(facts.disk_percent, LAST_PERCENT) if facts.has_hub else facts.disk_percent
    level = disk.total * percent // 100 if facts.disk_percent else disk.used
    used = disk.used
    removals = []
    for one in sorted(recordings, key=lambda one: (not one.rolling, one.made_s, one.rid)):
        old = too_old(one, facts, now_s)
        if not (old or (used > level and not one.dropped)) or not _may_go(one, facts, now_s):
            continue
        used -= 0 if one.dropped else one.size
        removals.append(Removal(one.rid, AGE if old else SPACE))
    return removals


def what_to_drop(recordings: Iterable[Kept], facts: Facts, now_s: float, disk: Disk) -> list[bytes]:
    """Decide which files of a full disk are given up because the hub has a copy, oldest first.

    Evidence, what open tickets need, and what is not a day old stay at hand.
    """
    level = disk.total * facts.disk_percent // 100 if facts.disk_percent else disk.used
    used, dropped = disk.used, []
    for one in sorted(recordings, key=lambda one: (one.made_s, one.rid)):
        free = one.stored and not one.dropped and not one.held and one.call not in facts.open_calls
        if used > level and free and one.made_s <= now_s - DAY_S:
            used -= one.size
            dropped.append(one.rid)
    return dropped


def full(disk: Disk, percent: int) -> bool:
    """Tell whether a disk is past its level; 0 per cent is no level."""
    return percent > 0 and disk.used > disk.total * percent // 100


def too_old(one: Kept, facts: Facts, now_s: float) -> bool:
    """Tell whether a recording has been kept long enough."""
    days = [facts.keep_days] if facts.keep_days else []
    if one.rolling:
        days.append(facts.rolling_days)
    return bool(days) and one.made_s < now_s - min(days) * DAY_S


def _may_go(one: Kept, facts: Facts, now_s: float) -> bool:
    newest_s = ROLLING_NEWEST_S if one.rolling else facts.newest_days * DAY_S
    young = one.made_s > now_s - newest_s
    return one.sealed and not one.held and not young and one.call not in facts.open_calls
