"""The survey on a whole box: the agent hangs up, the caller rates the talk, and it is in the log."""

from pathlib import Path

import pytest

from tests.box import CALLS, PHONES, Box
from tests.phones import Baresip

pytestmark = pytest.mark.sip


@pytest.mark.parametrize(("keys", "value"), [("1", 5), ("95", 1)])
def test_when_the_agent_hangs_up_the_caller_is_asked_and_the_key_is_the_rating(
    tmp_path: Path, keys: str, value: int
) -> None:
    settings = {"queue": [{"name": "general", "survey": True}]}
    number, password = "8101", PHONES["8101"]
    with (
        Box(CALLS, settings=settings) as box,
        Baresip(tmp_path, box.sip_port, number=number, password=password, answers=True) as desk,
        Baresip(tmp_path, box.sip_port) as citizen,
    ):
        box.sit("1001", "8101")
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED")
        box.wait_for(lambda: [call for call in box.calls() if call.state == "in_flow"], 5)
        citizen.keys("1")
        box.wait_for(lambda: [call for call in box.calls() if call.state == "talking"], 20)
        desk.hang_up()
        box.wait_for(lambda: [call for call in box.calls() if call.state == "in_flow"], 10)
        citizen.keys(keys)
        rated = box.wait_event("call.rated")
        assert (rated["value"], rated["of"], rated["agent"]) == (value, 5, "1001")
        citizen.wait("CALL_CLOSED")
        assert box.wait_event("call.ended")["outcome"] == "answered"
