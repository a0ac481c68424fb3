"""One modem in virtual time: our machine against the simulated one, over good and bad wires."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hardware.gsm import profile as profiles
from hardware.gsm.call import RING_GAP_S, State
from hardware.gsm.exchange import Lost
from hardware.gsm.modem import GRACE_S, SEARCH_S, Modem
from hardware.gsm.network import registration, signal_dbm
from hardware.gsm.simulated import Plan, SimulatedModem
from hardware.gsm.simulated_texts import CAPACITY
from hardware.line import (
    Alerting,
    Answered,
    Cause,
    Cleared,
    Digit,
    Fault,
    PcmPort,
    Ringing,
    Signal,
    Sound,
    Text,
    TextSent,
    Up,
)

VECTORS: dict[str, list[Any]] = json.loads(
    (Path(__file__).parent / "data" / "gsm_vectors.json").read_text(encoding="utf-8")
)
PCM = "/dev/pcm"
SOUND = Sound(PcmPort(PCM))
CHINESE = "人民路与建设路交叉口的路灯坏了三天，晚上很黑，请尽快派人来修。" * 4

Wire = Callable[[bytes], bytes]


def _plain() -> Wire:
    return lambda said: said


def _double_return() -> Wire:
    return lambda said: said.replace(b"\r\n", b"\r\r\n")


def _interrupted() -> Wire:
    noise = b'\r\nSMS DONE\r\n\r\n+CSQ: 9,99\r\n\r\n^RSSI:12\r\n\r\n+CREG: 1,"84CD","00D30156"\r\n'
    return lambda said: said.replace(b"\r\nOK\r\n", noise + b"\r\nOK\r\n")


def _forgetful() -> Wire:
    seen = 0

    def wire(said: bytes) -> bytes:
        nonlocal seen
        head, *rest = said.split(b"\r\nOK\r\n")
        for tail in rest:
            seen += 1
            head += (b"" if seen % 5 == 0 else b"\r\nOK\r\n") + tail
        return head

    return wire


WIRES: dict[str, Callable[[], Wire]] = {
    "echo": _plain,
    "double return": _double_return,
    "interrupted": _interrupted,
    "forgetful": _forgetful,
}


@dataclass
class Bench:
    """Our modem machine and the simulated modem on one wire and one clock that is only a number."""

    wire: Wire = field(default_factory=_plain)
    echo: bool = False
    pin: str | None = None
    far: SimulatedModem = field(default_factory=SimulatedModem)
    pcm: str | None = PCM
    profile: str = "simcom"
    now: float = 1000.0
    signals: list[Signal | Lost] = field(default_factory=list)
    typed: str = ""

    def __post_init__(self) -> None:
        self.modem = Modem(profiles.load(self.profile), self.pin, self.pcm)
        self.modem.start(self.now)

    def run(self, seconds: float = 2.0) -> list[Signal | Lost]:
        """Let time pass; what was signalled in it."""
        end = self.now + seconds
        before = len(self.signals)
        while True:
            self._carry()
            due = [at for at in (self.modem.timer(), self.far.timer()) if at is not None]
            if not due or min(due) > end:
                break
            self.now = max(self.now, min(due))
            self.modem.on_timer(self.now)
            self.far.on_timer(self.now)
        self.now = end
        return self.signals[before:]

    def _carry(self) -> None:
        while True:
            if self.echo:
                self.far.settings["E"] = "1"
            ours, theirs = self.modem.outgoing(), self.wire(self.far.outgoing())
            if not ours and not theirs:
                break
            self.typed += ours.decode()
            self.far.receive(ours, self.now)
            self.modem.receive(theirs, self.now)
        while (signal := self.modem.next_event()) is not None:
            self.signals.append(signal)

    def up(self) -> "Bench":
        """Let it start."""
        assert self.run(5.0) == [Up()]
        return self


@pytest.mark.parametrize("wire", WIRES)
def test_a_day_of_calls_and_messages_over_a_bad_wire(wire: str) -> None:
    bench = Bench(WIRES[wire](), echo=wire == "echo")
    modem, far = bench.modem, bench.far
    assert bench.run(120.0) == [Up()]
    assert modem.facts.imei == "861234050000017"
    assert modem.facts.operator == "CHN-YUNHE"

    assert far.ring("13800005678", bench.now)
    assert bench.run(12.0) == [Ringing("13800005678", None)]
    modem.answer(bench.now)
    assert bench.run(30.0) == [SOUND, Answered()]
    assert far.voice
    far.press("7", bench.now)
    assert bench.run(1.0) == [Digit("7")]
    modem.send_digits("12#", bench.now)
    bench.run(30.0)
    assert far.keys == "12#"
    far.far_end_hangs_up(bench.now)
    assert bench.run(30.0) == [Sound(None), Cleared(Cause.NORMAL)]
    assert not far.voice

    far.plan = Plan("answer", 5.0)
    modem.dial("10086", bench.now)
    talking = bench.run(60.0)
    assert sorted(map(repr, talking)) == sorted(map(repr, [Alerting(early=True), SOUND, Answered()]))
    assert talking[-1] == Answered()
    modem.hangup(Cause.NORMAL, bench.now)
    assert bench.run(60.0) == [Sound(None), Cleared(Cause.NORMAL)]
    assert far.call is None

    assert far.text("13800005678", CHINESE, 1_700_000_000.0, bench.now)
    assert len(far.texts.store) > 1
    (text,) = bench.run(400.0)
    assert isinstance(text, Text)
    assert (text.sender, text.text, text.sent_s) == ("13800005678", CHINESE, 1_700_000_000.0)
    assert far.texts.store
    modem.taken(text.key, bench.now)
    assert bench.run(400.0) == []
    assert far.texts.store == {}

    modem.send_text("13800005678", CHINESE, "k1", bench.now)
    assert bench.run(120.0) == [TextSent("k1", True)]
    assert [(sent.to, sent.text) for sent in far.texts.sent] == [("13800005678", CHINESE)]


# Starting.


def test_a_modem_that_never_answers_is_given_up() -> None:
    bench = Bench(lambda _said: b"")
    (lost,) = bench.run(60.0)
    assert isinstance(lost, Lost)
    assert "does not answer" in lost.reason


def test_the_pin_is_entered_once() -> None:
    bench = Bench(pin="1234", far=SimulatedModem(pin="1234"))
    assert bench.run(10.0) == [Up()]
    assert bench.typed.count('AT+CPIN="1234"') == 1


def test_a_wrong_pin_is_not_tried_again() -> None:
    bench = Bench(pin="9999", far=SimulatedModem(pin="1234"))
    assert bench.run(300.0) == [Fault("the SIM card's PIN is wrong")]
    assert bench.typed.count('AT+CPIN="9999"') == 1
    bench.modem.lost("unplugged", bench.now)
    bench.modem.start(bench.now)
    bench.run(60.0)
    assert bench.far.pin_tries == 2


def test_the_last_pin_try_is_left_to_people() -> None:
    bench = Bench(pin="9999", far=SimulatedModem(pin="1234", pin_tries=1))
    (fault,) = bench.run(60.0)
    assert isinstance(fault, Fault)
    assert "by hand" in fault.reason
    assert bench.far.pin_tries == 1


def test_a_sim_card_put_in_later_brings_the_line_up() -> None:
    bench = Bench(far=SimulatedModem(sim="NOT INSERTED"))
    assert bench.run(60.0) == [Fault("there is no SIM card")]
    bench.far.sim = "READY"
    assert bench.run(30.0) == [Up()]


def test_a_sim_card_taken_out_is_a_fault_at_once() -> None:
    bench = Bench().up()
    bench.far.card("NOT INSERTED", bench.now)
    (fault,) = bench.run(1.0)
    assert isinstance(fault, Fault)
    bench.far.sim = "READY"
    assert bench.run(30.0) == [Up()]


def test_no_network_is_a_fault_after_a_minute_and_over_when_it_is_found() -> None:
    bench = Bench(far=SimulatedModem(registration=2))
    assert bench.run(SEARCH_S - 5) == []
    assert bench.run(10.0) == [Fault("searching for a network")]
    bench.far.network(1, bench.now)
    assert bench.run(1.0) == [Up()]


def test_a_short_gap_in_the_registration_is_no_fault() -> None:
    bench = Bench().up()
    bench.far.network(2, bench.now)
    assert bench.run(GRACE_S - 2) == []
    bench.far.network(5, bench.now)
    assert bench.run(60.0) == []
    bench.far.network(3, bench.now)
    assert bench.run(60.0) == [Fault("the network refuses this SIM card")]


def test_all_but_the_required_commands_may_be_refused() -> None:
    bench = Bench(profile="quectel")
    assert bench.run(5.0) == [Up()]
    assert "AT+QTONEDET=1" in bench.typed


def test_a_refusal_of_what_is_required_gives_the_modem_up() -> None:
    bench = Bench()
    bench.wire = lambda said: said.replace(b"OK", b"ERROR") if bench.typed.endswith("+CMGF=0\r") else said
    assert bench.run(60.0) == [Lost("the modem refuses AT+CMGF=0: ERROR")]


# Calls.


def test_a_withheld_number_rings_without_one() -> None:
    bench = Bench().up()
    bench.far.ring("", bench.now)
    assert bench.run(1.0) == [Ringing(None, None)]


def test_a_number_that_comes_only_by_the_call_list_is_found() -> None:
    bench = Bench(lambda said: said.replace(b"+CLIP:", b"+XLIP:")).up()
    bench.far.settings["+CLCC"] = "0"
    bench.far.ring("13800005678", bench.now)
    assert bench.run(3.0) == [Ringing("13800005678", None)]


def test_a_caller_who_gives_up_is_cleared() -> None:
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(2.0)
    bench.far.far_end_hangs_up(bench.now)
    assert bench.run(2.0) == [Cleared(Cause.NORMAL)]


def test_a_caller_who_gives_up_unheard_is_cleared_when_the_rings_stop() -> None:
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.far.call = None
    assert bench.run(RING_GAP_S + 1) == [Cleared(Cause.NORMAL)]


def test_a_caller_who_hangs_up_before_the_answer_leaves_nothing_behind() -> None:
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.far.far_end_hangs_up(bench.now)
    bench.modem.answer(bench.now)
    assert bench.run(5.0) == [Cleared(Cause.NORMAL)]
    assert bench.modem.call.state is State.IDLE


def test_a_call_is_refused() -> None:
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.modem.hangup(Cause.BUSY, bench.now)
    assert bench.run(2.0) == [Cleared(Cause.BUSY)]
    assert bench.far.call is None


@pytest.mark.parametrize(
    ("then", "cause"),
    [("busy", Cause.BUSY), ("no answer", Cause.NO_ANSWER), ("reject", Cause.TEMPORARY_FAILURE)],
)
def test_a_call_that_is_not_answered_says_why(then: str, cause: Cause) -> None:
    bench = Bench().up()
    bench.far.plan = Plan(then, 1.0)
    bench.modem.dial("10086", bench.now)
    assert bench.run(5.0)[-1] == Cleared(cause)


@pytest.mark.parametrize("number", ["", "12 34", "1;AT+CFUN=0", "1" * 40])
def test_what_cannot_be_dialled_is_cleared_at_once(number: str) -> None:
    bench = Bench().up()
    bench.modem.dial(number, bench.now)
    assert bench.run(0.0) == [Cleared(Cause.INVALID_NUMBER)]


def test_a_call_without_network_is_cleared_at_once() -> None:
    bench = Bench(far=SimulatedModem(registration=0))
    bench.run(5.0)
    bench.modem.dial("10086", bench.now)
    assert bench.run(0.0) == [Cleared(Cause.OUT_OF_ORDER)]


def test_an_incoming_call_at_the_same_moment_goes_before_ours() -> None:
    bench = Bench().up()
    bench.modem.receive(b"\r\n+CRING: VOICE\r\n", bench.now)
    bench.far.ring("13800005678", bench.now)
    bench.modem.dial("10086", bench.now)
    assert bench.run(1.0) == [Cleared(Cause.NO_CIRCUIT), Ringing("13800005678", None)]


def test_sound_that_is_refused_at_first_is_tried_again() -> None:
    refusals = iter([b"\r\nERROR\r\n"] * 3)
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.wire = lambda said: next(refusals, said) if said == b"\r\n+CPCMREG: 1\r\n\r\nOK\r\n" else said
    bench.modem.answer(bench.now)
    assert bench.run(0.5) == []
    assert bench.run(3.0) == [SOUND, Answered()]
    assert bench.typed.count("AT+CPCMREG=0,1") == 3


def test_two_calls_without_sound_restart_the_modem() -> None:
    bench = Bench().up()
    bench.wire = lambda said: b"\r\nERROR\r\n" if said == b"\r\n+CPCMREG: 1\r\n\r\nOK\r\n" else said
    for _ in range(2):
        bench.far.ring("13800005678", bench.now)
        bench.run(1.0)
        bench.modem.answer(bench.now)
        found = bench.run(20.0)
        assert Cleared(Cause.TEMPORARY_FAILURE) in found
        assert Answered() not in found
    assert "AT+CRESET" in bench.typed
    assert any(isinstance(signal, Lost) for signal in found)


def test_a_second_caller_does_not_end_the_call() -> None:
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.modem.answer(bench.now)
    bench.run(2.0)
    for line in ('+CCWA: "10010",129,1', '+CLCC: 2,1,5,0,0,"10010",129', '+CLCC: 2,1,6,0,0,"10010",129'):
        bench.modem.receive(f"\r\n{line}\r\n".encode(), bench.now)
    bench.modem.receive(b"\r\nMISSED_CALL: 02:12PM 10010\r\n\r\nNO CARRIER\r\n", bench.now)
    assert bench.run(10.0) == []
    assert bench.modem.call.state is State.TALKING


def test_an_end_nobody_told_of_is_noticed() -> None:
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.modem.answer(bench.now)
    bench.run(2.0)
    bench.far.call = None
    assert bench.run(10.0) == [Sound(None), Cleared(Cause.NORMAL)]


def test_a_key_reported_twice_is_heard_once() -> None:
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.modem.answer(bench.now)
    bench.run(2.0)
    bench.far.press("1", bench.now)
    assert bench.run(0.05) == [Digit("1")]
    bench.far.press("1", bench.now)
    assert bench.run(0.5) == []
    bench.far.press("1", bench.now)
    assert bench.run(0.5) == [Digit("1")]


def test_a_modem_that_goes_away_clears_its_call_and_is_at_fault() -> None:
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.modem.answer(bench.now)
    bench.run(2.0)
    bench.modem.lost("unplugged", bench.now)
    assert bench.run(0.0) == [Sound(None), Cleared(Cause.OUT_OF_ORDER), Fault("unplugged")]
    bench.far.boot(bench.now)
    bench.modem.start(bench.now)
    assert bench.run(5.0) == [Up()]


def test_a_modem_without_a_pcm_device_answers_without_sound() -> None:
    bench = Bench(pcm=None).up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.modem.answer(bench.now)
    assert bench.run(2.0) == [Answered()]
    assert "CPCMREG" not in bench.typed


def test_a_call_left_over_is_ended_at_start() -> None:
    bench = Bench().up()
    bench.modem.dial("10086", bench.now)
    bench.run(5.0)
    bench.modem = Modem(profiles.load("simcom"), None, PCM)
    bench.modem.start(bench.now)
    assert bench.run(5.0) == [Up()]
    assert bench.far.call is None


# Short messages.


def test_messages_that_came_before_the_start_are_found() -> None:
    far = SimulatedModem()
    far.text("10086", "早", 1_700_000_000.0, 0.0)
    first, up = sorted(Bench(far=far).run(5.0), key=repr)
    assert isinstance(first, Text)
    assert up == Up()


def test_a_message_whose_notice_was_lost_is_found_by_the_sweep() -> None:
    bench = Bench(lambda said: said.replace(b"+CMTI", b"+XMTI"))
    bench.run(5.0)
    bench.far.text("10086", "您好", 1_700_000_000.0, bench.now)
    assert bench.run(10.0) == []
    (text,) = bench.run(200.0)
    assert isinstance(text, Text)
    assert text.text == "您好"


def test_a_message_not_yet_taken_is_told_once_however_often_the_modem_is_lost() -> None:
    bench = Bench().up()
    bench.far.text("10086", "您好", 1_700_000_000.0, bench.now)
    (text,) = bench.run(5.0)
    assert isinstance(text, Text)
    bench.modem.lost("unplugged", bench.now)
    bench.far.boot(bench.now)
    bench.modem.start(bench.now)
    assert bench.run(10.0) == [Fault("unplugged"), Up()]
    bench.modem.taken(text.key, bench.now)
    bench.run(2.0)
    assert bench.far.texts.store == {}


def test_a_message_taken_while_the_modem_was_away_is_deleted_when_it_is_back() -> None:
    bench = Bench().up()
    bench.far.text("10086", "您好", 1_700_000_000.0, bench.now)
    (text,) = bench.run(5.0)
    assert isinstance(text, Text)
    bench.modem.lost("unplugged", bench.now)
    bench.modem.taken(text.key, bench.now)
    bench.far.boot(bench.now)
    bench.modem.start(bench.now)
    bench.run(10.0)
    assert bench.far.texts.store == {}


def test_an_unreadable_message_is_shown_rather_than_lost() -> None:
    bench = Bench().up()
    bench.modem.receive(b'\r\n+CMTI: "ME",3\r\n', bench.now)
    bench.wire = lambda said: (
        b"\r\n+CMGR: 0,,24\r\n0BD04259303784=96p\r\n\r\nOK\r\n" if b"OK" in said else said
    )
    (text,) = bench.run(1.0)
    assert isinstance(text, Text)
    assert "0BD04259303784=96p" in text.text


def test_a_refused_message_says_why() -> None:
    bench = Bench(lambda said: said.replace(b"+CMGS: 1\r\n\r\nOK", b"+CMS ERROR: 330"))
    bench.run(5.0)
    bench.modem.send_text("10086", "x", "k", bench.now)
    assert bench.run(10.0) == [TextSent("k", False, "the number of the message centre is not known")]


def test_a_congested_network_is_tried_again() -> None:
    bench = Bench().up()
    bench.wire = lambda said: said.replace(b"+CMGS: 1\r\n\r\nOK", b"+CMS ERROR: 42")
    bench.modem.send_text("10086", "x", "k", bench.now)
    assert bench.run(2.0) == []
    assert bench.run(10.0) == [TextSent("k", True)]


def test_a_message_waits_while_the_phone_rings() -> None:
    bench = Bench().up()
    bench.far.ring("13800005678", bench.now)
    bench.run(1.0)
    bench.modem.send_text("10086", "x", "k", bench.now)
    assert bench.run(3.0) == []
    bench.far.far_end_hangs_up(bench.now)
    assert bench.run(3.0) == [Cleared(Cause.NORMAL), TextSent("k", True)]


def test_a_message_that_finds_no_network_is_told_as_not_sent() -> None:
    bench = Bench(far=SimulatedModem(registration=2))
    bench.modem.send_text("10086", "x", "k", bench.now)
    assert TextSent("k", False, "there was no network") in bench.run(1000.0)


def test_a_message_waits_for_a_modem_that_is_away_but_not_for_ever() -> None:
    bench = Bench().up()
    bench.modem.lost("unplugged", bench.now)
    bench.modem.send_text("10086", "x", "k", bench.now)
    assert bench.run(600.0) == [Fault("unplugged")]
    assert bench.run(600.0) == [TextSent("k", False, "there was no network")]


def test_more_messages_than_the_store_holds_come_after_each_other() -> None:
    bench = Bench().up()
    for index in range(CAPACITY):
        assert bench.far.text("10086", f"第{index}条", 1_700_000_000.0 + index, bench.now)
    assert not bench.far.text("10086", "满", 1_700_000_000.0, bench.now)
    texts = bench.run(5.0)
    assert len(texts) == CAPACITY
    for text in texts:
        assert isinstance(text, Text)
        bench.modem.taken(text.key, bench.now)
    bench.run(5.0)
    assert bench.far.texts.store == {}


# What modems say of their network.


@pytest.mark.parametrize(("line", "solicited", "stat"), VECTORS["registration"])
def test_the_registration_is_read_as_each_make_writes_it(line: str, solicited: bool, stat: int) -> None:
    assert registration(line, solicited) == stat


@pytest.mark.parametrize(
    ("line", "dbm"), [("+CSQ: 0,99", -113), ("+CSQ:31,99", -51), ("+CSQ: 99,99", None), ("+CSQ: 120,99", -96)]
)
def test_the_signal_is_told_in_dbm(line: str, dbm: int | None) -> None:
    assert signal_dbm(line) == dbm


# Profiles.


@pytest.mark.parametrize("path", sorted(profiles.FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_profile_is_whole(path: Path) -> None:
    profile = profiles.load(path.stem)
    required = {step.send.split("=")[0] for step in profile.ready if step.required}
    assert required == {"AT+CMGF", "AT+CNMI", "AT+CLIP"}


def test_a_broken_profile_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text('family = "x"\nsounds = 1\n', encoding="utf-8")
    with pytest.raises(profiles.ProfileError, match=r"odd\.toml.*sounds"):
        profiles.load("odd", tmp_path)
    (tmp_path / "worse.toml").write_text('family = "x"\nstart = [{ send = "rm -r" }]\n', encoding="utf-8")
    with pytest.raises(profiles.ProfileError, match="not an AT command"):
        profiles.load("worse", tmp_path)
    with pytest.raises(profiles.ProfileError, match="there are: odd, worse"):
        profiles.load("none", tmp_path)
