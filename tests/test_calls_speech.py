"""What a line is made to hear: music goes on behind phrases, and begins anew with the next call."""

import asyncio
from pathlib import Path

import pytest

from appliance.calls import speech as speeches
from appliance.calls.speech import Speech
from hardware.media import wire as media
from ivr import sound
from ivr.music import piece
from ivr.prompts import Phrases
from ivr.voice import Voice


class Clock:
    """Time that passes when it is told to."""

    now = 100.0


class Ordered:
    """Media, as far as it is told what to do."""

    def __init__(self) -> None:
        self.orders: list[media.Order] = []

    def order(self, order: media.Order) -> bool:
        self.orders.append(order)
        return True

    @property
    def last(self) -> media.Play:
        (*_, play) = [order for order in self.orders if isinstance(order, media.Play)]
        return play


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(speeches, "monotonic", lambda: clock.now)
    return clock


def test_music_goes_on_behind_what_is_said_and_each_call_has_its_own(tmp_path: Path, clock: Clock) -> None:
    async def story() -> None:
        media_ = Ordered()
        recorded = tmp_path / "recorded"
        recorded.mkdir()
        sound.write(recorded / "taxes.wav", piece()[:8000])
        voice = Voice(tmp_path / "spoken", recorded, Phrases({}))
        speech = Speech(media_, voice, lambda line, play: None)
        speech.music("sip/1", "")
        assert (media_.last.loop, media_.last.skip_s) == (True, 0.0)
        clock.now += 20
        speech.loop("sip/1", "tone:ringback")
        assert media_.last.skip_s == 0.0
        clock.now += 4.5
        speech.music("sip/1", "")
        assert media_.last.skip_s == 24.5
        speech.music("sip/2", "taxes")
        assert (media_.last.items, media_.last.skip_s) == ([str(recorded / "taxes.wav")], 0.0)
        speech.forget("sip/1")
        clock.now += 10
        speech.music("sip/1", "")
        assert media_.last.skip_s == 0.0, "another call"
        await voice.close()

    asyncio.run(story())
