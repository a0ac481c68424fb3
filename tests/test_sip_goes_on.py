"""The SIP side dies and lives again, and calls on lines it is to keep go on."""

from typing import Any

import pytest
from aiosipua.message import SipRequest, SipResponse
from hypothesis import given
from hypothesis import strategies as st

from hardware.line import Cause, Cleared, Digit, Held, RtpRoute, Sound, Transfer
from hardware.sip.message import Message, cseq_of, tag_of
from tests.sipp.network import BOX, SDP, request, requests, respond, statuses
from tests.test_sip_restart import Lives, byes

HOLD = SDP + "a=sendonly\r\n"
MOVED = SDP.replace("7000", "7100")
KEEP = ["sip/0", "sip/1", "sip/2", "sip/3"]


@pytest.fixture
def lives() -> Lives:
    return Lives()


def talks(lives: Lives, **more: Any) -> str:
    """A citizen is answered; our tag."""
    answers = lives.net.send(request("INVITE", body=SDP, **more))
    tag = next(tag for m in answers if (tag := tag_of(m, "to")))
    lives.box.answer(0, lives.net.now)
    lives.net.run()
    lives.net.send(request("ACK", tag=tag))
    lives.net.signals()
    return tag


def version(messages: list[Message]) -> int:
    """The version of the one description among them."""
    (body,) = {m.body for m in messages if m.body}
    return int(body.decode().split("o=- ")[1].split()[1])


def test_nobody_hears_of_the_death_and_the_line_is_busy(lives: Lives) -> None:
    talks(lives)
    box = lives.die_and_live_again(keep=KEEP)
    assert lives.net.inbox == []
    assert box.slots[0].talking is not None
    assert box.free() != 0
    assert lives.net.signals() == []


def test_a_line_that_is_not_kept_is_ended(lives: Lives) -> None:
    talks(lives)
    box = lives.die_and_live_again(keep=["sip/1"])
    assert len(byes(lives.net.inbox)) == 1
    assert box.slots[0].call is None


def test_the_far_end_holds_takes_back_presses_a_key_and_hangs_up(lives: Lives) -> None:
    tag = talks(lives)
    lives.die_and_live_again(keep=KEEP)
    held = lives.net.send(request("INVITE", tag=tag, seq=2, body=HOLD))
    assert statuses(held) == [200]
    lives.net.send(request("ACK", tag=tag, seq=2))
    assert statuses(lives.net.send(request("UPDATE", tag=tag, seq=3, body=MOVED))) == [200]
    key = {"content_type": "application/dtmf-relay"}
    assert statuses(lives.net.send(request("INFO", tag=tag, seq=4, body="Signal=5\r\n", **key))) == [200]
    assert statuses(lives.net.send(request("BYE", tag=tag, seq=5))) == [200]
    route = RtpRoute("10.0.0.9", 7100, 8, 101)
    assert lives.net.signals() == [Held(True), Held(False), Sound(route), Digit("5"), Cleared(Cause.NORMAL)]


def test_a_far_end_on_hold_is_still_on_hold(lives: Lives) -> None:
    tag = talks(lives)
    before = version(lives.net.send(request("INVITE", tag=tag, seq=2, body=HOLD)))
    lives.net.send(request("ACK", tag=tag, seq=2))
    box = lives.die_and_live_again(keep=KEEP)
    leg = box.slots[0].talking
    assert leg is not None
    assert leg.held
    lives.net.signals()
    assert version(lives.net.send(request("INVITE", tag=tag, seq=3, body=SDP))) == before + 1
    assert lives.net.signals() == [Held(False)], "its voice is where it was"


def test_what_is_older_than_the_last_request_is_refused(lives: Lives) -> None:
    tag = talks(lives)
    lives.net.send(request("UPDATE", tag=tag, seq=7))
    lives.die_and_live_again(keep=KEEP)
    assert statuses(lives.net.send(request("UPDATE", tag=tag, seq=7))) == [500]


def test_we_hang_up_life_after_life_by_ever_higher_numbers(lives: Lives) -> None:
    invite = lives.rung("sip:8009@10.0.0.9:5062")
    timed = {"supported": "timer", "session_expires": "90;refresher=uac", "allow": "UPDATE"}
    lives.net.send(respond(invite, 200, SDP, **timed))
    seen = [cseq_of(invite).seq]
    for _ in range(3):
        lives.net.inbox.clear()
        lives.die_and_live_again(keep=KEEP)
        lives.net.run(46)
        update = next(requests(lives.net.inbox, "UPDATE"))
        seen.append(cseq_of(update).seq)
        lives.net.send(respond(update, 200, **timed))
    lives.net.inbox.clear()
    lives.box.hangup(0, Cause.NORMAL, lives.net.now)
    lives.net.run()
    seen.append(cseq_of(next(requests(lives.net.inbox, "BYE"))).seq)
    assert seen == sorted(set(seen))


def test_a_far_end_that_has_gone_meanwhile_ends_by_the_first_refresh(lives: Lives) -> None:
    invite = lives.rung("sip:8009@10.0.0.9:5062")
    timed = {"supported": "timer", "session_expires": "90;refresher=uac", "allow": "UPDATE"}
    lives.net.send(respond(invite, 200, SDP, **timed))
    lives.die_and_live_again(keep=KEEP)
    lives.net.run(46)
    update = next(requests(lives.net.inbox, "UPDATE"))
    lives.net.send(respond(update, 481))
    assert Cleared(Cause.TIMER) in lives.net.signals()
    assert lives.box.slots[0].call is None


def test_a_session_nobody_refreshed_while_we_were_away_is_over(lives: Lives) -> None:
    talks(lives, supported="timer", session_expires="90;refresher=uac")
    lives.die_and_live_again(after_s=100, keep=KEEP)
    assert Cleared(Cause.TIMER) in lives.net.signals()


def test_a_phone_of_ours_transfers_its_call(lives: Lives) -> None:
    lives.registered()
    invite = lives.rung("8001")
    lives.net.send(respond(invite, 200, SDP))
    lives.die_and_live_again(keep=KEEP)
    leg = lives.box.slots[0].talking
    assert leg is not None
    assert leg.dialog is not None
    names = {"tag": leg.dialog.local_tag, "call_id": leg.dialog.call_id, "refer_to": "<sip:8002@10.0.0.1>"}
    refer = request("REFER", seq=9, **names)
    refer = refer.replace("<sip:13800138000@10.0.0.9>;tag=their", leg.dialog.remote)
    answers = lives.net.send(refer)
    assert 202 in statuses(answers)
    assert [s for s in lives.net.signals() if isinstance(s, Transfer)] == [Transfer("8002", None)]


def test_two_notes_of_one_line_leave_it_one_owner(lives: Lives) -> None:
    talks(lives)
    note = next(note for note in reversed(lives.notes) if note.key.startswith("call call-1"))
    lives.die_and_live_again(keep=KEEP)
    first = lives.box.slots[0].call
    lives.box.recall([(1.0, note)], lives.net.now, KEEP)
    lives.net.run()
    assert lives.box.slots[0].call is first


STEPS = st.lists(st.sampled_from(["hold", "back", "moved", "update", "key", "die"]), max_size=8)


@given(steps=STEPS)
def test_whatever_happens_to_a_call_a_death_in_between_changes_nothing(steps: list[str]) -> None:
    assert told(steps) == told([step for step in steps if step != "die"])


def told(steps: list[str]) -> list[Any]:
    """What a call's line says, and what is answered, while these things happen to it."""
    lives = Lives()
    tag = talks(lives)
    said: list[Any] = []
    for seq, step in enumerate((step for step in [*steps, "die", "bye"]), 2):
        if step == "die":
            lives.die_and_live_again(keep=KEEP)
            assert lives.net.inbox == []
            continue
        seq = 10 * seq
        match step:
            case "key":
                kind = {"content_type": "application/dtmf-relay"}
                answers = lives.net.send(request("INFO", tag=tag, seq=seq, body="Signal=5\r\n", **kind))
            case "update":
                answers = lives.net.send(request("UPDATE", tag=tag, seq=seq))
            case "bye":
                answers = lives.net.send(request("BYE", tag=tag, seq=seq))
            case _:
                body = {"hold": HOLD, "back": SDP, "moved": MOVED}[step]
                answers = lives.net.send(request("INVITE", tag=tag, seq=seq, body=body))
                lives.net.send(request("ACK", tag=tag, seq=seq))
        said.append((statuses(answers), lives.net.signals(BOX[0])))
        said.append([version([a]) for a in answers if isinstance(a, SipResponse) and a.body])
        assert not any(isinstance(answer, SipRequest) for answer in answers)
    return said
