"""Recorder taps: what a line says and hears, copied every tick, handed to the disk in pieces."""

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, TICK_S, Frames
from hardware.media.disk import CHANNELS, Disk, Finished

PIECE_TICKS = 20
"""A piece is 0.4 s: with a sync every half second a power cut costs less than a second."""
MOST_TICKS = round(12 * 3600 / TICK_S)


class Recorder:
    """Stereo recordings: left what the line says, right what it hears, prompts included.

    Each recording has a slot in `_blocks` (slots, `PIECE_TICKS`, 2, 160). All taps of a tick are
    one indexed copy a side; a piece is interleaved when it is whole, different recordings on
    different ticks, and all pieces of a tick go to the disk at once: the files are its business.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._slot: dict[str, int] = {}
        self._id_of: dict[int, str] = {}
        self._free: list[int] = []
        self._masked: set[int] = set()
        """Slots of recordings that get silence for now."""
        self._size = self._tick = 0
        self._blocks: Frames = np.zeros((0, PIECE_TICKS, CHANNELS, FRAME), np.int16)
        self._at: NDArray[np.intp] = np.zeros(0, np.intp)
        self._until: NDArray[np.intp] = np.zeros(0, np.intp)
        self._since: NDArray[np.intp] = np.zeros(0, np.intp)
        self._row_of: NDArray[np.intp] = np.zeros(0, np.intp)
        self._settle()

    def __len__(self) -> int:
        """Recordings running."""
        return len(self._slot)

    def start(self, row: int, line: str, id: str, path: str) -> None:
        """Begin a recording of a row; an id already running is left alone."""
        if id in self._slot:
            return
        if not self._free:
            self._grow(max(8, 2 * self._size))
        slot = self._free.pop()
        self._slot[id] = slot
        self._id_of[slot] = id
        self._row_of[slot], self._at[slot], self._since[slot] = row, 0, self._tick
        self._until[slot] = 1 + slot % PIECE_TICKS
        self._stale = True
        self._disk.open(id, line, path)

    def mask(self, id: str, on: bool) -> None:
        """Record silence for both sides from now on, or sound again; an unknown id is left alone."""
        slot = self._slot.get(id)
        if slot is not None:
            (self._masked.add if on else self._masked.discard)(slot)

    def finish(self, id: str, reason: str = "") -> None:
        """End a recording; it is reported by `finished` when it is durable."""
        slot = self._slot.get(id)
        if slot is not None:
            self._disk.write([(id, self._piece(slot))])
            self._forget(id)
            self._disk.end(id, reason)

    def finish_row(self, row: int) -> None:
        """End every recording of a row."""
        for name, slot in list(self._slot.items()):
            if self._row_of[slot] == row:
                self.finish(name)

    def finish_all(self) -> None:
        """End every recording."""
        for name in list(self._slot):
            self.finish(name)

    def tap(self, said: Frames, heard: Frames) -> None:
        """Take this tick of both sides, each (rows, 160)."""
        if self._stale:
            self._settle()
        slots = self._slots
        if not len(slots):
            return
        self._tick += 1
        at = self._at[slots]
        self._blocks[slots, at, 0] = said.take(self._rows, axis=0)
        self._blocks[slots, at, 1] = heard.take(self._rows, axis=0)
        for masked in self._masked:
            self._blocks[masked, self._at[masked]] = 0
        at += 1
        self._at[slots] = at
        whole = slots[at == self._until[slots]].tolist()
        if not whole:
            return
        pieces = [(self._id_of[slot], self._piece(slot)) for slot in whole]
        in_time = self._disk.write(pieces)
        for slot, (name, _) in zip(whole, pieces, strict=True):
            if not in_time:
                self._forget(name)
                self._disk.end(name, "disk too slow")
            elif self._tick - self._since[slot] > MOST_TICKS:
                self.finish(name, "too long")

    def finished(self) -> list[Finished]:
        """Recordings that ended since this was last asked, for whatever reason."""
        ended = []
        while self._disk.done:
            finished = self._disk.done.popleft()
            if finished.id in self._slot:
                self._forget(finished.id)
            ended.append(finished)
        return ended

    def _piece(self, slot: int) -> memoryview:
        """What the slot holds, left and right in turn; it is empty from now on."""
        block = self._blocks[slot, : self._at[slot]]
        self._at[slot], self._until[slot] = 0, PIECE_TICKS
        piece = np.empty((len(block), FRAME, CHANNELS), "<i2")
        piece[:, :, 0], piece[:, :, 1] = block[:, 0], block[:, 1]  # three times as fast as a transpose
        return piece.reshape(-1).view(np.uint8).data

    def _forget(self, id: str) -> None:
        slot = self._slot.pop(id)
        del self._id_of[slot]
        self._masked.discard(slot)
        self._free.append(slot)
        self._stale = True

    def _settle(self) -> None:
        self._stale = False
        self._slots = np.array(list(self._slot.values()), np.intp)
        self._rows = self._row_of[self._slots]

    def _grow(self, size: int) -> None:
        more = size - self._size
        self._blocks = np.concatenate(
            [self._blocks, np.zeros((more, PIECE_TICKS, CHANNELS, FRAME), np.int16)]
        )
        self._at, self._until, self._since, self._row_of = (
            np.pad(old, (0, more)) for old in (self._at, self._until, self._since, self._row_of)
        )
        self._free.extend(range(size - 1, self._size - 1, -1))
        self._size = size
