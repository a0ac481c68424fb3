"""The call process's socket: orders in, replies and notices out, whoever is at the other end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.calls import wire
from appliance.calls.control import LINE_MAX, Control
from appliance.refused import Refused

BOARD = wire.Board(seats=[], calls=[], queues=[], lines=[], idle_lines=3, media=wire.MediaView())
SEAT = wire.Seat(agent="1001", name="王晓燕", extension="8001", state="ready", since_s=1.0)


class Desk:
    """A page's end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def says(self, line: bytes) -> Any:
        self.writer.write(line + b"\n")
        return await self.hears()

    async def orders(self, number: int, **order: str) -> Any:
        return await self.says(json.dumps({"id": number, "order": order}).encode())

    async def hears(self) -> Any:
        async with asyncio.timeout(5):
            return json.loads(await self.reader.readline())


class Room:
    """A control socket with a call process behind it that refuses pauses and does all else."""

    def __init__(self, path: Path) -> None:
        self.done: list[wire.Order] = []
        self.path = path
        self.control = Control(path, self.carry_out, lambda: BOARD)

    def carry_out(self, order: wire.Order) -> dict[str, Any]:
        if isinstance(order, wire.Pause):
            raise Refused("not_signed_in")
        self.done.append(order)
        return {"token": "t"} if isinstance(order, wire.SoundToken) else {}

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        reader, writer = await asyncio.open_unix_connection(str(self.path), limit=1 << 20)
        try:
            yield Desk(reader, writer)
        finally:
            writer.close()


@asynccontextmanager
async def room(folder: Path) -> AsyncIterator[Room]:
    opened = Room(folder / "calls.sock")
    await opened.control.start()
    try:
        yield opened
    finally:
        await opened.control.stop()


def test_an_order_is_done_and_answered_with_its_number(tmp_path: Path) -> None:
    async def run() -> None:
        async with room(tmp_path) as calls, calls.desk() as desk:
            assert await desk.orders(7, do="sound_token", extension="8001") == {
                "id": 7, "ok": True, "reason": "", "data": {"token": "t"}
            }  # fmt: skip
            assert calls.done == [wire.SoundToken("8001")]

    asyncio.run(run())


def test_what_is_refused_is_answered_with_one_word_of_the_table(tmp_path: Path) -> None:
    async def run() -> None:
        async with room(tmp_path) as calls, calls.desk() as desk:
            reply = await desk.orders(8, do="pause", agent="1001", reason="meal")
            assert (reply["id"], reply["ok"], reply["reason"]) == (8, False, "not_signed_in")
            assert reply["reason"] in wire.REASONS

    asyncio.run(run())


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"id": 1}', b'{"id": 1, "order": {"do": "dance"}}', b"\xff"]
)
def test_what_is_no_order_is_malformed_and_the_next_one_is_heard(tmp_path: Path, line: bytes) -> None:
    async def run() -> None:
        async with room(tmp_path) as calls, calls.desk() as desk:
            assert (await desk.says(line))["reason"] == "malformed"
            assert (await desk.orders(2, do="ready", agent="1001"))["ok"]

    asyncio.run(run())


def test_a_line_without_end_cuts_only_who_sent_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with room(tmp_path) as calls, calls.desk() as flood, calls.desk() as desk:
            flood.writer.write(b"x" * (2 * LINE_MAX))
            assert await flood.reader.read() == b""
            assert (await desk.orders(2, do="ready", agent="1001"))["ok"]

    asyncio.run(run())


def test_who_watches_gets_the_board_then_every_notice_others_none(tmp_path: Path) -> None:
    async def run() -> None:
        async with room(tmp_path) as calls, calls.desk() as watcher, calls.desk() as other:
            board = (await watcher.orders(1, do="watch"))["data"]
            assert msgspec.convert(board, wire.Board) == BOARD
            calls.control.tell(wire.SeatNotice(SEAT))
            told = await watcher.hears()
            assert told["notice"] == "seat"
            assert msgspec.convert(told["seat"], wire.Seat) == SEAT
            assert (await watcher.hears())["notice"] == "board"
            assert (await other.orders(2, do="board"))["data"]["idle_lines"] == 3

    asyncio.run(run())


def test_a_socket_left_by_an_earlier_life_is_taken_over(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "calls.sock").write_text("left behind")
        async with room(tmp_path) as calls, calls.desk() as desk:
            assert (await desk.orders(1, do="ready", agent="1001"))["ok"]
        assert not (tmp_path / "calls.sock").exists()

    asyncio.run(run())


@given(st.binary(max_size=200).filter(lambda line: b"\n" not in line))
def test_any_hostile_line_is_answered_with_a_reply(line: bytes) -> None:
    calls = Room(Path("never.sock"))
    assert not calls.control._answer(line, None).ok  # type: ignore[arg-type]  # only watchers need it
