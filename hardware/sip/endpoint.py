"""The SIP sockets and the clock, and the lines they carry. All thinking is in `core`."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Container
from pathlib import Path
from typing import cast

from hardware.line import Alerting, Answered, Cause, Cleared, Post, Signal, Traits
from hardware.memory import Memory
from hardware.sip.core import SipCore
from hardware.sip.message import Addr, Hop
from hardware.sip.remembered import Note, ends
from hardware.sip.settings import SipAccount, SipSettings, SipTrunk
from hardware.sip.streams import Streams, server_context

__all__ = ["SipAccount", "SipEndpoint", "SipLine", "SipSettings", "SipTrunk", "TrunkLine"]

log = logging.getLogger(__name__)

STOP_S = 2.0
LOOK_UP_S = 10.0
BUFFER = 1 << 20
"""Bytes of socket buffer: a second of a busy trunk while we are kept from running."""


class SipLine:
    """A `hardware.line.Line` over SIP; ``sip/N`` has its voice on RTP port ``rtp_base + 2 N``."""

    traits = Traits(hears_early=True)

    def __init__(self, endpoint: "SipEndpoint", index: int) -> None:
        self.name = endpoint.core.slots[index].name
        self.index = index
        self.post: Post | None = None
        self._endpoint = endpoint

    @property
    def busy(self) -> bool:
        """Whether a call is on this line."""
        return self._endpoint.core.slots[self.index].call is not None

    @property
    def held(self) -> bool:
        """Whether the far end holds us, so that it may be silent."""
        leg = self._endpoint.core.slots[self.index].talking
        return leg is not None and leg.held

    def open(self, post: Post) -> None:
        self.post = post
        self._endpoint.core.open(self.index)
        self._endpoint.flush()

    def dial(self, number: str, caller: str | None) -> None:
        """Call an extension (all its phones), a number by trunk, or a ``sip:`` URI at an IP address."""
        self._endpoint.core.dial(self.index, number, caller, self._endpoint.now())
        self._endpoint.flush()

    def answer(self) -> None:
        self._endpoint.core.answer(self.index, self._endpoint.now())
        self._endpoint.flush()

    def progress(self) -> None:
        """Let the caller hear us before the answer; `Sound` follows where the caller's offer allows it."""
        self._endpoint.core.progress(self.index, self._endpoint.now())
        self._endpoint.flush()

    def hangup(self, cause: Cause) -> None:
        self._endpoint.core.hangup(self.index, cause, self._endpoint.now())
        self._endpoint.flush()

    def transferred(self, outcome: Alerting | Answered | Cleared) -> None:
        """Tell the phone how the transfer it asked for goes; `Answered` and `Cleared` are the end of it."""
        self._endpoint.core.transferred(self.index, outcome, self._endpoint.now())
        self._endpoint.flush()

    def send_digits(self, digits: str) -> None:
        """Send keys by INFO where the far end has no telephone-event.

        Otherwise nothing: they travel in the voice (RFC 4733), and the media process is told to send them.
        """
        self._endpoint.core.send_digits(self.index, digits, self._endpoint.now())
        self._endpoint.flush()

    def close(self) -> None:
        self._endpoint.core.close(self.index, self._endpoint.now())
        self.post = None
        self._endpoint.flush()


class TrunkLine:
    """How a trunk is, as a line that carries no call itself: ``trunk/NAME`` says `Up` and `Fault`."""

    traits = Traits()

    def __init__(self, endpoint: "SipEndpoint", name: str) -> None:
        self.name = f"trunk/{name}"
        self.post: Post | None = None
        self._endpoint = endpoint
        self._trunk = name

    def open(self, post: Post) -> None:
        self.post = post
        self._endpoint.core.open_trunk(self._trunk, self._endpoint.now())
        self._endpoint.flush()

    def dial(self, number: str, caller: str | None) -> None:
        """Nothing: a call by a trunk is on one of the `SipLine`s."""

    def answer(self) -> None:
        """Nothing rings here."""

    def hangup(self, cause: Cause) -> None:
        """No call is here."""

    def send_digits(self, digits: str) -> None:
        """No call is here."""

    def close(self) -> None:
        self.post = None


class SipEndpoint(asyncio.DatagramProtocol):
    """Owns the socket and the clock of a `SipCore`. All methods belong to one event loop.

    Signals are posted from the loop, never from within a line's verb.
    `on_registration` hears an extension's contacts whenever they change.
    """

    def __init__(
        self,
        settings: SipSettings,
        on_registration: Callable[[str, tuple[str, ...]], None] = lambda _number, _contacts: None,
    ) -> None:
        self.settings = settings
        self.core = SipCore(settings, self._address_towards)
        self.lines = [SipLine(self, index) for index in range(settings.lines)]
        self.trunks = {trunk.name: TrunkLine(self, trunk.name) for trunk in settings.trunks}
        self._on_registration = on_registration
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._posting = False
        """What the core said will be handed out as soon as the caller is done."""
        self._handing = False
        """It is being handed out: what verbs ask for meanwhile is sent at the end."""
        self._addresses: dict[str, str] = {}
        self._streams = Streams(
            self._took,
            self._unreachable,
            lambda ip: self.core.lets_in(ip, self.now()),
            self.core.trunks.host_at,
            settings.trust,
        )
        self._looking: set[asyncio.Task[None]] = set()
        self._memory: Memory[Note] | None = (
            Memory(Path(settings.memory), Note, ends) if settings.memory else None
        )
        self._begun = False
        """What comes before we remember is not heard, so that it comes again."""

    async def start(self, keep: Container[str] = frozenset()) -> None:
        """Bind the sockets; lines to `keep` that had a call in an earlier life are `busy` with it again.

        Raises OSError: the address is not ours or taken, the certificate unusable.
        """
        settings = self.settings
        secure = server_context(settings.certificate, settings.private_key) if settings.certificate else None
        self._loop = asyncio.get_running_loop()
        local = (self.settings.bind_ip, self.settings.port)
        transport, _ = await self._loop.create_datagram_endpoint(lambda: self, local_addr=local)
        self._transport = transport
        self.core.port = self.port
        try:
            if settings.tcp:
                await self._streams.listen(settings.bind_ip, self.port)
            if secure is not None:
                tls_port = settings.tls_port
                self.core.tls_port = await self._streams.listen(settings.bind_ip, tls_port, secure)
        except OSError:
            transport.close()
            self._streams.stop()
            raise
        sock = transport.get_extra_info("socket")
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        self._begun = True
        if self._memory is not None:
            self.core.recall(self._memory.load(), self.now(), keep)
            self.flush()

    async def stop(self) -> None:
        """End all calls, wait for their peers at most 2 s, give the socket back."""
        if self._loop is None or self._transport is None:
            return
        for line in self.lines:
            if line.busy:
                line.hangup(Cause.NORMAL)
        self.core.trunks.close(self.now())
        self.flush()
        until = self._loop.time() + STOP_S
        while not self.core.quiet() and self._loop.time() < until:
            await asyncio.sleep(0.02)
        if self._alarm:
            self._alarm.cancel()
        for task in self._looking:
            task.cancel()
        self._transport.close()
        self._transport = None
        self._streams.stop()
        if self._memory is not None:
            self._memory.close()

    @property
    def port(self) -> int:
        """The UDP port in use."""
        assert self._transport is not None, "not started"
        return int(self._transport.get_extra_info("sockname")[1])

    def line_for(self) -> SipLine | None:
        """The line an outgoing call should take, or None when all are busy."""
        index = self.core.free()
        return None if index is None else self.lines[index]

    def registered(self, number: str) -> bool:
        """Whether any phone of this extension is there."""
        return bool(self.core.registrar.bindings(number, self.now()))

    def now(self) -> float:
        """The loop's clock, in seconds."""
        assert self._loop is not None, "not started"
        return self._loop.time()

    # asyncio.DatagramProtocol

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        if self._begun:
            self._took(data, cast(Addr, addr[:2]))

    def error_received(self, exc: Exception) -> None:
        """ICMP says a peer's port is closed; the transactions find out by themselves."""
        self.core.counts["unreachable"] += 1

    # Within

    def _took(self, data: bytes, source: Addr) -> None:
        try:
            self.core.receive(data, source, self.now())
        except Exception:
            # A bug of ours must end at most the call it happened in, never the socket.
            self.core.counts["bug"] += 1
            log.exception("a SIP message from %s could not be handled", source[0])
        self._hand_out()

    def _unreachable(self, peer: Hop) -> None:
        self.core.unreachable(peer, self.now())
        self.flush()

    def flush(self) -> None:
        """Send what the core wants sent; hand out what it said as soon as the caller is done."""
        if self._handing:
            return
        self._send()
        if self._said and not self._posting and self._loop is not None:
            self._posting = True
            self._loop.call_soon(self._hand_out)
        self._set_alarm()

    @property
    def _said(self) -> bool:
        return bool(self.core.events or self.core.moved or self.core.trunk_events)

    def _send(self) -> None:
        if self.core.notes:
            # Before it is sent: who is told of a call may see us die the next moment.
            if self._memory is not None:
                self._memory.write({note.key: note for note in self.core.notes}.values())
            self.core.notes.clear()
        if self._transport is not None:
            for data, to in self.core.outgoing:
                if isinstance(to, Hop):
                    self._streams.send(data, to)
                else:
                    self._transport.sendto(data, to)
        self.core.outgoing.clear()
        if self.core.wanted:
            self._look_up()

    def _hand_out(self) -> None:
        """Say what the core said until it says nothing more; then send all that came of it."""
        self._posting, self._handing = False, True
        try:
            while self._said:
                self._hand_round()
        finally:
            self._handing = False
            self.flush()

    def _hand_round(self) -> None:
        events, self.core.events = self.core.events, []
        moved, self.core.moved = self.core.moved, []
        for number, contacts in moved:
            self._on_registration(number, contacts)
        trunk_events, self.core.trunk_events = self.core.trunk_events, []
        for name, signal in trunk_events:
            self._deliver(self.trunks[name], signal)
        for index, signal in events:
            self._deliver(self.lines[index], signal)
            if isinstance(signal, Cleared):
                self.core.delivered(index)

    def _deliver(self, line: SipLine | TrunkLine, signal: Signal) -> None:
        if line.post is None:
            return
        try:
            line.post(signal)
        except Exception:
            self.core.counts["bug"] += 1
            log.exception("%s: %s could not be handled", line.name, type(signal).__name__)

    def _set_alarm(self) -> None:
        due = self.core.timer()
        if due is None or self._loop is None or self._transport is None:
            return
        if self._alarm is None or self._alarm.cancelled() or due < self._alarm.when():
            if self._alarm:
                self._alarm.cancel()
            self._alarm = self._loop.call_at(due, self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm = None
        try:
            self.core.on_timer(self.now())
        except Exception:
            self.core.counts["bug"] += 1
            log.exception("a SIP timer could not be handled")
        self._hand_out()

    def _look_up(self) -> None:
        assert self._loop is not None
        for host in self.core.wanted:
            task = self._loop.create_task(self._resolve(host))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)
        self.core.wanted.clear()

    async def _resolve(self, host: str) -> None:
        """Look a trunk's name up, off the loop."""
        assert self._loop is not None
        try:
            async with asyncio.timeout(LOOK_UP_S):
                found = await self._loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except (OSError, TimeoutError):
            found = []
        family = socket.AF_INET6 if ":" in self.settings.bind_ip else socket.AF_INET
        addresses = dict.fromkeys(str(address[0]) for of, _, _, _, address in found if of == family)
        self.core.resolved(host, tuple(addresses), self.now())
        self.flush()

    def _address_towards(self, ip: str) -> str:
        """Our address on the way to a peer, which matters when we are bound to all of them."""
        if self.settings.bind_ip not in ("0.0.0.0", "::"):
            return self.settings.bind_ip
        if ip not in self._addresses:
            if len(self._addresses) > 1000:
                self._addresses.clear()
            family = socket.AF_INET6 if ":" in ip else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                try:
                    probe.connect((ip, 5060))
                    self._addresses[ip] = str(probe.getsockname()[0])
                except OSError:
                    return "127.0.0.1"
        return self._addresses[ip]
