"""What an agent does with a call beyond the desk: outside by a trunk, back into the flow, to the leader."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.calls import wire
from tests.box import CALLS, PHONES, Box
from tests.phones import MISSING, Baresip, Sipp, free_pair, until, write_voice
from tests.test_calls_services import AGENT_HZ, CITIZEN_HZ, OTHER_HZ, Talk

pytestmark = [pytest.mark.sip, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

OUTSIDE = "02087654321"


@pytest.fixture(scope="module")
def carrier() -> int:
    """The port of a carrier that is not there yet."""
    return free_pair()


@pytest.fixture(scope="module")
def stage(carrier: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Baresip, Baresip]]:
    """A box with a trunk that is up, and two desk phones."""
    folder = tmp_path_factory.mktemp("phones")
    trunk = {"name": "city", "host": "127.0.0.1", "port": carrier, "prefix": "0", "caller": "01012345"}
    queue = {"name": "general", "wrap_up_s": 300}
    with Box(CALLS, settings={"queue": [queue], "trunk": [trunk]}) as box:
        with Sipp("options", box.sip_port, folder, "-p", str(carrier), "-m", "1") as alive:
            alive.wait()
        with (
            desk(box, folder, "8101", AGENT_HZ) as one,
            desk(box, folder, "8102", OTHER_HZ) as two,
        ):
            yield box, one, two


def desk(box: Box, folder: Path, number: str, hz: float) -> Baresip:
    return Baresip(folder, box.sip_port, number=number, password=PHONES[number], tone_hz=hz, answers=True)


@pytest.fixture
def talk(stage: tuple[Box, Baresip, Baresip], tmp_path: Path) -> Iterator[Talk]:
    """A citizen talks with agent 1001."""
    box, one, two = stage
    box.sit("1001", "8101")
    with Baresip(tmp_path, box.sip_port, number="13800138000", tone_hz=CITIZEN_HZ) as citizen:
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED")
        box.wait_for(lambda: [c for c in box.calls() if c.state == "in_flow"])
        citizen.keys("1")
        box.wait_state("1001", "busy", 20)
        talk = Talk(box, citizen, one, two)
        talk.expect("talk", citizen={AGENT_HZ}, agent={CITIZEN_HZ})
        yield talk
        citizen.hang_up()
        box.wait_for(lambda: not box.calls(), 10, "the call to end")


def test_the_citizen_is_handed_over_to_somebody_outside(talk: Talk, carrier: int, tmp_path: Path) -> None:
    write_voice(tmp_path / "voice.alaw", OTHER_HZ)
    with Sipp("outside", talk.box.sip_port, tmp_path, "-p", str(carrier), "-m", "1") as outside:
        talk.order(wire.Transfer("1001", f"tel:{OUTSIDE}"))
        talk.box.wait_state("1001", "wrap_up")
        talk.expect("handed over", citizen={OTHER_HZ})
        talk.citizen.hang_up()
        outside.wait()


def test_somebody_outside_is_asked_while_the_citizen_hears_neither(
    talk: Talk, carrier: int, tmp_path: Path
) -> None:
    write_voice(tmp_path / "voice.alaw", OTHER_HZ)
    with Sipp("outside", talk.box.sip_port, tmp_path, "-p", str(carrier), "-m", "1") as outside:
        talk.order(wire.Consult("1001", f"tel:{OUTSIDE}"))
        talk.expect("asked", citizen=set(), agent={OTHER_HZ})
        talk.order(wire.Together("1001"))
        talk.expect("three", citizen={AGENT_HZ, OTHER_HZ}, agent={CITIZEN_HZ, OTHER_HZ})
        talk.order(wire.HangUp("1001"))
        talk.citizen.hang_up()
        outside.wait()


def test_the_citizen_is_sent_back_into_the_flow(talk: Talk) -> None:
    talk.order(wire.Transfer("1001", "node:self"))
    talk.box.wait_state("1001", "wrap_up")
    talk.box.wait_for(lambda: talk.state() == "in_flow", name="the flow")
    talk.citizen.keys("1")
    time.sleep(4)  # the citizen speaks
    talk.citizen.keys("#")
    talk.box.wait_event("message.left")


def test_keys_an_agent_sends_arrive_at_the_citizen_s_phone(talk: Talk) -> None:
    talk.order(wire.SendDigits("1001", "58"))
    talk.citizen.wait("CALL_DTMF_END", 2)
    pressed = [event["param"] for event in talk.citizen.said if event.get("type") == "CALL_DTMF_START"]
    assert pressed == ["5", "8"]


def test_the_leader_on_duty_is_called(talk: Talk) -> None:
    talk.box.order(wire.SignIn("1100", "8102"))
    talk.box.wait_for(lambda: talk.box.seat("1100").phone == "up", name="the leader's phone")
    talk.order(wire.CallLeader("1001"))
    talk.expect("leader", citizen=set(), agent={OTHER_HZ}, other={AGENT_HZ})
    talk.order(wire.HangUp("1001"))
    until(lambda: talk.box.seat("1001").state == "wrap_up" or None, 10, "the agent to be done")
    talk.citizen.hang_up()
    talk.box.wait_for(lambda: talk.box.seat("1100").state != "busy", name="the leader to be free")
    talk.box.order(wire.SignOut("1100"))
