"""The speech engine, in a process of its own: ``python -m ivr.speaker``.

espeak-ng is under GPL-3 and not thread-safe, so nothing else of the box loads it. It is
talked to in JSON lines::

    → {"id": 1, "text": "您好", "lang": "zh", "path": "/var/…/x.wav"}
    ← {"id": 1, "ok": true, "seconds": 0.71}     or     {"id": 1, "ok": false, "error": "…"}

Without ``path`` nothing is written and ``phonemes`` comes back instead of ``seconds``.
The files are telephone prompts (`ivr.sound`), renamed into place when whole.
"""

import ctypes
import io
import os
import re
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ivr import sound
from ivr.speaking import LINE_MAX, TEXT_MAX, VOICES, Answer, Request, VoiceKind


class EngineError(Exception):
    """The engine is missing or cannot say this: a sentence for a technician."""


class Engine(Protocol):
    """Text to sound at its own rate."""

    def say(self, text: str, voice: VoiceKind) -> tuple[NDArray[np.int16], int]:
        """Samples and their rate."""

    def phonemes(self, text: str, voice: VoiceKind) -> str:
        """How the engine pronounces the text, in its own notation."""


class Library:
    """libespeak-ng 1.52 from the espeakng-loader wheel, which has the whole Mandarin dictionary.

    Constants and signatures: espeak-ng ``speak_lib.h``.
    """

    _SYNCHRONOUS, _NO_EXIT, _UTF8, _RATE = 2, 0x8000, 1, 1

    def __init__(self) -> None:
        try:
            import espeakng_loader

            path, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
            library = ctypes.CDLL(path)
        except (ImportError, OSError) as error:
            raise EngineError(f"the library of espeakng-loader cannot be loaded ({error})") from None
        self._library = library
        # The data must belong to this very library: another version's data speaks garbage.
        self._rate_hz = library.espeak_Initialize(
            self._SYNCHRONOUS, 0, os.fsencode(Path(data).parent), self._NO_EXIT
        )
        if self._rate_hz <= 0:
            raise EngineError(f"espeak-ng finds no voices in {data}")
        self._pieces: list[NDArray[np.int16]] = []
        callback = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_int16), ctypes.c_int, ctypes.c_void_p
        )
        self._callback = callback(self._take)
        library.espeak_SetSynthCallback(self._callback)
        library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]

    def _take(self, samples: "ctypes._Pointer[ctypes.c_int16]", count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def _choose(self, voice: VoiceKind) -> None:
        if self._library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise EngineError(f"espeak-ng has no voice “{voice.name}”")
        self._library.espeak_SetParameter(self._RATE, voice.rate, 0)

    def say(self, text: str, voice: VoiceKind) -> tuple[NDArray[np.int16], int]:
        self._choose(voice)
        self._pieces = []
        data = text.encode()
        status = self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, self._UTF8, None, None)
        if status != 0:
            raise EngineError(f"espeak-ng could not speak (status {status})")
        return np.concatenate([np.zeros(0, np.int16), *self._pieces]), self._rate_hz

    def phonemes(self, text: str, voice: VoiceKind) -> str:
        self._choose(voice)
        rest = ctypes.c_char_p(text.encode())
        clauses = []
        while rest.value is not None:
            clauses.append(
                (self._library.espeak_TextToPhonemes(ctypes.byref(rest), self._UTF8, 0) or b"").decode()
            )
        return " ".join(clause for clause in clauses if clause)


class Command:
    """The ``espeak-ng`` command, for a box without the library."""

    _CHINESE_SINCE = (1, 52)
    """Earlier versions read Hanzi as English letters."""

    def __init__(self) -> None:
        found = shutil.which("espeak-ng")
        if found is None:
            raise EngineError("there is no espeak-ng command")
        self._command = found
        match = re.search(r"(\d+)\.(\d+)", self._run("--version", text="").decode(errors="replace"))
        self._version = (int(match[1]), int(match[2])) if match else (0, 0)

    def _run(self, *options: str, text: str) -> bytes:
        try:
            done = subprocess.run(
                [self._command, *options], input=text.encode(), capture_output=True, timeout=4, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineError(f"the espeak-ng command failed ({error})") from None
        return done.stdout

    def _options(self, voice: VoiceKind) -> list[str]:
        if voice.name == "cmn" and self._version < self._CHINESE_SINCE:
            version = ".".join(map(str, self._version))
            raise EngineError(f"espeak-ng {version} cannot read Chinese characters: install espeakng-loader")
        return ["-v", voice.name, "-s", str(voice.rate), "--stdin"]

    def say(self, text: str, voice: VoiceKind) -> tuple[NDArray[np.int16], int]:
        data = self._run(*self._options(voice), "--stdout", text=text)
        with wave.open(io.BytesIO(data)) as file:
            # The command writes to a pipe, so the length in its header is not to be trusted.
            return np.frombuffer(data[44 : 44 + (len(data) - 44) // 2 * 2], "<i2"), file.getframerate()

    def phonemes(self, text: str, voice: VoiceKind) -> str:
        return self._run(*self._options(voice), "-q", "-x", text=text).decode().strip()


def engine() -> Engine:
    """The library, else the command. EngineError says what is missing from both."""
    try:
        return Library()
    except EngineError as no_library:
        try:
            return Command()
        except EngineError as no_command:
            raise EngineError(f"no speech: {no_library}, and {no_command}") from None


def answer(engine: Engine, request: Request) -> Answer:
    """Carry out one request; what goes wrong is in the answer."""
    try:
        voice = VOICES.get(request.lang)
        if voice is None:
            raise EngineError(f"there is no voice for “{request.lang}”")
        if not 0 < len(request.text) <= TEXT_MAX:
            raise EngineError(f"a text of 1 to {TEXT_MAX} characters is needed")
        text = request.text.replace("\0", " ")
        if not request.path:
            return Answer(request.id, ok=True, phonemes=engine.phonemes(text, voice))
        samples, rate_hz = engine.say(text, voice)
        prompt = sound.telephone((samples / 32768).astype(np.float32), rate_hz, tail_s=_tail_s(text))
        if not len(prompt):
            raise EngineError(f"nothing is heard of “{text[:40]}”")
        sound.write(Path(request.path), prompt)
        return Answer(request.id, ok=True, seconds=round(len(prompt) / sound.RATE_HZ, 3))
    except (EngineError, OSError) as error:
        return Answer(request.id, ok=False, error=str(error))


def _tail_s(text: str) -> float:
    """A sentence is followed by a longer pause than a part of one."""
    last = text.rstrip()[-1:]
    return 0.25 if last in set("。！？.!?") else 0.12 if last in set("，；：,;:、") else 0.05


def main() -> int:
    """Answer requests from standard input until it ends."""
    try:
        speech = engine()
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    for line in iter(lambda: sys.stdin.buffer.readline(LINE_MAX), b""):
        try:
            reply = answer(speech, msgspec.json.decode(line, type=Request))
        except msgspec.MsgspecError as error:
            reply = Answer(0, ok=False, error=f"not a request: {error}")
        sys.stdout.buffer.write(msgspec.json.encode(reply) + b"\n")
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
