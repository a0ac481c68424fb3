"""What callers ask for in the shipped flow besides an agent, in virtual time: a callback, to rate a talk.

And what their calls leave in the log for those who count.
"""

import pytest

from appliance.calls import doing
from appliance.calls import turn as turns
from appliance.calls.call import State
from tests.callers import Caller, queued


def asking_for_a_callback(keys: str = "31") -> Caller:
    """A caller who waits and has pressed these keys at the all-busy menu."""
    caller = queued(busy=True)
    for key in keys:
        caller.keys(key)
    return caller


def test_a_caller_hears_the_own_number_and_confirms_the_callback() -> None:
    caller = asking_for_a_callback("3")
    assert caller.hears() == ("callback.own",)
    caller.keys("1")
    assert caller.asked()[-1] == turns.KeepPlace("13800138000")
    assert not caller.asked_for(doing.LeaveQueue), "the place is kept until it is known whether it is"
    caller.talk.place_kept("kept", caller.now)
    assert caller.hears() == ("callback.kept",)
    assert len(caller.asked_for(doing.LeaveQueue)) == 1
    caller.hangs_up()
    assert caller.outcome() == "callback", "who asked to be called back has not given up"


def test_a_caller_keys_another_number_hears_it_and_may_correct_it() -> None:
    caller = asking_for_a_callback("32").keys("02087654321#")
    assert caller.hears() == ("callback.confirm",)
    assert caller.talk.run.variables["callback_number"] == "02087654321"
    caller.keys("2")
    assert caller.hears() == ("callback.number",)
    caller.keys("02087654322#").keys("1")
    assert caller.asked()[-1] == turns.KeepPlace("02087654322")


def test_an_agent_who_becomes_free_while_a_number_is_keyed_has_the_caller() -> None:
    caller = asking_for_a_callback("32").keys("020").joined()
    assert caller.state is State.TALKING


@pytest.mark.parametrize(
    ("answer", "hears", "waits_on"),
    [
        ("full", "callback.full", True),
        ("twice", "callback.twice", True),
        ("refused", "callback.number", True),
    ],
)
def test_a_callback_that_is_not_kept_leaves_the_caller_at_the_place(
    answer: str, hears: str, waits_on: bool
) -> None:
    caller = asking_for_a_callback()
    caller.talk.place_kept(answer, caller.now)
    assert caller.hears() == (hears,)
    assert bool(caller.asked_for(doing.LeaveQueue)) != waits_on


def test_who_shows_no_number_is_not_called_back() -> None:
    caller = queued(busy=True, number="").keys("3")
    assert caller.hears() == ("callback.withheld",)
    caller.listens()
    assert caller.state is State.QUEUED


def test_a_queue_with_a_survey_has_the_talk_rated_when_the_agent_hangs_up() -> None:
    caller = queued().joined().listens()
    caller.survey = True
    caller.talk.agent_left(caller.now)
    assert caller.hears() == ("survey.ask",)
    caller.keys("2")
    (rated,) = [do.fact for do in caller.asked_for(doing.Log) if do.fact.kind == "call.rated"]
    assert rated.facts == {
        "agent": "1001",
        "queue": "general",
        "key": "2",
        "value": 4,
        "of": 5,
        "round": 1,
    }
    assert caller.hears() == ("survey.thanks",)
    caller.listens()
    assert caller.outcome() == "answered"


def test_an_agent_sends_the_caller_to_the_survey_and_wrong_keys_are_no_rating() -> None:
    caller = queued().joined().listens()
    caller.talk.sent("survey", caller.now)
    assert caller.hears() == ("survey.ask",)
    caller.keys("9")
    assert caller.hears()[0] == "sorry.again"
    caller.listens().waits(6)
    assert caller.hears() == ("goodbye",)
    assert "call.rated" not in caller.log()


def test_a_hold_says_how_long_it_was_however_it_ends() -> None:
    for ends in ("resume", "pass", "hang_up"):
        caller = queued().joined().listens()
        caller.talk.hold(caller.now)
        assert caller.asked()[-1] == turns.Loop(turns.MUSIC)
        caller.now += 12.5
        match ends:
            case "resume":
                caller.talk.resume(caller.now)
            case "pass":
                caller.talk.passed("1002", "1002", caller.now)
            case _:
                caller.hangs_up()
        (over,) = [do.fact for do in caller.asked_for(doing.Log) if do.fact.kind == "call.resumed"]
        assert over.facts == {"agent": "1001", "held_s": 12.5}


def test_who_gives_up_leaves_how_long_and_where() -> None:
    caller = queued().waits(7).rung_at().hangs_up()
    (ended,) = [do.fact for do in caller.asked_for(doing.Log) if do.fact.kind == "call.ended"]
    assert ended.facts == {
        "outcome": "abandoned",
        "cause": 16,
        "queue": "general",
        "wait_s": 7.0,
        "ringing": "1001",
    }
