"""Feature by feature, who hears whom: proved by tones in real phones, not by what we believe."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.calls import wire
from appliance.published import Agent, read
from appliance.refused import Refused
from tests.box import CALLS, PHONES, Box
from tests.phones import Baresip, read_wav, tone_level, until, write_tone

pytestmark = pytest.mark.sip

CITIZEN_HZ, AGENT_HZ, OTHER_HZ = 700.0, 1000.0, 1300.0
LOUD, QUIET = 0.05, 0.004
NOW = 4000
"""Samples: what a phone heard in the last half second."""


@dataclass
class Talk:
    """A citizen in a talk with agent 1001; agent 1100, a shift leader, has the other desk phone."""

    box: Box
    citizen: Baresip
    agent: Baresip
    other: Baresip

    def order(self, order: wire.Order) -> None:
        self.box.order(order)

    def hears(self, phone: Baresip) -> set[float]:
        """The tones a phone hears just now; none before its first call."""
        try:
            heard = read_wav(phone.heard())[-NOW:]
        except (ValueError, EOFError):
            return set()
        tones = (CITIZEN_HZ, AGENT_HZ, OTHER_HZ)
        return {hz for hz in tones if tone_level(heard, hz, seconds=NOW / 8000) > LOUD}

    def expect(self, what: str, **who: set[float]) -> None:
        """Wait until each phone hears exactly these tones."""
        phones = {"citizen": self.citizen, "agent": self.agent, "other": self.other}

        def so() -> bool | None:
            return all(self.hears(phones[name]) == tones for name, tones in who.items()) or None

        until(so, 8, f"{what}: {who}, but { ({n: self.hears(phones[n]) for n in who}) }")

    def state(self) -> str:
        return self.box.calls()[0].state


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Baresip, Baresip, Path]]:
    folder = tmp_path_factory.mktemp("phones")
    with (
        Box(CALLS, settings={"queue": [{"name": "general", "wrap_up_s": 300, "offer_s": 20}]}) as box,
        phone(folder, box, "8101", AGENT_HZ) as one,
        phone(folder, box, "8102", OTHER_HZ) as two,
    ):
        box.sit("1001", "8101")
        yield box, one, two, folder


def phone(folder: Path, box: Box, number: str, hz: float) -> Baresip:
    return Baresip(folder, box.sip_port, number=number, password=PHONES[number], tone_hz=hz, answers=True)


@pytest.fixture
def talk(stage: tuple[Box, Baresip, Baresip, Path], tmp_path: Path) -> Iterator[Talk]:
    box, one, two, _ = stage
    box.order(wire.SignIn("1001", "8101"))
    box.order(wire.Ready("1001"))
    with Baresip(tmp_path, box.sip_port, number="13800138000", tone_hz=CITIZEN_HZ) as citizen:
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED")
        box.wait_for(lambda: [c for c in box.calls() if c.state == "in_flow"], 5)
        citizen.keys("1")
        box.wait_state("1001", "busy", 20)
        talk = Talk(box, citizen, one, two)
        talk.expect("talk", citizen={AGENT_HZ}, agent={CITIZEN_HZ})
        yield talk
        citizen.hang_up()
        box.wait_for(lambda: not box.calls(), 10, "the call to end")
    box.wait_for(lambda: box.seat("1001").state != "busy", 10)
    if box.seat("1100").state != "offline":
        box.wait_for(lambda: box.seat("1100").state != "busy", 10)
        box.order(wire.SignOut("1100"))


def leader_sits(talk: Talk) -> None:
    talk.order(wire.SignIn("1100", "8102"))
    talk.box.wait_for(lambda: talk.box.seat("1100").phone == "up", 5)


def test_a_held_citizen_hears_music_and_nobody_hears_the_citizen(talk: Talk) -> None:
    talk.order(wire.Hold("1001"))
    talk.expect("held", citizen=set(), agent=set())
    assert talk.state() == "held"
    talk.order(wire.Resume("1001"))
    talk.expect("resumed", citizen={AGENT_HZ}, agent={CITIZEN_HZ})
    assert talk.state() == "talking"


def test_a_muted_agent_hears_and_is_not_heard(talk: Talk) -> None:
    talk.order(wire.Mute("1001", True))
    talk.expect("muted", citizen=set(), agent={CITIZEN_HZ})
    talk.order(wire.Mute("1001", False))
    talk.expect("not muted", citizen={AGENT_HZ})


def test_in_a_consultation_the_citizen_hears_neither(talk: Talk) -> None:
    talk.order(wire.Consult("1001", "ext:8102"))
    talk.expect("consulting", citizen=set(), agent={OTHER_HZ}, other={AGENT_HZ})
    talk.order(wire.Together("1001"))
    three = {CITIZEN_HZ, AGENT_HZ, OTHER_HZ}
    talk.expect(
        "three talk",
        citizen=three - {CITIZEN_HZ},
        agent=three - {AGENT_HZ},
        other=three - {OTHER_HZ},
    )
    guest = next(p for p in talk.box.calls()[0].parties if p.role == "guest")
    talk.order(wire.Drop("1001", guest.line))
    talk.expect("two again", citizen={AGENT_HZ}, agent={CITIZEN_HZ})


def test_a_consultation_completed_leaves_citizen_and_colleague(talk: Talk) -> None:
    talk.order(wire.Consult("1001", "ext:8102"))
    talk.expect("consulting", agent={OTHER_HZ}, other={AGENT_HZ})
    talk.order(wire.Complete("1001"))
    talk.expect("handed over", citizen={OTHER_HZ}, other={CITIZEN_HZ})
    assert talk.box.wait_state("1001", "wrap_up").call is None
    assert talk.state() == "talking"


def test_when_who_was_asked_hangs_up_the_agent_is_with_the_citizen_again(talk: Talk) -> None:
    talk.order(wire.Consult("1001", "ext:8102"))
    talk.expect("consulting", agent={OTHER_HZ}, other={AGENT_HZ})
    talk.other.hang_up()
    talk.expect("with the citizen again", citizen={AGENT_HZ}, agent={CITIZEN_HZ})
    assert talk.state() == "talking"


def test_a_blind_transfer_joins_the_citizen_with_whoever_picks_up(talk: Talk) -> None:
    leader_sits(talk)
    talk.order(wire.Transfer("1001", "agent:1100"))
    talk.box.wait_state("1001", "wrap_up")
    talk.box.wait_state("1100", "busy")
    talk.expect("transferred", citizen={OTHER_HZ}, other={CITIZEN_HZ})
    assert talk.box.calls()[0].agent == "1100"


def test_a_transfer_to_the_queue_offers_the_citizen_again(talk: Talk) -> None:
    leader_sits(talk)
    talk.order(wire.Ready("1100"))
    talk.order(wire.Transfer("1001", "queue:general"))
    talk.box.wait_state("1100", "busy", 20)
    talk.expect("the next agent", citizen={OTHER_HZ}, other={CITIZEN_HZ})


def test_somebody_invited_talks_with_both(talk: Talk) -> None:
    talk.order(wire.Invite("1001", "ext:8102"))
    talk.expect(
        "invited", citizen={AGENT_HZ, OTHER_HZ}, agent={CITIZEN_HZ, OTHER_HZ}, other={CITIZEN_HZ, AGENT_HZ}
    )


def test_the_desk_phones_own_hold_key_gives_the_citizen_music(talk: Talk) -> None:
    talk.agent.command("hold")
    talk.box.wait_for(lambda: talk.state() == "held", 5)
    talk.expect("held by the phone", citizen=set())
    talk.agent.command("resume")
    talk.box.wait_for(lambda: talk.state() == "talking", 5)
    talk.expect("taken back", citizen={AGENT_HZ}, agent={CITIZEN_HZ})


def test_the_desk_phones_own_transfer_key_hands_the_citizen_over(talk: Talk) -> None:
    talk.agent.command("transfer", f"sip:8102@127.0.0.1:{talk.box.sip_port}")
    talk.box.wait_state("1001", "wrap_up")
    talk.expect("handed over by the phone", citizen={OTHER_HZ}, other={CITIZEN_HZ})


def test_a_leader_listens_whispers_barges_in_and_takes_over(talk: Talk) -> None:
    leader_sits(talk)
    talk.order(wire.Supervise("1100", "1001", "listen"))
    both = {CITIZEN_HZ, AGENT_HZ}
    talk.expect("listen", citizen={AGENT_HZ}, agent={CITIZEN_HZ}, other=both)
    talk.order(wire.Supervise("1100", "1001", "whisper"))
    talk.expect("whisper", citizen={AGENT_HZ}, agent={CITIZEN_HZ, OTHER_HZ}, other=both)
    talk.order(wire.Supervise("1100", "1001", "barge"))
    talk.expect(
        "barge", citizen={AGENT_HZ, OTHER_HZ}, agent={CITIZEN_HZ, OTHER_HZ}, other={CITIZEN_HZ, AGENT_HZ}
    )
    talk.order(wire.Supervise("1100", "1001", "take_over"))
    talk.box.wait_state("1001", "wrap_up")
    talk.expect("taken over", citizen={OTHER_HZ}, other={CITIZEN_HZ})
    how = [facts["how"] for facts in talk.box.facts("call.supervised")][-4:]
    assert how == ["listen", "whisper", "barge", "take_over"]


def test_a_leader_releases_a_call_and_says_why(talk: Talk) -> None:
    leader_sits(talk)
    talk.order(wire.Release("1100", talk.box.calls()[0].cid, "辱骂"))
    talk.citizen.wait("CALL_CLOSED")
    assert talk.box.facts("call.released")[-1] == {"by": "1100", "reason": "辱骂"}


def test_an_old_recording_is_heard_by_citizen_and_agent(talk: Talk) -> None:
    folder = talk.box.places.recordings / "old"
    folder.mkdir(exist_ok=True)
    write_tone(folder / "message.wav", OTHER_HZ, 20)
    talk.order(wire.PlayBack("1001", "old/message.wav"))
    talk.expect("played back", citizen={AGENT_HZ, OTHER_HZ}, agent={CITIZEN_HZ, OTHER_HZ})
    talk.order(wire.PlayBack("1001", ""))
    talk.expect("stopped", citizen={AGENT_HZ}, agent={CITIZEN_HZ})


def test_somebody_new_takes_calls_at_once_and_who_talks_goes_on(talk: Talk) -> None:
    known = read(talk.box.places.published).agents
    talk.order(wire.Staff((*known, Agent("1777", "新同事", "8002", known[0].queues))))
    talk.order(wire.SignIn("1777", "8002"))
    talk.order(wire.Ready("1777"))
    talk.expect("still together", citizen={AGENT_HZ}, agent={CITIZEN_HZ})


REFUSALS: list[tuple[wire.Order, str]] = [
    (wire.Consult("1001", "nobody"), "bad_target"),
    (wire.Consult("1001", "agent:4711"), "unknown_agent"),
    (wire.Consult("1001", "ext:8001"), "bad_target"),
    (wire.Transfer("1001", "queue:nowhere"), "bad_target"),
    (wire.Complete("1001"), "no_call"),
    (wire.Hold("1002"), "no_call"),
    (wire.PlayBack("1001", "../box.db"), "no_recording"),
    (wire.Drop("1001", "sip/7"), "bad_target"),
    (wire.CallLeader("1001"), "no_leader"),
    (wire.Supervise("1002", "1001", "listen"), "not_leader"),
    (wire.Supervise("1100", "1001", "sing"), "bad_target"),
]


def test_what_cannot_be_done_is_refused_and_changes_nothing(talk: Talk) -> None:
    for order, reason in REFUSALS:
        with pytest.raises(Refused) as refused:
            talk.order(order)
        assert refused.value.word == reason, order
    talk.expect("as before", citizen={AGENT_HZ}, agent={CITIZEN_HZ})


def test_an_agent_calls_out_hears_it_ring_and_talks(
    stage: tuple[Box, Baresip, Baresip, Path],
) -> None:
    box, *_ = stage
    box.order(wire.SignIn("1001", "8101"))
    box.order(wire.Ready("1001"))
    with pytest.raises(Refused) as refused:
        box.order(wire.Dial("1001", "anything but a number"))
    assert refused.value.word == "bad_number"
    box.order(wire.Dial("1001", "8102"))
    view = box.wait_for(lambda: [c for c in box.calls() if c.outgoing and c.state == "talking"], 15)[0]
    assert view.caller == "8102"
    box.order(wire.HangUp("1001"))
    box.wait_for(lambda: not box.calls(), 10)
    assert box.facts("call.ended")[-1]["outcome"] == "answered"
