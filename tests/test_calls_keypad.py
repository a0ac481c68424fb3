"""An agent with nothing but a desk phone: signs in, gets ready, rests and goes home by keypad codes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.calls.keypad import PHRASES, Keyed, answer, keyed
from appliance.calls.wire import SignOut
from appliance.refused import Refused
from ivr.faults import faults
from ivr.prompts import Phrases
from tests.box import CALLS, PHONES, Box
from tests.phones import Baresip


@pytest.mark.parametrize(
    ("dialled", "meant"),
    [
        ("*611001", Keyed("sign_in", "1001")),
        ("*611001#", Keyed("sign_in", "1001")),
        ("*60", Keyed("sign_out", "")),
        ("*62", Keyed("ready", "")),
        ("*63", Keyed("pause", "")),
        ("*61", None),
        ("*64", None),
        ("12345", None),
        ("", None),
        ("*62; rm", None),
    ],
)
def test_a_code_is_read_as_it_stands_in_the_table(dialled: str, meant: Keyed | None) -> None:
    assert keyed(dialled) == meant


@pytest.mark.parametrize("phrase", sorted(PHRASES))
def test_every_answer_can_be_spoken_and_ends(phrase: str) -> None:
    assert phrase in Phrases.load()
    assert not [fault for fault in faults(answer(phrase, "zh")) if "agent" not in str(fault)]


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[tuple[Box, Baresip]]:
    with (
        Box(CALLS) as box,
        Baresip(tmp_path, box.sip_port, number="8101", password=PHONES["8101"]) as phone,
    ):
        yield box, phone


@pytest.mark.sip
def test_a_shift_can_be_worked_by_keypad_alone(phone: tuple[Box, Baresip]) -> None:
    box, desk = phone
    for count, (code, state) in enumerate(
        [("*611001", "paused"), ("*62", "ready"), ("*63", "paused"), ("*62", "ready"), ("*60", "offline")], 1
    ):
        desk.dial(code)
        seat = box.wait_state("1001", state)
        desk.wait("CALL_CLOSED", count)
        assert state == "offline" or seat.extension == "8101"
    assert [facts["direction"] for facts in box.facts("call.ringing")] == ["inside"] * 5
    assert not box.events("recording")
    with pytest.raises(Refused, match="not_signed_in"):
        box.order(SignOut("1001"))


@pytest.mark.sip
def test_an_unknown_agent_hears_that_it_was_not_possible(phone: tuple[Box, Baresip]) -> None:
    box, desk = phone
    desk.dial("*614711")
    desk.wait("CALL_ESTABLISHED")
    desk.wait("CALL_CLOSED")
    assert box.facts("call.ended")[-1]["cause"] == 16
    assert {seat.state for seat in box.board().seats} == {"offline"}
