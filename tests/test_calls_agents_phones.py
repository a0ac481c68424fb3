"""Agents whose own phones make calls: what the desk's buttons then do, who is free, who takes what rings."""

from collections.abc import Iterator

import pytest

from appliance.calls import wire
from appliance.refused import Refused
from tests.box import CALLS, Box
from tests.phones import Baresip
from tests.test_calls_inside import EXTENSIONS, HZ, Office

pytestmark = pytest.mark.sip

SETTINGS = {
    "extension": EXTENSIONS,
    "queue": [{"name": "general", "wrap_up_s": 300, "offer_s": 20}],
    "group": [{"number": "8501", "members": ["8102", "8103"], "strategy": "all", "ring_s": 20}],
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("phones")
    with Box(CALLS, settings=SETTINGS) as box:
        phones = {
            number: Baresip(
                folder,
                box.sip_port,
                number=number,
                password="" if number.startswith("1") else f"demo-{number}",
                tone_hz=hz,
                answers=number == "8103",
            )
            for number, hz in HZ.items()
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
    box = running.box
    box.sit("1001", "8101")
    for phone in running.phones.values():
        phone.forget()
    yield running
    running.quiet()
    box.wait_for(lambda: "busy" not in {seat.state for seat in box.board().seats}, 10)
    for seat in box.board().seats:
        if seat.state != "offline":
            box.order(wire.SignOut(seat.agent))


def citizen_waits(office: Office) -> str:
    """A citizen calls and waits for an agent; the call's id."""
    office.dial("13800138000", "12345")
    office.box.wait_for(lambda: [c for c in office.box.calls() if c.state == "in_flow"], 10)
    office.phone("13800138000").keys("1")
    waiting = ("queued", "offered")
    return office.box.wait_for(lambda: [c for c in office.box.calls() if c.state in waiting], 10)[0].cid


def test_an_agent_who_calls_is_busy_and_afterwards_ready_without_wrap_up(office: Office) -> None:
    office.dial("8101", "8103")
    office.expect("inside", p8101="8103", p8103="8101")
    assert office.box.wait_state("1001", "busy").call is not None
    office.phone("8101").hang_up()
    office.box.wait_state("1001", "ready")


def test_who_was_on_a_break_is_on_a_break_again(office: Office) -> None:
    office.box.order(wire.Pause("1001", "lunch"))
    office.dial("8101", "8103")
    office.expect("inside", p8101="8103", p8103="8101")
    office.phone("8103").hang_up()
    assert office.box.wait_state("1001", "paused").reason == "lunch"


def test_the_desks_buttons_work_in_a_call_the_agents_phone_made(office: Office) -> None:
    box = office.box
    office.dial("8101", "8103")
    office.expect("inside", p8101="8103", p8103="8101")
    box.order(wire.Hold("1001"))
    office.expect("held", p8101="", p8103="")
    box.order(wire.Resume("1001"))
    office.expect("resumed", p8101="8103", p8103="8101")
    box.order(wire.Invite("1001", "ext:8102"))
    office.rings("8102")
    office.phone("8102").answer()
    office.expect("three", p8101="8103 8102", p8103="8101 8102", p8102="8101 8103")
    box.order(wire.HangUp("1001"))
    office.expect("the two others", p8103="8102", p8102="8103")
    box.wait_state("1001", "ready")


def test_two_agents_call_each_other_and_either_may_transfer(office: Office) -> None:
    box = office.box
    box.sit("1002", "8103")
    office.dial("8101", "8103")
    office.expect("agents", p8101="8103", p8103="8101")
    assert {box.seat(agent).state for agent in ("1001", "1002")} == {"busy"}
    box.order(wire.Transfer("1002", "ext:8102"))
    office.rings("8102")
    office.phone("8102").answer()
    office.expect("handed over by the called", p8101="8102", p8102="8101")
    box.wait_state("1002", "ready")
    box.order(wire.Transfer("1001", "ext:8103"))
    office.expect("handed over by the caller", p8103="8102", p8102="8103")
    box.wait_state("1001", "ready")
    box.wait_state("1002", "busy")


def test_an_agents_call_goes_on_to_the_next_number_when_the_first_is_busy(office: Office) -> None:
    box = office.box
    box.order(wire.Dial("1001", "8102", then=("8104", "8103")))
    office.rings("8101")
    office.phone("8101").answer()
    office.rings("8102")
    office.phone("8102").hang_up()
    office.expect("the last number", p8101="8103", p8103="8101")
    tried = [(f["number"], f["next"]) for f in box.facts("call.tried")][-2:]
    assert tried == [("8102", "8104"), ("8104", "8103")]
    assert box.calls()[0].caller == "8103"


def test_an_agent_picks_up_what_rings_at_a_colleagues_phone(office: Office) -> None:
    box = office.box
    box.sit("1002", "8102")
    box.order(wire.Pause("1001", "tea"))
    citizen_waits(office)
    office.rings("8102")
    office.phone("8101").dial("*8")
    office.expect("picked up", p8101="13800138000", p13800138000="8101")
    assert box.seat("1001").state == "busy"
    box.wait_state("1002", "ready")
    assert box.facts("call.answered")[-1]["agent"] == "1001"


def test_who_is_not_signed_in_cannot_pick_up_a_citizen(office: Office) -> None:
    box = office.box
    box.order(wire.SignOut("1001"))
    box.sit("1002", "8102")
    citizen_waits(office)
    office.rings("8102")
    office.phone("8101").dial("*8")
    office.phone("8101").wait("CALL_CLOSED")
    assert box.seat("1002").state == "offered"


def test_a_shift_leader_takes_a_waiting_call(office: Office) -> None:
    box = office.box
    box.order(wire.Pause("1001", "tea"))
    box.order(wire.SignIn("1100", "8103"))
    box.wait_for(lambda: box.seat("1100").phone == "up", 10)
    call = citizen_waits(office)
    box.order(wire.Take("1100", call))
    office.expect("taken", p8103="13800138000", p13800138000="8103")
    assert box.facts("call.taken")[-1] == {"by": "1100"}
    with pytest.raises(Refused, match="no_call"):
        box.order(wire.Take("1100", call))
    with pytest.raises(Refused, match="not_leader"):
        box.order(wire.Take("1001", call))


def test_there_is_nothing_an_agent_could_pick_up(office: Office) -> None:
    with pytest.raises(Refused, match="nothing_rings"):
        office.box.order(wire.PickUp("1001"))


def test_a_citizen_is_transferred_to_a_group_that_rings_together(office: Office) -> None:
    citizen_waits(office)
    office.rings("8101")
    office.phone("8101").answer()
    office.expect("talk", p8101="13800138000", p13800138000="8101")
    office.box.order(wire.Transfer("1001", "group:8501"))
    office.expect("group", p8103="13800138000", p13800138000="8103")
