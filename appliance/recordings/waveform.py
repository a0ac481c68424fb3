"""The picture of a recording: the loudest sample of each of 600 parts of both sides, computed once."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from appliance.events import Event
from appliance.recordings.archive import length, read

PARTS = 600
SIDES = 2
MARKS: Mapping[str, str] = {
    "call.keyed": "keyed",
    "call.queued": "queued",
    "call.answered": "answered",
    "call.held": "held",
    "call.resumed": "resumed",
    "call.passed": "transferred",
    "call.transferred": "transferred",
    "call.consulted": "consulted",
    "call.invited": "invited",
    "call.joined": "joined",
    "call.together": "together",
    "call.supervised": "supervised",
    "call.played_back": "played_back",
    "call.keys_sent": "keys_sent",
    "call.left": "left",
    "recording.paused": "private",
}
"""Which events of a call stand on the picture, and as what."""
SILENCE_ENDS = "recording.resumed"
WHO = ("who", "agent", "by", "keys", "queue")
"""Which fact says more, the first that is there."""
MARKS_MOST = 100
EARLY_S = 0.5
"""Media begins a recording this much later than its call went on, at most."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened during a recording, `at_s` seconds behind its beginning."""

    at_s: float
    what: str
    who: str
    to_s: float = 0.0
    """When a silence ended; 0 for what has no length."""


def peaks_file(sound: Path) -> Path:
    """Where the picture of a recording is kept."""
    return sound.with_name(sound.name + ".peaks")


def peaks(sound: Path) -> tuple[bytes, bytes]:
    """The left and right picture, 600 values from 0 to 255 each; OSError, or ValueError for a foreign file.

    Loudness is shown by its square root, so that quiet speech is seen too.
    """
    kept = peaks_file(sound)
    try:
        if kept.stat().st_mtime_ns >= sound.stat().st_mtime_ns:
            data = kept.read_bytes()
            if len(data) == SIDES * PARTS:
                return data[:PARTS], data[PARTS:]
    except FileNotFoundError:
        if not sound.exists():
            raise
    left, right = _compute(sound)
    _keep(kept, left + right)
    return left, right


def carry_over(first: Path, second: Path) -> None:
    """Keep the picture of a recording for its archived copy too, if that is possible."""
    try:
        left, right = peaks(first)
    except (OSError, ValueError):
        return
    _keep(peaks_file(second), left + right)


def marks(events: Iterable[Event], began_s: float, seconds: float) -> list[Mark]:
    """What happened in a call while it was recorded, oldest first."""
    found: list[Mark] = []
    open_at: int | None = None
    for event in sorted(events, key=lambda event: event.eid):
        at_s = round(event.at_s - began_s, 1)
        if event.kind == SILENCE_ENDS and open_at is not None:
            found[open_at] = replace(found[open_at], to_s=min(at_s, seconds))
            open_at = None
        if event.kind in MARKS and -EARLY_S <= at_s <= seconds:
            facts = event.facts
            who = str(next((facts[name] for name in WHO if facts.get(name)), ""))
            found.append(Mark(max(0.0, at_s), MARKS[event.kind], who))
            if event.kind == "recording.paused":
                open_at = len(found) - 1
                found[open_at] = replace(found[open_at], to_s=seconds)
    return found[:MARKS_MOST]


def _compute(sound: Path) -> tuple[bytes, bytes]:
    frames, at = length(sound), 0
    loudest = np.zeros((PARTS, SIDES), np.float32)
    for block in read(sound):
        # One channel only: both sides show it.
        part = np.minimum((np.arange(at, at + len(block)) * PARTS) // frames, PARTS - 1)
        first = np.flatnonzero(np.diff(part, prepend=-1))
        peak = np.maximum.reduceat(np.abs(block.astype(np.float32)), first, axis=0)
        rows = part[first]
        loudest[rows] = np.maximum(loudest[rows], peak)
        at += len(block)
    shown = np.sqrt(loudest / 32768) * 255
    left, right = (shown[:, side].astype(np.uint8).tobytes() for side in range(SIDES))
    return left, right


def _keep(path: Path, data: bytes) -> None:
    """Keep it if that is possible; without it, it is only computed again."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(data)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
