"""Archiving: half the size, the same sound, and at every moment one file that is as the log says."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.configuration import Retention
from appliance.recordings import alaw, holds, mp3
from appliance.recordings.archive import FORMATS, archive, fingerprint, format_of, read
from appliance.recordings.verification import CHANGED, MISSING, OK, UNSEALED, verify
from appliance.recordings.waveform import peaks, peaks_file
from hardware.media import g711, wav
from tests.recordings_box import Shelf, speech

ROOT = Path(__file__).parent.parent


@pytest.fixture(params=["alaw", "mp3"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return Shelf(tmp_path, Retention(archive_format=request.param))


def archived(shelf: Shelf, rid: bytes) -> bool:
    """Whether a recording's file is in the format the rules name."""
    return format_of(shelf.file(rid).name) is FORMATS[shelf.rules.archive_format]


def states(shelf: Shelf) -> dict[bytes, str]:
    return {bytes.fromhex(one.rid): one.state for one in verify(shelf.store, shelf.recordings)}


def test_an_archived_file_is_half_as_long_and_sounds_like_the_first(tmp_path: Path) -> None:
    first, second = tmp_path / "a.wav", tmp_path / "a.alaw.wav"
    first.write_bytes(speech(200_000))
    written = archive(first, second, FORMATS["alaw"])
    assert written == fingerprint(second)
    assert written.size == alaw.header(2, 0).__len__() + 2 * 200_000
    with first.open("rb") as a, second.open("rb") as b:
        one, two = alaw.look(a), alaw.look(b)
        assert (one.format, two.format, one.frames, two.frames) == (alaw.PCM, alaw.ALAW, 200_000, 200_000)
        before = np.concatenate(list(alaw.blocks(a, one))).astype(np.int32)
        after = np.concatenate(list(alaw.blocks(b, two))).astype(np.int32)
    assert np.all(np.abs(before - after) <= np.abs(before) // 32 + 8)


def test_sound_that_came_off_an_a_law_line_is_archived_without_loss(tmp_path: Path) -> None:
    pcm = np.empty(512, np.int16)
    g711.decode(g711.PCMA, np.arange(512, dtype=np.int64).astype(np.uint8), pcm)
    first = tmp_path / "a.wav"
    first.write_bytes(wav.header(2, pcm.nbytes) + pcm.tobytes())
    archive(first, tmp_path / "b.wav", FORMATS["alaw"])
    with (tmp_path / "b.wav").open("rb") as file:
        assert np.array_equal(np.concatenate(list(alaw.blocks(file, alaw.look(file)))).reshape(-1), pcm)


@given(st.binary(max_size=200), st.booleans())
def test_no_file_however_broken_is_more_than_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, headed: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "broken.wav"
    file.write_bytes(wav.header(1, 40)[:36] + data if headed else b"RIFF\0\0\0\0WAVE" + data)
    with file.open("rb") as opened:
        try:
            found = alaw.look(opened)
        except ValueError:
            return
        assert found.at + found.frames * found.channels <= file.stat().st_size


def test_a_night_archives_what_is_old_enough_and_deletes_the_first_file(shelf: Shelf) -> None:
    old, young = shelf.make(days_ago=8), shelf.make(days_ago=6)
    before = shelf.file(old)
    shelf.night()
    assert (before.exists(), archived(shelf, old), archived(shelf, young)) == (False, True, False)
    assert states(shelf) == {old: OK, young: OK}
    (event,) = shelf.kinds("recording.archived")
    assert event.facts["sha256"] == fingerprint(shelf.file(old)).sha256


def test_rebuilding_from_the_log_gives_the_same_recordings(shelf: Shelf) -> None:
    for days in (1200, 40, 8, 3):
        shelf.make(days)
    holds.hold(shelf.store, shelf.make(9).hex(), "1100", "案件")
    shelf.night()
    before = shelf.store.rows("SELECT * FROM recording ORDER BY rid")
    shelf.store.rebuild()
    assert shelf.store.rows("SELECT * FROM recording ORDER BY rid") == before


def test_what_is_held_or_not_sealed_or_changed_stays_as_it_is(shelf: Shelf) -> None:
    held, unsealed, changed = shelf.make(9), shelf.make(9, seal=False), shelf.make(9)
    holds.hold(shelf.store, held.hex(), "1100", "案件")
    data = bytearray(shelf.file(changed).read_bytes())
    data[1000] ^= 1
    shelf.file(changed).write_bytes(data)
    shelf.night()
    assert shelf.kinds("recording.archived") == []
    assert states(shelf) == {held: OK, unsealed: UNSEALED, changed: CHANGED}


def test_a_tampered_and_a_missing_file_are_found_archived_or_not(shelf: Shelf) -> None:
    rids = [shelf.make(days) for days in (9, 9, 2, 2, 2)]
    shelf.night()
    for rid in rids[0], rids[2]:
        data = bytearray(shelf.file(rid).read_bytes())
        data[-1] ^= 0x10
        shelf.file(rid).write_bytes(data)
    for rid in rids[1], rids[3]:
        shelf.file(rid).unlink()
    assert states(shelf) == dict(zip(rids, [CHANGED, MISSING, CHANGED, MISSING, OK], strict=True))


def test_changing_the_table_too_hides_nothing_because_the_log_is_asked(shelf: Shelf) -> None:
    rid = shelf.make(1)
    shelf.file(rid).write_bytes(speech(800, seed=2))
    with shelf.store.transaction():
        shelf.store.execute("UPDATE recording SET sha256 = ?", fingerprint(shelf.file(rid)).sha256)
    assert states(shelf) == {rid: CHANGED}


def test_a_file_that_is_no_sound_is_left_alone_and_stops_nothing(shelf: Shelf) -> None:
    noise, sound = shelf.make(9, data=b"not a sound at all" * 10), shelf.make(8)
    shelf.night()
    assert len(shelf.kinds("recording.archived")) == 1
    assert states(shelf) == {noise: OK, sound: OK}


def test_a_disk_that_is_full_leaves_the_first_file_and_no_half_one(shelf: Shelf) -> None:
    rid = shelf.make(9, frames=400_000 if shelf.rules.archive_format == "alaw" else 1_200_000)
    before = shelf.file(rid)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    shelf.keeper.plan()
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        for _ in range(3):
            shelf.runner.run_due()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert states(shelf) == {rid: OK}
    assert [path.name for path in before.parent.iterdir()] == [before.name]
    shelf.now += 3600
    while shelf.runner.run_due():
        pass
    assert archived(shelf, rid), "it is done when there is room again"


def test_the_first_file_stays_when_the_archived_one_is_not_as_written(shelf: Shelf) -> None:
    rid = shelf.make(9)
    before = shelf.file(rid)
    shelf.keeper.plan()
    while shelf.column(rid, "archived_s") is None:
        shelf.runner.run_due(limit=1)
    shelf.file(rid).write_bytes(b"somebody wrote here")
    while shelf.runner.run_due():
        pass
    assert before.exists()


NIGHT = """
import sys
from pathlib import Path
from appliance.configuration import Retention
from tests.recordings_box import Shelf
shelf = Shelf(Path(sys.argv[1]), Retention(archive_format=sys.argv[2]))
print("begun", flush=True)
shelf.night()
"""


@pytest.mark.parametrize("done", [0, 1, 4, 9])
def test_killed_while_archiving_no_recording_is_lost_and_the_next_night_ends_the_work(
    shelf: Shelf, done: int
) -> None:
    rids = [shelf.make(9 + n / 100, frames=150_000) for n in range(12)]
    command = [sys.executable, "-c", NIGHT, str(shelf.folder), shelf.rules.archive_format]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert run.stdout
    assert run.stdout.readline() == b"begun\n"
    until = time.monotonic() + 20
    while run.poll() is None and time.monotonic() < until:
        made = [path for path in shelf.recordings.glob("*/*") if format_of(path.name.removesuffix(".part"))]
        if len(made) > done:
            break
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()
    assert set(states(shelf).values()) == {OK}, "whatever the moment, each has a file as the log says"
    shelf.runner.resume()
    shelf.now += 90_000
    shelf.night()
    assert states(shelf) == dict.fromkeys(rids, OK)
    left = sorted(path for path in shelf.recordings.glob("*/*") if path.suffix != ".peaks")
    assert left == sorted(shelf.file(rid) for rid in rids)
    assert all(archived(shelf, rid) for rid in rids)


def tones(seconds: float) -> bytes:
    """A recording with a tone of its own on each side."""
    at = np.arange(round(8000 * seconds)) / 8000
    both = np.stack([np.sin(2 * np.pi * hz * at) for hz in (500, 1500)], axis=1)
    pcm = (8000 * both).astype("<i2")
    return wav.header(2, pcm.nbytes) + pcm.tobytes()


def test_mp3_is_an_eighth_as_long_lasts_as_long_and_keeps_the_sides_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "a.wav", tmp_path / "a.mp3"
    first.write_bytes(tones(20))
    written = archive(first, second, FORMATS["mp3"])
    assert first.stat().st_size / 8.5 < written.size < first.stat().st_size / 7.5
    samples = np.concatenate(list(read(second))).astype(np.float64)
    assert 0 <= len(samples) - 160_000 <= mp3.SLACK_FRAMES
    spectrum = np.abs(np.fft.rfft(samples[40_000:120_000], axis=0)) * 2 / 80_000
    own, other = spectrum[[5000, 15000], [0, 1]], spectrum[[15000, 5000], [0, 1]]
    assert np.all(own > 7000)
    assert np.all(other < 80), "40 dB apart"


@pytest.mark.parametrize("frames", [1, 100, 575, 577, 8000, 12_345])
def test_however_short_an_mp3_is_as_long_as_its_recording(tmp_path: Path, frames: int) -> None:
    first, second = tmp_path / "a.wav", tmp_path / "a.mp3"
    first.write_bytes(speech(frames))
    archive(first, second, FORMATS["mp3"])
    assert sum(len(block) for block in read(second)) == frames


def test_where_mp3_cannot_be_written_a_night_archives_in_a_law(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    mp3.available.cache_clear()
    try:
        shelf = Shelf(tmp_path, Retention(archive_format="mp3"))
        rid = shelf.make(9)
        shelf.night()
        assert format_of(shelf.file(rid).name) is FORMATS["alaw"]
    finally:
        mp3.available.cache_clear()


def test_an_mp3_that_does_not_hold_all_of_it_is_found_before_the_first_file_goes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.wav", tmp_path / "a.mp3"
    first.write_bytes(speech(80_000))
    mp3.encode(first, second)
    mp3.check(first, second)
    second.write_bytes(second.read_bytes()[: second.stat().st_size // 2])
    with pytest.raises(OSError, match="samples"):
        mp3.check(first, second)


def test_the_picture_of_a_recording_is_kept_when_it_is_archived(shelf: Shelf) -> None:
    rid = shelf.make(9, data=tones(2))
    before = peaks(shelf.file(rid))
    shelf.night()
    assert peaks_file(shelf.file(rid)).exists()
    assert peaks(shelf.file(rid)) == before
    peaks_file(shelf.file(rid)).unlink()
    again = np.frombuffer(b"".join(peaks(shelf.file(rid))), np.uint8).astype(int)
    assert np.abs(again - np.frombuffer(b"".join(before), np.uint8)).max() <= 12
