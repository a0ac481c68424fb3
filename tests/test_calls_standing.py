"""How calls stand is noted, and what is made of the notes stands the same."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.calls import doing
from appliance.calls import turn as turns
from appliance.calls.acd import Acd
from appliance.calls.call import TALK, Call, State
from appliance.calls.conversation import Conversation
from appliance.calls.stand import CallStand, TalkStand, TapeStand
from appliance.calls.standing import GOES_ON
from appliance.calls.tape import Begin, Tape
from appliance.published import Agent, Queue, Recorded
from appliance.recordings.policy import About
from appliance.refused import Refused
from ivr.flow import Flow, Node
from tests.callers import FLOW, Asked, Caller, queued

RUNG = ("ring", "return", "join", "leave")
EVENTS = st.lists(
    st.sampled_from([*"1239#0", "listen", "second", "minute", *RUNG, "hold", "resume", "pass", "overflow"]),
    max_size=14,
)


def happens(caller: Caller, event: str) -> None:
    """What can happen to the call as it stands happens, anything else does not."""
    state, now = caller.state, caller.now
    match event:
        case "listen":
            caller.listens()
        case "second" | "minute":
            caller.waits(1 if event == "second" else 60)
        case "ring" if state in (State.QUEUED, State.OFFERED):
            caller.rung_at("1001" if state is State.QUEUED else "1002")
        case "return":
            caller.talk.returned("missed", now)
        case "join" if state is State.OFFERED:
            caller.talk.agent_answered("1001", "8001", now)
        case "leave":
            caller.talk.agent_left(now)
        case "hold" if state is State.TALKING:
            caller.talk.hold(now)
        case "resume" if state is State.HELD:
            caller.talk.resume(now)
        case "pass" if state in TALK:
            caller.talk.passed("1002", "1002", now)
        case "overflow":
            caller.talk.overflowed("other", "time", now)
        case key if len(key) == 1:
            caller.keys(key)


def again(value: Any, kind: Any) -> Any:
    """A value as it is read from its file."""
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)


def revived(caller: Caller) -> Caller:
    """The next life's view of a call; nothing has been done about it yet."""
    caller.asked()
    next_one = Caller()
    next_one.talk.take()
    next_one.now, next_one.busy = caller.now, caller.busy
    call = Call.standing(again(caller.talk.call.stand, CallStand))
    next_one.talk = Conversation(call, FLOW, Asked(next_one))
    stand = caller.talk.stand
    assert stand is not None
    next_one.talk.stood(again(stand, TalkStand))
    return next_one


@given(events=EVENTS, busy=st.booleans())
def test_whatever_happened_a_call_stands_the_same_in_the_next_life(events: list[str], busy: bool) -> None:
    caller = Caller(busy).enters()
    for event in events:
        happens(caller, event)
    if caller.state not in GOES_ON:
        return
    next_one = revived(caller)
    assert next_one.talk.call.view() == caller.talk.call.view()
    assert next_one.talk.call.stand == caller.talk.call.stand
    assert next_one.talk.stand == caller.talk.stand
    assert next_one.talk.run.current() == caller.talk.run.current()
    next_one.talk.give_back(next_one.now)
    next_one.talk.go_on(next_one.now)
    before, state = caller.state, next_one.state
    assert state is (State.QUEUED if before is State.OFFERED else before) or state is State.ENDED
    if state is not State.ENDED:
        assert "call.queued" not in next_one.log(), "nobody joins a queue twice"
        caller.hangs_up()
        next_one.hangs_up()
        assert next_one.outcome() == caller.outcome()


def test_who_waits_waits_since_the_same_time_and_hears_music() -> None:
    caller = queued().waits(7)
    next_one = revived(caller)
    next_one.talk.go_on(next_one.now)
    assert next_one.asked() == [turns.Loop(turns.MUSIC)]
    assert next_one.talk.stand == caller.talk.stand
    assert next_one.talk.call.queued_s == caller.talk.call.queued_s


def test_a_phone_that_rang_is_given_back_without_blame() -> None:
    next_one = revived(queued().rung_at("1001").rung_at("1002"))
    next_one.talk.give_back(next_one.now)
    facts = [do.fact.facts for do in next_one.asked_for(doing.Log)]
    assert facts == [{"agent": "1001", "why": "gone"}, {"agent": "1002", "why": "gone"}]
    assert next_one.state is State.QUEUED


def test_a_menu_is_spoken_again_and_its_key_understood() -> None:
    next_one = revived(Caller().enters().listens())
    next_one.talk.go_on(next_one.now)
    assert next_one.hears() == ("menu.main", "menu.language")
    next_one.keys("1").listens()
    assert next_one.asked_for(doing.JoinQueue) == [doing.JoinQueue("general")]


def test_who_was_being_told_the_agents_number_talks_at_once() -> None:
    next_one = revived(queued().joined())
    next_one.talk.go_on(next_one.now)
    assert next_one.asked() == [turns.Hush(), doing.Bridge()]


def test_a_talk_goes_on_untouched_and_the_flow_goes_on_behind_it() -> None:
    next_one = revived(queued().joined().listens())
    next_one.talk.go_on(next_one.now)
    assert next_one.asked() == []
    next_one.talk.agent_left(next_one.now)
    assert "call.left" in next_one.log()


def test_a_node_the_flow_has_no_more_is_an_error() -> None:
    caller = Caller().enters()
    stand = caller.talk.stand
    assert stand is not None
    gone = msgspec.structs.replace(stand, place=msgspec.structs.replace(stand.place, node="gone"))
    with pytest.raises(KeyError):
        Caller().talk.stood(gone)


def test_what_was_keyed_in_secret_is_not_noted() -> None:
    ask = {"prompts": ["menu.main"], "store": "pin", "digits_max": 4, "secret": True}
    nodes = {
        "ask": Node("collect", ask, {"ok": "menu", "timeout": "menu"}),
        "menu": Node("say", {"prompts": ["menu.main"]}, {"done": "ask"}),
    }
    caller = Caller(flow=Flow("pin", "zh", "ask", nodes)).enters().keys("4711")
    assert caller.talk.run.variables["pin"] == "4711"
    stand = caller.talk.stand
    assert stand is not None
    assert stand.place.node == "menu"
    assert b"4711" not in msgspec.json.encode(stand)


def test_a_call_nobody_has_picked_up_yet_does_not_stand() -> None:
    caller = Caller()
    caller.talk.early("inside", caller.now)
    assert caller.talk.stand is None


# Recordings

RULES = [
    Recorded("agents", "asked", queues=("asked",)),
    Recorded("rolling", "rolling", queues=("rolling",)),
]
TAPED = st.lists(
    st.sampled_from(
        ["ask", "stop", "hide", "show", "secret", "open", "agent", "none", "asked", "rolling", "move"]
    ),
    max_size=10,
)


@given(events=TAPED)
def test_a_tape_stands_the_same_in_the_next_life_and_nothing_is_begun_twice(events: list[str]) -> None:
    tape = Tape("c", RULES, 60.0)
    about = About("in", ("sip/0",), "12345", "", "")
    tape.follow(about)
    for now, event in enumerate(events):
        try:
            match event:
                case "ask" | "stop":
                    tape.ask(event == "ask", "1001")
                case "hide" | "show":
                    tape.hide(event == "hide", "1001", float(now))
                case "secret" | "open":
                    tape.secret(event == "secret", float(now))
                case "move":
                    tape.move()
                case "agent" | "none":
                    about = replace(about, agent="1001" if event == "agent" else "")
                    tape.follow(about)
                case queue:
                    about = replace(about, queue=queue)
                    tape.follow(about)
        except Refused:
            continue
    next_one = Tape("c", RULES, 60.0)
    next_one.stood(again(tape.stand, TapeStand), about)
    seen = [(t.state, t.recording, t.rolling, t.may_ask, t.may_hide, t.timer()) for t in (tape, next_one)]
    assert seen[0] == seen[1]
    about = replace(about, agent="1002")
    assert next_one.follow(about) == tape.follow(about)
    assert next_one.end() == tape.end()


def test_a_recording_media_has_not_kept_is_followed_by_another() -> None:
    tape = Tape("c", [], 60.0)
    about = About("in", ("sip/0",), "12345", "", "")
    tape.follow(about)
    next_one = Tape("c", [], 60.0)
    next_one.stood(again(tape.stand, TapeStand), about)
    next_one.broke(tape.recording)
    assert next_one.follow(about) == [Begin("c.r2")]


# Agents


def test_an_agent_in_a_talk_is_busy_since_the_same_time_and_rests_afterwards_if_that_was_asked_for() -> None:
    queue, agent = Queue("general", wrap_up_s=30), Agent("1001", "", queues=("general",))
    acd = Acd([queue], [agent])
    acd.sign_in("1001", 1.0)
    acd.phone("1001", True, 1.0)
    acd.ready("1001", 1.0)
    acd.join("call", "general", 2.0)
    acd.accepted("call", "1001", 3.0)
    acd.pause("1001", "lunch", 4.0)
    engaged = acd.engaged("call")
    next_one = Acd([queue], [agent])
    next_one.go_on("call", engaged)
    assert next_one.agent("1001").state == "offline", "who is not on duty is in no talk"
    next_one.sign_in("1001", 5.0)
    next_one.go_on("call", engaged)
    was, now = acd.agent("1001"), next_one.agent("1001")
    assert (now.state, now.since_s, now.call, now.queue) == (was.state, was.since_s, was.call, was.queue)
    assert next_one.engaged("call") == engaged
    next_one.cleared("1001", 6.0)
    assert (next_one.agent("1001").state, next_one.agent("1001").reason) == ("paused", "lunch")


def test_who_waited_longest_is_still_served_first() -> None:
    acd = Acd([Queue("general")], [Agent("1001", "", queues=("general",))])
    acd.sign_in("1001", 100.0)
    acd.phone("1001", True, 100.0)
    for call, since_s in (("first", 10.0), ("second", 20.0)):
        acd.join(call, "general", since_s)
    assert [waiting.since_s for waiting in acd.waiting("general")] == [10.0, 20.0]
    acd.ready("1001", 101.0)
    assert acd.agent("1001").call == "first"
