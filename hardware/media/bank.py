"""The media side of lines: frames of sound, and the banks that move them together."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.int16]
"""(lines, `hardware.line.FRAME`): 20 ms of each."""


class Bank(Protocol):
    """The media side of lines whose frames move together; called by the media clock only."""

    size: int

    def read(self, into: Frames) -> None:
        """Fill (size, 160) with what came in this tick, silence where nothing came."""

    def write(self, frames: Frames) -> None:
        """Send (size, 160), one frame a line."""
