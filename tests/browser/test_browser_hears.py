"""Feature by feature, who hears whom: each button of softphone and board is pressed, each ear is listened to.

Citizen, headset and phone each say a tone of their own all the time. A row says what is
pressed and whom each hears then; None: is not in the talk, or not any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from playwright.sync_api import Route, expect

from appliance.calls import wire
from tests.browser.pages import Desk
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.sip]


@dataclass(frozen=True, slots=True)
class Row:
    """What is pressed, and whom each hears then."""

    what: str
    press: str
    """Parts of the page separated by ">"; "key …" is a key, "to …" a row of the panel."""
    citizen: str | None = None
    headset: str | None = None
    phone: str | None = None


CONSULTS = (
    Row("answer", "key F2", citizen="headset", headset="citizen"),
    Row("hold", "hold", citizen="", headset=""),
    Row("take back", "hold", citizen="headset", headset="citizen"),
    Row("mute", "mute", citizen="", headset="citizen"),
    Row("unmute", "mute", citizen="headset", headset="citizen"),
    Row("consult", "consult > to agent:1002", citizen="", headset="phone", phone="headset"),
    Row("together", "together", citizen="headset phone", headset="citizen phone", phone="citizen headset"),
    Row("let go", "drop", citizen="headset", headset="citizen"),
)
ENDS_IN = (
    Row("consult an extension", "consult > to ext:8101", citizen="", headset="phone", phone="headset"),
    Row("cancel", "cancel", citizen="headset", headset="citizen"),
    Row("consult again", "consult > to ext:8101", citizen="", headset="phone", phone="headset"),
    Row("complete", "complete", citizen="phone", headset="", phone="citizen"),
)
THREE = (
    Row(
        "invite",
        "consult > mode-invite > to ext:8101",
        citizen="headset phone",
        headset="citizen phone",
        phone="citizen headset",
    ),
    Row("mute in a conference", "mute", citizen="phone", headset="citizen phone", phone="citizen"),
    Row("unmute", "mute", citizen="headset phone", headset="citizen phone", phone="citizen headset"),
    Row("the agent leaves", "hang-up", citizen="phone", headset="", phone="citizen"),
)
LEADER = (
    Row("call the leader", "call-leader", citizen="", headset="phone", phone="headset"),
    Row("together", "together", citizen="headset phone", headset="citizen phone", phone="citizen headset"),
    Row("let go", "drop", citizen="headset", headset="citizen"),
)
WATCHES = (
    Row("listen", "listen-1001", citizen="phone", headset="citizen phone", phone="citizen"),
    Row("whisper", "now-whisper", citizen="phone", headset="citizen phone", phone="citizen headset"),
    Row("barge in", "now-barge", "headset phone", "citizen phone", "citizen headset"),
    Row("muted", "mute", citizen="phone", headset="citizen phone", phone="citizen"),
    Row("unmuted", "mute", "headset phone", "citizen phone", "citizen headset"),
    Row("only listen again", "now-listen", citizen="phone", headset="citizen phone", phone="citizen"),
    Row("leave", "watching-leave", citizen="phone", headset="", phone="citizen"),
    Row("whisper at once", "whisper-1001", "phone", "citizen phone", "citizen headset"),
    Row("barge in from whispering", "barge-1001", "headset phone", "citizen phone", "citizen headset"),
    Row("take over", "now-take_over", citizen="headset", headset="citizen"),
    Row("hold a call taken over", "hold", citizen="", headset=""),
    Row("take it back", "hold", citizen="headset", headset="citizen"),
)


def play(stage: Stage, desk: Desk, rows: Sequence[Row]) -> None:
    """Press row after row, and listen after each."""
    for row in rows:
        for step in filter(None, row.press.split(" > ")):
            kind, _, name = step.partition(" ")
            if kind == "key":
                desk.page.keyboard.press(name)
            elif kind == "to":
                stage.reaches(desk, name)
            else:
                desk.part(step).first.click()
        wanted = {"citizen": row.citizen, "headset": row.headset, "phone": row.phone}
        stage.expect(row.what, desk, **{who: words for who, words in wanted.items() if words is not None})


def colleague(stage: Stage, agent: str = "1002") -> None:
    """Somebody sits at the desk phone, reachable but not taking calls."""
    stage.box.sit(agent, "8101")
    stage.box.order(wire.Pause(agent, "rest"))


def test_hold_mute_consult_together_and_let_go(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    colleague(stage)
    desk.page.keyboard.press("F4")
    stage.call("1001")
    expect(desk.part("pop")).to_be_visible()
    play(stage, desk, CONSULTS)


def test_cancel_and_complete(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    play(stage, desk, ENDS_IN)


def test_three_way_and_leaving_it(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    play(stage, desk, THREE)


def test_calling_the_shift_leader(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    colleague(stage, "1100")
    stage.talk(desk)
    play(stage, desk, LEADER)


@pytest.mark.parametrize("to", ["agent:1002", "ext:8101", "queue:general"])
def test_a_blind_transfer_brings_the_citizen_to_the_other_and_frees_the_agent(stage: Stage, to: str) -> None:
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    if to.startswith("agent"):
        colleague(stage)
    elif to.startswith("queue"):
        stage.box.sit("1002", "8101")
    desk.part("transfer").click()
    stage.reaches(desk, to)
    stage.expect(f"transfer {to}", desk, citizen="phone", phone="citizen", headset="")
    stage.box.wait_state("1001", "wrap_up")


def test_a_blind_transfer_outside_brings_the_citizen_to_a_number_typed(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    desk.page.keyboard.press("F7")
    desk.part("find").fill("8765 4321")
    desk.page.keyboard.press("Enter")
    stage.expect("transfer outside", desk, citizen="outside", outside="citizen", headset="")


def test_somebody_outside_is_consulted_and_talks_on_with_the_citizen(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    desk.page.keyboard.press("F8")
    desk.part("find").fill("87654321")
    desk.page.keyboard.press("Enter")
    stage.expect("consult outside", desk, citizen="", headset="outside", outside="headset")
    desk.page.keyboard.press("F8")
    stage.expect(
        "together", desk, citizen="headset outside", headset="citizen outside", outside="citizen headset"
    )
    desk.page.keyboard.press("F10")
    stage.expect("the agent leaves", desk, citizen="outside", headset="", outside="citizen")


def test_a_number_that_is_not_reached_is_followed_by_the_next(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    asked = {"do": "dial", "number": "87650000", "then": ["87654322"]}
    desk.page.evaluate("async (body) => (await import('/static/js/core.js')).ask('/desk/order', body)", asked)
    stage.expect("the second number", desk, outside="headset", headset="outside")
    desk.part("hang-up").click()
    stage.box.wait_for(lambda: not stage.box.calls(), 10, "the call to end")


def test_a_transfer_to_an_announcement_leaves_the_citizen_with_the_box(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    desk.part("transfer").click()
    row = desk.page.locator('#target-list [data-to^="node:"]').first
    expect(row).to_be_visible()
    row.click()
    stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "in_flow"])
    stage.expect("the announcement", desk, citizen="", headset="")


def test_a_recording_is_heard_by_both_and_stops(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    stage.expect("first call", desk, citizen="headset", headset="citizen")
    desk.page.wait_for_timeout(8000)
    made = len(stage.box.events("recording.made"))
    stage.citizen.hang_up()
    stage.box.wait_event("recording.made", made + 1)
    stage.box.wait_state("1001", "wrap_up")
    stage.talk(desk)
    desk.part("play-into").first.click()
    both = "citizen headset"
    stage.expect("playing", desk, citizen=both, headset=both)
    desk.page.locator('[data-test="play-into"][aria-pressed="true"]').click()
    stage.expect("stopped", desk, citizen="headset", headset="citizen")


def test_keys_of_the_pad_reach_the_citizen(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    desk.part("keypad").click()
    desk.part("pad-5").click()
    desk.page.keyboard.press("9")
    expect(desk.part("pad-sent")).to_have_text("59")
    heard = [stage.citizen.wait("CALL_DTMF_START", n)["param"] for n in (1, 2)]
    assert heard == ["5", "9"]
    desk.page.keyboard.press("Escape")
    stage.expect("after the keys", desk, citizen="headset", headset="citizen")


def test_keys_pressed_faster_than_they_are_sent_stay_in_order(stage: Stage) -> None:
    """The first of them takes long on its way."""
    desk = stage.desk("1001", "8001")
    stage.talk(desk)
    desk.part("keypad").click()

    def late(route: Route) -> None:
        if '"7"' in (route.request.post_data or ""):
            desk.page.wait_for_timeout(400)
        route.continue_()

    desk.page.route("**/desk/order", late)
    for key in "7142":
        desk.page.keyboard.press(key)
    expect(desk.part("pad-sent")).to_have_text("7142")
    assert [stage.citizen.wait("CALL_DTMF_START", n)["param"] for n in (1, 2, 3, 4)] == [*"7142"]


def test_a_call_out_is_heard_both_ways_and_hung_up(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    desk.part("dial-number").fill("8101")
    desk.part("dial-call").click()
    stage.expect("call out", desk, phone="headset", headset="phone")
    desk.part("hang-up").click()
    stage.expect("hung up", desk, headset="")


def test_a_shift_leader_listens_whispers_barges_in_and_takes_over(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    stage.box.sit("1001", "8101")
    stage.call("1001")
    stage.box.wait_state("1001", "busy", 20)
    play(stage, leader, WATCHES)
    stage.box.wait_state("1001", "wrap_up")


def test_a_shift_leader_takes_a_waiting_call(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    stage.waits()
    stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "queued"])
    leader.page.locator('[data-test^="take-"]:visible').first.click()
    stage.expect("taken", leader, citizen="headset", headset="citizen")
    leader.part("hang-up").click()
    stage.box.wait_for(lambda: stage.box.seat("1100").state == "paused", 10, "the break to go on")


def test_a_shift_leader_takes_a_call_that_rings_at_an_agent(stage: Stage) -> None:
    desk = stage.desk("1001", "8001")
    leader = stage.desk("1100", "8003", "/board")
    stage.box.order(wire.Ready("1001"))
    stage.call("1001")
    expect(desk.part("pop")).to_be_visible()
    leader.page.locator('[data-test^="take-"]:visible').first.click()
    stage.expect("taken", leader, citizen="headset", headset="citizen")
    expect(desk.part("pop")).to_be_hidden()
    assert stage.box.seat("1001").state == "ready"


def test_a_shift_leader_moves_a_waiting_call_to_a_message_and_back_to_a_queue(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    stage.waits()
    (call,) = stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "queued"])
    move = leader.part(f"move-{call.cid}")
    move.select_option("node:message")
    stage.box.wait_for(lambda: [c for c in stage.box.calls() if c.state == "in_flow"])
    stage.box.sit("1001", "8101")
    move.select_option("queue:general")
    stage.expect("at the agent's", leader, citizen="phone", phone="citizen")


def test_a_shift_leader_makes_an_agent_ready_sends_on_a_break_and_signs_out(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    colleague(stage, "1001")
    leader.part("ready-1001").click()
    stage.box.wait_state("1001", "ready")
    leader.part("paused-1001").click()
    assert stage.box.wait_state("1001", "paused").reason == "leader"
    leader.part("offline-1001").click()
    leader.part("ask-do").click()
    stage.box.wait_state("1001", "offline")


def test_a_shift_leader_ends_a_call_for_everybody(stage: Stage) -> None:
    leader = stage.desk("1100", "8003", "/board")
    stage.box.sit("1001", "8101")
    stage.call("1001")
    stage.box.wait_state("1001", "busy", 20)
    leader.part("release-1001").click()
    leader.part("ask-reason").fill("辱骂")
    leader.part("ask-do").click()
    stage.citizen.wait("CALL_CLOSED")
    stage.phone.wait("CALL_CLOSED")
