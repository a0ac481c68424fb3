"""Phones of ours on their own: they call, forward, pick up, transfer; proved by the tones they hear."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from appliance.calls import wire
from appliance.refused import Refused
from tests.box import CALLS, Box
from tests.phones import Baresip, read_wav, tone_level, until

pytestmark = pytest.mark.sip

HZ = {"8101": 700.0, "8102": 1000.0, "8103": 1300.0, "13800138000": 1600.0}
LOUD, NOW = 0.05, 4000
EXTENSIONS = [
    {"number": "8001"},
    {"number": "8101", "kind": "sip", "password": "demo-8101", "pickup": "office", "name": "王科长"},
    {
        "number": "8102",
        "kind": "sip",
        "password": "demo-8102",
        "pickup": "office",
        "numbers": ["02087651234"],
    },
    {"number": "8103", "kind": "sip", "password": "demo-8103", "ring_s": 3, "follow": ["ext:8102"]},
    {"number": "8104", "kind": "sip", "password": "demo-8104", "follow": ["ext:8101"]},
]
SETTINGS = {
    "extension": EXTENSIONS,
    "group": [
        {"number": "8500", "members": ["8104", "8103", "8102"], "ring_s": 3, "name": "值班"},
        {"number": "8501", "members": ["8102", "8103"], "strategy": "all", "ring_s": 20},
    ],
    "queue": [{"name": "general", "wrap_up_s": 300, "offer_s": 20}],
    "dialplan": {"operator": "ext:8102", "outside": "9"},
    "speed_dial": [{"code": "02", "number": "8102", "extension": "8101"}],
}


@dataclass
class Office:
    """A box with three desk phones that are answered by hand."""

    box: Box
    phones: dict[str, Baresip]

    def phone(self, number: str) -> Baresip:
        return self.phones[number]

    def hears(self, number: str) -> set[str]:
        """Whose tones a phone hears just now."""
        try:
            heard = read_wav(self.phones[number].heard())[-NOW:]
        except (ValueError, EOFError):
            return set()
        return {who for who, hz in HZ.items() if tone_level(heard, hz, seconds=NOW / 8000) > LOUD}

    def expect(self, what: str, **who: str) -> None:
        """Wait until each phone (p8101=…) hears exactly these: "8102 8103"."""
        wanted = {name.removeprefix("p"): set(heard.split()) for name, heard in who.items()}

        def so() -> bool | None:
            return all(self.hears(number) == heard for number, heard in wanted.items()) or None

        until(so, 8, f"{what}: {wanted}, but { ({n: self.hears(n) for n in wanted}) }")

    def rings(self, number: str) -> None:
        """Wait until a phone rings."""
        self.phones[number].wait("CALL_INCOMING")

    def ends(self, number: str) -> str:
        """Wait until a call of a phone is over; why."""
        return str(self.phones[number].wait("CALL_CLOSED").get("param", ""))

    def dial(self, number: str, dialled: str) -> None:
        for phone in self.phones.values():
            phone.forget()
        self.phones[number].dial(dialled)

    def quiet(self) -> None:
        for phone in self.phones.values():
            phone.hang_up()
        self.box.wait_for(lambda: not self.box.calls(), 10, "all calls to end")
        time.sleep(0.3)  # phones tell of it a little later


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("phones")
    with Box(CALLS, settings=SETTINGS) as box:
        numbers = ("8101", "8102", "8103")
        phones = {
            n: Baresip(folder, box.sip_port, number=n, password=f"demo-{n}", tone_hz=HZ[n]) for n in numbers
        }
        for phone in phones.values():
            phone.__enter__()
        try:
            yield Office(box, phones)
        finally:
            for phone in phones.values():
                phone.__exit__(None, None, None)


@pytest.fixture
def office(running: Office) -> Iterator[Office]:
    yield running
    running.quiet()


def test_one_phone_calls_another_and_both_hear_each_other(office: Office) -> None:
    office.dial("8101", "8102")
    office.rings("8102")
    call = office.box.wait_for(office.box.calls, 5)[0]
    assert (call.caller, call.called, call.state) == ("8101", "8102", "in_flow")
    office.phone("8102").answer()
    office.expect("inside", p8101="8102", p8102="8101")
    office.phone("8102").hang_up()
    office.box.wait_for(lambda: not office.box.calls(), 10)
    assert office.box.facts("call.answered")[-1]["extension"] == "8102"
    assert office.box.facts("call.ringing")[-1]["direction"] == "inside"


def test_a_phone_that_declines_is_busy_for_who_called(office: Office) -> None:
    office.dial("8101", "8102")
    office.rings("8102")
    office.phone("8102").hang_up()
    closed = office.ends("8101")
    assert "486" in closed or "Busy" in closed
    assert office.box.facts("call.ended")[-1]["cause"] == 17


def test_a_number_nobody_has_is_not_found(office: Office) -> None:
    office.dial("8101", "8999")
    assert "404" in office.ends("8101")


def test_the_operator_is_zero_and_a_short_number_has_two_stars(office: Office) -> None:
    office.dial("8101", "0")
    office.rings("8102")
    office.quiet()
    office.dial("8103", "0")
    office.rings("8102")


def test_who_does_not_pick_up_is_followed_to_the_next_phone(office: Office) -> None:
    office.dial("8101", "8103")
    office.rings("8103")
    office.rings("8102")
    office.phone("8102").answer()
    office.expect("followed", p8101="8102", p8102="8101")


def test_a_call_to_a_phone_that_is_away_follows_its_person_at_once(office: Office) -> None:
    office.dial("8102", "8104")
    office.rings("8101")


def test_a_group_rings_one_after_another(office: Office) -> None:
    office.dial("8101", "8500")
    office.rings("8103")
    office.rings("8102")
    office.phone("8102").answer()
    office.expect("group", p8101="8102", p8102="8101")


def test_a_group_that_rings_all_is_taken_by_the_first(office: Office) -> None:
    office.dial("8101", "8501")
    office.rings("8102")
    office.rings("8103")
    office.phone("8103").answer()
    office.expect("group of all", p8101="8103", p8103="8101")
    office.ends("8102")


def test_a_call_is_picked_up_by_another_phone_of_the_group(office: Office) -> None:
    office.dial("8103", "8101")
    office.rings("8101")
    office.phone("8102").dial("*8")
    office.expect("picked up", p8103="8102", p8102="8103")
    office.ends("8101")
    assert office.box.facts("call.picked_up")[-1] == {"by": "8102", "from": "8101"}


def test_a_phone_picks_up_a_certain_other_one(office: Office) -> None:
    office.dial("8101", "8102")
    office.rings("8102")
    office.phone("8103").dial("*88102")
    office.expect("picked up", p8101="8103", p8103="8101")


def test_there_is_nothing_to_pick_up(office: Office) -> None:
    office.dial("8101", "*8")
    office.ends("8101")


def test_a_phone_forwards_its_calls_by_keys_and_takes_that_back(office: Office) -> None:
    office.dial("8102", "*718103")
    office.ends("8102")
    office.dial("8101", "8102")
    office.rings("8103")
    office.quiet()
    views = office.box.order(wire.GetDirectory())["extensions"]
    forwarded = next(view for view in views if view["number"] == "8102")
    assert forwarded["origins"] == {"always": ["phone", "8102"]}
    office.dial("8102", "*70")
    office.ends("8102")
    office.dial("8101", "8102")
    office.rings("8102")
    views = office.box.order(wire.GetDirectory())["extensions"]
    assert {view["number"]: view["state"] for view in views}["8104"] == "away"


def test_forwards_that_go_round_end(office: Office) -> None:
    office.box.order(wire.Forward("8101", "always", "8102"))
    office.box.order(wire.Forward("8102", "always", "8101"))
    office.dial("8103", "8101")
    office.ends("8103")
    office.box.order(wire.Forward("8101", "always", ""))
    office.box.order(wire.Forward("8102", "always", ""))
    for extension, to, why in (
        ("4711", "8101", "unknown_extension"),
        ("8101", "8101", "bad_target"),
        ("8101", "0085221234567", "barred"),
    ):
        with pytest.raises(Refused, match=why):
            office.box.order(wire.Forward(extension, "always", to))


def test_a_phone_transfers_blindly_who_it_called(office: Office) -> None:
    office.dial("8101", "8102")
    office.rings("8102")
    office.phone("8102").answer()
    office.expect("first", p8101="8102", p8102="8101")
    office.phone("8101").command("transfer", f"sip:8103@127.0.0.1:{office.box.sip_port}")
    office.rings("8103")
    office.phone("8103").answer()
    office.expect("transferred", p8102="8103", p8103="8102")


def test_forwards_are_still_there_when_the_call_process_died(office: Office) -> None:
    office.box.order(wire.Forward("8101", "busy", "8103", "1100"))
    office.box.kill("calls")

    def forwards() -> tuple[str, str, str] | None:
        views = office.box.order(wire.GetDirectory())["extensions"]
        view = next(v for v in views if v["number"] == "8101")
        to = view["forwards"].get("busy", "")
        return (to, *view["origins"]["busy"]) if to else None

    assert office.box.wait_for(forwards, 10) == ("8103", "page", "1100")
