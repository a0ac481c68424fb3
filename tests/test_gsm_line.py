"""The GSM line on the simulator's ports: another process behind pseudo-terminals, rung, heard, unplugged."""

import asyncio
import contextlib
import os
import sys
import wave
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.gsm.line import GsmLine
from hardware.gsm.simulated_party import tone
from hardware.line import (
    FRAME,
    RATE_HZ,
    TICK_S,
    Alerting,
    Answered,
    Cause,
    Cleared,
    Digit,
    Fault,
    PcmPort,
    Ringing,
    Signal,
    Sound,
    Text,
    TextLine,
    TextSent,
    Up,
)

pytestmark = pytest.mark.live

WAIT_S = 10.0
CALLER = "13800005678"
CHINESE = "人民路与建设路交叉口的路灯坏了三天，晚上很黑，请尽快派人来修。" * 3


class World:
    """A line, the simulator it is on, and what the line told."""

    def __init__(self, folder: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.folder = folder
        self._reader, self._writer = reader, writer
        self.signals: asyncio.Queue[Signal] = asyncio.Queue()
        self.line: TextLine = GsmLine("gsm/0", str(folder / "at"), str(folder / "pcm"))

    async def order(self, do: str, **what: object) -> dict[str, object]:
        """Tell the simulator."""
        self._writer.write(msgspec.json.encode({"do": do} | what) + b"\n")
        line = await asyncio.wait_for(self._reader.readline(), WAIT_S)
        return msgspec.json.decode(line, type=dict[str, object])

    async def next(self) -> Signal:
        """The next signal of the line."""
        return await asyncio.wait_for(self.signals.get(), WAIT_S)

    async def rings(self, **voice: object) -> None:
        """A mobile rings."""
        assert (await self.order("call", **{"from": CALLER}, **voice))["ok"]
        assert await self.next() == Ringing(CALLER, None)

    async def answered(self) -> None:
        """The box picks up."""
        self.line.answer()
        assert await self.next() == Sound(PcmPort(str(self.folder / "pcm")))
        assert await self.next() == Answered()


@asynccontextmanager
async def simulator(folder: Path) -> AsyncIterator[World]:
    """The simulator's process and a connection to its control socket."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hardware.gsm.simulator", "--dir", str(folder), "--ring-s", "1"
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(folder / "control")
                break
            await asyncio.sleep(0.05)
        world = World(folder, reader, writer)
        world.line.open(world.signals.put_nowait)
        assert await world.next() == Up()
        yield world
        world.line.close()
        writer.close()
    finally:
        process.terminate()
        await process.wait()


def on_the_simulator(folder: Path, story: Callable[[World], Coroutine[None, None, None]]) -> None:
    """Run a story."""

    async def run() -> None:
        async with simulator(folder) as world:
            await story(world)

    asyncio.run(run())


async def talk(path: Path, says: NDArray[np.int16]) -> NDArray[np.int16]:
    """Say frames into a PCM device every 20 ms, and what came out of it meanwhile."""
    loop = asyncio.get_running_loop()
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
    heard = b""
    due = loop.time()
    for at in range(0, len(says) - FRAME + 1, FRAME):
        os.write(device, says[at : at + FRAME].tobytes())
        with contextlib.suppress(BlockingIOError):
            heard += os.read(device, 4096)
        due += TICK_S
        await asyncio.sleep(due - loop.time())
    os.close(device)
    return np.frombuffer(heard[: len(heard) & ~1], np.int16)


def loudest_hz(samples: NDArray[np.int16]) -> float:
    """The frequency of the strongest line in the spectrum."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE_HZ / len(samples))


def test_a_mobile_call_is_rung_answered_heard_both_ways_and_hung_up(tmp_path: Path) -> None:
    record = tmp_path / "heard.wav"

    async def story(world: World) -> None:
        await world.rings(tone=440, record=str(record))
        await world.answered()
        heard = await talk(tmp_path / "pcm", tone(1000, seconds=1.2))
        assert len(heard) > 0.8 * RATE_HZ
        assert abs(loudest_hz(heard) - 440) < 5
        assert (await world.order("press", key="5"))["ok"]
        assert await world.next() == Digit("5")
        world.line.send_digits("9#")
        while (await world.order("state"))["keys"] != "9#":
            await asyncio.sleep(0.05)
        await world.order("hangup")
        assert await world.next() == Sound(None)
        assert await world.next() == Cleared(Cause.NORMAL)

    on_the_simulator(tmp_path, story)
    with wave.open(str(record), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    voiced = samples[np.abs(samples) > 0]
    assert abs(loudest_hz(samples) - 1000) < 5
    assert len(voiced) > 0.8 * RATE_HZ


def test_the_box_refuses_one_call_and_hangs_up_another(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.rings()
        world.line.hangup(Cause.REJECTED)
        assert await world.next() == Cleared(Cause.REJECTED)
        await world.rings()
        await world.answered()
        world.line.hangup(Cause.NORMAL)
        assert await world.next() == Sound(None)
        assert await world.next() == Cleared(Cause.NORMAL)
        state = await world.order("state")
        assert (state["call"], state["voice"]) == (None, False)

    on_the_simulator(tmp_path, story)


def test_the_box_calls_a_mobile_that_answers_and_one_that_is_busy(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.order("when_dialled", then="answer", after_s=0.6, tone=440)
        world.line.dial(CALLER, None)
        assert await world.next() == Alerting(early=True)
        assert await world.next() == Sound(PcmPort(str(tmp_path / "pcm")))
        assert await world.next() == Answered()
        await world.order("hangup")
        assert [await world.next(), await world.next()] == [Sound(None), Cleared(Cause.NORMAL)]
        await world.order("when_dialled", then="busy", after_s=0.1)
        world.line.dial(CALLER, None)
        assert await world.next() == Cleared(Cause.BUSY)

    on_the_simulator(tmp_path, story)


def test_a_long_chinese_message_arrives_is_taken_and_answered(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.order("sms", **{"from": CALLER}, text=CHINESE)
        text = await world.next()
        assert isinstance(text, Text)
        assert (text.sender, text.text) == (CALLER, CHINESE)
        assert (await world.order("state"))["stored"] == 2
        world.line.taken(text.key)
        world.line.send_text(CALLER, "您反映的问题已受理。" * 10, "reply/1")
        assert await world.next() == TextSent("reply/1", True)
        assert (await world.order("sent"))["sent"] == [{"to": CALLER, "text": "您反映的问题已受理。" * 10}]
        assert (await world.order("state"))["stored"] == 0

    on_the_simulator(tmp_path, story)


def test_a_plug_pulled_in_a_call_is_a_fault_and_put_in_again_the_line_is_up(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.rings()
        await world.answered()
        await world.order("unplug")
        assert [await world.next(), await world.next()] == [Sound(None), Cleared(Cause.OUT_OF_ORDER)]
        fault = await world.next()
        assert isinstance(fault, Fault)
        assert "gone" in fault.reason
        await world.order("plug")
        assert await world.next() == Up()

    on_the_simulator(tmp_path, story)


def test_a_port_that_is_not_there_is_a_fault_with_its_name(tmp_path: Path) -> None:
    async def run() -> None:
        signals: asyncio.Queue[Signal] = asyncio.Queue()
        line = GsmLine("gsm/0", str(tmp_path / "ttyUSB2"), None, profile="generic")
        line.open(signals.put_nowait)
        fault = await asyncio.wait_for(signals.get(), WAIT_S)
        assert isinstance(fault, Fault)
        assert "ttyUSB2" in fault.reason
        line.dial("10086", None)
        assert await asyncio.wait_for(signals.get(), WAIT_S) == Cleared(Cause.OUT_OF_ORDER)
        line.close()
        assert signals.empty()

    asyncio.run(run())


def test_two_lines_cannot_share_a_port(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        signals: asyncio.Queue[Signal] = asyncio.Queue()
        second = GsmLine("gsm/1", str(tmp_path / "at"), None)
        second.open(signals.put_nowait)
        fault = await asyncio.wait_for(signals.get(), WAIT_S)
        second.close()
        assert isinstance(fault, Fault)
        assert "another program has it" in fault.reason
        await world.rings()

    on_the_simulator(tmp_path, story)


def test_the_simulator_says_what_it_does_not_understand(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        for do, what in (
            ("dance", {}),
            ("press", {"key": "5"}),
            ("call", {"from": CALLER, "wav": "/nowhere"}),
        ):
            reply = await world.order(do, **what)
            assert reply["ok"] is False
            assert reply["reason"]

    on_the_simulator(tmp_path, story)
