"""A bad line: ``python -m tests.chaos.line LISTEN TARGET --delay-ms 30 --loss 0.1 --seed 1``.

TCP hides lost packets from those who use it: what they see of one is that everything behind it comes
late, by the time until it is sent again. So a lost piece is held back that long, and what follows with it.
"""

import argparse
import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

PIECE_BYTES = 1400
"""What goes into a packet."""
AGAIN_S = 0.2
"""The shortest time until TCP sends a packet again (RFC 6298 as Linux has it); it doubles when lost again."""
WAITING = 64


class Line:
    """Carries bytes between who connects and the target, both ways, late."""

    def __init__(self, target: str, delay_s: float, loss: float, dice: random.Random) -> None:
        host, _, port = target.partition(":")
        self._target = (host, int(port))
        self._delay_s, self._loss, self._dice = delay_s, loss, dice

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING)
        last = asyncio.create_task(self._deliver(way, writer))
        with suppress(OSError):
            while data := await reader.read(PIECE_BYTES):
                await way.put((asyncio.get_running_loop().time() + self._late_s(), data))
        await way.put((0.0, b""))
        await last

    async def _deliver(self, way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while (item := await way.get())[1]:
                due_s, data = item
                await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
                writer.write(data)
                await writer.drain()
        writer.close()

    def _late_s(self) -> float:
        late_s, again_s = self._delay_s, AGAIN_S
        while self._dice.random() < self._loss:
            late_s, again_s = late_s + again_s, 2 * again_s
        return late_s


async def run(listen: str, line: Line) -> None:
    """Listen and carry for ever."""
    host, _, port = listen.partition(":")
    server = await asyncio.start_server(line.serve, host, int(port))
    await server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    """Be a bad line until killed."""
    parser = argparse.ArgumentParser(prog="tests.chaos.line")
    parser.add_argument("listen")
    parser.add_argument("target")
    parser.add_argument("--delay-ms", type=float, default=30.0)
    parser.add_argument("--loss", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    line = Line(options.target, options.delay_ms / 1000, options.loss, random.Random(options.seed))
    asyncio.run(run(options.listen, line))


if __name__ == "__main__":
    main()
