"""Calls to outside and between sites: class of service, PIN, account codes, local breakout; two real boxes.

The office (127.0.0.1) has no line to the public network, only a trunk to the branch (127.0.0.2),
which has one: a phone at 127.0.0.3 that is whoever is called.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from appliance.calls import wire
from appliance.calls.route_table import told
from appliance.published import read
from appliance.refused import Refused
from tests.box import CALLS, Box, free_port
from tests.phones import Baresip, free_pair, read_wav, tone_level, until

pytestmark = pytest.mark.sip

OFFICE, BRANCH, PUBLIC = "127.0.0.1", "127.0.0.2", "127.0.0.3"
HZ = {"office": 700.0, "branch": 1000.0, "citizen": 1300.0}
LOUD, NOW = 0.05, 4000
PINS = re.compile(r"(?<![0-9a-f.])(?:1111|2468)(?![0-9a-f])")
"""Not as a part of an id, a time or a number dialled."""


@dataclass
class Sites:
    """The two boxes and three phones."""

    office: Box
    branch: Box
    phones: dict[str, Baresip]

    def hears(self, who: str) -> set[str]:
        try:
            heard = read_wav(self.phones[who].heard())[-NOW:]
        except (ValueError, EOFError):
            return set()
        return {other for other, hz in HZ.items() if tone_level(heard, hz, seconds=NOW / 8000) > LOUD}

    def expect(self, **wanted: str) -> None:
        def so() -> bool | None:
            return all(self.hears(who) == {heard} for who, heard in wanted.items()) or None

        until(so, 8, f"{wanted}, but { ({who: self.hears(who) for who in wanted}) }")

    def quiet(self) -> None:
        for phone in self.phones.values():
            phone.hang_up()
        self.office.wait_for(lambda: not (self.office.calls() or self.branch.calls()), 10, "calls to end")
        time.sleep(0.3)  # phones tell of it a little later
        for phone in self.phones.values():
            phone.forget()


def settings_of_office(port: int, branch: int) -> dict[str, object]:
    trunk = {"host": BRANCH, "port": branch}
    return {
        "sip": {"ip": OFFICE, "port": port, "rtp_ip": OFFICE},
        "site": {"numbers": ["12345"]},
        "extension": [
            {
                "number": "8101",
                "kind": "sip",
                "password": "demo-8101",
                "service": "office",
                "pin": "2468",
                "shown": "02012345",
            }
        ],
        "trunk": [
            {"name": "short", **trunk, "prefix": "82", "cost": "free", "through": ["site"]},
            {"name": "branch", **trunk, "prefix": "021", "strip": 3, "cost": "local"},
            {"name": "far", **trunk, "prefix": "", "cost": "national"},
        ],
        "account": [{"code": "2001", "name": "市政维修"}],
        "dialplan": {"area": "020"},
        "service_class": [
            {
                "name": "office",
                "may": ["local", "mobile", "national"],
                "with_pin": ["service"],
                "account": ["mobile"],
            }
        ],
    }


def settings_of_branch(port: int, office: int, public: int) -> dict[str, object]:
    return {
        "sip": {"ip": BRANCH, "port": port, "rtp_ip": BRANCH},
        "site": {"number": 2, "numbers": ["12319"]},
        "extension": [{"number": "8201", "kind": "sip", "password": "demo-8201", "numbers": ["02187651111"]}],
        "trunk": [
            {
                "name": "office",
                "host": OFFICE,
                "port": office,
                "prefix": "81",
                "cost": "free",
                "through": ["site", "local", "mobile", "service"],
            },
            {"name": "public", "host": PUBLIC, "port": public, "priority": 9},
        ],
        "dialplan": {"area": "021"},
    }


def trunks_up(box: Box) -> bool:
    return not any(line.name.startswith("trunk/") and line.state == "down" for line in box.board().lines)


def phone_there(box: Box, number: str) -> bool:
    views = box.order(wire.GetDirectory())["extensions"]
    return any(view["number"] == number and view["state"] == "idle" for view in views)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp("phones")
    office_port, branch_port, public_port = free_port(), free_port(), free_pair()
    with (
        Baresip(
            folder,
            branch_port,
            number="87654321",
            tone_hz=HZ["citizen"],
            answers=True,
            here=(PUBLIC, public_port),
            registrar_ip=BRANCH,
            also=("95588", "13911112222"),
        ) as citizen,
        Box(CALLS, settings=settings_of_office(office_port, branch_port)) as office,
        Box(CALLS, settings=settings_of_branch(branch_port, office_port, public_port)) as branch,
        Baresip(
            folder, office_port, number="8101", password="demo-8101", tone_hz=HZ["office"], answers=True
        ) as one,
        Baresip(
            folder,
            branch_port,
            number="8201",
            password="demo-8201",
            tone_hz=HZ["branch"],
            answers=True,
            registrar_ip=BRANCH,
        ) as other,
    ):
        sites = Sites(office, branch, {"office": one, "branch": other, "citizen": citizen})
        office.kill("calls")  # its first look at the branch was before there was one
        office.wait_for(lambda: trunks_up(office) and trunks_up(branch), 40, "trunks")
        office.wait_for(lambda: phone_there(office, "8101"), 70, "the office's phone")
        yield sites


@pytest.fixture
def sites(running: Sites) -> Iterator[Sites]:
    running.quiet()
    yield running
    running.quiet()


def test_a_long_distance_call_goes_to_the_branch_and_out_there_as_a_local_one(sites: Sites) -> None:
    sites.phones["office"].dial("02187654321")
    sites.expect(office="citizen", citizen="office")
    at_office = sites.office.facts("call.dialled")[-1]
    assert (at_office["to"], at_office["number_kind"]) == ("tel:02187654321", "national")
    through = sites.branch.facts("call.ringing")[-1]
    assert (through["direction"], through["called"], through["caller"]) == ("through", "87654321", "02012345")


def test_a_short_number_reaches_a_phone_of_the_other_site_which_sees_the_short_number(sites: Sites) -> None:
    sites.phones["office"].dial("8201")
    sites.expect(office="branch", branch="office")
    assert sites.branch.facts("call.ringing")[-1]["caller"] == "8101"


def test_one_phone_has_two_numbers_and_a_citizen_rings_it_past_the_flow(sites: Sites) -> None:
    sites.phones["citizen"].dial("02187651111")
    sites.expect(citizen="branch", branch="citizen")
    direct = sites.branch.facts("call.ringing")[-1]
    assert (direct["called"], direct.get("direction", "in")) == ("02187651111", "in")
    assert sites.branch.facts("call.entered")[-1]["flow"] == "dialled"


def test_and_back_again(sites: Sites) -> None:
    sites.phones["branch"].dial("8101")
    sites.expect(office="branch", branch="office")


def test_what_a_class_of_service_does_not_allow_is_not_dialled(sites: Sites) -> None:
    sites.phones["office"].dial("0085221234567")
    assert sites.phones["office"].wait("CALL_CLOSED")
    assert sites.office.facts("call.ended")[-1]["cause"] == 57
    assert not any("0085221234567" in str(f.get("to")) for f in sites.office.facts("call.dialled"))


def test_what_needs_a_pin_is_dialled_after_the_pin(sites: Sites) -> None:
    sites.phones["office"].dial("95588")
    sites.phones["office"].wait("CALL_ESTABLISHED")
    sites.phones["office"].keys("2468#")
    sites.office.wait_for(lambda: sites.office.facts("call.dialled")[-1]["to"] == "tel:95588", 10)
    sites.expect(office="citizen", citizen="office")


def test_a_wrong_pin_dials_nothing(sites: Sites) -> None:
    before = len(sites.office.events("call.dialled"))
    sites.phones["office"].dial("95566")
    sites.phones["office"].wait("CALL_ESTABLISHED")
    sites.phones["office"].keys("1111#")
    sites.phones["office"].wait("CALL_CLOSED")
    assert len(sites.office.events("call.dialled")) == before
    told = [str(event.facts) for event in sites.office.events()]
    assert not any(PINS.search(facts) for facts in told), "a PIN is written down"


def test_a_call_is_charged_to_the_account_keyed_for_it(sites: Sites) -> None:
    sites.phones["office"].dial("13911112222")
    sites.phones["office"].wait("CALL_ESTABLISHED")
    sites.phones["office"].keys("2001#")
    sites.expect(office="citizen", citizen="office")
    assert sites.office.facts("call.dialled")[-1]["account"] == "2001"


def test_a_phone_that_sends_its_calls_outside_pays_for_them(sites: Sites) -> None:
    sites.branch.order(wire.Forward("8201", "always", "87654321", "1100"))
    sites.phones["office"].dial("8201")
    sites.expect(office="citizen", citizen="office")
    sites.branch.order(wire.Forward("8201", "always", "", "1100"))
    sites.phones["office"].hang_up()
    charged = dict(sites.branch.wait_event("call.guest_left"))
    assert len(sites.branch.events("call.guest_left")) == 1, "what only passes through costs the other site"
    assert 0.2 < charged.pop("seconds") < 30
    assert charged == {"who": "87654321", "number_kind": "local", "extension": "8201", "agent": ""}
    assert "call.guest_left" not in {event.kind for event in sites.office.events()}


def test_the_branch_lets_out_only_what_it_was_told_to(sites: Sites) -> None:
    sites.phones["office"].dial("02213800000000")
    sites.phones["office"].wait("CALL_CLOSED")
    assert sites.branch.facts("call.ringing")[-1]["called"] != "02213800000000"


def test_the_route_table_says_path_and_cost(sites: Sites) -> None:
    published = read(sites.office.places.published)
    found = told(published, "02187654321", "8101")
    assert (found["kind"], found["allowed"]) == ("national", True)
    assert found["path"] == [
        {"trunk": "branch", "number": "87654321", "cost": "local"},
        {"trunk": "far", "number": "02187654321", "cost": "national"},
    ]
    assert told(published, "8201", "8101")["path"][0] == {"trunk": "short", "number": "8201", "cost": "free"}
    assert told(published, "8101", "8101") == {"means": "inside", "to": "ext:8101"}
    assert told(published, "110", "8101")["kind"] == "emergency"


def test_an_order_from_a_desk_is_bound_by_the_phones_class_too(sites: Sites) -> None:
    office = sites.office
    office.order(wire.SignIn("1001", "8101"))
    office.wait_for(lambda: office.seat("1001").phone == "up", 10)
    for order, why in (
        (wire.Dial("1001", "0085221234567"), "barred"),
        (wire.Dial("1001", "95588"), "needs_pin"),
        (wire.Dial("1001", "95588", pin="1111"), "bad_pin"),
        (wire.Dial("1001", "13911112222"), "needs_account"),
        (wire.Dial("1001", "13911112222", account="99"), "bad_account"),
    ):
        with pytest.raises(Refused) as refused:
            office.order(order)
        assert refused.value.word == why
    office.order(wire.Dial("1001", "02187654321"))
    sites.expect(office="citizen", citizen="office")
    office.order(wire.HangUp("1001"))
    office.wait_for(lambda: not office.calls(), 10)
    office.order(wire.SignOut("1001"))
