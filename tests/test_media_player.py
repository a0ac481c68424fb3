"""Prompts, with files read at once instead of in a thread."""

import os
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hardware.line import FRAME, RATE_HZ
from hardware.media.bank import Frames
from hardware.media.matrix import Matrix, frames
from hardware.media.player import STAGE, Ended, Keys, Player, Shelf
from hardware.media.reel import Reel
from hardware.media.tones import tone
from hardware.media.wav import read_prompt


def at_once(job: Callable[[], None]) -> None:
    job()


def prompt(path: Path, samples: list[int], rate_hz: int = 8000, channels: int = 1) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.array(samples, "<i2").tobytes())
    return str(path)


class Told(Player):
    """A player with a reel and a matrix of its own."""

    def __init__(self, rows: int = 4) -> None:
        self.reel, self.matrix = Reel(rows), Matrix(rows)
        super().__init__(at_once, self.reel, self.matrix.tell)

    def tick(self, said: Frames | int = 0) -> Frames:
        """What all lines hear in one tick; row 0 hears row 1."""
        self.fetch()
        self.reel.turn()
        self.reel.said[:-1] = said
        self.stage()
        self.matrix.mix(self.reel.sources, self.reel.heard)
        self.told()
        return self.reel.heard


def hear(player: Told, ticks: int, row: int = 0) -> list[int]:
    heard: list[int] = []
    for _ in range(ticks):
        heard.extend(player.tick()[row].tolist())
    return heard


def test_prompts_follow_each_other_without_a_gap_inside_a_tick(tmp_path: Path) -> None:
    first = prompt(tmp_path / "a.wav", list(range(1, 251)))
    second = prompt(tmp_path / "b.wav", list(range(251, 271)))
    player = Told()
    player.play(0, "p", [first, second, first])
    heard = hear(player, 4)
    assert heard[:520] == [*range(1, 271), *range(1, 251)]
    assert not any(heard[520:])
    assert player.ended() == [Ended(0, "p", "done")]
    assert player.ended() == []


def test_a_prompt_of_whole_frames_ends_with_its_last_frame(tmp_path: Path) -> None:
    player = Told()
    player.play(0, "p", [prompt(tmp_path / "a.wav", [7] * 2 * FRAME)])
    hear(player, 1)
    assert player.ended() == []
    hear(player, 1)
    assert player.ended() == [Ended(0, "p", "done")]


def test_a_loop_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    player = Told()
    player.play(0, "music", [prompt(tmp_path / "a.wav", [1, 2, 3])], loop=True)
    assert hear(player, 3) == [1, 2, 3] * FRAME
    player.stop(0)
    assert player.ended() == [Ended(0, "music", "stopped")]
    assert not any(hear(player, 1))


@pytest.mark.parametrize(("skip_s", "first"), [(0.0, 1), (0.001, 9), (0.05, 401), (0.0625, 1), (0.1135, 409)])
def test_a_loop_may_begin_inside_as_if_it_had_been_played_before(
    tmp_path: Path, skip_s: float, first: int
) -> None:
    items = [
        prompt(tmp_path / "a.wav", list(range(1, 301))),
        prompt(tmp_path / "b.wav", list(range(301, 501))),
    ]
    player = Told()
    player.play(0, "music", items, loop=True, skip_s=skip_s)
    heard = hear(player, 4)
    assert heard[: 501 - first] == list(range(first, 501))
    assert heard[501 - first] == 1


def test_what_is_played_once_is_played_from_the_start(tmp_path: Path) -> None:
    player = Told()
    player.play(0, "p", [prompt(tmp_path / "a.wav", list(range(1, 161)))], skip_s=5.0)
    assert hear(player, 1) == list(range(1, 161))


def test_a_new_prompt_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    player = Told()
    player.play(0, "one", ["tone:ringback"], loop=True)
    player.play(0, "two", [prompt(tmp_path / "a.wav", [5])])
    assert hear(player, 1)[:2] == [5, 0]
    assert player.ended() == [Ended(0, "one", "stopped"), Ended(0, "two", "done")]


def test_a_prompt_is_added_to_what_the_line_hears_and_clipped(tmp_path: Path) -> None:
    player = Told()
    player.play(0, "p", [prompt(tmp_path / "a.wav", [1000, 32767, -32768])])
    player.matrix.hear(0, {1: 1.0})
    player.matrix.hear(2, {1: 1.0})
    said = np.full((3, FRAME), 10, np.int16)
    said[1, 2] = -10
    heard = player.tick(said)
    assert heard[0, :4].tolist() == [1010, 32767, -32768, 10]
    assert heard[2].tolist() == said[1].tolist()
    assert (player.tick(said)[0] == said[1]).all(), "what is over leaves the line as it was"


def test_keys_sent_as_tones_take_the_place_of_all_else() -> None:
    keys = Keys()
    keys.say(1, np.array([3, 4], np.int16))
    keys.say(1, np.array([5], np.int16))
    sink = frames(2)
    sink[:] = 99
    keys.put(sink)
    assert sink[1].tolist() == [3, 4, 5] + [0] * (FRAME - 3)
    assert (sink[0] == 99).all()
    sink[:] = 99
    keys.put(sink)
    assert (sink == 99).all()


def test_a_tone_is_one_period_and_may_loop() -> None:
    period = tone("ringback")
    player = Told()
    player.play(0, "t", ["tone:ringback"], loop=True)
    heard = hear(player, 2 * len(period) // FRAME)
    assert heard == np.tile(period, 2)[: len(heard)].tolist()


@pytest.mark.parametrize("bad", ["/nowhere/x.wav", "tone:no such tone"])
def test_nothing_is_played_when_one_item_is_missing(tmp_path: Path, bad: str) -> None:
    player = Told()
    player.play(0, "p", [prompt(tmp_path / "a.wav", [5] * 500), bad])
    assert not any(hear(player, 4))
    (ended,) = player.ended()
    assert ended.outcome == "missing"
    assert ended.fault


@pytest.mark.parametrize(("rate_hz", "channels"), [(16000, 1), (8000, 3)])
def test_a_wav_of_another_kind_is_refused_with_what_it_is(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    path = prompt(tmp_path / "a.wav", [0] * 100, rate_hz, channels)
    with pytest.raises(ValueError, match=f"{channels} channels of 16 bit at {rate_hz} Hz"):
        read_prompt(path)
    (tmp_path / "no.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="no WAV"):
        read_prompt(str(tmp_path / "no.wav"))


def test_both_sides_of_a_recorded_call_are_heard(tmp_path: Path) -> None:
    path = prompt(tmp_path / "call.wav", [100, -7, 30000, 30000, 5, 0], RATE_HZ, 2)
    assert read_prompt(path).tolist() == [93, 32767, 5]


def test_an_archived_recording_in_a_law_is_heard(tmp_path: Path) -> None:
    codes = bytes([0xD5, 0xD5, 0x2A, 0xD5])
    head = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 6, 2, RATE_HZ, 2 * RATE_HZ, 2, 8)
    (tmp_path / "old.wav").write_bytes(head + b"data" + struct.pack("<I", len(codes)) + codes)
    silence, loud = 8, -32256
    assert read_prompt(str(tmp_path / "old.wav")).tolist() == [2 * silence, loud + silence]


def test_an_empty_loop_is_silence_and_not_an_endless_tick(tmp_path: Path) -> None:
    player = Told()
    player.play(0, "p", [prompt(tmp_path / "a.wav", [])], loop=True)
    assert not any(hear(player, 2))


def test_a_prompt_recorded_anew_is_heard_anew_and_old_ones_are_put_away(tmp_path: Path) -> None:
    shelf = Shelf(most_bytes=2000)
    path = prompt(tmp_path / "a.wav", [1] * 400)
    assert shelf.take(path) is shelf.take(path)
    prompt(tmp_path / "a.wav", [2] * 400)
    os.utime(path, (1, 1))
    assert shelf.take(path)[0] == 2
    for number in range(5):
        shelf.take(prompt(tmp_path / f"{number}.wav", [number] * 400))
    assert len(shelf) == 2


def test_long_prompts_on_many_rows_have_no_seams_where_they_are_staged(tmp_path: Path) -> None:
    player = Told(32)
    sound = np.arange(1, 3 * STAGE * FRAME - 50) % 30_000
    path = prompt(tmp_path / "a.wav", sound.tolist())
    for row in range(30):
        player.play(row, f"p{row}", [path, path], loop=True)
    ticks = 7 * STAGE
    heard = np.concatenate([player.tick().copy() for _ in range(ticks)], axis=1)
    expected = np.resize(sound, ticks * FRAME)
    assert (heard[:30] == expected).all()
    assert not heard[30:].any()


def test_a_prompt_goes_on_when_lines_are_added(tmp_path: Path) -> None:
    player = Told()
    player.play(2, "p", [prompt(tmp_path / "a.wav", list(range(50 * FRAME // 2)))])
    heard = hear(player, 7, row=2)
    rows = [player.matrix.row(f"sip/{number}") for number in range(40)]
    player.reel.grow(player.matrix.size)
    assert player.matrix.size > len(rows)
    assert heard + hear(player, 18, row=2) == list(range(25 * FRAME))
