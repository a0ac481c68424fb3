"""Calls with SIP software that is not ours: SIPp and baresip, on the loopback."""

import asyncio
import json
import os
import shutil
import signal
import socket
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hardware.line import (
    Alerting,
    Answered,
    Cause,
    Cleared,
    Fault,
    Held,
    Line,
    Ringing,
    RtpRoute,
    Signal,
    Sound,
    Transfer,
    Up,
)
from hardware.sip.digest import ha1
from hardware.sip.endpoint import SipAccount, SipEndpoint, SipSettings, SipTrunk
from tests.sip_endpoints import started

SCENARIOS = Path(__file__).parent / "sipp"
REALM = "hotline"

pytestmark = [
    pytest.mark.sip,
    pytest.mark.skipif(not shutil.which("sipp"), reason="sipp is not installed"),
]


class Box:
    """A box whose lines answer at once, unless told to let it ring."""

    def __init__(self, endpoint: SipEndpoint, answers: bool = True) -> None:
        self.endpoint = endpoint
        self.said: list[tuple[str, Signal]] = []
        self._news = asyncio.Event()
        lines: list[Line] = [*endpoint.lines, *endpoint.trunks.values()]
        for line in lines:
            line.open(self._listener(line, answers))

    def _listener(self, line: Line, answers: bool) -> Callable[[Signal], None]:
        def post(signal: Signal) -> None:
            self.said.append((line.name, signal))
            self._news.set()
            if isinstance(signal, Ringing) and answers:
                line.answer()

        return post

    async def trunk_is_up(self, name: str) -> None:
        """Wait until a trunk says so."""
        async with asyncio.timeout(10):
            while (f"trunk/{name}", Up()) not in self.said:
                await asyncio.sleep(0.02)

    def all(self, kind: type[Signal]) -> list[Signal]:
        return [signal for _, signal in self.said if isinstance(signal, kind)]

    async def hears(self, kind: type[Signal], count: int = 1, wait_s: float = 10.0) -> Signal:
        async with asyncio.timeout(wait_s):
            while len(self.all(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.all(kind)[-1]


@asynccontextmanager
async def box(
    lines: int = 8, answers: bool = True, trunks: tuple[SipTrunk, ...] = (), tcp: bool = False
) -> AsyncIterator[Box]:
    accounts = tuple(SipAccount(n, ha1(n, REALM, f"pw{n}")) for n in ("8001", "8002"))
    numbers = frozenset({"12345"})
    settings = SipSettings(
        *("127.0.0.1", 0, "127.0.0.1", 30000, lines, REALM, accounts, numbers), trunks=trunks, tcp=tcp
    )
    endpoint = await started(settings)
    try:
        yield Box(endpoint, answers)
    finally:
        await endpoint.stop()
        assert endpoint.core.counts["bug"] == 0


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def sipp(
    endpoint: SipEndpoint, scenario: str, *more: str, where: Path, wait_s: float = 40.0, port: int = 0
) -> str:
    """Run a scenario to its end; its statistics when all its calls went well."""
    process = await asyncio.create_subprocess_exec(
        *("sipp", f"127.0.0.1:{endpoint.port}", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-s", "12345"),
        *("-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port or free_port()), "-nostdin", *more),
        cwd=where,
        env={**os.environ, "TERM": "dumb"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), wait_s)
    finally:
        if process.returncode is None:
            process.kill()
    text = out.decode(errors="replace")
    assert process.returncode == 0, text[-3000:]
    return text


def users(where: Path, password: str = "pw8001") -> tuple[str, str]:
    path = where / "users.csv"
    path.write_text(f"SEQUENTIAL\n8001;[authentication username=8001 password={password}]\n")
    return "-inf", str(path)


def test_citizens_call_talk_and_hang_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with box(lines=30) as ours:
            await sipp(ours.endpoint, "call", "-m", "30", "-r", "30", where=tmp_path)
            await ours.hears(Cleared, 30)
            assert len(ours.all(Answered)) == 30
            assert all(s == Ringing("13800138000", "12345") for s in ours.all(Ringing))
            sound = ours.all(Sound)[0]
            assert isinstance(sound, Sound)
            assert isinstance(sound.route, RtpRoute)
            assert (sound.route.ip, sound.route.payload, sound.route.event) == ("127.0.0.1", 8, 101)
            assert {s.cause for s in ours.all(Cleared) if isinstance(s, Cleared)} == {Cause.NORMAL}

    asyncio.run(run())


def test_no_call_is_lost_when_a_fifth_of_all_messages_is(tmp_path: Path) -> None:
    async def run() -> None:
        async with box(lines=40) as ours:
            await sipp(ours.endpoint, "call", "-m", "40", "-r", "20", "-lost", "20", where=tmp_path)
            assert len(ours.all(Answered)) == 40

    asyncio.run(run())


def test_a_caller_may_give_up_while_it_rings(tmp_path: Path) -> None:
    async def run() -> None:
        async with box(answers=False) as ours:
            await sipp(ours.endpoint, "cancel", "-m", "3", "-r", "10", where=tmp_path)
            await ours.hears(Cleared, 3)
            assert not ours.all(Answered)
            assert not any(line.busy for line in ours.endpoint.lines)

    asyncio.run(run())


def test_a_caller_may_hold_us_and_come_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours:
            await sipp(ours.endpoint, "hold", "-m", "1", where=tmp_path)
            await ours.hears(Cleared)
            assert ours.all(Held) == [Held(True), Held(False)]
            assert len(ours.all(Sound)) == 1, "its voice is where it was"

    asyncio.run(run())


def test_an_extension_calls_with_its_password(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours:
            await sipp(ours.endpoint, "extension", *users(tmp_path), "-m", "2", "-r", "10", where=tmp_path)
            assert ours.all(Ringing) == [Ringing("8001", "12345")] * 2

    asyncio.run(run())


def test_a_phone_registers_with_its_password_only(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours:
            await sipp(ours.endpoint, "register", *users(tmp_path), "-m", "1", where=tmp_path)
            assert ours.endpoint.registered("8001")
            assert not ours.endpoint.registered("8002")
            with pytest.raises(AssertionError):
                await sipp(ours.endpoint, "register", *users(tmp_path, "wrong"), "-m", "1", where=tmp_path)
            assert ours.endpoint.core.counts["wrong password"] == 1

    asyncio.run(run())


def test_we_call_a_phone_and_hang_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours:
            port = free_port()
            phone = asyncio.create_task(
                sipp(ours.endpoint, "phone", "-m", "1", "-p", str(port), where=tmp_path)
            )
            line = ours.endpoint.line_for()
            assert line is not None
            line.dial(f"sip:8009@127.0.0.1:{port}", "12345")
            assert isinstance(await ours.hears(Alerting), Alerting)
            await ours.hears(Answered)
            line.hangup(Cause.NORMAL)
            await ours.hears(Cleared)
            await phone

    asyncio.run(run())


def test_citizens_call_over_tcp(tmp_path: Path) -> None:
    async def run() -> None:
        async with box(tcp=True) as ours:
            await sipp(ours.endpoint, "call", "-t", "t1", "-m", "10", "-r", "20", where=tmp_path)
            await ours.hears(Cleared, 10)
            assert len(ours.all(Answered)) == 10

    asyncio.run(run())


# Trunks


def city(port: int) -> SipTrunk:
    return SipTrunk("city", "127.0.0.1", port, user="u100", password="secret", caller="01012345")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_trunk_registers_at_a_provider(tmp_path: Path, transport: str) -> None:
    async def run() -> None:
        port = free_port()
        trunk = replace(city(port), register=True, transport=transport)
        async with box(trunks=(trunk,)) as ours:
            mode = ("-t", "t1") if transport == "tcp" else ()
            await sipp(ours.endpoint, "provider", "-m", "1", *mode, where=tmp_path, port=port)
            await ours.trunk_is_up("city")

    asyncio.run(run())


def test_a_trunk_with_the_wrong_password_is_down(tmp_path: Path) -> None:
    async def run() -> None:
        port = free_port()
        trunk = replace(city(port), register=True, password="wrong")
        async with box(trunks=(trunk,)) as ours:
            await sipp(ours.endpoint, "provider", "-m", "1", where=tmp_path, port=port)
            fault = await ours.hears(Fault)
            assert "refuses user or password: 403" in str(fault)

    asyncio.run(run())


def test_a_call_goes_out_by_a_trunk_with_all_a_carrier_may_want(tmp_path: Path) -> None:
    async def run() -> None:
        port = free_port()
        async with box(trunks=(city(port),)) as ours:
            # A carrier that would only take calls is asked by OPTIONS; here it is known to be there.
            ours.endpoint.core.trunks.get("city").up = True
            carrier = asyncio.create_task(
                sipp(ours.endpoint, "carrier", "-m", "1", where=tmp_path, port=port)
            )
            await asyncio.sleep(0.3)
            line = ours.endpoint.line_for()
            assert line is not None
            line.dial("13800138000", "8001")
            await ours.hears(Answered)
            assert len(ours.all(Sound)) == 1
            line.send_digits("5")
            await asyncio.sleep(0.3)
            line.hangup(Cause.NORMAL)
            await carrier

    asyncio.run(run())


# baresip


Command = Callable[..., Awaitable[None]]


async def command(port: int, what: str, params: str = "") -> None:
    """Tell a baresip to do something: a netstring of JSON (module ctrl_tcp)."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    text = json.dumps({"command": what, "params": params})
    writer.write(f"{len(text)}:{text},".encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()


def silence(path: Path) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(16000))
    return path


@asynccontextmanager
async def baresip(
    endpoint: SipEndpoint, where: Path, answermode: str = "auto", transport: str = "udp"
) -> AsyncIterator[Command]:
    """A softphone registered as 8001; what it gives takes commands."""
    wav = silence(where / "8k.wav")
    (where / "config").write_text(
        f"sip_listen 127.0.0.1:{free_port()}\n"
        "module_path /usr/lib/baresip/modules\n"
        "module g711.so\nmodule aufile.so\nmodule_tmp account.so\nmodule_app menu.so\n"
        f"module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{(control := free_port())}\n"
        f"audio_source aufile,{wav}\naudio_player aufile,{where / 'out.wav'}\naudio_alert aufile,/dev/null\n"
    )
    (where / "accounts").write_text(
        f"<sip:8001@127.0.0.1:{endpoint.port};transport={transport}>;auth_user=8001;auth_pass=pw8001;"
        f"regint=60;audio_codecs=PCMA;answermode={answermode}\n"
    )
    (where / "contacts").write_text("")
    process = await asyncio.create_subprocess_exec(
        *("baresip", "-f", str(where)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(15):
            while not endpoint.registered("8001"):
                await asyncio.sleep(0.05)
        yield partial(command, control)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 5)
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_softphone_registers_is_called_and_hung_up(tmp_path: Path, transport: str) -> None:
    async def run() -> None:
        async with box(tcp=True) as ours, baresip(ours.endpoint, tmp_path, transport=transport):
            line = ours.endpoint.line_for()
            assert line is not None
            line.dial("8001", "13800138000")
            await ours.hears(Answered)
            sound = ours.all(Sound)[-1]
            assert isinstance(sound, Sound)
            assert isinstance(sound.route, RtpRoute)
            assert sound.route.payload == 8
            line.hangup(Cause.NORMAL)
            assert await ours.hears(Cleared) == Cleared(Cause.NORMAL)

    asyncio.run(run())


@pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed")
def test_a_softphone_that_is_not_picked_up_stops_ringing_when_we_give_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours, baresip(ours.endpoint, tmp_path, answermode="manual"):
            line = ours.endpoint.line_for()
            assert line is not None
            line.dial("8001", "13800138000")
            await ours.hears(Alerting)
            line.hangup(Cause.NO_ANSWER)
            await ours.hears(Cleared)
            async with asyncio.timeout(5):
                while not ours.endpoint.core.quiet():
                    await asyncio.sleep(0.02)

    asyncio.run(run())


@pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed")
def test_a_softphone_holds_and_transfers_its_call(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours, baresip(ours.endpoint, tmp_path) as phone:
            line = ours.endpoint.line_for()
            assert line is not None
            line.dial("8001", "13800138000")
            await ours.hears(Answered)
            await phone("hold")
            assert await ours.hears(Held) == Held(True)
            await phone("resume")
            assert await ours.hears(Held, 2) == Held(False)
            await phone("transfer", f"sip:8002@127.0.0.1:{ours.endpoint.port}")
            assert await ours.hears(Transfer) == Transfer("8002")
            line.transferred(Alerting())
            line.transferred(Answered())
            assert await ours.hears(Cleared) == Cleared(Cause.NORMAL), "told the end, it hangs up"

    asyncio.run(run())
