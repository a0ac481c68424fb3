"""The message of a campaign: spoken from a text, uploaded, or taken from an old recording; one prompt."""

import asyncio
import tempfile
import threading
from pathlib import Path

import numpy as np

from appliance.campaigns.flow import phrase_of
from appliance.places import Places
from appliance.recordings import archive
from appliance.refused import Refused
from ivr import sound
from ivr.reading import pieces, readable
from ivr.sound import Samples
from ivr.voice import Speaker, SpeechError

TEXT_MAX = 600
UPLOAD_MAX = 20 * 1024 * 1024
BETWEEN_S = 0.3
"""Pause between two sentences."""
FULL_SCALE = 32768
WAIT_S = 20.0
_speaking = threading.BoundedSemaphore(2)
"""Texts spoken at once: each takes a process and some seconds."""


def path_of(places: Places, cid: str, language: str) -> Path:
    """Where a campaign's message lies: as the recording of its phrase."""
    return places.prompts / "recorded" / language / f"{phrase_of(cid)}.wav"


def spoken(text: str, language: str) -> Samples:
    """A text as speech; raises Refused."""
    if not text.strip():
        raise Refused("no_text", "Write what is to be said.")
    if len(text) > TEXT_MAX:
        raise Refused("too_long", "At most %(most)s letters can be spoken.", most=TEXT_MAX)
    if not _speaking.acquire(timeout=WAIT_S):
        raise Refused("no_voice", "The text cannot be spoken now. Upload a recording instead.")
    try:
        return asyncio.run(_spoken(pieces(readable(text, language)), language))
    except SpeechError as error:
        raise Refused("no_voice", "The text cannot be spoken now. Upload a recording instead.") from error
    finally:
        _speaking.release()


def uploaded(path: Path) -> Samples:
    """A WAV file somebody recorded, as a prompt; raises Refused."""
    try:
        samples, rate_hz = sound.read(path)
    except (ValueError, OSError) as error:
        raise Refused(
            "bad_sound", "This is no WAV file with 16 bits. Save the recording so and try again."
        ) from error
    return _prompt(samples, rate_hz)


def recorded(path: Path) -> Samples:
    """What the caller said in a recording of ours, also an archived one; raises Refused."""
    try:
        blocks = [np.array(block[:, 0]) for block in archive.read(path)]
    except (OSError, ValueError) as error:
        raise Refused("no_recording", "This recording cannot be read any more.") from error
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
    return _prompt((samples / FULL_SCALE).astype(np.float32), sound.RATE_HZ)


def seconds(samples: Samples) -> float:
    """How long a message is."""
    return len(samples) / sound.RATE_HZ


def _prompt(samples: Samples, rate_hz: int) -> Samples:
    made = sound.telephone(samples, rate_hz)
    if not len(made):
        raise Refused("bad_sound_silent", "There is nothing to hear in this recording.")
    return made


async def _spoken(sentences: list[str], language: str) -> Samples:
    speaker = Speaker()
    pause = np.zeros(round(BETWEEN_S * sound.RATE_HZ), np.float32)
    parts: list[Samples] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for nth, sentence in enumerate(sentences):
                path = Path(folder) / f"{nth}.wav"
                await speaker.say(sentence, language, path)
                parts += [sound.read(path)[0], pause]
        finally:
            await speaker.close()
    if not parts:
        raise Refused("no_text", "Write what is to be said.")
    return np.concatenate(parts[:-1])[: int(sound.SECONDS_MAX * sound.RATE_HZ)]
