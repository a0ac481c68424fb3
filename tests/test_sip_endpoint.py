"""The SIP socket: two boxes on the loopback."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest

from hardware.line import Alerting, Answered, Cause, Cleared, Line, Ringing, Signal, Sound, Up
from hardware.sip.endpoint import SipEndpoint
from hardware.sip.settings import SipSettings

Said = list[tuple[str, Signal]]


def run(test: Callable[[], Coroutine[None, None, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(limited())


@asynccontextmanager
async def endpoint(said: Said, lines: int = 2, bind_ip: str = "127.0.0.1") -> AsyncIterator[SipEndpoint]:
    made = SipEndpoint(
        SipSettings(bind_ip, 0, "127.0.0.1", 40000, lines, "box", numbers=frozenset({"12345"}))
    )
    await made.start()
    for line in made.lines:
        line.open(lambda signal, name=line.name: said.append((name, signal)))  # type: ignore[misc]  # default binds
    try:
        yield made
    finally:
        await made.stop()
        assert made.core.counts["bug"] == 0


async def until(said: Said, kind: type[Signal]) -> None:
    while not any(isinstance(signal, kind) for _, signal in said):
        await asyncio.sleep(0.005)


def test_sip_lines_are_lines() -> None:
    async def test() -> None:
        said: Said = []
        async with endpoint(said) as box:
            lines: list[Line] = list(box.lines)
            assert [line.name for line in lines] == ["sip/0", "sip/1"]
            assert said == [], "nothing is posted from within a verb"
            await asyncio.sleep(0)
            assert said == [("sip/0", Up()), ("sip/1", Up())]

    run(test)


def test_two_boxes_talk_and_stopping_one_ends_the_call() -> None:
    async def test() -> None:
        here: Said = []
        there: Said = []
        async with endpoint(there, bind_ip="0.0.0.0") as far:
            async with endpoint(here) as box:
                line = box.line_for()
                assert line is not None
                line.dial(f"sip:12345@127.0.0.1:{far.port}", "13800138000")
                await until(there, Ringing)
                far.lines[0].answer()
                await until(there, Answered)
                assert far.lines[0].busy
                assert box.line_for() is box.lines[1]
                started = asyncio.get_running_loop().time()
            assert asyncio.get_running_loop().time() - started < 1.0
            await until(there, Cleared)
        assert [type(signal) for name, signal in here if name == "sip/0"] == [
            Up,
            Alerting,
            Sound,
            Answered,
            Cleared,
        ]

    run(test)


def test_a_line_given_back_ends_its_call_and_says_nothing_more() -> None:
    async def test() -> None:
        here: Said = []
        there: Said = []
        async with endpoint(there) as far, endpoint(here, lines=1) as box:
            box.lines[0].dial(f"sip:12345@127.0.0.1:{far.port}", None)
            await until(there, Ringing)
            box.lines[0].close()
            await until(there, Cleared)
            assert not any(isinstance(signal, Cleared) for _, signal in here)
            assert box.line_for() is None

    run(test)


def test_stopping_waits_at_most_two_seconds_for_who_does_not_answer() -> None:
    async def test() -> None:
        said: Said = []
        async with endpoint(said) as box:
            box.lines[0].dial("sip:12345@127.0.0.1:9", None)
            started = asyncio.get_running_loop().time()
        assert 1.5 < asyncio.get_running_loop().time() - started < 3.0

    run(test)


def test_a_bug_in_who_listens_does_not_stop_the_line(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        said: Said = []

        def post(signal: Signal) -> None:
            said.append(("", signal))
            raise RuntimeError("a bug")

        async with endpoint([]) as far, endpoint([]) as box:
            box.lines[0].open(post)
            box.lines[0].dial(f"sip:54321@127.0.0.1:{far.port}", None)
            with caplog.at_level(logging.CRITICAL):
                await until(said, Cleared)
            assert said[-1] == ("", Cleared(Cause.UNALLOCATED))
            assert box.core.counts.pop("bug") == len(said)

    run(test)


def test_a_line_is_given_out_again_only_when_the_end_of_its_call_was_heard() -> None:
    async def test() -> None:
        said: Said = []
        async with endpoint([]) as far, endpoint(said, lines=1) as box:
            free_when_told: list[object] = []

            def post(signal: Signal) -> None:
                said.append(("sip/0", signal))
                if isinstance(signal, Cleared):
                    free_when_told.append(box.line_for())

            (line,) = box.lines
            line.open(post)
            line.dial(f"sip:12345@127.0.0.1:{far.port}", None)
            line.hangup(Cause.NORMAL)
            assert box.line_for() is None
            await until(said, Cleared)
            assert free_when_told == [None], "whoever hears it has not yet done what it means"
            assert box.line_for() is line

    run(test)
