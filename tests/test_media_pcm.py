"""PCM on a terminal, with a pty for the modem."""

import contextlib
import os
import tty
from collections.abc import Iterator

import numpy as np
import pytest

from hardware.line import FRAME
from hardware.media.matrix import frames
from hardware.media.pcm_bank import PcmBank, misaligned

VOICE = (8000 * np.sin(np.arange(8000) * 2 * np.pi * 300 / 8000)).astype("<i2")


@pytest.fixture
def modem() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for fd in (master, slave):
        with contextlib.suppress(OSError):
            os.close(fd)


def said(bank: PcmBank, ticks: int = 1) -> np.ndarray:
    into = frames(2)
    heard = []
    for _ in range(ticks):
        bank.read(into)
        heard.append(into[1].copy())
    return np.concatenate(heard)


@pytest.mark.parametrize("off", [0, 1])
def test_voice_is_heard_whether_or_not_the_stream_starts_on_a_sample(
    modem: tuple[int, str], off: int
) -> None:
    master, path = modem
    bank = PcmBank()
    bank.open(1, path)
    stream = VOICE.tobytes()[off:]
    heard = []
    for _ in range(40):
        os.write(master, stream[:321])
        stream = stream[321:]
        heard.append(said(bank))
    steps = np.abs(np.diff(np.concatenate(heard[15:]).astype(int)))
    assert 0 < steps.max() < 2500, "a voice is smooth; bytes in the wrong order are not"
    bank.shut()


def test_every_tick_writes_320_bytes_and_drops_what_the_device_does_not_take(modem: tuple[int, str]) -> None:
    master, path = modem
    bank = PcmBank()
    bank.open(1, path)
    sink = frames(2)
    sink[1] = 258
    bank.write(sink)
    assert os.read(master, 1000) == b"\2\1" * FRAME
    for _ in range(1000):
        bank.write(sink)
    os.set_blocking(master, False)
    waiting = b""
    try:
        while True:
            waiting += os.read(master, 65536)
    except BlockingIOError:
        pass
    assert len(waiting) < 1000 * 320
    bank.write(sink)
    bank.write(sink)
    waiting += os.read(master, 65536)
    assert len(waiting) % 320 == 0, "half a frame can stall a modem"
    assert not bank.failed
    bank.shut()


def test_an_unplugged_device_fails_its_line_once(modem: tuple[int, str]) -> None:
    master, path = modem
    bank = PcmBank()
    bank.open(1, path)
    os.close(master)
    said(bank, 3)
    assert [row for row, _ in bank.failed] == [1]
    assert bank.size == 0
    bank.write(frames(2))


def test_a_device_that_is_not_there_cannot_be_opened() -> None:
    with pytest.raises(FileNotFoundError):
        PcmBank().open(1, "/dev/no-such-modem")


def test_alignment_is_told_by_smoothness_and_not_by_silence() -> None:
    assert misaligned(VOICE.tobytes()) is False
    assert misaligned(VOICE.tobytes()[1:]) is True
    assert misaligned(bytes(3200)) is None
    noise = np.random.default_rng(1).integers(-9000, 9000, 1600).astype("<i2")
    assert misaligned(noise.tobytes()) is False
