"""The rules of time on a box: what an administrator sets holds from the next step on, and not before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.dictionary.dictionary import Dictionary
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.clocks import Limit
from appliance.tickets.desk import TicketDesk
from appliance.tickets.in_force import in_force, read_limit, write_limit
from appliance.tickets.limits import DEFAULT, PRESETS
from tests.test_calendar_site import ADMINISTRATOR
from tests.test_tickets_due import CENTRE, CITIZEN, TOLD, Clock, at, told


class Office:
    """A box whose administrator changes settings."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.desk = TicketDesk(store, self.clock)
        self.dictionary = Dictionary(store)

    def set(self, kind: str, key: str, **fields: object) -> None:
        """Change an entry."""
        self.dictionary.set(ADMINISTRATOR, kind, key, fields)

    def parameter(self, name: str, value: object) -> None:
        """Change a parameter."""
        self.set("parameter", name, value=value)

    def due(self, **fields: str) -> str:
        """When a fresh ticket is due that is accepted now."""
        ticket = self.desk.create(CITIZEN, "web", {**TOLD, **fields})
        return told(self.desk.move(CENTRE, ticket.tid, "accept").case_due_s)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    store = Store(tmp_path / "box.db", 1, bind=False)
    with store.database.connection_context():
        yield Office(store)


def test_a_box_begins_with_the_limits_of_the_seeds(office: Office) -> None:
    limits, seeds = in_force(office.store).limits, PRESETS[DEFAULT]
    assert limits.handling == seeds.handling
    assert limits.urgent == seeds.urgent
    assert limits.steps == seeds.steps
    assert limits.urgent_steps == seeds.urgent_steps
    assert limits.intake == seeds.intake
    assert limits.extension == seeds.extension


def test_a_limit_holds_from_the_next_ticket_on(office: Office) -> None:
    first = office.desk.create(CITIZEN, "web", TOLD)
    first = office.desk.move(CENTRE, first.tid, "accept")
    office.set("ticket_kind", "complaint", limit="5wd")
    assert office.due() == "2026-12-01 00:00"
    assert told(office.desk.get(first.tid).case_due_s) == "2026-12-15 00:00"


def test_a_category_has_limits_of_its_own_and_urgency_goes_first(office: Office) -> None:
    office.set("category", "0101", name="路灯", limits={"complaint": "3wd", "repair": "12h"})
    assert office.due() == "2026-11-27 00:00"
    assert office.due(kind="repair") == "2026-11-23 21:00"
    assert office.due(kind="consult") == "2026-12-01 00:00"
    assert office.due(urgency="critical") == "2026-11-23 11:00"
    office.set("urgency", "critical", limit="1h")
    assert office.due(urgency="critical") == "2026-11-23 10:00"


def test_a_category_inherits_from_those_above_it_and_a_third_level_from_its_unit(office: Office) -> None:
    office.set("category", "01", name="照明", limits={"complaint": "3wd", "help": "2wd"})
    office.set("category", "0101", name="路灯", parent="01", limits={"help": "1wd"})
    assert office.due() == "2026-11-27 00:00"
    assert office.due(kind="help") == "2026-11-25 00:00"
    office.set("unit", "lamp", name="路灯处", closing="16:00")
    office.set("unit", "lamp.east", name="路灯处东区", parent="lamp")
    assert in_force(office.store).reckoning_of("lamp.east").hours.closing_s == 16 * 3600


def test_hours_and_days_natural_and_worked_can_be_limits(office: Office) -> None:
    for limit, due in (
        *(("7d", "2026-12-01 00:00"), ("36h", "2026-11-24 21:00")),
        *(("8wh", "2026-11-24 09:30"), ("45min", "2026-11-23 09:45")),
    ):
        office.set("ticket_kind", "complaint", limit=limit)
        assert office.due() == due, limit


def test_working_hours_and_the_end_of_a_day_are_parameters(office: Office) -> None:
    office.set("ticket_kind", "complaint", limit="8wh")
    office.parameter("work_bands", "09:00-12:00 13:00-17:00")
    assert office.due() == "2026-11-24 10:00"
    office.parameter("closing_hour", "17:30")
    assert office.due(kind="consult") == "2026-11-30 17:30"


def test_a_unit_that_closes_earlier_is_due_earlier_than_its_case(office: Office) -> None:
    office.set("unit", "lamp", name="路灯处", closing="16:00")
    ticket = office.desk.create(CITIZEN, "web", TOLD)
    office.desk.move(CENTRE, ticket.tid, "accept")
    ticket = office.desk.move(CENTRE, ticket.tid, "dispatch", {"unit": "lamp"})
    assert told(ticket.unit_due_s) == "2026-12-14 16:00"
    assert told(ticket.case_due_s) == "2026-12-15 00:00"
    assert told(ticket.step_due_s) == "2026-11-24 16:00"


def test_yellow_and_the_second_round_are_parameters(office: Office) -> None:
    office.parameter("yellow_percent", 50)
    office.parameter("second_round_percent", 100)
    rules = in_force(office.store).reckoning
    clock = rules.begin(Limit(10), at("2026-11-23 09:00"))
    assert told(clock.warn_s) == "2026-12-01 00:00"
    assert rules.second_round(Limit(15)) == Limit(15)


def test_how_long_a_step_may_take_is_a_parameter(office: Office) -> None:
    office.parameter("dispatch_min", 60)
    ticket = office.desk.create(CITIZEN, "web", TOLD)
    assert told(office.desk.move(CENTRE, ticket.tid, "accept").step_due_s) == "2026-11-23 10:00"


@pytest.mark.parametrize("limit", ["5", "five", "0wd", "5 wd", "-1h", "1.5h", "999999d"])
def test_a_limit_nobody_can_read_is_refused(office: Office, limit: str) -> None:
    with pytest.raises(Refused, match=r"like 15wd|characters"):
        office.set("ticket_kind", "complaint", limit=limit)
    assert office.due() == "2026-12-15 00:00"


@pytest.mark.parametrize("bands", ["", "8-12", "12:00-08:00"])
def test_working_hours_nobody_can_read_are_refused(office: Office, bands: str) -> None:
    with pytest.raises(Refused):
        office.parameter("work_bands", bands)


def test_rules_are_read_once_for_each_change(office: Office) -> None:
    first = in_force(office.store)
    assert in_force(office.store) is first
    office.parameter("dispatch_min", 60)
    assert in_force(office.store) is not first
    assert in_force(office.store).calendar is first.calendar


@pytest.mark.parametrize("text", ["15wd", "24h", "7d", "30min", "8wh"])
def test_a_limit_is_written_as_it_is_read(text: str) -> None:
    limit = read_limit(text)
    assert limit is not None
    assert write_limit(limit) == text
    assert read_limit(text + "x") is None
