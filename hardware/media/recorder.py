"""Recorder taps: what a line says and hears, cut from the reel and handed to the disk in pieces."""

from collections.abc import Set
from dataclasses import dataclass, field

from hardware.line import TICK_S
from hardware.media.disk import Disk, Finished
from hardware.media.reel import PAGES, Reel

PIECE_TICKS = PAGES
"""A piece is 0.4 s: with a sync every half second a power cut costs less than a second."""
GROUPS = 4
"""Recordings are cut in so many groups, each in another tick, so that no tick has the work of all."""
MOST_TICKS = round(12 * 3600 / TICK_S)


@dataclass(slots=True)
class _Recording:
    id: str
    row: int
    group: int
    since: int
    """The tick before its first one."""
    cut: int
    """The last tick that was handed to the disk."""
    secret: list[int] = field(default_factory=list)
    """Ticks since the last cut that are recorded as silence."""


class Recorder:
    """Stereo recordings: left what the line says, right what it hears, prompts included.

    All of a group's pieces are cut from the reel at once, and go to the disk at once: the files
    are its business. A tick that cuts nothing costs nothing.
    """

    def __init__(self, disk: Disk, reel: Reel) -> None:
        self._disk = disk
        self._reel = reel
        self._running: dict[str, _Recording] = {}
        self._masked: dict[str, _Recording] = {}
        self._groups: list[dict[str, _Recording]] = [{} for _ in range(GROUPS)]

    def __len__(self) -> int:
        """Recordings running."""
        return len(self._running)

    def __contains__(self, id: str) -> bool:
        """Whether this recording runs."""
        return id in self._running

    def start(self, row: int, line: str, id: str, path: str) -> None:
        """Begin a recording of a row; an id already running is left alone."""
        if id in self._running:
            return
        group = min(range(GROUPS), key=lambda number: len(self._groups[number]))
        now = self._reel.tick
        self._running[id] = self._groups[group][id] = _Recording(id, row, group, now, now)
        self._disk.open(id, line, path)

    def mask(self, id: str, on: bool) -> None:
        """Record silence for both sides from now on, or sound again; an unknown id is left alone."""
        recording = self._running.get(id)
        if recording is not None and on:
            self._masked[id] = recording
        else:
            self._masked.pop(id, None)

    def finish(self, id: str, reason: str = "") -> None:
        """End a recording; it is reported by `finished` when it is durable."""
        recording = self._running.get(id)
        if recording is not None:
            if recording.cut < self._reel.tick:
                self._disk.write(self._pieces([recording]))
            self._forget(id)
            self._disk.end(id, reason)

    def finish_row(self, row: int) -> None:
        """End every recording of a row."""
        for name, recording in list(self._running.items()):
            if recording.row == row:
                self.finish(name)

    def finish_all(self, but: Set[str] = frozenset()) -> None:
        """End every recording, but these."""
        for name in self._running.keys() - but:
            self.finish(name)

    def tap(self) -> None:
        """This tick is whole on the reel."""
        tick = self._reel.tick
        for recording in self._masked.values():
            recording.secret.append(tick)
        if tick % (PIECE_TICKS // GROUPS):
            return
        due = list(self._groups[tick // (PIECE_TICKS // GROUPS) % GROUPS].values())
        if not due:
            return
        in_time = self._disk.write(self._pieces(due))
        for recording in due:
            if not in_time:
                self._forget(recording.id)
                self._disk.end(recording.id, "disk too slow")
            elif tick - recording.since > MOST_TICKS:
                self.finish(recording.id, "too long")

    def hand_over(self) -> None:
        """The tick is over: what it had for the disk goes there."""
        self._disk.hand_over()

    def finished(self) -> list[Finished]:
        """Recordings that ended since this was last asked, for whatever reason."""
        ended = []
        while self._disk.done:
            finished = self._disk.done.popleft()
            if finished.id in self._running:
                self._forget(finished.id)
            ended.append(finished)
        return ended

    def _pieces(self, recordings: list[_Recording]) -> list[tuple[str, memoryview]]:
        """What these recordings have had since they were last cut."""
        tick = self._reel.tick
        longest = max(tick - recording.cut for recording in recordings)
        sound = self._reel.cut([recording.row for recording in recordings], longest)
        pieces = []
        for recording, both in zip(recordings, sound, strict=True):
            for secret in recording.secret:
                both[secret - tick - 1] = 0
            piece = both[longest - (tick - recording.cut) :]
            pieces.append((recording.id, piece.reshape(-1).data.cast("B")))
            recording.cut = tick
            recording.secret.clear()
        return pieces

    def _forget(self, id: str) -> None:
        recording = self._running.pop(id)
        self._masked.pop(id, None)
        del self._groups[recording.group][id]
