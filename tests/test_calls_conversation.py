"""A caller's way through the shipped flow, in virtual time."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.calls import doing
from appliance.calls import turn as turns
from appliance.calls.call import State
from hardware.line import Cause
from ivr.flow import Flow, Node
from tests.callers import Caller, queued


def test_the_box_answers_welcomes_and_offers_the_menu() -> None:
    caller = Caller()
    assert caller.asked_for(doing.AnswerCaller)
    assert caller.state is State.RINGING
    caller.enters()
    assert caller.hears() == ("welcome",)
    caller.listens()
    assert caller.hears() == ("menu.main", "menu.language")


def test_a_key_pressed_during_the_welcome_chooses_from_the_menu() -> None:
    caller = Caller().enters().keys("1")
    assert caller.hears() == ("queue.connecting",)
    assert "call.queued" not in caller.log()


def test_keys_typed_ahead_go_through_menu_after_menu() -> None:
    caller = Caller().enters().keys("21")
    assert caller.hears() == ("message.prompt",)


def test_a_caller_without_keys_reaches_an_agent() -> None:
    caller = Caller().enters().listens(2).waits(5)
    assert caller.hears()[0] == "sorry.again"
    caller.listens().waits(5)
    assert caller.hears() == ("queue.connecting",)


def test_a_wrong_key_is_told_so() -> None:
    caller = Caller().enters().listens().keys("8")
    assert caller.hears()[0] == "sorry.again"
    assert caller.state is State.IN_FLOW


def test_with_a_free_agent_the_caller_hears_music_and_no_busy_menu() -> None:
    caller = queued()
    assert caller.asked_for(doing.JoinQueue) == [doing.JoinQueue("general")]
    assert caller.asked_for(turns.Loop) == [turns.Loop(turns.MUSIC)]
    assert caller.state is State.QUEUED
    assert "queue.busy" not in caller.hears()


def test_caller_and_agent_are_joined_after_the_announcement() -> None:
    caller = queued().joined()
    assert caller.state is State.TALKING
    assert caller.asked()[-1] == turns.Speak(("agent.number",), {"agent": "1001"})
    assert not caller.asked_for(doing.Bridge)
    caller.listens()
    assert caller.asked()[-1] == doing.Bridge()


def test_all_busy_offers_to_wait_or_to_leave_a_message() -> None:
    caller = queued(busy=True)
    assert caller.hears() == ("queue.busy",)
    assert caller.state is State.QUEUED
    caller.waits(1).keys("1")
    assert caller.asked()[-1] == turns.Loop(turns.MUSIC)
    assert not caller.asked_for(doing.LeaveQueue)


def test_a_caller_tired_of_waiting_leaves_a_message_and_the_queue() -> None:
    caller = queued(busy=True).keys("2")
    assert caller.hears() == ("message.prompt",)
    assert len(caller.asked_for(doing.LeaveQueue)) == 1
    assert caller.state is State.IN_FLOW


def test_who_waits_hears_kind_words_and_the_place_and_later_the_busy_menu_again() -> None:
    caller = queued(busy=True).waits(1).keys("1")
    caller.place, caller.expect_s = 3, 290.0
    caller.waits(20)
    words = ("queue.comfort", "queue.position", "queue.wait")
    assert caller.asked()[-1] == turns.Speak(words, {"position": "3", "minutes": "5"})
    caller.listens()
    assert caller.asked()[-1] == turns.Loop(turns.MUSIC)
    caller.waits(20)
    assert caller.hears() == ("queue.position", "queue.wait")
    caller.listens()
    assert caller.hears() == ("queue.busy",)


def test_who_joins_a_busy_queue_is_told_the_place_and_the_wait_at_once() -> None:
    caller = Caller(busy=True).enters().listens().keys("1")
    caller.place, caller.expect_s = 4, 130.0
    caller.listens()
    assert caller.hears() == ("queue.position", "queue.wait")
    variables = caller.talk.run.variables
    assert (variables["position"], variables["minutes"]) == ("4", "2")
    caller.listens()
    assert caller.hears() == ("queue.busy",)


def test_a_wait_nobody_knows_is_not_told() -> None:
    caller = queued(busy=True)
    assert caller.talk.run.variables["minutes"] == "", "a phrase whose value is empty is not spoken"


def test_nobody_waits_for_ever() -> None:
    caller = queued()
    caller.waits(600)
    assert caller.hears() == ("queue.overflow",)
    caller.listens()
    assert caller.hears() == ("message.prompt",)
    assert caller.asked_for(doing.LeaveQueue)


def test_an_agent_may_answer_while_the_busy_menu_is_spoken() -> None:
    caller = queued(busy=True).joined("1002")
    assert turns.Hush() in caller.asked()
    assert caller.state is State.TALKING
    caller.listens()
    assert caller.asked()[-1] == doing.Bridge()
    caller.keys("2").hangs_up()
    assert caller.outcome() == "answered"


def test_the_busy_menu_running_out_during_an_offer_disturbs_nothing() -> None:
    caller = queued(busy=True).rung_at().listens().waits(5)
    caller.talk.agent_answered("1001", "8001", caller.now)
    assert caller.state is State.TALKING
    assert "call.left" not in caller.log()


def test_when_the_agent_leaves_the_call_ends() -> None:
    caller = queued().joined().listens()
    caller.talk.agent_left(caller.now)
    assert caller.asked_for(doing.ClearCaller) == [doing.ClearCaller(Cause.NORMAL)]
    assert caller.state is State.ENDED
    caller.hangs_up()
    assert caller.log().count("call.ended") == 1


def test_an_agent_who_leaves_during_the_announcement_ends_the_call_without_a_bridge() -> None:
    caller = queued().joined()
    caller.talk.agent_left(caller.now)
    caller.listens()
    assert not caller.asked_for(doing.Bridge)
    assert caller.state is State.ENDED


def recording() -> Caller:
    """A caller who hears the beep."""
    caller = Caller().enters().keys("21").listens()
    assert caller.asked()[-1] == turns.StartMessage()
    return caller


def test_a_message_ended_with_the_stop_key_is_kept() -> None:
    caller = recording().waits(10).keys("#")
    assert turns.EndMessage(True) in caller.asked()
    assert caller.hears() == ("message.thanks",)
    caller.listens()
    assert caller.outcome() == "message"
    assert caller.asked()[-1] == doing.ClearCaller(Cause.NORMAL)


def test_a_message_is_cut_when_its_time_is_up() -> None:
    caller = recording().waits(179)
    assert not caller.asked_for(turns.EndMessage)
    caller.waits(1)
    assert caller.asked_for(turns.EndMessage) == [turns.EndMessage(True)]


def test_a_message_too_short_is_not_kept() -> None:
    caller = recording().waits(1.9).keys("#")
    assert turns.EndMessage(False) in caller.asked()
    assert caller.hears() == ("message.empty",)
    caller.hangs_up()
    assert caller.outcome() == "self_service"


def test_hanging_up_ends_a_message_and_keeps_it() -> None:
    caller = recording().waits(30).hangs_up()
    assert caller.asked_for(turns.EndMessage) == [turns.EndMessage(True)]
    assert caller.outcome() == "message"


def test_keys_before_the_beep_do_not_end_the_message() -> None:
    caller = Caller().enters().keys("21#")
    assert not caller.asked_for(turns.EndMessage)
    assert caller.hears() == ("message.prompt",)


def asking() -> Caller:
    """A caller who typed a ticket number."""
    caller = Caller().enters().keys("23").keys("20261122#")
    assert caller.asked()[-1] == turns.AskTicket("20261122")
    return caller


def test_a_caller_hears_how_a_ticket_stands() -> None:
    caller = asking()
    values = {"number": "20261122", "state": "signed", "unit": "供水", "updated": "1"}
    caller.talk.store_answered("found", values, caller.now)
    assert caller.hears() == ("ticket.number", "ticket.state", "ticket.unit", "ticket.updated")
    assert caller.talk.run.variables["unit"] == "供水"


def test_an_unknown_ticket_is_said_to_be_unknown() -> None:
    caller = asking()
    caller.talk.store_answered("unknown", {}, caller.now)
    assert caller.hears() == ("ticket.unknown",)


def test_without_the_store_the_caller_is_led_to_an_agent() -> None:
    caller = asking()
    caller.talk.store_answered("unavailable", {}, caller.now)
    assert caller.hears() == ("ticket.unavailable",)
    caller.listens()
    assert caller.state is State.QUEUED


def test_the_caller_may_go_at_any_point_and_the_call_ends_once() -> None:
    places = [
        Caller(),
        Caller().enters(),
        Caller().enters().listens(),
        queued(),
        queued(busy=True),
        queued().rung_at(),
        queued(busy=True).rung_at(),
        queued().joined(),
        queued().joined().listens(),
        recording(),
        asking(),
    ]
    for caller in places:
        caller.hangs_up(Cause.NORMAL).hangs_up(Cause.NORMAL).waits(1000).keys("12#").listens()
        caller.talk.returned("missed", caller.now)
        caller.talk.agent_left(caller.now)
        assert caller.log().count("call.ended") == 1
        assert caller.state is State.ENDED
        assert len(caller.asked_for(doing.JoinQueue)) >= len(caller.asked_for(doing.LeaveQueue))


HAPPENINGS = st.one_of(
    st.sampled_from("0123456789*#").map(lambda key: ("key", key)),
    st.just(("spoken", "")),
    st.floats(0.1, 700).map(lambda seconds: ("wait", seconds)),
    st.sampled_from(["found", "unknown", "unavailable"]).map(lambda outcome: ("store", outcome)),
    st.sampled_from(["kept", "twice", "full", "refused"]).map(lambda outcome: ("kept", outcome)),
    st.sampled_from(["offer", "pick_up", "return", "agent_leaves", "busy", "free", "gone"]).map(
        lambda what: (what, "")
    ),
)


@given(st.lists(HAPPENINGS, max_size=60))
def test_any_sequence_of_happenings_ends_in_exactly_one_end(happenings: list[tuple[str, Any]]) -> None:
    caller = Caller().enters()
    talk = caller.talk
    for what, value in happenings:
        match what:
            case "key":
                caller.keys(value)
            case "spoken":
                caller.listens()
            case "wait":
                caller.waits(value)
            case "store" if isinstance(talk._turn, turns.TicketTurn):
                talk.store_answered(value, {}, caller.now)
            case "kept" if isinstance(talk._turn, turns.CallbackTurn):
                talk.place_kept(value, caller.now)
            case "offer" if caller.state is State.QUEUED:
                caller.rung_at()
            case "pick_up" if caller.state is State.OFFERED:
                talk.agent_answered("1001", "8001", caller.now)
            case "return":
                talk.returned("missed", caller.now)
            case "agent_leaves":
                talk.agent_left(caller.now)
            case "busy" | "free":
                caller.busy = what == "busy"
            case "gone":
                caller.hangs_up()
        waiting = len(caller.asked_for(doing.JoinQueue)) - len(caller.asked_for(doing.LeaveQueue))
        if caller.state in (State.QUEUED, State.OFFERED):
            assert talk.run.queue is not None, "who waits has a place"
        assert waiting >= 0
    caller.hangs_up()
    assert caller.log().count("call.ended") == 1
    assert caller.log()[0] == "call.ringing"
    assert caller.log()[-1] == "call.ended"


def pin_flow(secret: bool) -> Flow:
    """Asks for four digits, then thanks."""
    digits = {"prompts": ["welcome"], "store": "pin", "digits_max": 4, "secret": secret}
    nodes = {
        "pin": Node("collect", digits, {"ok": "thanks", "timeout": "thanks"}),
        "thanks": Node("say", {"prompts": ["welcome"]}, {"done": "end"}),
        "end": Node("hangup"),
    }
    return Flow(name="pin", language="zh", start="pin", nodes=nodes)


def keyed(caller: Caller) -> list[tuple[str, str, int]]:
    logged = [do.fact for do in caller.asked_for(doing.Log) if do.fact.kind == "call.keyed"]
    return [(fact.facts["node"], fact.facts["keys"], fact.facts["count"]) for fact in logged]


def test_what_was_keyed_in_is_on_record_with_its_node() -> None:
    caller = Caller(flow=pin_flow(secret=False)).enters().keys("4711")
    assert keyed(caller) == [("pin", "4711", 4)]
    assert caller.asked_for(doing.Secret) == []
    assert [keys for _, keys, _ in keyed(Caller().enters().listens().keys("1"))] == ["1"]


def test_a_secret_is_never_written_down_and_the_recording_is_silent_while_it_is_keyed_in() -> None:
    caller = Caller(flow=pin_flow(secret=True)).enters()
    assert caller.asked_for(doing.Secret) == [doing.Secret(True)]
    caller.keys("4711")
    assert keyed(caller) == [("pin", "", 4)]
    assert caller.asked_for(doing.Secret) == [doing.Secret(True), doing.Secret(False)]
    assert "4711" not in str([do.fact for do in caller.asked_for(doing.Log)])


def test_a_secret_that_is_broken_off_by_a_person_leaves_no_silence_behind() -> None:
    caller = Caller(flow=pin_flow(secret=True)).enters().keys("47")
    caller.talk.sent("thanks", caller.now)
    assert caller.asked_for(doing.Secret)[-1] == doing.Secret(False)
