"""A box calls a list of real phones behind its trunks: who hears what, who is tried again, after a crash."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from appliance.calls import wire
from appliance.campaigns import plan as plans
from appliance.campaigns.flow import PHRASES, phrase_of
from appliance.campaigns.plan import Handover, Plan
from appliance.published import Band
from appliance.refused import Refused
from tests.box import CALLS, Box, free_port
from tests.phones import Baresip, free_pair, read_wav, tone_level, until, write_tone

pytestmark = pytest.mark.sip

MESSAGE_HZ, QUESTION_HZ = 900.0, 1700.0
MESSAGE_S = 3.0
LOUD = 0.05
ANSWERS, MANUAL, MUTE = "13800138000", "13900139000", "13700137000"
"""Citizens: one picks up, one does what the test says, one never does anything."""
CROWD = tuple(f"1370013700{n}" for n in range(1, 6))
"""More numbers at the phone of the last one."""
LINES = 8


@dataclass
class City:
    """A box and three citizens' phones, each behind a trunk of its own."""

    box: Box
    phones: dict[str, Baresip]

    def begin(self, numbers: tuple[str, ...], seconds: float = MESSAGE_S, **more: Any) -> str:
        """Hand a campaign over and start it; its id."""
        cid = secrets.token_hex(16)
        sound = self.box.places.prompts / "recorded" / "zh" / f"{phrase_of(cid)}.wav"
        write_tone(sound, MESSAGE_HZ, seconds)
        chosen = {"tries": 2, "busy_wait_s": 10, "no_answer_wait_s": 10, "ring_s": 10, "lines": 3, **more}
        plan = Plan("停水通知", sound_s=seconds, **{"keep_free": 2, **chosen})
        plans.write(self.box.places.campaigns / cid, Handover(plan, numbers))
        self.box.order(wire.Campaign("1100", cid, "start"))
        return cid

    def tried(self, cid: str, number: str = "") -> list[Any]:
        found = [e.facts for e in self.box.events("campaign.tried") if e.subject.hex() == cid]
        return [facts for facts in found if number in ("", facts["number"])]

    def over(self, cid: str, seconds: float = 60.0) -> None:
        self.box.wait_for(
            lambda: any(e.subject.hex() == cid for e in self.box.events("campaign.ended")), seconds, "the end"
        )

    def heard_s(self, phone: Baresip, hz: float) -> float:
        """How long a phone heard a tone, in all."""
        try:
            heard = read_wav(phone.heard())
        except (ValueError, EOFError):
            return 0.0
        return 0.1 * sum(
            tone_level(heard[at : at + 800], hz, seconds=0.1) > LOUD for at in range(0, len(heard) - 800, 800)
        )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("phones")
    here = {ANSWERS: "127.0.0.3", MANUAL: "127.0.0.4", MUTE: "127.0.0.5"}
    ports = {number: free_pair() for number in here}
    trunks = [
        {"name": f"to{number[:3]}", "host": here[number], "port": ports[number], "prefix": number[:3]}
        for number in here
    ]
    sip = free_port()
    settings = {
        "sip": {"port": sip, "lines": LINES},
        "trunk": trunks,
        "campaign": {"lines": 4, "keep_free": 2, "do_not_call": ["1360000*"]},
    }
    phones = {
        number: Baresip(
            folder,
            sip,
            number=number,
            answers=number == ANSWERS,
            here=(here[number], ports[number]),
            also=CROWD if number == MUTE else (),
        )
        for number in here
    }
    with phones[ANSWERS], phones[MANUAL], phones[MUTE], Box(CALLS, settings=settings) as box:
        for phrase in PHRASES:
            write_tone(box.places.prompts / "recorded" / "zh" / f"{phrase}.wav", QUESTION_HZ, 0.5)
        box.wait_for(lambda: trunks_up(box), 40, "trunks")
        yield City(box, phones)


def trunks_up(box: Box) -> bool:
    return not any(line.name.startswith("trunk/") and line.state == "down" for line in box.board().lines)


@pytest.fixture
def city(running: City) -> Iterator[City]:
    yield running
    running.box.wait_for(lambda: not running.box.calls(), 20, "calls to end")
    time.sleep(0.3)
    for phone in running.phones.values():
        phone.forget()


def test_who_picks_up_hears_the_message_to_its_end(city: City) -> None:
    cid = city.begin((ANSWERS,))
    city.over(cid)
    (tried,) = city.tried(cid)
    assert (tried["outcome"], tried["result"], tried["attempt"]) == ("heard", "heard", 1)
    assert tried["seconds"] == pytest.approx(MESSAGE_S, abs=0.5)
    assert city.heard_s(city.phones[ANSWERS], MESSAGE_HZ) == pytest.approx(MESSAGE_S, abs=0.4)
    folder = city.box.places.campaigns / cid
    city.box.wait_for(lambda: not folder.exists(), 5, "what is over to be let go")
    ended = city.box.facts("call.ended")[-1]
    assert (ended["outcome"], ended["cause"]) == ("notified", 16)
    dialled = city.box.facts("call.dialled")[-1]
    assert (dialled["by"], dialled["to"], dialled["number_kind"]) == ("1100", f"tel:{ANSWERS}", "mobile")


def test_key_1_confirms_and_is_asked_for(city: City) -> None:
    cid = city.begin((ANSWERS,), seconds=1.0, confirm=True)
    phone = city.phones[ANSWERS]
    until(lambda: city.heard_s(phone, QUESTION_HZ) > 0.2 or None, 15, "the question")
    phone.keys("1")
    city.over(cid)
    assert city.tried(cid)[-1]["result"] == "confirmed"


def test_who_hangs_up_early_has_heard_a_part(city: City) -> None:
    cid = city.begin((ANSWERS,), seconds=8.0)
    phone = city.phones[ANSWERS]
    until(lambda: city.heard_s(phone, MESSAGE_HZ) > 1.5 or None, 15, "the message")
    phone.hang_up()
    city.over(cid)
    (tried,) = city.tried(cid)
    assert tried["result"] == "part"
    assert 1.0 < tried["seconds"] < 5.0


def test_who_is_busy_is_tried_again_and_who_does_not_answer_ends_so(city: City) -> None:
    cid = city.begin((ANSWERS, MANUAL, MUTE), seconds=1.0)
    manual = city.phones[MANUAL]
    manual.wait("CALL_INCOMING")
    manual.hang_up()
    manual.wait("CALL_INCOMING", count=2, seconds=30)
    manual.answer()
    city.over(cid, 90)
    assert [t["outcome"] for t in city.tried(cid, MANUAL)] == ["busy", "heard"]
    assert [t["outcome"] for t in city.tried(cid, MUTE)] == ["no_answer", "no_answer"]
    assert [t["outcome"] for t in city.tried(cid, ANSWERS)] == ["heard"]
    results = {t["number"]: t["result"] for t in city.tried(cid) if t["result"]}
    assert results == {ANSWERS: "heard", MANUAL: "heard", MUTE: "no_answer"}


def test_numbers_nobody_may_call_are_passed_over(city: City) -> None:
    before = len(city.box.events("call.ringing"))
    cid = city.begin(("110", "8101", "16012345", "13600001234"))
    city.over(cid)
    assert {t["number"]: t["result"] for t in city.tried(cid)} == {
        "110": "barred",
        "8101": "barred",
        "16012345": "barred",
        "13600001234": "do_not_call",
    }
    assert len(city.box.events("call.ringing")) == before


def test_out_of_its_hours_nobody_is_called(city: City) -> None:
    local = time.localtime(time.time() + 7200)
    hours = (Band("", "", (), f"{local.tm_hour:02d}:00", f"{(local.tm_hour + 1) % 24:02d}:00"),)
    cid = city.begin((ANSWERS,), hours=hours)
    time.sleep(2.5)
    assert not [e for e in city.box.events("campaign.called") if e.subject.hex() == cid]
    city.box.order(wire.Campaign("1100", cid, "stop"))
    city.over(cid)


def test_lines_are_left_free_for_citizens_who_call_in(city: City) -> None:
    cid = city.begin(CROWD, lines=5, keep_free=LINES - 2)
    city.box.wait_for(lambda: len(city.box.calls()) == 2, 10, "two calls")
    until_s = time.monotonic() + 4
    while time.monotonic() < until_s:
        assert len(city.box.calls()) <= 2
        time.sleep(0.1)
    city.box.order(wire.Campaign("1100", cid, "stop"))
    city.over(cid)
    results = {t["number"] for t in city.tried(cid)}
    assert len(results) == 2


def test_paused_it_calls_nobody_and_goes_on_when_resumed(city: City) -> None:
    cid = city.begin((MUTE,), seconds=1.0)
    city.phones[MUTE].wait("CALL_INCOMING")
    city.box.order(wire.Campaign("1100", cid, "pause"))
    with pytest.raises(Refused) as refused:
        city.box.order(wire.Campaign("1100", cid, "pause"))
    assert refused.value.word == "not_now"
    city.box.wait_for(lambda: city.tried(cid), 20, "the first try")
    city.box.order(wire.Campaign("1100", cid, "resume"))
    city.box.order(wire.Campaign("1100", cid, "stop"))
    city.over(cid)


def test_a_call_process_that_is_killed_goes_on_and_calls_nobody_twice_who_was_reached(city: City) -> None:
    cid = city.begin((ANSWERS, MANUAL), seconds=8.0)
    city.phones[MANUAL].wait("CALL_INCOMING")
    city.box.wait_for(
        lambda: any(e.subject.hex() == cid for e in city.box.events("campaign.answered")), 10, "an answer"
    )
    city.box.kill("calls")
    manual = city.phones[MANUAL]
    manual.hang_up()
    manual.forget()
    manual.wait("CALL_INCOMING", seconds=60)
    manual.answer()
    city.over(cid, 60)
    assert [t["outcome"] for t in city.tried(cid, ANSWERS)] == ["part"]
    assert [t["outcome"] for t in city.tried(cid, MANUAL)] == ["interrupted", "heard"]
    dialled = [e.facts["number"] for e in city.box.events("campaign.called") if e.subject.hex() == cid]
    assert dialled.count(ANSWERS) == 1


def test_what_stands_only_in_the_common_journal_is_known_too(city: City) -> None:
    cid = city.begin((ANSWERS, MUTE), seconds=1.0, lines=1)
    city.phones[MUTE].wait("CALL_INCOMING", seconds=30)
    assert city.tried(cid, ANSWERS)[-1]["result"] == "heard"
    for journal in (city.box.places.campaigns / cid).glob("*.journal"):
        journal.unlink()
    city.box.kill("calls")
    city.box.wait_for(lambda: city.tried(cid, MUTE), 20, "the interrupted try to be noted")
    city.box.order(wire.Campaign("1100", cid, "stop"))
    city.over(cid)
    called = [e.facts["number"] for e in city.box.events("campaign.called") if e.subject.hex() == cid]
    assert called == [ANSWERS, MUTE]
    assert [t["outcome"] for t in city.tried(cid, MUTE)] == ["interrupted"]


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (wire.Campaign("1100", "ab" * 16, "start"), "bad_campaign"),
        (wire.Campaign("1100", "ab" * 16, "pause"), "unknown_campaign"),
        (wire.Campaign("1100", "../../etc", "start"), "unknown_campaign"),
    ],
)
def test_an_order_that_cannot_be_is_refused(city: City, order: wire.Campaign, why: str) -> None:
    with pytest.raises(Refused) as refused:
        city.box.order(order)
    assert refused.value.word == why
