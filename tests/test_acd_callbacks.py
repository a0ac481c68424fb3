"""Callbacks: a caller hangs up and keeps the place; when the turn comes an agent calls."""

import msgspec
import pytest

from appliance.calls.acd import Acd, Changed, Decision, GaveUp, Offer, OfferOver
from appliance.published import Agent, Callback, Queue
from appliance.refused import Refused

PLAIN = Queue("general", offer_s=20, wrap_up_s=60, pause_after=2)


def on_duty(*agents: str, **callback: object) -> Acd:
    """Agents ready one second after another, in this order."""
    machine = Acd((PLAIN,), [Agent(number, number) for number in agents])
    machine.define(
        (PLAIN,), [Agent(n, n) for n in agents], (), msgspec.structs.replace(Callback(), **callback)
    )
    for second, number in enumerate(agents):
        machine.phone(number, True, 0.0)
        machine.sign_in(number, float(second))
        machine.ready(number, float(second))
    decisions(machine)
    return machine


def decisions(machine: Acd) -> list[Decision]:
    told: list[Decision] = list(iter(machine.next_event, None))
    return [d for d in told if not isinstance(d, Changed)]


def asked(machine: Acd, call: str = "a", number: str = "13900000001", now: float = 10) -> str:
    """A caller waits, asks to be called back and hangs up; the callback's name."""
    machine.join(call, "general", now, caller="13911111111")
    kept = machine.keep_place(call, number, now + 2)
    machine.leave(call, now + 3)
    return kept.call


def at_rest() -> Acd:
    """One agent, on a break."""
    machine = on_duty("1")
    machine.pause("1", "meal", 1)
    decisions(machine)
    return machine


def test_a_caller_who_asks_for_a_callback_keeps_the_place() -> None:
    machine = at_rest()
    machine.join("a", "general", 10)
    machine.join("b", "general", 11)
    kept = machine.keep_place("a", "13900000001", 12)
    machine.leave("a", 13)
    assert [w.call for w in machine.waiting("general")] == [kept.call, "b"]
    assert (kept.place, kept.asked_s) == (1, 12)
    machine.ready("1", 40)
    assert decisions(machine) == [Offer(kept.call, "1", "13900000001")]
    machine.reserve("out", "1", 40)
    machine.accepted("out", "1", 42)
    assert machine.reached("out", "1", 50) is not None
    assert [w.call for w in machine.waiting("general")] == ["b"]
    machine.cleared("1", 60)
    assert machine.agent("1").until_s == 120, "wrap-up as after any call of the queue"


def test_nobody_calls_while_who_asked_still_listens() -> None:
    machine = on_duty("1")
    machine.pause("1", "meal", 1)
    name = asked(machine)
    machine.ready("1", 13)
    assert decisions(machine) == []
    assert machine.timer() == 32
    machine.on_timer(32)
    assert decisions(machine) == [Offer(name, "1", "13900000001")]


def test_a_callback_an_agent_does_not_take_goes_to_the_next_at_once() -> None:
    machine = on_duty("1", "2")
    name = asked(machine)
    decisions(machine)
    machine.on_timer(32)
    machine.reserve("out", "1", 32)
    decisions(machine)
    machine.on_timer(52)
    assert decisions(machine) == [OfferOver("out", "1", "missed"), Offer(name, "2", "13900000001")]
    assert machine.agent("1").missed == 1


def test_a_callback_that_cannot_be_made_waits_a_minute_at_its_place() -> None:
    machine = at_rest()
    name = asked(machine)
    machine.ready("1", 40)
    machine.postpone("1", 40)
    decisions(machine)
    assert (machine.agent("1").state, machine.timer()) == ("ready", 100)
    machine.on_timer(100)
    assert decisions(machine) == [Offer(name, "1", "13900000001")]


def called(machine: Acd, call: str, now: float) -> None:
    """The turn has come, the agent picks up and the number is called."""
    machine.on_timer(now)
    machine.reserve(call, "1", now)
    machine.accepted(call, "1", now + 1)
    decisions(machine)


def test_who_does_not_answer_is_called_again_and_given_up_after_some_tries() -> None:
    machine = on_duty("1", tries=2, again_s=300)
    name = asked(machine)
    called(machine, "out-1", 40)
    first = machine.unreached("out-1", "no_answer", 80)
    assert first is not None
    assert (first.tries, first.not_before_s) == (1, 380)
    machine.cleared("1", 80)
    machine.ready("1", 81)
    assert machine.position(name) == 1
    called(machine, "out-2", 380)
    machine.unreached("out-2", "busy", 390)
    (gave_up,) = decisions(machine)
    assert isinstance(gave_up, GaveUp)
    assert (gave_up.callback.call, gave_up.why) == (name, "busy")
    assert machine.waiting("general") == []
    assert [callback.call for callback in machine.callbacks.given_up()] == [name]


def test_an_agent_who_hangs_up_before_anybody_answers_costs_no_try() -> None:
    machine = on_duty("1")
    name = asked(machine)
    called(machine, "out", 40)
    machine.put_off("out", 45)
    (waiting,) = machine.waiting("general")
    assert (waiting.call, waiting.tries, waiting.not_before_s) == (name, 0, 105)


def test_what_is_too_old_is_given_up() -> None:
    machine = at_rest()
    name = asked(machine)
    machine.define((PLAIN,), [Agent("1", "1")], (), Callback(keep_h=1))
    machine.on_timer(32)
    assert machine.timer() == 3612
    machine.on_timer(3612)
    (gave_up,) = decisions(machine)
    assert isinstance(gave_up, GaveUp)
    assert (gave_up.callback.call, gave_up.why) == (name, "too_old")


def test_what_a_callback_waited_tells_nothing_of_how_long_callers_wait() -> None:
    machine = at_rest()
    asked(machine)
    machine.ready("1", 50_000)
    called(machine, "out", 50_000)
    machine.reached("out", "1", 50_010)
    machine.join("b", "general", 50_020)
    assert machine.expect_s("b") is None


def test_a_number_waits_once_however_it_is_written_and_not_too_many_wait() -> None:
    machine = at_rest()
    machine.define((PLAIN,), [Agent("1", "1")], (), Callback(most=2))
    asked(machine, "a", "13900000001")
    for call, number, word in (
        ("b", "+8613900000001", "twice"),
        ("c", "13900000002", ""),
        ("d", "1", "full"),
    ):
        machine.join(call, "general", 20)
        if word:
            with pytest.raises(Refused, match=word):
                machine.keep_place(call, number, 21)
            assert machine.position(call), "still waiting"
        else:
            machine.keep_place(call, number, 21)
    machine.define((PLAIN,), [Agent("1", "1")], (), Callback(most=0))
    with pytest.raises(Refused, match="full"):
        machine.keep_place("d", "2", 22)


def test_a_callback_cannot_be_kept_again() -> None:
    machine = at_rest()
    name = asked(machine)
    with pytest.raises(Refused, match="no_call"):
        machine.keep_place(name, "13900000002", 20)


def test_a_cancelled_callback_is_not_made_and_one_being_made_is_not_cancelled() -> None:
    machine = at_rest()
    name, other = asked(machine), asked(machine, "b", "13900000002")
    assert machine.cancel(name, 20).number == "13900000001"
    with pytest.raises(Refused, match="no_call"):
        machine.cancel(name, 21)
    machine.ready("1", 40)
    machine.reserve("out", "1", 40)
    with pytest.raises(Refused, match="talking"):
        machine.cancel(other, 41)


def test_what_was_given_up_stays_in_sight_until_somebody_has_seen_to_it() -> None:
    machine = on_duty("1", tries=1)
    name = asked(machine)
    called(machine, "out", 40)
    machine.unreached("out", "busy", 50)
    assert machine.cancel(name, 60).tries == 1
    assert machine.callbacks.given_up() == []


def test_who_was_called_back_comes_back_to_the_same_agent() -> None:
    queue = Queue("general", last_agent_h=1, wrap_up_s=0)
    machine = on_duty("1", "2")
    machine.define((queue,), [Agent("1", "1"), Agent("2", "2")])
    asked(machine)
    called(machine, "out", 40)
    machine.reached("out", "1", 45)
    machine.cleared("1", 60)
    machine.on_timer(60)
    decisions(machine)
    machine.join("again", "general", 70, caller="13911111111")
    assert decisions(machine) == [Offer("again", "1")]


def test_what_an_earlier_life_left_waits_at_its_place() -> None:
    before = at_rest()
    name = asked(before)
    (left,) = before.waiting("general")
    machine = at_rest()
    machine.join("new", "general", 100)
    machine.restore([left], [], 101)
    assert [w.call for w in machine.waiting("general")] == [name, "new"]
    machine.ready("1", 102)
    assert decisions(machine) == [Offer(name, "1", "13900000001")]
