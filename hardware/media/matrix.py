"""The switch: every line hears a weighted sum of what other lines say."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, Frames

MOST_ROWS = 4096
MOST_GAIN = 8.0


class Matrix:
    """Who hears whom, one row a line; `mix` is one tick of the whole switch.

    A line that hears one other at gain 1 (every two-party bridge) is an entry of a
    permutation and costs an index; only rows with several sources or another gain are
    a dense float32 product, clipped once. The last row is kept silent: it is what a
    line hears that hears nobody.
    """

    def __init__(self, rows: int = 16) -> None:
        self.size = rows
        self.names: dict[str, int] = {}
        self._hears: dict[int, dict[int, float]] = {}
        self._stale = True
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
        """From now on `row` hears exactly these rows with these gains."""
        gains = {source: min(max(gain, -MOST_GAIN), MOST_GAIN) for source, gain in of.items() if gain}
        if gains:
            self._hears[row] = gains
        else:
            self._hears.pop(row, None)
        self._stale = True

    def forget(self, row: int) -> None:
        """The row hears nobody and nobody hears it."""
        self._hears.pop(row, None)
        for hearer, of in list(self._hears.items()):
            if row in of:
                self.hear(hearer, {source: gain for source, gain in of.items() if source != row})
        self._stale = True

    def mix(self, said: Frames, heard: Frames) -> None:
        """Fill `heard` from `said`, both (size, 160) int16; the last row of `said` must be silent."""
        if self._stale:
            self._settle()
        np.take(said, self._from, axis=0, out=heard, mode="clip")
        if self._dense.size:
            mixed = self._gains @ said[self._sources].astype(np.float32)
            heard[self._dense] = np.clip(np.rint(mixed), -32768, 32767).astype(np.int16)

    def _settle(self) -> None:
        silent = self.size - 1
        self._from = np.full(self.size, silent, np.intp)
        dense: list[int] = []
        for row, of in self._hears.items():
            if len(of) == 1 and 1.0 in of.values():
                self._from[row] = next(iter(of))
            else:
                dense.append(row)
        sources = sorted({source for row in dense for source in self._hears[row]})
        at = {source: column for column, source in enumerate(sources)}
        self._dense = np.array(dense, np.intp)
        self._sources = np.array(sources, np.intp)
        self._gains = np.zeros((len(dense), len(sources)), np.float32)
        for line, row in enumerate(dense):
            for source, gain in self._hears[row].items():
                self._gains[line, at[source]] = gain
        self._stale = False


def frames(rows: int, grown_from: Frames | None = None) -> Frames:
    """A silent (rows, 160) array holding what an earlier, smaller one held."""
    wide = np.zeros((rows, FRAME), np.int16)
    if grown_from is not None:
        wide[: len(grown_from)] = grown_from
    return wide
