"""What lines are made to hear besides each other: spoken phrases, tones, music, recordings played back.

One thing sounds on a line at a time; whatever comes next takes its place.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time_ns
from typing import Protocol

from appliance.calls.turn import BEEP
from hardware.media import wire as media
from ivr.voice import Voice


class Sound(Protocol):
    """Where orders for the media process go."""

    def order(self, order: media.Order) -> bool:
        """Hand over an order; False when the media process is not there."""


@dataclass(slots=True)
class Saying:
    """What a line is hearing, or will in a moment."""

    play: str
    coming: asyncio.Task[None] | None = None
    """A phrase that is still being spoken into a file."""


class Speech:
    """What is said to every line; `said(line, play)` is called when there was nothing to say."""

    def __init__(self, sound: Sound, voice: Voice, said: Callable[[str, str], None]) -> None:
        self._sound = sound
        self._voice = voice
        self._said = said
        self._lines: dict[str, Saying] = {}
        self._music: dict[str, float] = {}
        """Since when a line has, or would have, heard music in this call."""
        self._plays = time_ns() // 1000
        """Counts on from now, so that what still sounds from an earlier life has another name."""
        self._tasks: set[asyncio.Task[None]] = set()

    def is_last(self, line: str, play: str) -> bool:
        """Whether this is what the line was told to hear last."""
        saying = self._lines.get(line)
        return saying is not None and saying.play == play

    def speak(
        self,
        line: str,
        phrases: Sequence[str],
        values: Mapping[str, str],
        after: Sequence[str],
        language: str,
    ) -> None:
        """Speak phrases, then tones or files; the end is reported by media as `Played`."""
        saying = self._next(line)
        files = self._voice.there(phrases, values, language)
        if files:
            self._play(line, saying, files, after)
            return
        coming = self._say(line, saying, phrases, values, after, language)
        saying.coming = asyncio.get_running_loop().create_task(coming)
        self._tasks.add(saying.coming)
        saying.coming.add_done_callback(self._tasks.discard)

    def loop(self, line: str, item: str) -> None:
        """Sound a tone or a file again and again."""
        self._sound.order(media.Play(line, self._next(line).play, [item], loop=True))

    def music(self, line: str, name: str) -> None:
        """Sound music again and again, at the place where it would be had nothing else been said."""
        since_s = self._music.setdefault(line, monotonic())
        item, skip_s = self._voice.music(name), round(monotonic() - since_s, 2)
        self._sound.order(media.Play(line, self._next(line).play, [item], loop=True, skip_s=skip_s))

    def play(self, lines: Sequence[str], path: Path | None) -> None:
        """Play a file to these lines, or stop what is played to them."""
        for line in lines:
            if path is None:
                self.hush(line)
            else:
                self._sound.order(media.Play(line, self._next(line).play, [str(path)]))

    def hush(self, line: str) -> None:
        """Nothing sounds on the line any more."""
        self._next(line)
        self._sound.order(media.Stop(line))

    def forget(self, line: str) -> None:
        """The call on the line is over."""
        self._music.pop(line, None)
        self._drop(line)

    def _drop(self, line: str) -> None:
        saying = self._lines.pop(line, None)
        if saying is not None and saying.coming is not None:
            saying.coming.cancel()

    def _next(self, line: str) -> Saying:
        self._drop(line)
        self._plays += 1
        saying = self._lines[line] = Saying(f"{line}.{self._plays}")
        return saying

    async def _say(
        self,
        line: str,
        saying: Saying,
        phrases: Sequence[str],
        values: Mapping[str, str],
        after: Sequence[str],
        language: str,
    ) -> None:
        files = await self._voice.prompts(phrases, values, language)
        saying.coming = None
        self._play(line, saying, files, after)

    def _play(self, line: str, saying: Saying, files: Sequence[Path], after: Sequence[str]) -> None:
        items = [str(path) for path in files]
        items += [str(self._voice.beep) if item == BEEP else item for item in after]
        if items:
            self._sound.order(media.Play(line, saying.play, items))
        else:
            self._said(line, saying.play)
