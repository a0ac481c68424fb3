"""The stories workflow.md names, and what follows from their steps."""

from collections.abc import Iterator

import pytest

from appliance.store.store import Store
from tests.ticket_stories import STORIES, Teller, with_units


@pytest.fixture(scope="module")
def teller(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teller]:
    store = with_units(Store(tmp_path_factory.mktemp("stories") / "box.db", 1, bind=False))
    with store.database.connection_context():
        yield Teller(store)


@pytest.mark.parametrize("name", STORIES)
def test_each_of_the_twelve_stories_ends_where_it_should_without_a_conflict(
    teller: Teller, name: str
) -> None:
    story, end = STORIES[name]
    ticket = teller.tell(story)
    assert (ticket.state, ticket.conflicts) == (end, 0)
    assert teller.store.rows("SELECT * FROM quarantine") == []


def test_there_are_twelve_stories() -> None:
    assert len(STORIES) == 12


def test_a_second_dispatch_is_supervised_by_itself_and_counted(teller: Teller) -> None:
    ticket = teller.tell(STORIES["000 second dispatch"][0])
    assert ticket.round == 1
    assert [(s.kind, s.fields["level"]) for s in teller.desk.strands(ticket.tid)] == [
        ("supervision", "general")
    ]


def test_a_returned_ticket_counts_returns_per_assignment_and_the_case_clock_goes_on(teller: Teller) -> None:
    ticket = teller.tell(STORIES["return"][0].partition(", U2@water submit_result")[0])
    first = teller.tell("ACCEPTED")
    assert (ticket.unit, ticket.returned, ticket.state) == ("water", 1, "HANDLING")
    assert first.accepted_s is not None
    assert ticket.accepted_s is not None


def test_a_suspension_that_was_approved_suspends_the_ticket_and_resuming_ends_it(teller: Teller) -> None:
    asked = teller.tell("HANDLING, U2 suspension.ask, DP suspension.approve")
    resumed = teller.tell("HANDLING, U2 suspension.ask, DP suspension.approve, SYS resume")
    assert (asked.state, asked.planned_s is not None) == ("SUSPENDED", True)
    assert (resumed.state, teller.strand(resumed.tid, "suspension").state) == ("HANDLING", "ENDED")


def test_a_merged_ticket_names_its_master_until_it_is_taken_apart(teller: Teller) -> None:
    merged = teller.tell("MERGED")
    assert teller.desk.get(bytes.fromhex(merged.master)).state == "REGISTERED"
    assert teller.tell("MERGED, DP unmerge").master == ""


def test_a_failed_check_counts_as_rework_and_leads_back_to_dispatch(teller: Teller) -> None:
    ticket = teller.tell("CHECKING, IN check_fail")
    assert (ticket.state, ticket.reworks) == ("ACCEPTED", 1)


def test_units_are_told_to_stop_when_the_citizen_withdraws(teller: Teller) -> None:
    ticket = teller.tell("HANDLING, DP suborder.create, U2@water suborder.sign, C withdraw")
    order = teller.strand(ticket.tid, "suborder")
    assert (ticket.state, order.state, order.open) == ("CLOSE_REVIEW", "WAIVED", False)


def test_a_designated_unit_has_the_ticket_and_cannot_return_it(teller: Teller) -> None:
    ticket = teller.tell("ACCEPTED, DP coordination.call, LD coordination.designate")
    assert (ticket.state, ticket.unit, ticket.designated) == ("DISPATCHED", "lamp", True)
