"""Linphone as a desk phone, from its registration to the last key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.calls import wire
from tests.box import PHONES, Box
from tests.linphone import Linphone
from tests.phones import Baresip, certificate, free_tcp, tone_level

pytestmark = pytest.mark.sip

CITIZEN_HZ, AGENT_HZ, PROMPT_HZ = 600.0, 900.0, 440.0
HEARD = 0.1


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    pem = certificate(tmp_path_factory.mktemp("certificate"))
    with Box(settings={"sip": {"tls_port": free_tcp(), "certificate": str(pem)}}) as box:
        yield box


def desk(box: Box, folder: Path, sealed: bool = False) -> Linphone:
    port = box.settings["sip"]["tls_port"] if sealed else box.sip_port
    return Linphone(folder, port, "8101", PHONES["8101"], AGENT_HZ, sealed)


@pytest.mark.parametrize("sealed", [False, True], ids=["in clear", "sealed, over TLS"])
def test_it_registers_is_called_talks_holds_and_hangs_up(box: Box, tmp_path: Path, sealed: bool) -> None:
    with (
        desk(box, tmp_path, sealed) as phone,
        Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as citizen,
    ):
        box.sit("1001", "8101")
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED")
        citizen.keys("1")
        phone.wait("Receiving new incoming call from sip:13800138000@")
        assert box.seat("1001").state == "offered"
        phone.command("answer")
        phone.wait("Media streams established")
        box.wait_state("1001", "busy")
        box.wait_for(lambda: tone_level(citizen.heard(), AGENT_HZ) > HEARD, 10, "the agent to be heard")
        box.wait_for(lambda: tone_level(phone.heard(), CITIZEN_HZ) > HEARD, 10, "the citizen to be heard")
        phone.command("pause 1")
        phone.wait("is now paused")
        box.wait_for(lambda: box.calls()[0].state == "held", name="the citizen to be held")
        phone.command("resume 1")
        phone.wait("Media streams established")
        box.wait_for(lambda: box.calls()[0].state == "talking", name="the citizen to be back")
        box.wait_for(lambda: tone_level(phone.heard(), CITIZEN_HZ) > HEARD, 10, "the citizen again")
        phone.command("terminate")
        phone.wait("ended")
        citizen.wait("CALL_CLOSED")
        box.wait_state("1001", "wrap_up")
    box.order(wire.SignOut("1001"))


def test_it_calls_hears_the_menu_and_presses_keys(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path) as phone:
        phone.command(f"call sip:12345@127.0.0.1:{box.sip_port}")
        phone.wait("Media streams established")
        box.wait_for(lambda: [c for c in box.calls() if c.state == "in_flow"], name="the menu")
        box.wait_for(lambda: tone_level(phone.heard(), PROMPT_HZ, seconds=0.2) > HEARD, 5, "a prompt")
        phone.command("1")
        box.wait_for(lambda: [c for c in box.calls() if c.state == "queued"], name="the key to be heard")
        phone.command("terminate")
        box.wait_for(lambda: not box.calls(), name="the call to end")


def test_it_is_refused_what_it_may_not_have(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path) as phone:
        phone.command(f"call sip:99999@127.0.0.1:{box.sip_port}")
        phone.wait("error")
        assert box.calls() == []


def test_a_call_it_does_not_take_stops_ringing_when_the_citizen_gives_up(box: Box, tmp_path: Path) -> None:
    with desk(box, tmp_path) as phone, Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as citizen:
        box.sit("1001", "8101")
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED")
        citizen.keys("1")
        phone.wait("Receiving new incoming call")
        citizen.hang_up()
        phone.wait("ended")
        box.order(wire.SignOut("1001"))
