"""Prompts: what the box itself says to a line, from WAV files and tones."""

import os
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, Frames
from hardware.media.tones import tone
from hardware.media.wav import read_prompt

Samples = NDArray[np.int16]
Submit = Callable[[Callable[[], None]], object]

MOST_ITEMS = 200
TONE = "tone:"


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
    """

    def __init__(self, submit: Submit, shelf: Shelf | None = None) -> None:
        self._submit = submit
        self._shelf = shelf or Shelf()
        self._playing: dict[int, Playing] = {}
        self._ended: deque[Ended] = deque()

    def play(self, row: int, id: str, items: Sequence[str], loop: bool = False) -> None:
        """Play items to a row; what it was hearing before is stopped."""
        self.stop(row)
        playing = Playing(id, items, loop)
        if len(items) > MOST_ITEMS:
            playing.fault = f"{len(items)} prompts at once"
        else:
            self._submit(lambda: self._load(playing))
        self._playing[row] = playing

    def say(self, row: int, samples: Samples) -> None:
        """Play samples to a row at once, with nothing to report when they end."""
        playing = self._playing.get(row)
        if playing is not None and playing.samples is not None and len(playing.samples) < MOST_ITEMS:
            playing.samples = [*playing.samples, samples]
        else:
            self._playing[row] = Playing("", (), False, [samples])

    def stop(self, row: int) -> None:
        """End what is played to a row."""
        playing = self._playing.pop(row, None)
        if playing is not None and playing.id:
            self._ended.append(Ended(row, playing.id, "stopped"))

    def ended(self) -> list[Ended]:
        """Plays that ended since this was last asked."""
        ended, self._ended = list(self._ended), deque()
        return ended

    def add(self, heard: Frames, instead: bool = False) -> None:
        """Add this tick's prompts to what rows of `heard` (rows, 160) hear, or put them in its place."""
        if not self._playing:
            return
        rows: list[int] = []
        frames: list[Samples] = []
        for row, playing in list(self._playing.items()):
            if playing.fault:
                del self._playing[row]
                self._ended.append(Ended(row, playing.id, "missing", playing.fault))
                continue
            frame = _next(playing)
            if frame is None:
                continue
            if len(frame) < FRAME or _is_over(playing):
                del self._playing[row]
                if playing.id:
                    self._ended.append(Ended(row, playing.id, "done"))
                frame = np.concatenate([frame, np.zeros(FRAME - len(frame), np.int16)])
            rows.append(row)
            frames.append(frame)
        if rows:
            _put(heard, np.array(rows, np.intp), np.concatenate(frames).reshape(-1, FRAME), instead)

    def _load(self, playing: Playing) -> None:
        try:
            samples = [self._shelf.take(item) for item in playing.items]
        except (OSError, ValueError, KeyError) as error:
            playing.fault = str(error) or type(error).__name__
            return
        playing.samples = samples


def _put(heard: Frames, rows: NDArray[np.intp], frames: Frames, instead: bool) -> None:
    """All rows in one go: per row the clipping alone would cost more than sending the packet."""
    if instead:
        heard[rows] = frames
    else:
        mixed = heard[rows].astype(np.int32)
        mixed += frames
        heard[rows] = mixed.clip(-32768, 32767, out=mixed)


def _is_over(playing: Playing) -> bool:
    return not playing.loop and playing.at >= len(playing.samples or ())


def _next(playing: Playing) -> Samples | None:
    """The next 160 samples, fewer at the very end; None while the files are being read."""
    samples = playing.samples
    if samples is None:
        return None
    if playing.at < len(samples):
        item = samples[playing.at]
        stop = playing.sample + FRAME
        if stop < len(item):
            frame = item[playing.sample : stop]
            playing.sample = stop
            return frame
    pieces: list[Samples] = []
    need = FRAME
    silent = playing.loop and not any(len(item) for item in samples)
    while need and not silent:
        if playing.at >= len(samples):
            if not playing.loop:
                break
            playing.at = 0
        item = samples[playing.at]
        piece = item[playing.sample : playing.sample + need]
        pieces.append(piece)
        need -= len(piece)
        playing.sample += len(piece)
        if playing.sample >= len(item):
            playing.at, playing.sample = playing.at + 1, 0
    if silent:
        return np.zeros(FRAME, np.int16)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
