"""What a call and its turn in the queue make of several phones ringing and of overflow."""

import pytest

from appliance.calls.call import Call, Connect, Enter, IllegalStep, Join, Overflow, Return, Ring, Spare, State
from appliance.calls.turn import MUSIC, Loop, QueueTurn, Speak
from ivr.actions import Queue

CID = bytes(16)


def queued() -> Call:
    call = Call(CID, "sip/0", "139", "12345", 0.0)
    call.take(Enter(), 1.0)
    call.take(Join("general"), 2.0)
    return call


def test_every_phone_that_rings_is_in_the_log_and_the_call_stays_offered_until_the_last() -> None:
    call = queued()
    steps = (Ring("1"), Ring("2"), Spare("1", "missed"), Return("declined", "2"))
    told = [fact for step in steps for fact in call.take(step, 3.0)]
    assert [(fact.kind, fact.facts["agent"]) for fact in told] == [
        *(("call.offered", "1"), ("call.offered", "2"), ("call.returned", "1"), ("call.returned", "2")),
    ]
    assert (call.state, call.agent) == (State.QUEUED, "")


def test_whoever_picks_up_first_has_the_call() -> None:
    call = queued()
    for step in (Ring("1"), Ring("2"), Connect("1", "8001")):
        call.take(step, 3.0)
    assert (call.state, call.agent) == (State.TALKING, "1")


def test_a_call_shows_the_queue_it_overflowed_to_but_not_while_a_phone_rings() -> None:
    call = queued()
    (fact,) = call.take(Overflow("second", "time"), 3.0)
    assert fact.facts == {"queue": "general", "to": "second", "why": "time"}
    assert call.view().queue == "second"
    call.take(Ring("1"), 4.0)
    with pytest.raises(IllegalStep):
        call.take(Overflow("third", "time"), 5.0)


def turn(told: list[bool], expect_s: float | None = None) -> QueueTurn:
    """A turn whose queue says it overflows as `told` says, once."""
    action = Queue(queue="general", comfort=("queue.comfort",), comfort_every_s=20)
    return QueueTurn(
        action, lambda: False, lambda: 2, 0.0, True, lambda: bool(told) and told.pop(), lambda: expect_s
    )


def test_a_queue_that_overflows_ends_the_turn_when_its_time_has_come() -> None:
    told: list[bool] = []
    waits = turn(told)
    assert waits.begin(0.0) == [Loop(MUSIC)]
    told.append(True)
    waits.on_timer(1.0)
    assert waits.outcome == ("overflow", {})


def test_a_queue_that_overflowed_while_a_menu_was_spoken_ends_the_next_turn_at_once() -> None:
    waits = turn([True])
    waits.begin(0.0)
    assert waits.outcome == ("overflow", {})


@pytest.mark.parametrize(("expect_s", "minutes"), [(10.0, "1"), (200.0, "3")])
def test_the_place_and_the_minutes_can_be_announced(expect_s: float, minutes: str) -> None:
    waits = turn([], expect_s)
    waits.begin(0.0)
    assert waits.on_timer(20.0) == [Speak(("queue.comfort",), {"position": "2", "minutes": minutes})]
