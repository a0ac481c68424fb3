"""The four transactions, in virtual time (RFC 3261 §17)."""

import pytest
from aiosipua.message import SipRequest

from hardware.sip.message import parse
from hardware.sip.transaction import (
    STEPS,
    TIMERS,
    Do,
    Input,
    Kind,
    State,
    Transaction,
    ack_for,
    cancelled_key,
    key_of,
)
from tests.sipp.network import request, respond

PEER = ("10.0.0.9", 5062)


def begun(kind: Kind, method: str = "INVITE") -> Transaction:
    message = parse(request(method).encode())
    assert isinstance(message, SipRequest)
    return Transaction(kind, message, PEER, 0.0)


def fired(transaction: Transaction, until: float) -> list[tuple[float, tuple[Do, ...]]]:
    """What its timers make it do up to a time."""
    done = []
    while (due := transaction.timer()) is not None and due <= until:
        done.append((due, transaction.on_timer(due)))
    return done


def times(done: list[tuple[float, tuple[Do, ...]]], what: Do) -> list[float]:
    return [at for at, todo in done if what in todo]


def test_an_unanswered_invite_is_sent_seven_times_and_given_up_after_32_s() -> None:
    # Timers A and B.
    transaction = begun(Kind.INVITE_CLIENT)
    done = fired(transaction, 100)
    assert times(done, Do.SEND) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert times(done, Do.FAIL) == [32.0]
    assert transaction.state is State.TERMINATED


def test_an_invite_that_is_heard_of_is_not_sent_again_and_may_ring_for_ever() -> None:
    transaction = begun(Kind.INVITE_CLIENT)
    assert transaction.handle(Input.PROVISIONAL, 0.3) == (Do.PASS,)
    assert transaction.timer() is None


def test_a_refused_invite_is_acknowledged_each_time_but_told_once() -> None:
    # Timer D.
    transaction = begun(Kind.INVITE_CLIENT)
    assert transaction.handle(Input.FAILURE, 1.0) == (Do.ACK, Do.PASS)
    assert transaction.handle(Input.FAILURE, 2.0) == (Do.ACK,)
    assert fired(transaction, 100) == [(33.0, ())]
    assert transaction.state is State.TERMINATED
    assert transaction.handle(Input.FAILURE, 34.0) == ()


def test_every_2xx_of_an_invite_is_passed_up_for_32_s() -> None:
    # Timer M, RFC 6026.
    transaction = begun(Kind.INVITE_CLIENT)
    assert transaction.handle(Input.SUCCESS, 1.0) == (Do.PASS,)
    assert transaction.handle(Input.SUCCESS, 2.0) == (Do.PASS,)
    assert transaction.handle(Input.FAILURE, 2.0) == ()
    assert fired(transaction, 100) == [(33.0, ())]


def test_an_unanswered_bye_is_sent_eleven_times_in_32_s() -> None:
    # Timers E and F.
    transaction = begun(Kind.CLIENT, "BYE")
    done = fired(transaction, 100)
    assert times(done, Do.SEND) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert times(done, Do.FAIL) == [32.0]


def test_a_bye_in_progress_is_sent_every_4_s_and_the_end_stays_where_it_was() -> None:
    transaction = begun(Kind.CLIENT, "BYE")
    transaction.handle(Input.PROVISIONAL, 1.0)
    done = fired(transaction, 100)
    assert times(done, Do.SEND) == [5.0, 9.0, 13.0, 17.0, 21.0, 25.0, 29.0]
    assert times(done, Do.FAIL) == [32.0]


def test_answers_repeated_within_5_s_are_absorbed() -> None:
    # Timer K.
    transaction = begun(Kind.CLIENT, "BYE")
    assert transaction.handle(Input.SUCCESS, 1.0) == (Do.PASS,)
    assert transaction.handle(Input.SUCCESS, 2.0) == ()
    assert fired(transaction, 100) == [(6.0, ())]


def test_a_repeated_invite_gets_the_last_answer_again() -> None:
    transaction = begun(Kind.INVITE_SERVER)
    assert transaction.handle(Input.PROVISIONAL, 0.0) == (Do.SEND,)
    assert transaction.handle(Input.REQUEST, 0.5) == (Do.SEND,)
    assert transaction.handle(Input.FAILURE, 1.0) == (Do.SEND,)
    assert transaction.handle(Input.REQUEST, 1.2) == (Do.SEND,)


def test_a_refusal_is_repeated_until_acknowledged() -> None:
    # Timers G and I.
    transaction = begun(Kind.INVITE_SERVER)
    transaction.handle(Input.FAILURE, 0.0)
    assert times(fired(transaction, 8.0), Do.SEND) == [0.5, 1.5, 3.5, 7.5]
    assert transaction.handle(Input.ACK, 8.0) == ()
    assert transaction.handle(Input.REQUEST, 8.1) == ()
    assert transaction.handle(Input.ACK, 8.2) == ()
    assert fired(transaction, 100) == [(13.0, ())]


def test_a_refusal_never_acknowledged_is_given_up_after_32_s() -> None:
    # Timer H.
    transaction = begun(Kind.INVITE_SERVER)
    transaction.handle(Input.FAILURE, 0.0)
    done = fired(transaction, 100)
    assert done[-1][0] == 32.0
    assert transaction.state is State.TERMINATED


def test_after_a_2xx_repeated_invites_are_absorbed_for_32_s() -> None:
    # Timer L, RFC 6026.
    transaction = begun(Kind.INVITE_SERVER)
    assert transaction.handle(Input.SUCCESS, 0.0) == (Do.SEND,)
    assert transaction.handle(Input.REQUEST, 0.5) == ()
    assert transaction.handle(Input.ACK, 0.6) == (Do.PASS,)
    assert fired(transaction, 100) == [(32.0, ())]


def test_a_repeated_bye_gets_its_answer_again_for_32_s() -> None:
    # Timer J.
    transaction = begun(Kind.SERVER, "BYE")
    assert transaction.handle(Input.REQUEST, 0.0) == ()
    assert transaction.handle(Input.SUCCESS, 0.1) == (Do.SEND,)
    assert transaction.handle(Input.REQUEST, 0.5) == (Do.SEND,)
    assert [at for at, _ in fired(transaction, 100)] == [pytest.approx(32.1)]


def test_every_state_of_the_table_can_be_left() -> None:
    states = {(kind, state) for kind, state, _ in STEPS} | {
        (kind, after) for (kind, _, _), (after, _) in STEPS.items()
    }
    for kind, state in states - {(kind, State.TERMINATED) for kind in Kind}:
        leaves = {
            what for k, s, what in STEPS if (k, s) == (kind, state) and STEPS[k, s, what][0] is not state
        }
        assert leaves, (kind, state)
        if Input.END in leaves:
            assert TIMERS[kind, state][1], (kind, state)


def test_an_ack_and_a_cancel_find_their_invite() -> None:
    invite = parse(request("INVITE", branch="b").encode())
    ack, cancel = parse(request("ACK", branch="b").encode()), parse(request("CANCEL", branch="b").encode())
    assert isinstance(cancel, SipRequest)
    assert key_of(ack) == key_of(invite) == cancelled_key(cancel)
    assert key_of(cancel) != key_of(invite)


def test_peers_without_branches_are_told_apart_by_everything_else() -> None:
    via = "SIP/2.0/UDP 10.0.0.9:5062"
    one, same = parse(request("INVITE", via=via).encode()), parse(request("INVITE", via=via).encode())
    other = parse(request("INVITE", via=via, call_id="call-2").encode())
    assert key_of(one) == key_of(same) != key_of(other)


def test_the_ack_of_a_refusal_repeats_branch_and_route() -> None:
    invite = parse(request("INVITE", route="<sip:10.0.0.7;lr>").encode())
    assert isinstance(invite, SipRequest)
    refused = parse(respond(invite, 486).encode())
    ack = ack_for(invite, refused)  # type: ignore[arg-type]  # parsed from a response
    assert ack.headers.get("via") == invite.headers.get("via")
    assert ack.headers.get("route") == ["<sip:10.0.0.7;lr>"]
    assert ack.headers.get("to") == refused.headers.get("to")
    assert ack.headers.get("cseq") == ["1 ACK"]
