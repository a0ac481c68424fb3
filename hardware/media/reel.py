"""The last 0.4 s of all sound, a page a tick: what lines said, were told, and heard."""

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME
from hardware.media.bank import Frames

PAGES = 20
SAID, TOLD, HEARD = 0, 1, 2
"""The parts of a page. What a line is told are prompts: sources of the matrix behind those who speak."""


class Reel:
    """Pages of (3, rows, 160) int16, written round and round.

    Banks, player and matrix work in the page of the tick, so what recordings and ears need of
    the ticks before costs no copy. Prompts are written some pages ahead.
    """

    def __init__(self, rows: int) -> None:
        self.tick = 0
        self.rows = rows
        self._pages: NDArray[np.int16] = np.zeros((PAGES, 3, rows, FRAME), np.int16)
        self.said: Frames
        """What each line says in this tick, (rows, 160)."""
        self.sources: Frames
        """What can be heard: rows of `said`, then of what lines are told, (2 * rows, 160)."""
        self.heard: Frames
        """What each line hears in this tick, (rows, 160)."""
        self._open()

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        self._pages = np.pad(self._pages, ((0, 0), (0, 0), (0, rows - self.rows), (0, 0)))
        self.rows = rows
        self._open()

    def turn(self) -> None:
        """Begin the next tick: so far every line is silent."""
        self.tick += 1
        self._open()
        self.said.fill(0)

    def _open(self) -> None:
        page = self._pages[self.tick % PAGES]
        self.said, self.heard = page[SAID], page[HEARD]
        self.sources = page[:HEARD].reshape(2 * self.rows, FRAME)

    def tell(self, row: int, tick: int, frames: Frames) -> None:
        """Write what a line is told from a tick on, this one or a later one, at most `PAGES` frames."""
        page = tick % PAGES
        first = min(len(frames), PAGES - page)
        self._pages[page : page + first, TOLD, row] = frames[:first]
        self._pages[: len(frames) - first, TOLD, row] = frames[first:]

    def lately(self, rows: NDArray[np.intp], ticks: int) -> NDArray[np.int16]:
        """What some lines said in the last ticks, (rows, ticks, 160)."""
        pages = np.arange(self.tick - ticks + 1, self.tick + 1)[:, None] % PAGES
        said: NDArray[np.int16] = self._pages[pages, SAID, rows].swapaxes(0, 1)
        return said

    def cut(self, rows: list[int], ticks: int) -> NDArray[np.int16]:
        """The last ticks of some lines, (rows, ticks, 160, 2): left what was said, right what was heard."""
        pages = np.arange(self.tick - ticks + 1, self.tick + 1) % PAGES
        words = self._pages.view(np.uint16)
        at = np.array(rows)[:, None]
        both = words[pages, HEARD, at].astype(np.uint32)  # a word a pair of samples, left in its low half
        both <<= 16
        both |= words[pages, SAID, at]
        sides: NDArray[np.int16] = both.view("<i2").reshape(len(rows), ticks, FRAME, 2)
        return sides
