"""The AT conversation: whatever a modem says and however its bytes are cut, answers find their command."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.gsm import at
from hardware.gsm.at import Command, Conversation, Done, Unsolicited

VECTORS: dict[str, list[Any]] = json.loads(
    (Path(__file__).parent / "data" / "gsm_vectors.json").read_text(encoding="utf-8")
)


def events(port: Conversation) -> list[Done | Unsolicited]:
    found = []
    while (event := port.next_event()) is not None:
        found.append(event)
    return found


def asked(*texts: str) -> Conversation:
    port = Conversation()
    for text in texts:
        port.ask(Command(text), 0.0)
    return port


def answer(text: str, said: bytes) -> Done:
    port = asked(text)
    port.receive(said, 1.0)
    (done,) = events(port)
    assert isinstance(done, Done)
    return done


def test_the_next_command_is_sent_when_the_one_before_is_done() -> None:
    port = asked("AT", "AT+CSQ")
    assert port.outgoing() == b"AT\r"
    port.receive(b"\r\nOK\r\n", 0.1)
    assert port.outgoing() == b"AT+CSQ\r"
    port.receive(b"\r\n+CSQ: 22,99\r\n\r\nOK\r\n", 0.2)
    assert events(port) == [Done(Command("AT"), "OK"), Done(Command("AT+CSQ"), "OK", ("+CSQ: 22,99",))]


def test_an_urgent_command_goes_before_those_that_wait() -> None:
    port = asked("AT+CMGL=4", "AT+CSQ")
    port.ask(Command("ATA"), 0.0, first=True)
    port.outgoing()
    port.receive(b"OK\r\n", 0.1)
    assert port.outgoing() == b"ATA\r"


@pytest.mark.parametrize(
    "said",
    [
        b"AT+CREG?\r\r\n+CREG: 2,1\r\n\r\nOK\r\n",
        b"\r\r\n+CREG: 2,1\r\r\n\r\r\nOK\r\r\n",
        b"\r\n\r\n+CREG: 2,1\r\nOK\r\n",
        b"+CREG: 2,1\nOK\n",
        b"\0\0\r\n+CREG: 2,1  \r\n\r\nOK\r\n",
    ],
)
def test_echo_double_returns_and_noise_do_not_hide_the_answer(said: bytes) -> None:
    done = answer("AT+CREG?", said)
    assert (done.ok, done.lines) == (True, ("+CREG: 2,1",))


def test_what_the_modem_says_of_itself_in_the_middle_of_an_answer_is_not_the_answer() -> None:
    port = asked("AT+CGMM")
    port.receive(b'\r\nRING\r\n\r\nSIMCOM_SIM7600CE\r\n\r\n+CMTI: "ME",3\r\n\r\nOK\r\n', 1.0)
    assert events(port) == [
        Unsolicited("RING"),
        Unsolicited('+CMTI: "ME",3'),
        Done(Command("AT+CGMM"), "OK", ("SIMCOM_SIM7600CE",)),
    ]


def test_a_caller_who_rings_while_caller_id_is_switched_on_is_not_swallowed() -> None:
    port = asked("AT+CLIP=1")
    port.receive(b'\r\n+CLIP: "13800005678",161\r\n\r\nOK\r\n', 1.0)
    assert events(port) == [Unsolicited('+CLIP: "13800005678",161'), Done(Command("AT+CLIP=1"), "OK")]


@pytest.mark.parametrize(
    ("final", "error"),
    [
        ("ERROR", None),
        ("+CME ERROR: 13", 13),
        ("+CMS ERROR: 330", 330),
        ("+CME ERROR: SIM busy", None),
        ("COMMAND NOT SUPPORT", None),
        ("TOO MANY PARAMETERS", None),
    ],
)
def test_a_refusal_ends_the_command(final: str, error: int | None) -> None:
    done = answer("AT+CSCA?", f"\r\n{final}\r\n".encode())
    assert (done.ok, done.final, done.error) == (False, final, error)


@pytest.mark.parametrize("result", ["NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE"])
def test_a_call_result_ends_a_dial_and_nothing_else(result: str) -> None:
    assert answer("ATD10086;", f"\r\n{result}\r\n".encode()).final == result
    port = asked("AT+CSQ")
    port.receive(f"\r\n{result}\r\n".encode(), 1.0)
    assert events(port) == [Unsolicited(result)]


def test_a_stray_ok_after_an_error_is_not_the_next_commands() -> None:
    port = asked("AT+CMGR=1", "AT+CSQ")
    port.outgoing()
    port.receive(b"\r\nERROR\r\n", 1.0)
    assert port.outgoing() == b""
    port.receive(b"OK\r\n", 1.01)
    assert port.timer() == 1.0 + at.QUIET_AFTER_ERROR_S
    port.on_timer(1.2)
    assert port.outgoing() == b"AT+CSQ\r"
    assert [type(event) for event in events(port)] == [Done]


def test_a_command_without_an_answer_is_given_up_and_a_late_one_is_ignored() -> None:
    port = asked("AT+CGSN", "AT+CSQ")
    port.outgoing()
    assert port.timer() == at.DEFAULT_WAIT_S
    port.on_timer(5.0)
    assert events(port) == [Done(Command("AT+CGSN"), at.TIMED_OUT)]
    port.receive(b"\r\nOK\r\n", 5.5)
    port.on_timer(6.0)
    assert port.outgoing() == b"AT+CSQ\r"


def test_an_answer_whose_ok_was_lost_still_counts() -> None:
    port = asked("AT+CPIN?")
    port.receive(b"\r\n+CPIN: READY\r\n", 0.1)
    port.on_timer(5.1)
    (done,) = events(port)
    assert isinstance(done, Done)
    assert (done.ok, done.lines) == (True, ("+CPIN: READY",))


def test_the_final_may_not_stay_away_long_once_the_answer_is_there() -> None:
    port = Conversation()
    port.ask(Command("AT+CMGS=3", payload="000102"), 0.0)
    port.receive(b"\r\n> ", 1.0)
    assert port.timer() == 121.0
    port.receive(b"\r\n+CMGS: 7\r\n", 4.0)
    assert port.timer() == 4.0 + at.DEFAULT_WAIT_S


def test_a_command_whose_effect_is_seen_does_not_hold_the_port() -> None:
    port = asked("ATA")
    port.hasten(3.0)
    assert port.timer() == 3.0 + at.HASTE_S


def test_a_stored_message_is_a_head_and_a_pdu() -> None:
    port = asked("AT+CMGL=4")
    port.receive(
        b"\r\n+CMGL: 0,1,,147\r\n0791AB\r\n+CMGL: 1,1,,0\r\n\r\n+CMGL: 2,1,,9\r\nRING\r\n07CD\r\n\r\nOK\r\n",
        1.0,
    )
    lines = ("+CMGL: 0,1,,147", "0791AB", "+CMGL: 1,1,,0", "", "+CMGL: 2,1,,9", "07CD")
    assert events(port) == [Unsolicited("RING"), Done(Command("AT+CMGL=4"), "OK", lines)]


def test_an_empty_place_is_a_head_without_a_pdu() -> None:
    assert answer("AT+CMGR=1", b"\r\n+CMGR: 0,,0\r\n\r\nOK\r\n").lines == ("+CMGR: 0,,0", "")
    assert answer("AT+CMGR=1", b"\r\nOK\r\n").lines == ()


def test_a_message_delivered_at_once_is_one_event() -> None:
    port = asked("AT+CSQ")
    port.receive(b"\r\n+CDS: 24\r\n07914356\r\n\r\n+CSQ: 9,99\r\n\r\nOK\r\n", 1.0)
    assert events(port) == [
        Unsolicited("+CDS: 24", "07914356"),
        Done(Command("AT+CSQ"), "OK", ("+CSQ: 9,99",)),
    ]


@pytest.mark.parametrize("echo", [b"", b"AT+CMGS=3\r"])
def test_a_message_is_typed_at_the_prompt(echo: bytes) -> None:
    port = Conversation()
    command = Command("AT+CMGS=3", payload="00010203")
    port.ask(command, 0.0)
    assert port.outgoing() == b"AT+CMGS=3\r"
    assert port.timer() == at.PROMPT_S
    port.receive(echo + b"\r\n>", 1.0)
    assert port.outgoing() == b""
    port.receive(b" ", 1.0)
    assert port.outgoing() == b"00010203\x1a"
    assert port.timer() == 121.0
    port.receive((b"00010203\x1a" if echo else b"") + b"\r\n+CMGS: 5\r\n\r\nOK\r\n", 4.0)
    assert events(port) == [Done(command, "OK", ("+CMGS: 5",))]


def test_a_prompt_that_never_comes_is_escaped() -> None:
    port = Conversation()
    port.ask(Command("AT+CMGS=3", payload="000102"), 0.0)
    port.outgoing()
    port.on_timer(at.PROMPT_S)
    assert port.outgoing() == at.ESC
    (done,) = events(port)
    assert isinstance(done, Done)
    assert done.final == at.NO_PROMPT


def test_a_prompt_after_an_abort_is_not_typed_at() -> None:
    port = Conversation()
    port.ask(Command("AT+CMGS=3", payload="000102"), 0.0)
    port.outgoing()
    port.abort(1.0)
    assert port.outgoing() == at.ESC
    port.receive(b"\r\n> \r\n\r\nOK\r\n", 1.1)
    assert port.outgoing() == b""
    assert len(events(port)) == 1


def test_a_dial_that_is_held_can_be_interrupted() -> None:
    port = asked("ATD10086;")
    port.outgoing()
    assert port.timer() == 60.0
    port.abort(10.0)
    assert port.outgoing() == at.ESC
    assert port.timer() == 10.0 + at.ABORT_S
    port.receive(b"\r\nNO CARRIER\r\n", 10.1)
    assert port.outstanding is None


def test_a_lost_port_ends_every_command() -> None:
    port = asked("AT", "AT+CSQ")
    port.receive(b"half a li", 0.0)
    port.reset()
    finals = [event.final for event in events(port) if isinstance(event, Done)]
    assert finals == [at.LOST, at.LOST]
    assert port.timer() is None
    assert port.outgoing() == at.ESC


def test_a_line_without_end_is_thrown_away_and_the_next_is_heard() -> None:
    port = asked("AT+CSQ")
    port.receive(b"x" * 3 * at.MAX_LINE + b"\r\n+CSQ: 1,99\r\nOK\r\n", 1.0)
    assert answer("AT+CSQ", b"+CSQ: 1,99\r\nOK\r\n") in events(port)
    assert port.overlong_lines == 1


def test_an_answer_without_end_is_bounded() -> None:
    port = asked("AT+CLCC")
    port.receive(b"+CLCC: 1,1,4,0,0\r\n" * 2 * at.MAX_LINES + b"OK\r\n", 1.0)
    (done,) = events(port)
    assert isinstance(done, Done)
    assert len(done.lines) <= at.MAX_LINES


def test_too_many_commands_are_refused_not_kept() -> None:
    port = asked(*["AT"] * (at.MAX_WAITING + 2))
    assert [event.final for event in events(port) if isinstance(event, Done)] == [at.FULL]


@pytest.mark.parametrize(("line", "place", "value"), VECTORS["quoting"])
def test_a_field_is_found_whatever_the_quotes(line: str, place: int, value: str) -> None:
    assert at.fields(line)[place] == value


def test_fields_may_be_empty_and_spaced() -> None:
    assert at.fields("+CREG: 2,,") == ["2", "", ""]
    assert at.fields('+CLIP: "",128,"",,"a, b" ,1') == ["", "128", "", "", "a, b", "1"]
    assert at.fields('+CREG: 2,1,"0B,"0100701",7') == ["2", "1", "0B", "0100701", "7"]
    assert at.fields("RING") == [""]


TRANSCRIPT = (
    b'AT+CMGL=4\r\r\n+CMGL: 0,1,,30\r\n07916405\r\n\r\n+CMTI: "SM",9\r\n\r\nOK\r\n'
    b'\r\n+CRING: VOICE\r\n\r\n+CLIP: "13800005678",161\r\n\r\n> \r\n+CMGS: 7\r\n\r\nOK\r\n'
    b"\r\n+CDS: 24\r\n0791ABCD\r\n\r\nNO CARRIER\r\n\r\n+CSQ: 3,99\r\nERROR\r\nOK\r\n"
    b"\r\nVOICE CALL: END: 000017\r\n"
)
SCRAPS = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"> ",
        b"OK\r\n",
        b"ERROR\r\n",
        b"+CMGR: 0,,9\r\n",
        b"+CMS ERROR: 3\r",
        b"0791AB\r\n",
        b'"',
        b"\x1a",
    ]
)


def _heard(pieces: list[bytes]) -> tuple[list[Done | Unsolicited], bytes]:
    port = asked("AT+CMGL=4")
    port.ask(Command("AT+CMGS=9", payload="0102"), 0.0)
    port.ask(Command("AT+CSQ"), 0.0)
    found, sent = [], b""
    for piece in pieces:
        port.receive(piece, 0.0)
        found += events(port)
        sent += port.outgoing()
    return found, sent


@given(st.lists(st.integers(0, len(TRANSCRIPT)), max_size=40))
def test_how_the_bytes_are_cut_changes_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TRANSCRIPT)]
    pieces = [TRANSCRIPT[a:b] for a, b in pairwise(edges)]
    assert _heard(pieces) == _heard([TRANSCRIPT])


@given(st.lists(st.one_of(SCRAPS, st.binary(max_size=30)), max_size=40))
def test_garbage_never_raises_and_cutting_it_changes_nothing(scraps: list[bytes]) -> None:
    noise = b"".join(scraps)
    assert _heard([noise]) == _heard([b"", *[noise[i : i + 1] for i in range(len(noise))]])
