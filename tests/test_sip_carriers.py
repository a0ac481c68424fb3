"""Carriers, forking proxies and NAT between us and real SIP software."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from hardware.line import Alerting, Answered, Cause, Cleared, Fault, Ringing, RtpRoute, Sound
from hardware.sip.endpoint import SipTrunk
from tests.phones import Baresip
from tests.test_sip_interop import Box, box, free_port, sipp

pytestmark = pytest.mark.sip


def trunk(port: int, name: str = "city", **more: object) -> SipTrunk:
    return SipTrunk(name, "127.0.0.1", port, caller="01012345", **more)  # type: ignore[arg-type]  # as named


async def found_up(ours: Box, trunk: SipTrunk, where: Path) -> None:
    """The carrier answers the OPTIONS that asks whether it is there."""
    await sipp(ours.endpoint, "options", "-m", "1", where=where, port=trunk.port)
    await ours.trunk_is_up(trunk.name)


async def dialled(ours: Box, number: str = "13800138000", caller: str | None = "8001") -> None:
    line = ours.endpoint.line_for()
    assert line is not None
    line.dial(number, caller)


def ports(ours: Box) -> list[int]:
    return [s.route.port for s in ours.all(Sound) if isinstance(s, Sound) and isinstance(s.route, RtpRoute)]


def test_of_two_phones_behind_a_forking_proxy_one_has_the_call(tmp_path: Path) -> None:
    async def run() -> None:
        city = trunk(free_port())
        async with box(trunks=(city,)) as ours:
            await found_up(ours, city, tmp_path)
            far = asyncio.create_task(
                sipp(ours.endpoint, "forked", "-m", "1", where=tmp_path, port=city.port)
            )
            await asyncio.sleep(0.3)
            await dialled(ours)
            await ours.hears(Answered)
            assert ours.all(Alerting) == [Alerting(early=True)], "its early sound is heard"
            assert ports(ours) == [6100, 6200], "of several that ring the newest is heard"
            await asyncio.sleep(0.3)
            assert len(ours.all(Answered)) == 1
            next(line for line in ours.endpoint.lines if line.busy).hangup(Cause.NORMAL)
            await far

    asyncio.run(run())


def test_a_withheld_caller_goes_out_asserted_to_the_carrier_only(tmp_path: Path) -> None:
    async def run() -> None:
        city = trunk(free_port())
        async with box(trunks=(city,)) as ours:
            await found_up(ours, city, tmp_path)
            far = asyncio.create_task(
                sipp(ours.endpoint, "withheld", "-m", "1", where=tmp_path, port=city.port)
            )
            await asyncio.sleep(0.3)
            await dialled(ours, caller=None)
            await ours.hears(Answered)
            next(line for line in ours.endpoint.lines if line.busy).hangup(Cause.NORMAL)
            await far

    asyncio.run(run())


def test_a_withheld_caller_comes_in_as_nobody_though_the_carrier_says_who_it_is(tmp_path: Path) -> None:
    async def run() -> None:
        city = trunk(free_port(), numbers=("12345",))
        async with box(trunks=(city,)) as ours:
            await sipp(ours.endpoint, "withheld_call", "-m", "1", where=tmp_path, port=city.port)
            assert ours.all(Ringing) == [Ringing(None, "12345", "", "city")]

    asyncio.run(run())


def test_a_call_the_first_carrier_has_no_circuit_for_goes_out_by_the_second(tmp_path: Path) -> None:
    async def run() -> None:
        first, second = trunk(free_port(), "first"), trunk(free_port(), "second", priority=2)
        async with box(trunks=(first, second)) as ours:
            await asyncio.gather(*(found_up(ours, each, tmp_path) for each in (first, second)))
            far = [
                asyncio.create_task(sipp(ours.endpoint, name, "-m", "1", where=tmp_path, port=each.port))
                for name, each in (("no_circuit", first), ("phone", second))
            ]
            await asyncio.sleep(0.3)
            await dialled(ours)
            await ours.hears(Answered)
            assert not ours.all(Cleared)
            next(line for line in ours.endpoint.lines if line.busy).hangup(Cause.NORMAL)
            await asyncio.gather(*far)

    asyncio.run(run())


def test_a_group_of_numbers_goes_by_its_own_carrier(tmp_path: Path) -> None:
    async def run() -> None:
        city, mobile = trunk(free_port()), trunk(free_port(), "mobile", prefix="1")
        async with box(trunks=(city, mobile)) as ours:
            await asyncio.gather(*(found_up(ours, each, tmp_path) for each in (city, mobile)))
            far = asyncio.create_task(
                sipp(ours.endpoint, "phone", "-m", "1", where=tmp_path, port=mobile.port)
            )
            await asyncio.sleep(0.3)
            await dialled(ours, "13800138000")
            await ours.hears(Answered)
            next(line for line in ours.endpoint.lines if line.busy).hangup(Cause.NORMAL)
            await far

    asyncio.run(run())


def test_a_carrier_that_is_not_there_is_a_fault_and_its_calls_have_no_way(tmp_path: Path) -> None:
    async def run() -> None:
        async with box(trunks=(trunk(free_port()),)) as ours:
            await dialled(ours)
            assert await ours.hears(Cleared) == Cleared(Cause.NETWORK_OUT_OF_ORDER)
            assert not ours.all(Fault), "not known yet: 32 s have not passed"

    asyncio.run(run())


# NAT


class Nat(asyncio.DatagramProtocol):
    """A router between a phone and the box: whatever comes from inside leaves by a port of its own."""

    def __init__(self, box_port: int) -> None:
        self.inside: tuple[str, int] | None = None
        self._box = ("127.0.0.1", box_port)
        self._here: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._here = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._here is not None
        if addr == self._box:
            if self.inside is not None:
                self._here.sendto(data, self.inside)
        else:
            self.inside = addr
            self._here.sendto(data, self._box)


@asynccontextmanager
async def behind_nat(ours: Box) -> AsyncIterator[int]:
    """The port a phone behind the router believes to be the box."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Nat(ours.endpoint.port), local_addr=("127.0.0.1", 0)
    )
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


def test_a_phone_behind_nat_registers_is_called_and_hangs_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours, behind_nat(ours) as port:
            phone = Baresip(tmp_path, port, number="8001", password="pw8001", answers=True)
            await asyncio.to_thread(phone.__enter__)
            try:
                (binding,) = ours.endpoint.core.registrar.bindings("8001", ours.endpoint.now())
                assert binding.source == ("127.0.0.1", port)
                assert f":{port}" not in binding.contact, "it knows only its own side"
                await dialled(ours, "8001", "13800138000")
                await ours.hears(Answered)
                phone.hang_up()
                assert await ours.hears(Cleared) == Cleared(Cause.NORMAL)
                await dialled(ours, "8001", "13800138000")
                await ours.hears(Answered, 2)
                next(line for line in ours.endpoint.lines if line.busy).hangup(Cause.NORMAL)
                await asyncio.to_thread(phone.wait, "CALL_CLOSED", 2)
            finally:
                await asyncio.to_thread(phone.__exit__, None, None, None)

    asyncio.run(run())
