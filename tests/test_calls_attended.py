"""A desk phone hands a citizen over to whom it asked first, by its own keys; proved by tones."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.calls import wire
from tests.box import CALLS, PHONES, Box
from tests.linphone import Linphone
from tests.phones import Baresip, read_wav, tone_level, until

pytestmark = pytest.mark.sip

CITIZEN_HZ, AGENT_HZ, OTHER_HZ = 700.0, 1000.0, 1300.0
LOUD, NOW = 0.05, 4000


@dataclass
class Desk:
    """Agent 1001 at a Linphone, with a citizen; a colleague's phone picks up by itself."""

    box: Box
    agent: Linphone
    citizen: Baresip
    other: Baresip

    def tones(self, phone: Baresip) -> set[float]:
        try:
            heard = read_wav(phone.heard())[-NOW:]
        except (ValueError, EOFError):
            return set()
        tones = (CITIZEN_HZ, AGENT_HZ, OTHER_HZ)
        return {hz for hz in tones if tone_level(heard, hz, seconds=NOW / 8000) > LOUD}

    def expect(self, citizen: set[float], other: set[float]) -> None:
        def so() -> bool | None:
            return (self.tones(self.citizen), self.tones(self.other)) == (citizen, other) or None

        until(so, 10, f"{citizen} and {other}, but {self.tones(self.citizen)} and {self.tones(self.other)}")

    def asks(self, number: str) -> None:
        """The agent puts the citizen on hold and calls somebody."""
        self.agent.command("pause 1")
        self.agent.wait("is now paused")
        self.agent.command(f"call sip:{number}@127.0.0.1:{self.box.sip_port}")
        self.agent.wait("Media streams established")


@pytest.fixture(params=["8102", "agent 1002 at 8102"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with (
        Box(CALLS, settings={"queue": [{"name": "general", "wrap_up_s": 300}]}) as box,
        Linphone(tmp_path, box.sip_port, "8101", PHONES["8101"], AGENT_HZ) as agent,
        Baresip(
            tmp_path, box.sip_port, number="8102", password=PHONES["8102"], tone_hz=OTHER_HZ, answers=True
        ) as other,
        Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as citizen,
    ):
        box.sit("1001", "8101")
        if request.param != "8102":
            box.order(wire.SignIn("1002", "8102"))
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED")
        citizen.keys("1")
        agent.wait("Receiving new incoming call")
        agent.command("answer")
        agent.wait("Media streams established")
        box.wait_state("1001", "busy")
        yield Desk(box, agent, citizen, other)


def test_the_citizen_is_handed_to_whom_the_agent_asked(desk: Desk) -> None:
    box = desk.box
    signed_in = box.seat("1002").state != "offline"
    desk.asks("8102")
    desk.expect(citizen=set(), other={AGENT_HZ})
    assert len(box.calls()) == 2
    desk.agent.command("transfer 1 --to-call 2")
    desk.expect(citizen={OTHER_HZ}, other={CITIZEN_HZ})
    box.wait_state("1001", "wrap_up")
    (call,) = box.calls()
    assert (call.caller, call.state) == ("13800138000", "talking")
    assert call.agent == ("1002" if signed_in else "")
    merged = box.events("call.merged")[-1]
    assert merged.facts["into"] == call.cid
    if signed_in:
        assert box.seat("1002").state == "busy"
    desk.citizen.hang_up()
    box.wait_for(lambda: not box.calls(), 10, "the call to end")
    if signed_in:
        box.wait_for(lambda: box.seat("1002").state != "busy", 10)
    recorded = box.wait_for(lambda: [f for f in box.facts("recording.made") if f["kind"] == "call"], 10)
    assert recorded


def test_the_agent_goes_back_to_the_citizen_when_the_colleague_hangs_up(desk: Desk) -> None:
    desk.asks("8102")
    desk.expect(citizen=set(), other={AGENT_HZ})
    desk.other.hang_up()
    desk.agent.wait("ended")
    desk.agent.command("resume 1")
    desk.box.wait_for(lambda: [c.state for c in desk.box.calls()] == ["talking"], 10)
    desk.expect(citizen={AGENT_HZ}, other={AGENT_HZ})
