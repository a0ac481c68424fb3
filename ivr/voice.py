"""From a phrase to files a line can play: recordings first, then speech, kept in a cache.

An asyncio shell. The speech engine (`ivr.speaker`) is started when first needed, one
request at a time, and started again when it dies or does not answer. A phrase that
cannot be spoken becomes a beep and one warning: the flow goes on by its keys.
"""

import asyncio
import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from ivr import own
from ivr.actions import LANGUAGES
from ivr.prompts import Phrases, Segment
from ivr.speaking import LINE_MAX, TEXT_MAX, VOICES, Answer, Request

ANSWER_S = 5.0
"""How long one sentence may take to be spoken into a file."""
REST_S = 30.0
"""After the speaker could not be started, how long until it is tried again."""
CACHE_BYTES = 200_000_000
WARNINGS_MAX = 1000
ENGINE = "espeak-ng 1.52, prompt 1"
"""Part of every cache name: change it when the same text would sound different."""
RINGBACK = "ringback"
"""In place of a name of music: the tone a caller hears while a phone rings."""


_log = logging.getLogger(__name__)


class SpeechError(Exception):
    """A text cannot be spoken now: a sentence for a technician."""


class Engine(Protocol):
    """Speaks a text into a WAV file (8 kHz mono int16)."""

    async def say(self, text: str, lang: str, path: Path) -> float:
        """Seconds of sound; SpeechError when it cannot."""

    async def close(self) -> None:
        """Give back what it holds."""


IDLE_S = 20.0
"""A speaker nobody needs for so long gives its 36 MB back."""


class Speaker:
    """The engine in its own process; `command` is what to start. It ends when nobody needs it."""

    def __init__(
        self,
        command: tuple[str, ...] = (sys.executable, "-m", "ivr.speaker"),
        idle_s: float = IDLE_S,
    ) -> None:
        self._command = command
        self._idle_s = idle_s
        self._alarm: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._last_id = 0
        self._rest_until = 0.0
        self._reason = ""

    @property
    def pid(self) -> int | None:
        """The process that speaks, while there is one."""
        return self._process.pid if self._process else None

    async def say(self, text: str, lang: str, path: Path) -> float:
        """Have one text spoken; requests take turns. A dead speaker is started anew, once."""
        async with self._turn:
            for again in (True, False):
                process = await self._started()
                answer = await self._asked(process, text, lang, path)
                if answer is None and again:
                    continue
                break
            if answer is None:
                reason = await self._last_words(process)
                self._rest(reason)
                raise SpeechError(reason)
            if not answer.ok:
                raise SpeechError(answer.error)
            self._doze_later()
            return answer.seconds

    def _doze_later(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(self._idle_s, self._doze)

    def _doze(self) -> None:
        async def end() -> None:
            async with self._turn:
                if self._alarm is None:
                    await self._end()

        self._alarm = None
        self._ending = asyncio.get_running_loop().create_task(end())

    async def _started(self) -> asyncio.subprocess.Process:
        now = asyncio.get_running_loop().time()
        if self._process is None:
            if now < self._rest_until:
                raise SpeechError(self._reason)
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    limit=LINE_MAX,
                )
            except OSError as error:
                self._rest(f"the speaker cannot be started ({error})")
                raise SpeechError(self._reason) from None
        return self._process

    async def _asked(
        self, process: asyncio.subprocess.Process, text: str, lang: str, path: Path
    ) -> Answer | None:
        """The answer, or None from a process that is gone. SpeechError when it is too slow."""
        assert process.stdin is not None
        assert process.stdout is not None
        self._last_id += 1
        request = Request(self._last_id, text, lang, str(path))
        try:
            async with asyncio.timeout(ANSWER_S):
                process.stdin.write(msgspec.json.encode(request) + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
            answer = msgspec.json.decode(line, type=Answer)
        except TimeoutError:
            await self._end()
            raise SpeechError(f"the speaker did not answer in {ANSWER_S:g} s") from None
        except asyncio.CancelledError:
            # Its answer would be taken for the next one's.
            await self._end()
            raise
        except (OSError, ValueError, msgspec.MsgspecError):
            await self._end()
            return None
        if answer.id != self._last_id:
            await self._end()
            raise SpeechError("the speaker answered something else")
        return answer

    async def _last_words(self, process: asyncio.subprocess.Process) -> str:
        assert process.stderr is not None
        try:
            async with asyncio.timeout(1.0):
                words = (await process.stderr.read(2000)).decode(errors="replace").strip().splitlines()
        except TimeoutError:
            words = []
        return words[-1] if words else "the speaker ended"

    def _rest(self, reason: str) -> None:
        self._reason = reason
        self._rest_until = asyncio.get_running_loop().time() + REST_S

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def close(self) -> None:
        """End the process."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._ending is not None:
            self._ending.cancel()
        await self._end()


LATELY_S = 1.0
"""How long files of fixed phrases are believed to be as they were: a busy flow says the same to everybody."""
USED_AGAIN_NS = 3600 * 10**9
"""How much later a spoken text is seen as used again."""


class Voice:
    """Files for phrases. `recorded_dir` holds ``LANG/ID.wav`` made by a technician; they come first.

    Spoken texts are kept in `cache_dir` by a hash of text, language and voice. Those not
    named to `ready` are dropped, least recently used first, when all are over `cache_bytes`.
    """

    def __init__(
        self,
        cache_dir: Path,
        recorded_dir: Path,
        phrases: Phrases,
        engine: Engine | None = None,
        warn: Callable[[str], None] = _log.warning,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.phrases = phrases
        self._cache = cache_dir
        self._recorded = recorded_dir
        self._engine = engine or Speaker()
        self._warn = warn
        self._cache_bytes = cache_bytes
        self._going: dict[Path, asyncio.Task[Path]] = {}
        self._kept: set[Path] = set()
        self._warned: set[str] = set()
        self._used: dict[Path, int] = {}
        """When spoken texts were last used; on disk it is seen by the hour."""
        self._lately: dict[tuple[tuple[str, ...], str], tuple[float, list[Path]]] = {}
        """By phrases without a value, and language: until when their files are not looked for anew."""
        self._fit: dict[Path, int] = {}
        """Recordings that can be played as they are, and when they were last changed."""
        self._cache.mkdir(parents=True, exist_ok=True)
        self._bytes = sum(path.stat().st_size for path in self._cache.glob("*.wav"))
        own.make(self._cache)
        self.beep, self._piece = self._cache / own.BEEP, self._cache / own.PIECE

    def music(self, name: str = "") -> str:
        """What somebody who waits hears, again and again: a file, or a tone.

        That is ``NAME.wav`` in the folder for recordings, `RINGBACK`, or without a name
        ``music.wav``; when there is none, our own piece.
        """
        if name == RINGBACK:
            return f"tone:{RINGBACK}"
        recorded = self._recorded / f"{name or 'music'}.wav"
        if self._fits(recorded):
            return str(recorded)
        if name or recorded.exists():
            self._warn_once(f"{recorded} is not an 8 kHz mono 16 bit WAV file: our own piece is played")
        return str(self._piece)

    async def prompts(self, ids: Iterable[str], values: Mapping[str, str], lang: str) -> list[Path]:
        """The files of these phrases, in order, ready to be played one after another."""
        segments = self._segments(ids, values, lang)
        return list(await asyncio.gather(*(self._segment(segment, lang) for segment in segments)))

    def there(self, ids: Iterable[str], values: Mapping[str, str], lang: str) -> list[Path] | None:
        """The same when nothing has to be spoken first, which is nearly always; else None."""
        key, now_s = (tuple(ids), lang), time.monotonic()
        until_s, lately = self._lately.get(key, (0.0, []))
        if now_s < until_s:
            return lately
        found = []
        for segment in self._segments(key[0], values, lang):
            path = self._recording(segment, lang) or self._spoken(segment.text, segment.lang)
            if path is None:
                return None
            found.append(path)
        if not any(self.phrases.variables(id_) for id_ in key[0] if id_ in self.phrases):
            self._lately[key] = (now_s + LATELY_S, found)
        return found

    async def file(self, text: str, lang: str) -> Path:
        """The text as a file; the beep when it cannot be spoken."""
        if (spoken := self._spoken(text, lang)) is not None:
            return spoken
        text = text[:TEXT_MAX]
        path = self._cache / f"{_name(text, lang)}.wav"
        task = self._going.get(path)
        if task is None:
            task = asyncio.create_task(self._speak(text, lang, path))
            self._going[path] = task
            task.add_done_callback(lambda _: self._going.pop(path, None))
        # One caller hanging up must not take the words from another who waits for the same.
        return await asyncio.shield(task)

    async def ready(self, ids: Iterable[str], languages: Iterable[str] = LANGUAGES) -> int:
        """Speak all fixed pieces of these phrases beforehand and keep them; how many are beeps."""
        known = [id_ for id_ in ids if id_ in self.phrases]
        missing = 0
        for lang in languages:
            for segment in self.phrases.fixed(known, lang):
                path = await self._segment(segment, lang)
                missing += path == self.beep
                self._kept.add(path)
        return missing

    async def close(self) -> None:
        """End the speaker, and whatever is being spoken."""
        going = list(self._going.values())
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        await self._engine.close()

    def _segments(self, ids: Iterable[str], values: Mapping[str, str], lang: str) -> list[Segment]:
        segments: list[Segment] = []
        for id_ in ids:
            if id_ in self.phrases:
                segments += self.phrases.render(id_, values, lang)
            else:
                self._warn_once(f"there is no phrase “{id_}”")
        return segments

    async def _segment(self, segment: Segment, lang: str) -> Path:
        return self._recording(segment, lang) or await self.file(segment.text, segment.lang)

    def _recording(self, segment: Segment, lang: str) -> Path | None:
        """The recording of a segment; looked into once, until it changes."""
        if not segment.clip:
            return None
        path = self._recorded / lang / f"{segment.clip}.wav"
        if self._fits(path):
            return path
        if path.exists():
            self._warn_once(f"{path} is not an 8 kHz mono 16 bit WAV file: spoken instead")
        return None

    def _fits(self, path: Path) -> bool:
        """Whether a recording is there and can be played as it is; looked into once, until it changes."""
        try:
            changed_ns = path.stat().st_mtime_ns
        except OSError:
            return False
        if self._fit.get(path) != changed_ns:
            if not own.is_prompt(path):
                return False
            self._fit[path] = changed_ns
        return True

    def _spoken(self, text: str, lang: str) -> Path | None:
        """A text that was spoken before; it is seen as used, without looking changed."""
        path = self._cache / f"{_name(text[:TEXT_MAX], lang)}.wav"
        now_ns = time.time_ns()
        try:
            stat = path.stat()
            if now_ns - stat.st_atime_ns > USED_AGAIN_NS:
                os.utime(path, ns=(now_ns, stat.st_mtime_ns))
        except OSError:
            return None
        self._used[path] = now_ns
        return path

    async def _speak(self, text: str, lang: str, path: Path) -> Path:
        try:
            await self._engine.say(text, lang, path)
            self._bytes += path.stat().st_size
        except (SpeechError, OSError) as error:
            self._warn_once(f"“{text[:40]}” cannot be spoken: {error}", why=str(error))
            return self.beep
        if self._bytes > self._cache_bytes:
            self._drop(but=path)
        return path

    def _drop(self, but: Path) -> None:
        """Remove the least recently used texts until a tenth of the cache is free."""
        spared = self._kept | {self.beep, but}
        files = [(path.stat(), path) for path in self._cache.glob("*.wav")]
        self._bytes = sum(stat.st_size for stat, _ in files)
        for stat, path in sorted(files, key=lambda file: self._used.get(file[1], file[0].st_atime_ns)):
            if self._bytes <= self._cache_bytes * 0.9:
                break
            if path not in spared:
                path.unlink(missing_ok=True)
                self._used.pop(path, None)
                self._bytes -= stat.st_size

    def _warn_once(self, sentence: str, why: str = "") -> None:
        """Tell the technician, once for each reason: without an engine every phrase has the same."""
        why = why or sentence
        if why not in self._warned and len(self._warned) < WARNINGS_MAX:
            self._warned.add(why)
            self._warn(sentence)


def _name(text: str, lang: str) -> str:
    voice = VOICES.get(lang)
    key = "\0".join([ENGINE, lang, voice.name if voice else "", str(voice.rate if voice else 0), text])
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
