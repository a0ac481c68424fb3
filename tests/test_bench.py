"""The bench measures what it says: punctual frames, delays of bursts, growth of memory; and its picture."""

import os
import re
import socket
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from appliance.commands.bench import BENCHES, USUAL, WHOLE
from hardware.line import FRAME
from tests.bench import call, plot, queued, table
from tests.bench.crowd import back_at_once
from tests.bench.ears import BURST_TICKS, Ear, Mouth, delays_ms
from tests.bench.figure import figure
from tests.bench.machine import Look, noise
from tests.bench.soak import slope
from tests.bench.tap import _SEEN, Tap, judge
from tests.box import ROOT, free_range

MS = 1_000_000
SVG = "{http://www.w3.org/2000/svg}"


def stream(frames: int, port: int = 20000, seq: int = 65_500, stamp: int = 2**32 - 900) -> np.ndarray:
    """Frames of one line, each in its time; numbers and stamps begin anew on the way."""
    seen = np.zeros(frames, _SEEN)
    n = np.arange(frames)
    seen["at_ns"], seen["port"], seen["ssrc"] = 20 * MS * n, port, port
    seen["seq"], seen["stamp"] = (seq + n) % 2**16, (stamp + FRAME * n) % 2**32
    return seen


def test_frames_in_their_time_are_neither_missing_nor_late() -> None:
    seen = judge(np.concatenate([stream(500), stream(300, 20002)]))
    assert (seen.streams, seen.frames, seen.missing, seen.late, seen.gaps) == (2, 800, 0, 0, 0)
    assert seen.worst_ms < 0.001


def test_a_frame_that_was_never_sent_is_missing_and_leaves_a_gap() -> None:
    seen = judge(np.delete(stream(500), [40, 250, 251]))
    assert (seen.missing, seen.late, seen.gaps) == (3, 0, 1)


def test_frames_sent_late_are_late_however_many_they_are() -> None:
    late = stream(500)
    late["at_ns"][100:130] += 21 * MS
    seen = judge(late)
    assert (seen.missing, seen.late, seen.gaps) == (0, 30, 1)
    assert seen.worst_ms == pytest.approx(21)


@pytest.mark.skipif(os.geteuid() != 0, reason="looking at other sockets' packets needs root")
def test_the_tap_sees_every_packet_of_the_lines_it_looks_at_and_no_other() -> None:
    base = free_range(8)
    lines = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    for number, line in enumerate(lines):
        line.bind(("127.0.0.1", base + 2 * number))
    with lines[0], lines[1], lines[2], lines[3], Tap(base, 4, every=2) as tap:
        for n in range(50):
            for number, line in enumerate(lines):
                head = (
                    b"\x80\x08" + n.to_bytes(2, "big") + (FRAME * n).to_bytes(4, "big") + bytes([number] * 4)
                )
                line.sendto(head + bytes(FRAME), ("127.0.0.1", base + 7))
            time.sleep(0.002)
    seen = tap.punctuality()
    assert (seen.streams, seen.frames, seen.missing, seen.unseen) == (2, 100, 0, 0)


def test_a_burst_is_timed_to_the_sample_wherever_the_frames_are_cut() -> None:
    mouth, ear = Mouth(1), Ear()
    spoken = [mouth.frame(n * 0.02) for n in range(10 * BURST_TICKS)]
    sound = np.concatenate([np.zeros(47, np.int16), *spoken])[: -47 - FRAME]
    for n in range(len(sound) // FRAME):
        ear.hear(sound[n * FRAME : (n + 1) * FRAME], n * 0.02 + 0.030)
    took_ms, unheard = delays_ms(mouth, ear, 0.0, 4.5)
    assert len(took_ms) == 9
    assert unheard == 0
    assert took_ms == pytest.approx([30 + 47 / 8] * 9)


def test_a_burst_that_does_not_arrive_is_counted() -> None:
    mouth = Mouth(1)
    for n in range(2 * BURST_TICKS):
        mouth.frame(n * 0.02)
    assert delays_ms(mouth, Ear(), 0.0, 9.0) == ([], 2)


def test_noise_is_what_neither_the_box_nor_the_bench_used() -> None:
    found = noise(Look(1.5, 100, 2, 1000, 10), Look(9, 150, 3, 1100, 15), box_s=20)
    assert [found.load, found.steal, found.others] == pytest.approx([1.5, 0.01, 0.25])


def test_growth_is_the_slope_through_all_looks() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2)
    assert slope([0, 1, 2, 3], [5, 6, 5, 6]) == pytest.approx(0.2)


def test_the_picture_shows_every_point_of_ours_and_of_asterisk() -> None:
    ours = {calls: 1.0 + calls / 1000 for calls in plot.IVR_CALLS}
    picture = ElementTree.fromstring(plot.drawn(plot.series(ours, {50: 2.0})))
    points = [title.text or "" for title in picture.iter(f"{SVG}title")]
    assert len(points) == len(ours) + 1 + len(call.ASTERISK_MS) + len(queued.ASTERISK_MS)
    assert "100 calls: 8.70 ms" in points
    assert "400 calls: 1.40 ms" in points
    heights = {p: float(c.get("cy", "")) for p, c in zip(points, picture.iter(f"{SVG}circle"), strict=True)}
    assert heights["100 calls: 8.70 ms"] < heights["400 calls: 1.40 ms"]


def test_the_picture_in_the_architecture_has_all_that_the_bench_draws() -> None:
    picture = ElementTree.parse(plot.PICTURE).getroot()
    calls = [int(re.match(r"\d+", title.text or "")[0]) for title in picture.iter(f"{SVG}title")]  # type: ignore[index]
    assert set(plot.IVR_CALLS) <= set(calls)
    assert str(plot.PICTURE.relative_to(ROOT)) in (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def test_the_table_says_what_was_measured_what_it_should_be_and_what_was_missed(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    found = [
        figure("call", "cpu_at_100_calls", 1.2345678, "ms/s", 1.5, 8.7),
        figure("full", "frames_late_20ms", 3, "", 0),
        figure("call", "machine_others_at_100_calls", 12.3, "%"),
    ]
    for _ in range(2):
        table.write(found, document)
    text = document.read_text()
    assert "digits, 100 calls: CPU a call-second | 1.235 ms | 1.5 ms | 8.7 ms | yes |" in text
    assert "late by more than 20 ms | 3 | 0 |  | **no** |" in text
    assert "Other processes had at worst 12 %" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text


def test_every_bench_can_be_asked_for_and_is_in_the_whole() -> None:
    assert set(USUAL) | set(WHOLE) == set(BENCHES)


@pytest.mark.broker
def test_a_small_crowd_of_sites_that_was_cut_off_comes_back_with_all_it_wrote() -> None:
    """The bench itself, with five sites instead of five hundred."""
    found = {one["figure"]: one["value"] for one in back_at_once(5)}
    assert found["5_sites_back_at_once"] > 0
    assert found["hub_memory_at_5_sites"] > 10
