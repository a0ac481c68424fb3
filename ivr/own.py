"""The sounds of the box itself, and which files can be played; what computes sound is loaded to make them."""

import wave
from pathlib import Path

RATE_HZ = 8000
BEEP = "beep.wav"
PIECE = "own/music-1.wav"
"""Our own piece, in a folder of its own that is never tidied; another name when it sounds different."""


def make(folder: Path) -> None:
    """Have the beep and our piece in the folder of spoken phrases: made once in a box's life."""
    beep, piece = folder / BEEP, folder / PIECE
    if beep.exists() and piece.exists():
        return
    from ivr import music, sound  # 14 MB, of no use to who plays files by their names

    piece.parent.mkdir(parents=True, exist_ok=True)
    sound.write(beep, sound.beep())
    sound.write(piece, music.piece())


def is_prompt(path: Path) -> bool:
    """The file is a WAV that can be played to a line as it is: 8 kHz, mono, int16."""
    try:
        with wave.open(str(path), "rb") as file:
            return (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2)
    except (OSError, EOFError, wave.Error):
        return False
