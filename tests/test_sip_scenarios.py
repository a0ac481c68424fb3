"""Conformance with SIPp, scenario by scenario: what trunks, carriers, phones and networks may want of us."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hardware.line import Alerting, Answered, Cause, Cleared, Held, Ringing
from hardware.media import g711
from hardware.media.tones import sine
from hardware.sip.settings import SipTrunk
from tests.box import Box
from tests.phones import MISSING, Sipp, tone_level, write_voice
from tests.test_sip_interop import Box as Lines
from tests.test_sip_interop import box, free_port, sipp, users

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

TRUNK = SipTrunk("city", "127.0.0.1", 5999, numbers=("12345",))
CITIZEN_HZ = 600.0
HEARD = 0.1
KEY_1 = (697.0, 1209.0)


def test_who_calls_is_whom_the_trunk_asserts_and_not_whom_it_puts_into_from(tmp_path: Path) -> None:
    async def run() -> None:
        async with box(trunks=(TRUNK,)) as ours:
            await sipp(ours.endpoint, "asserted", "-m", "2", "-r", "10", where=tmp_path)
            await ours.hears(Cleared, 2)
            assert ours.all(Ringing) == [Ringing("13911112222", "12345", "Li", "city")] * 2

    asyncio.run(run())


# Sessions


def test_a_caller_keeps_the_session_up_and_holds_by_update(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours:
            await sipp(ours.endpoint, "refresh", "-m", "1", where=tmp_path)
            await ours.hears(Cleared)
            assert ours.all(Held) == [Held(True)]

    asyncio.run(run())


def test_a_session_too_short_is_refused_with_the_least_we_keep_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours:
            await sipp(ours.endpoint, "brief", "-m", "1", where=tmp_path)
            await ours.hears(Cleared)
            assert len(ours.all(Answered)) == 1

    asyncio.run(run())


def test_a_caller_who_must_be_sure_of_our_ringing_is(tmp_path: Path) -> None:
    async def run() -> None:
        async with box(answers=False) as ours:
            caller = asyncio.create_task(sipp(ours.endpoint, "surely", "-m", "1", where=tmp_path))
            await ours.hears(Ringing)
            await asyncio.sleep(0.3)
            (line,) = (line for line in ours.endpoint.lines if line.busy)
            line.answer()
            await caller
            assert len(ours.all(Answered)) == 1

    asyncio.run(run())


def test_who_asks_is_told_what_we_can(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours:
            await sipp(ours.endpoint, "asks", "-m", "1", where=tmp_path)

    asyncio.run(run())


# Phones


def test_all_phones_of_an_extension_ring_until_one_is_answered(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours:
            one, other = free_port(), free_port()
            for port in (one, other):
                await sipp(ours.endpoint, "register", *users(tmp_path), "-m", "1", where=tmp_path, port=port)
            phones = [
                asyncio.create_task(sipp(ours.endpoint, scenario, "-m", "1", where=tmp_path, port=port))
                for scenario, port in (("phone", one), ("rings", other))
            ]
            await asyncio.sleep(0.3)
            await _call(ours, "8001")
            await asyncio.gather(*phones)

    asyncio.run(run())


def test_a_phone_that_moved_is_called_where_it_is_now(tmp_path: Path) -> None:
    async def run() -> None:
        async with box() as ours:
            before, now = free_port(), free_port()
            for port in (before, now):
                await sipp(ours.endpoint, "moved", *users(tmp_path), "-m", "1", where=tmp_path, port=port)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as left:
                left.bind(("127.0.0.1", before))
                left.setblocking(False)
                phone = asyncio.create_task(sipp(ours.endpoint, "phone", "-m", "1", where=tmp_path, port=now))
                await asyncio.sleep(0.3)
                await _call(ours, "8001")
                await phone
                with pytest.raises(BlockingIOError):
                    left.recv(2000)

    asyncio.run(run())


async def _call(ours: Lines, number: str) -> None:
    """Call a phone of ours that picks up, and hang up."""
    line = ours.endpoint.line_for()
    assert line is not None
    line.dial(number, "12345")
    await ours.hears(Alerting)
    await ours.hears(Answered)
    line.hangup(Cause.NORMAL)
    await ours.hears(Cleared)


# Networks


def test_a_closed_box_answers_its_networks_and_is_not_there_for_others(tmp_path: Path) -> None:
    sip = {"closed": True, "allow": ["127.9.0.0/16"]}
    with Box(settings={"sip": {"lines": 4, **sip}}) as closed:
        with Sipp("asks", closed.sip_port, tmp_path, "-m", "1", "-i", "127.9.0.1") as known:
            known.wait(10)
        with Sipp("asks", closed.sip_port, tmp_path, "-m", "1", "-recv_timeout", "1500") as stranger:
            with pytest.raises(AssertionError, match="sipp ended with"):
                stranger.wait(10)
            assert "Timeout" in stranger.text() or "timeout" in stranger.text()


@pytest.fixture(scope="module")
def whole() -> Iterator[Box]:
    """A running box; nobody is signed in."""
    with Box(settings={"sip": {"lines": 4}}) as one:
        yield one


def test_a_citizen_behind_an_address_translator_is_answered_and_heard(whole: Box, tmp_path: Path) -> None:
    write_voice(tmp_path / "voice.alaw", CITIZEN_HZ)
    made = len(whole.events("recording.made"))
    with Sipp("behindnat", whole.sip_port, tmp_path, "-m", "1", "-d", "4000") as citizen:
        citizen.wait()
    recorded = whole.wait_event("recording.made", made + 1)
    sound = whole.places.recordings / str(recorded["path"])
    assert tone_level(sound, CITIZEN_HZ, 0) > HEARD


def test_a_key_in_band_is_understood_where_no_events_are_agreed_on(whole: Box, tmp_path: Path) -> None:
    queued = len(whole.events("call.queued"))
    (tmp_path / "inband.alaw").write_bytes(key_in_band())
    with Sipp("inband", whole.sip_port, tmp_path, "-m", "1", "-d", "4000") as citizen:
        whole.wait_event("call.queued", queued + 1, 5)
        citizen.wait()


def key_in_band() -> bytes:
    """A-law of silence, key 1 for 100 ms, and silence: as an analogue telephone sends it."""
    quiet = np.zeros(12_000)
    key = sum(sine(hz, -9, 800) for hz in KEY_1)
    codes = np.zeros(24_800, np.uint8)
    g711.encode(g711.PCMA, np.rint(np.concatenate([quiet, key, quiet])).astype(np.int16), codes)
    return codes.tobytes()
