"""The switch: every line hears a weighted sum of what other lines say."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME
from hardware.media.bank import Frames

MOST_ROWS = 4096
MOST_GAIN = 8.0


class Matrix:
    """Who hears whom, one row a line; `mix` is one tick of the whole switch.

    A line that hears one other at gain 1 (every two-party bridge) is an entry of a
    permutation and costs an index; only rows with several sources or another gain are
    a dense float32 product, clipped once. The last row is kept silent: it is what a
    line hears that hears nobody.

    What a line is told, prompts, is one more source: `size` rows behind the line itself.
    """

    def __init__(self, rows: int = 16) -> None:
        self.size = rows
        self.names: dict[str, int] = {}
        self._hears: dict[int, dict[int, float]] = {}
        self._told: set[int] = set()
        self._stale = True
        self._dense_rows: set[int] = set()
        self._from: NDArray[np.intp] = np.zeros(0, np.intp)
        self._dense: NDArray[np.intp] = np.zeros(0, np.intp)
        self._sources: NDArray[np.intp] = np.zeros(0, np.intp)
        self._gains: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def row(self, name: str) -> int:
        """The row of a line, made when the line is first named; the size doubles when all are taken."""
        row = self.names.get(name)
        if row is None:
            row = len(self.names)
            if row + 1 >= MOST_ROWS:
                raise ValueError("too many lines")
            self.names[name] = row
            while row + 1 >= self.size:
                self.size *= 2
                self._stale = True
        return row

    def hear(self, row: int, of: Mapping[int, float]) -> None:
        """From now on `row` hears exactly these rows with these gains, and what it is told."""
        gains = {source: min(max(gain, -MOST_GAIN), MOST_GAIN) for source, gain in of.items() if gain}
        if gains:
            self._hears[row] = gains
        else:
            self._hears.pop(row, None)
        self._changed(row)

    def tell(self, row: int, on: bool) -> None:
        """From now on `row` is told something, or nothing any more."""
        if on:
            self._told.add(row)
        else:
            self._told.discard(row)
        self._changed(row)

    def forget(self, row: int) -> None:
        """The row hears nobody and nobody hears it."""
        self._hears.pop(row, None)
        for hearer, of in list(self._hears.items()):
            if row in of:
                self.hear(hearer, {source: gain for source, gain in of.items() if source != row})
        self._changed(row)

    def mix(self, sources: Frames, heard: Frames) -> None:
        """Fill `heard`, (size, 160) int16, from `sources`.

        Those are what `size` lines say, the last of them silent, and, if any is told something,
        what each of them is told.
        """
        if self._stale:
            self._settle()
        sources.take(self._from, axis=0, out=heard, mode="clip")
        if self._dense.size:
            mixed = self._gains @ sources[self._sources].astype(np.float32)
            heard[self._dense] = np.clip(np.rint(mixed), -32768, 32767).astype(np.int16)

    def _parts(self, row: int) -> dict[int, float]:
        """All sources of a row."""
        of = self._hears.get(row, {})
        return of | {self.size + row: 1.0} if row in self._told else of

    def _changed(self, row: int) -> None:
        """The row has other sources; where it had and has at most one, that is an entry only."""
        source = self._only(row)
        if self._stale or source is None or row in self._dense_rows:
            self._stale = True
        else:
            self._from[row] = source

    def _only(self, row: int) -> int | None:
        """The one source of a row, at gain 1; the silent row for none."""
        of = self._parts(row)
        if not of:
            return self.size - 1
        return next(iter(of)) if len(of) == 1 and 1.0 in of.values() else None

    def _settle(self) -> None:
        self._stale = False
        self._from = np.full(self.size, self.size - 1, np.intp)
        self._dense_rows.clear()
        for row in self._hears.keys() | self._told:
            source = self._only(row)
            if source is None:
                self._dense_rows.add(row)
            else:
                self._from[row] = source
        dense = {row: self._parts(row) for row in sorted(self._dense_rows)}
        sources = sorted({source for of in dense.values() for source in of})
        at = {source: column for column, source in enumerate(sources)}
        self._dense = np.array(list(dense), np.intp)
        self._sources = np.array(sources, np.intp)
        self._gains = np.zeros((len(dense), len(sources)), np.float32)
        for line, of in enumerate(dense.values()):
            for source, gain in of.items():
                self._gains[line, at[source]] = gain


def frames(rows: int) -> Frames:
    """A silent (rows, 160) array."""
    return np.zeros((rows, FRAME), np.int16)
