"""The SIP side dies and lives again: phones are still there, far ends of cut calls are told."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from aiosipua.message import SipRequest
from hypothesis import given
from hypothesis import strategies as st

from hardware.memory import SPARE, Memory
from hardware.sip.core import SipCore
from hardware.sip.digest import Credentials, ha1
from hardware.sip.message import Addr, Hop, Message, tag_of
from hardware.sip.remembered import Bound, Note, Over, Phone, Talking, ends
from hardware.sip.settings import Sealing, SipTrunk
from tests.box import memory
from tests.sipp.network import BOX, PHONE, REALM, SDP, Network, request, requests, respond, settings, statuses

REASON = ["Q.850;cause=41"]


class Dated(list[Note]):
    """Notes, and when each was made."""

    def __init__(self, net: Network) -> None:
        super().__init__()
        self.net = net
        self.at: dict[str, float] = {}

    def append(self, note: Note) -> None:
        super().append(note)
        self.at[note.key] = self.net.now


def read(note: Note) -> Note:
    """A note as it is read from its file."""
    decoder: msgspec.json.Decoder[Note] = msgspec.json.Decoder(Note)
    return decoder.decode(msgspec.json.encode(note))


class Lives:
    """A box on a simulated network that may die and live again with what it noted."""

    def __init__(self, trunks: tuple[SipTrunk, ...] = ()) -> None:
        self.settings = settings(trunks=trunks)
        self.net = Network()
        self.box = self.begun()

    def begun(self) -> SipCore:
        box = self.net.add(self.settings)
        box.notes = self.notes = Dated(self.net)
        return box

    def die_and_live_again(self, after_s: float = 1.0, keep: Sequence[str] = ()) -> SipCore:
        """kill -9: nobody is told anything; the next life reads the notes, and goes on with lines to keep."""
        self.net.run()
        notes: dict[str, Note] = {}
        at = self.notes.at
        for note in self.notes:
            notes.pop(note.key, None)
            if not ends(note):
                notes[note.key] = note
        del self.net.cores[BOX[0]]
        self.net.now += after_s
        self.net.inbox.clear()
        self.box = self.begun()
        noted = [(self.net.now - at[note.key], read(note)) for note in notes.values()]
        self.box.recall(noted, self.net.now, keep)
        self.net.run()
        return self.box

    def registered(
        self, contact: str = "<sip:8001@10.0.0.9:5062>", expires: str = "300", source: Addr = PHONE
    ) -> None:
        """The phone of 8001 registers."""
        more = {"to": "8001", "contact": contact, "expires": expires}
        asked = self.net.send(request("REGISTER", seq=1, **more), source)
        challenge = asked[0].headers.get("www-authenticate")[0]
        mine = Credentials("8001", REALM, ha1("8001", REALM, "pw8001"))
        told = mine.answer(challenge, "REGISTER", "sip:10.0.0.1") or ""
        answer = self.net.send(request("REGISTER", seq=2, authorization=told, **more), source)
        assert statuses(answer) == [200]

    def rung(self, number: str = "8001") -> SipRequest:
        """We call somebody; the INVITE as it arrived."""
        self.net.inbox.clear()
        self.box.dial(0, number, "13800138000", self.net.now)
        self.net.run()
        (invite,) = requests(self.net.inbox, "INVITE")
        return invite

    def rings(self) -> str:
        """A citizen calls; our tag."""
        return next(tag for m in self.net.send(request("INVITE", body=SDP)) if (tag := tag_of(m, "to")))


@pytest.fixture
def lives() -> Lives:
    return Lives()


def byes(messages: list[Message]) -> list[SipRequest]:
    found = list(requests(messages, "BYE"))
    assert all(bye.headers.get("reason") == REASON for bye in found)
    return found


# Phones


def test_a_phone_is_still_there_and_can_be_called(lives: Lives) -> None:
    lives.registered()
    box = lives.die_and_live_again()
    assert box.moved == [("8001", ("sip:8001@10.0.0.9:5062",))]
    assert lives.rung().uri == "sip:8001@10.0.0.9:5062"


def test_a_phone_that_expired_meanwhile_is_gone(lives: Lives) -> None:
    lives.registered(expires="60")
    box = lives.die_and_live_again(after_s=61)
    assert box.registrar.contacts("8001") == ()


def test_a_phone_expires_when_it_would_have(lives: Lives) -> None:
    lives.registered(expires="60")
    lives.net.run(20)
    box = lives.die_and_live_again(after_s=20)
    lives.net.run(15)
    assert box.registrar.contacts("8001")
    lives.net.run(10)
    assert box.registrar.contacts("8001") == ()


def test_a_phone_that_left_does_not_come_back(lives: Lives) -> None:
    lives.registered()
    lives.registered(expires="0")
    assert lives.die_and_live_again().registrar.contacts("8001") == ()


def test_an_extension_that_was_taken_away_does_not_come_back(lives: Lives) -> None:
    lives.registered()
    lives.settings = replace(lives.settings, accounts=lives.settings.accounts[1:])
    assert lives.die_and_live_again().registrar.contacts("8001") == ()


def test_a_clock_set_back_gives_nobody_a_longer_life(lives: Lives) -> None:
    phone = Phone("sip:8001@10.0.0.9", ("10.0.0.9", 5060, "UDP"), 1e9, "c", 1)
    lives.box.recall([(-1e9, Bound("8001", (phone,)))], lives.net.now)
    lives.net.run(3601)
    assert lives.box.registrar.contacts("8001") == ()


# Calls


def test_the_far_end_of_an_answered_call_hears_bye(lives: Lives) -> None:
    tag = lives.rings()
    lives.box.answer(0, lives.net.now)
    lives.net.run()
    lives.net.send(request("ACK", tag=tag))
    lives.die_and_live_again()
    (bye,) = byes(lives.net.inbox)
    assert bye.uri == "sip:phone@10.0.0.9:5062"
    assert bye.headers.get("call-id") == ["call-1"]
    assert (tag_of(bye, "from"), tag_of(bye, "to")) == (tag, "their")
    lives.net.send(respond(bye, 200))
    lives.net.run(60)
    assert lives.net.inbox == []


def test_a_call_we_placed_and_kept_alive_ends_by_its_routes_and_a_higher_number(lives: Lives) -> None:
    invite = lives.rung("sip:8009@10.0.0.9:5062")
    routed = {
        "record_route": "<sip:10.0.0.8;lr>",
        "supported": "timer",
        "session_expires": "90;refresher=uac",
    }
    lives.net.send(respond(invite, 200, SDP, **routed))
    lives.net.inbox.clear()
    lives.net.run(50)
    refresh, *_ = requests(lives.net.inbox, "INVITE")
    lives.die_and_live_again()
    (bye,) = byes(lives.net.inbox)
    assert bye.headers.get("route") == ["<sip:10.0.0.8;lr>"]
    assert int(bye.headers.get("cseq")[0].split()[0]) > int(refresh.headers.get("cseq")[0].split()[0])


def test_a_bye_goes_where_the_phone_moved_to(lives: Lives) -> None:
    tag = lives.rings()
    lives.box.answer(0, lives.net.now)
    lives.net.send(request("ACK", tag=tag))
    lives.net.send(request("INVITE", tag=tag, seq=2, body=SDP, contact="<sip:phone@10.0.0.77:5099>"))
    lives.die_and_live_again()
    (bye,) = byes(lives.net.inbox)
    assert bye.uri == "sip:phone@10.0.0.77:5099"


def test_a_provider_that_wants_the_password_for_bye_gets_it() -> None:
    lives = Lives((SipTrunk("city", "10.0.0.9", 5062, user="u", password="secret"),))
    lives.box.trunks.get("city").up = True
    lives.net.send(respond(lives.rung("13900139000"), 200, SDP))
    lives.die_and_live_again()
    (bye,) = byes(lives.net.inbox)
    challenge = 'Digest realm="p", nonce="n", qop="auth"'
    again = byes(lives.net.send(respond(bye, 407, proxy_authenticate=challenge)))
    assert len(again) == 1
    assert 'username="u"' in again[0].headers.get("proxy-authorization")[0]


def test_a_phone_that_rings_stops(lives: Lives) -> None:
    lives.registered()
    invite = lives.rung()
    lives.net.send(respond(invite, 180))
    lives.die_and_live_again()
    (cancel,) = requests(lives.net.inbox, "CANCEL")
    assert cancel.headers.get("via") == invite.headers.get("via"), "it must find its INVITE"
    assert cancel.headers.get("reason") == REASON
    lives.net.send(respond(cancel, 200))
    acks = list(requests(lives.net.send(respond(invite, 487)), "ACK"))
    assert len(acks) == 1, "the phone is done"


def test_a_phone_that_has_not_even_said_that_it_rings_stops(lives: Lives) -> None:
    lives.registered()
    invite = lives.rung()
    lives.die_and_live_again()
    (cancel,) = requests(lives.net.inbox, "CANCEL")
    assert cancel.headers.get("via") == invite.headers.get("via")


def test_a_phone_picked_up_while_we_were_dead_is_hung_up(lives: Lives) -> None:
    lives.registered()
    invite = lives.rung()
    lives.net.send(respond(invite, 180))
    lives.die_and_live_again()
    told = lives.net.send(respond(invite, 200, SDP))
    assert len(list(requests(told, "ACK"))) == 1
    assert len(byes(told)) == 1
    assert len(list(requests(lives.net.send(respond(invite, 200, SDP)), "ACK"))) == 1
    lives.net.run(100)
    assert not lives.box._clients


def test_a_caller_with_whom_it_rang_is_refused_until_that_arrives(lives: Lives) -> None:
    lives.rings()
    lives.die_and_live_again()
    lives.net.run(1.6)
    assert statuses(lives.net.inbox) == [503, 503, 503]
    assert lives.net.inbox[0].headers.get("reason") == REASON


def test_calls_that_ended_are_not_ended_again(lives: Lives) -> None:
    tag = lives.rings()
    lives.box.answer(0, lives.net.now)
    lives.net.send(request("ACK", tag=tag))
    lives.net.send(request("BYE", tag=tag, seq=2))
    lives.net.send(request("INVITE", body=SDP, call_id="b", branch="b"))
    lives.net.send(request("CANCEL", call_id="b", branch="b"))
    lives.net.send(respond(lives.rung("sip:8009@10.0.0.9:5062"), 486))
    box = lives.die_and_live_again()
    assert lives.net.inbox == []
    assert box.notes == []


def test_who_does_not_answer_a_bye_is_tried_where_it_said_it_is(lives: Lives) -> None:
    note = Talking(
        "c", "ours", "theirs", "<sip:a@h>;tag=ours", "<sip:b@h>;tag=theirs", "sip:b@10.0.0.9:5062", (), 1,
        ("10.0.0.9", 40001, "TCP"),
    )  # fmt: skip
    lives.box.recall([(1.0, note)], lives.net.now)
    lives.net.run()
    assert len(byes(lives.net.inbox)) == 1
    lives.net.inbox.clear()
    lives.box.unreachable(Hop("10.0.0.9", 40001, "TCP"), lives.net.now)
    lives.net.run()
    assert len(byes(lives.net.inbox)) == 1


def test_a_phone_that_was_connected_hears_it_when_it_registers_again(lives: Lives) -> None:
    first, again = Hop("10.0.0.9", 40001, "TLS"), Hop("10.0.0.9", 40002, "TLS")
    where = "<sip:8001@10.0.0.9:5062;transport=tls>"
    lives.settings = replace(lives.settings, srtp=Sealing.OFF)
    lives.box = lives.begun()
    lives.registered(where, source=first)
    invite = lives.rung()
    lives.net.send(respond(invite, 200, SDP, contact="<sip:8001@10.0.0.9:5062;transport=tls>"), first)
    lives.die_and_live_again()
    for gone in (first, Hop("10.0.0.9", 5062, "TLS")):
        lives.box.unreachable(gone, lives.net.now)
        lives.net.run()
    lives.net.inbox.clear()
    lives.registered(where, source=again)
    assert [bye.headers.get("call-id") for bye in byes(lives.net.inbox)] == [invite.headers.get("call-id")]
    lives.registered(where, source=again)
    assert byes(lives.net.inbox) == [], "once"


def test_a_second_death_does_not_say_it_again(lives: Lives) -> None:
    lives.rings()
    lives.box.answer(0, lives.net.now)
    lives.die_and_live_again()
    lives.die_and_live_again()
    assert byes(lives.net.inbox) == []


# The file


def talk(n: int) -> Talking:
    return Talking(f"c{n}", "t", "u", "<sip:a@h>", "<sip:b@h>", "sip:b@h", (), 1, ("10.0.0.9", 5060, "UDP"))


def opened(path: Path) -> Memory[Note]:
    return Memory(path, Note, ends)


def remembered(path: Path) -> set[str]:
    return {note.key for _, note in opened(path).load()}


def test_what_is_written_is_read_and_what_is_over_is_not(tmp_path: Path) -> None:
    path = tmp_path / "open-calls.jsonl"
    one = opened(path)
    assert one.load() == []
    phone = Phone("sip:8001@10.0.0.9", ("10.0.0.9", 5060, "UDP"), 60.0, "c", 1)
    one.write([talk(1), talk(2), Bound("8001", (phone,)), Over("c1", "t")])
    assert remembered(path) == {"call c2 t", "phones 8001"}
    two = opened(path)
    two.load()
    two.write([Bound("8001", ()), talk(3)])
    assert remembered(path) == {"call c2 t", "call c3 t"}
    assert path.stat().st_mode & 0o777 == 0o600


@given(cut=st.integers(0, 400), more=st.binary(max_size=60).filter(lambda data: b"\n" not in data))
def test_any_torn_or_foreign_line_costs_only_itself(cut: int, more: bytes) -> None:
    with TemporaryDirectory(dir=memory()) as folder:
        path = Path(folder) / "open-calls.jsonl"
        first = opened(path)
        first.load()
        first.write([talk(1)])
        whole = path.read_bytes()
        path.write_bytes(whole + whole[:cut] + more + b"\n" + whole.replace(b'"c1"', b'"c9"'))
        assert remembered(path) >= {"call c1 t", "call c9 t"}
        first.close()


def test_the_file_stays_small_however_many_calls_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "open-calls.jsonl"
    one = opened(path)
    one.load()
    for n in range(5 * SPARE):
        one.write([talk(n), Over(f"c{n}", "t")])
    assert path.read_bytes().count(b"\n") <= 2 * SPARE
    assert remembered(path) == set()


def test_a_disk_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    one = opened(tmp_path / "missing" / "open-calls.jsonl")
    assert one.load() == []
    one.write([talk(1)] * (2 * SPARE))
