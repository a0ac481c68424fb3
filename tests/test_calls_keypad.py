"""An agent with nothing but a desk phone: signs in, gets ready, rests and goes home by keypad codes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.calls.keypad import PAUSES, PHRASES, Keyed, answer, keyed
from appliance.calls.wire import Seat, SignOut
from appliance.refused import Refused
from ivr.faults import faults
from ivr.prompts import Phrases
from tests.box import CALLS, PHONES, Box
from tests.phones import Baresip
from web import shown


@pytest.mark.parametrize(
    ("dialled", "meant"),
    [
        ("*611001", Keyed("sign_in", "1001")),
        ("*611001#", Keyed("sign_in", "1001")),
        ("*60", Keyed("sign_out")),
        ("*62", Keyed("ready")),
        ("*63", Keyed("pause", reason="keypad")),
        ("*631", Keyed("pause", reason="rest")),
        ("*632#", Keyed("pause", reason="meal")),
        ("*64", Keyed("extend")),
        ("*61", None),
        ("*639", None),
        ("*621", None),
        ("*65", None),
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


def test_every_reason_at_the_keypad_has_a_name_on_the_pages() -> None:
    assert set(PAUSES.values()) <= set(shown.PAUSES) | set(shown.PAUSED_BY_OTHERS)


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
def test_a_whole_shift_goes_by_keypad_while_pages_and_database_stand_still(tmp_path: Path) -> None:
    settings = {"queue": [{"name": "general", "wrap_up_s": 30}]}
    number, password = "8101", PHONES["8101"]
    with (
        Box(("media", "calls", "store", "web"), settings=settings) as box,
        Baresip(tmp_path, box.sip_port, number=number, password=password, answers=True) as desk,
        Baresip(tmp_path, box.sip_port) as citizen,
    ):
        stopped = [box.kill(unit, signal.SIGSTOP) for unit in ("store", "web")]
        try:
            closed = 0

            def dials(code: str, state: str) -> Seat:
                nonlocal closed
                closed += 1
                desk.dial(code)
                desk.wait("CALL_CLOSED", closed)
                return box.wait_state("1001", state)

            dials("*611001", "paused")
            dials("*62", "ready")
            citizen.dial()
            citizen.wait("CALL_ESTABLISHED")
            box.wait_for(lambda: [call for call in box.calls() if call.state == "in_flow"], 5)
            citizen.keys("1")
            box.wait_for(lambda: [call for call in box.calls() if call.state == "talking"], 20)
            desk.hang_up()
            closed += 1
            ends_s = box.wait_state("1001", "wrap_up").until_s
            assert dials("*64", "wrap_up").until_s == pytest.approx(ends_s + 30)
            assert dials("*632", "paused").reason == "meal"
            dials("*64", "paused")
            assert box.facts("call.ended")[-1]["outcome"] == "self_service", "refused, and told so"
            dials("*62", "ready")
            dials("*60", "offline")
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)


@pytest.mark.sip
def test_an_unknown_agent_hears_that_it_was_not_possible(phone: tuple[Box, Baresip]) -> None:
    box, desk = phone
    desk.dial("*614711")
    desk.wait("CALL_ESTABLISHED")
    desk.wait("CALL_CLOSED")
    assert box.facts("call.ended")[-1]["cause"] == 16
    assert {seat.state for seat in box.board().seats} == {"offline"}
