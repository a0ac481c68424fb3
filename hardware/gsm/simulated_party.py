"""The mobile party of a simulated call: what it says, 20 ms at a time, and a recording of what it hears."""

import wave
from collections import deque
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, RATE_HZ

Samples = NDArray[np.int16]

LEVEL = 8000
"""Peak of a tone, about -12 dBFS."""
KEY_S, GAP_S = 0.1, 0.1
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"
MAX_RECORD = RATE_HZ * 3600


def tone(*freqs_hz: float, seconds: float, level: int = LEVEL) -> Samples:
    """The sum of sines, each of this peak."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    waves = np.sin(2 * np.pi * np.outer(freqs_hz, at))
    return np.asarray(waves.sum(axis=0) * level, np.int16)


def ringback() -> Samples:
    """One cycle of the Chinese ringback tone: 450 Hz, 1 s on, 4 s off (GB/T 3380)."""
    return np.concatenate([tone(450, seconds=1.0, level=LEVEL // 2), np.zeros(4 * RATE_HZ, np.int16)])


def key_tone(key: str) -> Samples:
    """One DTMF key and the pause after it (ITU-T Q.23)."""
    row, column = divmod(KEYS.index(key), 4)
    sound = tone(ROWS[row], COLUMNS[column], seconds=KEY_S, level=LEVEL // 2)
    return np.concatenate([sound, np.zeros(int(GAP_S * RATE_HZ), np.int16)])


def read_wav(path: Path) -> Samples:
    """A mono 16-bit 8 kHz WAV file; raises ValueError for another kind."""
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE_HZ):
            raise ValueError(f"{path} is not mono, 16 bit, 8000 Hz")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


class Party:
    """Says samples, once or for ever, and keys over them; what it hears goes to a WAV file."""

    def __init__(self, says: Samples | None = None, loop: bool = False, record: Path | None = None) -> None:
        self._says = says if says is not None else np.zeros(0, np.int16)
        self._loop = loop and len(self._says) > 0
        self._at = 0
        self._keys: deque[tuple[str, Samples]] = deque()
        self._record = record
        self._heard: list[Samples] = []

    def press(self, key: str) -> None:
        """Put a key's tone after those still sounding; raises ValueError for what is no key."""
        if len(key) != 1 or key not in KEYS:
            raise ValueError(f"not a key: {key!r}")
        self._keys.append((key, key_tone(key)))

    def say(self) -> tuple[Samples, str]:
        """The next frame, and the key that ended with it or ""."""
        if self._keys:
            key, sound = self._keys[0]
            frame, rest = sound[:FRAME], sound[FRAME:]
            if len(rest):
                self._keys[0] = (key, rest)
                return _whole(frame), ""
            self._keys.popleft()
            return _whole(frame), key
        frame = self._says[self._at : self._at + FRAME]
        self._at += FRAME
        if self._loop and self._at >= len(self._says):
            self._at = 0
        return _whole(frame), ""

    def hear(self, frame: Samples) -> None:
        """One frame of what the box says."""
        if self._record is not None and len(self._heard) * FRAME < MAX_RECORD:
            self._heard.append(frame)

    def finish(self) -> None:
        """The call is over: write the recording."""
        if self._record is None:
            return
        part = self._record.with_name(self._record.name + ".part")
        with wave.open(str(part), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(b"".join(frame.astype("<i2").tobytes() for frame in self._heard))
        part.rename(self._record)


def _whole(frame: Samples) -> Samples:
    return frame if len(frame) == FRAME else np.concatenate([frame, np.zeros(FRAME - len(frame), np.int16)])
