"""Prompts: what the box itself says to a line, from WAV files and tones."""

import os
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, RATE_HZ
from hardware.media.bank import Frames
from hardware.media.reel import PAGES, Reel
from hardware.media.tones import tone
from hardware.media.wav import read_prompt

Samples = NDArray[np.int16]
Submit = Callable[[Callable[[], None]], object]

MOST_ITEMS = 200
TONE = "tone:"
STAGE = PAGES
"""Frames of a play made ready at once: 0.4 s."""
NOTHING = np.zeros(0, np.int16)
MOST_KEYED = 60 * RATE_HZ
"""Samples of keys a row may have waiting."""


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
    begun: bool = False
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

    def frames(self, most: int) -> Frames:
        """The next frames, (at most `most`, 160), the last of all filled up with silence."""
        pieces = self.cut(most * FRAME)
        pcm = pieces[0] if len(pieces) == 1 else np.concatenate([NOTHING, *pieces])
        if len(pcm) % FRAME:
            pcm = np.pad(pcm, (0, -len(pcm) % FRAME))
        return pcm.reshape(-1, FRAME)


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

    What a row is told is written on the reel up to `STAGE` ticks ahead, different rows in different
    ticks; `tell` says when that row of the reel begins and ends to count.
    """

    def __init__(
        self,
        submit: Submit,
        reel: Reel,
        tell: Callable[[int, bool], None],
        shelf: Shelf | None = None,
    ) -> None:
        self._submit = submit
        self._reel = reel
        self._tell = tell
        self._shelf = shelf or Shelf()
        self._playing: dict[int, Playing] = {}
        self._waiting: dict[int, Playing] = {}
        """Plays whose files are being read."""
        self._wanted: list[tuple[int, Playing]] = []
        """Of these, those nobody was told to read yet."""
        self._dry: dict[int, list[tuple[int, Playing]]] = {}
        """By tick: what has nothing more on the reel from that tick on."""
        self._ended: deque[Ended] = deque()

    @property
    def busy(self) -> bool:
        """Whether anything is played to any row."""
        return bool(self._playing)

    def play(self, row: int, id: str, items: Sequence[str], loop: bool = False, skip_s: float = 0.0) -> None:
        """Play items to a row; what it was hearing before is stopped."""
        self.stop(row)
        playing = Playing(id, items, loop, skip_s=skip_s if loop else 0.0)
        if len(items) > MOST_ITEMS:
            playing.fault = f"{len(items)} prompts at once"
        else:
            self._wanted.append((row, playing))
        self._playing[row] = self._waiting[row] = playing

    def stop(self, row: int) -> None:
        """End what is played to a row."""
        playing = self._playing.get(row)
        if playing is not None:
            self._end(row, playing, "stopped")

    def drop(self, row: int) -> None:
        """The row is closed: what is played to it ends, and nobody is told."""
        playing = self._playing.get(row)
        if playing is not None:
            self._withdraw(row, playing)

    def fetch(self) -> None:
        """Have the files read of all that is to be played, and was not stopped again: it wakes a thread."""
        if self._wanted:
            wanted = [playing for row, playing in self._wanted if self._waiting.get(row) is playing]
            self._wanted = []
            if wanted:
                self._submit(lambda: self._load(wanted))

    def ended(self) -> list[Ended]:
        """Plays that ended since this was last asked."""
        ended, self._ended = list(self._ended), deque()
        return ended

    def stage(self) -> None:
        """Have on the reel what is due in this tick."""
        if self._waiting:
            for row, playing in list(self._waiting.items()):
                if playing.fault:
                    self._end(row, playing, "missing")
                elif playing.samples is not None:
                    del self._waiting[row]
                    self._write(row, playing, 1 + row % STAGE)
        for row, playing in self._dry.pop(self._reel.tick, ()):
            if self._playing.get(row) is playing:
                self._write(row, playing, STAGE)

    def told(self) -> None:
        """The tick is over, and so are the plays whose last frame was in it."""
        for row, playing in self._dry.get(self._reel.tick + 1, ()):
            if playing.over and self._playing.get(row) is playing:
                self._end(row, playing, "done")

    def _write(self, row: int, playing: Playing, most: int) -> None:
        """Write the next frames on the reel, from this tick on."""
        frames, tick = playing.frames(most), self._reel.tick
        if not len(frames):
            self._end(row, playing, "done")
            return
        self._reel.tell(row, tick, frames)
        if not playing.begun:
            playing.begun = True
            self._tell(row, True)
        self._dry.setdefault(tick + len(frames), []).append((row, playing))

    def _end(self, row: int, playing: Playing, outcome: str) -> None:
        self._withdraw(row, playing)
        self._ended.append(Ended(row, playing.id, outcome, playing.fault))

    def _withdraw(self, row: int, playing: Playing) -> None:
        del self._playing[row]
        self._waiting.pop(row, None)
        if playing.begun:
            self._tell(row, False)

    def _load(self, wanted: Sequence[Playing]) -> None:
        for playing in wanted:
            self._load_one(playing)

    def _load_one(self, playing: Playing) -> None:
        try:
            samples = [self._shelf.take(item) for item in playing.items]
        except (OSError, ValueError, KeyError) as error:
            playing.fault = str(error) or type(error).__name__
            return
        if playing.skip_s > 0 and (whole := sum(len(item) for item in samples)):
            playing.cut(int(playing.skip_s * RATE_HZ) % whole, samples)
        playing.samples = samples


class Keys:
    """Keys sent in band: a tone takes the place of all else that the row hears."""

    def __init__(self) -> None:
        self._waiting: dict[int, Samples] = {}

    def say(self, row: int, samples: Samples) -> None:
        """Send these samples to a row, after what is being sent; that is cut off when it is too long."""
        before = self._waiting.get(row, NOTHING)
        self._waiting[row] = np.concatenate([before if len(before) < MOST_KEYED else NOTHING, samples])

    def stop(self, row: int) -> None:
        """Send nothing more to a row."""
        self._waiting.pop(row, None)

    def put(self, heard: Frames) -> None:
        """Put this tick's tones in the place of what rows of `heard` (rows, 160) hear."""
        for row, samples in list(self._waiting.items()):
            frame = samples[:FRAME]
            heard[row, : len(frame)] = frame
            heard[row, len(frame) :] = 0
            self._waiting[row] = samples[FRAME:]
            if len(samples) <= FRAME:
                del self._waiting[row]
