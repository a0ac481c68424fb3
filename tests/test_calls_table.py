"""The call's table of states: every pair that is not in it is refused and changes nothing."""

from itertools import product

import pytest

from appliance.calls.call import (
    STEPS,
    Call,
    Connect,
    End,
    Enter,
    Hold,
    IllegalStep,
    Join,
    Leave,
    Pass,
    Resume,
    Return,
    Ring,
    State,
    Step,
)
from appliance.calls.wire import CallView
from hardware.line import Cause

CID = bytes(range(16))
ENTER, JOIN, LEAVE, RING = Enter(), Join("general"), Leave(), Ring("1001")
RETURN, CONNECT, END = Return("missed"), Connect("1001", "8001"), End(Cause.NORMAL)
HOLD, RESUME, PASS = Hold(), Resume(), Pass("1002", "agent:1002")
EVERY_STEP: tuple[Step, ...] = (ENTER, JOIN, LEAVE, RING, RETURN, CONNECT, HOLD, RESUME, PASS, END)
WAY_TO: dict[State, tuple[Step, ...]] = {
    State.RINGING: (),
    State.DIALLING: (),
    State.IN_FLOW: (ENTER,),
    State.QUEUED: (ENTER, JOIN),
    State.OFFERED: (ENTER, JOIN, RING),
    State.TALKING: (ENTER, JOIN, RING, CONNECT),
    State.HELD: (ENTER, JOIN, RING, CONNECT, HOLD),
    State.ENDED: (END,),
}
PAIRS = [(state, step) for state, step in product(State, EVERY_STEP)]


def call_in(state: State) -> Call:
    call = Call(CID, "sip/0", "13800138000", "12345", 100.0, outgoing=state is State.DIALLING)
    for step in WAY_TO[state]:
        call.take(step, 100.0)
    assert call.state is state
    return call


def ended(*steps: Step, message: bool = False) -> str:
    """How a call ends after these steps."""
    call = Call(CID, "sip/0", "", "12345", 0.0)
    for step in steps:
        call.take(step, 0.0)
    if message:
        call.message_left()
    return str(call.take(END, 1.0)[-1].facts["outcome"])


@pytest.mark.parametrize(("state", "step"), [p for p in PAIRS if (p[0], type(p[1])) in STEPS])
def test_a_step_of_the_table_leads_where_it_says_and_is_logged_once(state: State, step: Step) -> None:
    call = call_in(state)
    *held, fact = call.take(step, 107.0)
    assert [over.kind for over in held] == (
        ["call.resumed"] if state is State.HELD and type(step) is not Resume else []
    ), "a hold that is over says so before what ended it"
    assert call.state is STEPS[state, type(step)]
    assert call.since_s == 107.0
    assert fact.subject == CID
    assert fact.kind.startswith("call.")


@pytest.mark.parametrize(("state", "step"), [p for p in PAIRS if (p[0], type(p[1])) not in STEPS])
def test_any_other_step_is_illegal_and_changes_nothing(state: State, step: Step) -> None:
    call = call_in(state)
    before: CallView = call.view()
    with pytest.raises(IllegalStep):
        call.take(step, 999.0)
    assert call.view() == before


def test_the_table_knows_no_way_out_of_the_end() -> None:
    assert not [pair for pair in STEPS if pair[0] is State.ENDED]


def test_a_call_ends_as_what_it_was() -> None:
    assert ended() == "self_service"
    assert ended(ENTER) == "self_service"
    assert ended(ENTER, JOIN) == "abandoned"
    assert ended(ENTER, JOIN, RING) == "abandoned"
    assert ended(ENTER, JOIN, RING, RETURN) == "abandoned"
    assert ended(ENTER, JOIN, LEAVE) == "self_service"
    assert ended(ENTER, JOIN, RING, CONNECT) == "answered"
    assert ended(ENTER, JOIN, RING, CONNECT, LEAVE) == "answered"
    assert ended(ENTER, message=True) == "message"
    assert ended(ENTER, JOIN, LEAVE, message=True) == "message"
    assert ended(ENTER, JOIN, RING, CONNECT, LEAVE, message=True) == "answered"


def test_the_wait_is_counted_from_the_queue_to_the_answer() -> None:
    call = Call(CID, "sip/0", "", "12345", 0.0)
    for step, now in ((ENTER, 1.0), (JOIN, 5.0), (RING, 9.0)):
        call.take(step, now)
    (fact,) = call.take(CONNECT, 12.5)
    assert fact.facts == {"agent": "1001", "extension": "8001", "queue": "general", "wait_s": 7.5}
