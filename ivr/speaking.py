"""What is said to the speech engine's process (`ivr.speaker`), and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

TEXT_MAX = 1000
LINE_MAX = 64_000
"""Bytes of one request."""


@dataclass(frozen=True, slots=True)
class VoiceKind:
    """A voice of the engine and how fast it speaks, in words a minute."""

    name: str
    rate: int


VOICES: Mapping[str, VoiceKind] = {"zh": VoiceKind("cmn", 180), "en": VoiceKind("en-us", 160)}


class Request(msgspec.Struct, frozen=True):
    """One line to the speaker."""

    id: int
    text: str
    lang: str
    path: str = ""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line from the speaker."""

    id: int
    ok: bool
    seconds: float = 0.0
    phonemes: str = ""
    error: str = ""
