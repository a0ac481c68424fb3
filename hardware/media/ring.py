"""A small store of PCM between a sender with its own clock and our tick."""

from hardware.line import FRAME, TICK_S

FRAME_BYTES = 2 * FRAME
SILENCE = bytes(FRAME_BYTES)
WATCH_TICKS = 200
"""How long the lowest fill is watched before a frame is dropped against a faster clock: 4 s."""


class Ring:
    """Bytes of S16LE in pieces of any size; frames of 160 samples out, one a tick.

    It plays nothing until `ready_s` is stored, drops to that when `full_s` is passed,
    and lets one frame go when the fill stays a whole frame above `ready_s` for four
    seconds (a sender whose clock is fast, or a burst after a stall).
    """

    def __init__(self, ready_s: float = 0.060, full_s: float = 0.200) -> None:
        self.dropped = 0
        self.dry = 0
        self._ready = round(ready_s / TICK_S) * FRAME_BYTES
        self._full = round(full_s / TICK_S) * FRAME_BYTES
        self._bytes = bytearray()
        self._filling = True
        self._lowest = self._full
        self._watched = 0

    def __len__(self) -> int:
        """Bytes stored."""
        return len(self._bytes)

    def put(self, pcm: bytes | bytearray | memoryview) -> None:
        """Store PCM; the oldest goes first when there is too much, always whole samples."""
        self._bytes += pcm
        over = len(self._bytes) - self._full
        if over > 0:
            drop = (len(self._bytes) - self._ready) & ~1
            del self._bytes[:drop]
            self.dropped += drop

    def take(self) -> bytes | bytearray:
        """One frame, 320 bytes; silence while the store fills."""
        stored = len(self._bytes)
        if stored < (self._ready if self._filling else FRAME_BYTES):
            if not self._filling:
                self.dry += 1
                self._filling = True
            return SILENCE
        self._filling = False
        frame = self._bytes[:FRAME_BYTES]
        del self._bytes[:FRAME_BYTES]
        self._watch(stored)
        return frame

    def _watch(self, stored: int) -> None:
        if stored < self._lowest:
            self._lowest = stored
        self._watched += 1
        if self._watched == WATCH_TICKS:
            if self._lowest > self._ready + FRAME_BYTES:
                del self._bytes[:FRAME_BYTES]
                self.dropped += FRAME_BYTES
            self._watched, self._lowest = 0, self._full
