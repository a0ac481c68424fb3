"""Files for phrases: the cache, recordings, the speaker's life, and calls without any speech."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from ivr import own, sound, voice
from ivr.flow import load
from ivr.prompts import SHIPPED, Phrases
from ivr.voice import Speaker, SpeechError, Voice

PHRASES = Phrases.load()
DEFAULT = load(SHIPPED.with_name("flows") / "default.json")


class Clicks:
    """An engine that writes a tenth of a second for each character, and counts."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def say(self, text: str, lang: str, path: Path) -> float:
        self.said.append(text)
        await asyncio.sleep(0)
        sound.write(path, np.zeros(800 * len(text), np.float32))
        return len(text) / 10

    async def close(self) -> None:
        pass


class Mute:
    async def say(self, text: str, lang: str, path: Path) -> float:
        raise SpeechError("no speech: nothing is installed")

    async def close(self) -> None:
        pass


def with_voice(
    tmp_path: Path,
    story: Callable[[Voice], Awaitable[None]],
    engine: voice.Engine | None = None,
    warnings: list[str] | None = None,
    cache_bytes: int = voice.CACHE_BYTES,
) -> None:
    async def run() -> None:
        warned = warnings if warnings is not None else []
        made = Voice(tmp_path / "cache", tmp_path / "recorded", PHRASES, engine, warned.append, cache_bytes)
        try:
            await story(made)
        finally:
            await made.close()

    asyncio.run(run())


def test_a_text_is_spoken_once_and_then_taken_from_the_cache(tmp_path: Path) -> None:
    async def story(voice: Voice) -> None:
        first = await voice.file("您好", "zh")
        before = first.stat().st_mtime_ns
        assert await voice.file("您好", "zh") == first
        assert first.stat().st_mtime_ns == before
        assert own.is_prompt(first)
        assert await voice.file("您好", "en") != first

    with_voice(tmp_path, story, engine := Clicks())
    assert engine.said == ["您好", "您好"]


def test_callers_who_need_the_same_words_at_once_share_them(tmp_path: Path) -> None:
    async def story(voice: Voice) -> None:
        paths = await asyncio.gather(*(voice.file("请稍候", "zh") for _ in range(20)))
        assert len(set(paths)) == 1

    with_voice(tmp_path, story, engine := Clicks())
    assert engine.said == ["请稍候"]


def test_a_caller_who_hangs_up_takes_no_words_from_another(tmp_path: Path) -> None:
    async def story(voice: Voice) -> None:
        gone = asyncio.create_task(voice.file("请稍候", "zh"))
        stays = asyncio.create_task(voice.file("请稍候", "zh"))
        await asyncio.sleep(0)
        gone.cancel()
        assert own.is_prompt(await stays)

    with_voice(tmp_path, story, engine := Clicks())
    assert engine.said == ["请稍候"]


def test_a_technicians_recording_comes_before_speech(tmp_path: Path) -> None:
    recorded = tmp_path / "recorded" / "zh" / "welcome.wav"
    recorded.parent.mkdir(parents=True)
    sound.write(recorded, sound.beep())
    (recorded.parent / "goodbye.wav").write_bytes(b"rubbish")
    warnings: list[str] = []

    async def story(voice: Voice) -> None:
        assert await voice.prompts(["welcome"], {}, "zh") == [recorded]
        assert (await voice.prompts(["welcome"], {}, "en"))[0].parent == tmp_path / "cache"
        assert (await voice.prompts(["goodbye"], {}, "zh"))[0].parent == tmp_path / "cache"

    with_voice(tmp_path, story, Clicks(), warnings)
    assert len(warnings) == 1
    assert "goodbye.wav is not an 8 kHz mono 16 bit WAV file" in warnings[0]


def test_only_the_value_of_a_phrase_is_spoken_anew(tmp_path: Path) -> None:
    async def story(voice: Voice) -> None:
        for position in ("3", "2", "1"):
            assert len(await voice.prompts(["queue.position"], {"position": position}, "zh")) == 3

    with_voice(tmp_path, story, engine := Clicks())
    assert engine.said == ["您现在排在第", "三", "位。", "二", "一"]


def test_a_flow_is_spoken_beforehand_so_that_no_caller_waits(tmp_path: Path) -> None:
    async def story(voice: Voice) -> None:
        assert await voice.ready(DEFAULT.prompts()) == 0
        spoken = len(engine.said)
        await voice.prompts(["welcome"], {}, "zh")
        await voice.prompts(["ticket.state"], {"state": "CLOSED"}, "en")
        assert len(engine.said) == spoken

    with_voice(tmp_path, story, engine := Clicks())


def test_a_full_cache_drops_what_was_used_longest_ago_but_never_the_flow(tmp_path: Path) -> None:
    async def story(voice: Voice) -> None:
        await voice.ready(["welcome"], ["zh"])
        welcome = (await voice.prompts(["welcome"], {}, "zh"))[0]
        old = [await voice.file(f"第{n}", "zh") for n in "一二三四五六七"]
        await voice.file("第一", "zh")
        for n in "abcd":
            newest = await voice.file(f"new {n}", "en")
        assert welcome.exists()
        assert voice.beep.exists()
        assert newest.exists()
        assert old[0].exists(), "used again"
        assert not old[1].exists()
        assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) <= 80_000

    with_voice(tmp_path, story, Clicks(), cache_bytes=80_000)


def test_without_speech_a_caller_hears_a_beep_and_the_technician_is_told_once(tmp_path: Path) -> None:
    warnings: list[str] = []

    async def story(voice: Voice) -> None:
        for _ in range(3):
            assert await voice.prompts(["welcome", "menu.main"], {}, "zh") == [voice.beep] * 2
        assert await voice.prompts(["no.such.phrase"], {}, "zh") == []
        assert await voice.ready(["goodbye"], ["zh"]) == 1
        assert own.is_prompt(voice.beep)
        assert sound.active_dbm0(sound.read(voice.beep)[0]) == pytest.approx(-18, abs=1)

    with_voice(tmp_path, story, Mute(), warnings)
    assert warnings == [
        "“您好，云河市政务服务便民热线为您服务。” cannot be spoken: no speech: nothing is installed",
        "there is no phrase “no.such.phrase”",
    ]


def test_the_real_speaker_is_started_when_needed_and_again_when_it_dies(tmp_path: Path) -> None:
    speaker = Speaker()

    async def story(voice: Voice) -> None:
        assert speaker.pid is None
        assert own.is_prompt(await voice.file("您好", "zh"))
        first = speaker.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert await voice.file("再见", "zh") != voice.beep
        assert speaker.pid not in (None, first)
        paths = await asyncio.gather(*(voice.file(text, "en") for text in ("one", "two", "three")))
        assert len(set(paths)) == 3
        assert voice.beep not in paths

    with_voice(tmp_path, story, speaker)
    assert speaker.pid is None


def test_a_speaker_nobody_needs_ends_and_is_there_again_for_the_next_word(tmp_path: Path) -> None:
    speaker = Speaker(idle_s=0.2)

    async def story() -> None:
        await speaker.say("您好", "zh", tmp_path / "one.wav")
        async with asyncio.timeout(10):
            while speaker.pid is not None:
                await asyncio.sleep(0.05)
        assert await speaker.say("再见", "zh", tmp_path / "two.wav") > 0.2
        await speaker.close()
        assert speaker.pid is None

    asyncio.run(story())


def test_a_speaker_that_does_not_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "ANSWER_S", 0.2)
    warnings: list[str] = []

    async def story(voice: Voice) -> None:
        assert await voice.file("您好", "zh") == voice.beep

    speaker = Speaker((sys.executable, "-c", "import time; time.sleep(60)"))
    with_voice(tmp_path, story, speaker, warnings)
    assert warnings == ["“您好” cannot be spoken: the speaker did not answer in 0.2 s"]
    assert speaker.pid is None


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ((sys.executable, "-c", "import sys; sys.exit('no speech: no library')"), "no speech: no library"),
        ((sys.executable, "-c", "pass"), "the speaker ended"),
        (("/nonexistent/speaker",), "the speaker cannot be started"),
        ((sys.executable, "-c", "input(); print('hello', flush=True); input()"), "the speaker ended"),
    ],
)
def test_a_speaker_that_cannot_run_is_not_started_for_every_word(
    tmp_path: Path, command: tuple[str, ...], reason: str
) -> None:
    warnings: list[str] = []

    async def story(voice: Voice) -> None:
        for text in ("一", "二", "三"):
            assert await voice.file(text, "zh") == voice.beep

    with_voice(tmp_path, story, Speaker(command), warnings)
    assert len(warnings) == 1
    assert reason in warnings[0]
