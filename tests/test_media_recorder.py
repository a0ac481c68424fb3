"""Recordings: what is in them, and what a crash leaves."""

import os
import resource
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from hardware.line import FRAME
from hardware.media.bank import Frames
from hardware.media.disk import Begin, Disk, Finished, Marks
from hardware.media.matrix import frames
from hardware.media.recorder import PIECE_TICKS, Recorder
from hardware.media.reel import Reel
from hardware.media.wav import HEADER_BYTES, header, repair


def sides(path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Left and right of a recording, read by the standard library."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return both[:, 0], both[:, 1]


class Taps(Recorder):
    """A recorder with a reel of its own: each `tick` has the sound given for all rows."""

    def __init__(self, disk: Disk, rows: int = 4) -> None:
        self.reel = Reel(rows)
        super().__init__(disk, self.reel)

    def tick(self, said: Frames | int = 0, heard: Frames | int = 0) -> None:
        self.reel.turn()
        self.reel.said[:], self.reel.heard[:] = said, heard
        self.tap()
        self.hand_over()


def settled(recorder: Recorder, disk: Disk, count: int) -> list[Finished]:
    """Wait for the disk's thread, at most five seconds."""
    done: list[Finished] = []
    recorder.hand_over()
    until = time.monotonic() + 5
    while len(done) < count and time.monotonic() < until:
        done += recorder.finished()
        time.sleep(0.01)
    assert len(done) == count
    return done


def test_left_is_what_the_line_says_and_right_what_it_hears(tmp_path: Path) -> None:
    disk = Disk()
    recorder = Taps(disk)
    path = tmp_path / "2026" / "08" / "call.wav"
    said, heard = frames(4), frames(4)
    for tick in range(73):
        if tick == 3:
            recorder.start(2, "sip/2", "r1", str(path))
        said[2], heard[2] = tick, 1000 + tick
        recorder.tick(said, heard)
    recorder.finish("r1")
    (done,) = settled(recorder, disk, 1)
    disk.close()
    assert done == Finished("r1", "sip/2", str(path), 1.4)
    left, right = sides(path)
    assert left.tolist() == np.repeat(np.arange(3, 73), FRAME).tolist()
    assert (right - left == 1000).all()


def test_many_recordings_run_at_once_and_each_keeps_its_own(tmp_path: Path) -> None:
    disk = Disk()
    recorder = Taps(disk, 64)
    said, heard = frames(64), frames(64)
    said[:] = np.arange(64)[:, None]
    for row in range(50):
        recorder.start(row, f"sip/{row}", f"r{row}", str(tmp_path / f"{row}.wav"))
    for _ in range(45):
        recorder.tick(said, heard)
    recorder.finish_row(7)
    for _ in range(5):
        recorder.tick(said, heard)
    assert len(recorder) == 49
    recorder.finish_all()
    seconds = {done.id: done.seconds for done in settled(recorder, disk, 50)}
    disk.close()
    assert seconds["r7"] == pytest.approx(0.9)
    assert seconds["r8"] == pytest.approx(1.0)
    for row in range(50):
        left, right = sides(tmp_path / f"{row}.wav")
        assert (left == row).all()
        assert not right.any()


def test_a_growing_recording_can_be_listened_to(tmp_path: Path) -> None:
    disk = Disk()
    recorder = Taps(disk)
    path = tmp_path / "call.wav"
    recorder.start(0, "sip/0", "r", str(path))
    for _ in range(150):
        recorder.tick(9, 9)
    until, heard = time.monotonic() + 5, 0.0
    while heard < 150 - PIECE_TICKS:
        assert time.monotonic() < until
        time.sleep(0.01)
        if path.exists() and path.stat().st_size > 32000:
            heard = len(sides(path)[0]) / FRAME
    assert heard <= 150
    recorder.finish_all()
    disk.close()


def test_what_is_masked_is_recorded_as_silence_of_the_same_length(tmp_path: Path) -> None:
    disk = Disk()
    recorder = Taps(disk)
    for name in ("open", "masked"):
        recorder.start(1, "sip/1", name, str(tmp_path / f"{name}.wav"))
    for tick in range(1, 71):
        if tick in (15, 45):
            recorder.mask("masked", tick == 15)
        recorder.tick(tick, -tick)
    recorder.finish_all()
    settled(recorder, disk, 2)
    disk.close()
    every = np.repeat(np.arange(1, 71), FRAME)
    kept = np.where((every >= 15) & (every < 45), 0, every)
    for name, expected in (("open", every), ("masked", kept)):
        left, right = sides(tmp_path / f"{name}.wav")
        assert left.tolist() == expected.tolist()
        assert right.tolist() == (-expected).tolist()


def test_a_recording_goes_on_when_lines_are_added(tmp_path: Path) -> None:
    disk = Disk()
    recorder = Taps(disk)
    recorder.start(3, "sip/3", "r", str(tmp_path / "r.wav"))
    for tick in range(50):
        if tick == 27:
            recorder.reel.grow(64)
        recorder.tick(tick, -tick)
    recorder.finish_all()
    settled(recorder, disk, 1)
    disk.close()
    left, right = sides(tmp_path / "r.wav")
    assert left.tolist() == np.repeat(np.arange(50), FRAME).tolist()
    assert right.tolist() == (-left).tolist()


def test_a_recording_never_overwrites_a_file(tmp_path: Path) -> None:
    (tmp_path / "old.wav").write_bytes(b"evidence")
    disk = Disk()
    recorder = Taps(disk)
    recorder.start(0, "sip/0", "r", str(tmp_path / "old.wav"))
    (done,) = settled(recorder, disk, 1)
    disk.close()
    assert "exists" in done.reason
    assert len(recorder) == 0
    assert (tmp_path / "old.wav").read_bytes() == b"evidence"


def test_a_full_disk_ends_the_recording_and_leaves_what_fits(tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: the write is cut short, then refused."""
    script = f"""
import resource, signal
from hardware.media.disk import Begin, Disk
from tests.test_media_recorder import Taps
import time
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, {resource.RLIM_INFINITY}))
disk = Disk()
recorder = Taps(disk)
recorder.start(0, "sip/0", "r", {str(tmp_path / "call.wav")!r})
done = []
while not done:
    recorder.tick()
    done = recorder.finished()
    time.sleep(0.001)
print(done[0].reason, len(recorder), done[0].seconds, sep="|")
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True
    )
    reason, running, seconds = ran.stdout.strip().split("|")
    assert reason == "disk full"
    assert running == "0"
    left, _ = sides(tmp_path / "call.wav")
    assert len(left) / 8000 == pytest.approx(float(seconds))
    assert len(left) > 0


def test_after_sigkill_at_most_a_second_is_missing_and_the_next_start_says_so(tmp_path: Path) -> None:
    marks, path = tmp_path / "open", tmp_path / "call.wav"
    script = f"""
import sys, time
from pathlib import Path
from hardware.media.disk import Begin, Disk
from tests.test_media_recorder import Taps
recorder = Taps(Disk(Path({str(marks)!r})))
recorder.start(0, "sip/0", "r", {str(path)!r})
start = time.monotonic()
for tick in range(1000):
    recorder.tick()
    print(tick + 1, flush=True)
    time.sleep(max(0, start + tick * 0.02 - time.monotonic()))
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    ticks = 0
    for line in child.stdout:
        ticks = int(line)
        if ticks == 95:
            child.send_signal(signal.SIGKILL)
    child.wait()
    left, _ = sides(path)
    assert 0 <= ticks * FRAME - len(left) <= 8000
    with path.open("ab") as torn:
        torn.write(b"\1" * 1001)
    (found,) = Marks(marks).recover()
    assert found == Finished("r", "sip/0", str(path), (len(left) + 250) / 8000, "interrupted")
    assert len(sides(path)[0]) == len(left) + 250
    assert Marks(marks).recover() == []


@pytest.mark.parametrize("left_by_the_cut", ["stale sizes", "header never written", "header cut"])
def test_repair_takes_the_length_from_the_file(tmp_path: Path, left_by_the_cut: str) -> None:
    path = tmp_path / "call.wav"
    sound = np.arange(4000, dtype="<i2").tobytes()
    head = {
        "stale sizes": header(2, 160),
        "header never written": bytes(HEADER_BYTES),
        "header cut": header(2, 0)[:20],
    }[left_by_the_cut]
    path.write_bytes(head + (sound + b"\7" if len(head) == HEADER_BYTES else b""))
    seconds = repair(path)
    left, right = sides(path)
    assert seconds == len(left) / 8000
    if len(head) == HEADER_BYTES:
        assert left.tolist() == list(range(0, 4000, 2))
        assert right.tolist() == list(range(1, 4000, 2))


def test_repair_leaves_other_peoples_files_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"not a recording of ours" * 10)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="none of our recordings"):
        repair(path)
    assert path.read_bytes() == before


def test_marks_with_a_torn_last_line_are_still_read(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "marks")
    marks.opened(
        Begin("a", "sip/1", str(tmp_path / "gone.wav")), Begin("b", "sip/2", str(tmp_path / "b.wav"))
    )
    marks.closed("b")
    assert marks.fd is not None
    os.write(marks.fd, b'{"open": true, "id": "c", "li')
    (found,) = Marks(tmp_path / "marks").recover()
    assert (found.id, found.seconds) == ("a", 0.0)
    assert "not repaired" in found.reason


def test_while_masked_both_sides_are_silent_and_time_goes_on(tmp_path: Path) -> None:
    disk = Disk()
    recorder = Taps(disk)
    paths = {name: tmp_path / f"{name}.wav" for name in ("masked", "beside")}
    for row, (name, path) in enumerate(paths.items()):
        recorder.start(row, f"sip/{row}", name, str(path))
    for tick in range(1, 101):
        if tick in (31, 41):
            recorder.mask("masked", tick == 31)
        recorder.tick(tick, 1000 + tick)
    recorder.mask("unknown", True)
    recorder.finish_all()
    assert [done.seconds for done in settled(recorder, disk, 2)] == [2.0, 2.0]
    disk.close()
    spoken = np.arange(1, 101)
    quiet = (spoken >= 31) & (spoken < 41)
    left, right = sides(paths["masked"])
    assert left[::FRAME].tolist() == np.where(quiet, 0, spoken).tolist()
    assert right[::FRAME].tolist() == np.where(quiet, 0, spoken + 1000).tolist()
    left, _ = sides(paths["beside"])
    assert left[::FRAME].tolist() == spoken.tolist()


def test_a_new_recording_in_the_place_of_a_masked_one_is_not_masked(tmp_path: Path) -> None:
    disk = Disk()
    recorder = Taps(disk)
    for name in ("one", "two"):
        recorder.start(0, "sip/0", name, str(tmp_path / f"{name}.wav"))
        recorder.tick(7)
        recorder.mask(name, name == "one")
        recorder.tick(7)
        recorder.finish(name)
    settled(recorder, disk, 2)
    disk.close()
    assert sides(tmp_path / "one.wav")[0][::FRAME].tolist() == [7, 0]
    assert sides(tmp_path / "two.wav")[0][::FRAME].tolist() == [7, 7]
