"""A SIM7600-like GSM modem with a SIM card, a network and mobile telephones, all simulated at the wire.

    python -m hardware.gsm.simulator --dir DIR [--control SOCKET] [--pin PIN] [--ring-s 4]

makes two pseudo-terminals and points `DIR/at` (AT commands) and `DIR/pcm` (voice: S16LE
mono 8 kHz, 320 bytes every 20 ms each way) at them. The box uses them as it uses
`/dev/ttyUSB2` and `/dev/ttyUSB4`; it cannot tell the difference, and nothing in it
knows of this program. For demonstrations, tests, and technicians without hardware.

What people and the network do is said on the Unix socket `DIR/control`: one JSON object
a line, each answered by one JSON object, with ``"ok": false`` and a ``reason`` when it
cannot be done.

    {"do": "call", "from": "13800005678", "tone": 440, "record": "heard.wav"}
        a mobile rings the box; once answered it says the tone for ever (or
        "wav": a mono 16-bit 8 kHz file, once) and what it hears is recorded
    {"do": "press", "key": "1"}         the mobile party presses a key: tone in the PCM, then +RXDTMF
    {"do": "hangup"}                    the mobile party hangs up or gives up
    {"do": "when_dialled", "then": "answer", "after_s": 1.0, "tone": 440, "record": "heard.wav"}
        what comes of calls the box makes: answer, busy, no answer, reject
    {"do": "sms", "from": "13800005678", "text": "..."}
    {"do": "sent"}                      the short messages the box sent: {"ok": true, "sent": [...]}
    {"do": "state"}                     registration, SIM, call, keys heard, stored messages
    {"do": "network", "stat": 2}        the registration changes (3GPP TS 27.007: 1 home, 2 searching ...)
    {"do": "sim", "state": "NOT INSERTED"}    or READY, SIM PIN
    {"do": "unplug"}, {"do": "plug"}    the USB plug: both ports go away and come back
"""

import argparse
import asyncio
import contextlib
import os
import signal
import termios
import time
import tty
from pathlib import Path

import msgspec
import numpy as np

from hardware.gsm.simulated import Plan, SimulatedModem
from hardware.gsm.simulated_party import KEYS, Party, Samples, read_wav, ringback, tone
from hardware.line import FRAME, TICK_S

READ = 4096
MAX_UNREAD = 16000
PREBUFFER = 640
"""Octets of the box's voice that must be there before the party hears it: two writers' jitter."""
RESET_S = 1.0


class _Order(msgspec.Struct, forbid_unknown_fields=True, tag_field="do", tag=str.lower):
    pass


class _Voice(_Order):
    wav: str | None = None
    tone: float | None = None
    record: str | None = None

    def party(self) -> Party:
        """The mobile party these words describe."""
        says: Samples | None = None
        if self.wav is not None:
            says = read_wav(Path(self.wav))
        elif self.tone is not None:
            says = tone(self.tone, seconds=1.0)
        return Party(says, loop=self.wav is None, record=Path(self.record) if self.record else None)


class Call(_Voice, kw_only=True):
    """A mobile rings the box."""

    caller: str = msgspec.field(default="", name="from")


class WhenDialled(_Voice, tag="when_dialled", kw_only=True):
    """What comes of calls the box makes."""

    then: str = "answer"
    after_s: float = 1.0


class Press(_Order):
    """The mobile party presses a key."""

    key: str


class Hangup(_Order):
    """The mobile party hangs up."""


class Sms(_Order):
    """A short message to the box."""

    text: str
    sender: str = msgspec.field(name="from")


class Sent(_Order):
    """Which short messages did the box send?"""


class State(_Order):
    """How do things stand?"""


class Network(_Order):
    """The registration changes."""

    stat: int


class Sim(_Order):
    """The SIM card changes."""

    state: str


class Unplug(_Order):
    """The ports go away."""


class Plug(_Order):
    """The ports come back."""


Order = Call | WhenDialled | Press | Hangup | Sms | Sent | State | Network | Sim | Unplug | Plug
Reply = dict[str, object]


class Port:
    """A pseudo-terminal in raw mode behind a symbolic link; bytes nobody reads are dropped."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self.fd, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.fd, False)
        fresh = link.with_name(link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.rename(link)

    def read(self) -> bytes:
        """What the box wrote, b"" when nothing."""
        try:
            return os.read(self.fd, READ)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """To the box."""
        with contextlib.suppress(OSError):
            os.write(self.fd, data)

    def flush(self) -> None:
        """Drop what was not read yet, both ways."""
        termios.tcflush(self._slave, termios.TCIFLUSH)
        termios.tcflush(self.fd, termios.TCIFLUSH)

    def close(self) -> None:
        """Take the port away from under who has it open."""
        os.close(self.fd)
        os.close(self._slave)
        self._link.unlink(missing_ok=True)


class Simulator:
    """The ports, the time and the control socket around a `SimulatedModem`, in the running asyncio loop."""

    def __init__(self, folder: Path, control: Path, modem: SimulatedModem) -> None:
        self._folder, self._control, self.modem = folder, control, modem
        self._loop = asyncio.get_running_loop()
        self._at: Port | None = None
        self._pcm: Port | None = None
        self._planned = WhenDialled()
        self._party: Party | None = None
        self._ringback = Party(ringback(), loop=True)
        self._unheard = bytearray()
        self._flowing = self._buffered = False
        self._timer: asyncio.TimerHandle | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._next_tick = 0.0

    async def serve(self, until: asyncio.Event) -> None:
        """Be a modem until told to stop."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._control.unlink(missing_ok=True)
        self._plug()
        server = await asyncio.start_unix_server(self._talk, self._control)
        try:
            await until.wait()
        finally:
            server.close()
            self._unplug()
            self._control.unlink(missing_ok=True)

    # The wire.

    def _plug(self) -> None:
        if self._at is None:
            self.modem.boot(self._loop.time())
            self._at, self._pcm = Port(self._folder / "at"), Port(self._folder / "pcm")
            self._loop.add_reader(self._at.fd, self._typed)
            self._pump()

    def _unplug(self) -> None:
        if self._at is None or self._pcm is None:
            return
        self._loop.remove_reader(self._at.fd)
        self.modem.boot(self._loop.time())
        self._follow()
        self._at.close()
        self._pcm.close()
        self._at = self._pcm = None

    def _typed(self) -> None:
        if self._at is not None:
            self.modem.receive(self._at.read(), self._loop.time())
            self._pump()

    def _on_timer(self) -> None:
        self.modem.on_timer(self._loop.time())
        self._pump()

    def _pump(self) -> None:
        if self._at is not None:
            self._at.write(self.modem.outgoing())
        self._follow()
        if self._timer is not None:
            self._timer.cancel()
        due = self.modem.timer()
        self._timer = self._loop.call_at(due, self._on_timer) if due is not None else None
        if self.modem.resetting:
            self._unplug()
            self._loop.call_later(RESET_S, self._plug)

    # The voice.

    def _follow(self) -> None:
        """Start and stop the party and the 20 ms clock with the call."""
        call = self.modem.call
        if call is None:
            if self._party is not None:
                self._party.finish()
            self._party = None
            if self._clock is not None:
                self._clock.cancel()
                self._clock = None
            self._flowing = False
            return
        if self._party is None:
            self._party = self._planned.party()
        if self._clock is None and call.stat in (0, 3):
            self._next_tick = self._loop.time()
            self._tick()

    def _tick(self) -> None:
        self._next_tick += TICK_S
        self._clock = self._loop.call_at(self._next_tick, self._tick)
        call, party = self.modem.call, self._party
        if call is None or party is None or self._pcm is None:
            return
        if call.stat == 0:
            frame, key = party.say()
            party.hear(self._heard())
        else:
            frame, key = self._ringback.say()
        if self.modem.voice:
            if not self._flowing:
                self._pcm.flush()
                self._unheard.clear()
            self._pcm.write(frame.astype("<i2").tobytes())
        self._flowing = self.modem.voice
        if key:
            self.modem.press(key, self._loop.time())
            self._pump()

    def _heard(self) -> Samples:
        """The next frame of the box's voice, silence when it is late."""
        assert self._pcm is not None
        fresh = self._pcm.read()
        if not self._flowing:
            return np.zeros(FRAME, np.int16)
        self._unheard += fresh
        if len(self._unheard) > MAX_UNREAD:
            del self._unheard[: len(self._unheard) - PREBUFFER]
        self._buffered = len(self._unheard) >= (2 * FRAME if self._buffered else PREBUFFER)
        if not self._buffered:
            return np.zeros(FRAME, np.int16)
        frame = np.frombuffer(bytes(self._unheard[: 2 * FRAME]), "<i2").astype(np.int16)
        del self._unheard[: 2 * FRAME]
        return frame

    # The control socket.

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError, asyncio.CancelledError):
            while line := await reader.readline():
                writer.write(msgspec.json.encode(self._obey(line)) + b"\n")
                await writer.drain()
        writer.close()

    def _obey(self, line: bytes) -> Reply:
        try:
            reply = self._do(msgspec.json.decode(line, type=Order))
        except (msgspec.MsgspecError, ValueError, OSError, EOFError) as error:
            return {"ok": False, "reason": str(error)}
        self._pump()
        return {"ok": True} | reply

    def _do(self, order: Order) -> Reply:
        now, modem = self._loop.time(), self.modem
        match order:
            case Unplug():
                self._unplug()
            case Plug():
                self._plug()
            case Sent():
                return {"sent": [{"to": text.to, "text": text.text} for text in modem.texts.sent]}
            case State():
                return self._state()
            case WhenDialled():
                order.party()
                self._planned, modem.plan = order, Plan(order.then, order.after_s)
            case Hangup():
                modem.far_end_hangs_up(now)
            case Network():
                modem.network(order.stat, now)
            case Sim():
                modem.card(order.state, now)
            case Press():
                self._press(order.key)
            case Sms():
                if not modem.text(order.sender, order.text, time.time(), now):
                    raise ValueError("the message store is full")
            case Call():
                party = order.party()
                if self._at is None or not modem.ring(order.caller, now):
                    raise ValueError("the line is busy or not on the network")
                self._party = party
        return {}

    def _press(self, key: str) -> None:
        if self._party is None or self.modem.call is None or self.modem.call.stat != 0 or key not in KEYS:
            raise ValueError("there is no call, or no such key")
        self._party.press(key)

    def _state(self) -> Reply:
        modem = self.modem
        call = modem.call
        return {
            "plugged": self._at is not None,
            "registration": modem.registration,
            "sim": modem.sim,
            "call": None if call is None else {"number": call.number, "stat": call.stat, "in": call.incoming},
            "voice": modem.voice,
            "keys": modem.keys,
            "stored": len(modem.texts.store),
        }


async def _run(options: argparse.Namespace) -> None:
    until = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, until.set)
    folder: Path = options.dir
    modem = SimulatedModem(pin=options.pin, ring_s=options.ring_s)
    await Simulator(folder, options.control or folder / "control", modem).serve(until)


def main() -> None:
    """The command line of the simulator."""
    parser = argparse.ArgumentParser(
        prog="python -m hardware.gsm.simulator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dir", type=Path, required=True, help="where the links at and pcm appear")
    parser.add_argument("--control", type=Path, help="the control socket (DIR/control)")
    parser.add_argument("--pin", default="", help="the SIM card asks for this PIN")
    parser.add_argument("--ring-s", type=float, default=4.0, help="seconds from ring to ring")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
