"""Sealed voice with phones that are not ours: baresip over TLS with SRTP it insists on."""

import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from appliance.calls import wire
from hardware.media import g711
from hardware.media.rtp import HEADER
from tests.box import PHONES, Box
from tests.phones import MISSING, Baresip, certificate, free_tcp, tone_level

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

CITIZEN_HZ, AGENT_HZ = 600.0, 900.0
HEARD = 0.1
FRAME_BYTES = 160
TAG_BYTES = 10


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box that takes TLS, and seals voice with whoever can."""
    pem = certificate(tmp_path_factory.mktemp("certificate"))
    with Box(settings={"sip": {"tls_port": free_tcp(), "certificate": str(pem)}}) as box:
        yield box


def over_tls(box: Box, folder: Path, sealed: bool = True, number: str = "8101") -> Baresip:
    return Baresip(
        *(folder, box.settings["sip"]["tls_port"]),
        number=number,
        password=PHONES[number],
        tone_hz=AGENT_HZ,
        answers=True,
        transport="tls",
        sealed=sealed,
    )


def packets_of(box: Box, seconds: float) -> list[tuple[int, int, bytes]]:
    """What goes over the loopback to and from the box's voice ports: source, destination, UDP payload."""
    base, lines = box.settings["sip"]["rtp_base"], box.settings["sip"]["lines"]
    ours = range(base, base + 2 * lines, 2)  # the odd ones are for RTCP, which phones send now and then
    found = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as tap:
        tap.bind(("lo", 0x0800))
        tap.settimeout(0.2)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                data, (_, _, kind, *_) = tap.recvfrom(4096)
            except TimeoutError:
                continue
            head = 4 * (data[0] & 15)
            source, destination = struct.unpack_from(">HH", data, head)
            voice = data[9] == socket.IPPROTO_UDP and (source in ours or destination in ours)
            if voice and kind != socket.PACKET_OUTGOING:  # each comes twice on lo
                found.append((source, destination, data[head + 8 :]))
    return found


def level_of(packets: Sequence[bytes]) -> float:
    """How loud either tone is to who takes the payloads of one direction for A-law."""
    codes = np.concatenate([np.frombuffer(p[HEADER.size :][:FRAME_BYTES], np.uint8) for p in packets])
    pcm = np.zeros(len(codes), np.int16)
    g711.decode(g711.PCMA, codes, pcm)
    return max(tone_level(pcm / 32768, hz) for hz in (CITIZEN_HZ, AGENT_HZ))


def on_the_wire(box: Box) -> dict[int, list[float]]:
    """Levels of what may be heard on the wire in each direction of each call, by the length of packets."""
    flows: dict[tuple[int, int, int], list[bytes]] = {}
    for source, destination, packet in packets_of(box, 1.5):
        flows.setdefault((len(packet), source, destination), []).append(packet)
    levels: dict[int, list[float]] = {}
    for (size, *_), packets in flows.items():
        levels.setdefault(size, []).append(level_of(packets))
    return levels


def test_a_phone_that_insists_on_sealed_voice_hears_and_is_heard(box: Box, tmp_path: Path) -> None:
    with over_tls(box, tmp_path) as phone, Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as caller:
        box.sit("1001", "8101")
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        caller.keys("1")
        box.wait_state("1001", "busy")
        box.wait_for(lambda: tone_level(caller.heard(), AGENT_HZ) > HEARD, 20, "the agent to be heard")
        box.wait_for(lambda: tone_level(phone.heard(), CITIZEN_HZ) > HEARD, 10, "the citizen to be heard")
        assert not [warning for warning in box.board().warnings if "SRTP" in str(warning)]
        if os.geteuid() == 0:  # nobody else may; test_media_srtp.py looks at its own end of the wire
            clear, sealed = (HEADER.size + FRAME_BYTES + more for more in (0, TAG_BYTES))
            levels = on_the_wire(box)
            assert {size: len(found) for size, found in levels.items()} == {clear: 2, sealed: 2}
            assert min(levels[clear]) > HEARD
            assert max(levels[sealed]) < HEARD / 2, "noise to who has no key"
        box.order(wire.HangUp("1001"))


def test_a_phone_without_srtp_is_called_in_clear_over_tls(box: Box, tmp_path: Path) -> None:
    with (
        over_tls(box, tmp_path, sealed=False) as phone,
        Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as caller,
    ):
        box.sit("1001", "8101")
        caller.dial()
        caller.wait("CALL_ESTABLISHED")
        caller.keys("1")
        box.wait_state("1001", "busy")
        box.wait_for(lambda: tone_level(caller.heard(), AGENT_HZ) > HEARD, 20, "the agent to be heard")
        box.wait_for(lambda: tone_level(phone.heard(), CITIZEN_HZ) > HEARD, 10, "the citizen to be heard")
        box.order(wire.HangUp("1001"))


def test_a_call_made_with_sealed_voice_is_taken_so(box: Box, tmp_path: Path) -> None:
    with over_tls(box, tmp_path, number="8102") as phone:
        phone.dial()
        phone.wait("CALL_ESTABLISHED")
        box.wait_for(
            lambda: tone_level(phone.heard(), 440.0, seconds=0.2) > HEARD, 10, "a prompt to be heard"
        )
        phone.keys("1")
        box.wait_for(lambda: [c for c in box.calls() if c.state == "queued"], name="keys in sealed voice")
        phone.hang_up()
