"""Prompts: what the box itself says to a line, from WAV files and tones."""

import os
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, RATE_HZ, Frames
from hardware.media.tones import tone
from hardware.media.wav import read_prompt

Samples = NDArray[np.int16]
Submit = Callable[[Callable[[], None]], object]

MOST_ITEMS = 200
TONE = "tone:"
STAGE = 25
"""Frames of a play made ready at once: 0.5 s."""
NO_SLOT = -1
NOTHING = np.zeros(0, np.int16)


class Shelf:
    """Loaded prompts, the least used put away when `most_bytes` is passed. Called from the loading thread."""

    def __init__(self, most_bytes: int = 128 << 20) -> None:
        self._most = most_bytes
        self._held = 0
        self._lock = Lock()
        self._prompts: OrderedDict[str, tuple[tuple[int, int], Samples]] = OrderedDict()

    def __len__(self) -> int:
        """Prompts held."""
        return len(self._prompts)

    def take(self, item: str) -> Samples:
        """A prompt's samples, read again when its file changed; ValueError or OSError if there is none."""
        if item.startswith(TONE):
            return tone(item.removeprefix(TONE))
        status = os.stat(item)
        version = (status.st_mtime_ns, status.st_size)
        with self._lock:
            held = self._prompts.get(item)
            if held is not None and held[0] == version:
                self._prompts.move_to_end(item)
                return held[1]
        samples = read_prompt(item)
        with self._lock:
            old = self._prompts.pop(item, None)
            self._held += samples.nbytes - (old[1].nbytes if old else 0)
            self._prompts[item] = (version, samples)
            while self._held > self._most and len(self._prompts) > 1:
                _, (_, dropped) = self._prompts.popitem(last=False)
                self._held -= dropped.nbytes
        return samples


@dataclass(slots=True)
class Playing:
    """What is played to one row: samples one after another, from item `at`, sample `sample` on."""

    id: str
    items: Sequence[str]
    loop: bool
    samples: Sequence[Samples] | None = None
    fault: str = ""
    at: int = 0
    sample: int = 0
    slot: int = NO_SLOT
    skip_s: float = 0.0
    """How long it is to have been played already when it begins; only for what is looped."""

    @property
    def over(self) -> bool:
        """Whether all of it has been cut."""
        return not self.loop and self.at >= len(self.samples or ())

    def cut(self, size: int, of: Sequence[Samples] = ()) -> list[Samples]:
        """The next `size` samples in pieces, fewer at the very end; `of` what is not yet its own."""
        samples = self.samples or of
        if self.loop and not any(len(item) for item in samples):
            return [np.zeros(size, np.int16)]
        pieces: list[Samples] = []
        while size:
            if self.at >= len(samples):
                if not self.loop:
                    break
                self.at = 0
            item = samples[self.at]
            piece = item[self.sample : self.sample + size]
            pieces.append(piece)
            size -= len(piece)
            self.sample += len(piece)
            if self.sample >= len(item):
                self.at, self.sample = self.at + 1, 0
        return pieces


@dataclass(frozen=True, slots=True)
class Ended:
    """A play is over: outcome ``done``, ``stopped`` or ``missing`` (`fault` says what)."""

    row: int
    id: str
    outcome: str
    fault: str = ""


class Player:
    """Plays prompts into rows, at most one list a row, without a gap between its items.

    Files are read by `submit`'s thread, never in the tick; a list starts when all of it
    is loaded, and nothing of it is played when one item is missing.

    Each row that is played to has a slot in `_staged` (slots, `STAGE`, 160): its next frames,
    ready made. A tick takes one frame of every slot by one index; only a slot that ran dry
    is staged anew, each on another tick.
    """

    def __init__(self, submit: Submit, shelf: Shelf | None = None) -> None:
        self._submit = submit
        self._shelf = shelf or Shelf()
        self._playing: dict[int, Playing] = {}
        self._waiting: dict[int, Playing] = {}
        """Rows whose next frames are not staged: files are being read, or the slot ran dry."""
        self._ended: deque[Ended] = deque()
        self._staged: Frames = np.zeros((0, STAGE, FRAME), np.int16)
        self._next: NDArray[np.intp] = np.zeros(0, np.intp)
        self._until: NDArray[np.intp] = np.zeros(0, np.intp)
        self._free: list[int] = []
        self._stale = False
        self._slots: NDArray[np.intp] = np.zeros(0, np.intp)
        self._rows: NDArray[np.intp] = np.zeros(0, np.intp)

    def play(self, row: int, id: str, items: Sequence[str], loop: bool = False, skip_s: float = 0.0) -> None:
        """Play items to a row; what it was hearing before is stopped."""
        self.stop(row)
        playing = Playing(id, items, loop, skip_s=skip_s if loop else 0.0)
        if len(items) > MOST_ITEMS:
            playing.fault = f"{len(items)} prompts at once"
        else:
            self._submit(lambda: self._load(playing))
        self._playing[row] = self._waiting[row] = playing

    def say(self, row: int, samples: Samples) -> None:
        """Play samples to a row at once, with nothing to report when they end."""
        playing = self._playing.get(row)
        if playing is not None and playing.samples is not None and len(playing.samples) < MOST_ITEMS:
            playing.samples = [*playing.samples, samples]
        else:
            self._forget(row)
            self._playing[row] = self._waiting[row] = Playing("", (), False, [samples])

    def stop(self, row: int) -> None:
        """End what is played to a row."""
        playing = self._forget(row)
        if playing is not None and playing.id:
            self._ended.append(Ended(row, playing.id, "stopped"))

    def ended(self) -> list[Ended]:
        """Plays that ended since this was last asked."""
        ended, self._ended = list(self._ended), deque()
        return ended

    def add(self, heard: Frames, instead: bool = False) -> None:
        """Add this tick's prompts to what rows of `heard` (rows, 160) hear, or put them in its place."""
        for row, playing in list(self._waiting.items()):
            self._stage(row, playing)
        if self._stale:
            self._settle()
        slots, rows = self._slots, self._rows
        if not len(slots):
            return
        at = self._next[slots]
        frames = self._staged[slots, at]
        heard[rows] = frames if instead else _added(heard.take(rows, axis=0), frames)
        self._next[slots] = at + 1
        for dry in np.flatnonzero(at + 1 == self._until[slots]).tolist():
            row = int(rows[dry])
            playing = self._playing[row]
            if playing.over:
                self._end(row, playing, "done")
            else:
                self._waiting[row] = playing

    def _stage(self, row: int, playing: Playing) -> None:
        """Make the row's next frames ready, unless its files are still being read."""
        if playing.fault:
            self._end(row, playing, "missing")
            return
        if playing.samples is None:
            return
        frames = STAGE
        if not playing.id:
            frames = 1  # more may be said
        elif playing.slot == NO_SLOT:
            frames = 1 + row % STAGE
        pcm = np.concatenate([*playing.cut(frames * FRAME), NOTHING])
        if not len(pcm):
            self._end(row, playing, "done")
            return
        if playing.slot == NO_SLOT:
            playing.slot = self._slot()
            self._stale = True
        staged = self._staged[playing.slot].reshape(-1)
        staged[: len(pcm)] = pcm
        until = -(-len(pcm) // FRAME)
        staged[len(pcm) : until * FRAME] = 0
        self._next[playing.slot], self._until[playing.slot] = 0, until
        del self._waiting[row]

    def _end(self, row: int, playing: Playing, outcome: str) -> None:
        self._forget(row)
        if playing.id:
            self._ended.append(Ended(row, playing.id, outcome, playing.fault))

    def _forget(self, row: int) -> Playing | None:
        playing = self._playing.pop(row, None)
        self._waiting.pop(row, None)
        if playing is not None and playing.slot != NO_SLOT:
            self._free.append(playing.slot)
            self._stale = True
        return playing

    def _slot(self) -> int:
        if not self._free:
            size = len(self._staged)
            more = max(8, size)
            self._staged = np.concatenate([self._staged, np.zeros((more, STAGE, FRAME), np.int16)])
            self._next, self._until = np.pad(self._next, (0, more)), np.pad(self._until, (0, more))
            self._free.extend(range(size + more - 1, size - 1, -1))
        return self._free.pop()

    def _settle(self) -> None:
        self._stale = False
        slot_of = {row: playing.slot for row, playing in self._playing.items() if playing.slot != NO_SLOT}
        self._rows = np.array(list(slot_of), np.intp)
        self._slots = np.array(list(slot_of.values()), np.intp)

    def _load(self, playing: Playing) -> None:
        try:
            samples = [self._shelf.take(item) for item in playing.items]
        except (OSError, ValueError, KeyError) as error:
            playing.fault = str(error) or type(error).__name__
            return
        if playing.skip_s > 0 and (whole := sum(len(item) for item in samples)):
            playing.cut(int(playing.skip_s * RATE_HZ) % whole, samples)
        playing.samples = samples


def _added(under: Frames, frames: Frames) -> Frames:
    """The clipped sum; most rows that are played to hear nothing else."""
    if not under.any():
        return frames
    total: Frames = np.clip(under.astype(np.int32) + frames, -32768, 32767).astype(np.int16)
    return total
